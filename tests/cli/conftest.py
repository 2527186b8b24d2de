"""The command line, run in this process or in one of its own, over the tiny model that knows twenty sentences by heart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ran import Ran


@pytest.fixture(scope="session")
def model(tiny_folder: Path) -> Path:
    """The tiny model's folder."""
    return tiny_folder


@pytest.fixture
def limelight(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """Run `limelight ...` in this process, in a folder of its own, with `given` on standard input."""
    monkeypatch.chdir(tmp_path)

    def run(*args: object, given: str | bytes = "") -> Ran:
        from limelight.cli import main

        source = tmp_path.parent / f"{tmp_path.name}.stdin"
        source.write_bytes(given.encode() if isinstance(given, str) else given)
        with source.open(encoding="utf-8") as stream:
            monkeypatch.setattr("sys.stdin", stream)
            code = main([str(a) for a in args])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the real command in a process of its own, in the test's folder; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*args: object, env: dict[str, str] | None = None, **how: Any) -> subprocess.Popen[bytes]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
        process = subprocess.Popen([sys.executable, "-m", "limelight", *map(str, args)], cwd=tmp_path, env=environment, **streams)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
