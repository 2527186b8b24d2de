"""Llama (Touvron et al. 2023) and its kin: SmolLM2 is one; Mistral, Qwen2 and Qwen3 differ in biases, norms and windows."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..spec import (
    Attention,
    ByWavelength,
    Dynamic,
    FeedForward,
    Interpolated,
    LongRope,
    Model,
    Norm,
    Rotary,
    Stack,
    Stretch,
    Tokens,
    Yarn,
)
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .habits import BEGUN, DIGITS
from .heads import after, architecture, causal_heads, labelled

VOCAB = {"llama": 32_000, "mistral": 32_000, "qwen2": 151_936, "qwen3": 151_936}      # where config.json does not say
LENGTH = {"llama": 2048, "mistral": 131_072, "qwen2": 32_768, "qwen3": 32_768}
OLD = {"llama", "qwen2", "qwen3"}                                # whose files for question answering have "transformer." in front
STEMS = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}


def spec(c: Config, *, kind: str) -> Model:
    """See Family."""
    c.only(pretraining_tp=1)
    heads, depth = c.count("num_attention_heads", 32), c.layers("num_hidden_layers", 32)
    norm = Norm(kind="rms", eps=c.number("rms_norm_eps", 1e-6))
    length, windows = c.count("max_position_embeddings", LENGTH[kind]), _windows(c, depth, kind)
    dim = c.count("hidden_size", 4096)
    width = c.count("head_dim", 128 if kind == "qwen3" else max(1, dim // heads))
    plain = not windows or len(set(windows)) == 1
    decoder = Stack(
        depth=depth,
        attention=Attention(
            heads=heads,
            kv_heads=c.count("num_key_value_heads", {"llama": heads, "mistral": 8}.get(kind, 32)),
            head_dim=None if width * heads == dim else width,
            bias="qkv" if kind == "qwen2" else "qkvo" if kind != "mistral" and c.flag("attention_bias", False) else "",
            norm=norm if kind == "qwen3" else None,
            window=windows[0] if windows and plain else None,
            dropout=c.number("attention_dropout", 0.0),
        ),
        ff=FeedForward(
            hidden=c.count("intermediate_size", {"llama": 11_008, "mistral": 14_336}.get(kind, 22_016)),
            activation=c.activation("hidden_act", "silu"),
            gated=True,
            bias=c.flag("mlp_bias", False) if kind == "llama" else False,
        ),
        norm=norm,
        input=Tokens(vocab=c.count("vocab_size", VOCAB[kind])),
        position=_rotary(c, length),
        windows=() if plain else windows,
        causal=True,
    )
    return Model(family=kind, dim=dim, decoder=decoder, heads=causal_heads(c, tied=False))


def _windows(c: Config, depth: int, kind: str) -> tuple[int | None, ...]:
    """The window of each layer; () for a model without any."""
    if kind == "mistral":                                           # null means no window, a missing key the usual one
        return (c.count("sliding_window", 4096),) * depth if not c.null("sliding_window") else ()
    if kind == "llama" or not c.flag("use_sliding_window", False) or c.null("sliding_window"):
        return ()
    first = c.whole("max_window_layers", 28)
    kinds = c.texts("layer_types") or ["sliding_attention" if i >= first else "full_attention" for i in range(depth)]
    return tuple(c.count("sliding_window", 4096) if each == "sliding_attention" else None for each in kinds)


def _rotary(c: Config, length: int) -> Rotary:
    """The angles, as newer files (`rope_parameters`) or older ones (`rope_theta`, `rope_scaling`) tell them."""
    told = c.part("rope_parameters") or c.part("rope_scaling")
    base = (told if told is not None and told.has("rope_theta") else c).number("rope_theta", 10_000.0)
    if told is None:
        return Rotary(base=base, length=length)
    told.only(partial_rotary_factor=1.0)
    first = c.count("original_max_position_embeddings", told.count("original_max_position_embeddings", length))
    stretch = _stretch(told, length, first)
    return Rotary(base=base, length=None if isinstance(stretch, Dynamic) else length, stretch=stretch)     # dynamic: there is no longest


def _stretch(told: Config, length: int, first: int) -> Stretch | None:
    """`length`: of texts now; `first`: before they were made longer."""
    match told.word("rope_type", told.word("type", "default")):
        case "default":
            return None
        case "linear":
            return Interpolated(factor=told.number("factor"))
        case "llama3":
            return ByWavelength(
                factor=told.number("factor"),
                low=told.number("low_freq_factor"),
                high=told.number("high_freq_factor"),
                length=first,
            )
        case "yarn":
            told.only(mscale=None, mscale_all_dim=None)
            return Yarn(
                factor=told.number("factor"),
                length=first,
                fast=told.number("beta_fast", 32.0),
                slow=told.number("beta_slow", 1.0),
                magnitude=told.number("attention_factor") if told.has("attention_factor") else None,
                whole=told.flag("truncate", True),
            )
        case "dynamic":
            return Dynamic(factor=told.number("factor"), length=length)
        case "longrope":
            factor = told.number("factor", length / first)
            usual = math.sqrt(1 + math.log(factor) / math.log(first)) if factor > 1 < first else 1.0
            short, long = tuple(told.numbers("short_factor")), tuple(told.numbers("long_factor"))
            return LongRope(short=short, long=long, length=first, magnitude=told.number("attention_factor", usual))
        case other:
            raise told.wrong("rope_type", other, "default, linear, dynamic, llama3, longrope or yarn")


def config(m: Model, *, kind: str) -> dict[str, Any]:
    """See Family."""
    s, rotary = column(m.decoder, Rotary)
    a = s.attention
    length = rotary.stretch.length if isinstance(rotary.stretch, Dynamic) else rotary.length or LENGTH[kind]
    windows = s.windows or (a.window,) * s.depth
    some = next((window for window in windows if window), None)
    layers = ["sliding_attention" if window else "full_attention" for window in windows]
    sliding = {"use_sliding_window": some is not None, "layer_types": layers} if kind.startswith("qwen") else {}
    return {
        **architecture(STEMS[kind], m.heads, words="ForCausalLM"),
        **labelled(m.heads),
        "hidden_size": m.dim,
        "num_hidden_layers": s.depth,
        "num_attention_heads": a.heads,
        "num_key_value_heads": a.groups,
        "head_dim": a.width(m.dim),
        "attention_bias": a.bias == "qkvo",
        "mlp_bias": s.ff.bias,
        "intermediate_size": s.ff.hidden,
        "hidden_act": PUBLISHED[s.ff.activation],
        "rms_norm_eps": s.norm.eps,
        "vocab_size": s.tokens.vocab,
        "max_position_embeddings": length,
        "rope_parameters": {"rope_theta": rotary.base, **_told(rotary.stretch, length)},
        "attention_dropout": a.dropout,
        "sliding_window": some,
        **sliding,
    }


def _told(stretch: Stretch | None, now: int) -> dict[str, Any]:
    match stretch:
        case Interpolated(factor=factor):
            return {"rope_type": "linear", "factor": factor}
        case ByWavelength(factor=factor, low=low, high=high, length=length):
            turns = {"low_freq_factor": low, "high_freq_factor": high}
            return {"rope_type": "llama3", "factor": factor, **turns, "original_max_position_embeddings": length}
        case Yarn(factor=factor, length=length, fast=fast, slow=slow, magnitude=magnitude, whole=whole):
            sharper = {} if magnitude is None else {"attention_factor": magnitude}
            ends = {"beta_fast": fast, "beta_slow": slow, "truncate": whole}
            return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": length, **ends, **sharper}
        case Dynamic(factor=factor):
            return {"rope_type": "dynamic", "factor": factor}
        case LongRope(short=short, long=long, length=length, magnitude=magnitude):
            sizes = {"factor": max(1.0, now / length), "original_max_position_embeddings": length, "attention_factor": magnitude}
            return {"rope_type": "longrope", "short_factor": list(short), "long_factor": list(long), **sizes}
    return {"rope_type": "default"}


def names(m: Model) -> list[Row]:
    """See Family."""
    attention = {f"self_attn.{part}_proj": f"attn.{part}" for part in "qkvo"}
    attention |= {f"self_attn.{part}_norm": f"attn.{part}_norm" for part in "qk"}
    ff = {f"mlp.{part}_proj": f"ff.{part}" for part in ("up", "gate", "down")}
    around = {"input_layernorm": "attn_add.norm", "post_attention_layernorm": "ff_add.norm"}
    stem = "transformer" if m.family in OLD and any(head.name == "span" for head in m.heads) else "model"
    return [
        row(f"{stem}.embed_tokens.weight", "decoder.embed.token.weight"),
        *rows(f"{stem}.layers.{{i}}", "decoder.blocks.{i}", {**attention, **ff, **around}),
        row(f"{stem}.norm.weight", "decoder.norm.weight"),
        row(f"{stem}.layers.{{i}}.self_attn.rotary_emb.inv_freq"),
        *after(m, "decoder.embed.token.weight", labels="score"),
    ]


KIN = {
    kind: Family(partial(spec, kind=kind), partial(config, kind=kind), names, "model.", DIGITS if kind.startswith("qwen") else BEGUN)
    for kind in STEMS
}
