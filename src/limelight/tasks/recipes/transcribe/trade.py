"""Transcribing: from recordings to a model that writes down what it hears, its scores and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from ....data.raw_batches import RawBatches
from ....data.recordings import Recording
from ....data.sound_lessons import SoundLessons, Utterance
from ....devices import pick_device
from ....errors import RecipeError
from ....hub import Opened
from ....manifest import Generation, Manifest, Speech
from ....nn import Network
from ....spec import Sounds
from ....train import Guide, Loss, TranscribeRecipe, find_data, guided, next_token
from ....train.recipes.transcribe import DigitsPart
from ...transcribe import Transcribed
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .card import markdown
from .choosing import best_heads
from .divided import Heard, divided
from .hearing import Hearing, Recorded
from .scoring import Said

GLANCE = 60                              # strings that are written down for a score while training


Shop = Workshop[TranscribeRecipe, Heard]


class Transcribing(Hearing, Trade[TranscribeRecipe, Heard, Recorded, Transcribed]):
    """See Trade."""

    learns: ClassVar[str] = "text tokens"
    tried: ClassVar[str] = "limelight transcribe --model {} RECORDING"

    def needs(self, recipe: TranscribeRecipe, beside: Path) -> list[Path]:
        """The folder of recordings, or the table that lists them."""
        return [find_data(recipe.data.path, beside)]

    def prepare(
        self, recipe: TranscribeRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. Raises RecipeError where nothing fits into a stretch of sound, or a text has more pieces than the decoder reads."""
        found, seed = divided(recipe, beside, few=few), recipe.plan.seed
        texts = [each.text for each in found.learnt(0)]
        if not texts:
            raise RecipeError(f"no recording fits into sounds.seconds = {recipe.sounds.seconds}.", "Raise it, or cut the recordings.")
        text = pieces(lambda: texts, recipe.tokenizer.vocab, folder, lower=isinstance(recipe.data, DigitsPart))
        if (longest := max(len(each.ids) for each in text.encode_all(texts))) > (most := recipe.model.length):
            raise RecipeError(f"a text has {longest} pieces, and model.length is {most}.", f"Raise it to {longest} at least.")
        torch.manual_seed(seed)
        model = Network(recipe.spec(len(text))).to(pick_device(device))
        lessons = SoundLessons(text, recipe.sounds, recipe.disturbed)
        batches = RawBatches(found.learnt, lessons, size=recipe.batches.size, seed=seed)
        manifest = Manifest(
            name=recipe.name,
            task=recipe.task,
            spec=model.spec,
            generation=Generation(
                pad=text.pad,
                start=text.start,
                end=(text.end,),
                never=((text.pad,), (text.start,)),
                beam=1,
                max_length=recipe.model.length - 1,
            ),
            card=blank_card(recipe),
            sounds=recipe.sounds,
            speech=Speech(),
        )
        return Workshop(recipe, found, text, model, batches, manifest)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        loss, g = next_token(workshop.recipe.plan, start=workshop.words.start), workshop.recipe.guided
        return guided(loss, Guide(g.layer, g.heads, g.share)) if g.share else loss

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        some = recorded(workshop.split.valid[:GLANCE], workshop.recipe.sounds, timed=False)
        return {each.name: round(each.value, 2) for each in self.scores(some, self.answers(workshop.opened(), some))}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """The heads that tell when a word is said are chosen on the valid part; then the test part is read."""
        del beside
        recipe, split = workshop.recipe, workshop.split
        some = recorded(split.valid[: recipe.eval.sample], recipe.sounds)
        timed = any(each.said.words for each in some)
        chosen = best_heads(shipped, lambda opened: self.scores(some, self.answers(opened, some))) if timed else None
        manifest = workshop.manifest if chosen is None else replace(workshop.manifest, speech=Speech(heads=chosen.heads))
        shipped = replace(shipped, manifest=manifest)
        found = self.examined(workshop, shipped, recorded(split.test, recipe.sounds), trained=trained, digits=2)
        return Measured(replace(manifest, card=found.card), markdown(workshop, found.card, found.scores, chosen))

    def held_out(self, recipe: TranscribeRecipe, beside: Path, part: Part) -> list[Recorded]:
        """See Trade."""
        found = divided(recipe, beside)
        return recorded(found.test if part == "test" else found.valid, recipe.sounds)


def recorded(spoken: Sequence[Utterance], sounds: Sounds, *, timed: bool = True) -> list[Recorded]:
    """As recordings whose words are known, and with them their times, where these are."""
    return [
        Recorded(each.path if isinstance(each, Recording) else each.sound(sounds.rate), Said(each.text, tuple(each.joins) if timed else ()))
        for each in spoken
    ]
