"""Small specs of every kind that the core can build, and models made from them with nothing left at its first value."""

from __future__ import annotations

from dataclasses import fields

import torch

from limelight.nn import Network
from limelight.spec import (
    Additive,
    Alibi,
    Around,
    Attention,
    Buckets,
    Captioned,
    Dot,
    Entmax,
    FeedForward,
    General,
    Hard,
    Kernel,
    Learned,
    Model,
    Monotonic,
    Norm,
    Predicted,
    Recurrent,
    Rotary,
    ScaledDot,
    Sinusoid,
    Sparsemax,
    Stack,
    Tokens,
    Words,
    alternating,
)

VOCAB, DIM, HEADS = 23, 16, 4


def stack(**changes: object) -> Stack:
    """Two layers of width 16; all that is not changed is plain."""
    usual = {
        "depth": 2,
        "attention": Attention(heads=HEADS),
        "ff": FeedForward(hidden=24),
        "input": Tokens(vocab=VOCAB),
        "position": Sinusoid(length=64),
    }
    return Stack(**{**usual, **changes})


def changed(made: Stack, **changes: object) -> Stack:
    return Stack(**{**{f.name: getattr(made, f.name) for f in fields(made)}, **changes})


def encoder_decoder(made: Stack, *, cross: Attention | None = None, head: Words | None = None) -> Model:
    """The same stack on both sides; cross-attention has the same score, and no window."""
    a = made.attention
    cross = cross or Attention(heads=a.heads, kv_heads=a.kv_heads, head_dim=a.head_dim, bias=a.bias, score=a.score)
    decoder = changed(made, causal=True, cross=cross)
    return Model(family="tiny", dim=DIM, encoder=made, decoder=decoder, heads=(head or Words(),))


def decoder_only(made: Stack, head: Words | None = None) -> Model:
    return Model(family="tiny", dim=DIM, decoder=changed(made, causal=True), heads=(head or Words(),))


def encoder_only(made: Stack) -> Model:
    return Model(family="tiny", dim=DIM, encoder=made, heads=(Words(),))


STACKS = {
    "plain": stack(),
    "post_norm": stack(norm_at="post", norm_output=False, norm_input=True),
    "rms_gated": stack(
        norm=Norm(kind="rms", eps=1e-6),
        ff=FeedForward(hidden=24, activation="silu", gated=True, bias=False),
        attention=Attention(heads=HEADS, bias=""),
    ),
    "learned": stack(position=Learned(length=64, offset=2)),
    "halves": stack(position=Sinusoid(length=64, halves=True, shifted=True), input=Tokens(vocab=VOCAB, scaled=True)),
    "rotary": stack(position=Rotary()),
    "rotary_pairs": stack(position=Rotary(base=100.0, pairs=True)),
    "alibi": stack(position=Alibi()),
    "buckets": stack(position=Buckets(count=8, furthest=12), attention=Attention(heads=HEADS, score=Dot())),
    "no_position": stack(position=None),
    "scaled": stack(attention=Attention(heads=HEADS, score=ScaledDot(scale=0.3))),
    "general": stack(attention=Attention(heads=HEADS, score=General())),
    "additive": stack(attention=Attention(heads=HEADS, score=Additive())),
    "grouped": stack(attention=Attention(heads=HEADS, kv_heads=2, head_dim=6, bias="qo"), position=Rotary()),
    "multi_query": stack(attention=Attention(heads=HEADS, kv_heads=1)),
    "grouped_additive": stack(attention=Attention(heads=HEADS, kv_heads=2, score=Additive())),
    "window": stack(attention=Attention(heads=HEADS, window=3)),
    "window_buckets": stack(attention=Attention(heads=HEADS, window=2), position=Buckets(count=8, furthest=12)),
    "relu": stack(ff=FeedForward(hidden=24, activation="relu")),
    "gelu_tanh": stack(ff=FeedForward(hidden=24, activation="gelu_tanh", gated=True)),
    "sparsemax": stack(attention=Attention(heads=HEADS, weights=Sparsemax())),
    "entmax": stack(attention=Attention(heads=HEADS, weights=Entmax())),
    "hard": stack(attention=Attention(heads=HEADS, weights=Hard(estimator="gumbel"))),
    "kernel": stack(attention=Attention(heads=HEADS, weights=Kernel())),
    "unscaled": stack(attention=Attention(heads=HEADS, score=Dot())),
    "bare": stack(attention=Attention(heads=HEADS, maps="qk", bias="q")),
    "normed_thrice": stack(norm_attention=True, ff=FeedForward(hidden=24, gated=True, normed=True, bias=False)),
    "normed_after": stack(norm_attention=True, norm_at="post", ff=FeedForward(hidden=24, normed=True)),
}
DRAWING = Captioned(text=3, rows=15, columns=4)


def recurrent(cross: Attention | None = None, *, encoder: dict[str, object] | None = None, **changes: object) -> Model:
    """Two layers on both sides; the encoder reads both ways."""
    both = {"depth": 2, "input": Tokens(vocab=VOCAB)}
    read = Recurrent(**{**both, "bidirectional": True, **(encoder or {})})
    return Model(family="tiny", dim=DIM, encoder=read, decoder=Recurrent(**{**both, "cross": cross, **changes}), heads=(Words(),))


def bare(**changes: object) -> Attention:
    """One head that compares states as they are, as Luong's dot product does."""
    return Attention(**{"heads": 1, "maps": "", "bias": "", "score": Dot(), **changes})


ASKING = {"maps": "qk", "bias": "k", "score": Additive()}
RECURRENT = {
    "summary": recurrent(),
    "summary_gru": recurrent(cell="gru", encoder={"cell": "gru", "depth": 1}),
    "bahdanau": recurrent(bare(**ASKING), asks="previous", cell="gru"),
    "bahdanau_lstm": recurrent(bare(**ASKING), asks="previous"),
    "luong_dot": recurrent(bare()),
    "luong_general": recurrent(bare(score=General())),
    "luong_concat": recurrent(bare(**ASKING)),
    "luong_fed": recurrent(bare(score=General()), feeding=True),
    "luong_fed_gru": recurrent(bare(), feeding=True, cell="gru", depth=1),
    "local_m": recurrent(bare(local=Monotonic(width=1))),
    "local_p": recurrent(bare(local=Predicted(width=2))),
    "local_p_fed": recurrent(bare(local=Predicted(width=1)), feeding=True),
    "hard_drawn": recurrent(bare(score=General(), weights=Hard())),
    "hard_tried": recurrent(bare(score=General(), weights=Hard(estimator="enumerate"))),
    "hard_gumbel": recurrent(bare(score=General(), weights=Hard(estimator="gumbel")), feeding=True),
    "sparse": recurrent(bare(score=General(), weights=Sparsemax()), feeding=True),
    "many_heads": recurrent(Attention(heads=HEADS, kv_heads=2)),
}
MODELS = {f"both_{name}": encoder_decoder(made) for name, made in STACKS.items()}
MODELS |= {f"decoder_{name}": decoder_only(made) for name, made in STACKS.items()}
MODELS |= {
    "both_untied": encoder_decoder(STACKS["plain"], head=Words(tied=False, bias=True)),
    "both_tied_bias": encoder_decoder(STACKS["plain"], head=Words(bias=True, scale=0.25)),
    "both_other_cross": encoder_decoder(STACKS["rotary"], cross=Attention(heads=2, kv_heads=1, head_dim=5, bias="k", score=General())),
    "decoder_untied": decoder_only(STACKS["rotary"], Words(tied=False)),
    "decoder_drawing": decoder_only(stack(depth=4, position=DRAWING, causal=True, patterns=alternating(4, size=3))),
    "decoder_drawing_all": decoder_only(stack(position=DRAWING, causal=True, patterns=(None, Around(size=5)))),
}
MODELS |= {f"recurrent_{name}": made for name, made in RECURRENT.items()}
MODELS |= {
    "recurrent_alone": Model(family="tiny", dim=DIM, decoder=Recurrent(depth=2, input=Tokens(vocab=VOCAB)), heads=(Words(),)),
    "recurrent_over_stack": Model(
        family="tiny", dim=DIM, encoder=STACKS["plain"], decoder=RECURRENT["luong_fed"].decoder, heads=(Words(),)
    ),
    "stack_over_recurrent": Model(
        family="tiny", dim=DIM, encoder=RECURRENT["bahdanau"].encoder, decoder=encoder_decoder(STACKS["plain"]).decoder, heads=(Words(),)
    ),
    "both_hard_cross": encoder_decoder(STACKS["plain"], cross=Attention(heads=2, weights=Hard())),
    "both_local_cross": encoder_decoder(STACKS["plain"], cross=Attention(heads=2, local=Predicted(width=2))),
    "both_kernel_cross": encoder_decoder(STACKS["kernel"], cross=Attention(heads=2, weights=Kernel())),
}
ENCODERS = {f"encoder_{name}": encoder_only(made) for name, made in STACKS.items()}
ENCODERS["encoder_recurrent"] = Model(family="tiny", dim=DIM, encoder=RECURRENT["bahdanau"].encoder, heads=(Words(),))


def build(spec: Model, dtype: torch.dtype = torch.float32) -> Network:
    """A model in eval mode, shaken: norms, biases and learned scores must not hide at 0 and 1."""
    generator = torch.Generator().manual_seed(3)
    model = Network(spec)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.15)
    return model.to(dtype).eval()


def tokens(rows: int, n: int) -> torch.Tensor:
    return torch.randint(1, VOCAB, (rows, n), generator=torch.Generator().manual_seed(rows * 100 + n))


def bound(dtype: torch.dtype) -> float:
    """How far two ways to the same hidden states (of size about 1) may be apart."""
    return 2e-5 if dtype == torch.float32 else 0.15
