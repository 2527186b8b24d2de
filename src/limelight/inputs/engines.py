"""Engines: what cuts text into pieces and joins them again. Two libraries, one shape; all that a model's own folder asks for is kept.

Here is the shape, and the one that reads `tokenizer.json` and what it can be made from (vocab.txt; vocab.json with merges.txt);
`sentence_pieces` has the other, which reads sentencepiece's `.spm`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from tokenizers import Tokenizer

from ..errors import InputError, LimelightError, WeightError

Span = tuple[int, int]
FEW = 8                                  # rows below which threads cost more than they give
_HALF = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"<0x([0-9A-Fa-f]{2})>")
SPACE = "▁"                              # how sentencepiece writes a space


@dataclass(frozen=True)
class Cut:
    """A text, or two beside each other, in pieces. `spans`: the characters of each; `parts`: which text it is of, None for a mark
    that stands for no text; `segments`: what a model with segments is told; `words`: which of its text's words it is of, () where the
    engine does not tell."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    parts: tuple[int | None, ...]
    segments: tuple[int, ...]
    words: tuple[int | None, ...] = ()

    def within(self, before: Sequence[int], after: Sequence[int]) -> Cut:
        """The same between further marks."""
        a, b = len(before), len(after)
        spans, parts = ((0, 0),) * a + self.spans + ((0, 0),) * b, (None,) * a + self.parts + (None,) * b
        words = self.words and (None,) * a + self.words + (None,) * b
        return Cut((*before, *self.ids, *after), spans, parts, (0,) * a + self.segments + (0,) * b, words)


@runtime_checkable
class Engine(Protocol):
    """What a tokenizer's library must do."""

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True, named: bool = False) -> list[Cut]:
        """Texts, or pairs of them -> pieces; `marks`: with those that the model expects around a text; `named`: the name of a mark
        that stands in a text is that mark."""
        ...

    def join(self, rows: Sequence[Sequence[int]], *, marks: bool = False) -> list[str]:
        """Ids -> text; marks are left out, or stand there by their names."""
        ...

    def piece(self, token: int) -> str:
        """One piece as text, its leading space included."""
        ...

    def spelling(self, token: int) -> bytes | None:
        """What a piece is of a text that is spelled in bytes, b"" for a mark; None from an engine that joins no bytes."""
        ...

    @property
    def by_byte(self) -> bool:
        """Whether `join` says U+FFFD for each byte of a letter that is not whole, or once for all of them."""
        ...

    @property
    def continuing(self) -> str:
        """What a piece's name begins with that goes on with the word before it (WordPiece's ##); "" where names do not tell."""
        ...

    @property
    def answers(self) -> Engine:
        """What cuts texts as the model writes them: another, where source and target are cut differently (Marian)."""
        ...

    @property
    def names(self) -> Mapping[str, int]:
        """The ids of all marks, and of what else was added to the pieces, by their names."""
        ...

    @property
    def silent(self) -> frozenset[int]:
        """The ids that `join` leaves out."""
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
        added = tokenizer.get_added_tokens_decoder()
        self._added = {token.content: i for i, token in added.items()}
        self._silent = frozenset(i for i, token in added.items() if token.special)

    def cut(self, texts: Sequence[str], others: Sequence[str] | None = None, *, marks: bool = True, named: bool = False) -> list[Cut]:
        """See Engine. Raises InputError where the tokenizer's own pattern gives up on a text."""
        led = [self._led(text) for text in texts]
        given = led if others is None else [*zip(led, map(self._led, others), strict=True)]
        tokenizer = self._naming if named else self.tokenizer
        found = guarded(lambda: tokenizer.encode_batch(given, add_special_tokens=marks), _runaway)
        n = len(self.lead)
        spans = [tuple((max(0, a - n), max(0, b - n)) for a, b in each.offsets) for each in found]
        return [
            Cut(tuple(e.ids), s, tuple(e.sequence_ids), tuple(e.type_ids), tuple(e.word_ids)) for e, s in zip(found, spans, strict=True)
        ]

    def _led(self, text: str) -> str:
        return text and self.lead + text

    @cached_property
    def _naming(self) -> Tokenizer:
        """A twin that takes the name of a mark for the mark: one tokenizer has one setting, whichever thread asks."""
        return Tokenizer.from_str(self.tokenizer.to_str())

    def join(self, rows: Sequence[Sequence[int]], *, marks: bool = False) -> list[str]:
        """See Engine."""
        ids, skip = [list(row) for row in rows], not marks
        few = len(ids) < FEW
        joined = [self.tokenizer.decode(row, skip) for row in ids] if few else self.tokenizer.decode_batch(ids, skip)
        return [text.removeprefix(self.lead) for text in joined]

    @property
    def by_byte(self) -> bool:
        """See Engine."""
        return self._spelling is spelled_in_numbers

    def spelling(self, token: int) -> bytes | None:
        """See Engine."""
        if self._spelling is None:
            return None
        if token in self.silent or (name := self.tokenizer.id_to_token(token)) is None:
            return b""
        return self._spelling(name)

    @cached_property
    def _spelling(self) -> Callable[[str], bytes] | None:
        """How the decoder spells a piece, where it does so in bytes."""
        told = json.loads(self.tokenizer.decoder.__getstate__()) if self.tokenizer.decoder else {}
        if told.get("type") == "ByteLevel":
            return spelled_in_letters
        parts = [part["type"] for part in told.get("decoders", ())]
        return spelled_in_numbers if "ByteFallback" in parts else None

    @property
    def continuing(self) -> str:
        """See Engine."""
        return getattr(self.tokenizer.model, "continuing_subword_prefix", None) or ""

    @property
    def answers(self) -> Fast:
        """See Engine."""
        return self

    @property
    def names(self) -> Mapping[str, int]:
        """See Engine."""
        return self._added

    @property
    def silent(self) -> frozenset[int]:
        """See Engine."""
        return self._silent

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
        return self._highest

    @cached_property
    def _highest(self) -> int:
        return max((i for i in self.tokenizer.get_vocab().values() if i not in self._silent), default=0)    # no text is taken for a mark

    def to_json(self) -> str:
        """The whole tokenizer as JSON text."""
        return self.tokenizer.to_str()


def _letters() -> dict[str, int]:
    """The letters that stand for the 256 bytes: those that can be seen for themselves, the others from U+0100 on (Radford et al. 2019)."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + n): byte for n, byte in enumerate(unseen)}


LETTERS = _letters()


def spelled_in_letters(name: str) -> bytes:
    """The bytes of a piece each of whose letters stands for one; an added piece with other letters stands for itself."""
    known = [LETTERS.get(letter) for letter in name]
    return name.encode() if None in known else bytes(byte for byte in known if byte is not None)


def spelled_in_numbers(name: str) -> bytes:
    """The bytes of a piece that is text, or one byte as a number (<0x0A>)."""
    if found := _NUMBER.fullmatch(name):
        return bytes([int(found[1], 16)])
    return name.replace(SPACE, " ").encode()


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
