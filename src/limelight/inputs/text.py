"""Text <-> token ids: byte-pair pieces over bytes, so any text has ids, and every piece knows its characters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ..errors import InputError, LimelightError, WeightError

PAD, START, END = "<pad>", "<s>", "</s>"
# A word with the apostrophe that elides it (l'|homme, Tom'|s), a number of up to three digits, signs, or white space.
PIECES = r" ?\p{L}[\p{L}\p{M}]*['’]?| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"

_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Encoded:
    """The ids of a text, and for each the characters (from, to) that it stands for; the end token's span is empty."""

    text: str
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]


class Text:
    """A tokenizer: byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019, section 2.2)."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        tokenizer.encode_special_tokens = True                     # "</s>" typed by a user is four characters, not an end
        tokenizer.no_truncation()                                  # a file may ask for either; nothing is cut silently
        tokenizer.no_padding()
        self.pad, self.start, self.end = (self._special(name) for name in (PAD, START, END))

    @classmethod
    def train(cls, texts: Iterable[str], *, vocab: int) -> Text:
        """Learn `vocab` pieces from texts; the same texts give the same pieces. Raises InputError below 259 pieces."""
        least = 256 + 3
        if vocab < least:
            raise InputError(f"a byte-pair vocabulary has at least {least} pieces (256 bytes, 3 marks): got {vocab}.")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PIECES), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab, special_tokens=[PAD, START, END], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator((" " + text for text in texts), trainer)
        return cls(tokenizer)

    @classmethod
    def from_json(cls, text: str, *, where: str = "tokenizer.json") -> Text:
        """Read a `tokenizer.json`. Raises WeightError for one that is broken."""
        try:
            json.loads(text)
            return cls(Tokenizer.from_str(text))
        except BaseException as error:
            if _ours(error):
                raise
            raise WeightError(f"{where} is not a tokenizer: {_line(error)}", "The file is damaged: get the model folder again.") from None

    def to_json(self) -> str:
        """The whole tokenizer as JSON text."""
        return self._tokenizer.to_str()

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    @property
    def highest(self) -> int:
        """The highest id that it can give."""
        return max(self._tokenizer.get_vocab().values())

    def encode(self, text: str) -> Encoded:
        """Text -> ids, the end token last."""
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[str]) -> list[Encoded]:
        """Several texts at once. A space is put before the first word, so that it is the piece it would be elsewhere.

        Half a surrogate pair, which is no character, is read as U+FFFD; an empty text is the end token alone. Raises InputError
        where the tokenizer's own pattern gives up on a text.
        """
        texts = [_HALF.sub("\ufffd", text) for text in texts]
        try:
            found = self._tokenizer.encode_batch([text and " " + text for text in texts], add_special_tokens=False)
        except BaseException as error:
            if _ours(error):
                raise
            raise InputError(f"the tokenizer cannot cut these texts: {_line(error)}", "Is its pattern one that can run away?") from None
        out = []
        for text, each in zip(texts, found, strict=True):
            spans = tuple(_without_space(text, max(0, a - 1), b - 1) for a, b in each.offsets)
            out.append(Encoded(text, (*each.ids, self.end), (*spans, (len(text), len(text)))))
        return out

    def decode(self, ids: Sequence[int]) -> str:
        """Ids -> text; the marks for padding, start and end are left out."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=True).strip(" ")

    def decode_all(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Several rows of ids at once."""
        return [text.strip(" ") for text in self._tokenizer.decode_batch([list(row) for row in rows], skip_special_tokens=True)]

    def piece(self, token: int) -> str:
        """One piece as text, its leading space included."""
        return self._tokenizer.decode([token], skip_special_tokens=False)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each piece as text."""
        return [self.piece(token) for token in ids]

    def begins_word(self, token: int) -> bool:
        """Whether the piece starts with a space, or is the end."""
        return token == self.end or self.piece(token)[:1].isspace()

    def _special(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise WeightError(f"the tokenizer has no {name} token.", "Train it with Text.train, or name the model's own tokens.")
        return found


def _ours(error: BaseException) -> bool:
    """Whether to let it go by: all that is from the tokenizers library ends here, a PanicException too, which is no Exception."""
    return isinstance(error, KeyboardInterrupt | SystemExit | LimelightError)


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    return start, end
