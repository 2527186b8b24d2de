"""Where packed matrices lie."""

from __future__ import annotations

import gc
import weakref

from limelight.native import room
from limelight.native.room import CHUNK, HUGE, LINE, take


def test_rooms_stand_side_by_side_and_apart() -> None:
    first, second, third = take(1000), take(1), take(5000)
    assert first.chunk is second.chunk is third.chunk
    for each, value in ((first, 1), (second, 2), (third, 3)):
        assert each.bytes.data_ptr() % LINE == 0
        each.bytes.fill_(value)
    assert [set(each.bytes.tolist()) for each in (first, second, third)] == [{1}, {2}, {3}]
    assert third.bytes.data_ptr() - first.bytes.data_ptr() == 1024 + 64


def test_what_is_larger_than_a_chunk_has_its_own() -> None:
    small, large = take(10), take(CHUNK + 10)
    assert large.chunk is not small.chunk
    assert len(large.bytes) == CHUNK + 10
    assert large.bytes.data_ptr() % HUGE == 0


def test_a_chunk_goes_with_its_last_room() -> None:
    rooms = [take(CHUNK - 100), take(50)]
    gone = weakref.ref(rooms[0].chunk)
    assert rooms[1].chunk is rooms[0].chunk
    del rooms[0]
    assert gone() is not None
    rooms.clear()
    gc.collect()
    assert gone() is None
    assert len(take(50).bytes) == 50                                # from a new one


def test_it_does_without_native_code(monkeypatch) -> None:
    monkeypatch.setattr(room, "library", lambda: None)
    assert len(take(CHUNK).bytes) == CHUNK
