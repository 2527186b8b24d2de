"""Claim 7: more heads are better but dearer, and the least important can go.

Decoders of equal width with more and fewer heads learn letters; a step of training of each is timed, and its memory taken. In the one
with the most heads those that matter least to the loss are then switched off, and those that matter most for contrast.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ..inputs.pairs import Pairs
from ..measure.intervals import Estimate, difference, over_rounds, over_seeds
from ..nn import Network
from ..spec import Attention, Model
from ..values import plain, value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .language import LONGER, Small, held_out, losses, next_letter
from .lessons import Trained, trained
from .letters import Letters, Rows, read_letters
from .pruning import Head, importance, silent
from .timing import Work, peaks, timed
from .verdicts import Check

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
LITTLE = 0.05                        # nats: what a head that can go may cost


@value
class Setting:
    """`counts`: numbers of heads. `rows`: held-out rows to ask; importance is reckoned on as many of the part that was learnt."""

    small: Small = Small()
    counts: tuple[int, ...] = (1, 4, 16)
    rows: int = 32
    rounds: int = 8


def measure(lab: Lab, setting: Setting) -> Found:
    """Quality, time and memory by head count, then pruning."""
    letters = read_letters()
    models = {count: [_learnt(lab, setting, letters, count, seed) for seed in lab.seeds] for count in setting.counts}
    nats = {count: [_nats(lab, setting, letters, each) for each in found] for count, found in models.items()}
    seconds, memory = _costs(lab, setting, letters)
    few, many = str(setting.counts[0]), str(setting.counts[-1])
    pruned = [_pruned(lab, setting, letters, each) for each in models[setting.counts[-1]]]
    checks = [
        Check(
            says=f"loss on held-out text with {few} head less with {many}", wanted="above", unit="nats",
            found=difference(nats[setting.counts[0]], nats[setting.counts[-1]]),
        ),
        Check(
            says=f"time of a training step with {many} heads by that with {few}", wanted="above", bound=1.0,
            found=over_rounds([a / b for a, b in zip(seconds[many], seconds[few], strict=True)]),
        ),
        Check(
            says=f"memory of a training step with {many} heads by that with {few}", wanted="above", bound=1.0,
            found=over_rounds([a / b for a, b in zip(memory[many], memory[few], strict=True)]),
        ),
        Check(
            says=f"loss of {many} heads a layer without the least important quarter less with all", wanted="within", bound=LITTLE,
            unit="nats", found=_cost(pruned, "least", 0.25),
        ),
        Check(
            says="loss without the least important half less without the most important half", wanted="below", unit="nats",
            found=difference([each["least"][2] for each in pruned], [each["most"][2] for each in pruned]),
        ),
    ]  # fmt: skip
    return Found(checks, [_table(nats, seconds, memory), _pruning_table(pruned)], [_quality(nats), _pruning_plot(pruned, many)])


def _spec(setting: Setting, letters: Letters, count: int) -> Model:
    return setting.small.spec(len(letters.alphabet), attention=Attention(heads=count))


def _learnt(lab: Lab, setting: Setting, letters: Letters, count: int, seed: int) -> Trained:
    return trained(lab, setting.small.lesson(f"letters, {count} heads", _spec(setting, letters, count), letters), seed)


def _nats(lab: Lab, setting: Setting, letters: Letters, found: Trained) -> float:
    length = setting.small.length
    rows = letters.held_out(setting.rows, length)
    how = held_out(letters, rows=setting.rows, length=length)
    return found.measured(lab, "loss on held-out text", how, lambda model: {"nats": float(losses(model, rows).mean())})["nats"]


def _costs(lab: Lab, setting: Setting, letters: Letters) -> tuple[Figures, Figures]:
    """Seconds and MiB of a step forwards and back, by the number of heads."""
    small = setting.small
    rows = Rows(letters, small.rows, small.length, seed=0)
    pairs = rows.batch(rows.order(0)[0])
    works: dict[str, Work] = {}
    specs = {str(count): _spec(setting, letters, count) for count in setting.counts}
    for name, spec in specs.items():
        torch.manual_seed(0)
        works[name] = partial(_step, Network(spec).train(), pairs)
    decides = {"specs": {name: plain(spec) for name, spec in specs.items()}, "rows": small.rows, "letters": small.length}
    seconds = timed(lab, "a training step by head count: seconds", decides, works, rounds=setting.rounds)
    return seconds["seconds"], peaks(lab, "a training step by head count: memory", decides, works, rounds=setting.rounds)


def _step(model: Network, pairs: Pairs) -> None:
    next_letter(model, pairs).total.backward()
    model.zero_grad(set_to_none=True)


def _pruned(lab: Lab, setting: Setting, letters: Letters, found: Trained) -> Figures:
    """The loss with a growing share of heads switched off, the least and the most important first."""
    length = setting.small.length
    draw = Rows(letters, setting.rows, length, seed=found.seed)
    learnt = draw.batch(draw.order(0)[0])
    known = torch.cat([learnt.source.values, learnt.target.values[:, -1:]], 1) if learnt.source else learnt.target.values
    rows = letters.held_out(setting.rows, length)

    def ask(model: Network) -> Figures:
        matter = importance(model, known)
        ranked = sorted(matter, key=lambda head: matter[head])
        ways = {"least": ranked, "most": ranked[::-1]}
        return {way: [_loss(model, rows, heads[: round(share * len(heads))]) for share in SHARES] for way, heads in ways.items()}

    how = {**held_out(letters, rows=setting.rows, length=length), "shares": SHARES}
    return found.measured(lab, "loss without some of its heads", how, ask)


def _loss(model: Network, rows: Tensor, off: list[Head]) -> float:
    with silent(model, off):
        return float(losses(model, rows).mean())


def _cost(pruned: list[Figures], way: str, share: float) -> Estimate:
    at = SHARES.index(share)
    return difference([each[way][at] for each in pruned], [each[way][0] for each in pruned])


def _table(nats: dict[int, list[float]], seconds: Figures, memory: Figures) -> Table:
    return Table(
        title="Heads at equal width",
        columns=("heads", "nats a letter, held out", "milliseconds a step, one processor", "MiB of a step"),
        rows=tuple(
            (count, over_seeds(each), over_rounds([1000 * x for x in seconds[str(count)]]), over_rounds(memory[str(count)]))
            for count, each in nats.items()
        ),
    )


def _by_share(pruned: list[Figures], way: str) -> tuple[Estimate, ...]:
    return tuple(over_seeds([each[way][at] for each in pruned]) for at in range(len(SHARES)))


def _pruning_table(pruned: list[Figures]) -> Table:
    rows = zip(SHARES, _by_share(pruned, "least"), _by_share(pruned, "most"), strict=True)
    return Table(
        title="Loss with heads switched off, in nats a letter",
        columns=("share of all heads", "the least important", "the most important"),
        rows=tuple((f"{share:.0%}", least, most) for share, least, most in rows),
    )


def _quality(nats: dict[int, list[float]]) -> Plot:
    line = Line(label="held out", x=tuple(nats), y=tuple(over_seeds(each) for each in nats.values()))
    return Plot(title="Loss by number of heads, at equal width", x="heads", y="nats a letter", lines=(line,), log_x=True)


def _pruning_plot(pruned: list[Figures], many: str) -> Plot:
    ways = {"the least important first": "least", "the most important first": "most"}
    lines = [Line(label=name, x=tuple(100 * share for share in SHARES), y=_by_share(pruned, way)) for name, way in ways.items()]
    return Plot(title=f"Heads switched off, of {many} a layer", x="% of all heads", y="nats a letter", lines=tuple(lines))


CLAIM = Claim(
    number=7,
    name="heads",
    statement="More heads are better but dearer, and the least important can go.",
    source="Vaswani et al. 2017, table 3 (A); Michel et al. 2019, sections 3 and 4",
    refuted_by="One head that does as well, or many that cost no more; a loss that rises with the least important heads switched off.",
    sizes={
        "quick": Setting(),
        "full": Setting(small=LONGER, counts=(1, 2, 4, 8, 16), rows=64, rounds=10),
    },
    measure=measure,
)
