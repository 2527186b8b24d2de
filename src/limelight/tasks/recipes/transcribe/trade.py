"""Transcribing: from recordings to a model that writes down what it hears, its scores and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch

from ....data.digits import Clip, Spoken, by_speaker, by_take, read_digits, strings
from ....data.raw_batches import RawBatches
from ....data.sound_lessons import SoundLessons, fits
from ....devices import pick_device
from ....hub import Opened
from ....manifest import Generation, Manifest, Speech
from ....nn import Network
from ....spec import Sounds
from ....train import Guide, Loss, TranscribeRecipe, find_data, guided, next_token
from ...transcribe import Transcribed
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .card import markdown
from .choosing import best_heads
from .hearing import Hearing, Recorded
from .scoring import Said

GLANCE = 60                              # strings that are written down for a score while training


class Heard(NamedTuple):
    """Clips to learn from, and strings of others. `lost`: how many strings of the first epoch are too long to be learnt from."""

    learnt: list[Clip]
    valid: list[Spoken]
    test: list[Spoken]
    lost: int


Shop = Workshop[TranscribeRecipe, Heard]


class Transcribing(Hearing, Trade[TranscribeRecipe, Heard, Recorded, Transcribed]):
    """See Trade."""

    learns: ClassVar[str] = "text tokens"
    tried: ClassVar[str] = "limelight transcribe --model {} RECORDING"

    def needs(self, recipe: TranscribeRecipe, beside: Path) -> list[Path]:
        """The folder of recordings."""
        return [find_data(recipe.data.path, beside)]

    def prepare(
        self, recipe: TranscribeRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` clips to learn from, and a few strings in the other parts."""
        found, d, seed = divided(recipe, beside, few=few), recipe.data, recipe.plan.seed

        def examples(turn: int) -> list[Spoken]:
            longest = min(d.longest, 1 + turn // d.growing) if d.growing else d.longest
            every = strings(found.learnt, seed=d.seed, turn=turn, longest=longest, pause=d.pause)
            return [each for each in every if fits(each, recipe.sounds, recipe.disturbed)]

        text = pieces(lambda: (each.text for each in examples(0)), recipe.tokenizer.vocab, folder, lower=True)
        torch.manual_seed(seed)
        model = Network(recipe.spec(len(text))).to(pick_device(device))
        lessons = SoundLessons(text, recipe.sounds, recipe.disturbed)
        batches = RawBatches(examples, lessons, size=recipe.batches.size, seed=seed)
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
        chosen = best_heads(shipped, lambda opened: self.scores(some, self.answers(opened, some)))
        manifest = replace(workshop.manifest, speech=Speech(heads=chosen.heads))
        shipped = replace(shipped, manifest=manifest)
        found = self.examined(workshop, shipped, recorded(split.test, recipe.sounds), trained=trained, digits=2)
        return Measured(replace(manifest, card=found.card), markdown(workshop, found.card, found.scores, chosen))

    def held_out(self, recipe: TranscribeRecipe, beside: Path, part: Part) -> list[Recorded]:
        """See Trade."""
        found = divided(recipe, beside)
        return recorded(found.test if part == "test" else found.valid, recipe.sounds)


def divided(recipe: TranscribeRecipe, beside: Path, *, few: int | None = None) -> Heard:
    """The recordings of a recipe: what is learnt from, and strings of what is not, each clip of the test part in `eval.turns` of them."""
    d = recipe.data
    clips = read_digits(find_data(d.path, beside))
    rest, test = by_speaker(clips, d.speaker) if d.speaker else by_take(clips, range(d.takes))
    learnt, valid = by_take(rest, range(d.takes, d.takes + d.valid))
    if few is not None:
        learnt, valid, test = learnt[:: max(1, len(learnt) // few)], valid[::10], test[::10]
    turns = 1 if few is not None else recipe.eval.turns
    joined = [each for turn in range(turns) for each in strings(test, seed=d.seed + 1, turn=turn, longest=d.longest)]
    first = strings(learnt, seed=d.seed, longest=d.longest, pause=d.pause)
    lost = sum(not fits(each, recipe.sounds, recipe.disturbed) for each in first)
    return Heard(learnt, strings(valid, seed=d.seed + 2, longest=d.longest), joined, lost)


def recorded(spoken: Sequence[Spoken], sounds: Sounds, *, timed: bool = True) -> list[Recorded]:
    """Strings as recordings whose words, and with them their times, are known."""
    return [Recorded(each.sound(sounds.rate), Said(each.text, each.joins if timed else ())) for each in spoken]
