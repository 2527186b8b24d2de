"""Filters against loops, and against transformers' processors where they are installed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.decode import Filter, MinLength, NoRepeat, RepetitionPenalty, Suppress
from limelight.errors import SpecError

VOCAB = 6


@st.composite
def states(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (r v) and what was said (r n), with -1 on the left where a prompt was padded."""
    rows, n = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    token = st.integers(0, VOCAB - 1)
    said = [[draw(token) for _ in range(n)] for _ in range(rows)]
    for row in said:
        for i in range(draw(st.integers(0, n - 1))):
            row[i] = -1
    values = st.integers(-16, 16).map(lambda i: i / 4) | st.just(-float("inf"))
    scores = [[draw(values) for _ in range(VOCAB)] for _ in range(rows)]
    return torch.tensor(scores), torch.tensor(said)


@settings(max_examples=150, deadline=None)
@given(states(), st.integers(1, 4))
def test_no_run_is_said_twice(state: tuple[torch.Tensor, torch.Tensor], size: int):
    scores, said = state
    found = NoRepeat(size=size)(scores, said, 3)
    for i, row in enumerate(said.tolist()):
        real = [token for token in row if token >= 0]
        runs = {tuple(real[j : j + size]) for j in range(len(real) - size + 1)}
        for token in range(VOCAB):
            again = (*real[len(real) - size + 1 :], token) in runs
            assert found[i, token] == (-torch.inf if again else scores[i, token])


@settings(max_examples=100, deadline=None)
@given(states(), st.sampled_from([0.5, 1.0, 1.3, 4.0]))
def test_what_was_said_scores_less(state: tuple[torch.Tensor, torch.Tensor], penalty: float):
    scores, said = state
    found = RepetitionPenalty(penalty=penalty)(scores, said, 3)
    wanted = scores.clone()
    for i, row in enumerate(said.tolist()):
        for token in {token for token in row if token >= 0}:
            wanted[i, token] = scores[i, token] * penalty if scores[i, token] < 0 else scores[i, token] / penalty
    torch.testing.assert_close(found, wanted)


@settings(max_examples=50, deadline=None)
@given(states(), st.sets(st.integers(0, VOCAB - 1)), st.integers(0, 4), st.integers(0, 4))
def test_suppress_and_min_length_leave_all_else_alone(
    state: tuple[torch.Tensor, torch.Tensor], tokens: set[int], least: int, new: int
):
    scores, said = state
    never = torch.zeros(VOCAB, dtype=torch.bool)
    never[list(tokens)] = True
    hidden = scores.masked_fill(never, -torch.inf)
    assert torch.equal(Suppress(tokens=tuple(tokens))(scores, said, new), hidden)
    assert torch.equal(MinLength(length=least, end=tuple(tokens))(scores, said, new), hidden if new < least else scores)


@settings(max_examples=50, deadline=None)
@given(states())
def test_filters_change_nothing_in_place(state: tuple[torch.Tensor, torch.Tensor]):
    scores, said = state
    before = scores.clone(), said.clone()
    for each in (NoRepeat(size=1), RepetitionPenalty(penalty=2.0), Suppress(tokens=(1,)), MinLength(length=9, end=(2,))):
        assert isinstance(each, Filter)
        each(scores, said, 1)
        assert torch.equal(scores, before[0])
        assert torch.equal(said, before[1])


def test_the_same_numbers_as_transformers():
    transformers = pytest.importorskip("transformers")
    for seed in range(20):
        torch.manual_seed(seed)
        scores, said = torch.randn(4, VOCAB), torch.randint(0, VOCAB, (4, 8))
        for size in (1, 2, 3):
            wanted = transformers.NoRepeatNGramLogitsProcessor(size)(said, scores.clone())
            assert torch.equal(NoRepeat(size=size)(scores, said, 8), wanted)
        for penalty in (0.7, 1.5):
            wanted = transformers.RepetitionPenaltyLogitsProcessor(penalty)(said, scores.clone())
            assert torch.equal(RepetitionPenalty(penalty=penalty)(scores, said, 8), wanted)
        for new in (0, 2, 3, 4):
            wanted = transformers.MinNewTokensLengthLogitsProcessor(8 - new, 3, 5)(said, scores.clone())
            assert torch.equal(MinLength(length=3, end=(5,))(scores, said, new), wanted)


WRONG = [(NoRepeat, "size", 0), (RepetitionPenalty, "penalty", 0.0), (MinLength, "length", -1)]


@pytest.mark.parametrize(("kind", "field", "wrong"), WRONG)
def test_filters_that_make_no_sense_are_refused(kind: type, field: str, wrong: float):
    with pytest.raises(SpecError, match=field):
        kind(**{field: wrong, **({"end": ()} if kind is MinLength else {})})
