"""What was said, as text, subtitles and JSON; and tokens as words."""

import json

import pytest

import tiny
from limelight.tasks.result import Cost
from limelight.tasks.transcribe import Segment, Transcribed, Word
from limelight.tasks.transcribe.spelling import spelled
from limelight.tasks.transcribe.subtitles import clock


def result(*segments: Segment) -> Transcribed:
    cost = Cost(0.5, 1500, 9)
    return Transcribed(task="transcribe", model="m", source="a.wav", cost=cost, segments=segments, duration=4.0, language="en")


WORDS = (Word("Good", 0.0, 0.5, 0.9, 0.6), Word("day,", 0.5, 1.0, 0.8, 0.51234), Word("Mr.", 1.2, 1.5, 0.7, 1.0))
TWO = result(
    Segment("Good day,\n\nMr. <i>", 0.0, 1.5, WORDS),
    Segment("x --> y", 3661.0004, 3661.0),
)


def test_subrip() -> None:
    assert TWO.srt() == (
        "1\n00:00:00,000 --> 00:00:01,500\nGood day, Mr. <i>\n\n2\n01:01:01,000 --> 01:01:01,001\nx --> y\n\n"
    )


def test_webvtt() -> None:
    """No empty line, no tag and no arrow of the text's own; times of words rise."""
    assert TWO.vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGood <00:00:00.500>day, <00:00:01.200>Mr. &lt;i&gt;\n\n"
        "01:01:01.000 --> 01:01:01.001\nx --&gt; y\n\n"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "00:00:00.000"), (59.9996, "00:01:00.000"), (-1e-9, "00:00:00.000"), (360_000.5, "100:00:00.500")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_json_and_text() -> None:
    told = json.loads(json.dumps(TWO.to_json()))
    assert told["text"] == str(TWO) == "Good day,\n\nMr. <i> x --> y"
    assert told["segments"][0]["words"][1] == {"text": "day,", "start": 0.5, "end": 1.0, "probability": 0.8, "trust": 0.5123}
    assert "words" not in told["segments"][1]
    assert (told["language"], told["duration"]) == ("en", 4.0)
    assert result(Segment("你好", 0.0, 1.0, spaced=False), Segment("世界", 1.0, 2.0, spaced=False)).text == "你好世界"
    assert "&lt;i&gt;" in TWO._repr_html_()


def test_tokens_as_words() -> None:
    text = tiny.text()
    for said in ("The cat eats the mouse.", "Ma sœur aime l'été, Tom!", "Wait... \"no\" 12"):
        ids = text.encode(said, marks=False).ids
        found = spelled(text, ids, "en")
        assert [each.text for each in found] == said.split()
        assert [each.first for each in found] == [0, *(each.last for each in found[:-1])]
        assert found[-1].last == len(ids)
    assert spelled(text, (), "en") == []


def test_languages_without_spaces() -> None:
    text = tiny.text()
    ids = text.encode("你好。世", marks=False).ids
    assert [each.text for each in spelled(text, ids, "zh")] == ["你", "好。", "世"]
    assert [each.text for each in spelled(text, ids, "en")] == ["你好。世"]
    assert [each.text for each in spelled(text, ids[:-1], "zh")] == ["你", "好。"]      # a letter that was never finished
