"""DALL-E mini and mega (Dayma et al. 2021): BART's body with NormFormer's norms (Shleifer et al. 2021) and gated feed-forwards (Shazeer
2020), which reads a text and writes the codes of a picture; and VQGAN's decoder, which draws them. Names are min-dalle's (Kuprel 2022),
encoder and decoder each under its own; config.json is that of the first publication, whose kind is "dallebart".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import WeightError
from ..inputs.published import Habit
from ..manifest import Drawing
from ..spec import Attention, Codec, FeedForward, Learned, Model, Quantised, Stack, Tokens, Words
from ..values import parse, plain
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import CodecNames, Family, column

# How both were published: VQGAN's decoder for 256 x 256 pixels.
CODEC = Quantised(count=1 << 14, rows=256, columns=256, looks=(4,), eps=1e-5, signed=False, reads=False)
OURS = "limelight_codec"                 # where config.json says that the codec is another
HABIT = Habit(one="<s> $A </s>", two="<s> $A </s> </s> $B </s>", spaced=True)
GUIDANCE, MOST_LIKELY = 16.0, 256        # as min-dalle draws: the weight of the text, codes that are drawn from


def spec(c: Config) -> Model:
    """See Family."""
    c.only(ln_type="layernorm", ln_positions="normformer", use_glu=True, use_bias=False, use_alibi=False, use_cosine_attention=False)
    c.only(use_final_ln_encoder=True, use_final_ln_decoder=True, use_head_scale=False, scale_embedding=False, tie_word_embeddings=False)
    c.only(use_absolute_position_embeddings=True, use_swin_position_embeddings=False, use_deepnet_scaling=False)
    act = c.activation("activation_function", "gelu")

    def side(name: str, vocab: int, positions: int) -> Stack:
        return Stack(
            depth=c.layers(f"{name}_layers", 12),
            attention=Attention(heads=c.count(f"{name}_attention_heads", 16), bias="", dropout=c.number("attention_dropout", 0.0)),
            ff=FeedForward(
                hidden=c.count(f"{name}_ffn_dim", 2730), activation=act, gated=True, normed=True, bias=False,
                dropout=c.number("activation_dropout", 0.0),
            ),
            input=Tokens(vocab=vocab),
            position=Learned(length=positions),
            norm_input=True,
            norm_attention=True,
            dropout=c.number("dropout", 0.0),
        )  # fmt: skip

    encoder = side("encoder", c.count("encoder_vocab_size", 50_264), c.count("max_text_length", 64))
    decoder = side("decoder", c.count("image_vocab_size", 16_384) + 1, c.count("image_length", 256))
    decoder = replace(decoder, causal=True, cross=decoder.attention)
    head = (Words(tied=False),)
    return Model(family="dallebart", dim=c.count("d_model", 1024), encoder=encoder, decoder=decoder, heads=head, shared=False)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    (s, said), (t, drawn) = column(m.encoder, Learned), column(m.decoder, Learned)
    sides = {"encoder": s, "decoder": t}
    return {
        **{f"{name}_layers": each.depth for name, each in sides.items()},
        **{f"{name}_attention_heads": each.attention.heads for name, each in sides.items()},
        **{f"{name}_ffn_dim": each.ff.hidden for name, each in sides.items()},
        "d_model": m.dim,
        "encoder_vocab_size": s.tokens.vocab,
        "image_vocab_size": t.tokens.vocab - 1,
        "max_text_length": said.length,
        "image_length": drawn.length,
        "activation_function": PUBLISHED[s.ff.activation],
        "activation_dropout": s.ff.dropout,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
        "ln_type": "layernorm",
        "ln_positions": "normformer",
        "use_glu": True,
        "use_bias": False,
        "tie_word_embeddings": False,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    del m
    return [*(each for side in ("encoder", "decoder") for each in _side(side)), row("decoder.lm_head.weight", "heads.lm.out.weight")]


def _side(side: str) -> list[Row]:
    """What a norm multiplies by is not stored where a map follows, which can do it as well: it is 1."""
    theirs, ours = f"{side}.layers.{{i}}", f"{side}.blocks.{{i}}"
    looks = {"self_attn": "attn"} | ({"encoder_attn": "cross"} if side == "decoder" else {})
    maps = {f"{a}.{part}_proj": f"{b}.{part}" for a, b in looks.items() for part in "qkv"}
    maps |= {f"{a}.out_proj": f"{b}.o" for a, b in looks.items()}
    before = {f"pre_{a}_layer_norm": f"{b}_add.norm" for a, b in looks.items()} | {"glu.ln0": "ff_add.norm", "glu.ln1": "ff.norm"}
    after = {f"{a}_layer_norm": f"{b}_add.again" for a, b in looks.items()}
    return [
        row(f"{side}.embed_tokens.weight", f"{side}.embed.token.weight"),
        row(f"{side}.embed_positions.weight", f"{side}.embed.position.weight"),
        row(f"{side}.layernorm_embedding.*", f"{side}.embed.norm.*"),
        *rows(theirs, ours, {**maps, **after, "glu.fc0": "ff.gate", "glu.fc1": "ff.up", "glu.fc2": "ff.down"}),
        *(each for a, b in before.items() for each in _normed(f"{theirs}.{a}", f"{ours}.{b}")),
        *_normed(f"{side}.final_ln", f"{side}.norm"),
    ]


def _normed(theirs: str, ours: str) -> list[Row]:
    return [row(f"{theirs}.weight", f"{ours}.weight", one=True), row(f"{theirs}.bias", f"{ours}.bias")]


def drawing(c: Config, m: Model) -> Drawing:
    """See Family. Raises WeightError for a codec that the model does not write the codes of."""
    codec, told = CODEC, c.anything(OURS)
    if told is not None:
        codec = parse(Quantised, told, where=f"{c.where}: {OURS}", error=WeightError)
    start = c.whole("decoder_start_token_id", c.count("image_vocab_size", 16_384))
    made = Drawing(codec=codec, start=start, guidance=GUIDANCE, top_k=min(MOST_LIKELY, codec.count))
    if told := made.misfit(m):
        raise WeightError(f"{c.where}: {told}", "They are of different models.")
    return made


def codec_config(codec: Codec) -> dict[str, Any]:
    """What config.json says of a codec; nothing of the published one."""
    return {} if codec == CODEC else {OURS: plain(codec)}


def codec_names(codec: Codec) -> Sequence[Row]:
    """The tensors of the codec: levels are counted from the picture there, from the codes here. Raises WeightError for another kind."""
    if not isinstance(codec, Quantised) or codec.reads:
        raise WeightError("this family's codec is a table of vectors and a decoder alone.", "Save the model as a limelight folder.")
    last = len(codec.stages) - 1
    stages = [(f"decoder.up.{last - i}", f"decoder.stages.{i}") for i in range(last + 1)]
    looks = [("decoder.mid.attn_1", "decoder.middle.1")]
    looks += [(f"{a}.attn.{{i}}", f"{b}.looks.{{i}}") for a, b in stages]
    blocks = [("decoder.mid.block_1", "decoder.middle.0"), ("decoder.mid.block_2", "decoder.middle.2")]
    blocks += [(f"{a}.block.{{i}}", f"{b}.blocks.{{i}}") for a, b in stages]
    inside = {"norm1": "first_norm", "conv1": "first", "norm2": "second_norm", "conv2": "second", "nin_shortcut": "skip"}
    return [
        row("embedding.weight", "table.weight"),
        row("post_quant_conv.*", "after.*"),
        row("decoder.conv_in.*", "decoder.first.*"),
        *(each for a, b in blocks for each in rows(a, b, inside)),
        *(each for a, b in looks for each in rows(a, b, {"norm": "norm", "q": "q", "k": "k", "v": "v", "proj_out": "o"})),
        *(row(f"{a}.upsample.conv.*", f"{b}.resize.map.*") for a, b in stages),
        row("decoder.norm_out.*", "decoder.norm.*"),
        row("decoder.conv_out.*", "decoder.last.*"),
    ]


FAMILY = Family(spec, config, names, habit=HABIT, drawing=drawing, codec=CodecNames("detoker", codec_names, codec_config))
