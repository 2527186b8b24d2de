"""Query: one question as a page asks it, checked: what is wrong with it is one line that says what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from ..errors import InputError, TraceError, did_you_mean
from ..look import View
from ..values import shortened
from .reading import Reading
from .scene import Track

Head = int | Literal["mean"]


class Query:
    """A question about a reading: its fields, each checked when it is taken."""

    def __init__(self, given: Mapping[str, Any], reading: Reading):
        self.given, self.reading = given, reading

    @property
    def name(self) -> str:
        """The attention. Raises TraceError for an unknown one."""
        name = self.given.get("name")
        if not isinstance(name, str):
            raise InputError(f'"name" is the name of an attention: got {shortened(name, 40)}.', did_you_mean("", self.reading.passed.seen))
        self.reading.view(name)
        return name

    @property
    def view(self) -> View:
        """The attention itself."""
        return self.reading.view(self.name)

    def head(self, *, mean: bool = True) -> Head:
        """The number of a head, or "mean" where that is allowed."""
        head, count = self.given.get("head", 0), self.view.heads
        if head == "mean" and mean:
            return "mean"
        return self._number("head", head, count, f'{self.name} has {count} heads, 0 to {count - 1}{" and mean" if mean else ""}')

    def heads(self) -> list[int]:
        """The heads that are meant."""
        head = self.head()
        return list(range(self.view.heads)) if head == "mean" else [head]

    def tracks(self) -> tuple[Track, Track]:
        """What the queries are of, and what the keys are of."""
        side, _, kind = self.name.split(".")
        queries = self.reading.track(side)
        return self.reading.tracks[queries], self.reading.tracks["source" if kind == "cross" else queries]

    def merged(self) -> tuple[Sequence[tuple[int, int]] | None, Sequence[tuple[int, int]] | None]:
        """The words of queries and of keys, where those are asked for, and None otherwise."""
        return tuple(track.groups for track in self.tracks()) if self.flag("words") else (None, None)      # pyright: ignore[reportReturnType]

    def flag(self, key: str, default: bool = False) -> bool:
        """True or False."""
        found = self.given.get(key, default)
        if not isinstance(found, bool):
            raise InputError(f'"{key}" is true or false: got {shortened(found, 40)}.')
        return found

    def index(self, key: str, count: int, what: str) -> int:
        """A place from 0 on."""
        return self._number(key, self.given.get(key), count, f"there are {count} {what}, 0 to {count - 1}")

    def indices(self, key: str, count: int, what: str) -> list[int] | None:
        """Several, each once; None where none are named."""
        found = self.given.get(key)
        if found is None:
            return None
        if not isinstance(found, list | tuple):
            raise InputError(f'"{key}" is a list of numbers: got {shortened(found, 40)}.')
        return list(dict.fromkeys(self._number(key, each, count, f"there are {count} {what}, 0 to {count - 1}") for each in found))

    def span(self, key: str, count: int, what: str) -> range:
        """A range [from, to) that holds something; all where none is given."""
        found = self.given.get(key, (0, count))
        numbers = isinstance(found, list | tuple) and len(found) == 2 and all(type(each) is int for each in found)
        if not numbers or not 0 <= found[0] < found[1] <= count:
            raise InputError(f'"{key}" is [from, to) within {count} {what}: got {shortened(found, 40)}.', f"For instance [0, {count}].")
        return range(*found)

    def count(self, key: str, default: int, most: int) -> int:
        """A number of things from 1 on, at most so many."""
        found = self.given.get(key, default)
        if type(found) is not int or not 1 <= found <= most:
            raise InputError(f'"{key}" is a number from 1 to {most}: got {shortened(found, 40)}.')
        return found

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        found = self.given.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
            raise InputError(f'"{key}" is a share from 0 to 1: got {shortened(found, 40)}.')
        return float(found)

    def one_of(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """One of several words."""
        known, found = tuple(known), self.given.get(key, default)
        if found not in known:
            hint = did_you_mean(found if isinstance(found, str) else "", known) if known else "Nothing can be asked for here."
            raise InputError(f'"{key}" is {shortened(found, 40)}, which is not known.', hint)
        return str(found)

    def _number(self, key: str, found: object, count: int, known: str) -> int:
        if type(found) is not int or not 0 <= found < count:
            raise TraceError(f'"{key}": {known}; got {shortened(found, 40)}.', "Name one that is there.")
        return found
