"""A picture as text: a grid of shades with the words along two sides, then for every word what it looked at, with numbers.

Shades are characters first and colour second, so the grid reads the same in a log file, in a mail and with NO_COLOR set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from .picture import Look, Picture
from .visible import clusters, column, shorten, spell, steady

STEPS = (0.05, 0.25, 0.5, 0.75)
LABEL, HEADER, NARROWEST = 18, 12, 24
# The blocks let the terminal's own background through, so more weight is more colour on black and on white alike.
COLOURS = ("#86b02f", "#86b02f", "#86b02f", "#86b02f on #86b02f")


class Glyphs(NamedTuple):
    """The characters to draw with; `shades` from nothing to nearly all."""

    shades: str
    arrow: str
    ellipsis: str
    encoding: str


class Plan(NamedTuple):
    """How wide the target words are, how wide each column is, and whether its header stands upright."""

    label: int
    columns: tuple[int, ...]
    upright: bool


def grid(picture: Picture, *, width: int = 80, color: bool = True, encoding: str = "utf-8") -> Text:
    """The picture as text of at most `width` terminal cells a line, with styles only where `color` is on.

    Where the columns do not fit, the list stands alone and says so. Encodings that lack block characters get ASCII.
    """
    width, glyphs = max(width, NARROWEST), glyphs_for(encoding)
    sources = [_word(word, glyphs) for word in picture.source]
    targets = [_word(word, glyphs) for word in picture.target]
    plan = _plan(sources, targets, width)
    lines: list[Text] = [Text(_fit(_word(picture.title, glyphs), width, glyphs), "bold"), Text()] if picture.title else []
    if plan is None:
        needed = _needed(sources, targets)
        lines += [*_wrap(f"The grid needs {needed} columns and there are {width}, so here is the list alone.", width, ""), Text()]
    else:
        lines += [*_header(sources, plan, glyphs), *_rows(picture, targets, plan, glyphs), Text(), *_legend(width, glyphs), Text()]
    lines += _list(picture, sources, targets, width, glyphs)
    lines += [Text(), *_footer(picture, width, glyphs)]
    whole = Text("\n").join(lines)
    return whole if color else Text(whole.plain)


def show(picture: Picture, console: Console | None = None) -> None:
    """Print the grid as this console can take it: its width, its encoding, NO_COLOR, and no styles into a file or a pipe."""
    console = console or Console()
    color = console.is_terminal and not console.no_color
    text = grid(picture, width=console.width, color=color, encoding=console.encoding)
    console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)


def glyphs_for(encoding: str) -> Glyphs:
    """What a stream of this encoding can carry."""
    try:
        "░▒▓█·←…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Glyphs(" .:+#", "<-", "...", encoding)
    return Glyphs("·░▒▓█", "←", "…", encoding)


def _word(word: str, glyphs: Glyphs) -> str:
    return spell(steady(word[:400]), glyphs.encoding)   # what is cut here would be cut for width anyway


def _fit(word: str, width: int, glyphs: Glyphs) -> str:
    return shorten(word, width, ellipsis=glyphs.ellipsis)


# --- where things stand ---------------------------------------------------------------------------------------------
def _plan(sources: list[str], targets: list[str], width: int) -> Plan | None:
    """Level headers where there is room, else upright ones over columns of four cells, else of three, else none."""
    label = _label(targets)
    level = tuple(max(6, cell_len(word) + 2) for word in sources)
    for columns, upright in ((level, False), ((4,) * len(sources), True), ((3,) * len(sources), True)):
        if label + 1 + sum(columns) <= width:
            return Plan(label, columns, upright)
    return None


def _label(targets: list[str]) -> int:
    return min(LABEL, max(cell_len(word) for word in targets))


def _needed(sources: list[str], targets: list[str]) -> int:
    return _label(targets) + 1 + 3 * len(sources)


def _header(sources: list[str], plan: Plan, glyphs: Glyphs) -> Iterator[Text]:
    margin = " " * (plan.label + 1)
    if not plan.upright:
        yield Text(margin + "".join(_centred(word, size) for word, size in zip(sources, plan.columns, strict=True)).rstrip(), "bold")
        return
    stacks = [_stack(word, glyphs) for word in sources]
    height = max(map(len, stacks))
    for level in range(height):
        cells = [stack[level - height + len(stack)] if level >= height - len(stack) else "" for stack in stacks]
        yield Text((margin + "".join(_centred(cell, size) for cell, size in zip(cells, plan.columns, strict=True))).rstrip(), "bold")


def _stack(word: str, glyphs: Glyphs) -> list[str]:
    letters = clusters(word)
    return letters if len(letters) <= HEADER else [*letters[: HEADER - 1], glyphs.ellipsis[:1]]


def _centred(text: str, size: int) -> str:
    left = (size - cell_len(text)) // 2
    return " " * left + column(text, size - left)


# --- the grid -------------------------------------------------------------------------------------------------------
def _rows(picture: Picture, targets: list[str], plan: Plan, glyphs: Glyphs) -> Iterator[Text]:
    linked = set(picture.links)
    for j, (word, row) in enumerate(zip(targets, picture.weights, strict=True)):
        line = Text().append(column(_fit(word, plan.label, glyphs), plan.label, right=True) + " ", "bold")
        for i, (weight, size) in enumerate(zip(row, plan.columns, strict=True)):
            line.append_text(_cell(weight, (i, j) in linked, size, glyphs))
        yield line


def _cell(weight: float, linked: bool, size: int, glyphs: Glyphs) -> Text:
    """A block of shade in the middle, between brackets where the two words are aligned."""
    step = step_of(weight)
    block = glyphs.shades[step] * (1 if size == 3 else 2)
    if step == 0 and size > 3:
        block = glyphs.shades[0] + " "
    left = (size - len(block)) // 2
    text = Text(" " * (left - 1))
    text.append("[" if linked else " ", "bold")
    text.append(block, COLOURS[step - 1] if step else "dim")
    text.append("]" if linked else " ", "bold")
    return text.append(" " * (size - left - len(block) - 1))


def step_of(weight: float) -> int:
    """How many of the steps a weight reaches: its shade."""
    return sum(weight >= floor for floor in STEPS)


def _legend(width: int, glyphs: Glyphs) -> list[Text]:
    marks = [f"{shade} {floor:.2f}" for shade, floor in zip(glyphs.shades[1:], STEPS, strict=True)]
    lines = _pack(["weight from", *marks, "[ ] aligned"], width, "dim", gap="   ")
    for line in lines:
        for shade, colour in zip(glyphs.shades[1:], COLOURS, strict=True):
            line.highlight_regex(f"{re.escape(shade)}(?= )", colour)
    return lines


# --- the list and the small print -----------------------------------------------------------------------------------
def _list(picture: Picture, sources: list[str], targets: list[str], width: int, glyphs: Glyphs) -> Iterator[Text]:
    label = min(_label(targets), width // 3)
    for j, word in enumerate(targets):
        line = Text().append(column(_fit(word, label, glyphs), label, right=True), "bold").append(f" {glyphs.arrow} ", "dim")
        for rank, look in enumerate(picture.looks(j)):
            piece = _entry(look, sources, width - label - 12, glyphs)
            if rank and cell_len(line.plain) + cell_len(piece.plain) + 2 > width:
                break
            line.append(", " if rank else "").append_text(piece)
        yield line


def _entry(look: Look, sources: list[str], room: int, glyphs: Glyphs) -> Text:
    word = _fit(sources[look.column], min(LABEL, room), glyphs)
    text = column(word, cell_len(word))
    return Text(f"[{text}] {look.weight:.2f}" if look.linked else f"{text} {look.weight:.2f}", "bold" if look.linked else "")


def _footer(picture: Picture, width: int, glyphs: Glyphs) -> list[Text]:
    said = (("", picture.how), ("trust: ", picture.trust), ("", f"{picture.model}, {picture.seconds:.2f} s".lstrip(", ")))
    return [line for name, text in said for line in _wrap(name + _word(text, glyphs), width, "" if name else "dim")]


def _wrap(text: str, width: int, style: str) -> list[Text]:
    return _pack([piece for word in text.split(" ") for piece in _cut(word, width)], width, style)


def _pack(pieces: list[str], width: int, style: str, *, gap: str = " ") -> list[Text]:
    """As many pieces on a line as `width` cells take."""
    lines, line = [], ""
    for piece in pieces:
        if line and cell_len(line + gap + piece) > width:
            lines, line = [*lines, line], piece
        else:
            line = f"{line}{gap}{piece}" if line else piece
    return [Text(part, style) for part in [*lines, line]]


def _cut(word: str, width: int) -> list[str]:
    """A word that is longer than a line, in several."""
    pieces = [""]
    for letter in clusters(word):
        if cell_len(pieces[-1]) + cell_len(letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
