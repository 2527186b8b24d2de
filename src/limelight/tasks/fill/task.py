"""fill: what could stand where a word was left out of a text, by a model that has learnt to guess masked words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, overload

import torch
from pydantic import Field
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch, Encoded
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..reading.places import Seen, finite, seen_around, tokens_of
from ..reading.rows import Read, read
from ..result import Columns, Cost
from .filled import Filled, Guess, Span

Count = Annotated[int, Field(ge=1)]
USUAL = re.compile(r"\[MASK\]|<mask>|<MASK>")            # what other models call it
LINE = re.compile(r"_{3,}")                              # and what people write


@value
class FillOptions:
    """`top_k`: guesses given for each mask. `targets`: score these words only; a word of several tokens is scored by its first, and the
    result's `notes` say so. `batch`: texts at once."""

    top_k: Count = 5
    targets: tuple[str, ...] = ()
    batch: Count = 32


@dataclass(frozen=True, eq=False)
class _Target:
    """A word in the place of a mask: its first token there, and whether it has no other."""

    word: str
    token: int
    whole: bool


@dataclass(frozen=True, eq=False)
class _Masked:
    """A text that is to be filled. `places`: its masks' characters; `whole`: as tokens; `tokens`: the masks among them; `seen`: what the
    model reads for each mask; `targets`: for each mask."""

    source: str
    places: tuple[Span, ...]
    whole: Encoded
    tokens: tuple[int, ...]
    seen: tuple[Seen, ...]
    targets: tuple[tuple[_Target, ...], ...]

    @cached_property
    def rows(self) -> dict[Encoded, list[int]]:
        """What the model is to read, each window once, with the places of all masks that it is read for."""
        found: dict[Encoded, list[int]] = {}
        for seen in self.seen:
            found.setdefault(seen.encoded, []).extend(seen.places)
        return found


class Fill:
    """Guesses at masked words, over one masked language model; call it with a text or several.

        fill = limelight.task("fill", "./bert-base-uncased")
        fill("Paris is the [MASK] of France.").guesses[0][0].piece
    """

    Options = FillOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "fill")
        self.opened = opened
        mask = opened.text.mask
        self._mask = next((name for name, i in opened.text.mark_names.items() if i == mask), "")

    @overload
    def __call__(self, text: str, options: FillOptions | None = None, **changes: Any) -> Filled: ...
    @overload
    def __call__(self, text: list[str] | tuple[str, ...], options: FillOptions | None = None, **changes: Any) -> list[Filled]: ...
    def __call__(self, text: object, options: FillOptions | None = None, **changes: Any) -> Filled | list[Filled]:
        """A text -> guesses; several -> a list, in order.

        What is left out is written as the model's own mask or, where that does not stand in the text, as [MASK], <mask> or ___. The names
        of other marks in a text are read as marks. Of a text that the model cannot read at once, a window around each mask is read.
        Raises InputError for a text without a mask, and for a target that the model has no token for.
        """
        asked, texts = with_changes("fill", options, FillOptions, changes), as_texts(text)
        masked = [numbered(i, texts, lambda i=i: self._masked(texts[i], asked)) for i in range(len(texts))]
        rows, keep = zip(*(row for each in masked for row in each.rows.items()), strict=True) if masked else ((), ())
        hidden = iter(read(self.opened, rows, self._hidden, batch=asked.batch, keep=keep))
        results = [self._result(each, [next(hidden) for _ in each.rows], asked) for each in masked]
        return results[0] if isinstance(text, str) else results

    def columns(self, options: FillOptions) -> Columns:
        """What a table gets: the text with the best guesses in it, and those with their probabilities, one a mask."""
        del options
        return {"": str, "words": list[str], "scores": list[float]}

    def check(self, text: str, options: FillOptions | None = None) -> None:
        """Raises InputError, as a call would, for a text that cannot be filled."""
        self._masked(text, options or FillOptions())

    def encoded(self, text: str) -> Encoded:
        """The text as the model is given it whole. Raises InputError for a text without a mask."""
        places = self._places(text)
        return self.opened.text.encode(_respelled(text, places, [self._mask] * len(places))[0], named=True)

    # --- what is asked ----------------------------------------------------------------------------------------------
    def _masked(self, text: str, options: FillOptions) -> _Masked:
        places = self._places(text)
        ours, spans = _respelled(text, places, [self._mask] * len(places))
        whole = self.opened.text.encode(ours, named=True)
        tokens = tuple(i for i, token in enumerate(whole.ids) if token == self.opened.text.mask)
        if len(tokens) != len(places):
            said = f"{len(places)} masks stand in the text, the tokenizer reads {len(tokens)}."
            raise InputError(said, f"Put spaces around {self._mask}.")
        seen = tuple(seen_around(self.opened, whole, [[token] for token in tokens]))
        targets = tuple(tuple(self._target(ours, span, word) for word in options.targets) for span in spans)
        return _Masked(text, tuple(places), whole, tokens, seen, targets)

    def _places(self, text: str) -> list[Span]:
        """Where the masks stand, by the first way of writing them that is met."""
        for pattern in (re.compile(re.escape(self._mask)), USUAL, LINE):
            if found := [m.span() for m in pattern.finditer(text)]:
                return found
        raise InputError(f"there is no mask in the text: {text[:40]!r}.", f"Write {self._mask} or ___ where a word is to be guessed.")

    def _target(self, text: str, span: Span, word: str) -> _Target:
        """The token that a word is where the mask stands: with the space before it, where the model's tokens have one; else the token
        of this very name ("##ing"), else the first of the word's."""
        spelled, places = _respelled(text, [span], [word])
        encoded = self.opened.text.encode(spelled, named=True)
        tokens = [encoded.ids[i] for i in tokens_of(encoded, places[0])] if word.strip() else []
        if len(tokens) != 1 and (named := self.opened.text.engine.id(word)) is not None:
            tokens = [named]
        if not tokens or tokens[0] == self.opened.text.marks.unknown:
            raise InputError(f"the model has no token for the target {word[:40]!r}.", "Leave it out.")
        return _Target(word, tokens[0], len(tokens) == 1)

    # --- what is found ----------------------------------------------------------------------------------------------
    def _hidden(self, batch: Batch) -> Tensor:
        start = self.opened.manifest.generation.start
        return self.opened.model.hidden(batch, start=self.opened.text.pad if start is None else start)

    @torch.inference_mode()
    def _result(self, each: _Masked, found: Sequence[Read], options: FillOptions) -> Filled:
        at = torch.cat([one.values for one in found])                # masks stand in order, and so do the windows that they are read in
        logits = self.opened.model.logits(at.to(self.opened.device, self.opened.dtype)).float().cpu()
        chances = finite(logits, self.opened).softmax(-1)
        guesses = tuple(tuple(self._guesses(each, i, row, options)) for i, row in enumerate(chances))
        return Filled(
            task="fill",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=each.source,
            cost=Cost(sum(one.seconds for one in found), sum(len(row.ids) for row in each.rows)),
            places=each.places,
            guesses=guesses,
            text=self._filled(each, [row[0].token for row in guesses]),
        )

    def _guesses(self, each: _Masked, number: int, chances: Tensor, options: FillOptions) -> Iterator[Guess]:
        """The likeliest tokens for one mask, or the likeliest of the targets."""
        targets = each.targets[number]
        among = chances[torch.tensor([target.token for target in targets])] if targets else chances
        best = among.topk(min(options.top_k, len(among)))
        for score, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            target = targets[place] if targets else _Target("", place, whole=True)
            piece, sequence = self._spelled([target.token]), self._sequence(each, number, target.token)
            yield Guess(score, target.token, piece, sequence, target.word, target.whole)

    def _sequence(self, each: _Masked, number: int, token: int) -> str:
        """The whole text as the tokenizer writes it; with its marks where a mask is left in it."""
        ids, place = list(each.whole.ids), each.tokens[number]
        ids[place] = token
        return self.opened.text.decode(ids) if len(each.tokens) == 1 else self._spelled(ids)

    def _spelled(self, ids: Sequence[int]) -> str:
        return self.opened.text.engine.join([ids], marks=True)[0]

    def _filled(self, each: _Masked, tokens: Sequence[int]) -> str:
        """The text as it was written, with a token in the place of each mask."""
        out, at = "", 0
        for (a, b), place, token in zip(each.places, each.tokens, tokens, strict=True):
            before, said = out + each.source[at:a], self.opened.text.after(each.whole.ids[:place], [token])
            out, at = _joined(before, said), b
        return out + each.source[at:]


def _respelled(text: str, places: Sequence[Span], words: Sequence[str]) -> tuple[str, list[Span]]:
    """The text with other words at some places, and where those stand."""
    out, at, spans = "", 0, list[Span]()
    for (a, b), word in zip(places, words, strict=True):
        out += text[at:a]
        spans.append((len(out), len(out) + len(word)))
        out, at = out + word, b
    return out + text[at:], spans


def _joined(before: str, said: str) -> str:
    """A token behind what was written: the end of a word leaves no space before it, a word is not stuck to another."""
    if said[:1].isspace():
        return before + (said if before[-1:].isalnum() else said.lstrip())
    return (before.rstrip() or before) + said
