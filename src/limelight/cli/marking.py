"""Spans of a text as a terminal shows them: in brackets, and bold where there are colours; nothing in the text steers the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from ..look.visible import visible
from ..tasks.reading.marked import Mark, marked
from .streams import is_terminal


def highlighted(text: str, marks: Iterable[Mark]) -> str:
    """The text with each mark as [so LABEL]."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") else ("", "")

    def show(piece: str, mark: Mark | None) -> str:
        if mark is None:
            return harmless(piece)
        return f"{bold}[{harmless(piece)}{mark.label and ' '}{harmless(mark.label)}]{plain}"

    return marked(text, marks, show)


def harmless(text: str) -> str:
    """Text whose control characters are seen and not obeyed; line ends stay."""
    lines = text.replace("\r\n", "\n").replace("\t", " ").split("\n")
    return "\n".join(visible("x" + line)[1:] for line in lines)      # what is blank by itself would be shown as a sign
