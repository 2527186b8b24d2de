"""Stories with questions between their sentences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from limelight.data.stories import Asked, read_stories
from limelight.errors import InputError

TEXT = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Daniel went back to the hallway.
5 Where is Daniel? \thallway\t4
1 Sandra got the milk there.
2 Sandra went to the garden.
3 Where is the milk? \tgarden\t2 1
"""


def write(folder: Path, text: str, name: str = "qa1_train.txt") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["qa1_train.txt", "qa1_train.txt.gz"])
def test_questions_with_what_was_told_before_them(tmp_path: Path, name: str) -> None:
    found = read_stories(write(tmp_path, TEXT, name))
    assert found == [
        Asked(("Mary moved to the bathroom.", "John went to the hallway."), "Where is Mary?", "bathroom", (0,)),
        Asked(
            ("Mary moved to the bathroom.", "John went to the hallway.", "Daniel went back to the hallway."),
            "Where is Daniel?", "hallway", (2,),
        ),
        Asked(("Sandra got the milk there.", "Sandra went to the garden."), "Where is the milk?", "garden", (0, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mary moved.\n", "line 1: a line is"),
        ("1 Mary moved.\n2 Where is Mary? \tbathroom\t3\n", "line 2: facts are numbers of sentences told before"),
        ("1 Mary moved.\n2 Where is Mary? \tbathroom\tone\n", "line 2: facts are numbers"),
        ("1 Mary moved.\n2 Where is Mary? \t\t1\n", "line 2: a question has an answer"),
        ("1 Mary moved.\n2 Where is Mary? \tbathroom\n", "line 2: a question has an answer"),
        ("1 Mary moved.\n1 Where is Mary? \tbathroom\t1\n", "told before"),
        ("1 Mary moved.\n", "holds no question"),
        ("", "holds no question"),
    ],
)
def test_other_files_are_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_stories(write(tmp_path, text))
    assert caught.value.hint


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_stories(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_stories(tmp_path)
    torn = write(tmp_path, TEXT, "torn.txt.gz")
    torn.write_bytes(torn.read_bytes()[:-20])
    with pytest.raises(InputError, match="no gzip file"):
        read_stories(torn)
    bad = tmp_path / "plain.gz"
    bad.write_bytes(TEXT.encode())
    with pytest.raises(InputError, match="no gzip file"):
        read_stories(bad)
    odd = tmp_path / "odd.txt"
    odd.write_bytes(b"1 Mary \xff moved.\n")
    with pytest.raises(InputError, match="byte 7"):
        read_stories(odd)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limelight.data.stories.MOST_BYTES", 50)
    with pytest.raises(InputError, match="more than 50 bytes"):
        read_stories(write(tmp_path, TEXT, "long.txt.gz"))
