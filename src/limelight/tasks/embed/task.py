"""embed: a text or a picture -> one vector, so that those that mean the same lie near each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, overload

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ...errors import InputError, RecipeError, TaskError
from ...hub import Opened
from ...inputs import Batch, pictures
from ...inputs.pictures import is_picture
from ...nn.heads import pool
from ...spec import Meeting
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..reading.places import finite
from ..reading.rows import Read, read
from ..reading.shown import Shown, look_at
from ..reading.windows import Window, room_of, windows
from ..result import Columns, Cost
from .embedding import Embedding
from .told import Pool, told

LEAST = 1e-12                            # what a vector is divided by at least


@value
class EmbedOptions:
    """`pool`: the "mean" of all tokens (marks too), the "first" (CLS), or the "last"; `normalised`: vectors of length 1. Where either is
    None, it is as the folder says, else the mean and yes; of pictures the first; and where texts and pictures meet in one space (CLIP),
    the vectors there. `prompt`: what is put before each text; None for what the folder says.
    `tokens`: each token's vector as well. `batch`: texts at once."""

    pool: Literal["mean", "first", "last"] | None = None
    normalised: bool | None = None
    prompt: str | None = None
    tokens: bool = False
    batch: Annotated[int, Field(ge=1)] = 32


class Embed:
    """Vectors of texts, over any model; call it with a text or several. Of pictures, over one that reads them: a file, its bytes, or what
    Pillow has opened; where a model reads both, a name is of a picture where it ends as such do (".png").

        embed = limelight.task("embed", "./all-MiniLM-L6-v2")
        one, two = embed(["A cat sat on the mat.", "There is a cat on the mat."])
        one.similarity(two)
    """

    Options = EmbedOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "embed")
        self.opened, self.told = opened, told(opened.folder)
        self.meets = any(isinstance(head, Meeting) for head in opened.manifest.spec.heads)

    @overload
    def __call__(self, text: Shown, options: EmbedOptions | None = None, **changes: Any) -> Embedding: ...
    @overload
    def __call__(self, text: Sequence[Shown], options: EmbedOptions | None = None, **changes: Any) -> list[Embedding]: ...
    def __call__(self, text: object, options: EmbedOptions | None = None, **changes: Any) -> Embedding | list[Embedding]:
        """A text -> its vector; several -> a list, in order. Of a model with an encoder, it is the encoder's.

        A text longer than the model reads at once is read in windows; its vector is the mean of theirs, weighted by their tokens.
        Raises InputError for a text of no tokens, and for the token vectors of a text that needs several windows; TaskError where the
        folder asks for what is not done here, and `pool` does not say what to do.
        """
        asked = self._settled(with_changes("embed", options, EmbedOptions, changes))
        if self.opened.manifest.pictures is not None:
            return self._mixed(text, asked)
        texts = as_texts(text)
        results = self._read(texts, asked)
        return results[0] if isinstance(text, str) else results

    def texts(self, texts: Sequence[str], options: EmbedOptions | None = None, **changes: Any) -> list[Embedding]:
        """As a call, of texts alone: what ends as a picture's name does is read as it stands. Raises TaskError where none are read."""
        return self._read(as_texts(list(texts)), self._settled(with_changes("embed", options, EmbedOptions, changes)))

    def _read(self, texts: Sequence[str], asked: EmbedOptions) -> list[Embedding]:
        parts = [numbered(i, texts, lambda i=i: self._windows(texts[i], asked)) for i in range(len(texts))]
        found = iter(read(self.opened, [w.encoded for part in parts for w in part], lambda b: self._states(b, asked), batch=asked.batch))
        return [self._result(each, part, [next(found) for _ in part], asked) for each, part in zip(texts, parts, strict=True)]

    def _mixed(self, given: object, asked: EmbedOptions) -> Embedding | list[Embedding]:
        """Pictures, and texts among them where the model reads both."""
        items = list(given) if isinstance(given, list | tuple) else [given]
        places = [i for i, item in enumerate(items) if self._is_picture(item)]
        others = [i for i in range(len(items)) if i not in set(places)]
        found = dict(zip(places, self._look([items[i] for i in places], asked), strict=True))
        found |= zip(others, self._read(as_texts([items[i] for i in others]), asked), strict=True)
        results = [found[i] for i in range(len(items))]
        return results if isinstance(given, list | tuple) else results[0]

    def _is_picture(self, item: object) -> bool:
        return self.opened.tokenizer is None or is_picture(item)

    def _look(self, items: Sequence[object], asked: EmbedOptions) -> list[Embedding]:
        if asked.tokens:
            raise RecipeError("the vectors of tokens are asked of texts; this is a picture.", "Leave tokens out.")
        model, how = self.opened.model, asked.pool or ("meeting" if self.meets else "first")

        def work(batch: Batch) -> Tensor:
            if how == "meeting":
                return model.picture_vectors(batch)
            return pool((model.view(batch) if self.meets else model.encode(batch)).hidden.float(), None, how)

        spec = self.opened.manifest.spec.pictures or self.opened.manifest.spec.encoder
        places = getattr(getattr(spec, "input", None), "slots", 0)
        return [self._made(each.name, each.values, how, asked, Cost(each.seconds, places)) for each in
                look_at(self.opened, items, work, batch=asked.batch)]

    def columns(self, options: EmbedOptions) -> Columns:
        """What a table gets."""
        del options
        return {"": list[float]}

    def check(self, text: Shown, options: EmbedOptions | None = None) -> None:
        """Raises InputError, as a call would, for a text that has no vector."""
        asked = self._settled(options or EmbedOptions())
        if self.opened.manifest.pictures is not None and self._is_picture(text):
            pictures.read(text)
            return
        self._windows(as_texts(text if isinstance(text, str) else [text])[0], asked)

    def _settled(self, options: EmbedOptions) -> EmbedOptions:
        """The options with what the folder says in the place of each None."""
        if self.told.odd and options.pool is None:
            raise TaskError(
                f"{self.opened.manifest.name} asks for {self.told.odd}, which is not done here.",
                'Say pool="mean" (or "first", "last"); the vectors are others than its makers\'.',
            )
        return EmbedOptions(
            pool=options.pool or (None if self.opened.manifest.pictures is not None else self.told.pool),
            normalised=self.told.normalised if options.normalised is None else options.normalised,
            prompt=self.told.prompt if options.prompt is None else options.prompt,
            tokens=options.tokens,
            batch=options.batch,
        )

    def _windows(self, text: str, options: EmbedOptions) -> list[Window]:
        given = (options.prompt or "") + text
        whole = self.opened.text.encode(given.lower() if self.told.lower else given)
        if not whole.ids:
            raise InputError("a text of no tokens has no vector.", "Leave empty texts out.")
        room = room_of(self.opened)
        found = windows(whole, min(room, self.told.longest or room), overlap=0)
        if options.tokens and len(found) > 1:
            raise InputError(
                f"a text has {len(whole.ids):,} tokens; {self.opened.manifest.name} reads {room:,} at once.",
                "Give a shorter one, or ask for its vector alone.",
            )
        return found

    def _states(self, batch: Batch, options: EmbedOptions) -> Tensor:
        """(b m), or of each token (b n m)."""
        model = self.opened.model
        if self.meets and options.pool is None and not options.tokens:
            return model.text_vectors(batch).float()
        hidden = model.decode(batch.values, keep=batch.keep) if model.encoder is None else model.encode(batch).hidden
        return hidden.float() if options.tokens else pool(hidden.float(), batch.keep, options.pool or "mean")

    def _result(self, text: str, part: Sequence[Window], found: Sequence[Read], options: EmbedOptions) -> Embedding:
        how: Pool = options.pool or "mean"
        named = "meeting" if self.meets and options.pool is None and not options.tokens else how
        sizes = [len(window.encoded.ids) for window in part]
        rows = [pool(each.values[None], None, how)[0] if options.tokens else each.values for each in found]
        vector = finite(torch.stack(rows), self.opened).T @ (torch.tensor(sizes, dtype=torch.float32) / sum(sizes))
        ids = part[0].encoded.ids if options.tokens else ()
        pieces = tuple(self.opened.text.engine.join([[token] for token in ids], marks=True))
        cost = Cost(sum(each.seconds for each in found), sum(sizes))
        features = _frozen(found[0].values) if options.tokens else None
        return self._made(text, vector, named, options, cost, windows=len(part), pieces=pieces, features=features)

    def _made(self, source: str, vector: Tensor, how: str, options: EmbedOptions, cost: Cost, **more: Any) -> Embedding:
        norm = float(vector.norm())
        return Embedding(
            task="embed",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=source,
            cost=cost,
            vector=_frozen(vector / max(norm, LEAST) if options.normalised else vector),
            norm=norm,
            normalised=bool(options.normalised),
            pool=how,
            **more,
        )


def _frozen(values: Tensor) -> Float[np.ndarray, "*n"]:
    """As numbers that nobody changes by accident."""
    found = values.contiguous().numpy().copy()
    found.setflags(write=False)
    return found
