"""The bench that mechanisms are compared on: models of one size learn the same sentence pairs in the same order, and are asked the same.

What was learnt and how good it is are cells that all claims about translation share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from torch import nn

from ..data import Pair
from ..nn import Network
from ..spec import Model, Recurrent
from ..spec.mechanisms import Sizes, find
from ..tasks.align.gold import read_gold
from ..train import Plan, find_data
from ..train.drawing import next_token_of
from ..values import plain, value
from .corpus import Corpus, Material, digest, material
from .lab import Figures, Lab
from .lessons import Lesson, Trained, trained
from .quality import aligned, bleu, by_words, translated
from .verdicts import Check, from_on

GOLD = ("$LIMELIGHT_DATA/hansards_align_enfr/enfr.src-tgt", "$LIMELIGHT_DATA/hansards_align_enfr/enfr.gold")
LEAST = 5.0                      # BLEU, from which on differences mean something


@value
class Asked:
    """What a model is asked: `lines` of (how many test sentences in one, how many such lines), BLEU by words up to each of `edges`, and the
    first `gold` pairs of words aligned by hand, None for all, of which `choose_on` choose the heads."""

    lines: tuple[tuple[int, int], ...] = ((1, 600), (2, 200), (3, 150), (4, 120), (6, 60), (8, 50))
    edges: tuple[int, ...] = (5, 10, 15, 20, 25, 30, 40, 60)
    gold: int | None = None
    choose_on: int = 100


@value
class Bench:
    """A size, a corpus and a training. Recurrent models have LSTM cells; `hidden` makes the Transformer's parameters as many as theirs.

    `lr`: of recurrent models and of Transformers, each the best of a grid by the loss on held-out pairs. `watches`: how often the loss on
    held-out pairs is looked at while a model learns, and BLEU of the first `watched` of their sentences.
    """

    corpus: Corpus = Corpus()
    dim: int = 128
    heads: int = 4
    depth: int = 2
    hidden: int = 272
    steps: int = 1400
    warmup: int = 100
    lr: tuple[float, float] = (8e-3, 4e-3)
    watches: int = 7
    watched: int = 200
    asked: Asked = Asked()

    def spec(self, mechanism: str) -> Model:
        """A model of a mechanism, in the bench's size. Raises SpecError for an unknown one."""
        found = find(mechanism)
        sizes = Sizes(
            vocab=self.corpus.vocab,
            dim=self.dim,
            heads=self.heads,
            encoder_depth=self.depth,
            decoder_depth=self.depth,
            hidden=self.hidden,
            dropout=0.0,
            cell="lstm" if "cell" in found.takes else None,
        )
        return found.build(sizes)

    def material(self, lab: Lab) -> Material:
        """What is learnt and asked."""
        return material(self.corpus, lab.home("pieces"))

    def lesson(self, lab: Lab, mechanism: str) -> Lesson:
        """The training of a mechanism."""
        spec, given = self.spec(mechanism), self.material(lab)
        plan = Plan(
            steps=self.steps,
            lr=self.lr[0 if isinstance(spec.decoder, Recurrent) else 1],
            warmup=self.warmup,
            schedule="linear",
            precision="fp32",
            log_every=max(1, self.steps // 50),
            eval_every=-(-self.steps // self.watches),
        )
        return Lesson(
            name=f"{mechanism}, {self.dim} wide",
            spec=spec,
            plan=plan,
            data=given.fingerprint,
            batches=given.batches,
            loss=lambda model, pairs: next_token_of(model, plan, start=given.text.start)(model, pairs),
            loss_name="next token",
            watch=lambda model: _watched(given, plan, model, self.watched),
        )

    def learnt(self, lab: Lab, mechanism: str, seed: int) -> Trained:
        """A model of a mechanism, trained; see lessons.trained."""
        return trained(lab, self.lesson(lab, mechanism), seed)

    def figures(self, lab: Lab, mechanism: str, seed: int) -> Figures:
        """How a model has learnt and how good it is: {"bleu", "chrf"} of single sentences, "lengths": by words, "alignment", and all that
        `Trained.figures` says."""
        found, given = self.learnt(lab, mechanism, seed), self.material(lab)
        pairs, links = (find_data(path, Path()) for path in GOLD)

        def measure(model: Network) -> Figures:
            gold = read_gold(pairs, links)[: self.asked.gold]
            alignment = aligned(model, given.text, gold, languages=self.corpus.languages, choose_on=self.asked.choose_on)
            return {**_translates(model, given, self.asked), "alignment": alignment}

        how = {"asked": plain(self.asked), "gold": [digest(path) for path in (pairs, links)]}
        return {**found.figures, **found.measured(lab, "translation", how, measure)}

    def notes(self) -> list[str]:
        """What all that is measured on the bench has in common."""
        c, many = self.corpus, "All" if self.corpus.train is None else f"{self.corpus.train:,}"
        return [
            f"{many} English-French pairs of Tatoeba but those of {c.test + c.valid:,} source sentences, {c.vocab:,} byte-pair pieces; "
            f"{self.steps:,} steps of at most {c.tokens:,} tokens in float32, the same in the same order for all models of a seed. "
            f"Layers of width {self.dim}, {self.depth} on either side; recurrent models have LSTM cells, Transformers feed-forward layers "
            f"of {self.hidden}, which makes their parameters nearly as many.",
            GRID,
        ]


def told(checks: Sequence[Check], asked: Mapping[Any, Sequence[Figures]]) -> tuple[list[Check], list[str]]:
    """Checks, and a note where no model translates at all yet: see `from_on`. `asked`: the figures of the models that are compared, by what
    tells them apart."""
    best = max(fmean(each["bleu"] for each in found) for found in asked.values())
    why = (
        f"The best model comes to {best:.1f} BLEU. Below {LEAST:g} nothing is translated yet that could be compared: these figures show "
        "that all of it runs, and no check is settled by them."
    )
    return from_on(checks, best, LEAST, why)


def _watched(given: Material, plan: Plan, model: nn.Module, sentences: int) -> Mapping[str, float]:
    """The loss on held-out pairs, and BLEU on the first of their sentences."""
    if not isinstance(model, Network):
        return {}
    loss, batches = next_token_of(model, plan, start=given.text.start), given.watched
    sums = [loss(model, batches.batch(indices)) for indices in batches.order(0)]
    some = given.split.valid[:sentences]
    said = translated(model, given.text, [each.source for each in some])
    nll = sum(float(each.nll) for each in sums) / sum(each.tokens for each in sums)
    return {"nll": nll, "bleu": bleu(said, [each.references[0] for each in some])["bleu"]}


def _translates(model: Network, given: Material, asked: Asked) -> dict[str, Any]:
    lines = [given.asked(joined, count) for joined, count in asked.lines]
    every = [pair for some in lines for pair in some]
    said = translated(model, given.text, [pair.source for pair in every])
    single: list[Pair] = lines[0]
    scores = bleu(said[: len(single)], [pair.target for pair in single])
    return {**scores, "lengths": by_words(every, said, asked.edges)}


GRID = (
    "Learning rates of the full size, by held-out loss in nats after 300 steps of seed 0, the best one taken for all of a kind: "
    "general 2e-3 4.95, 4e-3 4.39, 8e-3 3.89, 16e-3 3.89 (with half the BLEU); general-fed 4e-3 4.44, 8e-3 3.89; "
    "multi-head 2e-3 4.10, 4e-3 3.76, 8e-3 3.81."
)
QUICK = Bench(
    corpus=Corpus(train=20_000, valid=200, vocab=800, tokens=500),
    dim=64,
    depth=1,
    hidden=128,
    steps=120,
    warmup=20,
    lr=(1e-2, 4e-3),
    watches=3,
    watched=40,
    asked=Asked(lines=((1, 60), (2, 30), (3, 20), (4, 20), (6, 10)), edges=(10, 20, 30, 60), gold=60, choose_on=30),
)
FULL = Bench()
