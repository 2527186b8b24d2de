"""Conversations between a customer and an agent, out of tables; and their parts, of which none is met twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .near import RUN, near_copies
from .normalise import english
from .rows import cell
from .split import lot, twin_key
from .tables import read_table


class Exchange(NamedTuple):
    """What a customer said, and what the agent replied."""

    customer: str
    agent: str


@dataclass(frozen=True)
class Dialogue:
    """A conversation from its beginning. `name`: tells it apart from all others."""

    name: str
    exchanges: tuple[Exchange, ...]

    @property
    def text(self) -> str:
        """All that was said."""
        return " ".join(turn for exchange in self.exchanges for turn in exchange)


@dataclass(frozen=True)
class Reply:
    """An agent's reply, and what was said before it: customer, agent ... customer. `dialogue`: the name of the one it is from."""

    dialogue: str
    turns: tuple[str, ...]
    reply: str


@dataclass(frozen=True, eq=False)
class DialogueSplit:
    """The three parts. `left_out`: how many dialogues are in none, as near copies of held-out ones."""

    train: list[Dialogue]
    valid: list[Dialogue]
    test: list[Dialogue]
    left_out: int


def read_dialogues(path: Path, *, dialogue: int, customer: int, agent: int, clean: Callable[[str], str] = english) -> list[Dialogue]:
    """The dialogues of a TSV file without a header, packed (.gz) or not: an exchange a row, in the order in which they were had.

    `dialogue`, `customer`, `agent`: the columns with the name of the conversation and what was said, counted from 0. Both sides are
    made `clean`; an exchange in which one says nothing ends its dialogue there, for what follows lacks what came before.
    Raises InputError for a file that cannot be read, a missing column, or where no dialogue is left.
    """
    table = read_table(path, format="tsv", header=False)
    columns = [table.column(each) for each in (dialogue, customer, agent)]
    found: dict[str, list[Exchange]] = {}
    broken: set[str] = set()
    for number, row in enumerate(table.rows, 1):
        name, *said = (cell(row, column, where=table.where, number=number) for column in columns)
        exchange = Exchange(*map(clean, said))
        if not all(exchange):
            broken.add(name)
        if name not in broken:
            found.setdefault(name, []).append(exchange)
    if not found:
        raise InputError(f"{path} has no dialogue.", "Are these the right columns?")
    return [Dialogue(f"{path.name}/{name}", tuple(exchanges)) for name, exchanges in found.items()]


def split_dialogues(dialogues: Sequence[Dialogue], *, test: int, valid: int, seed: int) -> DialogueSplit:
    """Set aside `test` and `valid` whole dialogues, drawn by `seed` and their names; the others are for training.

    Near copies of held-out dialogues are in no part: those that share half of their runs of five words with one (see near_copies), or
    that the customer begins with the same words, if these are five or more. Raises InputError where nothing would be left to train on.
    """
    drawn = sorted(dialogues, key=lambda each: lot(seed, each.name))
    held, rest = drawn[: test + valid], drawn[test + valid :]
    near = near_copies([each.text for each in rest], [each.text for each in held])
    begun = {key for each in held if len((key := _beginning(each)).split()) >= RUN}
    train = [each for place, each in enumerate(rest) if place not in near and _beginning(each) not in begun]
    if not train:
        many = f"there are {len(dialogues):,}"
        raise InputError(f"cannot set aside {test} + {valid} dialogues and train on the rest: {many}.", "Ask for fewer.")
    return DialogueSplit(train=train, valid=held[test:], test=held[:test], left_out=len(rest) - len(train))


def typed(dialogues: Sequence[Dialogue], share: float, *, seed: int) -> list[Dialogue]:
    """The same, the customers of a `share` of them in small letters and without full stops at the end, as people type; drawn by `seed`."""
    below = share * (1 << 32)
    return [_typed(each) if int.from_bytes(lot(seed, f"{each.name}:typed")[:4], "big") < below else each for each in dialogues]


def replies(dialogues: Sequence[Dialogue], *, turns: int, count: int, seed: int) -> list[Reply]:
    """A sample of `count` replies of some dialogues, drawn by `seed`, in the order that they had, with the last `turns` turns before."""
    found = [(each, i) for each in dialogues for i in range(len(each.exchanges))]

    def drawn(place: int) -> bytes:
        each, i = found[place]
        return lot(seed, f"{each.name}:{i}")

    return [_reply(*found[place], turns) for place in sorted(sorted(range(len(found)), key=drawn)[:count])]


def _typed(dialogue: Dialogue) -> Dialogue:
    said = (Exchange(customer.lower().rstrip(".") or customer, agent) for customer, agent in dialogue.exchanges)
    return Dialogue(dialogue.name, tuple(said))


def _reply(dialogue: Dialogue, i: int, turns: int) -> Reply:
    customer, agent = dialogue.exchanges[i]
    before = [turn for exchange in dialogue.exchanges[:i] for turn in exchange]
    return Reply(dialogue.name, tuple([*before, customer][-turns:]), agent)


def _beginning(dialogue: Dialogue) -> str:
    return twin_key(dialogue.exchanges[0].customer)
