"""Detecting: from pictures with boxes to a model that finds a set of objects, its scores and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from ....data.box_lessons import PLAIN, BoxLessons, Example
from ....data.boxes import Marked, read_album
from ....data.raw_batches import RawBatches
from ....data.shown import Painted, Parts
from ....devices import pick_device
from ....errors import InputError
from ....hub import Opened
from ....manifest import SILENT, Finding, Manifest
from ....nn import Network
from ....spec import Pictures
from ....train import DetectRecipe, Loss, find_data
from ....train.recipes.detect import AlbumPart
from ....train.recipes.shown import HALF
from ....train.set_loss import objects_in
from ...detect import Detected
from ..scores import Score
from ..shown import parts
from ..trade import Measured, Part, Trade, Workshop, blank_card
from .card import markdown
from .spotting import Spotting

GLANCE = 60                              # pictures that are looked at for a score while training


Shop = Workshop[DetectRecipe, Parts[Example]]


class Detecting(Spotting, Trade[DetectRecipe, Parts[Example], Example, Detected]):
    """See Trade."""

    learns: ClassVar[str] = "pictures"
    tried: ClassVar[str] = "limelight detect --model {} PICTURE"

    def needs(self, recipe: DetectRecipe, beside: Path) -> list[Path]:
        """The folder of pictures; scenes need nothing."""
        return [find_data(recipe.data.path, beside)] if isinstance(recipe.data, AlbumPart) else []

    def prepare(
        self, recipe: DetectRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` pictures to learn from, and a tenth as many in the other parts."""
        del folder
        found, seed = divided(recipe, beside, few=few), recipe.plan.seed
        torch.manual_seed(seed)
        model = Network(recipe.spec()).to(pick_device(device))
        settings = Pictures(size=recipe.size, filter="bilinear", mean=HALF, std=HALF)
        how = recipe.data.changes if isinstance(recipe.data, AlbumPart) else PLAIN
        batches = RawBatches(found.learnt, BoxLessons(recipe.labels, settings, how), size=recipe.batches.size, seed=seed)
        manifest = Manifest(
            name=recipe.name,
            task=recipe.task,
            spec=model.spec,
            generation=SILENT,
            card=blank_card(recipe),
            pictures=settings,
            finding=Finding(overlap=recipe.eval.overlap),
        )
        return Workshop(recipe, found, None, model, batches, manifest)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        return objects_in(weighing=workshop.recipe.weighing)

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        some = list(workshop.split.valid[:GLANCE])
        found = self.scores(some, self.answers(workshop.opened(), some))
        return {each.name: round(each.value, 2) for each in found[:2]}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """See Trade."""
        del beside
        found = self.examined(workshop, shipped, list(workshop.split.test), trained=trained)
        return Measured(replace(workshop.manifest, card=found.card), markdown(workshop, found.card, found.scores))

    def held_out(self, recipe: DetectRecipe, beside: Path, part: Part) -> list[Example]:
        """See Trade."""
        found = divided(recipe, beside)
        return list(found.test if part == "test" else found.valid)

    def scores(self, examples: Sequence[Example], answers: Sequence[Detected]) -> list[Score]:
        """See `scoring`; of scenes, those with a kind of thing that no scene to learn from has also by themselves."""
        out = super().scores(examples, answers)
        novel = [i for i, each in enumerate(examples) if isinstance(each, Painted) and each.novel]
        if not 0 < len(novel) < len(examples):
            return out
        some = super().scores([examples[i] for i in novel], [answers[i] for i in novel])
        return [*out, *(replace(each, name=f"{each.name}, scenes with new kinds") for each in some[:2])]


def divided(recipe: DetectRecipe, beside: Path, *, few: int | None = None) -> Parts[Example]:
    """The pictures of a recipe, in its parts. Raises InputError where an album has other labels than the recipe says."""
    data = recipe.data
    if not isinstance(data, AlbumPart):
        return parts(data, beside, few=few)
    path = find_data(data.path, beside)
    albums = [read_album(path, part) for part in (data.train, data.valid, data.test)]
    if odd := sorted({label for album in albums for each in album.pictures for label in (m.label for m in each.marks)} - {*data.labels}):
        raise InputError(f"{path} marks {', '.join(odd)[:80]}, which the recipe's labels lack.", f"It has: {', '.join(data.labels)}.")
    learnt, valid, test = (list[Marked](album.pictures) for album in albums)
    if few is not None:
        learnt, valid, test = learnt[:few], valid[: max(2, few // 10)], test[: max(2, few // 10)]
    return Parts(lambda _: learnt, valid, test)
