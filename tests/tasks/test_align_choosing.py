"""Choosing the attention that aligns: a head that was planted is found, and measured on pairs that were not used to choose."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from limelight.errors import InputError
from limelight.hub import Opened
from limelight.inputs import Text, words
from limelight.look.align import Match, match, total
from limelight.nn import Network
from limelight.tasks.align.choosing import PLAIN, _Judge, choose_aligner, ordered
from limelight.tasks.align.gold import Gold
from limelight.tasks.align.measuring import couples, error_of, matched
from limelight.tasks.translate.forcing import Couple, Forcing
from limelight.tasks.translate.ways import Way

WORDS = [f"w{chr(97 + i)}" for i in range(12)]             # each of them one piece, all of them unlike


def gold_pair(seed: int, size: int = 5) -> Gold:
    """A sentence and the same words in another order: each target word comes from its twin."""
    draw = torch.Generator().manual_seed(seed)
    source = [WORDS[i] for i in torch.randperm(len(WORDS), generator=draw)[:size].tolist()]
    target = [source[i] for i in torch.randperm(size, generator=draw).tolist()]
    links = frozenset((source.index(word), j) for j, word in enumerate(target))
    return Gold(tuple(source), tuple(target), links, links)


GOLD = [gold_pair(seed) for seed in range(30)]


def planted(layer: int, head: int) -> Opened:
    """A model without positions, feed-forward or self-attention, whose one head looks for the token that it was given.

    All other heads look at everything alike. The decoder's input is the token before the one to be chosen: so the head aligns a
    token one step late, by the step that has it as input.
    """
    text = Text.train([" ".join([*WORDS, *map(str.capitalize, WORDS)])] * 20, vocab=320)      # a first word is written with a capital
    spec = tiny.spec(len(text), dim=32, depth=3, heads=4)
    model = Network(spec).eval()
    table = torch.linalg.qr(torch.randn(32, 32))[0]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        assert model.encoder is not None
        embedding = model.encoder.embed.table.weight
        for i, word in enumerate(WORDS):
            for each in (word, word.capitalize()):
                (token,) = text.encode(each).ids[:-1]
                embedding[token] = table[i] * 10             # loud beside the waves of the positions
        cross = model.attentions()[f"decoder.{layer}.cross"]
        # Eight of the thirty-two directions are one head's: a random projection keeps the words apart well enough.
        project = torch.randn(8, 32) * 0.7
        rows = slice(8 * head, 8 * head + 8)
        cross.q.weight[rows] = cross.k.weight[rows] = project
    return Opened(model, text, tiny.manifest(text, spec, aligner=None, source_language="xx", target_language="xx"), Path())


@pytest.mark.parametrize(("layer", "head"), [(0, 2), (2, 1)])
def test_a_planted_head_is_found(layer: int, head: int) -> None:
    found = choose_aligner(planted(layer, head), GOLD, measured_on="made-up", choose_on=12, space=PLAIN)
    assert (found.attention, found.heads, found.shift) == (f"decoder.{layer}.cross", (head,), 1)
    assert found.aer < 0.1
    assert (found.pairs, found.measured_on) == (18, "made-up")


def test_the_error_is_measured_on_the_other_pairs_alone() -> None:
    opened = planted(1, 3)
    wrong = [replace(g, sure=(links := frozenset({(0, 0)})), possible=links) for g in GOLD[12:]]
    found = choose_aligner(opened, [*GOLD[:12], *wrong], measured_on="x", choose_on=12, space=PLAIN)
    assert (found.attention, found.heads, found.shift) == ("decoder.1.cross", (3,), 1)
    assert found.aer > 0.5


def test_heads_that_help_one_another_are_taken_together() -> None:
    """Two heads that know half of the words each."""
    opened = planted(1, 0)
    knowing(opened, 1, {0: WORDS[:6], 2: WORDS[6:]})
    found = choose_aligner(opened, GOLD, measured_on="x", choose_on=15, space=PLAIN)
    assert (found.attention, found.heads, found.shift) == ("decoder.1.cross", (0, 2), 1)
    assert found.aer < 0.1


def knowing(opened: Opened, layer: int, known: dict[int, list[str]]) -> None:
    """Let each head of a layer look for its own words, and for no others."""
    assert opened.model.encoder is not None
    table, cross = opened.model.encoder.embed.table.weight, opened.model.attentions()[f"decoder.{layer}.cross"]
    with torch.no_grad():
        cross.q.weight.zero_()
        cross.k.weight.zero_()
        for head, mine in known.items():
            for i, word in enumerate(mine):
                direction = table[opened.text.encode(word).ids[0]] / 10 * 1.5
                cross.q.weight[8 * head + i] = cross.k.weight[8 * head + i] = direction


def test_heads_that_are_best_together_need_not_be_with_the_best_alone() -> None:
    """One head knows eight of twelve words; in another layer two know six each."""
    opened = planted(0, 0)
    knowing(opened, 0, {1: WORDS[:8]})
    knowing(opened, 2, {0: WORDS[:6], 3: WORDS[6:]})
    found = choose_aligner(opened, GOLD, measured_on="x", choose_on=15, space=PLAIN)
    assert (found.attention, found.heads, found.shift) == ("decoder.2.cross", (0, 3), 1)


@pytest.mark.parametrize("choose_on", [30, 31, 0, -1])
def test_a_choice_that_could_not_be_measured_is_refused(choose_on: int) -> None:
    with pytest.raises(InputError, match=f"30 gold pairs, {choose_on} of them to choose by"):
        choose_aligner(planted(0, 0), GOLD, measured_on="x", choose_on=choose_on)
    with pytest.raises(InputError, match="0 gold pairs"):
        choose_aligner(planted(0, 0), [], measured_on="x")


def test_forced_words_are_the_words_of_the_gold() -> None:
    opened = planted(0, 0)
    for _, led in Forcing(opened).all(couples(GOLD[:3], ("xx", "xx"))):
        a = led.aligned(Way("decoder.0.cross", (0,), 1))
        gold = next(g for g in GOLD if g.target[1:] == a.target[1:])
        assert (a.source[1:], a.target[0].lower()) == (gold.source[1:], gold.target[0])


def test_how_links_are_read_is_chosen_too() -> None:
    """A head that looks at one word above all still knows, beside the other target words, which are whose."""
    opened = planted(1, 2)
    plain = choose_aligner(opened, GOLD, measured_on="x", choose_on=15, space=PLAIN)
    found = choose_aligner(opened, GOLD, measured_on="x", choose_on=15)
    assert found.aer <= plain.aer + 0.02
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.aer <= found.high
    assert found.precision is not None
    assert 0.9 < found.precision <= 1


def test_the_choice_counts_as_the_links_do(opened: Opened) -> None:
    """All pairs at once, padded, give the error of each by itself."""
    led = ordered(Forcing(opened).all(couples(GOLD[:9], ("xx", "xx"))), 9)
    judge = _Judge(led, GOLD[:9])
    for way in (
        Way("decoder.0.cross", (1,), 0),
        Way("decoder.1.cross", (0, 3), 1, normed=True, null=0.0),
        Way("decoder.1.cross", (2,), 1, share=0.5, null=0.0, even=True, signs=True, least=0.1),
    ):
        matches = [match(each.aligned(way).links, g.sure, g.possible) for each, g in zip(led, GOLD, strict=False)]
        assert judge.error(way) == pytest.approx(total(matches).error)
        assert total(matches).found > 0
        assert [*map(tuple, matched(opened, GOLD[:9], way))] == [*map(tuple, matches)]


def test_batches_change_nothing(opened: Opened, learnt: list[tuple[str, str]]) -> None:
    given = [Couple(s, t, (words(s), words(t))) for s, t in learnt[:6]]
    way = Way("decoder.1.cross", (0, 2), 1, normed=True)
    alone = dict(Forcing(opened).all(given, batch=1))
    for place, led in Forcing(opened).all(given, batch=6):
        assert led.aligned(way).links == alone[place].aligned(way).links
        assert torch.allclose(led.weights["decoder.0.cross"], alone[place].weights["decoder.0.cross"], atol=1e-5)
        assert led.logprobs == pytest.approx(alone[place].logprobs, abs=1e-4)
        assert math.fsum(led.logprobs) > math.log(0.5)                # it has learnt them by heart


def test_forcing_keeps_every_cross_attention_whole(opened: Opened, learnt: list[tuple[str, str]]) -> None:
    source, target = learnt[0]
    ((_, led),) = Forcing(opened).all([Couple(source, target, ([(0, 3)], [(0, 2)]))])
    assert list(led.weights) == ["decoder.0.cross", "decoder.1.cross"]
    for weights in led.weights.values():
        assert weights.shape == (4, len(opened.text.encode(target).ids), len(opened.text.encode(source).ids))
        assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:2]), atol=1e-5)
    assert all(attention.eye is None for attention in opened.model.attentions().values())


def test_intervals_hold_the_rate_and_narrow_with_more_sentences() -> None:
    one = [Match(2, 3, 4, 3), Match(1, 1, 4, 2), Match(4, 4, 4, 4)]
    wide, narrow, flat = error_of(one * 3), error_of(one * 60), error_of([Match(1, 1, 1, 1)] * 5)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < wide.mean == total(one).error < wide.high
    assert (narrow.high or 0) - (narrow.low or 0) < (wide.high - wide.low) / 2
    assert (flat.low, flat.high) == (0, 0)
