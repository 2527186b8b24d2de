"""Which words an answer rests on: each way against what it promises, and faithfulness against what can be counted by hand."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import replace

import pytest
import torch
from cases import DIM, END, MASK, additive, batched, case, network, reading, row

from limelight.errors import RecipeError, TaskError
from limelight.inputs import Batch
from limelight.look import trace
from limelight.look.evidence import METHODS, STEPS, able, at_random, by_effect, curves, faithful, method, reread, value_of
from limelight.look.evidence.integrated import along
from limelight.look.evidence.slopes import Way, _given
from limelight.look.evidence.words import Gone, places_of, words_of
from limelight.look.rollout import rollout

KINDS = ("encoder", "decoder", "both")
TINY = 1e-5


def margin(model: torch.nn.Module, ids: list[int]) -> float:
    with torch.no_grad():
        logits = model.classify(Batch(torch.tensor([ids])))[0]
    return float(logits[1] - logits[0])


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_those_of_small_steps(kind: str) -> None:
    model = network(kind)
    given, text = reading(model), "abcd"
    way = Way(given, case(given, text))
    found = way.slopes([1.0], [1.0])
    assert len(found) == (2 if kind == "both" else 1)
    table = (model.encoder or model.decoder).embed
    ids, scale = list(row(text).ids), table.scale
    for i, token in enumerate(ids[:-1]):                             # each token stands in the text once: its vector is at one place
        for m in (0, 5, DIM - 1):
            moved = []
            for step in (TINY, -TINY):
                for each in tables(model):
                    each.weight[token, m] += step
                moved.append(margin(model, ids))
                for each in tables(model):
                    each.weight[token, m] -= step
            slope = (moved[0] - moved[1]) / (2 * TINY * scale)
            ours = float(found[0][0, i, m]) + (float(found[1][0, i + 1, m]) if kind == "both" else 0.0)
            assert ours == pytest.approx(slope, rel=1e-4, abs=1e-7)


def tables(model: torch.nn.Module) -> set[torch.nn.Embedding]:
    return {stack.embed.table for stack in (model.encoder, model.decoder) if stack is not None}


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_come_to_the_whole(kind: str, mask: int | None) -> None:
    given = reading(network(kind), mask=mask)
    way = Way(given, case(given, "abcdef"))
    whole = way.value(1.0) - way.value(0.0)
    assert abs(whole) > 0.05
    assert way.value(1.0) == pytest.approx(value_of(way.case, way.case.before), abs=1e-9)
    assert sum(along(way, 256)) == pytest.approx(whole, abs=1e-3)
    found = METHODS["integrated-gradients"](given, [way.case])[0]
    assert abs(sum(found.effects) - whole) <= 0.01 * max(1.0, abs(whole))
    begin = "the mask's vector" if mask else "the mean of all tokens' vectors" if kind == "decoder" else "zeros"
    assert f"from {begin} to the text (" in found.says
    assert f"{whole:+.3f}, off by" in found.says


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_at_the_mask_the_way_begins_at_the_masked_text(kind: str) -> None:
    given = reading(network(kind), mask=MASK)
    whole = case(given, "abc")
    assert Way(given, whole).value(0.0) == pytest.approx(value_of(whole, reread(given, [(whole, range(3))])[0]), abs=1e-9)


def test_the_gap_is_said_where_there_are_too_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.look.evidence import integrated

    monkeypatch.setattr(integrated, "STEPS", 1)
    monkeypatch.setattr(integrated, "MOST_STEPS", 1)
    given = reading(network("encoder"))
    way = Way(given, case(given, "abcdef"))
    whole = way.value(1.0) - way.value(0.0)
    gap = sum(along(way, 1)) - whole
    assert abs(gap) > 1e-3
    assert f"(1 steps: {whole:+.3f}, off by {gap:+.3f})" in integrated.integrated_gradients(given, [way.case])[0].says


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_of_steps_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.look.evidence import slopes

    given = reading(network(kind))
    whole = case(given, "abcdef", "fgh")
    once = along(Way(given, whole), 8)
    monkeypatch.setattr(slopes, "AT_ONCE", 1)
    assert along(Way(given, whole), 8) == pytest.approx(once, abs=1e-9)


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("kind", KINDS)
def test_leaving_out_is_reading_the_text_without_the_word(kind: str, mask: int | None) -> None:
    model = network(kind)
    given, ids = reading(model, mask=mask), list(row("abcde").ids)
    found = METHODS["leave-one-out"](given, [case(given, "abcde")])[0]
    for i, (effect, score) in enumerate(zip(found.effects, found.scores, strict=True)):
        without = [*ids[:i], *([] if mask is None else [mask]), *ids[i + 1 :]]
        assert effect == pytest.approx(margin(model, ids) - margin(model, without), abs=1e-9)
        assert score == pytest.approx(1 / (1 + math.exp(-margin(model, without))), abs=1e-9)


def test_windows_without_the_word_stay_as_they_are() -> None:
    given = reading(network("encoder"))
    both = case(given, "abc", "cde")                                 # offsets are those of each window's own text
    found = reread(given, [(both, (0,)), (both, ())])
    assert not torch.equal(found[0], both.before)
    assert torch.equal(found[1], both.before)


@pytest.mark.parametrize("name", METHODS)
def test_texts_together_are_as_each_alone(name: str) -> None:
    given = reading(network("encoder"))
    cases = [case(given, "abcdef"), case(given, "ha"), case(given, "kab", "cde")]
    together = method(name)(given, cases)
    for one, whole in zip(cases, together, strict=True):
        alone = method(name)(reading(given.model, batch=1), [one])[0]
        assert whole.effects == pytest.approx(alone.effects, abs=1e-9)
        assert len(whole.effects) == len(one.words)


@pytest.mark.parametrize("name", METHODS)
def test_it_is_told_inside_a_block_without_gradients_too(name: str) -> None:
    given = reading(network("encoder"))
    outside = method(name)(given, [case(given, "abcd")])[0].effects
    with torch.inference_mode():
        assert method(name)(given, [case(given, "abcd")])[0].effects == outside


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_behind(kind: str, name: str) -> None:
    model = network(kind)
    given = reading(model)
    rows = batched([row("abcd"), row("gh")])
    with torch.inference_mode():
        before = model.classify(rows)
    if name in able(given):
        method(name)(given, [case(given, "abcd")])
    with torch.inference_mode():
        assert torch.equal(model.classify(rows), before)
    assert all(each.grad is None and not each.requires_grad for each in model.parameters())
    assert not [m for m in model.modules() if m._forward_pre_hooks or m._forward_hooks]
    assert all(each.eye is None for each in model.attentions().values())


def test_a_failure_leaves_nothing_behind_either() -> None:
    model = network("encoder")
    given = reading(model)
    good = case(given, "abcd")
    bad = replace(good, value=lambda said: said.reshape(-1, 7))
    with pytest.raises(RuntimeError, match="shape"):
        method("gradient-x-input")(given, [bad])
    assert not [m for m in model.modules() if m._forward_pre_hooks]


def test_other_threads_keep_their_own_vectors() -> None:
    model = network("encoder")
    rows = batched([row("abcd")])
    before, found = model.classify(rows), list[torch.Tensor]()
    with _given([model.encoder.embed], [torch.zeros(1, 5, DIM, dtype=torch.float64)]):
        here = model.classify(rows)
        other = threading.Thread(target=lambda: found.append(model.classify(rows)))
        other.start()
        other.join()
    assert torch.equal(found[0], before)
    assert not torch.allclose(here, before)


def test_attention_is_the_mean_of_the_places_that_are_read() -> None:
    given = reading(network("encoder"))
    with trace(given.model) as seen:
        given.model.classify(batched([row("abcd")]))
    weights = seen["encoder.1.self"].weights(exact=True)[0].mean((0, 1))
    found = METHODS["attention"](given, [case(given, "abcd")])[0].effects
    assert found == pytest.approx(weights[:4].tolist(), abs=1e-6)
    rolled = METHODS["rollout"](given, [case(given, "abcd")])[0].effects
    assert rolled == pytest.approx(rollout(seen, places=range(5))[0].mean(0)[:4].tolist(), abs=1e-6)
    assert sum(rolled) < 1


def test_through_a_decoder_rollout_goes_on_in_the_encoder() -> None:
    given = reading(network("both"))
    with trace(given.model) as seen:
        given.model.classify(batched([row("abcd")]))
    cross = seen["decoder.1.cross"].weights(exact=True)[0].mean((0, 1)).float()
    through = rollout(seen, places=range(5), side="encoder")[0]
    found = METHODS["rollout"](given, [case(given, "abcd")])[0].effects
    assert found == pytest.approx((cross @ through)[:4].tolist(), abs=1e-6)


def test_ways_by_name() -> None:
    with pytest.raises(RecipeError, match='no way of telling which words decided is called "leave-one-uot"') as caught:
        method("leave-one-uot")
    assert caught.value.hint.startswith('Did you mean "leave-one-out"')
    given = reading(network("encoder"))
    blind = replace(given, gaze=None)
    assert able(given) == tuple(METHODS)
    assert able(blind) == ("leave-one-out", "integrated-gradients", "gradient-x-input")
    with pytest.raises(TaskError, match="tiny has no attention to show") as caught:
        method("attention")(blind, [case(given, "ab")])
    assert "gradients" in caught.value.hint


# --- words, and rows without them ---------------------------------------------------------------------------------------
def test_a_row_of_which_nothing_is_left_keeps_a_mark() -> None:
    whole = row("ab")
    assert Gone(None, END).without(whole, [0, 1]).ids == (END,)
    assert Gone(None, 9).without(whole, [0, 1, 2]).ids == (9,)
    assert Gone(None, 9, least=2).without(whole, [0, 1]).ids == (9, END)
    assert Gone(MASK, END).without(whole, [1]).ids == (whole.ids[0], MASK, END)
    assert (Gone(None, END).how, Gone(MASK, END).how) == ("left out", "masked")


def test_words_and_their_places() -> None:
    whole = row("abc")
    found = words_of([whole])
    assert [word.span for word in found] == [(0, 1), (2, 3), (4, 5)]
    assert places_of(found, whole) == {0: [0], 1: [1], 2: [2]}
    assert words_of([whole], asked=(1,)) == []


# --- faithfulness -------------------------------------------------------------------------------------------------------
def test_faithfulness_by_hand() -> None:
    weights = {"a": 5.0, "b": 3.0, "c": -1.0, "d": 0.5}
    given, whole = additive(weights, "abcd")
    found = faithful(given, [(whole, [0, 1, 3, 2])])[0]
    # of four words the first 1, 5, 10 and 20 % are one word, the first 50 % two
    assert found.comprehensiveness == pytest.approx((4 * 5.0 + 8.0) / 5)
    assert found.sufficiency == pytest.approx(7.5 - (4 * 5.0 + 8.0) / 5)
    gone = [0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]
    left = {0: 7.5, 1: 2.5, 2: -0.5, 3: -1.0, 4: 0.0}
    assert found.curve == pytest.approx([left[n] for n in gone])
    assert curves(given, [(whole, [0, 1, 3, 2])])[0] == pytest.approx(found.curve)
    assert len(found.curve) == len(STEPS)


def test_no_order_is_more_faithful_than_the_true_one() -> None:
    weights = {"a": 0.4, "b": -1.2, "c": 2.0, "d": 0.1, "e": 0.9}
    given, whole = additive(weights, "abcde")
    found = METHODS["leave-one-out"](given, [whole])[0].effects
    assert found == pytest.approx(list(weights.values()))
    orders = [by_effect(found), *itertools.permutations(range(5))]
    best, *others = faithful(given, [(whole, order) for order in orders])
    assert all(best.comprehensiveness >= each.comprehensiveness - 1e-12 for each in others)
    assert all(best.sufficiency <= each.sufficiency + 1e-12 for each in others)
    assert best.comprehensiveness > sum(each.comprehensiveness for each in others) / len(others) + 0.5


def test_orders() -> None:
    assert by_effect([0.1, 2.0, -3.0, 2.0]) == [1, 3, 0, 2]
    drawn = at_random(20, 3)
    assert sorted(drawn) == list(range(20))
    assert drawn == at_random(20, 3) != at_random(20, 4)


def test_what_several_orders_ask_for_is_read_once() -> None:
    given, whole = additive({"a": 1.0}, "abcd")
    count = list[int]()

    def says(batch: Batch) -> torch.Tensor:
        count.append(len(batch.values))
        return given.says(batch)

    faithful(replace(given, says=says), [(whole, [0, 1, 2, 3]), (whole, [0, 1, 2, 3])])
    assert sum(count) <= 2 * len(STEPS)
