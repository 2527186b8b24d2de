"""transcribe: what Whisper writes of sound, against transformers' generate; languages, times, words, long recordings and streams."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Their model, and our task over the folder that it was saved to."""
    import hearing
    import limelight

    at = tmp_path_factory.mktemp("whisper")
    theirs = hearing.folder(at)
    return theirs, limelight.task("transcribe", at, dtype="fp32")


def letters(text: str) -> str:
    """Without spaces, and without letters of which bytes are missing: a random model writes many."""
    return "".join(text.replace("\ufffd", " ").split())


def said(transcribe: Any, sounds: list[np.ndarray], **options: Any) -> list[list[int]]:
    """The tokens of one stretch each."""
    from limelight.tasks.transcribe.hearing import Ear

    ear = Ear(transcribe.opened, transcribe.Options(beam=1, words=False, retry=False, **options))
    return [list(each.tokens) for each in ear.hear(sounds, [ear.options.language or ""] * len(sounds))]


def theirs_said(theirs: Any, sounds: list[np.ndarray], prompt: int, **options: Any) -> list[list[int]]:
    features = hf.WhisperFeatureExtractor(chunk_length=1)(sounds, sampling_rate=16_000, return_tensors="pt").input_features
    out = theirs.generate(features, num_beams=1, do_sample=False, return_dict_in_generate=True, force_unique_generate_call=True, **options)
    end = theirs.generation_config.eos_token_id
    rows = out.sequences[:, prompt:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def test_greedy_answers_are_theirs(both: tuple[Any, Any]) -> None:
    import hearing

    theirs, transcribe = both
    sounds = [hearing.sound(1.0, seed) for seed in range(6)] + [hearing.sound(0.4, 9)]
    for language, task in (("en", "transcribe"), ("fr", "translate")):
        wanted = theirs_said(theirs, sounds, 4, language=language, task=task)
        assert said(transcribe, sounds, times=False, language=language, translate=task == "translate") == wanted
        assert len({tuple(row) for row in wanted}) > 1                # what is heard matters


def test_a_stretch_alone_is_as_among_others(both: tuple[Any, Any]) -> None:
    import hearing
    from limelight.inputs.sounds import frames

    model, s = both[1].opened.model, both[1].opened.sounds
    sounds = [hearing.sound(1.0, seed) for seed in range(3)]
    with torch.inference_mode():
        together = model.encode(frames(sounds, s)).hidden
        for one, wanted in zip(sounds, together, strict=True):
            torch.testing.assert_close(model.encode(frames([one], s)).hidden[0], wanted)


def test_answers_with_times_are_theirs(both: tuple[Any, Any]) -> None:
    import hearing

    theirs, transcribe = both
    sounds = [hearing.sound(1.0, seed) for seed in range(6)]
    wanted = theirs_said(theirs, sounds, 3, language="en", task="transcribe", return_timestamps=True)
    found = said(transcribe, sounds, language="en")
    assert found == wanted
    begin = theirs.generation_config.no_timestamps_token_id + 1
    assert all(begin <= row[0] <= begin + 10 for row in found)


def test_answers_that_follow_others_are_theirs(both: tuple[Any, Any]) -> None:
    """Told what was said before: as much of it as half of the decoder's room holds, however many stretches together."""
    import hearing
    from limelight.tasks.transcribe.hearing import Ear

    theirs, transcribe = both
    text, speech = transcribe.opened.text, transcribe.opened.manifest.speech
    sounds = [hearing.sound(1.0, seed) for seed in range(3)]
    told = [text.encode(said, marks=False).ids for said in ("the cat", "the cat eats the mouse", "Ma sœur aime l'été, Tom! " * 5)]
    told.append([])
    assert len(told[2]) > 19                                         # of forty tokens
    ear = Ear(transcribe.opened, transcribe.Options(beam=1, words=False, retry=False, follow=True, language="en"))
    found = [list(each.tokens) for each in ear.hear([*sounds, sounds[0]], ["en"] * 4, told)]
    for sound, before, tokens in zip(sounds, told, found, strict=False):
        prompt = torch.tensor([speech.previous, *before[-19:]])
        options = {"language": "en", "task": "transcribe", "return_timestamps": True, "prompt_ids": prompt}
        (wanted,) = theirs_said(theirs, [sound], 3 + len(prompt), **options)
        assert tokens[: len(wanted)] == wanted                       # theirs may count the prompt into the length
        assert wanted
    assert found[3] == said(transcribe, [sounds[0]], language="en")[0]
    assert len({tuple(each) for each in (found[0], found[3])}) == 2


def test_a_long_recording_follows_itself(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import hearing
    from limelight.tasks.transcribe.hearing import Ear

    _, transcribe = both
    told: list[list[int]] = []
    hear = Ear.hear
    monkeypatch.setattr(Ear, "hear", lambda self, sounds, languages, before: told.extend(before) or hear(self, sounds, languages, before))
    one = hearing.sound(2.6, 2)
    options = {"beam": 1, "retry": False, "language": "en", "words": False}
    transcribe(one, **options)
    assert not any(told)
    told.clear()
    found = transcribe(one, follow=True, **options)
    assert told[0] == []
    assert all(after[: len(before)] == before for before, after in itertools.pairwise(told))
    assert 0 < len(told[-1]) < found.cost.target_tokens + 1


def test_languages_are_found_as_theirs(both: tuple[Any, Any]) -> None:
    import hearing

    theirs, transcribe = both
    sounds = [hearing.sound(1.0, seed) for seed in range(12)]
    features = hf.WhisperFeatureExtractor(chunk_length=1)(sounds, sampling_rate=16_000, return_tensors="pt").input_features
    wanted = theirs.detect_language(features).tolist()
    results = transcribe(sounds, beam=1, retry=False)
    codes = transcribe.opened.manifest.speech.languages
    told = [(w, each) for w, each in zip(wanted, results, strict=True) if each.segments]
    assert [codes[each.language] for _, each in told] == [w for w, _ in told]
    assert all(0 < each.detected <= 1 for each in results if each.segments)
    rows = theirs_said(theirs, sounds, 4, task="transcribe")
    assert said(transcribe, sounds, times=False) == rows


def test_what_the_folder_says(both: tuple[Any, Any]) -> None:
    import hearing

    theirs, transcribe = both
    m, g = transcribe.opened.manifest, theirs.generation_config
    assert m.task == "transcribe"
    assert m.speech.untimed == g.no_timestamps_token_id
    assert (m.speech.latest, m.speech.languages["fr"], m.speech.tasks) == (10, g.lang_to_id["<|fr|>"], g.task_to_id)
    assert [list(each) for each in m.speech.heads] == hearing.HEADS
    assert m.speech.silence is not None
    assert m.sounds.seconds == 1


def test_saved_and_opened_again(both: tuple[Any, Any], tmp_path: Path) -> None:
    import hearing
    import limelight

    theirs, transcribe = both
    transcribe.opened.save(tmp_path / "again")
    again = limelight.task("transcribe", tmp_path / "again", dtype="fp32")
    assert again.opened.manifest.speech == transcribe.opened.manifest.speech
    assert again.opened.manifest.sounds == transcribe.opened.manifest.sounds
    one = hearing.sound(1.5)
    assert again(one, beam=1).to_json()["segments"] == transcribe(one, beam=1).to_json()["segments"]
    reopened = hf.WhisperForConditionalGeneration.from_pretrained(tmp_path / "again").eval()
    assert theirs_said(reopened, [hearing.sound(1.0)], 4, language="en", task="transcribe") == theirs_said(
        theirs, [hearing.sound(1.0)], 4, language="en", task="transcribe"
    )


def test_words_have_times_and_looking_changes_nothing(both: tuple[Any, Any]) -> None:
    import hearing

    _, transcribe = both
    for seed in range(4):
        one = hearing.sound(2.3, seed)
        with_words, without = (transcribe(one, beam=1, retry=False, language="en", words=words) for words in (True, False))
        assert with_words.text == without.text
        assert [(each.start, each.end) for each in with_words.segments] == [(each.start, each.end) for each in without.segments]
        for segment in with_words.segments:
            assert letters("".join(w.text for w in segment.words)) == letters(segment.text)
        assert all(0 <= w.start <= w.end <= with_words.duration for w in with_words.words)
        assert all(0 < w.probability <= 1 for w in with_words.words)
        assert all(0 <= w.trust <= 1 + 1e-6 for w in with_words.words)


def test_times_of_tokens_are_theirs(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that they align are ours but for the first, and the weights come from a trace instead of a slow path."""
    import hearing
    from limelight.look.timing import timed
    from limelight.tasks.transcribe import hearing as ours

    _, transcribe = both
    ear = ours.Ear(transcribe.opened, transcribe.Options(beam=1, language="en", times=False, retry=False))
    maps: list[torch.Tensor] = []
    monkeypatch.setattr(ours, "timed", lambda found: timed(maps.extend(found) or maps))
    sound = hearing.sound(1.0, 3)
    (heard,) = ear.hear([sound], ["en"])
    features = hf.WhisperFeatureExtractor(chunk_length=1)(sound, sampling_rate=16_000, return_tensors="pt").input_features
    eager = hf.WhisperForConditionalGeneration.from_pretrained(transcribe.opened.folder, attn_implementation="eager").eval()
    asked = {"language": "en", "task": "transcribe", "num_beams": 1, "return_dict_in_generate": True}
    out = eager.generate(features, return_token_timestamps=True, force_unique_generate_call=True, **asked)
    assert heard.timing is not None
    assert len(heard.timing.at) == len(heard.tokens) + heard.whole
    found = timed([each[:, 1:] for each in maps]).at * 0.02
    wanted = out["token_timestamps"][0, 4:].numpy()[: len(found)]
    np.testing.assert_allclose(found, wanted, atol=0.021)


def test_a_long_recording_is_theirs_stretch_by_stretch(both: tuple[Any, Any]) -> None:
    """Their generate on each stretch, and their _retrieve_segment for where the next one begins."""
    import hearing

    theirs, transcribe = both
    begin, moved = theirs.generation_config.no_timestamps_token_id + 1, 0
    for seed in range(4):
        one, at, wanted = hearing.sound(3.3, seed), 0, []
        while at < len(one):
            stretch = one[at : at + 16_000]
            (tokens,) = theirs_said(theirs, [stretch], 3, language="en", task="transcribe", return_timestamps=True)
            frames = -(-len(stretch) // 160)
            given = (torch.tensor(tokens), [None], torch.tensor([at / 16_000]).double(), begin, [frames])
            found, onward = theirs._retrieve_segment(*given, 0.02, 0.01, 2, 0, 0, False, torch.zeros(1, 0))
            moved += int(onward) != frames
            for each in found:
                text = transcribe.opened.text.decode([token for token in each["tokens"].tolist() if token < begin]).strip()
                wanted += [(text, float(each["end"]))] if text else []
            at += int(onward) * 160 or len(stretch)
        ours = transcribe(one, beam=1, retry=False, language="en", words=False)
        assert [each.text for each in ours.segments] == [text for text, _ in wanted]
        np.testing.assert_allclose([each.end for each in ours.segments], [min(end, len(one) / 16_000) for _, end in wanted], atol=1e-6)
    assert moved                                                     # some stretches overlap


def test_an_answer_is_judged_as_whisper_does(both: tuple[Any, Any]) -> None:
    """By how well its text packs and by its mean log-probability, unless nothing was said (Radford et al. 2022, section 4.5)."""
    from limelight.decode import Hypothesis
    from limelight.tasks.transcribe.hearing import Ear

    _, transcribe = both
    ear = Ear(transcribe.opened, transcribe.Options())

    def bad(text: str, likely: float, *, nothing: bool = False) -> bool:
        tokens = tuple(transcribe.opened.text.encode(text, marks=False).ids)
        logprobs = (likely,) * len(tokens)
        return ear._bad(Hypothesis(tokens, logprobs, (0,) * len(tokens), float(sum(logprobs)), False), nothing=nothing)

    assert not bad("The cat eats the mouse.", -0.9)
    assert bad("The cat eats the mouse.", -1.1)
    assert not bad("The cat eats the mouse.", -1.1, nothing=True)
    assert bad("the cat the cat " * 9, -0.1)
    assert bad("the cat the cat " * 9, -0.1, nothing=True)
    assert not bad("", -0.1)


def test_seams_are_theirs() -> None:
    """Segments, and where the next stretch begins, against their _retrieve_segment on random answers."""
    from limelight.tasks.transcribe.seams import parts

    begin, frames = 100, 3000
    dice = np.random.default_rng(0)
    for _ in range(300):
        timed = dice.random(dice.integers(1, 12)) < 0.5
        steps = np.sort(dice.integers(0, 1500, len(timed)))
        tokens = [int(begin + s) if t else int(dice.integers(0, begin)) for t, s in zip(timed, steps, strict=True)]
        wanted, offset = hf.WhisperForConditionalGeneration._retrieve_segment(
            torch.tensor(tokens), [None], torch.zeros(1).double(), begin, [frames], 0.02, 0.01, 2, 0, 0, False, torch.zeros(1, 0)
        )
        found, onward = parts(tokens, begin)
        assert (frames if onward is None else 2 * onward) == int(offset)
        assert len(found) == len(wanted)
        words = [[token for token in tokens[p.first : p.last] if token < begin] for p in found]
        assert words == [[token for token in each["tokens"].tolist() if token < begin] for each in wanted]
        for part, each in zip(found, wanted, strict=True):
            end = 1500 if part.end is None else part.end
            assert end * 0.02 == pytest.approx(float(each["end"]))
            if len(found) > 1:
                assert part.start * 0.02 == pytest.approx(float(each["start"]))


def test_a_growing_stretch_gives_only_what_is_sure() -> None:
    from limelight.tasks.transcribe.seams import Part, parts

    assert parts([100, 1, 2, 150], 100, settled=False) == ([], 0)
    assert parts([100, 1, 150, 150, 2], 100, settled=False) == ([Part(0, 3, 0, 50)], 50)
    assert parts([100, 1, 150, 150, 2, 160], 100, settled=False) == ([Part(0, 3, 0, 50)], 50)


def test_long_recordings_from_files_of_any_rate(both: tuple[Any, Any], tmp_path: Path) -> None:
    import hearing

    _, transcribe = both
    one = hearing.sound(3.7, 1)
    soundfile.write(tmp_path / "a.wav", np.stack([one, one], 1), 16_000, "FLOAT")
    found = transcribe(tmp_path / "a.wav", beam=1, retry=False, language="en")
    assert found.duration == pytest.approx(3.7)
    assert found.source == str(tmp_path / "a.wav")
    assert found.segments == transcribe(one, beam=1, retry=False, language="en").segments
    starts = [each.start for each in found.segments]
    assert starts == sorted(starts)
    assert all(each.start <= each.end <= 3.7 + 1e-6 for each in found.segments)
    soundfile.write(tmp_path / "b.flac", hearing.sound(1.2, 2), 44_100)
    assert transcribe(tmp_path / "b.flac", beam=1).duration == pytest.approx(1.2 * 16_000 / 44_100, abs=1e-3)


def test_without_times_stretches_are_cut_in_pauses(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    import hearing
    from limelight.inputs.sounds import open_pcm
    from limelight.tasks.transcribe.hearing import Ear

    _, transcribe = both
    one = hearing.sound(2.5, 1)
    one[13_000:14_600] *= 0.01                                       # a pause of a tenth of a second
    lengths: list[int] = []
    hear = Ear.hear
    monkeypatch.setattr(Ear, "hear", lambda self, sounds, *told: lengths.extend(map(len, sounds)) or hear(self, sounds, *told))
    options = {"beam": 1, "retry": False, "language": "en", "times": False}
    found = transcribe(one, **options)
    assert 13_000 < lengths[0] < 14_600
    assert all(length <= 16_000 for length in lengths)
    assert sum(lengths) == len(one)
    assert [each.end for each in found.segments][-1] <= 2.5
    heard = list(lengths)
    lengths.clear()
    pcm = io.BytesIO((one * 32767).astype("<i2").tobytes())
    *segments, whole = transcribe.stream(open_pcm(pcm, 16_000, 16_000), every=0.1, **options)
    assert len(lengths) == len(heard)                                # nothing is heard twice
    assert tuple(segments) == whole.segments


def test_the_quietest_moment() -> None:
    from limelight.tasks.transcribe.pauses import quietest

    loud = np.ones(3000, np.float32)
    assert quietest(loud, 1000) == 2975                              # all alike: the last
    loud[[2400, 500]] = 0.0
    assert 2375 <= quietest(loud, 1000) <= 2425                      # what is too early does not count
    assert quietest(loud[:100], 1000) == 100
    assert quietest(loud[:0], 1000) == 0


def test_several_together_are_each_alone(both: tuple[Any, Any]) -> None:
    import hearing

    _, transcribe = both
    sounds = [hearing.sound(s, i) for i, s in enumerate((0.5, 2.2, 1.0, 3.1, 0.05))]
    together = transcribe(sounds, beam=1, retry=False, batch=3)
    for one, each in zip(sounds, together, strict=True):
        alone = transcribe(one, beam=1, retry=False)
        assert (each.text, each.language, each.duration) == (alone.text, alone.language, alone.duration)


def test_silence_and_nothing(both: tuple[Any, Any]) -> None:
    _, transcribe = both
    found = transcribe(np.zeros(40_000, np.float32))
    assert (found.text, found.segments, found.duration, found.complete) == ("", (), 2.5, True)
    assert json.dumps(found.to_json())


def test_a_bad_one_among_several(both: tuple[Any, Any], tmp_path: Path) -> None:
    import hearing
    from limelight.errors import InputError

    _, transcribe = both
    (tmp_path / "bad.wav").write_text("no sound")
    found = dict(transcribe.each([hearing.sound(0.3), tmp_path / "bad.wav", hearing.sound(0.3)], beam=1, retry=False))
    assert isinstance(found[1], InputError)
    assert found[0].text == found[2].text
    with pytest.raises(InputError, match=r"bad\.wav"):
        transcribe([tmp_path / "bad.wav"])


def test_a_stream_gives_segments_and_the_whole(both: tuple[Any, Any]) -> None:
    import io

    import hearing
    from limelight.inputs.sounds import open_pcm
    from limelight.tasks.transcribe import Segment, Transcribed

    _, transcribe = both
    pcm = (hearing.sound(2.6, 5) * 32767).astype("<i2").tobytes()
    options = {"beam": 1, "retry": False, "language": "en"}
    *segments, whole = transcribe.stream(open_pcm(io.BytesIO(pcm), 16_000, 16_000), every=30.0, **options)
    assert isinstance(whole, Transcribed)
    assert all(isinstance(each, Segment) for each in segments)
    assert tuple(segments) == whole.segments
    as_file = transcribe(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, **options)
    assert whole.segments == as_file.segments                        # asked for a whole stretch at a time, it is the same

    class Pipe(io.BytesIO):
        """A microphone's: a tenth of a second at a time."""

        def read1(self, size: int | None = -1) -> bytes:
            del size
            return self.read(3200)

    pipe = Pipe(pcm)
    coming = transcribe.stream(open_pcm(pipe, 16_000, 16_000), every=0.2, **options)
    first = next(coming)
    assert isinstance(first, Segment)
    assert pipe.tell() < len(pcm) / 2                                # it does not wait for the end
    *segments, whole = [first, *coming]
    assert whole.duration == pytest.approx(2.6)
    ends = [each.end for each in segments]
    assert ends == sorted(ends)


def test_bad_answers_are_drawn_again_ever_more_freely(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import hearing
    from limelight.tasks.transcribe import hearing as ours

    _, transcribe = both
    sounds = [hearing.sound(0.8, seed) for seed in range(3)]

    def heard(sounds: list[np.ndarray], **options: Any) -> list[Any]:
        ear = ours.Ear(transcribe.opened, transcribe.Options(beam=1, language="en", words=False, **options))
        return ear.hear(sounds, ["en"] * len(sounds))

    monkeypatch.setattr(ours, "MOST_ALIKE", 1e9)
    monkeypatch.setattr(ours, "LEAST_LIKELY", -1e9)                  # nothing is bad
    first = heard(sounds)
    assert [each.temperature for each in first] == [0.0] * 3
    monkeypatch.setattr(ours, "LEAST_LIKELY", 1e9)                   # everything is
    last = heard(sounds)
    assert [each.temperature for each in last] == [1.0] * 3
    assert [each.tokens for each in last] != [each.tokens for each in first]
    assert [each.tokens for each in heard(sounds)] == [each.tokens for each in last]
    assert heard(sounds[1:2])[0].tokens == last[1].tokens            # what is drawn does not depend on the others
    assert [each.temperature for each in heard(sounds, retry=False)] == [0.0] * 3


def test_trying_again_is_the_same_each_time(both: tuple[Any, Any]) -> None:
    import hearing

    _, transcribe = both
    one = hearing.sound(0.8, 4)
    assert transcribe(one, language="en").text == transcribe(one, language="en").text


def test_what_it_cannot_be_told(both: tuple[Any, Any], tmp_path: Path) -> None:
    import hearing
    import limelight
    from limelight.errors import InputError, RecipeError, TaskError

    _, transcribe = both
    with pytest.raises(InputError, match=r"no language 'eng'.*Did you mean \"en\""):
        transcribe(hearing.sound(0.1), language="eng")
    with pytest.raises(RecipeError, match="langauge"):
        transcribe(hearing.sound(0.1), langauge="en")
    with pytest.raises(TaskError, match=r"cannot transcribe.*It can"):
        limelight.task("transcribe", "en-fr")
    with pytest.raises(TaskError, match=r"cannot translate.*It can transcribe"):
        limelight.task("translate", transcribe.opened)


def test_one_language_without_tasks(tmp_path: Path) -> None:
    """As whisper-tiny.en is told: nothing but whether times are wanted."""
    import hearing
    import limelight

    theirs = hearing.folder(tmp_path, lang_to_id=None, task_to_id=None, is_multilingual=False)
    told = json.loads((tmp_path / "generation_config.json").read_text())
    (tmp_path / "generation_config.json").write_text(json.dumps({k: v for k, v in told.items() if k not in ("lang_to_id", "task_to_id")}))
    del theirs.generation_config.lang_to_id, theirs.generation_config.task_to_id
    transcribe = limelight.task("transcribe", tmp_path, dtype="fp32")
    sounds = [hearing.sound(1.0, seed) for seed in range(3)]
    assert said(transcribe, sounds, times=False) == theirs_said(theirs, sounds, 2)
    assert transcribe(sounds[0], beam=1, retry=False).language == ""
    with pytest.raises(limelight.TaskError, match="does not translate"):
        transcribe(sounds[0], translate=True)
