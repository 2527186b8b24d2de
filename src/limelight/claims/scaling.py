"""Claim 4: scaling by 1 / sqrt(d) keeps gradients alive.

First at the beginning, as the paper argues: with queries and keys of independent unit normals a dot product has variance d. The entropy of
the softmax over such scores, and what it lets through on the way back (the norm of the gradient of a query's scores by that of its
weights), with the scale and without. The median query is asked: without the scale the norm over all is that of a few with two keys that
happen to be close, while most let nothing through. Then where it matters: small language models with heads of each width, learning.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from .. import ops
from ..measure.intervals import Estimate, difference, over_seeds
from ..spec import Attention, Dot, ScaledDot
from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .language import LONGER, Small, held_out, losses
from .lessons import trained
from .letters import Letters, read_letters
from .verdicts import Check

KEYS, QUERIES = 64, 512
DEAD = 1e-3                          # a gradient so small by what came in
SCALED, BARE = "with 1 / sqrt(d)", "without"
WAYS = {SCALED: ScaledDot(), BARE: Dot()}
MEASURES = {
    "entropy": "entropy / ln keys",
    "passed": "gradient let through, median query",
    "all": "the same, all queries",
    "dead": f"share of queries below {DEAD:g}",
    "nats": "loss, held out",
}


@value
class Setting:
    """`widths`: of a head, for softmaxes of random scores; `learning`: for models that learn."""

    small: Small = Small(heads=2)
    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    learning: tuple[int, ...] = (16, 128)
    rows: int = 32


def measure(lab: Lab, setting: Setting) -> Found:
    """Softmaxes at the beginning, then losses after learning."""
    letters = read_letters()
    by_width: dict[int, dict[str, list[Figures]]] = {}
    for d in setting.widths:
        by_width[d] = {way: [_begun(lab, d, way, seed) for seed in lab.seeds] for way in WAYS}
    learnt = {d: {way: [_learnt(lab, setting, letters, d, way, seed) for seed in lab.seeds] for way in WAYS} for d in setting.learning}
    narrow, wide, most = setting.learning[0], setting.learning[-1], setting.widths[-1]
    checks = [
        Check(
            says=f"entropy of the softmax by its greatest, heads {most} wide, with the scale less without", wanted="above",
            found=_apart(by_width[most], "entropy", SCALED, BARE),
        ),
        Check(
            says=f"log of the gradient that the softmax of the median query lets through, heads {most} wide, with less without",
            wanted="above", found=_apart(by_width[most], "log passed", SCALED, BARE),
        ),
        *(
            Check(
                says=f"loss on held-out text after {setting.small.steps} steps, heads {d} wide, without less with",
                wanted="above", unit="nats", found=_apart(learnt[d], "nats", BARE, SCALED),
            )
            for d in (narrow, wide)
        ),
    ]  # fmt: skip
    tables = [
        _table(f"Softmax over {KEYS} scores of unit normal queries and keys", by_width, ("entropy", "passed", "all", "dead")),
        _table(f"Language models of {setting.small.heads} heads after {setting.small.steps} steps", learnt, ("nats",)),
    ]
    plots = [
        _plot("What a softmax lets through on the way back", "gradient of scores / of weights", by_width, "passed", log_y=True),
        _plot("Loss after learning", "nats a letter", learnt, "nats"),
    ]
    together = [_mean(by_width[most][way], "all") for way in WAYS]
    note = (
        f"Over all queries together the gradient is {together[0]} with the scale and {together[1]} without (heads {most} wide): "
        "where two keys happen to be close, a hard softmax lets much through. The median is what most queries learn by."
    )
    return Found(checks, tables, plots, [note])


def _begun(lab: Lab, width: int, way: str, seed: int) -> Figures:
    decides = {"softmax of random scores": width, "way": way, "keys": KEYS, "queries": QUERIES, "dead": DEAD, "seed": seed}
    return lab.cell(f"softmax {way}, heads {width} wide, seed {seed}", decides, lambda: _softmax(width, scaled=way == SCALED, seed=seed))


def _softmax(width: int, *, scaled: bool, seed: int) -> Figures:
    """Entropy by its greatest, and the norm of the gradient of the scores by that of the weights: of the median query, and of all."""
    torch.manual_seed(seed)
    q, k, up = torch.randn(1, 1, QUERIES, width), torch.randn(1, 1, KEYS, width), torch.randn(1, 1, QUERIES, KEYS)
    scores = ops.attention_scores(q, k, scale=None if scaled else 1.0).requires_grad_()
    weights = ops.softmax(scores)
    weights.backward(up)
    back = torch.zeros_like(up) if scores.grad is None else scores.grad
    each = (back.norm(dim=-1) / up.norm(dim=-1)).flatten()
    passed = float(each.median())
    entropy = -(weights.detach() * weights.detach().clamp(min=1e-30).log()).sum(-1).mean()
    return {
        "entropy": float(entropy) / math.log(KEYS),
        "passed": passed,
        "log passed": math.log(passed),
        "all": float(back.norm() / up.norm()),
        "dead": float((each < DEAD).float().mean()),
    }


def _learnt(lab: Lab, setting: Setting, letters: Letters, width: int, way: str, seed: int) -> Figures:
    small = setting.small
    spec = small.spec(len(letters.alphabet), attention=Attention(heads=small.heads, head_dim=width, score=WAYS[way]))
    found = trained(lab, small.lesson(f"letters, {way}, heads {width} wide", spec, letters), seed)
    rows = letters.held_out(setting.rows, small.length)
    how = held_out(letters, rows=setting.rows, length=small.length)
    return found.measured(lab, "loss on held-out text", how, lambda model: {"nats": float(losses(model, rows).mean())})


def _apart(found: dict[str, list[Figures]], key: str, first: str, second: str) -> Estimate:
    return difference([each[key] for each in found[first]], [each[key] for each in found[second]])


def _mean(found: list[Figures], key: str) -> Estimate:
    return over_seeds([each[key] for each in found])


def _table(title: str, by_width: dict[int, dict[str, list[Figures]]], keys: tuple[str, ...]) -> Table:
    return Table(
        title=title,
        columns=("head width", *(f"{MEASURES[key]}, {way}" for key in keys for way in WAYS)),
        rows=tuple((d, *(_mean(found[way], key) for key in keys for way in WAYS)) for d, found in by_width.items()),
    )


def _plot(title: str, unit: str, by_width: dict[int, dict[str, list[Figures]]], key: str, *, log_y: bool = False) -> Plot:
    lines = [Line(label=way, x=tuple(by_width), y=tuple(_mean(found[way], key) for found in by_width.values())) for way in WAYS]
    return Plot(title=title, x="width of a head", y=unit, lines=tuple(lines), log_x=True, log_y=log_y)


CLAIM = Claim(
    number=4,
    name="scaling",
    statement="Scaling by sqrt(d) keeps gradients alive.",
    source="Vaswani et al. 2017, section 3.2.1 and footnote 4",
    refuted_by="A softmax without the scale that is as soft and lets as much gradient through at wide heads; models that learn as well.",
    sizes={
        "quick": Setting(),
        "full": Setting(small=replace(LONGER, heads=2), learning=(8, 64, 256), rows=64),
    },
    measure=measure,
)
