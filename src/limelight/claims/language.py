"""Small language models of letters: their specs, how they learn, and their loss on held-out text by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import TaskError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..measure.intervals import over_seeds
from ..nn import Network
from ..spec import Attention, FeedForward, Model, Position, Rotary, Sinusoid, Stack, Tokens, Words
from ..train import LossSum, Plan
from ..train.softmax_loss import softmax_loss
from ..values import value
from .findings import Line
from .lessons import Lesson, Trained
from .letters import Letters, Rows

ROTARY = Rotary()


@value
class Small:
    """A language model of a size that a core trains in seconds, and how long it learns."""

    dim: int = 64
    depth: int = 2
    heads: int = 4
    length: int = 64
    rows: int = 16
    steps: int = 200
    lr: float = 4e-3
    warmup: int = 20

    def spec(
        self, vocab: int, *, attention: Attention | None = None, position: Position | None = ROTARY, sees_all: bool = False
    ) -> Model:
        """A decoder; or with `sees_all` the same stack without its causal mask, which only an encoder may be.

        Beside sinusoids, which are as large as they are, embeddings are scaled up (Vaswani et al. 2017, section 3.4).
        """
        stack = Stack(
            depth=self.depth,
            attention=attention or Attention(heads=self.heads),
            ff=FeedForward(hidden=4 * self.dim),
            input=Tokens(vocab=vocab, scaled=isinstance(position, Sinusoid)),
            position=position,
            causal=not sees_all,
        )
        if sees_all:
            return Model(family="letters", dim=self.dim, encoder=stack, heads=(Words(),))
        return Model(family="letters", dim=self.dim, decoder=stack, heads=(Words(),))

    def lesson(self, name: str, spec: Model, letters: Letters) -> Lesson:
        """What is learnt: the letters of a text, drawn rows at a time."""
        return Lesson(
            name=name,
            spec=spec,
            plan=Plan(steps=self.steps, lr=self.lr, warmup=self.warmup, schedule="cosine", log_every=max(1, self.steps // 12)),
            data=f"{letters.fingerprint}/{self.rows}x{self.length}",
            batches=lambda seed: Rows(letters, self.rows, self.length, seed),
            loss=next_letter,
            loss_name="next letter",
        )


LONGER = Small(dim=128, length=128, rows=8, steps=1000, lr=2e-3, warmup=100)      # what full sizes train: half a minute each on a core


def next_letter(model: nn.Module, pairs: Pairs) -> LossSum:
    """Each letter from the place before it, whatever that place may see: the same loss with a causal mask and without.

    Raises TaskError for pairs without a source.
    """
    if not isinstance(model, Network) or pairs.source is None:
        raise TaskError("the loss of the next letter is for networks that read rows of letters.")
    hidden = model.hidden(pairs.source).flatten(0, 1)
    total, nll = softmax_loss(model.logits(hidden), pairs.target.values.flatten())
    return LossSum(total, nll, pairs.tokens)


@torch.no_grad()
def losses(model: Network, rows: Int[Tensor, "b n"]) -> Float[Tensor, "b m"]:
    """The loss in nats at each place of each row, as in training; m = n - 1."""
    logits = model.logits(model.hidden(Batch(rows[:, :-1]))).float()
    return -logits.log_softmax(-1).gather(-1, rows[:, 1:, None])[..., 0]


@torch.no_grad()
def honest_losses(model: Network, rows: Int[Tensor, "b n"]) -> Float[Tensor, "b m"]:
    """The same where nothing later is there to be seen: each beginning of each row is read on its own."""
    each = []
    for t in range(1, rows.shape[1]):
        logits = model.logits(model.hidden(Batch(rows[:, :t]))[:, -1]).float()
        each.append(-logits.log_softmax(-1).gather(-1, rows[:, t, None]))
    return torch.cat(each, 1)


def learning(label: str, models: Sequence[Trained]) -> Line:
    """The loss of equal models of several seeds, by step, as they learnt."""
    curves = [each.figures["curve"] for each in models]
    means = [over_seeds([nll for _, nll in told]) for told in zip(*curves, strict=True)]
    return Line(label=label, x=tuple(step for step, _ in curves[0]), y=tuple(means))


def held_out(letters: Letters, *, rows: int, length: int) -> dict[str, Any]:
    """What a measurement on held-out rows depends on."""
    return {"held out": letters.fingerprint, "rows": rows, "length": length}
