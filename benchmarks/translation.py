"""Translation: sentences a second, beam 4, beside transformers' Marian and CTranslate2 with the same weights.

One random Marian in a folder; ours opens it in each precision that there is, and CTranslate2's are made from it, so all compute the
same function. Every answer is forced to the length that its source has, since random weights do not know when to end, and so all do the
same number of steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from limelight.decode import Beam, Ending, MinLength, Suppress, generate
from limelight.inputs import pad
from limelight.measure import Turn
from limelight.nn import Network, pack_matrices

from . import peers
from .contest import contest
from .contestants import Contestant, Field, folders, gather, ours, tried
from .limits import limits
from .machine import installed
from .sentences import rows
from .sizes import BASE, BUNDLED, END, TINY, Size

BEAM = 4
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
    Setting(BASE, length=20, work=((1, 1), (16, 1)), rounds=7),
)
SMOKE = (Setting(TINY, length=5, work=((1, 1), (3, 1)), rounds=2),)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants, in turns, at each size and batch size -> the JSON of this benchmark, less the machine."""
    return {
        "what": f"translation with beam {BEAM}, sentences a second, in turns on the same sources, answers of one length",
        "limits": asdict(limits(smoke)),
        "cases": [case for s in (SMOKE if smoke else FULL) for case in _cases(s, smoke)],
    }


def _cases(s: Setting, smoke: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        field = gather([*_limelight(s, Path(folder) / "published"), *_theirs(s, Path(folder))])
        return [_case(s, batch, count, field, smoke) for batch, count in s.work]


def _limelight(s: Setting, folder: Path) -> list[Contestant[Translator]]:
    if not installed("transformers"):
        return [Contestant("limelight fp32", "fp32", lambda: _ours(_packed(Network(peers.as_marian(s.size)).eval()), s))]
    folders.written(peers.marian(s.size), folder, s.size.vocab)
    return [each.then(lambda opened: _ours(opened.model, s)) for each in ours.entrants(folder)]


def _packed(model: Network) -> Network:
    pack_matrices(model)                                                     # as limelight.hub does when it opens a model
    return model


def _theirs(s: Setting, folder: Path) -> list[Contestant[Translator]]:
    hugging, translate = ("transformers",), ("ctranslate2", "transformers")
    return [
        Contestant("Marian fp32 (transformers)", "fp32", lambda: _marian(peers.marian(s.size), s), hugging),
        Contestant("Marian bf16 (transformers)", "bf16", lambda: _marian(peers.marian(s.size).bfloat16(), s), hugging),
        Contestant("CTranslate2 fp32", "fp32", lambda: _ctranslate(peers.ctranslate(s.size, folder, "float32"), s), translate),
        Contestant("CTranslate2 int8", "int8", lambda: _ctranslate(peers.ctranslate(s.size, folder, "int8"), s), translate),
    ]


def _case(s: Setting, batch: int, count: int, field: Field[Translator], smoke: bool) -> dict[str, Any]:
    """One batch size: `count` batches a turn."""
    many = [rows([s.length] * batch, s.size.vocab - 1, seed) for seed in range(count)]
    answers = tried(field, lambda translate: translate(many[0]))

    def turn(translate: Translator) -> Turn:
        return lambda _: sum(len(translate(sources)) for sources in many)

    turns = {name: turn(translate) for name, translate in field.ready.items()}
    return {
        "setting": {"model": s.size.name, "batch": batch, "beam": BEAM, "source_and_answer_tokens": s.length},
        **contest(field, turns, rounds=s.rounds, unit="sentences/s", least=_least(s, batch, count, smoke)),
        "same_answers_as_limelight_fp32": {name: _share(answers["limelight fp32"], each) for name, each in answers.items()},
    }


def _least(s: Setting, batch: int, count: int, smoke: bool) -> Callable[[str], float]:
    """The encoder once, and the memory's keys and values; then at each step the decoder's other matrices and the table, for all beams."""
    size, most = s.size, limits(smoke)
    attention, between = 4 * size.dim**2, 2 * size.dim * size.hidden
    once = size.encoder * (attention + between) + size.decoder * attention // 2
    stepped = size.decoder * (attention + attention // 2 + between) + size.vocab * size.dim

    def least(precision: str) -> float:
        first = most.seconds(precision, weights=once, operations=2.0 * once * batch * s.length)
        step = most.seconds(precision, weights=stepped, operations=2.0 * stepped * batch * BEAM)
        return count * (first + s.length * step)

    return least


def _ours(model: Network, s: Setting) -> Translator:
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
