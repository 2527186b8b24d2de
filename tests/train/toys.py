"""A small model and small data to train on; also run as a program that kills itself, for the tests of resumption."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from limelight.inputs.batch import Batch, pad
from limelight.inputs.pairs import Pairs
from limelight.train import Ema, LossSum, Plan, checkpoint, fit, next_token

START, END, VOCAB = 1, 2, 23


class Toy(nn.Module):
    """The mean of the source beside the running mean of the target, with dropout on both sides."""

    def __init__(self, dropout: float = 0.1, dim: int = 8):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(VOCAB, dim)
        self.mix = nn.Linear(2 * dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.drop = nn.Dropout(dropout)

    def encode(self, batch: Batch) -> Tensor:
        keep = torch.ones_like(batch.values) if batch.keep is None else batch.keep
        x = self.drop(self.table(batch.values)) * keep[..., None]
        return x.sum(1, keepdim=True) / keep.sum(1)[:, None, None]

    def decode(self, tokens: Tensor, *, memory: Tensor | None = None) -> Tensor:
        x = self.drop(self.table(tokens))
        seen = x.cumsum(1) / torch.arange(1, tokens.shape[1] + 1)[:, None]
        memory = torch.zeros_like(seen) if memory is None else memory.expand_as(seen)
        return self.norm(self.drop(self.mix(torch.cat([memory, seen], -1)).tanh()) + x)

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.table.weight.T


class Copies:
    """Sentences to copy: `count` batches of `size`, shuffled anew each epoch."""

    def __init__(self, count: int = 5, size: int = 4, seed: int = 0):
        draw = random.Random(seed)
        self.rows = [[draw.randrange(3, VOCAB) for _ in range(draw.randrange(1, 7))] for _ in range(count * size)]
        self.count, self.size, self.seed = count, size, seed

    def order(self, epoch: int) -> list[list[int]]:
        places = list(range(len(self.rows)))
        random.Random(f"{self.seed}/{epoch}").shuffle(places)
        return [places[i * self.size : (i + 1) * self.size] for i in range(self.count)]

    def batch(self, indices: list[int]) -> Pairs:
        rows = [self.rows[i] for i in indices]
        return Pairs(pad(rows), pad([[*row, END] for row in rows]))


PLAN = Plan(
    steps=13,
    lr=1e-2,
    warmup=3,
    label_smoothing=0.1,
    accumulate=3,        # with 5 batches an epoch, steps and epochs never end together
    precision="fp32",
    average=Ema(decay=0.9),
    save_every=3,
    log_every=1,
    keep=3,
    seed=5,
)


def dying_loss(step: int):
    """The plan's loss, which kills its own process in the second batch of `step`."""
    calls, good = [0], next_token(PLAN, start=START)

    def loss(model: nn.Module, pairs: Pairs) -> LossSum:
        calls[0] += 1
        if calls[0] == PLAN.accumulate * (step - 1) + 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return good(model, pairs)

    return loss


def main(folder: str, how: str, at: int) -> None:
    """Train until killed: "step" in the middle of the at-th step taken here, "save" in the at-th flush of a file."""
    torch.set_num_threads(1)
    loss = dying_loss(at) if how == "step" else next_token(PLAN, start=START)
    if how == "save":
        flush, left = checkpoint._flush, [at]

        def dying_flush(path: Path) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            flush(path)

        checkpoint._flush = dying_flush
    for _ in fit(Toy(), Copies(), loss=loss, plan=PLAN, folder=Path(folder)):
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
