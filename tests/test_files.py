"""Files are replaced whole or not at all, whatever happens on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from limelight import files
from limelight.errors import InputError
from limelight.files import replaced, sync


def fails_with(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    return path


def assert_untouched(path: Path) -> None:
    """The old content, and no draft left beside it."""
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_new_file_appears_with_its_content(tmp_path: Path) -> None:
    with replaced(tmp_path / "new.txt") as draft:
        assert draft.parent == tmp_path, "a rename is whole only within one file system"
        draft.write_text("new")
        assert not (tmp_path / "new.txt").exists()
    assert (tmp_path / "new.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["new.txt"]


def test_an_old_file_is_replaced_at_the_end_only(old: Path) -> None:
    with replaced(old) as draft:
        draft.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_exception_inside_leaves_what_was_there(old: Path, kind: type[BaseException]) -> None:
    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise kind

    with pytest.raises(kind), replaced(old) as draft:
        fail(draft)
    assert_untouched(old)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_and_changes_nothing(old: Path, number: int) -> None:
    def fill(draft: Path) -> None:
        draft.write_text("half")
        fails_with(number)()

    with pytest.raises(InputError, match="disk is full") as caught, replaced(old) as draft:
        fill(draft)
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "Free some space."
    assert_untouched(old)


def test_a_disk_that_is_full_only_when_it_is_flushed_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "fsync", fails_with(errno.ENOSPC))
    with pytest.raises(InputError, match="disk is full"), replaced(old) as draft:
        draft.write_text("new")
    assert_untouched(old)


def test_the_file_is_flushed_before_it_takes_its_name_and_the_folder_after(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        told.append((Path(f"/proc/self/fd/{handle}").readlink().name, old.read_text()))
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", noted)
    with replaced(old) as draft:
        draft.write_text("new")
        name = draft.name
    assert told == [(name, "old"), (old.parent.name, "new")]


def test_sync_flushes_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(files.os, "fsync", told.append)
    sync(tmp_path)
    assert len(told) == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(told[0])


def test_a_missing_folder_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    said = r"absent/new\.txt cannot be written: No such file or directory"
    with pytest.raises(InputError, match=said) as caught, replaced(tmp_path / "absent" / "new.txt"):
        pytest.fail("the block must not be entered")
    assert "create the folder" in caught.value.hint


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_place_that_may_not_be_written_is_said(old: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.tempfile, "mkstemp", fails_with(number))     # whoever runs the tests may be root
    with pytest.raises(InputError, match=f"cannot be written: {os.strerror(number)}"), replaced(old):
        pytest.fail("the block must not be entered")
    assert_untouched(old)


def test_a_folder_of_that_name_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"), replaced(tmp_path / "folder") as draft:
        draft.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["null\0byte", "long" * 100])
def test_names_that_no_file_can_have_are_said_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught, replaced(tmp_path / name) as draft:
        draft.write_text("new")
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_name_as_long_as_a_name_may_be_serves(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with replaced(path) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"


def test_others_may_read_a_new_file_and_a_private_one_stays_private(tmp_path: Path, old: Path) -> None:
    old.chmod(0o600)
    for path in (old, tmp_path / "new.txt"):
        with replaced(path) as draft:
            draft.write_text("new")
    assert old.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new.txt").stat().st_mode & 0o777 == 0o644


def test_a_link_goes_on_pointing_to_the_file(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.txt"
    real.parent.mkdir()
    real.write_text("old")
    (tmp_path / "link.txt").symlink_to(real)
    with replaced(tmp_path / "link.txt") as draft:
        draft.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert real.read_text() == "new"


def test_two_writers_of_one_file_do_not_meet(old: Path) -> None:
    with replaced(old) as one, replaced(old) as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert old.read_text() == "one", "the outer block ends last"
