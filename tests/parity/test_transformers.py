"""Tiny random models of five families, written by transformers and read from their *files*: the core carries them all.

Each family is a spec and a table of names, as a file in families/ will be. Names in memory are not names on disk, so the
weights go through `save_pretrained`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from limelight.inputs import Batch
from limelight.nn import Transformer
from limelight.spec import (
    Attention,
    Buckets,
    Dot,
    FeedForward,
    Words,
    Learned,
    Model,
    Norm,
    Rotary,
    Sinusoid,
    Stack,
    Tokens,
)

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

VOCAB, DIM, HEADS, HIDDEN, LENGTH = 41, 16, 4, 24, 80
Table = dict[str, str | tuple[str, ...]]    # a pattern of their names -> our name, or the names that its parts go to


@dataclass(frozen=True)
class Family:
    """`make` gives their model; `spec` and `table` say how ours reads its file."""

    make: Callable[[], Any]
    spec: Model
    table: Table
    transposed: bool = False                # GPT-2 stores its matrices the other way round


def both(encoder: Stack, cross: Attention | None = None, **head: Any) -> Model:
    decoder = Stack(**{**vars(encoder), "causal": True, "cross": cross or encoder.attention})
    return Model(family="tiny", dim=DIM, encoder=encoder, decoder=decoder, heads=(Words(**head),))


def stack(**changes: Any) -> Stack:
    usual = {"depth": 2, "attention": Attention(heads=HEADS), "ff": FeedForward(hidden=HIDDEN, activation="relu")}
    return Stack(**{**usual, "input": Tokens(vocab=VOCAB), **changes})


# --- the families ---------------------------------------------------------------------------------------------------
SIDES = {f"{side}_layers": 2 for side in ("encoder", "decoder")}
SIDES |= {f"{side}_attention_heads": HEADS for side in ("encoder", "decoder")}
SIDES |= {f"{side}_ffn_dim": HIDDEN for side in ("encoder", "decoder")}
FAIRSEQ: Table = {
    r"model\.shared\.weight": "encoder.embed.token.weight",
    r"model\.(\w+)\.layers\.(\d)\.(self|encoder)_attn\.([qkv])_proj\.(\w+)": r"\1.blocks.\2.\3.\4.\5",
    r"model\.(\w+)\.layers\.(\d)\.(self|encoder)_attn\.out_proj\.(\w+)": r"\1.blocks.\2.\3.o.\4",
    r"model\.(\w+)\.layers\.(\d)\.(self|encoder)_attn_layer_norm\.(\w+)": r"\1.blocks.\2.\3_add.norm.\4",
    r"model\.(\w+)\.layers\.(\d)\.fc1\.(\w+)": r"\1.blocks.\2.ff.up.\3",
    r"model\.(\w+)\.layers\.(\d)\.fc2\.(\w+)": r"\1.blocks.\2.ff.down.\3",
    r"model\.(\w+)\.layers\.(\d)\.final_layer_norm\.(\w+)": r"\1.blocks.\2.ff_add.norm.\3",
    r"model\.(\w+)\.layer_norm\.(\w+)": r"\1.norm.\2",
    r"final_logits_bias": "heads.lm.bias",
}
T5: Table = {
    r"shared\.weight": "encoder.embed.token.weight",
    r"(\w+)\.final_layer_norm\.weight": r"\1.norm.weight",
    r"(\w+)\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias\.weight": r"\1.distance.weight",
    r"(\w+)\.block\.(\d)\.layer\.0\.SelfAttention\.(\w)\.weight": r"\1.blocks.\2.attn.\3.weight",
    r"(\w+)\.block\.(\d)\.layer\.1\.EncDecAttention\.(\w)\.weight": r"\1.blocks.\2.cross.\3.weight",
    r"(\w+)\.block\.(\d)\.layer\.0\.layer_norm\.weight": r"\1.blocks.\2.attn_add.norm.weight",
    r"decoder\.block\.(\d)\.layer\.1\.layer_norm\.weight": r"decoder.blocks.\1.cross_add.norm.weight",
    r"(?:encoder\.block\.(\d)\.layer\.1)\.layer_norm\.weight": r"encoder.blocks.\1.ff_add.norm.weight",
    r"(?:decoder\.block\.(\d)\.layer\.2)\.layer_norm\.weight": r"decoder.blocks.\1.ff_add.norm.weight",
    r"(\w+)\.block\.(\d)\.layer\.\d\.DenseReluDense\.wi(?:_1)?\.weight": r"\1.blocks.\2.ff.up.weight",
    r"(\w+)\.block\.(\d)\.layer\.\d\.DenseReluDense\.wi_0\.weight": r"\1.blocks.\2.ff.gate.weight",
    r"(\w+)\.block\.(\d)\.layer\.\d\.DenseReluDense\.wo\.weight": r"\1.blocks.\2.ff.down.weight",
}
GPT2: Table = {
    r"transformer\.wte\.weight": "decoder.embed.token.weight",
    r"transformer\.wpe\.weight": "decoder.embed.position.weight",
    r"transformer\.h\.(\d)\.attn\.c_attn\.(\w+)": tuple(rf"decoder.blocks.\1.attn.{part}.\2" for part in "qkv"),
    r"transformer\.h\.(\d)\.attn\.c_proj\.(\w+)": r"decoder.blocks.\1.attn.o.\2",
    r"transformer\.h\.(\d)\.mlp\.c_fc\.(\w+)": r"decoder.blocks.\1.ff.up.\2",
    r"transformer\.h\.(\d)\.mlp\.c_proj\.(\w+)": r"decoder.blocks.\1.ff.down.\2",
    r"transformer\.h\.(\d)\.ln_1\.(\w+)": r"decoder.blocks.\1.attn_add.norm.\2",
    r"transformer\.h\.(\d)\.ln_2\.(\w+)": r"decoder.blocks.\1.ff_add.norm.\2",
    r"transformer\.ln_f\.(\w+)": r"decoder.norm.\1",
}
LLAMA: Table = {
    r"model\.embed_tokens\.weight": "decoder.embed.token.weight",
    r"model\.layers\.(\d)\.self_attn\.(\w)_proj\.weight": r"decoder.blocks.\1.attn.\2.weight",
    r"model\.layers\.(\d)\.mlp\.(\w+)_proj\.weight": r"decoder.blocks.\1.ff.\2.weight",
    r"model\.layers\.(\d)\.input_layernorm\.weight": r"decoder.blocks.\1.attn_add.norm.weight",
    r"model\.layers\.(\d)\.post_attention_layernorm\.weight": r"decoder.blocks.\1.ff_add.norm.weight",
    r"model\.norm\.weight": "decoder.norm.weight",
    r"lm_head\.weight": "heads.lm.out.weight",
}
SPECIAL = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
T5_SIZES = {"d_kv": 5, "d_ff": HIDDEN, "num_layers": 2, "num_heads": HEADS}
T5_SIZES |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20}


def t5_stack(ff: FeedForward) -> Stack:
    attention = Attention(heads=HEADS, head_dim=5, bias="", score=Dot())
    return stack(attention=attention, ff=ff, norm=Norm(kind="rms", eps=1e-6), position=Buckets(count=8, furthest=20))


FAMILIES = {
    "m2m100": Family(
        lambda: hf.M2M100ForConditionalGeneration(
            hf.M2M100Config(vocab_size=VOCAB, d_model=DIM, **SIDES, max_position_embeddings=LENGTH, **SPECIAL)
        ),
        both(stack(position=Sinusoid(length=LENGTH, offset=2, halves=True, shifted=True), input=Tokens(vocab=VOCAB, scaled=True))),
        FAIRSEQ,
    ),
    "marian": Family(
        lambda: hf.MarianMTModel(
            hf.MarianConfig(
                vocab_size=VOCAB,
                d_model=DIM,
                **SIDES,
                max_position_embeddings=LENGTH,
                activation_function="swish",
                scale_embedding=True,
                pad_token_id=1,
                eos_token_id=2,
                decoder_start_token_id=1,
                forced_eos_token_id=2,
            )
        ),
        both(
            stack(
                position=Sinusoid(length=LENGTH, halves=True),
                input=Tokens(vocab=VOCAB, scaled=True),
                ff=FeedForward(hidden=HIDDEN, activation="silu"),
                norm_at="post",
                norm_output=False,
            ),
            bias=True,
        ),
        FAIRSEQ,
    ),
    "t5": Family(
        lambda: hf.T5ForConditionalGeneration(hf.T5Config(vocab_size=VOCAB, d_model=DIM, **T5_SIZES)),
        both(t5_stack(FeedForward(hidden=HIDDEN, activation="relu", bias=False)), scale=DIM**-0.5),
        T5,
    ),
    "t5_gated": Family(         # a config that asks for an untied head is written with a tied one, and its scale is dropped
        lambda: hf.T5ForConditionalGeneration(
            hf.T5Config(vocab_size=VOCAB, d_model=DIM, **T5_SIZES, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
        ),
        both(t5_stack(FeedForward(hidden=HIDDEN, activation="gelu_tanh", gated=True, bias=False))),
        T5,
    ),
    "gpt2": Family(
        lambda: hf.GPT2LMHeadModel(
            hf.GPT2Config(
                vocab_size=VOCAB, n_embd=DIM, n_layer=2, n_head=HEADS, n_inner=HIDDEN, n_positions=LENGTH, bos_token_id=0, eos_token_id=2
            )
        ),
        Model(
            family="tiny",
            dim=DIM,
            decoder=stack(position=Learned(length=LENGTH), ff=FeedForward(hidden=HIDDEN, activation="gelu_tanh"), causal=True),
            heads=(Words(),),
        ),
        GPT2,
        transposed=True,
    ),
    "llama": Family(
        lambda: hf.LlamaForCausalLM(
            hf.LlamaConfig(
                vocab_size=VOCAB,
                hidden_size=DIM,
                intermediate_size=HIDDEN,
                num_hidden_layers=2,
                num_attention_heads=HEADS,
                num_key_value_heads=2,
                max_position_embeddings=LENGTH,
                tie_word_embeddings=False,
            )
        ),
        Model(
            family="tiny",
            dim=DIM,
            decoder=stack(
                attention=Attention(heads=HEADS, kv_heads=2, bias=""),
                ff=FeedForward(hidden=HIDDEN, activation="silu", gated=True, bias=False),
                norm=Norm(kind="rms", eps=1e-6),
                position=Rotary(),
                causal=True,
            ),
            heads=(Words(tied=False),),
        ),
        LLAMA,
    ),
}


# --- reading --------------------------------------------------------------------------------------------------------
def shaken(model: Any) -> Any:
    """Biases and norms must not hide at 0 and 1; fixed waves stay what they are."""
    for name, weight in model.named_parameters():
        if "embed_positions" not in name:
            weight.add_(torch.randn_like(weight) * 0.1)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.normal_()
    return model.eval()


def renamed(file: dict[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Their tensors under our names; each of theirs must be told of by exactly one row."""
    ours = {}
    for name, tensor in file.items():
        rows = [(pattern, target) for pattern, target in family.table.items() if re.fullmatch(pattern, name)]
        assert len(rows) == 1, name
        pattern, target = rows[0]
        turned = family.transposed and tensor.ndim == 2 and ".h." in name
        tensor = tensor.mT if turned else tensor.squeeze(0)
        targets = (target,) if isinstance(target, str) else target
        for part, each in zip(tensor.chunk(len(targets)), targets, strict=True):
            key = re.sub(pattern, each, name).replace(".self", ".attn").replace(".encoder", ".cross")
            ours[key] = part.contiguous()
    return ours


def opened(name: str, folder: Path) -> tuple[Any, Transformer]:
    """Their model, and ours made from the file that theirs wrote. Every tensor of both sides is accounted for."""
    family = FAMILIES[name]
    theirs = shaken(family.make())
    theirs.save_pretrained(folder)
    model = Transformer(family.spec)
    model.load_state_dict(renamed(load_file(folder / "model.safetensors"), family), strict=True)
    return theirs, model.eval()


def answers(theirs: Any, model: Transformer, n: int) -> tuple[Tensor, Tensor]:
    """Logits of both for the same tokens; for an encoder, one of two sources is padded on the right."""
    ids, source = torch.randint(3, VOCAB, (2, n)), torch.randint(3, VOCAB, (2, n + 2))
    if model.encoder is None:
        return model.logits(model.decode(ids)), theirs(ids).logits
    keep = torch.ones_like(source, dtype=torch.bool)
    keep[1, -n // 2 :] = False
    source[~keep] = 1
    wanted = theirs(input_ids=source, attention_mask=keep.long(), decoder_input_ids=ids).logits
    return model.logits(model.decode(ids, memory=model.encode(Batch(source, keep)))), wanted


@pytest.mark.parametrize("n", [7, 70])
@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_the_same_file_gives_the_same_logits(name: str, n: int, tmp_path: Path) -> None:
    ours, wanted = answers(*opened(name, tmp_path), n)
    assert wanted.std() > 0.1               # something to be wrong about
    assert (ours - wanted).abs().max() < 1e-5 * max(1.0, wanted.abs().max().item())


@pytest.mark.parametrize("name", ["gpt2", "llama"])
@torch.no_grad()
def test_left_padded_and_cached_as_theirs_alone(name: str, tmp_path: Path) -> None:
    theirs, model = opened(name, tmp_path)
    rows = [torch.randint(3, VOCAB, (1, n)) for n in (9, 4)]
    ids = torch.cat((rows[0], torch.cat((torch.zeros(1, 5, dtype=torch.long), rows[1]), 1)))
    keep = torch.ones_like(ids, dtype=torch.bool)
    keep[1, :5] = False
    cache = model.new_cache()
    for slots in (slice(0, 6), slice(6, 7), slice(7, 9)):
        logits = model.logits(model.decode(ids[:, slots], keep=keep[:, : slots.stop], cache=cache))
    for row in (0, 1):
        assert (logits[row, -1] - theirs(rows[row]).logits[0, -1]).abs().max() < 2e-5
