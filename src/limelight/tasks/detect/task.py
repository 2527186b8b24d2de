"""detect: pictures -> boxes with labels and scores."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Any, overload

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch
from ...inputs.pictures import Picture, read, ready
from ...inputs.pictures import seen as shown
from ...look import View, trace
from ...ops import corners, suppress
from ...spec import OBJECTS, Labels, Stack
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit
from ..reading.shown import Shown
from ..result import Columns, Cost
from .detected import Detected, Found, FoundCell
from .looking import looked_from, on_grid

Share = Annotated[float, Field(ge=0, le=1)]


@value
class DetectOptions:
    """How to detect. `threshold`: how likely an object must be. `overlap`: of two with one label that overlap by more than this share, only
    the likelier is kept; 1 keeps both; by default as the model's folder says, and both where it says nothing. `look`: where each place
    looked. `batch`: pictures at once, those of one size."""

    threshold: Share = 0.5
    overlap: Share | None = None
    look: bool = False
    batch: Annotated[int, Field(ge=1)] = 4


class Detect:
    """The detection task over one model; call it with a picture or several.

        detect = limelight.task("detect", "facebook/detr-resnet-50")
        for one in detect("street.jpg").found: print(one.label, one.score, one.box)
    """

    Options = DetectOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "detect")
        self.opened = opened
        heads = opened.manifest.spec.heads
        self.labels: tuple[str, ...] = next(head.labels[:-1] for head in heads if isinstance(head, Labels) and head.name == OBJECTS)

    @overload
    def __call__(self, picture: list[Any] | tuple[Any, ...], options: DetectOptions | None = None, **changes: Any) -> list[Detected]: ...
    @overload
    def __call__(self, picture: Shown, options: DetectOptions | None = None, **changes: Any) -> Detected: ...
    def __call__(self, picture: object, options: DetectOptions | None = None, **changes: Any) -> Detected | list[Detected]:
        """A picture (a file, its bytes, a PIL image, or one that was read) -> a result; several -> a list, in order.

        Raises InputError for what is no picture, with its number where there are several; RecipeError for an option that is unknown.
        """
        options = with_changes("detect", options, DetectOptions, changes)
        items = list(picture) if isinstance(picture, list | tuple) else [picture]
        found = [result for first in range(0, len(items), options.batch) for result in self._chunk(items, first, options)]
        return found if isinstance(picture, list | tuple) else found[0]

    def columns(self, options: DetectOptions) -> Columns:
        """What a table gets."""
        del options
        return {"": list[FoundCell], "height": int, "width": int}

    def check(self, item: Any, options: DetectOptions | None = None) -> None:
        """Raises InputError for what is no picture."""
        del options
        read(item)

    def _chunk(self, items: Sequence[Any], first: int, options: DetectOptions) -> Iterator[Detected]:
        """A batch's worth. Those that are as large as one another when they are made ready go together: what pads the smaller ones would
        be seen by a residual network, and each picture is to get what it gets alone."""
        places = range(first, min(first + options.batch, len(items)))
        pictures = [numbered(place, items, lambda place=place: read(items[place])) for place in places]
        made = [
            numbered(place, items, lambda one=one: ready([one], self.opened.pictures).values[0])
            for place, one in zip(places, pictures, strict=True)
        ]  # fmt: skip
        done: dict[int, Detected] = {}
        for size in dict.fromkeys(each.shape for each in made):
            same = [i for i, each in enumerate(made) if each.shape == size]
            results = self._look([pictures[i] for i in same], torch.stack([made[i] for i in same]), options)
            done |= zip(same, results, strict=True)
        yield from (done[i] for i in range(len(pictures)))

    @torch.inference_mode()
    def _look(self, pictures: Sequence[Picture], values: Float[Tensor, "b c h w"], options: DetectOptions) -> list[Detected]:
        opened, began = self.opened, time.perf_counter()
        batch, model = Batch(values).to(opened.device), opened.model
        name = list(model.attentions())[-1]                          # the last layer's: of a decoder, what looks at the picture
        with trace(model, layers=name) if options.look else nullcontext() as seen:
            scores, boxes = (each.float().cpu() for each in model.detect(batch))
        if not bool(torch.isfinite(scores).all() and torch.isfinite(boxes).all()):
            raise InputError(f'"{opened.manifest.name}" gives what is no finite number.', "Try dtype fp32; or its weights are damaged.")
        share = (time.perf_counter() - began) / len(pictures)
        slots = model.encoder.embed.slots(values) if model.encoder else 0
        results: list[Detected] = []
        for row, picture in enumerate(pictures):
            found = self._found(scores[row], boxes[row], picture.size, options)
            if seen is not None:
                found = [self._sighted(one, seen[name], row, boxes[row], values) for one in found]
            results.append(Detected(
                task="detect", model=opened.manifest.name, source=picture.name, precision=opened.precision,
                cost=Cost(share, slots), found=tuple(found), size=picture.size,
            ))  # fmt: skip
        return results

    def _found(
        self, scores: Float[Tensor, "q c"], boxes: Float[Tensor, "q 4"], size: tuple[int, int], options: DetectOptions
    ) -> list[Found]:
        """Of one picture, the likeliest first; boxes end where the picture does."""
        odds, kinds = scores.softmax(-1)[:, :-1].max(-1)                                  # that nothing is there is no answer
        rows, columns = size
        left, top, right, bottom = shown(size, self.opened.pictures)                      # what of the picture the model sees
        first, sides = (torch.tensor(each * 2, dtype=boxes.dtype) for each in ((left, top), (right - left, bottom - top)))
        edges = (corners(boxes) * sides + first).clamp(min=0)
        edges = torch.minimum(edges, torch.tensor([columns, rows, columns, rows], dtype=boxes.dtype))
        likely = (odds > options.threshold).nonzero()[:, 0]
        likely = likely[odds[likely].argsort(descending=True, stable=True)]
        told = self.opened.manifest.finding
        most = (1.0 if told is None else told.overlap) if options.overlap is None else options.overlap
        if most < 1.0:
            alike = [likely[kinds[likely] == kind] for kind in kinds[likely].unique()]
            stay = {int(i) for each in alike for i in each[suppress(edges[each], odds[each], most=most)]}
            likely = torch.tensor([int(i) for i in likely if int(i) in stay], dtype=torch.long)
        return [
            Found(self.labels[int(kinds[i])], float(odds[i]), (left, top, right, bottom), int(i))
            for i in likely for left, top, right, bottom in [edges[i].tolist()]
        ]  # fmt: skip

    def _sighted(self, one: Found, view: View, row: int, boxes: Float[Tensor, "q 4"], values: Float[Tensor, "b c h w"]) -> Found:
        """The same with where its place looked."""
        reads = self.opened.manifest.spec.encoder
        if not isinstance(reads, Stack):
            return one
        left, top, right, bottom = corners(boxes[one.place]).tolist()
        seen = looked_from(view, row, one.place, len(boxes))
        return replace(one, looked=on_grid(seen, reads, (values.shape[2], values.shape[3]), (left, top, right, bottom)))
