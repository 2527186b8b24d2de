"""Habits: heads that were made to have them, and what loops over whole maps say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look import View, trace
from limelight.look.habits import RULES, Habit, Habits, Text, described, habits
from limelight.nn import Look
from limelight.ops import dot

TOKENS = torch.tensor([[5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8]])


def looking(wanted: Tensor, *, causal: bool) -> View:
    """A view of one head for each of `wanted` (h n n): all weight on the places that are True, evenly."""
    n = wanted.shape[1]
    q = torch.where(wanted, 40.0, 0.0)[None]                                   # scores are q times the unit vectors
    k = torch.eye(n).expand(1, len(wanted), n, n)
    how = {"allow": None, "bias": None, "causal": causal, "scale": 1.0, "score": dot}
    return View("decoder.0.self", (Look(q, k, k, 0, 0, False, how),), 1 << 20)


def shifted(n: int, away: int) -> Tensor:
    i = torch.arange(n)
    return (i[None] - i[:, None]) == away


def named(found: list[Habits]) -> list[str | None]:
    return [each.best.name if each.best else None for each in found]


def test_heads_are_named_by_what_they_do() -> None:
    n, distinct = 12, torch.arange(12)[None]
    first = torch.zeros(n, n, dtype=torch.bool)
    first[:, 0] = True
    even = torch.ones(n, n, dtype=torch.bool)
    heads = torch.stack((shifted(n, -1), shifted(n, 0), shifted(n, -2), first, even))
    found = habits(looking(heads, causal=True), Text(distinct))
    assert named(found) == ["previous", "itself", "two before", "first", None]
    assert found[0].best is not None
    assert found[0].best.share == pytest.approx(1.0)
    assert found[0].best.queries == 11
    both = habits(looking(torch.stack((shifted(n, 1), shifted(n, 2))), causal=False), Text(distinct))
    assert named(both) == ["next", "two after"]


def test_repeated_tokens_show_induction() -> None:
    i = torch.arange(12)
    same = (i[None] % 4 == i[:, None] % 4) & (i[None] < i[:, None])
    after = (i[None] % 4 == (i[:, None] + 1) % 4) & (i[None] <= i[:, None])
    found = habits(looking(torch.stack((same, after)), causal=True), Text(TOKENS))
    assert named(found) == ["same token", "after the same token"]


def test_separators_and_rare_words_are_what_the_text_says() -> None:
    tokens = torch.tensor([[5, 6, 9, 7, 5, 1, 8, 5]])
    stop, rare = torch.zeros(2, 8, 8, dtype=torch.bool)
    stop[:, 5] = True
    rare[:, 2] = True
    counts = torch.tensor([0, 9, 9, 9, 9, 50, 60, 70, 80, 2])
    found = habits(looking(torch.stack((stop, rare)), causal=False), Text(tokens, separators=(1,), counts=counts))
    assert named(found) == ["separator", "rarest"]
    bare = habits(looking(torch.stack((stop, rare)), causal=False), Text(tokens))
    assert named(bare) == [None, None]
    assert {habit.name for habit in bare[0].all}.isdisjoint({"separator", "rarest"})


def test_they_are_those_of_the_whole_map() -> None:
    """Against loops over every pair, on a random model and padded rows."""
    model, rows = tiny.seq2seq(0, heads=4), [TOKENS[0].tolist(), [5, 6, 5], [4]]
    given = pad(rows)
    with trace(model, layers="encoder.*") as seen, torch.no_grad():
        model.encode(given)
    text = Text(given.values, given.keep, separators=(6,), counts=torch.arange(12))
    weights = seen["encoder.0.self"].weights()
    for name, rule in RULES.items():
        at = torch.arange(12)
        mask = rule(text, at, at)
        total, queries = torch.zeros(4), 0
        for row, tokens in enumerate(rows):
            for i in range(len(tokens)):
                keys = [j for j in range(len(tokens)) if mask[row, i, j]]
                queries += bool(keys)
                total += weights[row, :, i, keys].sum(-1) if keys else 0
        for h, each in enumerate(described(seen, text)["encoder.0.self"]):
            found = [habit for habit in each.all if habit.name == name]
            assert bool(found) == bool(queries)
            if found:
                assert found[0].queries == queries
                assert found[0].share == pytest.approx(float(total[h]) / queries, abs=1e-6)


def test_chance_is_an_even_look() -> None:
    even = torch.ones(1, 12, 12, dtype=torch.bool)
    for causal in (False, True):
        (found,) = habits(looking(even, causal=causal), Text(TOKENS))
        for habit in found.all:
            assert habit.share == pytest.approx(habit.chance, abs=1e-6)
            assert habit.lift == pytest.approx(1.0, abs=1e-4)


def test_a_habit_must_be_more_than_chance() -> None:
    often = Habit("first", 0.9, 0.6, 10)
    assert Habits((often,)).best is None
    assert Habits((often, replace(often, name="next", chance=0.1))).best == replace(often, name="next", chance=0.1)
    assert Habits((Habit("next", 0.9, 0.1, 4),)).best is None                  # four may be chance, too
    assert str(often) == "first 90%"


def test_other_attentions_have_none() -> None:
    model = tiny.seq2seq(0)
    with trace(model) as seen, torch.no_grad():
        memory = model.encode(Batch(TOKENS))
        model.decode(TOKENS, memory=memory)
    assert set(described(seen, Text(TOKENS))) == {"encoder.0.self", "decoder.0.self", "decoder.1.self"}
