"""Claim 8: distance does not matter to attention.

Language models and an encoder-decoder, recurrent and Transformers of about equally many weights, learn to say where somebody is (bAbI's
single supporting fact). The fact is planted so many sentences before the question, with real sentences about others between: in stories as
long as the longest that were learnt from, and in stories twice as long. What reaches the fact is looked at as well: the gradient of the
right answer's score at its words, before anything was learnt and after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..data.stories import read_stories
from ..measure.intervals import Estimate, difference, over_seeds
from ..nn import Network
from ..train import Plan, find_data
from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .lessons import Lesson, Trained, trained
from .planted import Planted, Stories, World
from .recall import ATTENDING, KINDS, LSTM, RECURRENT, ROTARY, TRANSFORMERS, answers, reaches, right, sized
from .verdicts import Check
from .vocabulary import Vocabulary

BABI = "$LIMELIGHT_DATA/babi_en10k/qa1_single-supporting-fact_{}.txt.gz"
LEVEL = 0.05                    # so much of accuracy is no matter
TOLD, LONGER = "stories as long as learnt", "stories twice as long"
BEFORE, AFTER = "before learning", "after"
SEED = 8                        # of the stories that are asked about


@value
class Setting:
    """`longest`: sentences of a story to learn from; `times`: as many of them are asked about. `lr`: of recurrent models and of
    Transformers. `asked`: stories at each distance, `traced`: those whose gradients are taken."""

    kinds: tuple[str, ...] = (LSTM, ATTENDING, ROTARY)
    longest: int = 4
    times: tuple[int, ...] = (1, 2)
    dim: int = 48
    rows: int = 16
    steps: int = 400
    lr: tuple[float, float] = (6e-3, 4e-3)
    asked: int = 100
    traced: int = 32

    def plan(self, kind: str) -> Plan:
        """How a kind learns."""
        lr = self.lr[kind in TRANSFORMERS]
        return Plan(steps=self.steps, lr=lr, warmup=self.steps // 20, schedule="cosine", log_every=max(1, self.steps // 20))

    def distances(self, length: int) -> list[int]:
        """Powers of two up to a length, and the length."""
        return sorted({length, *(2**i for i in range(length.bit_length()))})


class Recalled(NamedTuple):
    """A kind: by seed, the share of right answers at each distance by length of story, and the logarithm (base 10) of the gradient."""

    models: list[Trained]
    accuracies: dict[str, list[dict[int, float]]]
    gradients: dict[str, list[dict[int, float]]]

    def slopes(self, which: str) -> list[float]:
        """What accuracy gains with each doubling of the distance, by seed."""
        return [_slope(each) for each in self.accuracies[which]]

    def falls(self, which: str) -> list[float]:
        """Accuracy at the greatest distance less at the least, by seed."""
        return [each[max(each)] - each[min(each)] for each in self.accuracies[which]]

    def fades(self, which: str) -> list[float]:
        """Orders of magnitude of the gradient at the greatest distance against the least, by seed."""
        return [each[max(each)] - each[min(each)] for each in self.gradients[which]]


def measure(lab: Lab, setting: Setting, path: str = BABI) -> Found:
    """Every kind learns, is asked by distance, and shows what reaches the fact."""
    learnt, held = read_worlds(path)
    found = {kind: _recalled(lab, setting, kind, learnt, held) for kind in setting.kinds}
    lengths = _lengths(setting)
    tables = [_table(found, which) for which in lengths]
    plots = [_plot(found, which) for which in lengths]
    return Found(_checks(found), [*tables, _fading(found)], [*plots, _path(found, BEFORE), _path(found, AFTER)], _notes(setting, found))


def read_worlds(path: str = BABI) -> tuple[World, World]:
    """The questions to learn from and those to be asked, of files whose names hold "train" and "test" in place of {}.

    Raises RecipeError where they are not there, InputError for ones of another form.
    """
    learnt, held = (tuple(read_stories(find_data(path.format(part), Path()))) for part in ("train", "test"))
    vocabulary = Vocabulary.of(text for each in learnt for text in (*each.sentences, each.question, each.answer))
    return World(learnt, vocabulary), World(held, vocabulary)


def _recalled(lab: Lab, setting: Setting, kind: str, learnt: World, held: World) -> Recalled:
    lesson = Lesson(
        name=f"recall, {kind}",
        spec=sized(kind, len(learnt.vocabulary), setting.dim),
        plan=setting.plan(kind),
        data=f"{learnt.fingerprint}/{setting.rows}x{setting.longest}",
        batches=lambda seed: Stories(learnt, setting.rows, setting.longest, seed),
        loss=answers(_width(learnt)),
        loss_name="answers",
    )
    models = [trained(lab, lesson, seed) for seed in lab.seeds]
    accuracies = {
        which: [_accuracy(lab, setting, model, held, length) for model in models] for which, length in _lengths(setting).items()
    }
    gradients = {which: [_gradient(lab, setting, model, held, which) for model in models] for which in (BEFORE, AFTER)}
    return Recalled(models, accuracies, gradients)


def _lengths(setting: Setting) -> dict[str, int]:
    names = {1: TOLD, 2: LONGER}
    return {names.get(times, f"stories {times} times as long"): times * setting.longest for times in setting.times}


def _width(world: World) -> int:
    """Words of a question and its answer."""
    return 1 + max(len(world.vocabulary.ids(each.question)) for each in world.asked)


def _asked(held: World, rows: int, length: int, distance: int) -> Planted:
    """The same stories for all models."""
    return held.planted(np.random.default_rng([SEED, length, distance]), rows, length=length, distances=(distance,))


def _accuracy(lab: Lab, setting: Setting, model: Trained, held: World, length: int) -> dict[int, float]:
    """The share of right answers, by distance in sentences."""

    def ask(network: Network) -> Figures:
        return {str(d): float(right(network, _asked(held, setting.asked, length, d)).mean()) for d in setting.distances(length)}

    how = {"held out": held.fingerprint, "length": length, "stories": setting.asked, "seed of stories": SEED}
    return _by_distance(model.measured(lab, f"answers in stories of {length} sentences", how, ask))


def _gradient(lab: Lab, setting: Setting, model: Trained, held: World, which: str) -> dict[int, float]:
    """The mean logarithm of the gradient's length at the fact, by distance, in stories as long as learnt."""
    length = setting.longest

    def trace(network: Network) -> Figures:
        seen = network if which == AFTER else _unlearnt(model)
        return {str(d): _reached(seen, _asked(held, setting.traced, length, d)) for d in setting.distances(length)}

    how = {"held out": held.fingerprint, "length": length, "stories": setting.traced, "seed of stories": SEED, "when": which}
    return _by_distance(model.measured(lab, f"gradient at the fact, {which}", how, trace))


def _unlearnt(model: Trained) -> Network:
    """The model as it began."""
    torch.manual_seed(model.seed)
    return Network(model.lesson.spec).eval()


def _reached(network: Network, asked: Planted) -> float:
    return float(reaches(network, asked).fact.double().clamp(min=1e-30).log10().mean())


def _by_distance(figures: Mapping[str, float]) -> dict[int, float]:
    return {int(distance): figure for distance, figure in figures.items()}


def _slope(by_distance: Mapping[int, float]) -> float:
    return float(np.polyfit([math.log2(d) for d in by_distance], list(by_distance.values()), 1)[0])


def _checks(found: Mapping[str, Recalled]) -> list[Check]:
    transformers = [kind for kind in found if kind in TRANSFORMERS]
    level = partial(Check, wanted="within", bound=LEVEL)
    lengths = list(next(iter(found.values())).accuracies)
    checks = [
        level(says=f"{kind}: accuracy far less near, {which}", found=over_seeds(found[kind].falls(which)))
        for which in lengths
        for kind in transformers
    ]
    steeper = partial(Check, wanted="below", unit="a doubling")
    for kind in found:
        if kind not in RECURRENT:
            continue
        for against in [*transformers[:1], *([ATTENDING] if ATTENDING in found else [])]:
            for which in lengths:
                slopes = difference(found[kind].slopes(which), found[against].slopes(which))
                checks.append(steeper(says=f"slope of accuracy over distance, {kind} less {against}, {which}", found=slopes))
        if transformers:
            fades = difference(found[kind].fades(BEFORE), found[transformers[0]].fades(BEFORE))
            says = f"gradient at the fact far against near, {BEFORE}, {kind} less {transformers[0]}"
            checks.append(Check(says=says, wanted="below", unit="orders of magnitude", found=fades))
    return checks


def _table(found: Mapping[str, Recalled], which: str) -> Table:
    distances = list(next(iter(found.values())).accuracies[which][0])
    return Table(
        title=f"Share of right answers by sentences from the fact to the question, {which}; slope a doubling",
        columns=("", "weights", *map(str, distances), "slope", "far less near"),
        rows=tuple(
            (
                kind,
                int(each.models[0].figures["parameters"]),
                *(_at(each.accuracies[which], d) for d in distances),
                over_seeds(each.slopes(which)),
                over_seeds(each.falls(which)),
            )
            for kind, each in found.items()
        ),
    )


def _fading(found: Mapping[str, Recalled]) -> Table:
    return Table(
        title="Orders of magnitude by which the gradient at the farthest fact is above that at the nearest",
        columns=("", BEFORE, AFTER),
        rows=tuple((kind, over_seeds(each.fades(BEFORE)), over_seeds(each.fades(AFTER))) for kind, each in found.items()),
    )


def _plot(found: Mapping[str, Recalled], which: str) -> Plot:
    lines = [_line(kind, each.accuracies[which]) for kind, each in found.items()]
    return Plot(title=f"Right answers, {which}", x="sentences from fact to question", y="share", lines=tuple(lines), log_x=True)


def _path(found: Mapping[str, Recalled], which: str) -> Plot:
    """Relative to the nearest fact."""
    lines = [_line(kind, [{d: x - each[min(each)] for d, x in each.items()} for each in of.gradients[which]]) for kind, of in found.items()]
    return Plot(title=f"Gradient at the fact, {which}", x="sentences from fact to question", y="orders of magnitude, nearest = 0",
                lines=tuple(lines), log_x=True)  # fmt: skip


def _line(label: str, by_seed: list[dict[int, float]]) -> Line:
    distances = list(by_seed[0])
    return Line(label=label, x=tuple(map(float, distances)), y=tuple(_at(by_seed, d) for d in distances))


def _at(by_seed: list[dict[int, float]], distance: int) -> Estimate:
    return over_seeds([each[distance] for each in by_seed])


def _notes(setting: Setting, found: Mapping[str, Recalled]) -> list[str]:
    losses = ", ".join(f"{kind} {over_seeds([m.figures['curve'][-1][1] for m in each.models])}" for kind, each in found.items())
    lengths = ", ".join(map(str, _lengths(setting).values()))
    return [
        f"Stories are real sentences of bAbI's first task, drawn one by one: 1 to {setting.longest} of them to learn from (even by the "
        f"logarithm), with all four people asked about after each; {lengths} of held-out stories to be asked about, with one question. "
        "Between fact and question nobody moves who is asked about; before the fact anybody may.",
        "There are but four people and six places: a recurrent state need not hold much.",
        f"Loss of an answer at the end of learning, in nats (guessing costs {math.log(6):.2f}): {losses}.",
    ]


CLAIM = Claim(
    number=8,
    name="distance",
    statement="Distance does not matter to attention.",
    source="Vaswani et al. 2017, section 4; Bengio et al. 1994 for what fades in recurrent nets; Weston et al. 2015 for the task",
    refuted_by="A Transformer whose answers get worse with the distance of the fact; a recurrent net whose answers get no worse.",
    sizes={
        "quick": Setting(),
        "full": Setting(kinds=KINDS, longest=12, times=(1, 2, 8), dim=64, rows=32, steps=3000, lr=(4e-3, 2e-3), asked=400, traced=64),
    },
    measure=measure,
)
