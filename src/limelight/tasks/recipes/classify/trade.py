"""Classifying: from labelled texts to a model that tells their classes apart, calibrated, with its scores and its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ....data import Table, TextBatches, cell
from ....data.opinions import Aside, Judged, Parts, set_aside, without_copies
from ....data.reviews import read_opinions
from ....data.text_batches import Row
from ....devices import pick_device
from ....errors import InputError, did_you_mean
from ....hub import Opened
from ....inputs import Text
from ....manifest import Calibration, Generation, Manifest
from ....nn import Network
from ....train import ClassifyRecipe, Loss, find_data, whole_texts
from ...classify.classified import Classified
from ...classify.judging import head_of
from ...classify.task import Classify, ClassifyOptions
from ..scorer import Explains
from ..scores import Score
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .calibration import Read, best_temperature, cool
from .card import markdown
from .explaining import chosen, measured
from .scoring import Answers, Odds, Truth, balanced, by_set, calibration_error, score

GLANCE = 200                     # texts of each set that are looked at while training
EXPLAINED = 25                   # of the test part of each, that it is told of at the end which words decided
Shop = Workshop[ClassifyRecipe, Parts]


class Classifying(Trade[ClassifyRecipe, Parts, Judged, Classified]):
    """See Trade."""

    unit: ClassVar[str] = "texts"
    learns: ClassVar[str] = "texts"
    doing: ClassVar[str] = "classifying"
    columns: ClassVar[tuple[str, str]] = ("text", "label")
    tried: ClassVar[str] = "limelight classify --model {} --why TEXT"

    def needs(self, recipe: ClassifyRecipe, beside: Path) -> list[Path]:
        """The sets."""
        return [find_data(each.path, beside) for each in recipe.data.sets]

    def prepare(
        self, recipe: ClassifyRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal reads `few` texts of each set, a tenth of them in each of the other parts."""
        parts = without_copies(read_parts(recipe, beside, few=few))
        text = pieces(lambda: (each.text for each in parts.train), recipe.tokenizer.vocab, folder, lower=recipe.tokenizer.lower)
        torch.manual_seed(recipe.plan.seed)
        model = Network(recipe.spec(len(text))).to(pick_device(device))
        manifest = Manifest(
            name=recipe.name,
            task=recipe.task,
            spec=model.spec,
            generation=Generation(pad=text.pad, start=text.start, end=(text.end,), max_source=recipe.batches.max_length),
            card=blank_card(recipe),
        )
        return Workshop(recipe, parts, text, model, text_batches(recipe, parts.train, text), manifest)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        return whole_texts(workshop.recipe.plan, leave_out=workshop.recipe.batches.leave_out)

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        valid = workshop.split.valid
        some = [each for name in dict.fromkeys(each.of for each in valid) for each in islice((v for v in valid if v.of == name), GLANCE)]
        return {name: round(100 * share, 2) for name, share in self.found(some, self.answers(workshop.opened(), some)).items()}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """The temperature is chosen on the valid part and divided out of the head, of the trained model too; then the test part is read."""
        del beside
        split = workshop.split
        head = head_of(shipped).name
        before = self._sets(split.test, self.answers(shipped, split.test))
        temperature = self._temperature(shipped, split.valid)
        for model in (workshop.model, shipped.model):
            cool(model, head, temperature)
        found = self.examined(workshop, shipped, split.test, trained=trained)
        after = self._sets(split.test, found.answers)
        calibration = Calibration(
            temperature=temperature,
            before=_errors(before),
            after=_errors(after),
            chosen_on=len(split.valid),
        )
        evidence = measured(shipped, split.test, each=EXPLAINED).evidence if split.test else None
        manifest = replace(workshop.manifest, calibration=calibration, evidence=evidence, card=found.card)
        return Measured(manifest, markdown(workshop, manifest, found.scores))

    def held_out(self, recipe: ClassifyRecipe, beside: Path, part: Part) -> list[Judged]:
        """See Trade."""
        parts = read_parts(recipe, beside)
        return parts.test if part == "test" else parts.valid

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Judged]:
        """Texts and their labels, which are the model's own, capital or small."""
        where, names = map(table.column, columns)
        labels = {label.casefold(): label for label in head_of(opened).labels}
        found = []
        for number, row in enumerate(table.rows, 1):
            text, label = (cell(row, column, where=table.where, number=number) for column in (where, names))
            if label.casefold() not in labels:
                raise InputError(f"{table.where}, row {number}: no label {label[:40]!r}.", did_you_mean(label, labels.values()))
            if not text.strip():
                raise InputError(f"{table.where}, row {number}: a text with nothing in it cannot be scored.", "Leave such rows out.")
            found.append(Judged(text, labels[label.casefold()], table.where))
        return found

    def answers(self, opened: Opened, examples: Sequence[Judged], **options: object) -> list[Classified]:
        """What a user gets, long texts in windows."""
        return Classify(opened)([each.text for each in examples], ClassifyOptions(), **options)

    def scores(self, examples: Sequence[Judged], answers: Sequence[Classified]) -> list[Score]:
        """Accuracy, balanced accuracy and calibration error of each set."""
        return [one for each in self._sets(examples, answers) for one in score(each)]

    def found(self, examples: Sequence[Judged], answers: Sequence[Classified]) -> dict[str, float]:
        """Balanced accuracy of each set, between 0 and 1."""
        return {each.of: balanced(each.odds, each.truth) for each in self._sets(examples, answers)}

    def evidence(self, examples: Sequence[Judged], each: int) -> Explains:
        """See Trade."""
        some = chosen(examples, each)
        return lambda opened, tell: measured(opened, some, each=each, tell=tell)

    def kept(self) -> dict[str, Any]:
        """See Trade."""
        return {"text": str, "set": str, "label": str, "answer": str, "score": float}

    def row(self, example: Judged, answer: Classified) -> dict[str, Any]:
        """See Trade."""
        return {"text": example.text, "set": example.of, "label": example.label, "answer": answer.label, "score": answer.score}

    def _sets(self, examples: Sequence[Judged], answers: Sequence[Classified]) -> list[Answers]:
        odds, truth = _numbers(examples, answers)
        return by_set([each.of for each in examples], odds, truth)

    def _temperature(self, shipped: Opened, valid: Sequence[Judged]) -> float:
        """Chosen on texts of all sets, each set counting the same."""
        if not valid:
            return 1.0
        answers, sizes = self.answers(shipped, valid), Counter(each.of for each in valid)
        labels = head_of(shipped).labels
        read = Read.of(answers, labels, [1 / sizes[each.of] for each in valid])
        return best_temperature(read, np.array([labels.index(each.label) for each in valid]))


def read_parts(recipe: ClassifyRecipe, beside: Path, *, few: int | None = None) -> Parts:
    """The recipe's texts, divided; near copies of held-out ones are still among those to train on."""
    sets, aside = {}, {}
    for each in recipe.data.sets:
        sets[each.name] = read_opinions(find_data(each.path, beside), each.form)
        aside[each.name] = Aside(each.test, each.valid, each.also)
        if few is not None:
            by_label = {label: [one for one in sets[each.name] if one.label == label] for label in recipe.data.labels}
            sets[each.name] = [one for label in by_label for one in by_label[label][: few // len(by_label)]]
            aside[each.name] = Aside(min(each.test, few // 10), min(each.valid, few // 10), each.also)
    return set_aside(sets, aside, labels=recipe.data.labels, seed=recipe.data.seed)


def rates(recipe: ClassifyRecipe, train: Sequence[Judged]) -> list[float]:
    """How often each text is read in an epoch; in an even set each label is read as often as the others together would be on average."""
    parts = {each.name: each for each in recipe.data.sets}
    sizes, labels = Counter(each.of for each in train), Counter((each.of, each.label) for each in train)
    there = Counter(of for of, _ in labels)
    return [
        parts[each.of].rate * (sizes[each.of] / (there[each.of] * labels[each.of, each.label]) if parts[each.of].even else 1.0)
        for each in train
    ]


def text_batches(recipe: ClassifyRecipe, train: Sequence[Judged], text: Text) -> TextBatches:
    """What is learnt, in the order of the plan's seed."""
    glimpse = {each.name: each.glimpse for each in recipe.data.sets}
    found = zip(train, text.encode_all([each.text for each in train], marks=False), rates(recipe, train), strict=True)
    return TextBatches(
        [Row(encoded.ids, recipe.data.labels.index(each.label), rate, glimpse[each.of]) for each, encoded, rate in found],
        budget=recipe.batches.tokens,
        seed=recipe.plan.seed,
        marks=(text.end, text.pad),
        max_length=recipe.batches.max_length,
    )


def _numbers(examples: Sequence[Judged], answers: Sequence[Classified]) -> tuple[Odds, Truth]:
    """Probabilities, in the order of the labels' names, and the true class of each. Raises InputError for a label that the model lacks."""
    labels = sorted({one.label.casefold() for answer in answers for one in answer.labels})
    if odd := next((each.label for each in examples if each.label.casefold() not in labels), None):
        raise InputError(f"the model knows no label {odd!r}.", did_you_mean(odd, labels))
    odds = [{one.label.casefold(): one.score for one in answer.labels} for answer in answers]
    if (bare := next((i for i, each in enumerate(odds) if len(each) < len(labels)), None)) is not None:
        raise InputError(f"nothing in it can be read: {examples[bare].text[:40]!r}.", "Leave such texts out.")
    truth = [labels.index(each.label.casefold()) for each in examples]
    return np.array([[each[label] for label in labels] for each in odds]), np.array(truth)


def _errors(sets: Sequence[Answers]) -> dict[str, float]:
    return {each.of: round(calibration_error(each.odds, each.truth), 4) for each in sets}
