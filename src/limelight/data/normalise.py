"""Text as a model learns it: one spelling for what looks the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Control characters separate words; marks that nobody sees (soft hyphen, zero-width space, word joiner, byte order mark) do not.
# Half a surrogate pair has no UTF-8 form. The joiners U+200C and U+200D are kept: emoji and Persian words are built with them.
_UNSEEN = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " "),
    **dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF]),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "…": "..."})

_CLOCK = re.compile(r"(?<=\d) :(?=\d)")
_APART = re.compile(r"(?<=[?!‽]) (?=[?!‽])")
_OPENING = re.compile(r"« ?(?=\S)")
_CLOSING = re.compile(r"(?<=[^\s«])»")
# A mark that closes up to a word: the next character must end it too, or it is part of a link (?q=1), a time or a smiley.
_ENDS = r"(?=[\s»\"')\].,]|$)"
_MARKS = re.compile(rf"(?<=[\w)\]\"'%$€°.»])(?:[?!‽]+{_ENDS}|[;:](?=\s|$))")


def tidy(text: str) -> str:
    """One form of each character (NFC), no unseen characters, and single plain spaces between words and none around.

    Control characters and every white space (U+00A0, U+202F, U+2009 ... too) become a space; soft hyphens and zero-width spaces vanish.
    """
    return " ".join(unicodedata.normalize("NFC", text.translate(_UNSEEN)).split())


def english(text: str) -> str:
    """Tidy, with typewriter quotes and apostrophes (' and ") and three dots for the ellipsis sign."""
    return tidy(text).translate(_QUOTES)


def french(text: str) -> str:
    """English's rules and French spacing: one plain space before ? ! ; : » and one after «.

    Tatoeba's sentences write U+202F, U+00A0, U+2009, a plain space or nothing there; typography wants a space, so one is put in where
    it is missing after a word ("Quoi?" -> "Quoi ?"), and marks in a row go together ("Quoi ? !" -> "Quoi ?!"). Left alone are times
    (12:30; the space of "4 :10", which the data have, is taken out), links (http://a.fr/?q=1) and smileys (:-) and ;) after a space or
    a word).
    """
    text = _APART.sub("", _CLOCK.sub(":", english(text)))
    text = _CLOSING.sub(" »", _OPENING.sub("« ", text))
    return " ".join(_MARKS.sub(r" \g<0>", text).split())


NORMALISERS: dict[str, Callable[[str], str]] = {"en": english, "fr": french, "none": tidy}
"""By language: what is done to a text before it is cut into pieces. "none" is for any language without rules of its own."""
