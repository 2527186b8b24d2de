"""Where an answer ends: tokens, lengths and texts, which may be spread over several pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import opinionated as tiny
from limelight.decode import Beam, Choice, Ending, Greedy, Sample, generate
from limelight.errors import RecipeError
from limelight.inputs import Text
from limelight.inputs.batch import pad
from opinionated import END, START

CHOICES = [Greedy(), Sample(seed=2), Beam(width=3)]


@pytest.fixture(scope="module")
def text() -> Text:
    """Bytes, and a few longer pieces."""
    return Text.train(["the stop of the story", "stop it there", "the cat sat on the mat"] * 5, vocab=275)


def script(path: list[int]) -> Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]:
    """A filter that lets a model say one thing only."""

    def only(scores: torch.Tensor, said: torch.Tensor, new: int) -> torch.Tensor:
        out = torch.full_like(scores, -torch.inf)
        out[:, path[new]] = scores[:, path[new]]
        return out

    return only


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("stop", ["stop", "op th", ". Y", "é", "日本", "🙂", "🙂🙂🙂🙂🙂🙂"])
def test_a_stop_string_ends_the_answer_with_the_piece_that_completes_it(text: Text, choice: Choice, stop: str):
    story = "The cat stop there. Yes, déjà 日本語 🙂🙂🙂🙂🙂🙂🙂 and more"
    path = list(text.encode(story).ids)
    ending = Ending(frozenset([text.end]), 100, (stop, "not in it"), text.decode)
    model = tiny.seq2seq(0, vocab=len(text))
    ((found,), (other,)) = generate(model, pad([[3], [4, 5]]), choice, ending=ending, start=text.start, filters=[script(path)])
    said = text.decode(found.tokens)
    assert stop in said
    assert stop not in text.decode(found.tokens[:-1])
    assert found.ended
    assert ending.cut(said) == story[: story.index(stop)].strip(" ") or ending.cut(said) == story[: story.index(stop)]
    assert other.tokens == found.tokens


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_an_answer_without_the_stop_string_goes_on_to_its_end(text: Text, choice: Choice):
    path = list(text.encode("the cat sat on the mat").ids)
    ending = Ending(frozenset([text.end]), 100, ("dog",), text.decode)
    ((found,),) = generate(tiny.seq2seq(0, vocab=len(text)), pad([[3]]), choice, ending=ending, start=text.start, filters=[script(path)])
    assert list(found.tokens) == path
    assert found.ended
    assert ending.cut(text.decode(found.tokens)) == "the cat sat on the mat"


def spelled(tokens: tuple[int, ...] | list[int]) -> str:
    return "".join(chr(97 + token) for token in tokens)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_with_stop_strings_is_greedy_up_to_the_first_of_them(seed: int):
    model, rows = tiny.seq2seq(seed, end=-9), tiny.sources(seed)
    free = generate(model, pad(rows), Greedy(), ending=Ending(frozenset([END]), 12), start=START)
    texts = [spelled(h.tokens) for (h,) in free]
    stops = (texts[0][4:6], texts[1][7:10])
    found = generate(model, pad(rows), Greedy(), ending=Ending(frozenset([END]), 12, stops, spelled), start=START)
    for (h,), whole in zip(found, texts, strict=True):
        firsts = [whole.index(stop) + len(stop) for stop in stops if stop in whole]
        assert len(h.tokens) == min(firsts, default=12)
        assert whole.startswith(spelled(h.tokens))
        assert h.ended == bool(firsts)


def test_every_answer_of_a_beam_stops_at_its_first_stop_string():
    stops, stopped = ("e", "gh", "hg"), 0
    ending = Ending(frozenset([END]), 10, stops, spelled)
    for seed in range(4):
        batch = pad(tiny.sources(seed))
        for answers in generate(tiny.seq2seq(seed, end=0.0), batch, Beam(width=4, nbest=4), ending=ending, start=START):
            assert len({h.tokens for h in answers}) == len(answers) == 4
            for h in answers:
                said, before = spelled(h.tokens), spelled(h.tokens[:-1])
                assert not any(stop in before for stop in stops)
                assert END not in h.tokens[:-1]
                assert h.ended == (h.tokens[-1] == END or any(stop in said for stop in stops))
                stopped += h.ended and h.tokens[-1] != END
    assert stopped > 10


@settings(max_examples=200, deadline=None)
@given(st.text("abc", max_size=12), st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3))
def test_cut_keeps_what_stands_before_the_first_stop(said: str, stops: list[str]):
    kept = Ending(frozenset(), 1, tuple(stops), spelled).cut(said)
    assert said.startswith(kept)
    first = [i for i in range(len(said)) if any(said[i:].startswith(stop) for stop in stops)]
    assert len(kept) == min(first, default=len(said))


def test_cut_without_stop_strings_keeps_all():
    assert Ending(frozenset([2]), 5).cut("whole") == "whole"


def test_an_ending_that_cannot_be_is_refused():
    with pytest.raises(RecipeError, match="max_length must be at least 1: got 0"):
        Ending(frozenset([2]), 0)
    with pytest.raises(RecipeError, match=r"stop strings need a tokenizer .* Give text="):
        Ending(frozenset([2]), 5, ("stop",))
    with pytest.raises(RecipeError, match="an empty stop string"):
        Ending(frozenset([2]), 5, ("stop", ""), spelled)
