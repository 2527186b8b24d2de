"""Streams: pieces that make up the answer, shown no later than they are sure, and streams that do not disturb one another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.decode import Sample
from limelight.errors import InputError, RecipeError
from limelight.tasks.translate.task import Translate
from limelight.tasks.writing.generated import Generated

Learnt = list[tuple[str, str]]
WAYS: list[dict[str, Any]] = [{}, {"beam": 1}, {"beam": 8, "nbest": 3}, {"sample": Sample(temperature=1.5, seed=4)}, {"max_length": 3}]


def read(stream: Any) -> tuple[list[str], Generated]:
    *pieces, result = stream
    assert isinstance(result, Generated)
    assert all(isinstance(piece, str) and piece for piece in pieces), "an empty piece is no news"
    return pieces, result


def alike(a: Generated, b: Generated) -> None:
    assert (a.text, a.complete, a.source) == (b.text, b.complete, b.source)
    assert [c.text for c in a.nbest] == [c.text for c in b.nbest]
    assert a.alignment.links == b.alignment.links
    assert [w for row in a.alignment.weights for w in row] == pytest.approx([w for row in b.alignment.weights for w in row], abs=1e-5)


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_the_pieces_are_the_text_and_the_result_is_the_calls(translate: Translate, learnt: Learnt, options: dict[str, Any]) -> None:
    texts = [
        learnt[0][0],
        f"{learnt[1][0]}\n\n{learnt[2][0]}  {learnt[3][0]} ",
        "Mary Mary sees red. 🙂 Tom! Été",
        f"\x07. {learnt[0][0]} \x00",
        "   ",
    ]
    for text in texts:
        pieces, result = read(translate.stream(text, **options))
        assert "".join(pieces) == result.text
        alike(result, translate(text, **options))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["Tom", " sees", ". ", "🙂", "\n", "\t", "\x07", "?! ", "é"]), max_size=5),     # never too long
    st.sampled_from([{"beam": 1}, {"beam": 3}, WAYS[3]]),
)
def test_the_pieces_are_the_text_whatever_is_translated(translate: Translate, parts: list[str], options: dict[str, Any]) -> None:
    pieces, result = read(translate.stream("".join(parts), max_length=6, **options))
    assert "".join(pieces) == result.text


def test_a_sentence_that_comes_out_empty_leaves_no_white_space(
    translate: Translate, learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    toms = next(source for source, _ in learnt if source.startswith("Tom"))
    other, autre = learnt[0]
    decode = translate.opened.text.decode
    monkeypatch.setattr(translate.opened.text, "decode", lambda ids: "" if (said := decode(ids)).startswith("Tom") else said)
    for text, wanted in ((f"{toms}\n{other}", autre), (f"{other}\n{toms}", autre), (f"{other} {toms}\n{other}", f"{autre}\n{autre}")):
        pieces, result = read(translate.stream(text, beam=1, align=False))
        assert "".join(pieces) == result.text == translate(text, beam=1, align=False).text == wanted


def test_pieces_are_whole_words_that_come_one_by_one(translate: Translate, learnt: Learnt) -> None:
    pieces, result = read(translate.stream(learnt[0][0], beam=1))
    assert pieces == ["Le", " chat", " mange", " la", " souris."]
    assert result.text == "Le chat mange la souris."


def test_the_first_piece_comes_before_the_last_is_computed(translate: Translate, learnt: Learnt, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = translate.opened.model, [0]
    decode = model.decode

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return decode(*args, **kwargs)

    monkeypatch.setattr(model, "decode", counted)
    stream = translate.stream(learnt[0][0], beam=1)
    assert calls == [0]
    next(stream)
    assert calls[0] <= 3
    list(stream)
    assert calls[0] > 5


def test_wrong_input_is_refused_when_the_stream_is_made(translate: Translate) -> None:
    for wrong in (None, 5, b"x", ["Tom."]):
        with pytest.raises(InputError, match=f"a stream takes one text: got {type(wrong).__name__}"):
            translate.stream(wrong)
    with pytest.raises(RecipeError, match="no option"):
        translate.stream("Tom.", beem=2)


@pytest.mark.parametrize("options", [{"nbest": 2, "sample": Sample()}, {"sample": Sample(nbest=2)}])
def test_several_drawn_translations_cannot_be_shown_while_they_grow(translate: Translate, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="a stream shows one drawn answer"):
        translate.stream("Tom.", **options)


@pytest.mark.parametrize("options", [{"beam": 1}, {"beam": 3}], ids=str)
def test_streams_that_take_turns_are_as_if_alone(translate: Translate, learnt: Learnt, options: dict[str, Any]) -> None:
    texts = [source for source, _ in learnt[:3]]
    alone = [translate(text, **options) for text in texts]
    streams = [translate.stream(text, **options) for text in texts]
    results: list[Generated] = []
    while streams:
        for stream in list(streams):
            item = next(stream, None)
            translate("Tom sees a bird.", **options)         # and calls in between
            if item is None:
                streams.remove(stream)
            elif isinstance(item, Generated):
                results.append(item)
    for result in results:
        alike(result, alone[texts.index(result.source)])
    assert len(results) == 3


def test_a_stream_that_is_left_early_leaves_nothing_behind(translate: Translate, learnt: Learnt) -> None:
    stream = translate.stream(learnt[0][0], beam=1)
    next(stream)
    assert all(attention.eye is None for attention in translate.opened.model.attentions().values())
    alike(translate(learnt[1][0]), read(translate.stream(learnt[1][0]))[1])
    stream.close()                              # pyright: ignore[reportAttributeAccessIssue]


def test_the_time_of_the_reader_is_not_counted(translate: Translate, learnt: Learnt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that the reader alone moves on: the model's steps take none of it."""
    from limelight.tasks.writing import watching

    clock = [0.0]
    monkeypatch.setattr(watching.time, "perf_counter", lambda: clock[0])
    items = []
    for item in translate.stream(learnt[0][0], beam=1):
        items.append(item)
        clock[0] += 10
    assert items[-1].cost.seconds == 0
