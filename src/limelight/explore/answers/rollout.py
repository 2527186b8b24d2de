"""Rollout: how much of each input place reaches one place of the last layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import InputError
from ...look import rollout as rolled
from ..query import Query
from ..reading import Reading

FOLLOWED, LEAST = 1 << 26, 64            # weights that are looked at, of all layers; places that are followed at least
SAID = "attention rollout (Abnar and Zuidema 2020)"


def rollout(query: Query) -> dict[str, Any]:
    """Shares of the input that sum to `kept`, by the self-attentions of one side: to 1, but where a text is so long that only the places
    that hold most are followed through each layer."""
    reading = query.reading
    sides = list(dict.fromkeys(name.split(".")[0] for name in reading.passed.seen if name.endswith(".self")))
    if not sides:
        raise InputError("rollout goes through self-attention, and this model has none.", "Ask for the rows of its cross-attention.")
    side = query.one_of("side", sides, sides[0])
    count = len(reading.passed.ids[reading.track(side)])
    place = query.index("place", count, "places")
    prepare(reading, side, [place])
    shares = reading.kept["rollout", side, place]
    return {"side": side, "place": place, "shares": shares.tolist(), "kept": float(shares.sum()), "said": SAID}


def prepare(reading: Reading, side: str, places: Sequence[int]) -> None:
    """Have several at hand: each map is gone through once for all of them."""
    if missing := [place for place in places if ("rollout", side, place) not in reading.kept]:
        most = _most(reading, side, len(reading.passed.ids[reading.track(side)]))
        found = rolled(reading.passed.seen, places=missing, side=side, most=most)[0]
        reading.kept.update({("rollout", side, place): shares for place, shares in zip(missing, found, strict=True)})


def _most(reading: Reading, side: str, places: int) -> int:
    """As many places of each layer as can be followed while somebody waits."""
    heads = sum(reading.view(name).heads for name in reading.passed.seen if name.startswith(side) and name.endswith(".self"))
    return max(LEAST, FOLLOWED // (heads * places))
