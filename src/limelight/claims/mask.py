"""Claim 5: masking stops the future leaking in.

Two things are looked at. In models that were never trained, of many kinds, all letters after a place are replaced by others, and the logits
up to that place are compared bit by bit. And the same stack learns the next letter with its mask and without it; both are then asked for
letters that they cannot have seen.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..inputs.batch import Batch
from ..measure.intervals import Estimate, difference, over_seeds
from ..nn import Network
from ..spec import Additive, Alibi, Attention, Buckets, Dot, General, Learned, Model, Sinusoid
from ..values import plain, value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .language import LONGER, Small, held_out, honest_losses, learning, losses
from .lessons import Trained, trained
from .letters import Letters, read_letters
from .verdicts import Check

HEADS, ROWS = 4, 3


@value
class Setting:
    """The models that learn, on how many held-out rows they are asked, and over how many places leaks are looked for."""

    small: Small = Small()
    rows: int = 32
    places: int = 24


def measure(lab: Lab, setting: Setting) -> Found:
    """Effects of the future on the past, then what learning without the mask leads to."""
    letters = read_letters()
    effects = {name: _effects(lab, name, spec, setting.places) for name, spec in _kinds().items()}
    masked = [_asked(lab, setting, letters, seed, sees_all=False) for seed in lab.seeds]
    free = [_asked(lab, setting, letters, seed, sees_all=True) for seed in lab.seeds]
    every = [x for each in effects.values() for way in each.values() for x in way.each]
    checks = [
        Check(
            says=f"greatest effect of later letters on logits before them, {len(effects)} kinds of attention", wanted="zero",
            found=over_seeds([max(every)]),
        ),
        Check(
            says="training loss without the mask less with it", wanted="below", unit="nats",
            found=difference(_of(free, "learnt"), _of(masked, "learnt")),
        ),
        Check(
            says="loss on letters that cannot be seen, without less with", wanted="above", unit="nats",
            found=difference(_of(free, "honest"), _of(masked, "honest")),
        ),
    ]  # fmt: skip
    return Found(checks, [_effect_table(effects), _loss_table(masked, free)], [_plot(masked, free)])


def _kinds() -> dict[str, Model]:
    """A small decoder of each kind."""
    small, vocab = Small(dim=32, heads=HEADS), 40
    attentions = {
        "multi-head": Attention(heads=HEADS),
        "multi-query": Attention(heads=HEADS, kv_heads=1),
        "grouped-query": Attention(heads=HEADS, kv_heads=2),
        "windowed": Attention(heads=HEADS, window=5),
        "dot, not scaled": Attention(heads=HEADS, score=Dot()),
    }
    others = {"general": Attention(heads=HEADS, score=General()), "additive": Attention(heads=HEADS, score=Additive())}
    positions = {"learned": Learned(length=64), "sinusoid": Sinusoid(length=64), "ALiBi": Alibi(), "buckets": Buckets(), "none": None}
    kinds = {f"{name}, rotary": small.spec(vocab, attention=attention) for name, attention in attentions.items()}
    kinds |= {f"{name}, sinusoid": small.spec(vocab, attention=a, position=Sinusoid(length=64)) for name, a in others.items()}
    return kinds | {f"multi-head, {name}": small.spec(vocab, position=position) for name, position in positions.items()}


def _effects(lab: Lab, name: str, spec: Model, places: int) -> dict[str, Estimate]:
    """The greatest effect for each way to read, by seed."""
    decides = {"effect of the future on": plain(spec), "places": places, "rows": ROWS}
    found = [
        lab.cell(f"{name}, seed {seed}: effect of the future", {**decides, "seed": seed}, lambda seed=seed: _effect(spec, places, seed))
        for seed in lab.seeds
    ]
    return {way: over_seeds([each[way] for each in found]) for way in found[0]}


@torch.no_grad()
def _effect(spec: Model, places: int, seed: int) -> Figures:
    """Every place in turn: all letters after it are drawn anew."""
    torch.manual_seed(seed)
    model = Network(spec).eval()
    vocab = spec.decoder.tokens.vocab if spec.decoder else 1
    rows = torch.randint(vocab, (ROWS, places))
    keep = torch.arange(places) >= torch.tensor([0, 2, 5])[:, None]               # padded on the left
    ways = {"one row": rows[:1], "a batch, padded": rows, "with a cache": rows}
    greatest = dict.fromkeys(ways, 0.0)
    for t in range(places - 1):
        other = torch.cat([rows[:, : t + 1], (rows[:, t + 1 :] + torch.randint(1, vocab, (ROWS, places - t - 1))) % vocab], 1)
        pairs = {
            "one row": (_logits(model, rows[:1]), _logits(model, other[:1])),
            "a batch, padded": (_logits(model, rows, keep), _logits(model, other, keep)),
            "with a cache": (_in_two(model, rows), _in_two(model, other)),
        }
        for way, (a, b) in pairs.items():
            greatest[way] = max(greatest[way], float((a - b)[:, : t + 1].abs().max()))
    return dict(greatest)


def _logits(model: Network, rows: Tensor, keep: Tensor | None = None) -> Tensor:
    return model.logits(model.hidden(Batch(rows, keep)))


def _in_two(model: Network, rows: Tensor) -> Tensor:
    """The second half is read on top of the cached first one."""
    cache, half = model.new_cache(), rows.shape[1] // 2
    parts = [model.decode(rows[:, :half], cache=cache), model.decode(rows[:, half:], cache=cache)]
    return model.logits(torch.cat(parts, 1))


class Asked(NamedTuple):
    """A model, and its loss: at the end of training, on held-out rows as in training, and on letters that it cannot have seen."""

    model: Trained
    losses: Figures


def _asked(lab: Lab, setting: Setting, letters: Letters, seed: int, *, sees_all: bool) -> Asked:
    """A model that has learnt with the mask or without, and what it says."""
    small = setting.small
    name = "without a mask" if sees_all else "letters, rotary"
    found = trained(lab, small.lesson(name, small.spec(len(letters.alphabet), sees_all=sees_all), letters), seed)
    rows = letters.held_out(setting.rows, small.length)

    def ask(model: Network) -> Figures:
        return {"seen": float(losses(model, rows).mean()), "honest": float(honest_losses(model, rows).mean())}

    how = held_out(letters, rows=setting.rows, length=small.length)
    figures = found.measured(lab, "loss as in training and on letters unseen", how, ask)
    return Asked(found, {**figures, "learnt": found.figures["curve"][-1][1]})


def _of(found: list[Asked], key: str) -> list[float]:
    return [each.losses[key] for each in found]


def _effect_table(effects: dict[str, dict[str, Estimate]]) -> Table:
    ways = list(next(iter(effects.values())))
    return Table(
        title="Greatest change of any logit when all later letters are replaced, over all places",
        columns=("attention, positions", *ways),
        rows=tuple((name, *(each[way] for way in ways)) for name, each in effects.items()),
    )


def _loss_table(masked: list[Asked], free: list[Asked]) -> Table:
    columns = {"at the end of training": "learnt", "held out, read as in training": "seen", "held out, nothing later to see": "honest"}
    return Table(
        title="Loss of the next letter, in nats",
        columns=("", *columns),
        rows=tuple((name, *(over_seeds(_of(found, key)) for key in columns.values())) for name, found in _named(masked, free)),
    )


def _plot(masked: list[Asked], free: list[Asked]) -> Plot:
    """Curves of learning, and where each stands when nothing later is there to be seen."""
    lines = []
    for name, found in _named(masked, free):
        curve = learning(f"{name}, as in training", [each.model for each in found])
        lines += [curve, Line(label=f"{name}, nothing later to see", x=curve.x[-1:], y=(over_seeds(_of(found, "honest")),))]
    return Plot(title="Loss while learning", x="step", y="nats a letter", lines=tuple(lines))


def _named(masked: list[Asked], free: list[Asked]) -> list[tuple[str, list[Asked]]]:
    return [("with the mask", masked), ("without", free)]


CLAIM = Claim(
    number=5,
    name="mask",
    statement="Masking stops the future leaking in.",
    source="Vaswani et al. 2017, section 3.2.3",
    refuted_by="A logit that changes when later letters change; a model without the mask that foretells unseen letters as well.",
    sizes={
        "quick": Setting(),
        "full": Setting(small=LONGER, rows=64),
    },
    measure=measure,
)
