"""Marked: a text with some of its spans made to stand out, for pages and for plain text."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """Characters `start` to `end` of a text, and what is said of them."""

    start: int
    end: int
    label: str = ""


def marked(text: str, marks: Iterable[Mark], show: Callable[[str, Mark | None], str]) -> str:
    """The text in pieces, each as `show` has it, marked or not. A mark that begins inside another is left out."""
    out, at = list[str](), 0
    for mark in sorted(marks, key=lambda each: (each.start, -each.end)):
        if mark.start < at:
            continue
        out += [show(text[at : mark.start], None), show(text[mark.start : mark.end], mark)]
        at = mark.end
    return "".join([*out, show(text[at:], None)])


def marked_html(text: str, marks: Iterable[Mark]) -> str:
    """As HTML, with the labels behind what is marked."""

    def show(piece: str, mark: Mark | None) -> str:
        if mark is None:
            return html.escape(piece)
        label = f" <small>{html.escape(mark.label)}</small>" if mark.label else ""
        return f"<mark>{html.escape(piece)}{label}</mark>"

    return marked(text, marks, show)
