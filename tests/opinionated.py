"""Tiny random models with opinions, and the slowest right way to ask them: shared by the tests of decoding and of looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.nn import Network
from limelight.spec import Attention, FeedForward, Model, Norm, Rotary, Sinusoid, Stack, Tokens, Words, encoder_decoder

PAD, START, END = 0, 1, 2
LM = (Words(tied=False, bias=True),)
LLAMA = {                                # what `lm` takes to be of Llama's form
    "attention": Attention(heads=4, kv_heads=2),
    "position": Rotary(),
    "norm": Norm(kind="rms", eps=1e-6),
    "ff": FeedForward(hidden=32, activation="silu", gated=True),
}


def seq2seq(
    seed: int = 0, *, vocab: int = 12, dim: int = 16, heads: int = 2, end: float = 1.7, bold: float = 2.0, **stack: object
) -> Network:
    """An encoder and a decoder. `end`: how much it likes to end; `bold`: how large its weights are; `stack`: fields that both
    stacks get."""
    spec = encoder_decoder(vocab=vocab, dim=dim, heads=heads, encoder_depth=1, decoder_depth=2, hidden=32, length=512)
    assert spec.encoder is not None
    assert spec.decoder is not None
    cross = stack.get("attention", spec.decoder.attention)
    assert isinstance(cross, Attention)
    encoder = replace(spec.encoder, **stack)
    decoder = replace(spec.decoder, **stack, cross=replace(cross, window=None))
    return opinionated(replace(spec, encoder=encoder, decoder=decoder, heads=LM), seed, end, bold)


def lm(
    seed: int = 0, *, vocab: int = 12, dim: int = 16, heads: int = 2, end: float = 1.7, bold: float = 2.0, **stack: object
) -> Network:
    """A decoder alone; `stack`: its fields."""
    usual = {
        "depth": 2,
        "attention": Attention(heads=heads),
        "ff": FeedForward(hidden=32),
        "input": Tokens(vocab=vocab),
        "position": Sinusoid(length=512),
        "causal": True,
    }
    return opinionated(Model(family="lm", dim=dim, decoder=Stack(**{**usual, **stack}), heads=LM), seed, end, bold)


def opinionated(spec: Model, seed: int, end: float, bold: float) -> Network:
    """Random weights large enough that places, tokens and sources all matter to what is said next."""
    torch.manual_seed(seed)
    model = Network(spec).eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and "embed" not in name:
            weight.mul_(bold)
    head = model.heads["lm"].out
    head.weight.normal_(std=1.2 * spec.dim**-0.5)
    head.bias[END] += end
    return model


def long(n: int, seed: int = 0, vocab: int = 12) -> list[int]:
    """One row of n random tokens."""
    return torch.randint(3, vocab, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


def sources(seed: int = 0, *, rows: int = 5, longest: int = 7, vocab: int = 12) -> list[list[int]]:
    """Rows of random tokens of different lengths, one of them a single token."""
    dice = torch.Generator().manual_seed(seed)
    lengths = [longest, 1, *torch.randint(2, longest, (max(0, rows - 2),), generator=dice).tolist()][:rows]
    return [torch.randint(3, vocab, (n,), generator=dice).tolist() for n in lengths]


@torch.no_grad()
def next_scores(model: Network, source: Sequence[int] | None, said: Sequence[int]) -> Tensor:
    """Logits (v) of what comes after `said` (start token or prompt included): one row, no cache, no padding."""
    memory = None if source is None else model.encode(Batch(torch.tensor([list(source)])))
    return model.logits(model.decode(torch.tensor([list(said)]), memory=memory))[0, -1].float()


@torch.no_grad()
def forced(model: Network, source: Sequence[int] | None, before: Sequence[int], tokens: Sequence[int]) -> list[float]:
    """Log-probabilities of `tokens` after `before`, in one pass."""
    memory = None if source is None else model.encode(Batch(torch.tensor([list(source)])))
    said = torch.tensor([[*before, *tokens[:-1]]])
    logits = model.logits(model.decode(said, memory=memory))[0, len(before) - 1 :]
    return logits.float().log_softmax(-1).gather(1, torch.tensor(list(tokens))[:, None])[:, 0].tolist()


def left(rows: Sequence[Sequence[int]]) -> Batch:
    """Prompts, padded on the left."""
    return pad(rows, side="left")
