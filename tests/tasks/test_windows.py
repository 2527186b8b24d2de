"""Windows over long texts: every token is in one, offsets are the whole text's, and what does not fit is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.errors import InputError
from limelight.inputs import Encoded
from limelight.tasks.reading.windows import windows

CLS, SEP = 1, 2


def encoded(words: list[str], question: list[str] | None = None) -> Encoded:
    """[CLS] text [SEP], or [CLS] question [SEP] text [SEP]; a token a word, its id the length of the text before it plus 10."""
    text = " ".join(words)
    spans, at = [], 0
    for word in words:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    ids = [10 + a for a, _ in spans]
    if question is None:
        parts = (None, *(0,) * len(ids), None)
        return Encoded(text, (CLS, *ids, SEP), ((0, 0), *spans, (at, at)), parts=parts, segments=(0,) * len(parts))
    q = len(question)
    return Encoded(
        " ".join(question),
        (CLS, *range(5, 5 + q), SEP, *ids, SEP),
        ((0, 0), *[(0, 1)] * q, (0, 0), *spans, (at, at)),
        other=text,
        parts=(None, *(0,) * q, None, *(1,) * len(ids), None),
        segments=(0,) * (q + 2) + (1,) * (len(ids) + 1),
    )


@given(st.integers(0, 200), st.integers(6, 40), st.integers(0, 3), st.booleans())
def test_every_token_is_read_with_its_marks_and_neighbours_overlap(count: int, room: int, overlap: int, asked: bool) -> None:
    whole = encoded([f"w{n}" for n in range(count)], ["who", "?"] if asked else None)
    room += 3                                          # five marks and words stand around; the overlap is at most three
    found = windows(whole, room, overlap=overlap, part=int(asked))
    tokens = [i for i, part in zip(whole.ids, whole.parts, strict=True) if part == int(asked)]
    covered = set()
    for each in found:
        e = each.encoded
        assert len(e.ids) == len(e.offsets) == len(e.parts) == len(e.segments) <= room
        inner = e.ids[each.before : each.before + each.count]
        assert list(inner) == tokens[each.first : each.first + each.count]
        assert (e.ids[0], e.ids[-1]) == (CLS, SEP)
        assert e.ids[: each.before] == whole.ids[: each.before]
        covered |= set(range(each.first, each.first + each.count))
    assert covered == set(range(count))
    for a, b in pairwise(found):
        assert a.first < b.first
        assert a.first + a.count - b.first >= overlap
    assert all(max(w.depth(t) for w in found if w.first <= t < w.first + w.count) >= 0 for t in covered)


def test_offsets_are_those_of_the_whole_text() -> None:
    whole = encoded([f"word{n}" for n in range(50)])
    last = windows(whole, 12, overlap=2)[-1]
    a, b = last.encoded.offsets[last.before + last.count - 1]
    assert whole.text[a:b] == "word49"


def test_a_window_begins_at_a_word_where_one_is_near() -> None:
    pieces = [(n, n + 1) for n in range(40)]                         # words of four letters, a letter a token
    text = "".join("abcd"[n % 4] if n % 5 != 4 else " " for n in range(40))
    whole = Encoded(text, tuple(range(10, 50)), tuple(pieces), parts=(0,) * 40, segments=(0,) * 40)
    starts = [whole.offsets[w.first][0] for w in windows(whole, 12, overlap=2)]
    assert all(at == 0 or text[at - 1] == " " for at in starts)


def test_a_question_that_leaves_no_room_is_refused_with_the_numbers() -> None:
    whole = encoded(["a"] * 50, ["who"] * 10)
    with pytest.raises(InputError, match="reads 16 tokens at once; 13 stand around the text, and 4 are shared"):
        windows(whole, 16, overlap=4, part=1)
