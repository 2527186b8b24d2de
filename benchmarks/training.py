"""Training: target tokens a second of `limelight.train.fit` beside a plain nn.Transformer and transformers' Marian.

All three have the same size, the same batches, dropout at the same places, label smoothing, AdamW in its fused form, clipping, and
matrix products in bfloat16 where the processor has it. The peers' loops are what a person writes: forward, F.cross_entropy, backward,
step; their batches are ready before the clock starts, while ours come through fit's own feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limelight.inputs import Batch
from limelight.inputs.pairs import Pairs
from limelight.measure import Turn, alternate, ratios
from limelight.nn import Network
from limelight.train import Plan, Stepped, fit, next_token
from limelight.train.precision import autocast, settle

from . import peers
from .machine import installed
from .sentences import Fixed, batches
from .sizes import BUNDLED, PAD, TINY, Size

START = 1
SMOOTHING, DROPOUT, CLIP = 0.1, 0.1, 1.0
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
        "limelight": _fit(ours, pairs, s.steps),
        "nn.Transformer": _loop(plain, lambda source, before: plain(source.values, source.keep, before), pairs, s.steps),
    }
    if installed("transformers"):
        models["Marian (transformers)"] = theirs = peers.marian(s.size, dropout=DROPOUT).train()

        def logits(source: Batch, before: Tensor) -> Tensor:
            keep = None if source.keep is None else source.keep.long()
            return theirs(source.values, keep, decoder_input_ids=before, use_cache=False).logits

        turns["Marian (transformers)"] = _loop(theirs, logits, pairs, s.steps)
    return turns, {name: sum(w.numel() for w in model.parameters() if w.requires_grad) for name, model in models.items()}


def _fit(model: Network, pairs: list[Pairs], steps: int) -> Turn:
    """Our own loop, stopped after each turn: fit is a stream of events."""
    plan = Plan(
        steps=len(pairs) + steps, warmup=10, lr=1e-3, label_smoothing=SMOOTHING, clip=CLIP, log_every=steps, save_every=0
    )
    events = fit(model, Fixed(pairs), loss=next_token(plan, start=START), plan=plan)
    steppeds: Iterator[Stepped] = (event for event in events if isinstance(event, Stepped))

    def turn(number: int) -> float:
        next(steppeds)
        return _tokens(pairs, number, steps)

    return turn


def _loop(model: nn.Module, logits: Callable[[Batch, Tensor], Tensor], pairs: list[Pairs], steps: int) -> Turn:
    """The loop that a person writes, for a peer."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, fused=True)
    precision, device = settle("auto", torch.device("cpu")), torch.device("cpu")

    def turn(number: int) -> float:
        model.train()
        for p in pairs[number * steps : (number + 1) * steps]:
            before, targets = _shifted(p)
            with autocast(precision, device):
                out = logits(p.source or p.target, before)
                loss = F.cross_entropy(out.flatten(0, 1), targets.flatten(), ignore_index=NONE, label_smoothing=SMOOTHING)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            loss.item()
        return _tokens(pairs, number, steps)

    return turn


def _shifted(p: Pairs) -> tuple[Tensor, Tensor]:
    """What the decoder reads, and what it should say."""
    target = p.target.values
    before = torch.cat([target.new_full((len(target), 1), START), target[:, :-1]], 1)
    return before, target.masked_fill(target == PAD, NONE)


def _tokens(pairs: list[Pairs], number: int, steps: int) -> int:
    return sum(p.tokens for p in pairs[number * steps : (number + 1) * steps])
