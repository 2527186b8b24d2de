"""What drawing is learnt by: a codec by its pictures, a decoder that reads a text by the text's tokens and the codes behind it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..codecs import Codec, DiscreteVAE
from ..inputs.batch import Batch
from ..manifest import Drawing
from ..native.training import TRAINING
from ..ops import linear_cross_entropy
from .losses import LossSum

OF_TEXT = 1 / 8                      # of the whole loss, the rest being the picture's (Ramesh et al. 2021, section 2.2)


def codec_loss(codec: Codec, batch: Batch, *, temperature: float = 1.0, far: float = 1.0, used: Tensor | None = None) -> LossSum:
    """Pictures (b c h w) there and back, summed over pictures, which `tokens` counts.

    A discrete VAE: minus the evidence lower bound at a `temperature` of its soft draws, `far` weighing how far the codes' chances are from
    equal ones (Ramesh et al. 2021, section 2.1); `nll` is of the pixels alone. A codec with a table: absolute differences of numbers, and
    what table and vectors pay for standing apart (Esser et al. 2021, equations 4 and 5, without their critics of likeness).
    `used`: numbers to which is added how often each of its codes was the nearest.
    """
    pictures = batch.values.to(next(codec.parameters()).device)
    if isinstance(codec, DiscreteVAE):
        found = codec.relaxed(pictures, temperature)
        unlikely = found.unlikely.sum()
        return LossSum(unlikely + far * found.far.sum(), unlikely.detach(), len(pictures))
    near = codec.nearest(pictures)
    if used is not None:
        used += near.codes.flatten().bincount(minlength=codec.spec.count)
    apart = (near.drawn - pictures).abs().flatten(1).mean(1).sum()
    return LossSum(apart + near.loss * len(pictures), apart.detach(), len(pictures))


def drawn_loss(model: Any, batch: Batch, *, drawing: Drawing, text: int, forgetting: float = 0.0) -> LossSum:
    """The cross-entropy of a text's tokens and of the codes behind it, each a mean of its own, an eighth of the one and seven of the other.

    `batch`: rows of `text` positions (see Drawing.caption) and then the tokens of the codes; the model is a decoder alone. Tokens that fill
    a text are read and not learnt. `tokens` counts codes, `nll` is theirs. While the model learns it does not read all codes before: of
    each picture a share of its own, up to `forgetting`, is the start's token instead, so that it draws what the text says and not only what
    is usual after the codes so far (after word dropout; Bowman et al. 2016, section 3.2).
    """
    rows = batch.values.to(next(model.parameters()).device)
    before, after = rows[:, :-1], rows[:, 1:]
    said = _said(after[:, : text - 1], drawing)
    if forgetting and model.training:
        before = torch.cat((before[:, :text], _forgotten(before[:, text:], forgetting, drawing.start)), 1)
    hidden = model.decode(before)
    codes, nll = _cross_entropy(model, hidden[:, text - 1 :].flatten(0, 1), after[:, text - 1 :].flatten())
    words, _ = _cross_entropy(model, hidden[:, : text - 1][said], after[:, : text - 1][said])
    count = rows.shape[0] * (rows.shape[1] - text)
    per_word = count / max(1, int(said.sum()))
    return LossSum(OF_TEXT * per_word * words + (1 - OF_TEXT) * codes, nll, count)


def _forgotten(codes: Tensor, most: float, blank: int) -> Tensor:
    shares = most * torch.rand(len(codes), 1, device=codes.device)
    return codes.masked_fill(torch.rand(codes.shape, device=codes.device) < shares, blank)


def _cross_entropy(model: Any, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Summed over targets: to learn from, and to report."""
    made = model.factors(hidden)
    return linear_cross_entropy(made.hidden, made.weight, made.bias, targets, ways=TRAINING)


def _said(tokens: Tensor, drawing: Drawing) -> Tensor:
    """Which tokens of a text are words: they are numbered ahead of what fills it."""
    return tokens < (drawing.start if drawing.fill is None else drawing.fill)
