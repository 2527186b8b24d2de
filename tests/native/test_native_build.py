"""The compiled library: made once, found again, mended, and absent without harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from limelight.native.build import built

BUILD = sys.modules["limelight.native.build"]


@pytest.fixture
def fresh(native: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own; skips where this machine has no native code at all."""
    monkeypatch.setenv("LIMELIGHT_CACHE", str(tmp_path / "cache"))
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("one", "two"):                                     # what is compiled does not matter here: be quick
        (sources / f"{name}.cpp").write_text(f'extern "C" __attribute__((visibility("default"))) int {name}() {{ return 7; }}')
    monkeypatch.setattr(BUILD, "SOURCES", sources)
    return tmp_path / "cache"


def again():
    """As in a new process."""
    return built.__wrapped__()


def test_a_second_start_only_loads(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = again()
    assert first.library is not None
    assert first.library.one() == first.library.two() == 7
    assert [path.suffix for path in fresh.iterdir()] == [".so"]
    monkeypatch.setattr(BUILD, "_compile", lambda *_: pytest.fail("compiled a second time"))
    assert again().why == first.why


def test_a_damaged_file_is_made_again(fresh: Path) -> None:
    path = Path(again().why)
    whole = path.read_bytes()
    path.unlink()                                                   # the loaded one stays as it is
    path.write_bytes(whole[: len(whole) // 2])
    assert again().library is not None
    assert len(path.read_bytes()) == len(whole)


def test_two_processes_at_once(fresh: Path) -> None:
    code = (
        "import pathlib, sys; import limelight.native.build as b; b.SOURCES = pathlib.Path(sys.argv[1]);"
        "found = b.built(); assert found.library is not None and found.library.two() == 7, found.why"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(BUILD.SOURCES)]) for _ in range(2)]
    assert [each.wait() for each in running] == [0, 0]
    assert len(list(fresh.iterdir())) == 1


def test_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMELIGHT_NATIVE", "0")
    assert again().library is None
    assert "LIMELIGHT_NATIVE" in again().why


def test_no_compiler(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert again().library is None
    assert "no C++ compiler (no-such-compiler)" in again().why
    assert not fresh.exists()


def test_a_compiler_that_fails_is_quoted(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (BUILD.SOURCES / "wrong.cpp").write_text("int f( { }")
    assert again().library is None
    assert "wrong.cpp" in again().why
    assert list(fresh.iterdir()) == []


def test_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMELIGHT_NATIVE", "1")
    monkeypatch.setattr(BUILD, "processor", lambda: frozenset({"avx2"}))
    assert again().library is None
    assert "avx512f" in again().why


def test_a_cache_folder_that_nobody_may_write_to(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, *_: object, **__: object) -> None:
        if path == fresh:
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", deny)
    found = again()
    assert found.library is not None
    assert not fresh.exists()


def test_sources_and_flags_name_the_file(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = again().why
    with monkeypatch.context() as patch:
        patch.setattr(BUILD, "FLAGS", (*BUILD.FLAGS, "-DOTHER"))
        assert again().why != first
    assert again().why == first
    (BUILD.SOURCES / "one.h").write_text("// included, perhaps")
    assert again().why != first
