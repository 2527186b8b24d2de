"""Subject: a model that is to be looked at, and how it is asked: what it reads, and whether it writes, judges, guesses or only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from ..data.normalise import NORMALISERS
from ..errors import InputError, RecipeError
from ..hub import Opened
from ..inputs import Encoded
from ..inputs.template import read_template
from ..inputs.text import whole_characters
from ..look import trace
from ..spec import Classes, Words
from ..tasks.asking import with_changes
from ..tasks.chat import Chat
from ..tasks.fill import Fill
from ..tasks.reading.windows import room_of
from ..tasks.translate.forcing import answers
from ..tasks.translate.languages import Pair, choose
from ..tasks.writing import Writer, Writing
from .scene import Span

PLAIN = Pair()
Manner = Literal["answers", "goes on", "judges", "guesses", "reads"]


@dataclass(frozen=True)
class Asked:
    """How to look. `to`: the answer, where it is given and not written; `new`: tokens that are written at most; `beam`: partial answers
    kept; `languages`: from which into which, for a model of several."""

    to: str | None = None
    new: int | None = None
    beam: int | None = None
    languages: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and how it is asked. `writer` and `pair`: of one that writes; `chats`: a text is a message, put into the model's template."""

    opened: Opened
    manner: Manner
    asked: Asked
    writer: Writer | None = None
    pair: Pair = PLAIN
    chats: bool = False

    @classmethod
    def of(cls, opened: Opened, asked: Asked) -> Subject:
        """Raises TraceError for a model without attention, RecipeError for what it cannot be asked."""
        trace(opened.model)                                          # refuses what does not attend
        manner = _manner(opened)
        if manner not in ("answers", "goes on"):
            for name, given in (("to", asked.to), ("new", asked.new), ("beam", asked.beam)):
                if given is not None:
                    raise RecipeError(f"{opened.manifest.name} writes nothing: got {name}={given!r:.40}.", f"Leave {name} out.")
            return cls(opened, manner, asked)
        if manner == "goes on":
            return cls(opened, manner, asked, Writer(opened, "generate"), chats=read_template(opened.folder) is not None)
        use = "summarize" if opened.manifest.task == "summarize" else "translate"
        pair = choose(opened, *asked.languages) if use == "translate" else Pair(use)
        return cls(opened, manner, asked, Writer(opened, pair.use), pair)

    @property
    def options(self) -> Writing:
        """How its writer is asked. Raises RecipeError for numbers out of range."""
        beam, new = self.asked.beam, self.asked.new
        return with_changes("look", None, Writing, {"beam": beam, "max_length": new})

    @property
    def splits(self) -> bool:
        """Whether its task goes sentence by sentence, and reads each in one spelling."""
        return self.manner == "answers" and self.opened.manifest.task == "translate"

    @property
    def start(self) -> int:
        """What a decoder beside an encoder begins with."""
        start = self.opened.manifest.generation.start if self.writer is None else self.writer.generation.start
        return (self.opened.text.pad if self.manner == "guesses" else 0) if start is None else start

    def encoded(self, text: str) -> Encoded:
        """A text as the model reads it. Raises InputError for an empty one, and for one that is too long, with the numbers."""
        text = whole_characters(text)
        if not text.strip():
            raise InputError("the text is empty: there is nothing to look at.", "Give it a word.")
        return self.checked(self._encoded(text))

    def checked(self, found: Encoded) -> Encoded:
        """The same. Raises InputError where it is nothing, or more than the model reads."""
        name, most = self.opened.manifest.name, self.most
        if all(part is None for part in found.parts):
            raise InputError(f"nothing is left to read of the text {found.text[:40]!r}.", "Give it a word.")
        if len(found.ids) > most:
            raise InputError(f"the text has {len(found.ids):,} tokens; {name} reads at most {most:,} at once.", "Give a shorter one.")
        return found

    def again(self, whole: str) -> Encoded:
        """A text that was read already and was changed: what the model wants before it, and its masks, stand in it."""
        tokenizer = self.opened.text
        if self.manner == "answers":
            return tokenizer.encode(whole, language=self.pair.mark)
        masked = self.manner == "guesses" and tokenizer.marks.mask is not None
        return tokenizer.encode(whole, marks=not self.chats, named=self.chats or masked)

    def _encoded(self, text: str) -> Encoded:
        tokenizer = self.opened.text
        match self.manner:
            case "answers":
                tidy = NORMALISERS.get(self.opened.manifest.source_language or "none", NORMALISERS["none"]) if self.splits else str
                prefix = self.writer.prefix if self.writer else ""
                return tokenizer.encode(prefix + tidy(text), language=self.pair.mark)
            case "goes on" if self.chats:
                return tokenizer.encode(Chat(self.opened).prompt(text), marks=False, named=True)
            case "goes on":
                return tokenizer.encode(text)
            case "guesses" if tokenizer.marks.mask is not None:
                with suppress(InputError):                           # without a mask it is only read
                    return Fill(self.opened).encoded(text)
        return tokenizer.encode(text)

    @property
    def most(self) -> int:
        """How many tokens it reads at once."""
        if self.writer is None:
            return room_of(self.opened)
        decoder, most = self.opened.manifest.spec.decoder, self.writer.most_source
        if self.manner == "goes on" and decoder is not None and decoder.room is not None:
            return min(most, decoder.room)
        return most

    def forced(self, encoded: Encoded, to: str) -> tuple[int, ...]:
        """The tokens of a given answer, its end mark included where an answer has one. Raises InputError for an empty one."""
        to = whole_characters(to)
        if not to.strip() or self.writer is None:
            raise InputError("the answer that was given is empty.", "Give it a word, or leave it out: the model then writes one.")
        if self.manner == "goes on":
            return self._continued(encoded, to)
        return answers(self.opened, self.writer, self.pair, [to])[0].ids

    def _continued(self, encoded: Encoded, to: str) -> tuple[int, ...]:
        """The tokens that a text adds to a prompt: as they are spelled behind it, where that leaves the prompt's own as they are."""
        tokenizer = self.opened.text
        if not self.chats:
            whole = tokenizer.encode(encoded.text + to).ids
            if whole[: len(encoded.ids)] == encoded.ids and len(whole) > len(encoded.ids):
                return whole[len(encoded.ids) :]
        return tokenizer.encode(to, marks=False).ids


def _manner(opened: Opened) -> Manner:
    spec = opened.manifest.spec
    heads = [type(head) for head in spec.heads]
    if Words in heads and spec.decoder is not None:
        return "goes on" if spec.encoder is None else "answers"
    if Classes in heads:
        return "judges"
    return "guesses" if Words in heads else "reads"


def swapped(text: str, words: Sequence[Span], others: Mapping[int, str]) -> tuple[str, list[Span]]:
    """The text with others in place of some words, and where all of its words then stand."""
    out, at, moved = "", 0, list[Span]()
    for number, (a, b) in enumerate(words):
        out += text[at:a]
        said = others.get(number, text[a:b])
        moved.append((len(out), len(out) + len(said)))
        out, at = out + said, b
    return out + text[at:], moved


def without(encoded: Encoded, gone: Sequence[int], mask: int | None) -> Encoded:
    """A text some of whose tokens are masked, or left out where there is no mask."""
    lost = set(gone)
    return encoded.only([i for i in range(len(encoded.ids)) if i not in lost]) if mask is None else encoded.masked(lost, mask)
