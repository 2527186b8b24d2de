"""The engine that reads sentencepiece's own files, `.spm` and `.model`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from ..errors import WeightError
from .engines import SPACE, Cut, Span, line, spelled_in_numbers

_WHITE = re.compile(r"\s*")


@dataclass(frozen=True)
class Named:
    """A mark that a text may name. `left`, `right`: it takes the white space on that side with it; `single`: only as a whole word;
    `first`: only where a text begins."""

    id: int
    left: bool = False
    right: bool = False
    single: bool = False
    first: bool = False


@dataclass(frozen=True)
class _Part:
    """Characters from `start` to `end` of text number `text`, and the id of the mark that they name, if they name one."""

    text: int
    start: int
    end: int
    id: int | None = None


class SentencePiece:
    """The sentencepiece library (Kudo and Richardson 2018), as models that publish their `.spm` use it.

    `reader` cuts and `writer` joins: two where source and target are cut differently (Marian). `vocab`: ids by piece, where others
    than the reader's own are given. `around`: the names of the marks before and after every text. `named`: the marks, by name.
    """

    def __init__(
        self,
        reader: bytes,
        writer: bytes,
        *,
        vocab: Mapping[str, int] | None = None,
        unknown: str = "<unk>",
        around: tuple[Sequence[str], Sequence[str]] = ((), ()),
        named: Mapping[str, Named] | None = None,
    ):
        self._reader = _processor(reader)
        self._writer = self._reader if writer == reader else _processor(writer)
        own = {self._reader.id_to_piece(i): i for i in range(self._reader.get_piece_size())} if vocab is None else vocab
        self._named = dict(named or {})
        self._ids = dict(own) | {name: mark.id for name, mark in self._named.items()}
        self._names = {i: name for name, i in self._ids.items()}
        if missing := next((name for name in (unknown, *around[0], *around[1]) if name not in self._ids), None):
            raise WeightError(f"the vocabulary has no {missing}, which every text may need.", "Is it whole?")
        self._unknown, self._highest = self._ids[unknown], max(self._names)
        self._before, self._after = (tuple(self._ids[name] for name in names) for names in around)
        control = (self._writer.id_to_piece(i) for i in range(self._writer.get_piece_size()) if self._writer.is_control(i))
        self._marks = {name: mark.id for name, mark in self._named.items()}
        self._silent = frozenset((self._unknown, *self._marks.values(), *(self._ids[name] for name in control if name in self._ids)))

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True, named: bool = False) -> list[Cut]:
        """See Engine. Two texts stand one behind the other, each with its end."""
        found = self._side(texts, marks=marks, named=named)
        if others is None:
            return found
        second = self._side(others, marks=marks, named=named, part=1)
        return [
            Cut(a.ids + b.ids, a.spans + b.spans, a.parts + b.parts, (0,) * len(a.ids + b.ids)) for a, b in zip(found, second, strict=True)
        ]

    def _side(self, texts: Sequence[str], *, marks: bool, named: bool, part: int = 0) -> list[Cut]:
        """The first or the second of two texts; what stands before is only before the first."""
        before, after = (self._before if part == 0 else (), self._after) if marks else ((), ())
        out = []
        for pieces in self._pieces(texts, named=named):
            ids = (*before, *(i for i, _ in pieces), *after)
            spans = ((0, 0),) * len(before) + tuple(span for _, span in pieces) + ((0, 0),) * len(after)
            parts = (None,) * len(before) + (part,) * len(pieces) + (None,) * len(after)
            out.append(Cut(ids, spans, parts, (0,) * len(ids)))
        return out

    def _pieces(self, texts: Sequence[str], *, named: bool) -> list[list[tuple[int, Span]]]:
        """Each text as ids with their characters."""
        parts = [each for i, text in enumerate(texts) for each in (self._split(i, text) if named else [_Part(i, 0, len(text))])]
        plain = [texts[each.text][each.start : each.end] for each in parts if each.id is None]
        found: list[Any] = self._reader.encode(plain, return_type="offset_mapping") if plain else []
        cut = iter(found)
        out: list[list[tuple[int, Span]]] = [[] for _ in texts]
        for each in parts:
            if each.id is not None:
                out[each.text].append((each.id, (each.start, each.end)))
                continue
            pieces, n = next(cut), each.start
            ids = [self._ids.get(piece, self._unknown) for piece in pieces["pieces"]]
            out[each.text] += [(i, (a + n, b + n)) for i, (a, b) in zip(ids, pieces["offsets"], strict=True)]
        return out

    def _split(self, number: int, text: str) -> Iterator[_Part]:
        """A text at the marks that it names: they, and what stands between them."""
        at = 0
        for found in self._naming.finditer(text):
            mark, (start, end) = self._named[found[0]], found.span()
            while mark.left and start > at and text[start - 1].isspace():
                start -= 1
            if mark.right and (white := _WHITE.match(text, end)):
                end = white.end()
            if at < start:
                yield _Part(number, at, start)
            yield _Part(number, start, end, mark.id)
            at = end
        if at < len(text):
            yield _Part(number, at, len(text))

    @cached_property
    def _naming(self) -> re.Pattern[str]:
        """What finds the names of marks: the longest, where several begin at one place."""
        names = sorted(self._named, key=len, reverse=True)
        return re.compile("|".join(_pattern(name, self._named[name]) for name in names) or r"(?!)")

    def join(self, rows: Sequence[Sequence[int]], *, marks: bool = False) -> list[str]:
        """See Engine."""
        if marks:
            return [self._with_marks(row) for row in rows]
        named = [[self._names[i] for i in row if i in self._names and i not in self.silent] for row in rows]
        return [self._writer.decode_pieces(names).replace(SPACE, " ") for names in named]    # left where a piece is the reader's alone

    def _with_marks(self, row: Sequence[int]) -> str:
        """Runs of pieces are joined each by itself; the space before a run that follows a mark stays."""
        parts: list[str] = []
        for silent, run in groupby((i for i in row if i in self._names), self.silent.__contains__):
            names = [self._names[i] for i in run]
            space = " " * (bool(parts) and not silent and names[0].startswith(SPACE))
            parts.append("".join(names) if silent else space + self._writer.decode_pieces(names).replace(SPACE, " "))
        return "".join(parts)

    def piece(self, token: int) -> str:
        """See Engine."""
        return self._names.get(token, "").replace(SPACE, " ")

    @property
    def by_byte(self) -> bool:
        """See Engine."""
        return True

    def spelling(self, token: int) -> bytes | None:
        """See Engine."""
        return b"" if token in self.silent or token not in self._names else spelled_in_numbers(self._names[token])

    def id(self, name: str) -> int | None:
        """See Engine."""
        return self._ids.get(name)

    @property
    def continuing(self) -> str:
        """See Engine: here a piece tells where a word begins, not where it goes on."""
        return ""

    @property
    def answers(self) -> SentencePiece:
        """See Engine."""
        if self._writer is self._reader:
            return self
        turned = copy(self)
        turned._reader = self._writer
        return turned

    @property
    def names(self) -> Mapping[str, int]:
        """See Engine."""
        return self._marks

    @property
    def silent(self) -> frozenset[int]:
        """See Engine."""
        return self._silent

    @property
    def size(self) -> int:
        """See Engine."""
        return len(self._ids)

    @property
    def highest(self) -> int:
        """See Engine."""
        return self._highest


def _pattern(name: str, mark: Named) -> str:
    whole = rf"(?<!\w){re.escape(name)}(?!\w)" if mark.single else re.escape(name)
    return rf"\A{whole}" if mark.first else whole


def numbered(data: bytes, first: Sequence[str] = ()) -> dict[str, int]:
    """Ids of the pieces of a sentencepiece model: `first`, then the model's others; fairseq puts its own marks first."""
    reader = _processor(data)
    names = dict.fromkeys([*first, *(reader.id_to_piece(i) for i in range(reader.get_piece_size()))])
    return {name: i for i, name in enumerate(names)}


def _processor(data: bytes) -> Any:
    import sentencepiece

    if not data:                                                     # which the library would take for "no model yet"
        raise WeightError("the sentencepiece model cannot be read: it has no bytes.", "The file is damaged: get it again.")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=data)
    except (RuntimeError, TypeError, ValueError) as error:
        raise WeightError(f"the sentencepiece model cannot be read: {line(error)}", "The file is damaged: get it again.") from None
