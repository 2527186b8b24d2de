"""Gold word alignments: the format of the shared task of Mihalcea and Pedersen 2003, as neulab/awesome-align keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....errors import InputError
from ....look.align import Link, Span


@dataclass(frozen=True)
class Gold:
    """A sentence pair in words, with the links that annotators were sure of and those that they held possible."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: frozenset[Link]
    possible: frozenset[Link]


def read_gold(pairs: Path, links: Path) -> list[Gold]:
    """Read "source ||| target" lines and their "i-j" (sure), "ipj" (possible) links, counted from 1 there and from 0 here.

    Raises InputError for files that are missing, of different lengths, or with a link outside its sentences.
    """
    out = []
    lines, golds = _lines(pairs), _lines(links)
    if len(lines) != len(golds):
        raise InputError(f"{pairs} has {len(lines)} pairs, {links} links for {len(golds)}.", "Are they of the same set?")
    for number, (line, gold) in enumerate(zip(lines, golds, strict=True), 1):
        source, bar, target = line.partition("|||")
        words = (tuple(source.split()), tuple(target.split()))
        if not bar or not all(words):
            raise InputError(f'{pairs}, line {number}: wanted "source ||| target": got {line[:60]!r}.', "Is this the file of pairs?")
        possible_items = {item for item in gold.split() if "p" in item}
        try:
            possible = frozenset(_link(item, "p") for item in possible_items)
            sure = frozenset(_link(item, "-") for item in set(gold.split()) - possible_items)
        except ValueError:
            raise InputError(f"{links}, line {number}: links are written 3-4 or 3p4: got {gold[:60]!r}.") from None
        if any(not (0 <= i < len(words[0]) and 0 <= j < len(words[1])) for i, j in sure | possible):
            raise InputError(f"{pairs}, line {number}: a link points outside the pair.", "Is this the right link file?")
        out.append(Gold(*words, sure, possible | sure))
    return out


def written(words: tuple[str, ...], language: str) -> tuple[str, list[Span]]:
    """Words that stand apart, as they are usually written, and where each is: signs close up to the word before.

    French keeps its space before ? ! ; and :.
    """
    close = {".", ",", ")", "'s"} | (set() if language == "fr" else {"?", "!", ";", ":"})
    text, spans = "", []
    for word in words:
        gap = "" if not text or word in close or text.endswith("(") else " "
        spans.append((len(text + gap), len(text + gap + word)))
        text += gap + word
    return text, spans


def _link(item: str, sign: str) -> Link:
    i, _, j = item.partition(sign)
    return int(i) - 1, int(j) - 1


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")   # splitlines would cut at U+2028 and its like too
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Gold alignments are a pair of files.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text.", "Gold alignments are a pair of text files.") from None
