"""Heat: words in a row, each with a shade below it for how much it got. Shades are characters first and colour second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from .terminal import COLOURS, NARROWEST, Glyphs, glyphs_for, step_of
from .visible import column, shorten, spell, steady

LABEL, INDENT = 24, 2


def heat(words: Sequence[str], weights: Sequence[float], *, width: int = 80, encoding: str = "utf-8", at: int = -1) -> Text:
    """The words over lines of at most `width` cells, with a line of shades below each, by the share that each has of the best weight; `at`:
    the word that looks, between brackets.

    Of a long text, lines in which nothing got 5 % of the best are left out, and dots say so.
    """
    glyphs, width, best = glyphs_for(encoding), max(width, NARROWEST), max(weights, default=0.0)
    weights = [weight / best if best else 0.0 for weight in weights]
    shown = [shorten(spell(steady(word[:400]), encoding), LABEL, ellipsis=glyphs.ellipsis) for word in words]
    shown = [f"[{word}]" if i == at else word for i, word in enumerate(shown)]
    lines, skipped = list[Text](), False
    for places in _packed(shown, width - INDENT):
        if len(words) > width and at not in places and all(step_of(weights[i]) == 0 for i in places):
            skipped = True
            continue
        lines += [Text(" " * INDENT + glyphs.ellipsis, "dim")] if skipped else []
        lines += [_words(shown, places), _shades(shown, weights, places, glyphs)]
        skipped = False
    return Text("\n").join(lines + ([Text(" " * INDENT + glyphs.ellipsis, "dim")] if skipped else []))


def _packed(words: Sequence[str], width: int) -> Iterator[range]:
    """As many words on a line as it takes."""
    first, used = 0, 0
    for i, word in enumerate(words):
        if i > first and used + cell_len(word) > width:
            yield range(first, i)
            first, used = i, 0
        used += cell_len(word) + 1
    if words:
        yield range(first, len(words))


def _words(words: Sequence[str], places: range) -> Text:
    return Text(" " * INDENT + " ".join(column(words[i], cell_len(words[i])) for i in places), "bold")


def _shades(words: Sequence[str], weights: Sequence[float], places: range, glyphs: Glyphs) -> Text:
    line = Text(" " * INDENT)
    for i in places:
        step = step_of(weights[i])
        line.append(glyphs.shades[step] * cell_len(words[i]) if step else " " * cell_len(words[i]), COLOURS[step - 1] if step else "")
        line.append(" ")
    line.rstrip()
    return line
