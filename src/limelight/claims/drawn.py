"""Claim 11: a drawn key can be learnt from, since REINFORCE's gradient is right on average.

Small encoder-decoders with hard attention learn a little of real sentence pairs, straight through Gumbel's noise, so that it matters where
they look. Then the gradient of the expected loss of some held-out pairs is taken exactly, through every key of every step, or through every
sequence of keys where a draw goes into all later states; and estimated again and again from draws, with a baseline and without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..data import read_pairs, split_by_source
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..measure.intervals import Estimate, over_seeds
from ..nn import Network
from ..spec import Attention, General, Hard, Model, Recurrent, Tokens, Words
from ..train import Plan, find_data, next_token, translation_loss
from ..train.drawing import drawing_loss
from ..values import value
from .claim import Claim
from .corpus import TATOEBA
from .findings import Found, Line, Plot, Table
from .gradients import Gradient, compared, copies, exact, flat, where
from .lab import Figures, Lab, fingerprint
from .lessons import Lesson, trained
from .verdicts import Check
from .vocabulary import END, START, UNKNOWN, Vocabulary, spelt

LOOKING, ALL = "where to look", "all weights"
OWN, FED = "a draw for its own step", "a draw into all later states"
PLAIN, LESS, GUMBEL = "REINFORCE, no baseline", "REINFORCE, baseline", "Gumbel, straight through"
ESTIMATORS = (PLAIN, LESS, GUMBEL)
HELD_OUT, SPLIT_SEED = 100, 11
HARD = Hard(entropy=0.0)        # the gradient of the expected loss alone


@value
class Setting:
    """`words`: of each sentence, by how far a draw reaches; every key is tried, so sequences have few. `vocabulary`: of both languages.

    `pairs` are measured, each drawn for `samples` times in each of `batches`.
    """

    own: int = 6
    fed: int = 3
    vocabulary: int = 300
    dim: int = 24
    rows: int = 32
    steps: int = 150
    lr: float = 4e-3
    pairs: int = 8
    samples: int = 16
    batches: int = 64

    def spec(self, *, feeding: bool, hard: Hard) -> Model:
        """A recurrent encoder-decoder that looks at one key a step (Luong et al. 2015, general; Xu et al. 2015, hard)."""
        column = {"depth": 1, "cell": "gru", "input": Tokens(vocab=self.vocabulary)}
        cross = Attention(heads=1, maps="", bias="", score=General(), weights=hard)
        encoder, decoder = Recurrent(**column, bidirectional=True), Recurrent(**column, cross=cross, feeding=feeding)
        return Model(family="drawn", dim=self.dim, encoder=encoder, decoder=decoder, heads=(Words(),))


@dataclass(frozen=True)
class Corpus:
    """Pairs of sentences of equal numbers of words, as (source, target); those to measure share no source with those to learn from."""

    learnt: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...]
    vocabulary: Vocabulary

    @property
    def fingerprint(self) -> str:
        """What tells it from others."""
        return fingerprint(repr((self.learnt, self.held, self.vocabulary.known)))

    def rows(self, pairs: tuple[tuple[str, str], ...]) -> tuple[Int[Tensor, "b k"], Int[Tensor, "b n"]]:
        """Words with an end on either side."""
        ids = self.vocabulary.ids
        return torch.tensor([[*ids(a), END] for a, _ in pairs]), torch.tensor([[*ids(b), END] for _, b in pairs])

    @cached_property
    def lessons(self) -> tuple[Int[Tensor, "b k"], Int[Tensor, "b n"]]:
        """All pairs to learn from."""
        return self.rows(self.learnt)

    def asked(self, count: int) -> Pairs:
        """The first of the pairs that were held out."""
        return _paired(*self.rows(self.held[:count]))

    def rest(self, count: int) -> Pairs:
        """The others of them."""
        return _paired(*self.rows(self.held[count:]))


@dataclass(frozen=True, eq=False)
class Shuffled:
    """Batches of so many pairs in any order; see train.Batches."""

    corpus: Corpus
    rows: int
    seed: int

    def order(self, epoch: int) -> list[Int[np.ndarray, " rows"]]:
        """Whole batches only, unless there is but a part of one."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.corpus.learnt))
        return [order[i : i + self.rows] for i in range(0, max(1, len(order) - self.rows + 1), self.rows)]

    def batch(self, indices: Int[np.ndarray, " rows"]) -> Pairs:
        """Those pairs."""
        sources, targets = self.corpus.lessons
        return _paired(sources[indices], targets[indices])


def read_corpus(path: str, *, words: int, vocabulary: int) -> Corpus:
    """The pairs of a table with so many words on either side. Raises RecipeError where it is not there, InputError for too few."""
    found = [pair for pair in read_pairs(find_data(path, Path()), format="tsv") if _long(pair) == (words, words)]
    split = split_by_source(found, test=HELD_OUT, valid=0, seed=SPLIT_SEED)
    learnt = tuple((source, target) for source, target in split.train)
    known = Vocabulary.of((side for pair in learnt for side in pair), vocabulary - UNKNOWN - 1)
    return Corpus(learnt, tuple((each.source, each.references[0]) for each in split.test), known)


def _paired(sources: Tensor, targets: Tensor) -> Pairs:
    return Pairs(Batch(sources), Batch(targets))


def _long(pair: tuple[str, str]) -> tuple[int, int]:
    return len(spelt(pair[0])), len(spelt(pair[1]))


class Reach(NamedTuple):
    """How far a draw reaches, what is learnt then, and what is measured for each seed: the expected loss before and after, the gradients
    by estimator."""

    name: str
    words: int
    figures: list[Figures]

    def each(self, estimator: str, part: str, key: str) -> list[float]:
        """A figure by seed."""
        return [float(figures["gradients"][estimator][part][key]) for figures in self.figures]


def measure(lab: Lab, setting: Setting, path: str = TATOEBA) -> Found:
    """Exact gradients beside estimated ones, for draws that reach one step and all later ones."""
    reaches = [_reach(lab, setting, path, name=OWN), _reach(lab, setting, path, name=FED)]
    checks = [check for reach in reaches for check in _checks(reach)]
    tables = [_table(reach) for reach in reaches]
    plots = [_plot(reach) for reach in reaches]
    return Found(checks, tables, plots, [_aside(reach) for reach in reaches])


def _reach(lab: Lab, setting: Setting, path: str, *, name: str) -> Reach:
    feeding = name == FED
    corpus = read_corpus(path, words=setting.fed if feeding else setting.own, vocabulary=setting.vocabulary)
    plan = Plan(steps=setting.steps, lr=setting.lr, warmup=10, schedule="constant", log_every=max(1, setting.steps // 10))
    lesson = Lesson(
        name=f"hard attention, {name}",
        spec=setting.spec(feeding=feeding, hard=Hard(estimator="gumbel")),
        plan=plan,
        data=f"{corpus.fingerprint}/{setting.rows}",
        batches=lambda seed: Shuffled(corpus, setting.rows, seed),
        loss=next_token(plan, start=START),
        loss_name="next token",
    )
    how = {"pairs": setting.pairs, "samples": setting.samples, "batches": setting.batches}
    figures = []
    for seed in lab.seeds:
        learnt = trained(lab, lesson, seed)
        ask = partial(_measured, setting=setting, corpus=corpus, seed=seed)
        figures.append(learnt.measured(lab, "gradients, exact and drawn", how, ask))
    return Reach(name, setting.fed if feeding else setting.own, figures)


def _measured(straight: Network, *, setting: Setting, corpus: Corpus, seed: int) -> Figures:
    """`straight`: the model as it has learnt; `model`: the same weights, for estimators that want to know what was drawn."""
    model = Network(setting.spec(feeding=straight.spec.lasting, hard=HARD))
    model.load_state_dict(straight.state_dict(), strict=False)                       # it has a baseline besides
    pairs, usual = corpus.asked(setting.pairs), _usual(model.train(), corpus.rest(setting.pairs))
    right = exact(model, pairs, start=START)
    parts = {LOOKING: where(model, lambda name: ".cross." in name), ALL: where(model, lambda _: True)}
    ways: dict[str, Callable[[Pairs], Gradient]] = {
        PLAIN: partial(_rewarded, model, usual=0.0),
        LESS: partial(_rewarded, model, usual=usual),
        GUMBEL: partial(_straight, straight.train()),
    }
    torch.manual_seed(seed)
    many, gradients = copies(pairs, setting.samples), {}
    for name, way in ways.items():
        drawn = torch.stack([way(many) for _ in range(setting.batches)])
        gradients[name] = compared(drawn, right, parts, samples=setting.samples)
    return {"gradients": gradients, "baseline": usual, "exact": {name: float(right[part].norm()) for name, part in parts.items()}}


@torch.no_grad()
def _usual(model: Network, others: Pairs) -> float:
    """The mean log-likelihood of a token, of pairs that are not measured: what training's moving baseline comes to."""
    found = drawing_loss(model, others, hard=HARD, start=START)
    return -float(found.nll) / found.tokens


def _rewarded(model: Network, pairs: Pairs, *, usual: float) -> Gradient:
    """One estimate, against a baseline that is not of the same draws."""
    for attention in model.attentions().values():
        attention.baseline.fill_(usual)
    return flat(model, drawing_loss(model, pairs, hard=HARD, start=START).total / len(pairs.target))


def _straight(model: Network, pairs: Pairs) -> Gradient:
    return flat(model, translation_loss(model, pairs, start=START).total / len(pairs.target))


def _checks(reach: Reach) -> list[Check]:
    """All of them of the weights that say where to look: these learn by what was drawn and by nothing else."""
    told = partial(reach.each, part=LOOKING)
    return [
        *(
            Check(says=f"{way}, {reach.name}: share of intervals that hold the exact value", wanted="above", bound=0.85,
                  found=over_seeds(told(way, key="held")))
            for way in (PLAIN, LESS)
        ),
        Check(says=f"{LESS}, {reach.name}: how much of the exact gradient the mean has along it, less 1", wanted="within", bound=0.2,
              found=over_seeds([each - 1 for each in told(LESS, key="along")])),
        Check(says=f"{PLAIN}, {reach.name}: slope of the error by samples, and 1/2", wanted="within", bound=0.1,
              found=over_seeds([each + 0.5 for each in told(PLAIN, key="slope")])),
        Check(says=f"variance with the baseline over that without, {reach.name}", wanted="below", bound=1.0,
              found=over_seeds(_variances(reach))),
    ]  # fmt: skip


def _table(reach: Reach) -> Table:
    columns = {"along it": "along", "bias": "bias", "noise of a sample": "noise", "slope": "slope", "intervals that hold it": "held"}
    return Table(
        title=f"Gradients against the exact one, {reach.name}, {reach.words} words and an end, by its length",
        columns=("", "weights", *columns, "coordinates"),
        rows=tuple(
            (name, part, *(over_seeds(reach.each(name, part, key)) for key in columns.values()), _coordinates(reach, name, part))
            for name in ESTIMATORS
            for part in (LOOKING, ALL)
        ),
    )


def _coordinates(reach: Reach, name: str, part: str) -> int:
    return round(min(reach.each(name, part, "coordinates")))


def _plot(reach: Reach) -> Plot:
    """Error by samples a pair."""
    lines = []
    for name in ESTIMATORS:
        by_seed = [figures["gradients"][name][LOOKING]["errors"] for figures in reach.figures]
        lines.append(Line(label=name, x=tuple(n for n, _ in by_seed[0]), y=tuple(_at(by_seed, i) for i in range(len(by_seed[0])))))
    title = f"Distance to the exact gradient, {reach.name}"
    return Plot(title=title, x="samples a pair", y="of the gradient's length", lines=tuple(lines), log_x=True, log_y=True)


def _at(by_seed: list[list[list[float]]], place: int) -> Estimate:
    return over_seeds([errors[place][1] for errors in by_seed])


def _variances(reach: Reach) -> list[float]:
    """What a baseline leaves of the variance, by seed."""
    return [(a / b) ** 2 for a, b in zip(reach.each(LESS, LOOKING, "noise"), reach.each(PLAIN, LOOKING, "noise"), strict=True)]


def _aside(reach: Reach) -> str:
    """What is no check: Gumbel's estimator is never said to be right."""
    bias, noise = (over_seeds(reach.each(GUMBEL, LOOKING, key)) for key in ("bias", "noise"))
    ratio = over_seeds([a / b for a, b in zip(reach.each(LESS, LOOKING, "noise"), reach.each(GUMBEL, LOOKING, "noise"), strict=True)])
    return f"{reach.name.capitalize()}: straight through Gumbel's noise the gradient's bias is {bias} and its noise {noise} of the exact " \
        f"one's length; REINFORCE with a baseline has {ratio} times the noise."


CLAIM = Claim(
    number=11,
    name="drawn",
    statement="A drawn key can be learnt from: REINFORCE's gradient is right on average, and a baseline makes it less noisy.",
    source="Xu et al. 2015, section 4.1; Williams 1992; Jang et al. 2017 for the contrast",
    refuted_by="A mean over ever more draws that stays away from the gradient through all of them; a baseline that adds noise.",
    sizes={"quick": Setting(), "full": Setting(dim=48, vocabulary=600, steps=600, samples=64, batches=384)},
    measure=measure,
)
