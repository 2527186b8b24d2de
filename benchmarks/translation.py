"""Translation: sentences a second, beam 4, beside transformers' Marian and CTranslate2 with the same weights.

One random Marian; ours and CTranslate2's are made from it, so all compute the same function. Every answer is forced to the length that
its source has, since random weights do not know when to end, and so all do the same number of steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from limelight.decode import Beam, Ending, MinLength, Suppress, generate
from limelight.inputs import pad
from limelight.measure import Turn, alternate, ratios
from limelight.nn import Network, pack_matrices

from . import peers
from .machine import installed
from .sentences import rows
from .sizes import BASE, BUNDLED, END, TINY, Size

BEAM = 4
REST = 0.3      # seconds: OpenMP's threads, and CTranslate2's, spin for up to 0.2 s after their work
Rows = list[list[int]]
Translator = Callable[[Rows], Rows]      # ids to ids


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: for each batch size, how many batches a turn."""

    size: Size
    length: int
    work: tuple[tuple[int, int], ...]
    rounds: int


FULL = (
    Setting(BUNDLED, length=11, work=((1, 8), (32, 1)), rounds=9),
    Setting(BASE, length=20, work=((1, 1), (32, 1)), rounds=3),
)
SMOKE = (Setting(TINY, length=5, work=((1, 1), (3, 1)), rounds=2),)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants, in turns, at each size and batch size -> the JSON of this benchmark, less the machine."""
    return {
        "what": f"translation with beam {BEAM}, sentences a second, in turns on the same sources, answers of one length",
        "cases": [case for s in (SMOKE if smoke else FULL) for case in _cases(s)],
    }


def _cases(s: Setting) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        contestants = _contestants(s, Path(folder))
        return [_case(s, batch, count, contestants) for batch, count in s.work]


def _contestants(s: Setting, folder: Path) -> dict[str, Translator]:
    if not installed("transformers"):
        return {"limelight fp32": _ours(Network(peers.as_marian(s.size)).eval(), s)}
    theirs = peers.marian(s.size)
    made = {
        "limelight fp32": _ours(peers.limelight_of(theirs, s.size), s),
        "limelight bf16": _ours(peers.limelight_of(theirs, s.size).bfloat16(), s),
        "Marian fp32 (transformers)": _marian(theirs, s),
        "Marian bf16 (transformers)": _marian(peers.marian(s.size).bfloat16(), s),
    }
    if installed("ctranslate2"):
        made["CTranslate2 fp32"] = _ctranslate(peers.ctranslate(s.size, folder, "float32"), s)
        made["CTranslate2 int8"] = _ctranslate(peers.ctranslate(s.size, folder, "int8"), s)
    return made


def _case(s: Setting, batch: int, count: int, contestants: dict[str, Translator]) -> dict[str, Any]:
    """One batch size: `count` batches a turn."""
    many = [rows([s.length] * batch, s.size.vocab - 1, seed) for seed in range(count)]
    answers = {name: translate(many[0]) for name, translate in contestants.items()}

    def turn(translate: Translator) -> Turn:
        return lambda _: sum(len(translate(sources)) for sources in many)

    turns = {name: turn(translate) for name, translate in contestants.items()}
    samples = alternate(turns, rounds=s.rounds, rest=REST)
    return {
        "setting": {"model": s.size.name, "batch": batch, "beam": BEAM, "source_and_answer_tokens": s.length},
        "results": {name: each.plain("sentences/s") for name, each in samples.items()},
        "limelight_by": {f"{a} / {b}": ratios(samples[a], samples[b]) for a in samples for b in samples if _rivals(a, b)},
        "same_answers_as_limelight_fp32": {name: _share(answers["limelight fp32"], each) for name, each in answers.items()},
    }


def _rivals(ours: str, peer: str) -> bool:
    """Formats are compared with their own kind, and int8, which we do not compute in, with both."""
    mine, _, format = ours.partition(" ")
    return mine == "limelight" and not peer.startswith("limelight") and (format in peer or "int8" in peer)


def _ours(model: Network, s: Setting) -> Translator:
    pack_matrices(model)                                                     # as limelight.hub does when it opens a model
    last = s.size.vocab - 1
    ending = Ending(frozenset([END]), s.length)
    filters = (MinLength(length=s.length, end=(END,)), Suppress(tokens=(last,)))

    def translate(sources: Rows) -> Rows:
        found = generate(model, pad(sources, filler=last), Beam(width=BEAM), ending=ending, start=last, filters=filters)
        return [list(each[0].tokens) for each in found]

    return translate


def _marian(model: Any, s: Setting) -> Translator:
    last = s.size.vocab - 1

    @torch.inference_mode()
    def translate(sources: Rows) -> Rows:
        batch = pad(sources, filler=last)
        keep = torch.ones_like(batch.values) if batch.keep is None else batch.keep.long()
        found = model.generate(
            input_ids=batch.values,
            attention_mask=keep,
            num_beams=BEAM,
            do_sample=False,
            min_new_tokens=s.length,
            max_new_tokens=s.length,
            bad_words_ids=[[last]],
        )
        return found[:, 1:].tolist()

    return translate


def _ctranslate(translator: Any, s: Setting) -> Translator:
    def translate(sources: Rows) -> Rows:
        written = [["</s>" if i == END else f"t{i}" for i in row] for row in sources]
        found = translator.translate_batch(
            written, beam_size=BEAM, min_decoding_length=s.length, max_decoding_length=s.length, max_batch_size=len(written)
        )
        return [[_id(token) for token in each.hypotheses[0]] for each in found]

    return translate


def _id(token: str) -> int:
    return int(token[1:]) if token.startswith("t") else -1


def _share(ours: Rows, theirs: Rows) -> float:
    """The share of answers that are equal, token by token."""
    return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)
