"""Text <-> token ids: every piece knows its characters, and no text is mistaken for a mark."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from ..errors import InputError, TaskError, WeightError, did_you_mean
from .engines import Cut, Engine, Fast, Span, read_fast, whole_characters
from .guard import Guard
from .languages import Languages
from .spelling import after
from .words import without_lead

PAD, START, END, LEAD = "<pad>", "<s>", "</s>", " "
QUOTE = " ' "                            # which a tidy tokenizer reads back without its spaces
# A word with the apostrophe that elides it (l'|homme, Tom'|s), a number of up to three digits, signs, or white space.
PIECES = r" ?\p{L}[\p{L}\p{M}]*['’]?| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"


@dataclass(frozen=True)
class Encoded:
    """The ids of a text, and for each the characters (from, to) that it stands for; marks before and after stand for none.

    Of two texts, `parts` says whose characters they are (0, 1, or None for a mark), and `segments` what a model is told of that.
    `words`: which of its text's words an id is of, as the tokenizer tells words apart; () where it does not say.
    """

    text: str
    ids: tuple[int, ...]
    offsets: tuple[Span, ...]
    other: str = ""
    parts: tuple[int | None, ...] = ()
    segments: tuple[int, ...] = ()
    words: tuple[int | None, ...] = field(default=(), compare=False, repr=False)

    def only(self, keep: Sequence[int]) -> Encoded:
        """The same with only some of its ids, by their places."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in keep),
            offsets=tuple(self.offsets[i] for i in keep),
            parts=tuple(self.parts[i] for i in keep),
            segments=tuple(self.segments[i] for i in keep),
            words=tuple(self.words[i] for i in keep) if self.words else (),
        )

    def masked(self, places: Collection[int], mask: int) -> Encoded:
        """The same with a mask at some places."""
        hidden = set(places)
        return replace(self, ids=tuple(mask if i in hidden else token for i, token in enumerate(self.ids)))


@dataclass(frozen=True)
class Marks:
    """The ids of the tokens that stand for no text; None for one that a model does not have."""

    pad: int | None = None
    start: int | None = None
    end: int | None = None
    mask: int | None = None
    unknown: int | None = None


class Text:
    """A tokenizer: an engine, and the marks of the model that it belongs to."""

    def __init__(self, engine: Engine, marks: Marks, habit: Languages | None = None, *, tidy: bool = False):
        """`habit`: how it is told a language; `tidy`: spaces that English does not write before signs are taken from what it reads back."""
        self.engine, self.marks, self._habit, self._tidy = engine, marks, habit, tidy

    @classmethod
    def train(cls, texts: Iterable[str], *, vocab: int, lower: bool = False) -> Text:
        """Learn `vocab` byte-pair pieces (Sennrich et al. 2016), over bytes so that any text has ids (Radford et al. 2019, 2.2).

        `lower`: capitals are read as small letters. The same texts give the same pieces. Raises InputError below 259 pieces.
        """
        least = 256 + 3
        if vocab < least:
            raise InputError(f"a byte-pair vocabulary has at least {least} pieces (256 bytes, 3 marks): got {vocab}.")
        tokenizer = Tokenizer(models.BPE())
        if lower:
            tokenizer.normalizer = normalizers.Lowercase()           # pyright: ignore[reportAttributeAccessIssue]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PIECES), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator((LEAD + text for text in texts), trainer)
        end = tokenizer.token_to_id(END)
        tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, end)])
        return cls.plain(Fast(tokenizer, lead=LEAD))

    @classmethod
    def from_json(cls, text: str, *, where: str = "tokenizer.json") -> Text:
        """Read the `tokenizer.json` of a limelight folder. Raises WeightError for one that is broken."""
        return cls.plain(read_fast(text, where=where, lead=LEAD))

    @classmethod
    def plain(cls, engine: Engine) -> Text:
        """An engine whose marks have the names that `train` gives them. Raises WeightError where one is missing."""
        ids = {name: engine.id(name) for name in (PAD, START, END)}
        if missing := next((name for name, found in ids.items() if found is None), None):
            raise WeightError(f"the tokenizer has no {missing} token.", "Train it with Text.train, or name the model's own tokens.")
        if engine.cut([""])[0].ids != (ids[END],):
            raise WeightError(f"the tokenizer does not put {END} after a text.", "Train it with Text.train.")
        return cls(engine, Marks(pad=ids[PAD], start=ids[START], end=ids[END]))

    def to_json(self) -> str:
        """The whole tokenizer as JSON text, for `from_json`. Raises TaskError for a published one, which would come back as another."""
        if not isinstance(self.engine, Fast) or self.engine.lead != LEAD:
            raise TaskError("a published tokenizer is none of limelight's own.", "Keep the model in its published form (hub.publish).")
        return self.engine.to_json()

    def __len__(self) -> int:
        return self.engine.size

    @property
    def highest(self) -> int:
        """The highest id that it can give."""
        return self.engine.highest

    @property
    def pad(self) -> int:
        """What fills short rows: the mark for it, or, where a model has none, its end or 0, which `keep` hides all the same."""
        return next((each for each in (self.marks.pad, self.marks.end) if each is not None), 0)

    @property
    def start(self) -> int:
        """What stands before the first token. Raises TaskError where the model has no such mark."""
        return _there(self.marks.start, "start")

    @property
    def end(self) -> int:
        """What stands after the last token. Raises TaskError where the model has no such mark."""
        return _there(self.marks.end, "end")

    @property
    def mask(self) -> int:
        """What stands for a word that is to be guessed. Raises TaskError where the model has no such mark."""
        return _there(self.marks.mask, "mask")

    @cached_property
    def mark_names(self) -> dict[str, int]:
        """The ids of all marks, and of what else was added to the pieces, by their names."""
        return dict(self.engine.names)

    @cached_property
    def languages(self) -> dict[str, int]:
        """The languages that the model is told by a mark ("en", "eng_Latn"), with the marks' ids; none where it has but one pair.

        An answer in one of them begins with its mark where `language_of` is "source" (manifest.Generation.first).
        """
        return self._habit.found(self.engine.names) if self._habit else {}

    @property
    def language_of(self) -> Literal["source", "target"] | None:
        """Whose language `encode(text, language=...)` tells: the text's own, or the answer's; None where the model has but one pair."""
        return self._habit.of if self._habit and self.languages else None

    def encode(
        self, text: str, other: str | None = None, *, marks: bool = True, named: bool = False, language: str | None = None
    ) -> Encoded:
        """Text -> ids, with the marks that the model expects around it (or without). See `encode_all`."""
        return self.encode_all([text], None if other is None else [other], marks=marks, named=named, language=language)[0]

    def encode_all(
        self,
        texts: Sequence[str],
        others: Sequence[str] | None = None,
        *,
        marks: bool = True,
        named: bool = False,
        language: str | None = None,
    ) -> list[Encoded]:
        """Several texts, or pairs of them, at once. Half a surrogate pair, which is no character, is read as U+FFFD.

        `named`: the name of a mark that stands in a text ("<mask>", "<|im_end|>") is that mark; otherwise it is text as any other, so
        that nobody who types can end or begin a thing (its first letter stands apart where a tokenizer would spell it as the mark all
        the same). `language`: the mark that the model wants beside a text, see `languages`.
        Raises InputError where the tokenizer's own pattern gives up on a text, and for a language that the model does not know.
        """
        clean = [whole_characters(text) for text in texts]
        second = None if others is None else [whole_characters(other) for other in others]
        if language is None:
            found = self._cut(clean, second, marks=marks, named=named)
        elif others is not None or not marks:
            raise InputError("a language is told beside one text with its marks: got two texts, or none of its marks.", "Leave it out.")
        else:
            around = self._around(language)
            found = [cut.within(*around) for cut in self._cut(clean, None, marks=False, named=named)]
        behind = others or [""] * len(texts)
        return [_encoded(text, other, cut) for text, other, cut in zip(texts, behind, found, strict=True)]

    def _cut(self, texts: Sequence[str], others: Sequence[str] | None, *, marks: bool, named: bool) -> list[Cut]:
        """Texts in pieces. A piece that happens to be spelled as a mark is none, unless names of marks are asked for."""
        found = self.engine.cut(texts, others, marks=marks, named=named)
        if named:
            return found
        for n in (n for n, cut in enumerate(found) if self._guard.touched(cut)):
            sides = [self._guard.guarded(side[n], named=False) for side in (texts, others) if side is not None]
            again = self.engine.cut([sides[0].text], [side.text for side in sides[1:]] or None, marks=marks)[0]
            for part, side in enumerate(sides):
                again = side.back(again, part)
            found[n] = again
        return found

    def _around(self, language: str) -> tuple[list[int], list[int]]:
        """The marks before and after a text with its language."""
        if self._habit is None or not self.languages:
            raise InputError(f"the model is told no language: got {language!r}.", "It has but one pair of them: leave it out.")
        if language not in self.languages:
            raise InputError(f"the model does not know the language {language!r}.", did_you_mean(language, self.languages))
        before, _, after = self._habit.one.partition("$A")

        def ids(names: str) -> list[int]:
            return [self.languages[language] if name == "$L" else _there(self.engine.id(name), name) for name in names.split()]

        return ids(before), ids(after)

    def guarded_names(self, text: str) -> str:
        """The text with the name of every mark in it broken by a zero-width space, for what a user says inside a text that is read with
        `named`: nothing in it is taken for a mark. All else stays as it is, but half a surrogate pair is U+FFFD."""
        return self._guard.guarded(whole_characters(text)).text

    @cached_property
    def _guard(self) -> Guard:
        return Guard(self.engine, self.marks.unknown)

    def after(self, before: Sequence[int], ids: Sequence[int]) -> str:
        """The exact text that `ids` add when they follow `before`: spaces and line ends stay, marks say nothing.

        A letter whose bytes are not all there yet is held back until they are, so that text shown token by token is never taken back.
        It takes no longer when much came before.
        """
        return after(self.engine, before, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Ids -> text, with the spaces that it begins or ends with; marks are left out."""
        return self.decode_all([ids])[0]

    def decode_all(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Several rows of ids at once."""
        joined = self.engine.join(rows)
        return [tidied(text) for text in joined] if self._tidy else joined

    @property
    def answers(self) -> Text:
        """What gives a text the ids that the model itself would write it with: another, where source and target are cut differently."""
        engine = self.engine.answers
        return self if engine is self.engine else Text(engine, self.marks, self._habit, tidy=self._tidy)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Texts of which what `decode` has given already would be another, once they are whole."""
        return (QUOTE,) if self._tidy else ()

    def piece(self, token: int) -> str:
        """One piece as text, its leading space included."""
        return self.engine.piece(token)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each piece as text."""
        return [self.piece(token) for token in ids]

    def begins_word(self, token: int) -> bool:
        """Whether the piece starts with a space, or is the end."""
        return token == self.marks.end or self.piece(token)[:1].isspace()


def _there(mark: int | None, name: str) -> int:
    if mark is None:
        raise TaskError(f"the tokenizer has no {name} token, which this needs.", "Use a model that has one.")
    return mark


def tidied(text: str) -> str:
    """Text without the spaces before signs and endings that published tokenizers of English take away."""
    for each in (".", "?", "!", ","):
        text = text.replace(f" {each}", each)
    text = text.replace(QUOTE, "'")
    for each in ("n't", "'m", "'s", "'ve", "'re"):
        text = text.replace(f" {each}", each)
    return text


def _encoded(text: str, other: str, cut: Cut) -> Encoded:
    sides = (text, other)
    spans: list[Span] = []
    at = 0                                                           # marks stand where a text begins, or where it has ended
    for part, (a, b) in zip(cut.parts, cut.spans, strict=True):
        if part is None:
            spans.append((at, at))
        else:
            spans.append(without_lead(sides[part], a, b))
            at = len(sides[part])
    return Encoded(text, cut.ids, tuple(spans), other, cut.parts, cut.segments, cut.words)
