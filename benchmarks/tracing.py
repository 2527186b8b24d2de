"""Looking: what it costs to see attention, in time and memory, beside transformers' `output_attentions=True`.

An encoder-decoder reads n tokens and is led through n tokens, in float32, without the vocabulary product. To get attentions
transformers has to be loaded with its eager attention; its plain forward pass is measured as people run it, with the fused kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from limelight.inputs import Batch
from limelight.look import trace
from limelight.measure import METHOD, Turn, alternate, rounded, spread
from limelight.nn import Network, pack_matrices

from . import peers
from .apart import apart, extra_mib
from .machine import installed
from .sizes import BUNDLED, TINY, Size

ONE = "decoder.{last}.cross"
EAGER = "transformers: output_attentions"
BUDGET = "64GB"                                     # a trace's budget is against surprise; here the cost itself is looked for


@dataclass(frozen=True)
class Setting:
    """How much to run."""

    size: Size
    lengths: tuple[int, ...]
    rounds: int


FULL = Setting(BUNDLED, lengths=(128, 512, 1024, 2048), rounds=5)
SMOKE = Setting(TINY, lengths=(16,), rounds=2)


@dataclass
class Models:
    """The contestants, made when first used, all from the same random weights."""

    size: Size
    length: int

    @cached_property
    def ours(self) -> Network:
        """Ours."""
        if installed("transformers"):
            model = peers.limelight_of(peers.marian(self.size, length=self.length), self.size, length=self.length)
        else:
            model = Network(peers.as_marian(self.size, length=self.length)).eval()
        pack_matrices(model)
        return model

    @cached_property
    def fused(self) -> Any:
        """transformers as it comes."""
        return peers.marian(self.size, length=self.length)

    @cached_property
    def eager(self) -> Any:
        """transformers as it must be to give attentions."""
        return peers.marian(self.size, length=self.length, attention="eager")

    def tokens(self, n: int) -> Tensor:
        """(1 n) random ids."""
        return torch.randint(3, self.size.vocab - 1, (1, n), generator=torch.Generator().manual_seed(n))


Kept = tuple[Tensor, object]                        # the hidden states, and whatever was got besides
Case = Callable[[Models, int], Kept]


def _plain(m: Models, n: int) -> Kept:
    tokens = m.tokens(n)
    return m.ours.decode(tokens, memory=m.ours.encode(Batch(tokens))), None


def _traced(layers: str) -> Case:
    def case(m: Models, n: int) -> Kept:
        with trace(m.ours, layers=layers.format(last=m.size.decoder - 1), budget=BUDGET) as seen:
            return _plain(m, n)[0], seen

    return case


def _read(layers: str) -> Case:
    """Every watched map whole, in float32, all at once: what output_attentions gives."""

    def case(m: Models, n: int) -> Kept:
        with trace(m.ours, layers=layers.format(last=m.size.decoder - 1), budget=BUDGET) as seen:
            out, _ = _plain(m, n)
        return out, {name: seen[name].weights() for name in seen}

    return case


def _streamed(m: Models, n: int) -> Kept:
    """How much each key was looked at, in every layer and head, from all weights, a few rows at a time."""
    with trace(m.ours, budget=BUDGET) as seen:
        out, _ = _plain(m, n)
    return out, {name: sum(rows.sum(2) for rows in seen[name].rows()) for name in seen}


def _transformers(m: Models, n: int) -> Kept:
    tokens = m.tokens(n)
    return m.fused.model(input_ids=tokens, decoder_input_ids=tokens, use_cache=False).last_hidden_state, None


def _output_attentions(m: Models, n: int) -> Kept:
    tokens = m.tokens(n)
    found = m.eager.model(input_ids=tokens, decoder_input_ids=tokens, use_cache=False, output_attentions=True)
    return found.last_hidden_state, (found.encoder_attentions, found.decoder_attentions, found.cross_attentions)


OURS: dict[str, Case] = {
    "limelight": _plain,
    "limelight: one layer traced": _traced(ONE),
    "limelight: all layers traced": _traced("*"),
    "limelight: one layer traced and read": _read(ONE),
    "limelight: all layers traced and streamed": _streamed,
    "limelight: all layers traced and read": _read("*"),
}
THEIRS: dict[str, Case] = {"transformers": _transformers, EAGER: _output_attentions}
CASES = OURS | THEIRS


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All cases at all lengths -> the JSON of this benchmark, less the machine."""
    s = SMOKE if smoke else FULL
    models = Models(s.size, max(s.lengths))
    return {
        "what": "time and memory of looking at attention, batch 1, n tokens in and n out",
        "setting": {
            "model": s.size.name,
            "attentions": s.size.encoder + 2 * s.size.decoder,
            "heads": s.size.heads,
            "memory_by": METHOD,
        },
        "lengths": [_length(s, models, n) for n in s.lengths],
    }


@torch.inference_mode()
def _length(s: Setting, models: Models, n: int) -> dict[str, Any]:
    cases = CASES if installed("transformers") else OURS
    outs = {name: case(models, n)[0] for name, case in cases.items()}

    def turn(case: Case) -> Turn:
        return lambda _: float(case(models, n) is not None)

    samples = alternate({name: turn(case) for name, case in cases.items()}, rounds=s.rounds)
    found = {
        name: {
            "unit": "s",
            **spread(samples[name].seconds),
            "samples": rounded(samples[name].seconds),
            "peak_extra_mib": rounded(apart(peak_mib, name, s, n)),
            "bit_equal_to_plain": torch.equal(outs[name], outs[name.partition(":")[0]]),
        }
        for name in cases
    }
    return {"n": n, "results": found, "by_plain": _by_plain(found), "by_output_attentions": _by_eager(found) if EAGER in found else {}}


def _by_plain(found: dict[str, Any]) -> dict[str, Any]:
    """Seconds over those of the plain forward pass of the same library, round by round."""
    plain = {name: found[name.partition(":")[0]]["samples"] for name in found}
    return {name: _over(found[name]["samples"], plain[name]) for name in found if ":" in name}


def _by_eager(found: dict[str, Any]) -> dict[str, Any]:
    """How many times faster and smaller than output_attentions=True."""
    return {
        name: {
            "times_faster": _over(found[EAGER]["samples"], each["samples"]),
            "times_smaller": rounded(found[EAGER]["peak_extra_mib"] / max(each["peak_extra_mib"], 0.1)),
        }
        for name, each in found.items()
        if name in OURS
    }


def _over(above: list[float], below: list[float]) -> dict[str, Any]:
    each = [a / b for a, b in zip(above, below, strict=True)]
    return {**spread(each), "samples": rounded(each)}


@torch.inference_mode()
def peak_mib(name: str, s: Setting, n: int) -> float:
    """The most memory that a case takes."""
    return extra_mib(partial(CASES[name], Models(s.size, max(s.lengths))), n)
