"""What a stack decides once for all its layers: the mask, the bias, the positions, as the kernel is given them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from specs import ENCODERS, HEADS, MODELS, build, tokens

from limelight import ops
from limelight.inputs import pad
from limelight.nn import Attention, Cache, Look, Network


class Witness:
    """Keeps what one attention was given."""

    def __init__(self, attention: Attention) -> None:
        self.looks: list[Look] = []
        attention.eye = self

    def saw(self, look: Look) -> None:
        self.looks.append(look)

    @property
    def how(self) -> dict[str, Any]:
        return self.looks[-1].how


def watched(name: str, attention: str) -> tuple[Network, Witness]:
    model = build({**MODELS, **ENCODERS}[name])
    return model, Witness(model.attentions()[attention])


@torch.no_grad()
def test_causal_alone_needs_no_mask_in_memory() -> None:
    model, witness = watched("decoder_plain", "decoder.1.self")
    model.decode(tokens(2, 5))
    assert witness.how["allow"] is None
    assert witness.how["causal"]


@torch.no_grad()
def test_the_newest_token_needs_no_mask_at_all() -> None:
    model, witness = watched("decoder_plain", "decoder.0.self")
    cache = model.new_cache()
    model.decode(tokens(1, 3), cache=cache)
    model.decode(tokens(1, 1), cache=cache)
    assert witness.how["allow"] is None
    assert not witness.how["causal"]
    assert witness.looks[-1].past == 3


@torch.no_grad()
def test_a_window_and_padding_become_one_mask() -> None:
    model, witness = watched("decoder_window", "decoder.0.self")
    batch = pad([[1, 2, 3, 4, 5], [6, 7]], side="left")
    model.decode(batch.values, keep=batch.keep)
    slots = torch.arange(5)
    wanted = (ops.causal & ops.window(3) & ops.padding(batch.keep)).dense(slots, slots)
    assert torch.equal(witness.how["allow"], wanted)
    assert not witness.how["causal"]


@pytest.mark.parametrize(
    ("name", "attention", "ahead"), [("encoder_buckets", "encoder.1.self", True), ("decoder_buckets", "decoder.1.self", False)]
)
@torch.no_grad()
def test_only_an_encoder_has_buckets_for_what_is_ahead(name: str, attention: str, ahead: bool) -> None:
    model, witness = watched(name, attention)
    given = tokens(1, 6)
    stack = model.encoder or model.decoder
    model.encode(pad(given.tolist())) if ahead else model.decode(given)
    distance = torch.arange(6)[None] - torch.arange(6)[:, None]
    wanted = stack.distance.weight[ops.bucket(distance, count=8, furthest=12, both_ways=ahead)]
    assert torch.equal(witness.how["bias"][0], wanted.permute(2, 0, 1))
    assert witness.how["scale"] == 1.0


@pytest.mark.parametrize("name", ["decoder_alibi", "decoder_buckets"])
@torch.no_grad()
def test_a_cached_step_has_the_last_row_of_the_bias(name: str) -> None:
    model, witness = watched(name, "decoder.0.self")
    given, cache = tokens(1, 6), Cache(2)
    model.decode(given)
    whole = witness.how["bias"]
    model.decode(given[:, :4], cache=cache)
    model.decode(given[:, 4:5], cache=cache)
    model.decode(given[:, 5:], cache=cache)
    assert whole.shape == (1, HEADS, 6, 6)
    assert torch.equal(witness.how["bias"], whole[:, :, 5:])


@torch.no_grad()
def test_padding_does_not_change_distances() -> None:
    model, witness = watched("decoder_alibi", "decoder.0.self")
    batch = pad([[1, 2, 3, 4], [5, 6]], side="left")
    model.decode(batch.values, keep=batch.keep)
    slots = torch.arange(4)
    assert torch.equal(witness.how["bias"], ops.alibi(HEADS, slots, slots))
