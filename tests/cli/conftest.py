"""A tiny model with random weights, and ways to run the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SENTENCES = [
    "The black cat ate the mouse.",
    "Le chat noir a mangé la souris.",
    "Where is the station?",
    "Où est la gare ?",
    "I am very hungry.",
    "J'ai très faim.",
    "She reads a good book.",
    "Elle lit un bon livre.",
]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


def make_model(folder: Path, *, aligner: bool = True, name: str = "tiny", max_source: int = 60) -> Path:
    """A model folder with random weights that always give the same answers."""
    import torch

    from limelight.hub import save
    from limelight.inputs import Text
    from limelight.manifest import Aligner, Card, Generation, Manifest
    from limelight.nn import Transformer
    from limelight.spec import encoder_decoder

    text = Text.train(SENTENCES, vocab=320)
    spec = encoder_decoder(vocab=len(text), dim=16, heads=2, encoder_depth=1, decoder_depth=2, hidden=32, length=128)
    manifest = Manifest(
        name=name,
        task="translate",
        source_language="en",
        target_language="fr",
        spec=spec,
        generation=Generation(pad=text.pad, start=text.start, end=text.end, beam=2, max_length=12, max_source=max_source),
        aligner=Aligner(attention="decoder.1.cross", heads=(0,), shift=1, aer=0.5, pairs=10, measured_on="toy") if aligner else None,
        card=Card(
            summary="Random.", license="Apache-2.0", attribution="None.", recipe="none", trained="never", scores={"BLEU": 1.5, "chrF": 9.0}
        ),
    )
    torch.manual_seed(5)
    save(folder, model=Transformer(spec), text=text, manifest=manifest, card="# tiny\n\nA random model.\n")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that translates into nonsense, always the same."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """Run `limelight ...` in this process, in a folder of its own, with `given` on standard input."""

    def ran(*args: str, given: str | bytes = "") -> Ran:
        from limelight.cli import main

        source = tmp_path / "stdin.bytes"
        source.write_bytes(given.encode() if isinstance(given, str) else given)
        monkeypatch.chdir(tmp_path)
        with source.open(encoding="utf-8") as stream:
            monkeypatch.setattr("sys.stdin", stream)
            code = main([str(a) for a in args])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return ran


def start(args: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None, **how: object) -> subprocess.Popen[bytes]:
    """Start the real command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "limelight", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},  # type: ignore[arg-type]
    )
