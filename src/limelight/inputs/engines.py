"""Engines: what cuts text into pieces and joins them again. Two libraries, one shape; all that a model's own folder asks for is kept.

The one reads `tokenizer.json` and what it can be made from (vocab.txt; vocab.json with merges.txt); the other sentencepiece's `.spm`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tokenizers import Tokenizer

from ..errors import InputError, LimelightError, WeightError

Span = tuple[int, int]
_HALF = re.compile("[\ud800-\udfff]")
SPACE = "▁"                              # how sentencepiece writes a space


@dataclass(frozen=True)
class Cut:
    """A text, or two beside each other, in pieces. `spans`: the characters of each; `parts`: which text it is of, None for a mark
    that stands for no text; `segments`: what a model with segments is told."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    parts: tuple[int | None, ...]
    segments: tuple[int, ...]


@runtime_checkable
class Engine(Protocol):
    """What a tokenizer's library must do."""

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True) -> list[Cut]:
        """Texts, or pairs of them -> pieces; `marks`: with those that the model expects around a text."""
        ...

    def join(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Ids -> text, marks left out."""
        ...

    def piece(self, token: int) -> str:
        """One piece as text, its leading space included."""
        ...

    def id(self, name: str) -> int | None:
        """The id of a mark or a piece by its name."""
        ...

    @property
    def size(self) -> int:
        """How many pieces there are."""
        ...

    @property
    def highest(self) -> int:
        """The highest id that it can give."""
        ...


class Fast:
    """The tokenizers library, as a `tokenizer.json` sets it up. `lead`: what is put before a text, so that its first word is the
    piece that it would be elsewhere; no piece's characters count it."""

    def __init__(self, tokenizer: Tokenizer, *, lead: str = ""):
        tokenizer.encode_special_tokens = True                     # "</s>" typed by a user is four characters, not an end
        tokenizer.no_truncation()                                  # a file may ask for either; nothing is cut silently
        tokenizer.no_padding()
        self.tokenizer, self.lead = tokenizer, lead

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True) -> list[Cut]:
        """See Engine. Raises InputError where the tokenizer's own pattern gives up on a text."""
        led = [self._led(text) for text in texts]
        given = led if others is None else [*zip(led, map(self._led, others), strict=True)]
        found = guarded(lambda: self.tokenizer.encode_batch(given, add_special_tokens=marks), _runaway)
        n = len(self.lead)
        spans = [tuple((max(0, a - n), max(0, b - n)) for a, b in each.offsets) for each in found]
        return [Cut(tuple(e.ids), s, tuple(e.sequence_ids), tuple(e.type_ids)) for e, s in zip(found, spans, strict=True)]

    def _led(self, text: str) -> str:
        return text and self.lead + text

    def join(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """See Engine."""
        return self.tokenizer.decode_batch([list(row) for row in rows], skip_special_tokens=True)

    def piece(self, token: int) -> str:
        """See Engine."""
        name = self.tokenizer.id_to_token(token) or ""
        if name.startswith(SPACE):                                  # a decoder strips the space before a text's first word
            return name.replace(SPACE, " ")
        return self.tokenizer.decode([token], skip_special_tokens=False)

    def id(self, name: str) -> int | None:
        """See Engine."""
        return self.tokenizer.token_to_id(name)

    @property
    def size(self) -> int:
        """See Engine."""
        return self.tokenizer.get_vocab_size()

    @property
    def highest(self) -> int:
        """See Engine."""
        return max(self.tokenizer.get_vocab().values())

    def to_json(self) -> str:
        """The whole tokenizer as JSON text."""
        return self.tokenizer.to_str()


class SentencePiece:
    """The sentencepiece library (Kudo and Richardson 2018), as models that publish their `.spm` use it.

    `reader` cuts and `writer` joins: two where source and target are cut differently (Marian). `vocab`: ids by piece, where a
    vocab.json beside them gives others than the reader's own. `before` and `after`: the names of the marks around every text.
    """

    def __init__(
        self,
        reader: bytes,
        writer: bytes,
        *,
        vocab: Mapping[str, int] | None = None,
        unknown: str = "<unk>",
        before: Sequence[str] = (),
        after: Sequence[str] = (),
    ):
        self._reader = _processor(reader)
        self._writer = self._reader if writer == reader else _processor(writer)
        self._ids = dict(vocab) if vocab is not None else {self._reader.id_to_piece(i): i for i in range(self._reader.get_piece_size())}
        self._names = {i: name for name, i in self._ids.items()}
        if missing := next((name for name in (unknown, *before, *after) if name not in self._ids), None):
            raise WeightError(f"the vocabulary has no {missing}, which every text may need.", "Is it whole?")
        self._unknown = self._ids[unknown]
        self._before, self._after = (tuple(self._ids[name] for name in names) for names in (before, after))

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True) -> list[Cut]:
        """See Engine. Two texts stand one behind the other, each with its end."""
        found = self._side(texts, marks=marks)
        if others is None:
            return found
        second = self._side(others, marks=marks, part=1)
        return [
            Cut(a.ids + b.ids, a.spans + b.spans, a.parts + b.parts, (0,) * len(a.ids + b.ids)) for a, b in zip(found, second, strict=True)
        ]

    def _side(self, texts: Sequence[str], *, marks: bool, part: int = 0) -> list[Cut]:
        """The first or the second of two texts; what stands before is only before the first."""
        before, after = (self._before if part == 0 else (), self._after) if marks else ((), ())
        out = []
        for found in self._reader.encode(list(texts), return_type="offset_mapping") if texts else []:
            ids = (*before, *(self._ids.get(piece, self._unknown) for piece in found["pieces"]), *after)
            spans = ((0, 0),) * len(before) + tuple(found["offsets"]) + ((0, 0),) * len(after)
            parts = (None,) * len(before) + (part,) * len(found["pieces"]) + (None,) * len(after)
            out.append(Cut(ids, spans, parts, (0,) * len(ids)))
        return out

    def join(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """See Engine."""
        named = [[self._names.get(i, "") for i in row] for row in rows]
        joined = [self._writer.decode_pieces([name for name in names if not self._mark(name)]) for names in named]
        return [text.replace(SPACE, " ") for text in joined]            # left where a piece is the reader's alone

    def piece(self, token: int) -> str:
        """See Engine."""
        return self._names.get(token, "").replace(SPACE, " ")

    def id(self, name: str) -> int | None:
        """See Engine."""
        return self._ids.get(name)

    @property
    def size(self) -> int:
        """See Engine."""
        return len(self._ids)

    @property
    def highest(self) -> int:
        """See Engine."""
        return max(self._names)

    def _mark(self, name: str) -> bool:
        if name in ("", "<s>", "</s>", "<pad>", "<unk>") or (name.startswith(("__", ">>")) and name.endswith(("__", "<<"))):
            return True
        at = self._writer.piece_to_id(name)
        return self._writer.is_control(at)


def _processor(data: bytes) -> Any:
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_proto=data)
    except (RuntimeError, TypeError, ValueError) as error:
        raise WeightError(f"the sentencepiece model cannot be read: {line(error)}", "The file is damaged: get it again.") from None


def numbered(data: bytes, first: Sequence[str], last: Sequence[str]) -> dict[str, int]:
    """Ids of the pieces of a sentencepiece model that fairseq has numbered anew: `first`, then the model's others, then `last`."""
    reader = _processor(data)
    names = dict.fromkeys([*first, *(reader.id_to_piece(i) for i in range(reader.get_piece_size())), *last])
    return {name: i for i, name in enumerate(names)}


def whole_characters(text: str) -> str:
    """Half a surrogate pair, which is no character, is read as U+FFFD."""
    return _HALF.sub("\ufffd", text)


def read_fast(text: str, *, where: str, lead: str = "") -> Fast:
    """Read a `tokenizer.json`. Raises WeightError for one that is broken."""

    def broken(error: BaseException) -> LimelightError:
        return WeightError(f"{where} is not a tokenizer: {line(error)}", "The file is damaged: get the model folder again.")

    def read() -> Fast:
        json.loads(text)
        return Fast(Tokenizer.from_str(text), lead=lead)

    return guarded(read, broken)


def guarded(work: Callable[[], Any], said: Callable[[BaseException], LimelightError]) -> Any:
    """What the tokenizers library does, with all of its errors ended here: a PanicException too, which is no Exception."""
    try:
        return work()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit | LimelightError):
            raise
        raise said(error) from None


def _runaway(error: BaseException) -> LimelightError:
    return InputError(f"the tokenizer cannot cut these texts: {line(error)}", "Is its pattern one that can run away?")


def line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
