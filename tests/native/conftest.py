"""What the tests of native code share."""

from __future__ import annotations

import ctypes
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from limelight.native.build import SOURCES, built

BUILD = sys.modules["limelight.native.build"]


@pytest.fixture(scope="session")
def native() -> None:
    """Skips where this machine has no native code; sources that do not compile where they could are a failure."""
    found = built()
    if found.library is None:
        (pytest.fail if "compiler failed" in found.why else pytest.skip)(f"no native code here: {found.why}")


@pytest.fixture(scope="session")
def compiled(native: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ctypes.CDLL]:
    """Some sources of the package and others, compiled as the package compiles its own, but for some flags."""

    def compile_(*others: Path, units: tuple[str, ...], flags: tuple[str, ...] = ()) -> ctypes.CDLL:
        folder = tmp_path_factory.mktemp("compiled")
        sources = folder / "sources"
        sources.mkdir()
        for path in (*SOURCES.glob("*.h"), *(SOURCES / f"{unit}.cpp" for unit in units), *others):
            shutil.copy(path, sources)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BUILD, "SOURCES", sources)
            patch.setattr(BUILD, "FLAGS", (*BUILD.FLAGS, *flags))
            BUILD._compile(BUILD._compiler(), folder / "compiled.so")
        return ctypes.CDLL(str(folder / "compiled.so"))

    return compile_
