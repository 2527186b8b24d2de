"""What decided, as people see it: the text with its words marked by their effect, and the strongest in a table, for a terminal or a page.

Signs and numbers come first and colour second, so that it reads the same in a log file and with NO_COLOR set.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..errors import InputError
from ..files import replaced
from .visible import column, shorten, steady, visible
from .why import Decider, Why

MOST, WIDEST = 8, 24                     # rows of the table; cells of a word in it
MARKED, STRONG = 0.2, 0.6                # shares of the largest effect
EFFECT, WITHOUT, ATTENTION = "effect", "score without it", "attention"
STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.8 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; }
section + section { margin-top: 3em; }
"""
FOR, AGAINST = "46, 140, 60", "200, 60, 50"


def drawn(why: Why, texts: Sequence[str], console: Console) -> Text:
    """The marked text, the table and how far to trust it, as this console can take it: styles only where it is a terminal with colour."""
    lines = [_marked(why, texts), Text(), *_table(why), Text()]
    lines += [Text(_safe(line)) for line in (why.measured, *why.trust)]
    whole = Text("\n").join(lines)
    return whole if console.is_terminal and not console.no_color else Text(whole.plain)


def _marked(why: Why, texts: Sequence[str]) -> Text:
    """The text; behind each of the strongest words stands its effect."""
    out, most = Text(), _largest(why)
    for piece, word in _pieces(why, texts):
        share = abs(word.effect) / most if word and most else 0.0
        if word is None or share < MARKED:
            out.append(piece)
        else:
            weight = "bold " if share >= STRONG else ""
            out.append(f"{piece}[{word.effect:+.2f}]", weight + ("green" if word.effect > 0 else "red"))
    return out


def _table(why: Why) -> Iterator[Text]:
    rows = [(shorten(steady(word.text), WIDEST), *_numbers(word).values()) for word in why.strongest[:MOST]]
    if not rows:
        return
    header = _header(why)
    width = max(cell_len(name) for name, *_ in (("word",), *rows))
    for name, *numbers in (("word", *header), *rows):
        cells = [number.rjust(len(head)) for head, number in zip(header, numbers, strict=True)]
        yield Text("  ".join([column(name, width), *cells]), "bold" if numbers == header else "")
    if (left := len(why.words) - len(rows)) > 0:
        yield Text(f"and {left} more")


def _numbers(word: Decider) -> dict[str, str]:
    """What is known of a word, by the name of its column."""
    found = {EFFECT: f"{word.effect:+.2f}"}
    if word.score is not None:
        found[WITHOUT] = f"{word.score:.4f}"
    if word.attention is not None:
        found[ATTENTION] = f"{word.attention:.3f}"
    return found


def _header(why: Why) -> list[str]:
    """The columns: what is known of one word is known of all."""
    return list(_numbers(why.words[0])) if why.words else [EFFECT]


def _largest(why: Why) -> float:
    return max((abs(word.effect) for word in why.words), default=0.0)


def _pieces(why: Why, texts: Sequence[str]) -> Iterator[tuple[str, Decider | None]]:
    """The texts in pieces, those that are words beside them; nothing in them can steer a terminal."""
    for part, text in enumerate(texts):
        at = 0
        if part:
            yield "\n", None
        for word in (word for word in why.words if word.part == part):
            yield _safe(text[at : word.span[0]]), None
            yield _safe(text[slice(*word.span)]), word
            at = word.span[1]
        yield _safe(text[at:]), None


def _safe(text: str) -> str:
    return "".join(char if char in " \n" else visible(char) for char in text)


# --- a page ---------------------------------------------------------------------------------------------------------
def fragment(why: Why, texts: Sequence[str]) -> str:
    """The same as HTML that may stand in a notebook or a page: no script, all text escaped."""
    most = _largest(why) or 1.0
    said = "".join(_span(piece, word, most) for piece, word in _pieces(why, texts))
    head = "".join(f'<th style="text-align:right">{name}</th>' for name in _header(why))
    rows = "".join(_row(word) for word in why.strongest[:MOST])
    below = "".join(f"<p>{html.escape(_safe(line))}</p>" for line in (why.measured, *why.trust))
    title = f"<p><b>{html.escape(_safe(why.label))}</b> {why.score:.4f}</p>"
    return f'{title}<p style="white-space:pre-wrap">{said}</p><table><tr><th>word</th>{head}</tr>{rows}</table>{below}'


def save(fragments: Sequence[str], path: str | Path, *, title: str = "What decided") -> Path:
    """Write fragments as one page that asks the network for nothing. Raises InputError for none, or where it cannot be written."""
    if not fragments:
        raise InputError("a page needs at least one text with words: got none.", "Classify a text with why=True.")
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}"><title>{html.escape(title)}</title>'
    body = "\n".join(f"<section>{each}</section>" for each in fragments)
    whole = f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n'
    target = Path(path)
    with replaced(target) as draft:
        draft.write_bytes(whole.encode("utf-8", "replace"))
    return target


def _span(piece: str, word: Decider | None, most: float) -> str:
    if word is None:
        return html.escape(piece)
    tone = f"rgba({FOR if word.effect > 0 else AGAINST}, {0.7 * abs(word.effect) / most:.2f})"
    told = "; ".join(f"{name} {number}" for name, number in _numbers(word).items())
    return f'<span style="background:{tone}" title="{told}">{html.escape(piece)}</span>'


def _row(word: Decider) -> str:
    cells = "".join(f'<td style="text-align:right">{number}</td>' for number in _numbers(word).values())
    return f"<tr><td><bdi>{html.escape(shorten(steady(word.text), WIDEST))}</bdi></td>{cells}</tr>"
