"""Reviews with what they say of a thing, out of the forms in which public data sets keep them."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InputError
from .archives import texts_in
from .normalise import english
from .opinions import Opinion
from .rows import cell
from .tables import read_table

_LOOSE = re.compile(r" (?=[.,!?;:)%](?:\s|$))| (?=n't\b)| (?='(?:s|m|re|ve|d|ll)\b)|(?<=\() ")
_TAGGED = re.compile(r"<(pros|cons)>(.*?)</\1>", re.IGNORECASE)
_ASPECT = re.compile(r"\[([+-])\d?\]")
_STARS = ("Title", "Review Text", "Rating")
_MIDDLE = 3


def marked_lines(path: Path) -> Iterator[Opinion]:
    """A sentence, a tab, and 0 (negative) or 1 (positive) a line (Kotzias et al. 2015)."""
    for number, line in enumerate(_read(path).split("\n"), 1):        # not splitlines: sentences have U+0085 in them
        text, tab, mark = line.rstrip("\r").rpartition("\t")
        if not line.strip():
            continue
        if not tab or mark.strip() not in ("0", "1"):
            raise InputError(f'{path}, line {number}: wanted "sentence, tab, 0 or 1": got {line[-40:]!r}.', "Is it the right file?")
        yield Opinion(english(text), "positive" if mark.strip() == "1" else "negative")


def starred_rows(path: Path) -> Iterator[Opinion]:
    """A CSV with "Title", "Review Text" and "Rating": four or five stars are positive, one or two negative, three neutral.

    The title goes before the text, as a sentence of its own. Rows without a text are passed over.
    """
    rows = csv.DictReader(_read(path).splitlines(keepends=True))
    if missing := [name for name in _STARS if name not in (rows.fieldnames or ())]:
        raise InputError(f'{path} has no column "{missing[0]}".', "Is it the right file?")
    for number, row in enumerate(rows, 1):
        title, text, stars = (english(row[name] or "") for name in _STARS)
        if stars not in ("1", "2", "3", "4", "5"):
            raise InputError(f"{path}, row {number}: a rating is 1 to 5: got {stars[:20]!r}.", "Is it the right file?")
        if text:
            dot = "" if not title or title[-1] in ".!?" else "."
            yield Opinion(f"{title}{dot} {text}".strip(), "neutral" if int(stars) == _MIDDLE else _side(int(stars) > _MIDDLE))


def pros_and_cons(path: Path) -> Iterator[Opinion]:
    """A zip whose texts have a <Pros> or <Cons> element a line (Ganapathibhotla and Liu 2008): what is liked, and what is not."""
    for _, text in texts_in(path):
        for found in _TAGGED.finditer(text):
            said = english(html.unescape(html.unescape(found[2])))    # some ampersands were escaped twice
            if said:
                yield Opinion(said, _side(found[1].lower() == "pros"))


def aspects(path: Path) -> Iterator[Opinion]:
    """A zip of texts with "battery[-2], size[+1]##sentence" a line (Hu and Liu 2004, Ding et al. 2008).

    A sentence whose aspects all have one sign is of that; others are "mixed", and those without an aspect are passed over, for they may say
    anything.
    """
    for _, text in texts_in(path):
        for line in text.split("\n"):
            marks, sign, said = line.partition("##")
            signs = set(_ASPECT.findall(marks))
            said = spaced(english(said))
            if sign and signs and said:
                yield Opinion(said, "mixed" if len(signs) == 2 else _side(signs == {"+"}))


def two_folders(path: Path) -> Iterator[Opinion]:
    """A zip with a text a file, in folders "pos" and "neg" (Pang and Lee 2004)."""
    for name, text in texts_in(path):
        folder = name.split("/")[-2] if "/" in name else ""
        if folder in ("pos", "neg"):
            yield Opinion(spaced(english(text)), _side(folder == "pos"))


def labelled_rows(path: Path) -> Iterator[Opinion]:
    """A table (TSV, CSV, JSON lines, Parquet) with columns "text" and "label". Rows without a text or a label are passed over."""
    table = read_table(path)
    text, label = table.column("text"), table.column("label")
    for number, row in enumerate(table.rows, 1):
        said, mark = (" ".join(cell(row, column, where=table.where, number=number).split()) for column in (text, label))
        if said and mark:
            yield Opinion(said, mark)


FORMS: dict[str, Callable[[Path], Iterator[Opinion]]] = {
    "marked lines": marked_lines,
    "starred rows": starred_rows,
    "pros and cons": pros_and_cons,
    "aspects": aspects,
    "two folders": two_folders,
    "labelled rows": labelled_rows,
}
"""By name: how reviews are kept in a file."""


def read_opinions(path: Path, form: str) -> list[Opinion]:
    """All opinions of a file in its order. Raises InputError for one that cannot be read, is not of this form, or holds none."""
    found = list(FORMS[form](path))
    if not found:
        raise InputError(f"{path} holds no opinion in the form of {form}.", f"Is it the right file, and one of {', '.join(FORMS)}?")
    return found


def spaced(text: str) -> str:
    """A text whose signs and endings were set apart by spaces, as people write it: "it did n't work , sadly" -> "it didn't work, sadly"."""
    return _LOOSE.sub("", text)


def _side(good: bool) -> str:
    return "positive" if good else "negative"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Is the name right?") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: byte {error.start:,}.", "Is it the right file?") from None
