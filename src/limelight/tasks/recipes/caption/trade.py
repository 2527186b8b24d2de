"""Captioning: see the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from ....data import Table
from ....data.picture_lessons import PictureLessons
from ....data.raw_batches import RawBatches
from ....data.shown import Example, Filed, Parts
from ....devices import pick_device
from ....hub import Opened
from ....manifest import Generation, Manifest
from ....nn import Network
from ....train import CaptionRecipe, Forgetting, Loss, next_token
from ....train.recipes.shown import pictures
from ...caption import Caption, CaptionOptions
from ...caption.matching import likelihoods, ranks
from ..scores import Score
from ..shown import begin_as, needed, of_table, parts, said
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .card import markdown
from .scoring import Answered, score

GLANCE = 100                             # pictures that are looked at for a score while training
Shop = Workshop[CaptionRecipe, Parts[Example]]


class Captioning(Trade[CaptionRecipe, Parts[Example], Example, Answered]):
    """See Trade."""

    unit: ClassVar[str] = "pictures"
    learns: ClassVar[str] = "caption tokens"
    doing: ClassVar[str] = "captioning"
    columns: ClassVar[tuple[str, str]] = ("file", "text")
    tried: ClassVar[str] = "limelight caption --model {} PICTURE"

    def needs(self, recipe: CaptionRecipe, beside: Path) -> list[Path]:
        """The table of pictures; scenes need nothing."""
        return needed(recipe.data, beside)

    def prepare(
        self, recipe: CaptionRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` pictures to learn from, and a tenth as many in the other parts."""
        found, seed = parts(recipe.data, beside, few=few), recipe.plan.seed
        text = pieces(lambda: said(recipe.data, found), recipe.tokenizer.vocab, folder, lower=True)
        torch.manual_seed(seed)
        model = Network(recipe.spec(len(text))).to(pick_device(device))
        if recipe.model.begin is not None:
            begin_as(model, recipe.model.begin)
        settings = pictures(recipe.data.side)
        batches = RawBatches(found.learnt, PictureLessons(text, settings), size=recipe.batches.size, seed=seed)
        generation = Generation(
            pad=text.pad,
            start=text.start,
            end=(text.end,),
            never=((text.pad,), (text.start,)),
            never_first=(text.end,),
            beam=recipe.eval.beam,
            max_length=recipe.eval.max_length,
        )
        manifest = Manifest(
            name=recipe.name, task=recipe.task, spec=model.spec, generation=generation, card=blank_card(recipe), pictures=settings
        )
        return Workshop(recipe, found, text, model, batches, manifest)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        share = workshop.recipe.model.forget
        forgetting = Forgetting(share, workshop.words.pad) if share else None
        return next_token(workshop.recipe.plan, start=workshop.words.start, forgetting=forgetting)

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        some, opened = list(workshop.split.valid[:GLANCE]), workshop.opened()
        return {each.name: round(each.value, 2) for each in self.scores(some, self.answers(opened, some))}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """See Trade."""
        del beside
        found = self.examined(workshop, shipped, list(workshop.split.test), trained=trained)
        return Measured(replace(workshop.manifest, card=found.card), markdown(workshop, found.card, found.scores))

    def held_out(self, recipe: CaptionRecipe, beside: Path, part: Part) -> list[Example]:
        """See Trade."""
        found = parts(recipe.data, beside)
        return list(found.test if part == "test" else found.valid)

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Example]:
        """See Scorer: files of pictures, and what is to be said of them."""
        del opened
        return of_table(table, columns)

    def answers(self, opened: Opened, examples: Sequence[Example], **options: object) -> list[Answered]:
        """What a user gets; files have their texts told from each other as well."""
        shown = [each.picture() for each in examples]
        captions = [each.text for each in Caption(opened)(shown, CaptionOptions(), **options)]
        filed = [i for i, each in enumerate(examples) if isinstance(each, Filed)]
        if len(filed) < 2:
            return [Answered(text) for text in captions]
        found = likelihoods(opened, [shown[i] for i in filed], [examples[i].texts[0] for i in filed])
        places = dict(zip(filed, ranks(found), strict=True))
        return [Answered(text, places.get(i), len(filed)) for i, text in enumerate(captions)]

    def scores(self, examples: Sequence[Example], answers: Sequence[Answered]) -> list[Score]:
        """See `scoring`."""
        return score(examples, answers)

    def kept(self) -> dict[str, Any]:
        """See Scorer."""
        return {"picture": str, "text": str, "caption": str, "place": int}

    def row(self, example: Example, answer: Answered) -> dict[str, Any]:
        """See Scorer."""
        return {"picture": example.name, "text": example.texts[0], "caption": answer.text, "place": answer.place}
