"""Pictures with made-up weights, for tests that draw. They show how a picture looks, never what a model does."""

from __future__ import annotations

import random
from typing import Any

from limelight.look.picture import Matrix, Picture, Subwords

SOURCE = ("The", "black", "cat", "ate", "the", "mouse", ".")
TARGET = ("Le", "chat", "noir", "a", "mangé", "la", "souris", ".")
WEIGHTS = (
    (0.58, 0.04, 0.27, 0.02, 0.03, 0.01, 0.00),
    (0.05, 0.09, 0.79, 0.02, 0.00, 0.02, 0.00),
    (0.02, 0.83, 0.05, 0.03, 0.01, 0.02, 0.00),
    (0.03, 0.02, 0.14, 0.52, 0.05, 0.04, 0.02),
    (0.01, 0.01, 0.04, 0.86, 0.02, 0.03, 0.01),
    (0.03, 0.00, 0.02, 0.06, 0.61, 0.22, 0.01),
    (0.00, 0.02, 0.04, 0.04, 0.10, 0.77, 0.00),
    (0.01, 0.00, 0.01, 0.02, 0.01, 0.04, 0.72),
)
LINKS = ((0, 0), (2, 1), (1, 2), (3, 3), (3, 4), (4, 5), (5, 6), (6, 7))
TRUST = "AER 0.31 on 347 Hansards pairs not used for the choice (0 is perfect)"
HOSTILE = (
    "</script><img src=x onerror=alert(1)>", "x" * 10_000, "שלום", "\u202eevil\u2069", "👨\u200d👩\u200d👧", "漢字", "\x07bell\x1b[31m", "",
    "e" + "\u0301" * 500, "]]><!--", "&lt;b&gt;", "\u2028", "🇫🇷", "❤\ufe0f",
)


def picture(**changes: Any) -> Picture:
    """The black cat, with any of its fields changed."""
    fields: dict[str, Any] = {
        "title": "The black cat ate the mouse.", "source": SOURCE, "target": TARGET, "weights": WEIGHTS, "links": LINKS,
        "how": "decoder layer 3, head 2, one step shifted, sub-words merged", "trust": TRUST, "model": "made-up numbers", "seconds": 0.21,
    }
    return Picture(**{**fields, **changes})


def with_tokens(**changes: Any) -> Picture:
    """The black cat with two heads at sub-word level."""
    source = ("▁The", "▁black", "▁cat", "▁ate", "▁the", "▁m", "ouse", ".")
    target = ("▁Le", "▁chat", "▁noir", "▁a", "▁mang", "é", "▁la", "▁sou", "ris", ".")
    weights = {f"layer 3, head {head}": drawn(len(source), len(target), seed=head) for head in (1, 2)}
    return picture(tokens=Subwords(source=source, target=target, weights=weights), **changes)


def drawn(columns: int, rows: int, *, seed: int = 0) -> Matrix:
    """Weights that lean to the diagonal; each row sums to less than 1."""
    draw = random.Random(seed)
    table = []
    for j in range(rows):
        row = [draw.random() ** 6 / 5 + draw.random() * 6 * (abs(i - j * columns / rows) < 1) for i in range(columns)]
        table.append(tuple(weight / (sum(row) * 1.04 + 1e-9) for weight in row))
    return tuple(table)


def sized(columns: int, rows: int, **changes: Any) -> Picture:
    """A picture of so many words, made of numbers."""
    source, target = (tuple(f"{side}{k}" for k in range(count)) for side, count in (("s", columns), ("t", rows)))
    links = tuple((k, k) for k in range(min(columns, rows)))
    return picture(title="Many", source=source, target=target, weights=drawn(columns, rows), links=links, **changes)


def hostile() -> Picture:
    """Words that break columns, markup and terminals, on both sides, in the title and in the small print."""
    words = len(HOSTILE)
    return picture(
        title="</title><script>alert(1)</script>", source=HOSTILE, target=HOSTILE, weights=drawn(words, words), links=((0, 0), (2, 2)),
        how="<b>how</b>", trust="<i>AER</i> 0.31 & 'more'", model='"><script>alert(2)</script>',
    )
