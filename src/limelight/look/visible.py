"""Text made safe to stand in a column: nothing that rings, turns the line round or hides, and no more of it than fits."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

JOINER, LEFT_TO_RIGHT = "\u200d", "\u200e"
_TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}   # explicit bidirectional controls


def visible(text: str) -> str:
    """The text with control characters as a keyboard writes them (^G) and without characters that turn the direction of writing.

    What would be empty or blank is shown as ␣, so that every word leaves a mark.
    """
    if not text.strip(" "):
        return "␣"
    return "".join(map(_sign, text)) or "␣"


def _sign(char: str) -> str:
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if code in _TURNS:
        return ""
    return "\ufffd" if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char


def steady(text: str) -> str:
    """Visible text whose width no two terminals disagree on.

    A joined emoji becomes its first part, a flag its two letters, and tones and variation selectors go.
    """
    kept: list[str] = []
    joined = False
    for char in visible(text):
        code = ord(char)
        if char == JOINER and kept and unicodedata.category(kept[-1]) == "So":
            joined = True
        elif joined or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
            joined = False
        else:
            kept.append(chr(code - 0x1F1E6 + ord("A")) if 0x1F1E6 <= code <= 0x1F1FF else char)
    return "".join(kept) or "␣"


def clusters(text: str) -> list[str]:
    """The text cut into characters as a reader counts them: marks stay with the letter that they stand on (at most three)."""
    found: list[str] = []
    for char in text:
        if found and (unicodedata.combining(char) or cell_len(char) == 0):
            found[-1] += char if len(found[-1]) < 4 else ""
        else:
            found.append(char)
    return found


def shorten(text: str, width: int, *, ellipsis: str = "…") -> str:
    """At most `width` terminal cells of the text, with an ellipsis where some had to go."""
    parts = clusters(text)
    if len(parts) <= width and cell_len("".join(parts)) <= width:
        return "".join(parts)
    room, kept = width - cell_len(ellipsis), []
    for part in parts:
        room -= cell_len(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept) + ellipsis[:width]


def column(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` cells, at their left or right. Right-to-left words are fenced, so columns keep their order."""
    room = " " * (width - cell_len(text))
    if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        text = f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}"
    return room + text if right else text + room


def spell(text: str, encoding: str) -> str:
    """The text in what a stream of this encoding can carry: accents go before letters do, and the rest becomes a question mark."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        plain = unicodedata.normalize("NFKD", text)
        return "".join(c for c in plain if not unicodedata.combining(c)).encode("ascii", "replace").decode()
    return text
