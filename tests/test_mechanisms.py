"""Mechanisms by name: each one is a model that is written down, built and run; what makes no sense is refused, and the hint works."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import torch

from limelight.errors import SpecError
from limelight.inputs import pad
from limelight.nn import Network
from limelight.spec import Model, encoder_decoder, from_json, to_json
from limelight.spec.mechanisms import CHOICES, Frame, Mechanism, Sizes, decoder_alone, find, mechanisms

SMALL = {"vocab": 19, "dim": 16, "heads": 4, "encoder_depth": 2, "decoder_depth": 1, "hidden": 24, "length": 32, "dropout": 0.0}
CHOSEN: dict[str, tuple[object, object]] = {
    "position": ("rotary", "none"),
    "kv_heads": (2, 1),
    "window": (3, 4),
    "scaled": (False, True),
    "cell": ("gru", "lstm"),
    "bidirectional": (False, True),
    "feeding": (True, False),
    "width": (2, 3),
}
ALL = mechanisms()
ASKED = (
    "additive dot general concat general-fed local-m local-p fixed-vector hard-reinforce hard-gumbel hard-enumerated sparsemax entmax "
    "multi-head single-head multi-query grouped-query windowed alibi rotary learned sinusoidal no-positions unscaled linear causal"
)


def small(**choices: object) -> Sizes:
    return Sizes(**{**SMALL, **choices})


def decoded(model: Network, source: list[list[int]], target: torch.Tensor) -> torch.Tensor:
    memory = None if model.encoder is None else model.encode(pad(source, filler=0))
    return model.logits(model.decode(target, memory=memory))


def test_the_table_names_them_all() -> None:
    assert set(ASKED.split()) <= set(ALL)
    assert [name for name, each in ALL.items() if each.name != name] == []


@pytest.mark.parametrize("each", ALL.values(), ids=lambda each: each.name)
def test_each_says_what_it_computes_and_who_thought_of_it(each: Mechanism) -> None:
    for text in (each.equation, each.shapes, each.source, each.title):
        assert text.strip() == text
        assert "\n" not in text
        assert text
    assert re.search(r"[A-Z].* (19|20)\d\d, (section|equation)", each.source)
    assert "(b " in each.shapes
    assert len(each.about) > 100


@pytest.mark.parametrize("name", ALL)
def test_each_goes_to_json_and_back(name: str) -> None:
    spec = find(name).build(small())
    assert from_json(to_json(spec)) == spec


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_each_encodes_and_decodes_a_batch(name: str) -> None:
    """In rows of different lengths, and each row as alone."""
    model = Network(find(name).build(small())).eval()
    source, target = [[3, 4, 5, 6, 7], [8, 9, 10]], torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    both = decoded(model, source, target)
    assert both.shape == (2, 4, SMALL["vocab"])
    alone = decoded(model, source[1:], target[1:])
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_no_two_are_the_same_but_the_default_and_its_positions() -> None:
    specs: dict[Model, list[str]] = {}
    for name in ALL:
        specs.setdefault(find(name).build(small()), []).append(name)
    assert [names for names in specs.values() if len(names) > 1] == [["multi-head", "sinusoidal"]]


def test_the_default_is_the_transformer_that_recipes_always_had() -> None:
    assert find("multi-head").build(small()) == encoder_decoder(**SMALL)


def test_the_decoder_of_an_encoder_decoder_is_a_language_model() -> None:
    spec = decoder_alone(find("grouped-query").build(small()))
    assert spec.encoder is None
    assert spec.decoder.cross is None
    assert spec.decoder.attention.kv_heads == 2


@pytest.mark.parametrize(("name", "choice"), [(name, choice) for name in ALL for choice in CHOICES])
def test_a_choice_is_followed_or_refused_with_one_that_does(name: str, choice: str) -> None:
    """What the hint says is done: the same choice with the other mechanism, and the same mechanism without the choice."""
    each, (one, other) = find(name), CHOSEN[choice]
    if choice in each.takes:
        assert each.build(small(**{choice: one})) != each.build(small(**{choice: other}))
        return
    with pytest.raises(SpecError, match=rf'got {choice}=.* with mechanism="{name}"') as caught:
        each.build(small(**{choice: one}))
    told = re.fullmatch(r'Use mechanism="([a-z-]+)"(?: and ([a-z]+)=(\d+))?, or drop ([a-z_]+)\.', caught.value.hint)
    assert told is not None
    assert told[4] == choice
    called, instead = told[2] or choice, find(told[1])
    assert told[3] in (None, str(one))
    assert instead.build(small(**{called: one})) != instead.build(small(**{called: other}))


@pytest.mark.parametrize(
    ("name", "choices", "same"),
    [
        ("general", {"feeding": True}, "general-fed"),
        ("multi-head", {"kv_heads": 1}, "multi-query"),
        ("multi-head", {"scaled": False}, "unscaled"),
        ("multi-head", {"window": 32}, "windowed"),
        ("multi-head", {"position": "alibi"}, "alibi"),
        ("multi-head", {"position": "none"}, "no-positions"),
        ("multi-head", {"heads": 1}, "single-head"),
        ("local-m", {"width": 10}, "local-m"),
    ],
)
def test_a_choice_makes_of_one_mechanism_another(name: str, choices: dict[str, object], same: str) -> None:
    assert find(name).build(small(**choices)) == find(same).build(small())


def test_choices_reach_the_spec() -> None:
    read = find("general").build(small(cell="gru", bidirectional=False)).encoder
    assert (read.cell, read.bidirectional) == ("gru", False)
    assert find("local-p").build(small(width=3)).decoder.cross.local.width == 3
    assert find("windowed").build(small(window=5)).decoder.attention.window == 5
    assert find("windowed").build(small()).decoder.cross.window is None


def test_what_only_the_spec_knows_is_refused_too() -> None:
    with pytest.raises(SpecError, match=r"kv_heads must divide heads: heads=4, kv_heads=3.*Try one of"):
        find("grouped-query").build(small(kv_heads=3))
    with pytest.raises(SpecError, match=r"linear attention never makes the weights one by one.*got position=alibi"):
        find("linear").build(small(position="alibi"))
    with pytest.raises(SpecError, match="two directions share its width"):
        find("general").build(small(dim=15))


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(SpecError, match=r'no mechanism "genral".*Did you mean "general"'):
        find("genral")


def test_choices_are_the_fields_that_may_be_left_open() -> None:
    assert tuple(each.name for each in fields(Frame) if each.default is None) == CHOICES
