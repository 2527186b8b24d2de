"""Drawing: see the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ....codecs import Codec, build
from ....data import Table
from ....data.raw_batches import RawBatches
from ....data.shown import Example, Filed, Painted, Parts
from ....devices import pick_device
from ....errors import RecipeError, TaskError, TrainError
from ....hub import Opened, find
from ....manifest import Drawing as DrawingSpec
from ....manifest import Generation, Manifest
from ....nn import Network
from ....train import DrawRecipe, Event, Loss, Started, Stopped, fit, latest
from ....train.codec_learning import Learner, learner_loss
from ....train.drawn_loss import drawn_loss
from ....train.loop import Resume
from ....train.recipes.draw import DiscretePart
from ...draw import Draw
from ..scores import Score
from ..shown import needed, of_table, parts, said
from ..trade import Measured, Part, Trade, Workshop, blank_card, card_of, pieces
from .card import markdown
from .judging import answer, copies, costs, judge_at
from .lessons import Drawable, Seen, check_room
from .scoring import Answered, Asked, of_seen, score, summed

GLANCE, DRAWN = 100, 8                   # pictures that are looked at for a score while training, and texts that are drawn for one
CODEC = "codec"                          # where its checkpoints are, beside those of the Transformer
Shop = Workshop[DrawRecipe, Parts[Example]]


class Drawing(Trade[DrawRecipe, Parts[Example], Asked, Answered]):
    """See Trade. The codec learns first, with checkpoints of its own; the codes of pictures are found as they are wanted."""

    unit: ClassVar[str] = "texts"
    learns: ClassVar[str] = "codes"
    doing: ClassVar[str] = "drawing"
    columns: ClassVar[tuple[str, str]] = ("file", "text")
    tried: ClassVar[str] = 'limelight draw --model {} "TEXT" --out picture.png'

    def needs(self, recipe: DrawRecipe, beside: Path) -> list[Path]:
        """The table of pictures, and the captioner that judges; scenes need nothing."""
        judge = judge_at(recipe.eval.judge, beside)
        try:
            return [*needed(recipe.data, beside), *([find(judge)] if judge else [])]
        except TaskError as error:
            raise RecipeError(f"eval.judge: {error.message}", 'Train it first, or do without: eval.judge="".') from None

    def prepare(
        self, recipe: DrawRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` pictures to learn from, and a tenth as many in the other parts."""
        found, seed, m = parts(recipe.data, beside, few=few), recipe.plan.seed, recipe.model
        text = pieces(lambda: said(recipe.data, found), recipe.tokenizer.vocab, folder, lower=True)
        check_room(text, m.text, chain(found.learnt(0), found.valid, found.test))
        place = pick_device(device)
        torch.manual_seed(seed)
        codec = build(recipe.codec.spec(recipe.data.side)).to(place)
        model = Network(recipe.spec(len(text))).to(place)
        e = recipe.eval
        drawing = replace(
            DrawingSpec.behind(words=len(text), text=m.text, codec=codec.spec),
            guidance=e.guidance, temperature=e.temperature, top_k=e.top_k,
        )  # fmt: skip
        make = Drawable(text, drawing, m.text, codec, recipe.blank)
        manifest = Manifest(
            name=recipe.name,
            task=recipe.task,
            spec=model.spec,
            generation=Generation(pad=text.pad, start=text.start, end=(text.end,)),
            drawing=drawing,
            card=blank_card(recipe),
        )
        return Workshop(recipe, found, text, model, RawBatches(found.learnt, make, size=recipe.batches.size, seed=seed), manifest, codec)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        recipe = workshop.recipe
        return partial(drawn_loss, drawing=_drawing(workshop), text=recipe.model.text, forgetting=recipe.forgetting)

    def _learn(self, workshop: Shop, folder: Path | None, resume: Resume) -> Iterator[Event]:
        """The codec, then the Transformer. A training that is broken off in either goes on there; "must" is content with what there is of
        the codec. Raises TrainError for a folder whose Transformer has learnt another codec's codes."""
        then = super()._learn(workshop, folder, "auto" if resume == "must" else resume)      # begins when it is asked for
        return self._halves(workshop, folder, resume, then)

    def _halves(self, workshop: Shop, folder: Path | None, resume: Resume, then: Iterator[Event]) -> Iterator[Event]:
        if folder is not None:
            _check_halves(folder, workshop.recipe, resume)
        for event in self._learn_codec(workshop, None if folder is None else folder / CODEC, resume):
            yield replace(event, part=CODEC, counts="pictures") if isinstance(event, Started) else event
            if isinstance(event, Stopped):
                return
        yield from then

    def _learn_codec(self, workshop: Shop, folder: Path | None, resume: Resume) -> Iterator[Event]:
        codec, recipe = _codec(workshop), workshop.recipe
        plan, part = recipe.codec.course, recipe.codec
        codec.requires_grad_(True)
        far = part.far if isinstance(part, DiscretePart) else 1.0
        learner = Learner(codec, steps=plan.steps * plan.accumulate, far=far)
        learner.to(next(codec.parameters()).device)
        batches = RawBatches(workshop.split.learnt, Seen(codec.spec), size=part.batches.size, seed=plan.seed)

        def evaluate(_: nn.Module) -> Mapping[str, float]:
            return self.glance_at_codec(workshop)

        yield from fit(learner, batches, loss=learner_loss, plan=plan, folder=folder, resume=resume, evaluate=evaluate)
        codec.eval().requires_grad_(False)

    def glance_at_codec(self, workshop: Shop) -> Mapping[str, float]:
        """How near the codec comes to held-out pictures, what is found in its copies of scenes, and how many of its codes they take."""
        found = list(copies(Draw(workshop.opened()), workshop.split.valid[:GLANCE]))
        scores = {"codec's likeness in dB": sum(each.likeness for each in found) / len(found)}
        scores |= summed("found in its copies", [each.copied for each in found])
        scores |= {"codes in use": float(len({code for each in found for code in each.codes}))}
        return {name: round(value, 2) for name, value in scores.items()}

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """What held-out codes cost, in nats each, and what is found in a few drawings of scenes."""
        draw, valid = Draw(workshop.opened()), workshop.split.valid
        nll = [cost for _, cost in costs(draw, valid[:GLANCE])]
        scores = {"nats a code": round(sum(nll) / len(nll), 4)}
        some = [Asked(each) for each in valid[:DRAWN] if isinstance(each, Painted)]
        return scores | summed("found in drawings", [each.drawn for each in answer(draw.opened, some)] if some else [])

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """See Trade."""
        test = _asked(workshop.recipe, workshop.split.test, beside)
        answers, pace = self.paced(shipped, test)
        scores = self.scores(test, answers)
        seen = of_seen(self.answers(shipped, self._seen(workshop, len(test), beside)))
        found: dict[str, float | str] = {each.name: round(each.value, 1) for each in (*scores, *seen)}
        found |= {"test texts": float(len(test)), "texts drawn and judged a second": round(pace, 2)}
        card = card_of(workshop.recipe, trained=trained, scores=found)
        return Measured(replace(workshop.manifest, card=card), markdown(workshop, card, scores, seen))

    def _seen(self, workshop: Shop, count: int, beside: Path) -> list[Asked]:
        """So many of the files to learn from, spread over them all, where somebody judges; of scenes the checker has told enough."""
        recipe = workshop.recipe
        filed = [each for each in workshop.split.learnt(0) if isinstance(each, Filed)] if recipe.eval.judge else []
        return _asked(recipe, filed[:: max(1, len(filed) // count)][:count], beside)

    def held_out(self, recipe: DrawRecipe, beside: Path, part: Part) -> list[Asked]:
        """See Trade."""
        found = parts(recipe.data, beside)
        return _asked(recipe, found.test if part == "test" else found.valid, beside)

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Asked]:
        """See Scorer: files of pictures, and the texts that are to be drawn."""
        del opened
        return [Asked(each) for each in of_table(table, columns)]

    def answers(self, opened: Opened, examples: Sequence[Asked], **options: object) -> list[Answered]:
        """What a user gets by the first seed, and what is found in it."""
        return answer(opened, examples, **options)

    def scores(self, examples: Sequence[Asked], answers: Sequence[Answered]) -> list[Score]:
        """See `scoring`."""
        return score(examples, answers)

    def kept(self) -> dict[str, Any]:
        """See Scorer."""
        return {"picture": str, "text": str, "drawn": str, "asked": int, "found": int, "beside": int, "place": int, "nll": float}

    def row(self, example: Asked, answer: Answered) -> dict[str, Any]:
        """See Scorer: `drawn` are the drawing's codes, `asked` and `found` count all that a scene's text asks for."""
        found, place = answer.drawn, answer.place
        return {
            "picture": example.example.name,
            "text": example.example.texts[0],
            "drawn": " ".join(map(str, answer.made)),
            "asked": None if found is None else found.all_of[0],
            "found": None if found is None else found.all_of[1],
            "beside": None if found is None else found.beside,
            "place": None if place is None else place.at,
            "nll": answer.nll,
        }


def _asked(recipe: DrawRecipe, examples: Sequence[Example], beside: Path) -> list[Asked]:
    judge = judge_at(recipe.eval.judge, beside)
    return [Asked(each, judge) for each in examples]


def _codec(workshop: Shop) -> Codec:
    if workshop.codec is None:
        raise TaskError(f"{workshop.recipe.name} has no codec.", "Prepare it by this trade.")
    return workshop.codec


def _drawing(workshop: Shop) -> DrawingSpec:
    drawing = workshop.manifest.drawing
    if drawing is None:
        raise TaskError(f"{workshop.recipe.name} does not say how it draws.", "Prepare it by this trade.")
    return drawing


def _check_halves(folder: Path, recipe: DrawRecipe, resume: Resume) -> None:
    """Codes mean what the codec says: where the Transformer has begun, the codec has ended, and stays."""
    begun, _ = latest(folder)
    if begun is None:
        return
    if resume == "never":
        raise TrainError(f"{folder} already holds {begun.name}.", 'Give another folder, or resume="auto" to go on from it.')
    ended, _ = latest(folder / CODEC)
    want = f"step-{recipe.codec.plan.steps:08d}"
    if ended is None or ended.name != want:
        has = "nothing" if ended is None else ended.name
        raise TrainError(
            f"{begun} has learnt the codes of a codec at {want}; {folder / CODEC} holds {has}.",
            "Put the codec or codec.plan.steps back, or train in another folder.",
        )
