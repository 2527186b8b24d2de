"""Claim 8 in a small world: models of equal size, what they answer by distance, and what reaches the fact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from worlds import files, world

from limelight.claims import Lab
from limelight.claims.distance import AFTER, BEFORE, LONGER, TOLD, Setting, measure, read_worlds
from limelight.claims.planted import World
from limelight.claims.recall import ALIBI, ATTENDING, KINDS, LSTM, ROTARY, answers, reaches, right, said, sized, weights
from limelight.errors import RecipeError, TaskError
from limelight.inputs import pad
from limelight.inputs.batch import Batch
from limelight.inputs.pairs import Pairs
from limelight.nn import Network


@pytest.fixture
def made(tmp_path: Path) -> World:
    return world(tmp_path)


def network(kind: str, vocab: int) -> Network:
    torch.manual_seed(0)
    return Network(sized(kind, vocab, 16)).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_have_nearly_as_many_weights(kind: str) -> None:
    found = weights(sized(kind, 30, 64))
    assert found == sum(each.numel() for each in Network(sized(kind, 30, 64)).parameters())
    assert found == pytest.approx(weights(sized(ROTARY, 30, 64)), rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_the_answers_alone(kind: str, made: World) -> None:
    model = network(kind, len(made.vocabulary))
    asked = made.planted(np.random.default_rng(0), 6, length=4, distances=[2], others=True)
    text = torch.cat((asked.questions, asked.answers[..., None]), -1).flatten(1)
    found = answers(4)(model, Pairs(Batch(asked.stories), Batch(text)))
    wanted = 0.0
    for n in range(asked.answers.shape[1]):
        logits = said(model, asked.stories, text[:, : 4 * n + 3])[:, -1]
        wanted += float(torch.nn.functional.cross_entropy(logits, asked.answers[:, n], reduction="sum").detach())
    assert found.tokens == 18
    assert float(found.total.detach()) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_right_where_the_best_word_is_the_answer(kind: str, made: World) -> None:
    model = network(kind, len(made.vocabulary))
    asked = made.planted(np.random.default_rng(0), 40, length=4, distances=[2])
    best = said(model, asked.stories, asked.questions[:, 0])[:, -1].argmax(-1)
    assert torch.equal(right(model, asked), (best == asked.answers[:, 0]).float())


@pytest.mark.parametrize("kind", KINDS)
def test_what_reaches_the_fact_is_the_gradient(kind: str, made: World) -> None:
    """Against finite differences: the row of a word that stands at one place only, moved along its gradient."""
    model = network(kind, len(made.vocabulary)).double()
    asked = made.planted(np.random.default_rng(1), 1, length=3, distances=[3])
    found = reaches(model, asked)
    assert 0 < float(found.fact) < float(found.story)
    assert all(weight.grad is None for weight in model.parameters())
    reader, (begins, ends) = model.encoder or model.decoder, asked.fact[0].tolist()
    moved: list[torch.Tensor] = []

    def score(change: torch.Tensor) -> float:
        def put(_: object, __: object, made: torch.Tensor) -> torch.Tensor:
            moved.append(made)
            return torch.cat((made[:, :begins], made[:, begins:ends] + change, made[:, ends:]), 1)

        assert reader is not None
        handle = reader.embed.register_forward_hook(put)
        with torch.no_grad():
            logits = said(model, asked.stories, asked.questions[:, 0])[:, -1]
        handle.remove()
        return float(logits[0, asked.answers[0, 0]])

    torch.manual_seed(2)
    squares, step = 0.0, 1e-5
    width = model.spec.dim
    for n in range((ends - begins) * width):                               # every direction in turn
        way = torch.zeros(1, (ends - begins) * width, dtype=torch.double)
        way[0, n] = step
        way = way.unflatten(1, (-1, width))
        squares += ((score(way) - score(-way)) / (2 * step)) ** 2
    assert float(found.fact) == pytest.approx(squares**0.5, rel=1e-4)


def test_models_without_a_story_are_refused(made: World) -> None:
    with pytest.raises(TaskError, match="told a story"):
        answers(4)(network(LSTM, len(made.vocabulary)), Pairs(None, pad([[4, 5, 6, 7]])))


def test_distances_are_powers_of_two_and_the_whole() -> None:
    assert Setting().distances(6) == [1, 2, 4, 6]
    assert Setting().distances(8) == [1, 2, 4, 8]


def test_worlds_share_words_and_not_questions(tmp_path: Path) -> None:
    learnt, held = read_worlds(files(tmp_path))
    assert learnt.vocabulary == held.vocabulary
    assert learnt.asked != held.asked
    with pytest.raises(RecipeError, match="no data"):
        read_worlds(str(tmp_path / "none_{}.txt"))


def test_the_claim_is_measured_and_kept(tmp_path: Path) -> None:
    setting = Setting(kinds=(LSTM, ATTENDING, ALIBI), longest=3, dim=16, rows=8, steps=80, lr=(2e-2, 1e-2), asked=60, traced=8)
    lab = Lab(tmp_path / "lab", (0, 1))
    found = measure(lab, setting, files(tmp_path))
    says = [check.says for check in found.checks]
    assert says == [
        f"{ALIBI}: accuracy far less near, {TOLD}",
        f"{ALIBI}: accuracy far less near, {LONGER}",
        *(f"slope of accuracy over distance, {LSTM} less {other}, {which}" for other in (ALIBI, ATTENDING) for which in (TOLD, LONGER)),
        f"gradient at the fact far against near, {BEFORE}, {LSTM} less {ALIBI}",
    ]
    told, longer, fading = found.tables
    assert told.columns == ("", "weights", "1", "2", "3", "slope", "far less near")
    assert longer.columns[2:6] == ("1", "2", "4", "6")
    near = {row[0]: row[2].mean for row in told.rows}
    assert min(near.values()) > 0.4                                        # of four places; something was learnt
    assert fading.columns == ("", BEFORE, AFTER)
    assert max(fading.rows[0][1].each) < 0                                 # an LSTM forgets before it has learnt
    assert found.plots[2].lines[0].y[0].mean == 0                          # relative to the nearest
    again = Lab(tmp_path / "lab", (0, 1))
    assert measure(again, setting, files(tmp_path)) == found
    assert again.cells == lab.cells == 3 * 2 * 5
