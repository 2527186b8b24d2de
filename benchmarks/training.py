"""Training: target tokens a second of `limelight.train.fit` beside a plain nn.Transformer and transformers' Marian.

All three have the same size, the same batches, dropout at the same places, label smoothing, AdamW in its fused form, clipping, and
matrix products in bfloat16 where the processor has it. The peers' loops are what a person writes: forward, F.cross_entropy, backward,
step; their batches are ready before the clock starts, while ours come through fit's own feed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limelight.inputs import Batch
from limelight.inputs.pairs import Pairs
from limelight.measure import Turn, alternate, ratios
from limelight.nn import Network
from limelight.train import Plan, next_token
from limelight.train.precision import settle

from . import peers
from .loops import by_fit, by_hand
from .machine import installed
from .sentences import batches
from .sizes import BUNDLED, PAD, TINY, Size

START = 1
SMOOTHING, DROPOUT = 0.1, 0.1
NONE = -100                                     # cross_entropy's word for "no target here"


@dataclass(frozen=True)
class Setting:
    """How much to run."""

    size: Size
    budget: int
    steps: int
    rounds: int


FULL = Setting(BUNDLED, budget=3000, steps=3, rounds=9)
SMOKE = Setting(TINY, budget=200, steps=1, rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants, in turns -> the JSON of this benchmark, less the machine."""
    s = SMOKE if smoke else FULL
    warm = 1 if smoke else 2
    made = batches(200 if smoke else 40_000, vocab=s.size.vocab, budget=s.budget)
    order = made.order(0)[: s.steps * (s.rounds + warm)]
    pairs = [made.batch(indices) for indices in order]
    contestants, sizes = _contestants(s, pairs)
    samples = alternate(contestants, rounds=s.rounds, warm=warm)
    ours = samples["limelight"]
    versus = {name: ratios(ours, theirs) for name, theirs in samples.items() if name != "limelight"}
    best = max(versus, key=lambda name: samples[name].plain("")["median"])
    return {
        "what": "training, target tokens a second, in turns on the same batches",
        "setting": {
            "model": s.size.name,
            "parameters": sizes,
            "batch_tokens": s.budget,
            "steps_a_turn": s.steps,
            "mean_target_tokens": round(sum(p.tokens for p in pairs) / sum(len(p.target) for p in pairs), 2),
            "precision": settle("auto", torch.device("cpu")),
            "dropout": DROPOUT,
            "label_smoothing": SMOOTHING,
        },
        "results": {name: each.plain("target tokens/s") for name, each in samples.items()},
        "limelight_by": versus,
        "limelight_by_the_best_peer": {"peer": best, **versus[best]},
    }


def _contestants(s: Setting, pairs: list[Pairs]) -> tuple[dict[str, Turn], dict[str, int]]:
    torch.manual_seed(0)
    ours = Network(s.size.spec(dropout=DROPOUT))
    plain = peers.PlainTransformer(s.size, DROPOUT)
    models: dict[str, nn.Module] = {"limelight": ours, "nn.Transformer": plain}
    turns: dict[str, Turn] = {
        "limelight": by_fit(ours, next_token(Plan(steps=1, label_smoothing=SMOOTHING), start=START), pairs, s.steps),
        "nn.Transformer": by_hand(plain, _loss(lambda source, before: plain(source.values, source.keep, before)), pairs, s.steps),
    }
    if installed("transformers"):
        models["Marian (transformers)"] = theirs = peers.marian(s.size, dropout=DROPOUT).train()

        def logits(source: Batch, before: Tensor) -> Tensor:
            keep = None if source.keep is None else source.keep.long()
            return theirs(source.values, keep, decoder_input_ids=before, use_cache=False).logits

        turns["Marian (transformers)"] = by_hand(theirs, _loss(logits), pairs, s.steps)
    return turns, {name: sum(w.numel() for w in model.parameters() if w.requires_grad) for name, model in models.items()}


def _loss(logits: Callable[[Batch, Tensor], Tensor]) -> Callable[[Pairs], Tensor]:
    """The loss that a person writes, for a peer."""

    def loss(p: Pairs) -> Tensor:
        before, targets = _shifted(p)
        out = logits(p.source or p.target, before)
        return F.cross_entropy(out.flatten(0, 1), targets.flatten(), ignore_index=NONE, label_smoothing=SMOOTHING)

    return loss


def _shifted(p: Pairs) -> tuple[Tensor, Tensor]:
    """What the decoder reads, and what it should say."""
    target = p.target.values
    before = torch.cat([target.new_full((len(target), 1), START), target[:, :-1]], 1)
    return before, target.masked_fill(target == PAD, NONE)
