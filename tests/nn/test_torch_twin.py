"""The whole encoder-decoder against torch's own nn.Transformer layers, holding the same weights: a reference that is always there."""

from __future__ import annotations

import pytest
import torch
from specs import DIM, HEADS, build, encoder_decoder, stack, tokens
from torch import Tensor, nn

from limelight.inputs import pad
from limelight.nn import Attention, Network
from limelight.nn.block import Block
from limelight.spec import FeedForward


def twin(model: Network, norm_at: str, activation: str) -> tuple[nn.Module, nn.Module]:
    """torch's encoder and decoder with our weights."""
    how = {"dropout": 0.0, "activation": activation, "batch_first": True, "norm_first": norm_at == "pre"}
    ends = [nn.LayerNorm(DIM) if norm_at == "pre" else None for _ in range(2)]
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(DIM, HEADS, 24, **how), 2, ends[0], enable_nested_tensor=False)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(DIM, HEADS, 24, **how), 2, ends[1])
    for theirs, ours in ((encoder, model.encoder), (decoder, model.decoder)):
        for layer, block in zip(theirs.layers, ours.layers, strict=True):
            copy_block(layer, block)
        if theirs.norm is not None:
            theirs.norm.load_state_dict(ours.norm.state_dict())
    return encoder.eval(), decoder.eval()


def copy_block(layer: nn.Module, block: Block) -> None:
    copy_attention(layer.self_attn, block.attn)
    layer.linear1.load_state_dict(block.ff.up.state_dict())
    layer.linear2.load_state_dict(block.ff.down.state_dict())
    adds = [block.attn_add, block.ff_add]
    if block.cross is not None:
        copy_attention(layer.multihead_attn, block.cross)
        adds.insert(1, block.cross_add)
    for i, add in enumerate(adds, 1):
        getattr(layer, f"norm{i}").load_state_dict(add.norm.state_dict())


def copy_attention(theirs: nn.MultiheadAttention, ours: Attention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.load_state_dict(ours.o.state_dict())


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_at", ["pre", "post"])
@torch.no_grad()
def test_the_same_weights_give_the_same_hidden_states(norm_at: str, activation: str) -> None:
    made = stack(norm_at=norm_at, norm_output=norm_at == "pre", ff=FeedForward(hidden=24, activation=activation))
    model = build(encoder_decoder(made))
    encoder, decoder = twin(model, norm_at, activation)
    source, target = pad([tokens(1, n)[0].tolist() for n in (7, 4)]), tokens(2, 5)

    def embed(ids: Tensor) -> Tensor:
        return model.encoder.embed.table(ids) + model.encoder.embed.waves[: ids.shape[1]]

    gaps = ~source.keep
    theirs = encoder(embed(source.values), src_key_padding_mask=gaps)
    ours = model.encode(source)
    assert (ours.hidden - theirs)[source.keep].abs().max() < 2e-5
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    wanted = decoder(embed(target), theirs, tgt_mask=later, memory_key_padding_mask=gaps)
    assert (model.decode(target, memory=ours) - wanted).abs().max() < 2e-5
