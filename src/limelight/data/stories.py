"""Stories with questions between their sentences, and the sentences that each answer follows from."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

MOST_BYTES = 64 << 20
_LINE = re.compile(r"(\d+) (.+)")
_FORM = 'a line is "number sentence", or "number question, tab, answer, tab, numbers of sentences"'


class Asked(NamedTuple):
    """A question at its place in a story. `sentences`: all that was told before it; `facts`: which of them the answer follows from,
    counted from 0."""

    sentences: tuple[str, ...]
    question: str
    answer: str
    facts: tuple[int, ...]


def read_stories(path: Path) -> list[Asked]:
    """All questions of a file in the form of the bAbI tasks (Weston et al. 2015), plain or gzipped; numbers begin anew with each story.

    Raises InputError for a file that cannot be read, is not of this form, or holds no question.
    """
    found: list[Asked] = []
    told: dict[int, str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line.rstrip())
        if parts is None:
            raise InputError(f"{path}, line {number}: {_FORM}: got {line[:60]!r}.", "Is it the right file?")
        at, text = int(parts[1]), parts[2]
        if at == 1:
            told = {}
        if "\t" in text:
            found.append(_asked(text, told, f"{path}, line {number}"))
        else:
            told[at] = text
    if not found:
        raise InputError(f"{path} holds no question.", f"Is it the right file? There, {_FORM}.")
    return found


def _asked(text: str, told: dict[int, str], where: str) -> Asked:
    question, _, rest = text.partition("\t")
    answer, _, facts = rest.partition("\t")
    places = {number: place for place, number in enumerate(told)}
    try:
        follows = tuple(sorted(places[int(each)] for each in facts.split()))
    except (ValueError, KeyError):
        raise InputError(f"{where}: facts are numbers of sentences told before: got {facts[:60]!r}.", "Is it the right file?") from None
    if not answer.strip() or not follows:
        raise InputError(f"{where}: a question has an answer and a fact at least: got {rest[:60]!r}.", "Is it the right file?")
    return Asked(tuple(told.values()), question.strip(), answer.strip(), follows)


def _text(path: Path) -> str:
    """The whole file, unpacked if need be, but never more than so many bytes."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(f"{path} holds more than {MOST_BYTES:,} bytes.", "Is it a data set of stories?")
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: byte {error.start:,}.", "Is it the right file?") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is no gzip file that can be read: {error}.", "Get it again.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Is the name right?") from None
