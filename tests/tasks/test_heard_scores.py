"""Word and character error rates, and how true the times of words are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limelight.data import read_table
from limelight.errors import InputError, RecipeError
from limelight.tasks.recipes import Scorer, trade_of
from limelight.tasks.recipes.transcribe.edits import edits, kept
from limelight.tasks.recipes.transcribe.scoring import Said, score
from limelight.tasks.result import Cost
from limelight.tasks.transcribe import Segment, Transcribed, Word


def by_the_book(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Levenshtein's distance, cell by cell."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def test_edits_are_the_fewest() -> None:
    dice = np.random.default_rng(0)
    for _ in range(200):
        a, b = (dice.integers(0, 4, dice.integers(0, 9)).tolist() for _ in range(2))
        assert edits(a, b) == edits(b, a) == by_the_book(a, b)
        same = kept(a, b)
        assert all(a[i] == b[j] for i, j in same)
        assert same == sorted(same)
        assert len({i for i, _ in same}) == len({j for _, j in same}) == len(same)
        assert len(same) >= max(len(a), len(b)) - edits(a, b)          # whatever no edit touched stays
    assert edits("kitten", "sitting") == 3
    assert kept("abcd", "bxd") == [(1, 0), (3, 2)]
    assert (edits([], []), edits([], "ab"), edits("ab", [])) == (0, 2, 2)
    assert kept([], "ab") == []


def test_rates() -> None:
    wanted = [Said("The cat, it sat."), Said("Nine one"), Said("")]
    found = [Said("the cat sat"), Said("nine, nine one!"), Said("oh")]
    words, characters = score(wanted, found)
    assert words.name == "word error rate"
    assert words.value == pytest.approx(100 * 3 / 6)                   # one left out, one put in twice
    assert words.signature.startswith("3 edits, 6 said, lower case, no punctuation; bootstrap of 1000 over 3")
    assert characters.value == pytest.approx(100 * (3 + 5 + 2) / (14 + 8))
    assert words.interval > 0
    assert [each.value for each in score(wanted[:2], wanted[:2])] == [0.0, 0.0]
    assert [str(each) for each in score(wanted, found)] == [str(words), str(characters)]       # the same each time


def test_times_of_words() -> None:
    wanted = [Said("one two three", (("one", 0.0, 0.5), ("two", 0.5, 1.0), ("three", 1.0, 1.5))), Said("four")]
    heard = Said("One, three.", (("One,", 0.0, 0.54), ("three.", 1.2, 1.5)))
    *_, apart, near = score(wanted, [heard, Said("four", (("four", 0.0, 9.0),))])
    assert apart.name == "word times, mean error in ms"
    assert apart.value == pytest.approx(1000 * (0 + 0.04 + 0.2 + 0) / 4)
    assert near.name == "word times within 50 ms"
    assert near.value == pytest.approx(75.0)
    assert "starts and ends of the 2 of 3 words that were heard right" in near.signature
    assert len(score(wanted, [Said("five"), Said("four")])) == 2       # nothing was heard right: no times to compare


def test_times_that_are_trusted_are_told_apart_from_others() -> None:
    wanted = [Said("one two", (("one", 0.0, 0.5), ("two", 0.5, 1.0))), Said("three", (("three", 0.0, 1.0),))]
    heard = [
        Said("one two", (("one", 0.0, 0.5), ("two", 0.7, 1.0)), trusts=(0.9, 0.4)),
        Said("three", (("three", 0.01, 1.01),), trusts=(0.95,)),
    ]
    found = {each.name: each for each in score(wanted, heard)}
    assert found["word times within 50 ms"].value == pytest.approx(100 * 5 / 6)
    sure, less = (found[f"word times within 50 ms, {who}"] for who in ("trust of 0.9 or more", "less trust"))
    assert (sure.value, less.value) == (100.0, 50.0)
    assert sure.signature.startswith("of 2 words")


def test_what_cannot_be_scored() -> None:
    with pytest.raises(InputError, match="nothing is said"):
        score([Said("...")], [Said("a")])
    assert score([Said("... one")], [Said("One!")])[0].value == 0
    with pytest.raises(InputError, match="0 answers to 0 recordings"):
        score([], [])
    with pytest.raises(InputError, match="1 answers to 2 recordings"):
        score([Said("a"), Said("b")], [Said("a")])
    with pytest.raises(RecipeError, match='made to "fly" is trained or scored here'):
        trade_of("fly")


def answer(text: str) -> Transcribed:
    words = tuple(Word(each, float(i), i + 1.0, 0.5, 0.5) for i, each in enumerate(text.split()))
    return Transcribed(
        task="transcribe", model="m", source="", cost=Cost(0.0, 0), segments=(Segment(text, 0.0, 1.0, words),) * bool(text), duration=1.0
    )


def scorer() -> Scorer[Any, Any]:
    return trade_of("transcribe")


def test_a_table_of_recordings(opened: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"file": "x.wav", "text": "one two", "times": [0, 1, 1, 2]}\n'
        '{"file": "/y/z.wav", "text": "three", "times": "0.0 0.98"}\n{"file": "w.wav", "text": "four"}\n'
    )
    found = scorer().of_table(opened, read_table(str(tmp_path / "a.jsonl")), ("file", "text"))
    assert [each.sound for each in found] == [tmp_path / "x.wav", Path("/y/z.wav"), tmp_path / "w.wav"]
    assert found[0].said.words == (("one", 0.0, 1.0), ("two", 1.0, 2.0))
    assert found[2].said.words == ()
    answers = [answer("one two"), answer("three"), answer("")]
    named = {each.name: each.value for each in scorer().scores(found, answers)}
    assert named["word error rate"] == pytest.approx(25.0)
    assert named["word times within 50 ms"] == pytest.approx(100.0)
    assert named["word times, mean error in ms"] == pytest.approx(1000 * 0.02 / 6)
    assert scorer().row(found[2], answers[2]) == {
        "file": str(tmp_path / "w.wav"), "text": "four", "transcription": "", "edits": 1, "words": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"file": "", "text": "a"}', "row 1: a text without a recording"),
        ('{"file": "x", "text": "a b", "times": [0, 1, 1]}', "row 1: 2 words want a start and an end each, rising: got 3 numbers"),
        ('{"file": "x", "text": "a", "times": [1, 0]}', "rising"),
        ('{"file": "x", "text": "a", "times": [0, NaN]}', "rising"),
        ('{"file": "x", "text": "a", "times": "soon"}', "times are seconds: got 'soon'"),
        ('{"file": "x", "text": "a", "times": 3}', "times are seconds: got 3"),
    ],
)
def test_rows_that_cannot_be_scored(opened: Any, tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(row + "\n")
    with pytest.raises(InputError, match=said):
        scorer().of_table(opened, read_table(str(tmp_path / "a.jsonl")), ("file", "text"))
