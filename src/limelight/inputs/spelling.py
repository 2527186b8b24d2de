"""What tokens add to a text that is there already: for text that is shown while it is being made."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from .engines import Engine

TAIL = 4                                 # pieces of at least a byte, of which an unfinished letter has three at most
BY_BYTE = "limelight.by_byte"
codecs.register_error(BY_BYTE, lambda error: ("\ufffd" * (error.end - error.start), error.end))   # pyright: ignore[reportAttributeAccessIssue]


def after(engine: Engine, before: Sequence[int], ids: Sequence[int]) -> str:
    """The text that `ids` add when they follow `before`: no white space is taken away, marks say nothing, and a letter whose bytes are
    not all there waits for the piece that completes it.

    Called once a token, the texts together are what `join` makes of all tokens, but for a letter that is never finished. It takes no
    longer when much came before: what a decoder does to a piece depends on few pieces before it, and on whether it is the first.
    """
    new = [token for token in ids if token not in engine.silent]
    if not new:
        return ""
    head, begun = _head(engine, before)
    if not begun:
        return _beginning(engine, head, new)
    tail = _tail(engine, before)
    if engine.spelling(new[0]) is not None:
        return _bytes_after(engine, tail, new)
    old, whole = engine.join([tail, [*tail, *new]])
    return whole[len(old) :]


def _head(engine: Engine, before: Sequence[int]) -> tuple[list[int], bool]:
    """The pieces up to the first that says something, and whether one does; a space may be taken away, anything else is said."""
    head: list[int] = []
    for token in before:
        if token in engine.silent:
            continue
        head.append(token)
        spelled = (engine.spelling(token) or b"").strip(b" ")
        if spelled or engine.join([head])[0]:
            return head, True
    return head, False


def _tail(engine: Engine, before: Sequence[int]) -> list[int]:
    """The last few pieces."""
    tail: list[int] = []
    for token in reversed(before):
        if len(tail) == TAIL:
            break
        if token not in engine.silent:
            tail.append(token)
    return tail[::-1]


def _beginning(engine: Engine, head: Sequence[int], new: Sequence[int]) -> str:
    """Where nothing has been said yet: a decoder may take spaces away here."""
    whole = engine.join([[*head, *new]])[0]
    if engine.spelling(new[0]) is None:
        return whole
    spelled = _bytes_after(engine, [], [*head, *new])
    return spelled[_spaces(spelled) - _spaces(whole) :]


def _spaces(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _bytes_after(engine: Engine, tail: Sequence[int], new: Sequence[int]) -> str:
    """The letters that the bytes of `new` finish, and those between."""
    decoder = codecs.getincrementaldecoder("utf-8")(BY_BYTE if engine.by_byte else "replace")
    decoder.decode(b"".join(engine.spelling(token) or b"" for token in tail))
    return decoder.decode(b"".join(engine.spelling(token) or b"" for token in new))
