"""Conversations out of tables, and parts that do not leak."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from limelight.data import read_table
from limelight.data.dialogues import Dialogue, Exchange, read_dialogues, replies, split_dialogues, typed
from limelight.errors import InputError

ROWS = """a\t0\tBanks\tHello,  I’d like\u00a0help.\tSure.\tACT
a\t1\tBanks\tThanks\tBye.\tACT
b\t0\tBanks\tHi\t\tACT
b\t1\tBanks\tAgain\tYes?\tACT
c\t0\tBanks\tOne\tTwo\tACT
c\t1\tBanks\t \tThree\tACT
c\t2\tBanks\tFour\tFive\tACT
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "talk.tsv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def read(path: Path) -> list[Dialogue]:
    return read_dialogues(path, dialogue=0, customer=3, agent=4)


def test_exchanges_go_together_and_are_tidied(table: Path) -> None:
    first, other = read(table)
    assert first == Dialogue("talk.tsv/a", (Exchange("Hello, I'd like help.", "Sure."), Exchange("Thanks", "Bye.")))
    assert first.text == "Hello, I'd like help. Sure. Thanks Bye."
    assert other == Dialogue("talk.tsv/c", (Exchange("One", "Two"),))        # what follows a turn without words lacks what came before


def test_packed_files_are_read_as_others(table: Path, tmp_path: Path) -> None:
    packed = tmp_path / "talk.tsv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    assert [each.exchanges for each in read(packed)] == [each.exchanges for each in read(table)]
    assert [*read_table(packed, format="tsv", header=False).rows] == [*read_table(table, header=False).rows]


@pytest.mark.parametrize("broken", [b"no gzip at all", gzip.compress(b"a\tb\n" * 9000)[:-30], b""], ids=["other", "cut", "empty"])
def test_a_packed_file_that_is_broken_is_one_line(broken: bytes, tmp_path: Path) -> None:
    path = tmp_path / "talk.tsv.gz"
    path.write_bytes(broken)
    with pytest.raises(InputError, match=r"talk\.tsv\.gz (cannot be unpacked: .*Is it gzip, and whole|is empty|has no)"):
        read(path)


def test_a_table_without_dialogues_or_columns_is_refused(tmp_path: Path, table: Path) -> None:
    path = tmp_path / "empty.tsv"
    path.write_text("a\t0\tBanks\tHi\t\tACT\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"empty\.tsv has no dialogue\.   Are these the right columns"):
        read(path)
    with pytest.raises(InputError, match="has no column 9: it has 6"):
        read_dialogues(table, dialogue=0, customer=9, agent=4)


def talk(name: str, *turns: str) -> Dialogue:
    return Dialogue(name, tuple(Exchange(c, a) for c, a in zip(turns[::2], turns[1::2], strict=True)))


MANY = [talk(f"d{n}", f"I want thing number {n} at {n} pm, please.", f"Here is {n}.", f"And {n + 1}?", "No.") for n in range(60)]


def test_every_dialogue_goes_somewhere_whole_and_the_same_again() -> None:
    split = split_dialogues(MANY, test=10, valid=5, seed=0)
    parts = [{each.name for each in part} for part in (split.train, split.valid, split.test)]
    assert [len(part) for part in parts] == [45, 5, 10]
    assert set.union(*parts) == {each.name for each in MANY}
    again = split_dialogues(MANY[::-1], test=10, valid=5, seed=0)
    assert [each.name for each in again.test] == [each.name for each in split.test]
    assert [each.name for each in split_dialogues(MANY, test=10, valid=5, seed=1).test] != [each.name for each in split.test]


def test_near_copies_of_held_out_dialogues_are_in_no_part() -> None:
    of = split_dialogues(MANY, test=10, valid=5, seed=0).test[0].exchanges
    begun = talk("begun", of[0].customer.upper(), "Something else.")
    copied = talk("copied", f"Good day. {of[0].customer}", *of[0][1:], *of[1])
    other = talk("other", f"Good day. {of[1].customer}", "Something else.")
    found = split_dialogues([*MANY, begun, copied, other], test=10, valid=5, seed=0)
    held = {each.name for part in (found.test, found.valid) for each in part}
    assert held <= {each.name for each in MANY}                              # the new ones' lots fall behind
    assert {each.name for each in found.train} == {"other"} | {each.name for each in MANY} - held
    assert found.left_out == 2


def test_many_dialogues_may_begin_with_a_greeting() -> None:
    hello = [talk(f"d{n}", "Hello there!", f"Reply {n} is here.") for n in range(30)]
    found = split_dialogues(hello, test=5, valid=5, seed=0)
    assert (len(found.train), found.left_out) == (20, 0)


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(InputError, match=r"cannot set aside 50 \+ 10 dialogues and train on the rest: there are 60\.   Ask for fewer"):
        split_dialogues(MANY, test=50, valid=10, seed=0)


def test_replies_come_with_the_turns_before_them() -> None:
    dialogue = talk("d", "1", "a", "2", "b", "3", "c")
    found = replies([dialogue], turns=3, count=9, seed=0)
    assert [(each.turns, each.reply) for each in found] == [(("1",), "a"), (("1", "a", "2"), "b"), (("2", "b", "3"), "c")]
    assert {each.dialogue for each in found} == {"d"}


def test_a_sample_of_replies_is_drawn_by_seed_not_by_order() -> None:
    def drawn(dialogues: list[Dialogue], seed: int) -> set[tuple[str, int]]:
        return {(each.dialogue, len(each.turns)) for each in replies(dialogues, turns=9, count=30, seed=seed)}

    assert len(drawn(MANY, 0)) == 30
    assert drawn(MANY, 0) == drawn(MANY[::-1], 0) != drawn(MANY, 1)


def test_some_customers_type_as_people_do() -> None:
    assert typed([talk("d", "Hello.", "Hi.", "To Rome?", "Yes.", "...", "What?")], 1.0, seed=0) == [
        talk("d", "hello", "Hi.", "to rome?", "Yes.", "...", "What?")
    ]
    assert typed(MANY, 0.0, seed=0) == MANY
    other = [{each.name for each, before in zip(typed(MANY, 0.3, seed=seed), MANY, strict=True) if each != before} for seed in (0, 1, 0)]
    assert 8 < len(other[0]) < 28
    assert other[0] == other[2] != other[1]
    assert [each for each in typed(MANY[::-1], 0.3, seed=0) if each.name in other[0]] == typed(
        [each for each in MANY[::-1] if each.name in other[0]], 1.0, seed=0
    )
