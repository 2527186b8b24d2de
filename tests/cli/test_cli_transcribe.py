"""limelight transcribe: files, folders and pipes in; text, subtitles and JSON out; what cannot be read is named at the end."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ran import Ran, one_line

Run = Callable[..., Ran]
QUICK = ("--dtype", "fp32", "--beam", "1", "--no-retry", "--language", "en")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random one."""
    import hearing

    at = tmp_path_factory.mktemp("whisper")
    hearing.folder(at)
    return at


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Two recordings, one of them deeper down, with other files beside them."""
    import hearing

    (tmp_path / "talks" / "more").mkdir(parents=True)
    soundfile.write(tmp_path / "talks" / "a.wav", hearing.sound(1.2, 1), 16_000)
    soundfile.write(tmp_path / "talks" / "more" / "b.flac", hearing.sound(0.7, 2), 16_000)
    (tmp_path / "talks" / "notes.txt").write_text("no sound")
    return tmp_path / "talks"


def test_one_file_in_every_form(limelight: Run, whisper: Path, talks: Path) -> None:
    for form, begins in {"text": "", "srt": "1\n00:00:0", "vtt": "WEBVTT\n\n"}.items():
        found = limelight("transcribe", "-m", whisper, talks / "a.wav", "--format", form, *QUICK)
        assert found.code == 0, found.err
        assert found.out.startswith(begins)
    told = json.loads(limelight("transcribe", "-m", whisper, talks / "a.wav", "--json", *QUICK).out)
    assert told["file"] == str(talks / "a.wav")
    assert told["duration"] == pytest.approx(1.2)
    assert all("words" in each for each in told["segments"])


def test_a_folder_into_a_folder_and_on_again(limelight: Run, whisper: Path, talks: Path, tmp_path: Path) -> None:
    (talks / "bad.wav").write_text("no sound")
    asked = ("transcribe", "-m", whisper, talks, "-o", tmp_path / "out", "--format", "srt", *QUICK)
    found = limelight(*asked)
    assert "2 recordings written down" in found.err
    assert "1 other files of the folders were passed over" in found.err
    assert "1 of 3 files could not be read: bad.wav" in one_line(found, "bad.wav")
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.srt", "more/b.srt"]
    (tmp_path / "out" / "a.srt").write_text("mine")
    (talks / "bad.wav").unlink()
    again = limelight(*asked, "--resume")
    assert again.code == 0
    assert "2 of 2 recordings are done already" in again.err
    assert (tmp_path / "out" / "a.srt").read_text() == "mine"


def test_odd_sounds_are_heard_and_bad_ones_named(limelight: Run, whisper: Path, tmp_path: Path) -> None:
    """Silence, one sample, eight channels of 24 bits and 8 bits are sounds; half a file, text, and nothing at all are none."""
    import hearing

    odd, noise = tmp_path / "odd", hearing.sound(0.4, 3)
    odd.mkdir()
    soundfile.write(odd / "silent.wav", np.zeros(30_000), 16_000)
    soundfile.write(odd / "one.wav", noise[:1], 16_000)
    soundfile.write(odd / "eight.wav", np.stack([noise] * 8, 1), 16_000, "PCM_24")
    soundfile.write(odd / "bits.wav", noise, 22_050, "PCM_U8")
    soundfile.write(odd / "half.aiff", noise, 16_000)
    (odd / "half.aiff").write_bytes((odd / "half.aiff").read_bytes()[:3000])
    (odd / "text.mp3").write_text("no sound\n" * 100)
    (odd / "nothing.flac").touch()
    found = limelight("transcribe", "-m", whisper, odd, "-o", "out", "--format", "json", *QUICK)
    assert found.code == 2
    assert "3 of 7 files could not be read: half.aiff, nothing.flac, text.mp3" in found.err
    assert len([line for line in found.err.splitlines() if line.startswith("limelight: not read:")]) == 3
    told = {path.stem: json.loads(path.read_text()) for path in Path("out").iterdir()}
    assert sorted(told) == ["bits", "eight", "one", "silent"]
    assert (told["silent"]["text"], told["silent"]["duration"]) == ("", 1.875)
    assert told["eight"]["duration"] == pytest.approx(0.4)


def test_several_on_standard_output(limelight: Run, whisper: Path, talks: Path) -> None:
    found = limelight("transcribe", "-m", whisper, talks / "more" / "b.flac", talks / "a.wav", *QUICK)
    assert [line.split("\t")[0] for line in found.lines] == [str(talks / "more" / "b.flac"), str(talks / "a.wav")]


def test_pipes(limelight: Run, whisper: Path, talks: Path) -> None:
    import hearing

    pcm = (hearing.sound(2.2, 3) * 32767).astype("<i2").tobytes()
    found = limelight("transcribe", "-m", whisper, "--pcm", 16000, "--json", *QUICK, given=pcm)
    assert found.code == 0, found.err
    *segments, whole = map(json.loads, found.lines)
    assert [each["segment"] for each in segments] == whole["segments"]
    assert whole["duration"] == pytest.approx(2.2)
    as_file = limelight("transcribe", "-m", whisper, "-", "--json", *QUICK, given=(talks / "a.wav").read_bytes())
    assert json.loads(as_file.out)["duration"] == pytest.approx(1.2)


def test_what_does_not_go_together(limelight: Run, whisper: Path, talks: Path, tmp_path: Path) -> None:
    def refused(*args: object) -> str:
        return one_line(limelight("transcribe", "-m", whisper, *args))

    assert 'Did you mean "srt"' in refused(talks, "--format", "str")
    assert "got no AUDIO" in refused()
    assert "AUDIO as well" in refused(talks, "--pcm", "16000")
    assert "there is none" in refused(talks, "--resume")
    assert "--output FOLDER" in refused(talks, "--format", "srt")
    assert "no such file" in refused(tmp_path / "missing.wav")
    soundfile.write(talks / "a.flac", np.full(100, 0.1), 16_000)
    assert "would both be written to" in refused(talks, "-o", tmp_path / "out")
    assert "no language 'xx'" in refused(talks / "a.wav", "--language", "xx")


def test_scores_of_a_table(limelight: Run, whisper: Path, talks: Path) -> None:
    """A random model hears nothing right, and is told so with intervals; paths are taken from where the table is."""
    (talks / "t.tsv").write_text("file\ttext\ttimes\na.wav\tone two\t0 0.6 0.6 1.2\nmore/b.flac\tthree\t0 0.7\n")
    found = limelight("eval", whisper, "--file", talks / "t.tsv", "--beam", 1, "--json", "-o", "scored.jsonl")
    assert found.code == 0, found.err
    told = json.loads(found.lines[0])
    assert told["recordings"] == 2
    assert [each["name"] for each in told["scores"]] == ["word error rate", "character error rate"]
    assert told["scores"][0]["value"] >= 100
    rows = [json.loads(line) for line in Path("scored.jsonl").read_text().splitlines()]
    assert [row["words"] for row in rows] == [2, 1]
    assert all(row["edits"] >= row["words"] for row in rows)
    assert "--file TABLE" in one_line(limelight("eval", whisper))
