"""The parts of a layer, each against arithmetic written out beside it."""

from __future__ import annotations

import math

import pytest
import torch
from specs import stack
from torch import Tensor, nn

from limelight import ops
from limelight.nn import Attention, Cache, Look, Sight
from limelight.nn.attention import Turn
from limelight.nn.block import FeedForward, Residual
from limelight.nn.embed import Embed
from limelight.nn.norms import norm
from limelight.nn.rotary import angles
from limelight.spec import Additive, Dot, General, Learned, Norm, Rotary, ScaledDot, Sinusoid, Tokens
from limelight.spec import Attention as AttentionSpec
from limelight.spec import FeedForward as FeedForwardSpec

DIM = 12


def shaken(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return module.eval()


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    out = x @ layer.weight.T
    return out if layer.bias is None else out + layer.bias


def turn(at: Tensor, rotary: Rotary, width: int) -> Turn:
    return Turn(*angles(rotary, at[None], width), rotary.pairs)


# --- norms ----------------------------------------------------------------------------------------------------------
def test_layer_norm() -> None:
    layer, x = shaken(norm(Norm(eps=0.1), DIM)), torch.randn(2, 3, DIM)
    centred = x - x.mean(-1, keepdim=True)
    wanted = centred / (centred.square().mean(-1, keepdim=True) + 0.1).sqrt() * layer.weight + layer.bias
    assert torch.allclose(layer(x), wanted, atol=1e-5)


def test_rms_norm() -> None:
    layer, x = shaken(norm(Norm(kind="rms", eps=0.1), DIM)), torch.randn(2, 3, DIM)
    assert torch.allclose(layer(x), x / (x.square().mean(-1, keepdim=True) + 0.1).sqrt() * layer.weight, atol=1e-5)


# --- feed-forward ---------------------------------------------------------------------------------------------------
BENDS = {
    "relu": lambda x: max(x, 0.0),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + math.exp(-x)),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("activation", BENDS)
@torch.no_grad()
def test_feed_forward(activation: str, gated: bool, bias: bool) -> None:
    ff = shaken(FeedForward(FeedForwardSpec(hidden=7, activation=activation, gated=gated, bias=bias), DIM, Norm()))
    x = torch.randn(2, 3, DIM)
    bent = linear(ff.gate if gated else ff.up, x)
    bent = torch.tensor([BENDS[activation](number) for number in bent.double().flatten().tolist()]).view_as(bent).float()
    wanted = linear(ff.down, bent * linear(ff.up, x) if gated else bent)
    assert torch.allclose(ff(x), wanted, atol=1e-5)
    assert (ff.up.bias is not None) is bias


# --- the sum --------------------------------------------------------------------------------------------------------
@torch.no_grad()
def test_pre_and_post_norm() -> None:
    x, doubled = torch.randn(2, 3, DIM), lambda h: 2 * h + 1
    pre, post = (shaken(Residual(stack(norm_at=at), DIM)) for at in ("pre", "post"))
    assert torch.allclose(pre(x, doubled), x + 2 * pre.norm(x) + 1, atol=1e-6)
    assert torch.allclose(post(x, doubled), post.norm(x + 2 * x + 1), atol=1e-6)


# --- attention ------------------------------------------------------------------------------------------------------
SCORES = {"dot": Dot(), "scaled": ScaledDot(), "own_scale": ScaledDot(scale=0.2), "general": General(), "additive": Additive()}


def by_hand(attn: Attention, x: Tensor, source: Tensor) -> Tensor:
    """One head, one query at a time."""
    s = attn.spec
    d, share = s.width(DIM), s.heads // s.groups
    heads = []
    for head in range(s.heads):
        group = head // share
        q = linear(attn.q, x)[..., head * d : head * d + d]
        k = linear(attn.k, source)[..., group * d : group * d + d]
        v = linear(attn.v, source)[..., group * d : group * d + d]
        match s.score:
            case Dot():
                scores = q @ k.mT
            case ScaledDot(scale=scale):
                scores = q @ k.mT * (1 / math.sqrt(d) if scale is None else scale)
            case General():
                scores = q @ attn.score[head] @ k.mT
            case _:
                scores = torch.tanh(q[:, :, None] + k[:, None]) @ attn.score[head]
        heads.append(scores.softmax(-1) @ v)
    return linear(attn.o, torch.cat(heads, -1))


@pytest.mark.parametrize("kv_heads", [None, 2, 1])
@pytest.mark.parametrize("score", SCORES)
@torch.no_grad()
def test_attention_is_its_heads_side_by_side(score: str, kv_heads: int | None) -> None:
    spec = AttentionSpec(heads=4, kv_heads=kv_heads, head_dim=5, bias="qv", score=SCORES[score])
    attn, x, far = shaken(Attention(spec, DIM)), torch.randn(2, 3, DIM), torch.randn(2, 6, DIM)
    sight = Sight()
    assert torch.allclose(attn(x, None, sight, None, 0), by_hand(attn, x, x), atol=1e-5)
    assert torch.allclose(attn(x, far, sight, None, 0), by_hand(attn, x, far), atol=1e-5)
    assert [name for name in "qkvo" if getattr(attn, name).bias is not None] == ["q", "v"]


class Witness:
    def __init__(self) -> None:
        self.looks: list[Look] = []

    def saw(self, look: Look) -> None:
        self.looks.append(look)


@torch.no_grad()
def test_an_eye_sees_what_the_kernel_was_given_and_changes_nothing() -> None:
    attn = shaken(Attention(AttentionSpec(heads=4, kv_heads=2, head_dim=6), DIM))
    x, cache = torch.randn(2, 5, DIM), Cache(1)
    sights = [Sight(None, True, None, turn(torch.arange(*span), Rotary(), 6)) for span in ((0, 3), (3, 5))]
    blind = attn(x[:, :3], None, sights[0], None, 0)
    attn.eye = Witness()
    assert torch.equal(attn(x[:, :3], None, sights[0], cache, 0), blind)
    cache.advance(3)
    cache.reorder(torch.arange(2))
    out = attn(x[:, 3:], None, sights[1], cache, 0)
    first, second = attn.eye.looks
    assert (first.past, second.past, second.crossing) == (0, 3, False)
    assert (first.reorders, second.reorders) == (0, 1)
    assert second.k.shape == (2, 2, 2, 6)           # only what is new
    k, v = torch.cat((first.k, second.k), 2), torch.cat((first.v, second.v), 2)
    rebuilt = ops.attend(second.q, k, v, **second.how)
    assert torch.equal(attn.o(rebuilt.transpose(1, 2).flatten(2)), out)


@pytest.mark.parametrize("rotary", [Rotary(), Rotary(base=50.0, pairs=True)])
@torch.no_grad()
def test_rotary_turns_queries_and_keys_and_nothing_else(rotary: Rotary) -> None:
    attn, x = shaken(Attention(AttentionSpec(heads=2, kv_heads=1, head_dim=6), DIM)), torch.randn(2, 5, DIM)
    attn.eye = Witness()
    near = attn(x, None, Sight(turn=turn(torch.arange(5), rotary, 6)), None, 0)
    far = attn(x, None, Sight(turn=turn(torch.arange(100, 105), rotary, 6)), None, 0)
    assert torch.allclose(near, far, atol=1e-4)                     # only distance counts
    assert not torch.allclose(near, attn(x, None, Sight(), None, 0), atol=1e-2)
    look = attn.eye.looks[0]
    for seen, layer in ((look.q, attn.q), (look.k, attn.k)):
        flat = linear(layer, x).unflatten(-1, (-1, 6)).transpose(1, 2)
        turned = ops.turns(torch.arange(5)[None], ops.rotary_rates(6, base=rotary.base))
        assert torch.allclose(seen, ops.rotate(flat, *turned, pairs=rotary.pairs), atol=1e-5)
    assert torch.allclose(look.v, linear(attn.v, x)[:, None], atol=1e-5)


# --- embeddings -----------------------------------------------------------------------------------------------------
@torch.no_grad()
def test_embeddings_add_positions_after_scaling() -> None:
    ids, at = torch.tensor([[3, 1], [2, 2]]), torch.tensor([[0, 1], [4, 5]])
    learned = shaken(Embed(stack(position=Learned(length=9, offset=2), input=Tokens(vocab=5)), DIM))
    assert torch.equal(learned(ids, at, 9), learned.token.weight[ids] + learned.position.weight[at + 2])
    fixed = shaken(Embed(stack(position=Sinusoid(length=9, offset=3), input=Tokens(vocab=5, scaled=True), norm_input=True), DIM))
    waves = ops.sinusoid(12, DIM)[3:]
    assert torch.allclose(fixed(ids, at, 9), fixed.norm(fixed.token.weight[ids] * math.sqrt(DIM) + waves[at]), atol=1e-6)
    assert "waves" not in fixed.state_dict()        # computed, so never stored
