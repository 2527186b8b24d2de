"""Words that stand apart, as corpora of words have them, written as people write them, and where each word is then."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .places import Span

CLOSE = {".", "...", ",", ")", "'s", "'", "-"}    # what closes up to the word before
OTHERS = {"?", "!", ";", ":", "n't", "'re", "'ve", "'ll", "'d", "'m"}                # the same but in French, with its space before ? ! ; :
OPEN = {"(", "-", "$"}                   # what the word after closes up to
ELIDED = {"le", "la", "de", "ne", "je", "me", "te", "se", "ce", "que", "jusque", "lorsque", "puisque", "quoique"}
VOWEL = re.compile(r"[aàâeéèêëiîïoôuùûy]|h(?!aut|au[st]|ors|uit|éros|ont|asar|ain|ock|all|and|ongr|oll|alifax|ambo)", re.IGNORECASE)
WHOLE = {"onze", "onzième", "oui", "huit", "un"}     # before these nothing is elided (but "l'un")
MELTED = {("de", "le"): ("d", "u"), ("de", "les"): ("d", "es"), ("à", "le"): ("a", "u"), ("à", "les"): ("a", "ux")}
VERBS = {"faire", "dire", "voir", "savoir", "prendre", "rendre", "mettre", "être", "avoir", "croire", "lire", "vendre", "permettre"}


def written(words: Sequence[str], language: str) -> tuple[str, list[Span]]:
    """Words as they are usually written, and where each is: signs close up to the word before.

    French keeps its space before ? ! ; and :; its words are elided and melted together ("de le an" -> "de l'an", "de le" -> "du", where
    "d" and "u" are the two words). The first letter is a capital.
    """
    said = _french(words) if language == "fr" else [(word, False) for word in words]
    close = CLOSE | (set() if language == "fr" else OTHERS)
    text, spans, glued = "", list[Span](), True
    for word, on in said:
        gap = "" if glued or word in close else " "
        spans.append((len(text + gap), len(text + gap + word)))
        text, glued = text + gap + word, on or word in OPEN
    return text[:1].upper() + text[1:], spans


def _french(words: Sequence[str]) -> list[tuple[str, bool]]:
    """Each word as it is written before the one that follows, and whether that closes up to it."""
    out: list[tuple[str, bool]] = []
    melted = ""
    for n, word in enumerate(words):
        after, later = words[n + 1] if n + 1 < len(words) else "", words[n + 2] if n + 2 < len(words) else ""
        if melted:
            out.append((melted, False))
            melted = ""
        elif _elides(word, after):
            out.append((word[:-1] + "'", True))
        elif (both := MELTED.get((word.lower(), after))) and not _elides(after, later) and later not in VERBS:
            out.append((both[0].upper() if word[0].isupper() else both[0], True))
            melted = both[1]
        else:
            out.append((word, False))
    return out


def _elides(word: str, after: str) -> bool:
    low = word.lower()
    if low == "si":
        return after in ("il", "ils")
    if low == "ce" and not after.lower().startswith(("e", "é")):
        return False
    return low in ELIDED and bool(VOWEL.match(after)) and after.lower() not in WHOLE
