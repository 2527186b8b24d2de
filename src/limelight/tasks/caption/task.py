"""caption: pictures -> sentences of what is on them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, overload

import torch
from PIL import Image

from ...decode import Hypothesis, stream
from ...errors import RecipeError
from ...hub import Opened
from ...inputs.pictures import Picture, read, ready
from ...look import Trace
from ...nn import Memory
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit
from ..reading.shown import Shown
from ..result import Columns, Cost
from ..writing.generated import Candidate
from ..writing.writer import Writer, Writing, rules
from .captioned import Captioned, Looked
from .drawing import overlay, sheet
from .looking import Looking, Written, trusted


@value
class CaptionOptions(Writing):
    """How to caption: see Writing. `prompt`: what the caption begins with ("a photography of"). `look`: for each word where the model
    looked, and by how much less likely it is without that; it takes a reading of the picture for each word, and a few more."""

    prompt: str = ""
    look: bool = False


class Caption:
    """The captioning task over one model; call it with a picture or several.

        caption = limelight.task("caption", "nlpconnect/vit-gpt2-image-captioning")
        result = caption("cat.jpg", look=True)
        result.text, result.words[1].map
    """

    Options = CaptionOptions
    use = "caption"

    def __init__(self, opened: Opened):
        check_fit(opened, "caption")
        self.opened = opened
        self._writer = Writer(opened, "caption")

    @overload
    def __call__(self, picture: Shown, options: CaptionOptions | None = None, **changes: Any) -> Captioned: ...
    @overload
    def __call__(self, picture: list[Any] | tuple[Any, ...], options: CaptionOptions | None = None, **changes: Any) -> list[Captioned]: ...
    def __call__(self, picture: object, options: CaptionOptions | None = None, **changes: Any) -> Captioned | list[Captioned]:
        """A picture (a file, its bytes, or what Pillow has opened) -> a result; several -> a list, in order.

        Raises InputError for what is no picture, with its number where there are several; RecipeError for an option that is unknown or
        out of range, and for a prompt that leaves no room.
        """
        options = with_changes("caption", options, CaptionOptions, changes)
        items = list(picture) if isinstance(picture, list | tuple) else [picture]
        looking, before = Looking(self.opened) if options.look else None, self._before(options)
        size = options.batch if looking is None else min(options.batch, looking.most)
        found = list[Captioned]()
        for first in range(0, len(items), size):
            places = range(first, min(first + size, len(items)))
            some = [numbered(place, items, lambda place=place: read(items[place]), what="picture") for place in places]
            found += self._chunk(some, before, options, looking)
        return found if isinstance(picture, list | tuple) else found[0]

    def columns(self, options: CaptionOptions) -> Columns:
        """What a table gets."""
        return options.columns

    def check(self, item: Any, options: CaptionOptions | None = None) -> None:
        """Raises InputError, as a call would, for what is no picture."""
        del options
        read(item)

    def sheet(self, picture: Shown, result: Captioned) -> Image.Image:
        """Where each word of a result looked, drawn onto its picture: one picture of them all, see drawing.sheet."""
        return sheet(read(picture), result, self.opened.pictures, Looking(self.opened).squares)

    def overlay(self, picture: Shown, word: Looked) -> Image.Image:
        """Where one word looked, drawn onto the picture in its own size, see drawing.overlay."""
        return overlay(read(picture), word, self.opened.pictures, Looking(self.opened).squares)

    # --- one step each ------------------------------------------------------------------------------------------------
    def _before(self, options: CaptionOptions) -> tuple[int, ...]:
        """What a caption goes on from: the start token, and the prompt."""
        prompt = self.opened.text.encode(options.prompt.strip(), marks=False).ids if options.prompt.strip() else ()
        if (room := self._room) is not None and len(prompt) >= room:
            said = f"a prompt has {len(prompt):,} tokens; {self.opened.manifest.name} has room for {room - 1:,}, with the caption."
            raise RecipeError(said, "Give a shorter one.")
        return (self._writer.generation.start or 0, *prompt)

    @property
    def _room(self) -> int | None:
        decoder = self.opened.manifest.spec.decoder
        return decoder.room if decoder else None

    def _chunk(
        self, pictures: Sequence[Picture], before: tuple[int, ...], options: CaptionOptions, looking: Looking | None
    ) -> Iterator[Captioned]:
        began = time.perf_counter()
        given = ready(pictures, self.opened.pictures)
        with torch.inference_mode():
            memory = self.opened.model.encode(given.to(self.opened.device))
        seen = None if looking is None else looking.watch()
        done = self._written(memory, before, options, seen)
        share = (time.perf_counter() - began) / len(pictures)
        for picture, values, found in zip(pictures, given.values, done, strict=True):
            result = self._result(picture, before, found, share, options)
            if looking is not None and seen is not None:
                began = time.perf_counter()
                words = looking.words(seen, found[0], Written(before, self._writer.said(found[0])), values, options.batch)
                cost = replace(result.cost, seconds=share + time.perf_counter() - began)
                result = replace(result, words=words, how=looking.how, trust=trusted(words), cost=cost)
            yield result

    def _written(
        self, memory: Memory, before: tuple[int, ...], options: CaptionOptions, seen: Trace | None
    ) -> list[list[Hypothesis]]:
        """The captions of each row of memory, best first."""
        writer, longest = self._writer, self._writer.longest(0, options)
        ending = writer.ending(longest if self._room is None else min(longest, self._room - len(before) + 1))    # the last is not read
        starts = torch.tensor(before).expand(len(memory), -1)
        watched: AbstractContextManager[object] = nullcontext() if seen is None else seen
        choice, filters, done = writer.choice(options), rules(writer.asked(options), ending), list[list[Hypothesis]]()
        with watched:
            for step in stream(self.opened.model, memory, choice, ending=ending, start=starts, filters=filters):
                done = step.done
        return [writer.best(found, options, lambda h: self._text(before, h)) for found in done]

    def _text(self, before: tuple[int, ...], hypothesis: Hypothesis) -> str:
        return self.opened.text.decode((*before[1:], *self._writer.said(hypothesis))).strip(" ")

    def _result(
        self, picture: Picture, before: tuple[int, ...], found: Sequence[Hypothesis], seconds: float, options: CaptionOptions
    ) -> Captioned:
        best, encoder = found[0], self.opened.manifest.spec.encoder
        nbest = tuple(Candidate(self._text(before, each), each.score) for each in found)
        return Captioned(
            task="caption",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=picture.name,
            cost=Cost(seconds, getattr(encoder and encoder.input, "slots", 0), len(best.tokens)),
            complete=best.ended,
            text=nbest[0].text,
            nbest=nbest,
            steps=self._writer.chosen(best),
            size=picture.size,
            prompt=options.prompt.strip(),
            several=options.nbest > 1,
        )
