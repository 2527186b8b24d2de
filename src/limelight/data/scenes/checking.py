"""Whether what is said of a scene is true, and whether what was asked for is in a picture."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import NamedTuple

from .saying import Told
from .things import Scene, Thing, relation


class Right(NamedTuple):
    """Whether a text names every thing of a scene by its size, colour and shape, and none beside; and tells no relation that is not so."""

    things: bool
    relations: bool

    @property
    def all(self) -> bool:
        return self.things and self.relations


class Found(NamedTuple):
    """How much of what was asked for is in a picture: how many were asked for, and how many of them there are. `objects`: things with the
    right shape; of relations those count whose two things are there. `beside`: things that nobody asked for."""

    objects: tuple[int, int]
    colours: tuple[int, int]
    sizes: tuple[int, int]
    relations: tuple[int, int]
    beside: int

    @property
    def all_of(self) -> tuple[int, int]:
        """Objects, colours, sizes and relations alike: how many were asked for, and how many of them there are."""
        asked, there = (sum(column) for column in zip(*self[:4], strict=True))
        return asked, there

    @property
    def share(self) -> float:
        """Of all that was asked for."""
        asked, there = self.all_of
        return there / asked

    @property
    def all(self) -> bool:
        """Whether everything is there, and nothing beside."""
        return self.share == 1 and not self.beside


def agree(told: Told | None, scene: Scene) -> Right:
    """How true it is; of a text that cannot be read nothing is."""
    if told is None:
        return Right(False, False)
    there = {thing.kind: thing for thing in scene.things}
    so = (
        (a := there.get(told.kinds[first])) is not None and (b := there.get(told.kinds[second])) is not None and relation(a, b) == how
        for first, how, second in told.relations
    )
    return Right(sorted(told.kinds) == sorted(there), all(so))


def drawn(told: Told, things: Iterable[Thing]) -> Found:
    """What of a text is in a picture, whose things stand for those of the text as best they can."""
    seen = list(things)
    places: list[Thing | None] = [*seen, *[None] * len(told.kinds)]  # a thing of the text may be missing
    return max((_found(told, chosen, len(seen)) for chosen in dict.fromkeys(permutations(places, len(told.kinds)))), key=_rank)


def _found(told: Told, chosen: tuple[Thing | None, ...], seen: int) -> Found:
    pairs = [(kind, thing.kind) for kind, thing in zip(told.kinds, chosen, strict=True) if thing is not None]
    objects = [(asked, there) for asked, there in pairs if asked.shape == there.shape]
    so = 0
    for first, how, second in told.relations:
        a, b = chosen[first], chosen[second]
        named = a is not None and b is not None and (a.kind.shape, b.kind.shape) == (told.kinds[first].shape, told.kinds[second].shape)
        so += bool(named and a is not None and b is not None and relation(a, b) == how)
    count = len(told.kinds)
    return Found(
        objects=(count, len(objects)),
        colours=(count, sum(asked.colour == there.colour for asked, there in objects)),
        sizes=(count, sum(asked.size == there.size for asked, there in objects)),
        relations=(len(told.relations), so),
        beside=seen - len(pairs),
    )


def _rank(found: Found) -> tuple[float, int]:
    return found.share, -found.beside
