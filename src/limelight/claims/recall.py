"""Models that are told a story and asked about it: their specs, how they learn, how often they are right, and what reaches the fact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import TaskError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..nn import Network
from ..nn.unfilled import unfilled
from ..spec import Alibi, Attention, FeedForward, General, Model, Position, Recurrent, Rotary, Sinusoid, Stack, Tokens, Words
from ..train import Loss, LossSum
from ..train.softmax_loss import softmax_loss
from .planted import Planted
from .vocabulary import START

LSTM, GRU, ATTENDING = "LSTM", "GRU", "LSTM with attention"
ROTARY, SINUSOID, ALIBI = "Transformer, rotary", "Transformer, sinusoid", "Transformer, ALiBi"
POSITIONS: dict[str, Position] = {ROTARY: Rotary(), SINUSOID: Sinusoid(length=4096), ALIBI: Alibi()}
RECURRENT, TRANSFORMERS = (LSTM, GRU), tuple(POSITIONS)
KINDS = (*RECURRENT, ATTENDING, *TRANSFORMERS)
STRIDE = 4                      # widths that are tried are multiples of it


def spec(kind: str, vocab: int, dim: int) -> Model:
    """A model of a kind with a given width.

    The language models read story and question as one text. The LSTM with attention reads the story both ways, and its decoder, which the
    question is given to, looks at all of it (Luong et al. 2015, general).
    """
    tokens, heads = Tokens(vocab=vocab, scaled=True), (Words(),)
    if kind in POSITIONS:
        attention, ff = Attention(heads=4), FeedForward(hidden=4 * dim)
        stack = Stack(depth=2, attention=attention, ff=ff, input=tokens, position=POSITIONS[kind], causal=True)
        return Model(family="recall", dim=dim, decoder=stack, heads=heads)
    if kind == ATTENDING:
        cross = Attention(heads=1, maps="", bias="", score=General())
        encoder = Recurrent(depth=1, bidirectional=True, input=tokens)
        return Model(family="recall", dim=dim, encoder=encoder, decoder=Recurrent(depth=1, input=tokens, cross=cross), heads=heads)
    column = Recurrent(depth=1, cell="gru" if kind == GRU else "lstm", input=tokens)
    return Model(family="recall", dim=dim, decoder=column, heads=heads)


@cache
def sized(kind: str, vocab: int, dim: int) -> Model:
    """A model of a kind with about as many weights as a Transformer of width `dim`."""
    if kind in POSITIONS:
        return spec(kind, vocab, dim)
    wanted = weights(spec(ROTARY, vocab, dim))
    widths = range(STRIDE, 4 * dim, STRIDE)
    return min((spec(kind, vocab, width) for width in widths), key=lambda each: abs(weights(each) - wanted))


def weights(model: Model) -> int:
    """How many numbers it learns."""
    with unfilled():
        return sum(weight.numel() for weight in Network(model).parameters())


def said(model: Network, stories: Int[Tensor, "b n"], text: Int[Tensor, "b w"]) -> Float[Tensor, "b w v"]:
    """Scores of what follows each word of a text that is read after the story."""
    if model.encoder is None:
        hidden = model.decode(torch.cat((stories, text), 1))[:, stories.shape[1] :]
    else:
        begun = torch.cat((text.new_full((len(text), 1), START), text), 1)
        hidden = model.decode(begun, memory=model.encode(Batch(stories)))[:, 1:]
    return model.logits(hidden)


def answers(width: int) -> Loss[Pairs]:
    """The loss of the answers, where each question with its answer has `width` words."""
    return partial(_answers, width=width)


def _answers(model: nn.Module, pairs: Pairs, *, width: int) -> LossSum:
    """Raises TaskError for pairs without a story."""
    if not isinstance(model, Network) or pairs.source is None:
        raise TaskError("answers are learnt by networks that are told a story.")
    text = pairs.target.values
    wanted = text[:, width - 1 :: width].flatten()
    logits = said(model, pairs.source.values, text[:, :-1])[:, width - 2 :: width].flatten(0, 1)
    total, nll = softmax_loss(logits, wanted)
    return LossSum(total, nll, len(wanted))


@torch.no_grad()
def right(model: Network, asked: Planted) -> Float[Tensor, " b"]:
    """1 where the planted question is answered rightly."""
    logits = said(model, asked.stories, asked.questions[:, 0])[:, -1]
    return (logits.argmax(-1) == asked.answers[:, 0]).float()


class Reaches(NamedTuple):
    """Lengths of gradients of the right answer's score, by row: at the fact's words, and over all words of the story."""

    fact: Float[Tensor, " b"]
    story: Float[Tensor, " b"]


def reaches(model: Network, asked: Planted) -> Reaches:
    """How much the score of the right answer would move if the vectors of words did."""
    with _vectors(model) as vectors:
        logits = said(model, asked.stories, asked.questions[:, 0])[:, -1]
        logits.gather(1, asked.answers[:, :1]).sum().backward()
    model.zero_grad(set_to_none=True)
    slopes = vectors[0].grad
    if slopes is None:
        raise TaskError(f"nothing that {model.spec.family} reads reaches its answers.")
    squares = slopes[:, : asked.stories.shape[1]].square().sum(-1)
    slots = torch.arange(squares.shape[1])
    inside = (slots >= asked.fact[:, :1]) & (slots < asked.fact[:, 1:])
    return Reaches((squares * inside).sum(1).sqrt(), squares.sum(1).sqrt())


@contextmanager
def _vectors(model: Network) -> Iterator[list[Tensor]]:
    """The vectors of the story's words, as they are made."""
    kept: list[Tensor] = []
    reader = model.encoder or model.decoder
    if reader is None:
        raise TaskError(f"{model.spec.family} reads nothing.")

    def keep(_: nn.Module, __: object, made: Tensor) -> None:
        made.retain_grad()
        kept.append(made)

    handle = reader.embed.register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()
