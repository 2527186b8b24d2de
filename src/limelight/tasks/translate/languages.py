"""From which language into which: how a model of several is asked."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import RecipeError, did_you_mean
from ...hub import Opened

USE = "translate"


@dataclass(frozen=True)
class Pair:
    """How a model is asked for a pair of languages. `use`: which of its uses; `mark`: the language named before a source; `first`: the
    token that a translation begins with."""

    use: str = USE
    mark: str | None = None
    first: int | None = None


@dataclass(frozen=True)
class Asked:
    """A pair of languages: how the model is asked for it, and what the two are called; "" where nobody says."""

    pair: Pair
    names: tuple[str, str]


def asked_for(opened: Opened, source: str | None, target: str | None) -> Asked:
    """The same as `choose`, with the names of the languages. A model that names none may be told what they are: that is how texts are
    written, and nothing that it is asked for."""
    m = opened.manifest
    plain = not opened.text.languages and not any(name.startswith(f"{USE} ") for name in m.uses)
    nameless = plain and m.source_language is None and m.target_language is None
    pair = Pair() if nameless else choose(opened, source, target)
    words = pair.use.split()[1:] or ["", ""]
    return Asked(pair, (source or m.source_language or words[0], target or m.target_language or words[1]))


def choose(opened: Opened, source: str | None, target: str | None) -> Pair:
    """How to ask. Raises RecipeError where a language is missing, unknown, or asked of a model that has none to choose from."""
    m, known = opened.manifest, opened.text.languages
    if known:
        return _marked(opened, source, target)
    pairs = {name: name.split()[1:] for name in m.uses if name.startswith(f"{USE} ")}
    if pairs:
        return _by_prefix(m.name, pairs, source, target)
    told = (m.source_language, m.target_language)
    for side, wanted, has in (("source", source, told[0]), ("target", target, told[1])):
        if wanted is not None and wanted != has:
            which = f"has one pair of languages, {told[0]} to {told[1]}" if told[0] else "has one pair of languages, which it does not name"
            raise RecipeError(f"{m.name} {which}: got {side}_language={wanted!r}.", f"Leave {side}_language out.")
    return Pair()


def _marked(opened: Opened, source: str | None, target: str | None) -> Pair:
    """Languages that are tokens: before the source, or first in the translation."""
    text, name = opened.text, opened.manifest.name
    if target is None:
        raise RecipeError(f"{name} speaks {len(text.languages)} languages: which to translate into was not said.", "Give target_language.")
    for side, wanted in (("source", source), ("target", target)):
        if wanted is not None and wanted not in text.languages:
            raise RecipeError(f"{name} does not speak {wanted!r} ({side}_language).", did_you_mean(wanted, text.languages))
    if text.language_of == "target":
        return Pair(mark=target)
    if source is None:
        raise RecipeError(f"{name} wants to know the language of a source: it was not said.", "Give source_language.")
    return Pair(mark=source, first=text.languages[target])


def _by_prefix(name: str, pairs: dict[str, list[str]], source: str | None, target: str | None) -> Pair:
    """Languages that are asked for in words (T5's "translate English to French: ")."""
    fits = [use for use, pair in pairs.items() if source in (None, pair[0]) and target in (None, pair[1])]
    if len(fits) == 1:
        return Pair(use=fits[0])
    known = ", ".join(f"{a} to {b}" for a, b in pairs.values())
    which = f"source_language={source}, target_language={target}, which is {'several' if fits else 'none'} of them"
    raise RecipeError(f"{name} translates {known}: got {which}.", "Give both languages.")
