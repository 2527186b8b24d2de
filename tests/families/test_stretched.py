"""Rotary angles that depend on how long a text is: the same numbers as transformers below and beyond the trained length, and in steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from limelight.errors import SpecError, WeightError
from limelight.families import FAMILIES, Config
from limelight.inputs import Batch
from limelight.nn import Cache, Network
from limelight.spec import Dynamic, LongRope, Rotary, from_json, to_json
from published import LLAMA, Made, hf, opened

TRAINED = 8
LONG = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0, 1.3], "long_factor": [1.5, 6.0]}
LONG |= {"original_max_position_embeddings": TRAINED}
STRETCHES: dict[str, tuple[dict[str, Any], int]] = {
    "dynamic": ({"rope_type": "dynamic", "rope_theta": 100.0, "factor": 2.0}, TRAINED),
    "dynamic_much": ({"rope_type": "dynamic", "rope_theta": 100.0, "factor": 7.5}, TRAINED),
    "longrope": (LONG, 32),
    "longrope_factor": (LONG | {"factor": 9.0}, 32),
    "longrope_sharper": (LONG | {"attention_factor": 1.7}, 32),
    "longrope_no_larger": (LONG | {"factor": 1.0}, 32),
}
LENGTHS = [1, TRAINED - 1, TRAINED, TRAINED + 1, 3 * TRAINED]


def theirs(name: str) -> Any:
    """A fresh one: theirs remembers the longest text that it has read."""
    rope, length = STRETCHES[name]
    keys = LLAMA | {"max_position_embeddings": length, "rope_parameters": dict(rope)}
    return Made("llama", "Llama", "ForCausalLM", tuple(keys.items())).build()


def ours(name: str, folder: Path) -> Network:
    theirs(name).save_pretrained(folder)
    return opened(FAMILIES["llama"], json.loads((folder / "config.json").read_text()), load_file(folder / "model.safetensors"))


def ids(rows: int, length: int) -> Tensor:
    return torch.randint(3, 36, (rows, length), generator=torch.Generator().manual_seed(length))


def close(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and torch.allclose(found, wanted, atol=2e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", STRETCHES)
def test_the_same_numbers_at_every_length(name: str, tmp_path: Path) -> None:
    model = ours(name, tmp_path)
    for length in LENGTHS:
        given = ids(2, length)
        assert close(model.logits(model.decode(given)), theirs(name)(given).logits), length


@torch.no_grad()
@pytest.mark.parametrize("name", STRETCHES)
def test_beyond_its_trained_length_it_is_another_than_the_plain_one(name: str, tmp_path: Path) -> None:
    model = ours(name, tmp_path)
    rope = {"rope_type": "default", "rope_theta": STRETCHES[name][0]["rope_theta"]}
    plain = Made("llama", "Llama", "ForCausalLM", tuple((LLAMA | {"rope_parameters": rope}).items()))
    short, long = ids(1, TRAINED), ids(1, 2 * TRAINED)
    assert not torch.allclose(model.logits(model.decode(long)), plain.build()(long).logits, atol=1e-3)
    if name.startswith("dynamic"):
        assert close(model.logits(model.decode(short)), plain.build()(short).logits)


@torch.no_grad()
@pytest.mark.parametrize("name", STRETCHES)
def test_step_by_step_across_the_trained_length_as_theirs(name: str, tmp_path: Path) -> None:
    """Keys that were turned when the text was shorter stay so, here as there."""
    model, other = ours(name, tmp_path), theirs(name)
    given, cache, held = ids(2, 2 * TRAINED), Cache(3), hf.DynamicCache()
    for new in (given[:, : TRAINED - 2], *given[:, TRAINED - 2 :].split(1, 1)):
        found = model.logits(model.decode(new, cache=cache))
        assert close(found, other(new, past_key_values=held, use_cache=True).logits)


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", STRETCHES)
def test_a_row_is_turned_by_its_own_length_whoever_its_neighbour_is(name: str, side: str, tmp_path: Path) -> None:
    model = ours(name, tmp_path)
    rows, n = [TRAINED - 3, TRAINED + 1, 2 * TRAINED], 2 * TRAINED
    values, keep = ids(3, n), torch.zeros(3, n, dtype=torch.bool)
    for row, length in zip(keep, rows, strict=True):
        row[n - length :] = side == "left"
        row[:length] |= side == "right"
    found = model.logits(model.hidden(Batch(values, keep)))
    for row, length in enumerate(rows):
        alone = values[row : row + 1, keep[row]]
        assert close(found[row : row + 1, keep[row]], theirs(name)(alone).logits), length


@pytest.mark.parametrize("name", STRETCHES)
def test_there_and_back(name: str, tmp_path: Path) -> None:
    spec = ours(name, tmp_path).spec
    written = json.loads(json.dumps({"model_type": "llama", **FAMILIES["llama"].config(spec)}))
    assert FAMILIES["llama"].spec(Config(written)) == spec
    assert from_json(to_json(spec)) == spec
    again = hf.LlamaConfig(**written)
    there = STRETCHES[name][0].keys() - {"factor"}
    assert {key: again.rope_parameters[key] for key in there} == {key: STRETCHES[name][0][key] for key in there}


def test_the_trained_length_may_stand_beside_the_table() -> None:
    config = LLAMA | {"rope_scaling": LONG | {"original_max_position_embeddings": 30}, "original_max_position_embeddings": 20}
    position = FAMILIES["llama"].spec(Config(config)).decoder.position
    assert position.stretch.length == 20


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "few": (LONG | {"short_factor": [1.0], "long_factor": [1.0]}, "long_rope has 1 divisors; a head has 2 pairs"),
    "uneven": (LONG | {"short_factor": [1.0]}, "1 divisors in short, 2 in long"),
    "none": (LONG | {"short_factor": None}, '"short_factor" is missing'),
    "a word": (LONG | {"long_factor": "much"}, "long_factor should be a list of numbers"),
    "words": (LONG | {"long_factor": ["a", "b"]}, "long_factor should be a number"),
    "nought": (LONG | {"long_factor": [0.0, 1.0]}, "greater than 0"),
    "less": ({"rope_type": "dynamic", "factor": 0.5}, "greater than or equal to 1"),
    "other": ({"rope_type": "wide"}, "default, linear, dynamic, llama3, longrope or yarn"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_turned_is_refused(name: str) -> None:
    rope, said = WRONG[name]
    with pytest.raises((SpecError, WeightError), match=said):
        FAMILIES["llama"].spec(Config(LLAMA | {"rope_parameters": rope}))


def test_a_spec_that_cannot_be_turned_is_refused() -> None:
    with pytest.raises(SpecError, match="needs heads of at least 4 channels: got 2"):
        Rotary(stretch=Dynamic(factor=2.0, length=8)).check_width(2)
    with pytest.raises(SpecError, match="a head has 5, an odd number"):
        Rotary().check_width(5)
    Rotary(stretch=LongRope(short=(1.0,), long=(2.0,), length=4)).check_width(2)
