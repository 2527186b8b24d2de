"""Scores led away from other sources: the equation step by step, each row as if alone, whatever kind of model and choice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limelight.decode import Among, Beam, Choice, Ending, Greedy, Guide, Sample, generate, stream
from limelight.decode.trails import Hypothesis
from limelight.inputs import Batch, pad
from limelight.nn import Memory, Network
from limelight.spec import decoder_only, encoder_decoder

VOCAB, ENDS, LONGEST = 12, frozenset({1, 2, 4}), 9
SOURCES, OTHERS = [[3, 4, 5], [6, 7], [8, 3, 9, 10]], [[5, 5], [11], [4, 4, 4]]
CHOICES: list[Choice] = [Greedy(), Sample(seed=4, nbest=2, top_k=5), Beam(width=3)]


def made(kind: str) -> Network:
    torch.manual_seed(3)
    sizes = {"vocab": VOCAB, "dim": 16, "heads": 2}
    spec = decoder_only(**sizes, depth=2) if kind == "alone" else encoder_decoder(**sizes, encoder_depth=1, decoder_depth=2)
    model = Network(spec).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return model


def given(model: Network, rows: list[list[int]]) -> Batch | Memory:
    if model.encoder is None:
        return pad(rows, side="left")
    with torch.inference_mode():
        return model.encode(pad(rows))


def guided(model: Network, choice: Choice, rows: list[int], weight: float) -> list[list[Hypothesis]]:
    source, away = (given(model, [each[row] for row in rows]) for each in (SOURCES, OTHERS))
    steps = list(stream(model, source, choice, ending=Ending(ENDS, LONGEST), start=1, guide=Guide(away, weight)))
    return steps[-1].done


def scores(model: Network, row: list[int], said: tuple[int, ...]) -> Tensor:
    with torch.inference_mode():
        memory = None if model.encoder is None else model.encode(pad([row]))
        begun = row if model.encoder is None else [1]
        return model.logits(model.decode(torch.tensor([[*begun, *said]]), memory=memory))[0, -1]


@pytest.mark.parametrize("kind", ["alone", "both"])
def test_step_by_step_it_is_the_equation(kind: str) -> None:
    model = made(kind)
    for row, (found, *_) in enumerate(guided(model, Greedy(), [0, 1, 2], 2.5)):
        for place, token in enumerate(found.tokens):
            asked, away = (scores(model, each[row], found.tokens[:place]) for each in (SOURCES, OTHERS))
            assert (away + 2.5 * (asked - away)).argmax().item() == token


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: type(choice).__name__)
@pytest.mark.parametrize("kind", ["alone", "both"])
def test_each_row_is_led_as_if_alone(kind: str, choice: Choice) -> None:
    """Rows end at different steps, and beams change places: both passes follow."""
    model = made(kind)
    together = guided(model, choice, [0, 1, 2], 3.0)
    assert len({len(found[0].tokens) for found in together}) > 1
    for row, found in enumerate(together):
        (alone,) = guided(model, choice, [row], 3.0)
        assert [each.tokens for each in alone] == [each.tokens for each in found]


@pytest.mark.parametrize("kind", ["alone", "both"])
def test_weights_of_one_and_of_nought(kind: str) -> None:
    model, ending = made(kind), Ending(ENDS, LONGEST)
    for weight, rows in ((1.0, SOURCES), (0.0, OTHERS)):
        plain = generate(model, given(model, rows), Greedy(), ending=ending, start=1)
        assert [found[0].tokens for found in guided(model, Greedy(), [0, 1, 2], weight)] == [found[0].tokens for found in plain]


def test_drawn_answers_say_which_they_are() -> None:
    found = generate(made("both"), given(made("both"), SOURCES), Sample(seed=4, nbest=3), ending=Ending(ENDS, LONGEST), start=1)
    assert [sorted(each.turn for each in row) for row in found] == [[0, 1, 2]] * 3


def test_only_some_tokens() -> None:
    left = Among(first=2, count=3)(torch.zeros(2, 7), torch.zeros(2, 0, dtype=torch.long), 0)
    assert (left > -torch.inf).tolist() == [[False, False, True, True, True, False, False]] * 2
