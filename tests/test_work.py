"""The least work of a training and of a step of decoding, against sums by hand and against what torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from limelight.nn import Network
from limelight.spec import Attention, FeedForward, Learned, Model, Norm, Rotary, Stack, Tokens, Words
from limelight.spec.work import decoding_bytes, training_operations


def gpt2(**changes: object) -> Model:
    sizes = {"vocab": 50257, "dim": 768, "heads": 12, "depth": 12, **changes}
    decoder = Stack(
        depth=sizes["depth"],
        attention=Attention(heads=sizes["heads"]),
        ff=FeedForward(hidden=4 * sizes["dim"], activation="gelu_tanh"),
        input=Tokens(vocab=sizes["vocab"]),
        position=Learned(length=1024),
        causal=True,
    )
    return Model(family="gpt2", dim=sizes["dim"], decoder=decoder, heads=(Words(),))


def llama(width: int | None = None) -> Model:
    """Llama 3.2 1B."""
    decoder = Stack(
        depth=16,
        attention=Attention(heads=32, kv_heads=8, head_dim=64, bias=""),
        ff=FeedForward(hidden=8192, activation="silu", gated=True, bias=False),
        norm=Norm(kind="rms"),
        input=Tokens(vocab=128256, width=width),
        position=Rotary(),
        causal=True,
    )
    return Model(family="llama", dim=2048, decoder=decoder, heads=(Words(),))


def test_gpt2_by_hand() -> None:
    """6 N + 12 L H Q T a token: 84.9 million weights in the layers, 38.6 million in the table that scores words."""
    n = 6 * (12 * 12 * 768**2 + 768 * 50257) + 12 * 12 * 12 * 64 * 1024
    assert training_operations(gpt2(), 1024) == 1024 * n
    assert n == pytest.approx(854e6, rel=1e-3)


def test_llama_by_hand() -> None:
    layer = 2048 * 2048 * 2 + 2048 * 512 * 2 + 3 * 2048 * 8192
    n = 6 * (16 * layer + 2048 * 128256) + 12 * 16 * 32 * 64 * 2048
    assert training_operations(llama(), 2048) == 2048 * n
    narrow = 6 * (16 * layer + 512 * 128256 + 2 * 512 * 2048) + 12 * 16 * 32 * 64 * 2048
    assert training_operations(llama(width=512), 2048) == 2048 * narrow


def test_it_is_what_torch_counts() -> None:
    """There and back, on the modules."""
    spec = gpt2(vocab=30, dim=16, heads=4, depth=2)
    model, tokens = Network(spec).train(), torch.ones(3, 7, dtype=torch.long)
    was = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.logits(model.decode(tokens)).sum().backward()
    torch._C._set_mkldnn_enabled(was)
    assert counter.get_total_flops() == 3 * training_operations(spec, 7)


def test_bytes_by_hand() -> None:
    matrices = 12 * 12 * 768**2 + 768 * 50257
    assert decoding_bytes(gpt2(), 128, 8, number=2) == 2 * matrices + 8 * 128 * 12 * 2 * 768 * 2
    layer = 2048 * 2048 * 2 + 2048 * 512 * 2 + 3 * 2048 * 8192
    assert decoding_bytes(llama(), 100, 1, number=2) == 2 * (16 * layer + 2048 * 128256) + 100 * 16 * 2 * 8 * 64 * 2


def test_bytes_are_those_of_the_parameters() -> None:
    """But for biases, norms and positions, which are few."""
    spec = gpt2(vocab=30, dim=16, heads=4, depth=2)
    held = sum(w.numel() for name, w in Network(spec).named_parameters() if w.ndim == 2 and "position" not in name)
    assert decoding_bytes(spec, 0, 5, number=4) == 4 * held
