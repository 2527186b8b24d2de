"""draw: a text -> pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby
from typing import Annotated, Any, overload

import torch
from PIL import Image
from pydantic import Field

from ...decode import Among, Ending, Guide, Hypothesis, Sample, stream
from ...errors import InputError, RecipeError
from ...hub import Opened
from ...inputs import Encoded
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..result import Columns, Cost
from .drawn import Drawn, Picture
from .looking import patches
from .prompts import Prompts

Seed = Annotated[int, Field(ge=0, lt=2**63)]
MOST_AT_ONCE = 1024


@value
class DrawOptions:
    """How to draw; None means what the model's folder says. `seeds`: a picture for each, the same one whenever it is drawn. `guidance`: by
    how much more than by itself the text counts, 1 for no more; `temperature`, `top_k`: how codes are drawn. `words`: tell which words
    stand behind each patch. `batch`: pictures at once."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    guidance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    words: bool = False
    batch: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = 16

    def __post_init__(self) -> None:
        if len(set(self.seeds)) < len(self.seeds):
            raise RecipeError(f"a seed draws the same picture twice: got seeds={list(self.seeds)[:20]}.", "Give each once.")


@dataclass(frozen=True)
class Underway:
    """Pictures that are being drawn: `codes` so far, of each seed; `done` of `of` codes, those of all pictures together."""

    seeds: tuple[int, ...]
    codes: tuple[tuple[int, ...], ...]
    done: int
    of: int


class Draw:
    """The drawing task over one model; call it with a text or several.

        draw = limelight.task("draw", "./dalle-mini")
        draw("an armchair like an avocado", seeds=range(16)).grid().save("armchairs.png")
    """

    Options = DrawOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "draw")
        self.opened, self.prompts = opened, Prompts(opened)

    @overload
    def __call__(self, text: list[str] | tuple[str, ...], options: DrawOptions | None = None, **changes: Any) -> list[Drawn]: ...
    @overload
    def __call__(self, text: str, options: DrawOptions | None = None, **changes: Any) -> Drawn: ...
    def __call__(self, text: Any, options: DrawOptions | None = None, **changes: Any) -> Drawn | list[Drawn]:
        """A text -> its pictures; several -> a list, in order.

        Raises InputError for a text that is too long, with its number where there are several; RecipeError for an option that is unknown.
        """
        asked, texts = self._asked(options, changes), as_texts(text)
        read = [numbered(i, texts, lambda one=one: self.prompts.read(one)) for i, one in enumerate(texts)]
        found = [self._last(self._steps(each, asked)) for each in read]
        return found[0] if isinstance(text, str) else found

    def stream(self, text: str, options: DrawOptions | None = None, **changes: Any) -> Iterator[Underway | Drawn]:
        """The same for one text, with what is drawn so far after each code; the pictures come last."""
        asked = self._asked(options, changes)
        return self._steps(self.prompts.read(text), asked)

    def picture(self, codes: Sequence[int]) -> Image.Image:
        """Codes -> a picture; what is not drawn yet of one that is underway repeats its last code. Raises InputError for too many."""
        slots = self.prompts.drawing.codec.slots
        rest = [codes[-1] if codes else 0] * (slots - len(codes))
        with torch.inference_mode():
            (made,) = self.prompts.codec.decode(torch.tensor([[*codes, *rest]], device=self.opened.device))
        pixels = (made.movedim(0, -1) * 255).round().to(torch.uint8).cpu().numpy()
        return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")

    def columns(self, options: DrawOptions) -> Columns:
        """What a table gets: codes."""
        del options
        return {"": list[list[int]], "seeds": list[int]}

    def check(self, text: Any, options: DrawOptions | None = None) -> None:
        """Raises InputError for what cannot be drawn."""
        del options
        self.prompts.read(text)

    def _asked(self, options: DrawOptions | None, changes: dict[str, Any]) -> DrawOptions:
        if isinstance(seeds := changes.get("seeds"), range | list):
            changes = {**changes, "seeds": tuple(seeds)}
        asked, d = with_changes("draw", options, DrawOptions, changes), self.prompts.drawing
        return replace(
            asked,
            guidance=d.guidance if asked.guidance is None else asked.guidance,
            temperature=d.temperature if asked.temperature is None else asked.temperature,
            top_k=d.top_k if asked.top_k is None else asked.top_k,
        )

    def _last(self, steps: Iterator[Underway | Drawn]) -> Drawn:
        for step in steps:
            if isinstance(step, Drawn):
                return step
        raise InputError("nothing was drawn.", "Give a seed at least.")

    def _steps(self, text: Encoded, asked: DrawOptions) -> Iterator[Underway | Drawn]:
        began, slots, finished = time.perf_counter(), self.prompts.drawing.codec.slots, dict[int, Hypothesis]()
        with torch.inference_mode():
            source, away = self.prompts.source([text.ids]), self.prompts.source([self.opened.text.encode("").ids])
        for seeds in runs(asked.seeds, asked.batch):
            for step in self._drawing(source, Guide(away, asked.guidance or 0.0), seeds, asked):
                trails = sorted(step.search.trails, key=lambda each: each.turn)
                codes = tuple(tuple(self._codes(each.tokens)) for each in trails)
                if codes:
                    yield Underway(seeds, codes, len(finished) * slots + sum(map(len, codes)), len(asked.seeds) * slots)
                finished |= {seeds[each.turn]: each for each in step.done[0]}
        pictures = [self._picture(seed, finished[seed], text, words=asked.words) for seed in asked.seeds]
        m = self.opened.manifest
        yield Drawn(
            task="draw", model=m.name, source=text.text, precision=self.opened.precision, pictures=tuple(pictures),
            cost=Cost(time.perf_counter() - began, len(text.ids), slots * len(pictures)),
        )  # fmt: skip

    def _drawing(self, source: Any, guide: Guide, seeds: tuple[int, ...], asked: DrawOptions) -> Iterator[Any]:
        """Seeds that follow one another are copies of one answer, which read the text once."""
        d = self.prompts.drawing
        choice = Sample(temperature=asked.temperature or 1.0, top_k=asked.top_k, nbest=len(seeds), seed=seeds[0])
        ending, filters = Ending(frozenset(), d.codec.slots), (Among(first=d.first, count=d.codec.count),)
        return stream(self.opened.model, source, choice, ending=ending, start=d.start, filters=filters, guide=guide)

    def _codes(self, tokens: Sequence[int]) -> list[int]:
        return [token - self.prompts.drawing.first for token in tokens]

    def _picture(self, seed: int, done: Hypothesis, text: Encoded, *, words: bool) -> Picture:
        codes = self._codes(done.tokens)
        told = patches(self.prompts, text, codes) if words else None
        return Picture(seed, self.picture(codes), tuple(codes), sum(done.logprobs), told)


def runs(seeds: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Seeds in runs of neighbours, at most so many in each."""
    counter = count()
    found: list[tuple[int, ...]] = []
    for _, group in groupby(sorted(seeds), key=lambda seed: seed - next(counter)):
        run = tuple(group)
        found += [run[i : i + most] for i in range(0, len(run), most)]
    return found
