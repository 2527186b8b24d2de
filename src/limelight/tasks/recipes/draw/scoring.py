"""Scores of drawings: what of a text is in its picture, by rule; how near a codec comes; and whether a drawing is told from others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ....data.scenes import Found
from ....data.shown import Example, Filed, Painted
from ....errors import InputError
from ....measure.intervals import RESAMPLES, over_items
from ..caption.scoring import KNOWN, NOVEL, matched
from ..scores import Score, share

ASPECTS = ("objects", "colours", "sizes", "relations")
COPIED = "codec alone"                   # what the codec makes of the true pictures, which no drawing can be better than


@dataclass(frozen=True)
class Asked:
    """A picture with texts, of which the first is drawn. `judge`: the captioner that tells drawings of files apart, "" for none."""

    example: Example
    judge: str = ""


@dataclass(frozen=True)
class Place:
    """At which place a picture's own text comes among those of `among`."""

    at: int
    among: int


@dataclass(frozen=True)
class Answered:
    """What was drawn of a text. `made`: the drawing's codes. `drawn`, `copied`: what of a scene's text is in the drawing, and in what the
    codec makes of the true picture; None for a file. `likeness`: of that to the true picture, in dB. `codes`: the true picture's; `nll`:
    how unlikely the model holds them for the text, in nats each. `place`, `copied_place`: see `judging`; None where nobody judged."""

    made: tuple[int, ...]
    drawn: Found | None
    copied: Found | None
    likeness: float
    codes: tuple[int, ...]
    nll: float
    place: Place | None = None
    copied_place: Place | None = None


def score(examples: Sequence[Asked], answers: Sequence[Answered]) -> list[Score]:
    """Scores of scenes, and of files. Raises InputError where there are none, or not as many answers as texts."""
    if not examples or len(examples) != len(answers):
        raise InputError(f"{len(answers)} drawings of {len(examples)} texts cannot be scored.", "Score at least one, and each.")
    pairs = [(asked.example, answer) for asked, answer in zip(examples, answers, strict=True)]
    found = [each for name, novel in ((NOVEL, True), (KNOWN, False)) for each in _of_scenes(pairs, name, novel=novel)]
    filed = [answer for example, answer in pairs if isinstance(example, Filed)]
    return [*found, *_of_files(filed), _likeness(answers)]


def of_seen(answers: Sequence[Answered]) -> list[Score]:
    """Whether drawings of texts that were learnt are told from one another; nothing where nobody judged."""
    judged = [each.place for each in answers if each.place is not None]
    return matched([each.at for each in judged], judged[0].among, "seen text") if judged else []


def summed(name: str, found: Iterable[Found | None]) -> dict[str, float]:
    """A glance: the share of all that was asked for, in per cent; nothing where no scenes are among them."""
    counts = [each.all_of for each in found if each is not None]
    asked = sum(count for count, _ in counts)
    return {name: round(100 * sum(there for _, there in counts) / asked, 1)} if asked else {}


def _of_scenes(pairs: Sequence[tuple[Example, Answered]], kind: str, *, novel: bool) -> list[Score]:
    """Of scenes with a kind of thing that no scene to learn from has, or of others."""
    some = [answer for example, answer in pairs if isinstance(example, Painted) and example.novel == novel]
    drawn = [each.drawn for each in some if each.drawn is not None]
    copied = [each.copied for each in some if each.copied is not None]
    return _counted(drawn, kind) + _counted(copied, f"{kind}, {COPIED}")


def _counted(found: Sequence[Found], of: str) -> list[Score]:
    if not found:
        return []
    n = len(found)
    each = [_shares(f"{name}, {of}", [getattr(one, name) for one in found]) for name in ASPECTS]
    every = [one.all_of for one in found]
    beside = _mean(n, lambda items: 100 * sum(found[i].beside for i in items) / len(items))
    return [
        *(one for one in (*each, _shares(f"all asked for, {of}", every)) if one is not None),
        share(f"exact drawings, {of}", [one.all for one in found], f"of {n}: all is there, and nothing beside"),
        Score(f"things nobody asked for, {of}", *beside, f"in 100 drawings; bootstrap of {RESAMPLES}"),
    ]


def _shares(name: str, counts: Sequence[tuple[int, int]]) -> Score | None:
    """How many of those that were asked for are there, in per cent; scenes are drawn again as wholes. None where none were asked for."""
    asked, there = (np.array(column) for column in zip(*counts, strict=True))
    if not asked.sum():
        return None

    def found(items: Sequence[int]) -> float:
        chosen = list(items)
        return float(100 * there[chosen].sum() / max(1, asked[chosen].sum()))

    return Score(name, *_mean(len(counts), found), f"of {asked.sum()} in {len(counts)} scenes, by rule; bootstrap of {RESAMPLES}")


def _of_files(answers: Sequence[Answered]) -> list[Score]:
    if not answers:
        return []
    found: list[Score] = []
    for what, copied in (("drawing's text", False), (f"text, {COPIED}", True)):
        judged = [place for each in answers if (place := each.copied_place if copied else each.place) is not None]
        found += matched([each.at for each in judged], judged[0].among, what) if judged else []
    return [*found, _surprise(answers)]


def _surprise(answers: Sequence[Answered]) -> Score:
    """How unlikely a text makes the codes of its true picture, of how unlikely they are by how often each of them comes up here: the least
    that codes can cost who knows neither texts nor neighbours."""
    counts = Counter(code for each in answers for code in each.codes)
    total = sum(counts.values())
    plain = -sum(n / total * math.log(n / total) for n in counts.values())
    nll = [each.nll for each in answers]
    share_of = 100 / plain if plain else 0.0
    found = _mean(len(nll), lambda items: share_of * sum(nll[i] for i in items) / len(items))
    return Score("codes' cost, of what they cost alone", *found, f"{sum(nll) / len(nll):.3f} of {plain:.3f} nats a code")


def _likeness(answers: Sequence[Answered]) -> Score:
    each = [answer.likeness for answer in answers]
    found = _mean(len(each), lambda items: sum(each[i] for i in items) / len(items))
    return Score("codec's likeness", *found, f"dB (PSNR), mean of {len(each)} pictures; bootstrap of {RESAMPLES}")


def _mean(count: int, statistic: Callable[[Sequence[int]], float]) -> tuple[float, float]:
    """A number, and half the width of its interval."""
    found = over_items(count, statistic)
    return found.mean, 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2
