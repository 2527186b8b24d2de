"""Answers that are text: several as a list, or one word by word."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..tasks.bulk import one_line
from ..tasks.generated import Generated
from .given import Shown, as_json
from .streams import say


def listed(result: Generated, number: int | None) -> str:
    """An answer as it is; or a line for each of several, with its score, and with the number of its text where there are several."""
    if not result.several:
        return result.text if number is None else one_line(result.text)
    before = "" if number is None else f"{number}\t"
    return "\n".join(f"{before}{c.score:.4f}\t{one_line(c.text)}" for c in result.nbest)


def show_stream(pieces: Iterable[str | Generated], shown: Shown) -> Generated | None:
    """Words as they become sure; the whole result is given back. A Ctrl-C leaves those that are there, and the line is ended."""
    began, whole, json_wanted = False, None, shown.given.as_json
    try:
        for piece in pieces:
            if isinstance(piece, Generated):
                whole = piece
                say(as_json(piece) if json_wanted else "")
                shown.after(piece)
            else:
                say(json.dumps({"piece": piece}, ensure_ascii=False) if json_wanted else piece, end="\n" if json_wanted else "")
                began = True
    except KeyboardInterrupt:
        if began and not json_wanted:
            say("")
        raise
    return whole
