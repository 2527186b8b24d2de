"""Looking: where a captioner looked as it wrote, word by word, and what there is to that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...decode import Hypothesis
from ...errors import TaskError
from ...hub import Opened
from ...inputs import Batch, words
from ...look import Trace, trace
from ...spec import Patches
from ..translate.alignments import spelled
from .captioned import Looked

BUDGET = 2 << 30
COVERED = 0.2                            # of the squares
DRAWS = 4                                # covers at random that what was looked at is compared with

Pixels = Float[Tensor, "c rows columns"]


@dataclass(frozen=True)
class Written:
    """A caption in tokens. `before`: what it goes on from, the start token first; `tokens`: what was written, without the end mark."""

    before: tuple[int, ...]
    tokens: tuple[int, ...]


class Looking:
    """The attentions to the picture in the upper half of the decoder, whose heads are averaged (in the lower half words are still being
    made out; Radford et al. 2022 take the same half where nobody has measured heads)."""

    def __init__(self, opened: Opened):
        self.opened, spec = opened, opened.manifest.spec
        decoder, reads = spec.decoder, None if spec.encoder is None else spec.encoder.input
        if not isinstance(reads, Patches) or decoder is None:
            raise TaskError(f"{opened.manifest.name} does not read a picture square by square.", "Ask for the caption alone.")
        self.squares, layers = reads, range(decoder.depth // 2, decoder.depth)
        self.names = [f"decoder.{layer}.cross" for layer in layers]
        self.how = f"the average of all heads of {self.names[0]}" + (f" to {self.names[-1]}" if len(layers) > 1 else "") + "; pieces merged"

    def watch(self) -> Trace:
        """A trace of what is looked at."""
        return trace(self.opened.model, layers=self.names, budget=BUDGET)

    @property
    def most(self) -> int:
        """How many pictures can be watched at once: a trace keeps the keys and values of a batch once more each time that one of it is
        done."""
        row = 2 * len(self.names) * self.squares.slots * self.opened.manifest.spec.dim * 4
        return max(1, math.isqrt(BUDGET // row))

    # --- maps -------------------------------------------------------------------------------------------------------------
    def words(self, seen: Trace, best: Hypothesis, written: Written, picture: Pixels, batch: int) -> tuple[Looked, ...]:
        """The words of a caption, each with the mean of its tokens' maps. `picture`: as the model reads it; `batch`: rows at once."""
        if not written.tokens:
            return ()
        text, spans = spelled(self.opened.text, (*written.before[1:], *written.tokens))
        mine = spans[len(written.before) - 1 :]
        of = {(a, b): [i for i, (c, d) in enumerate(mine) if max(a, c) < min(b, d)] for a, b in words(text)}
        of = {span: tokens for span, tokens in of.items() if tokens}                       # those of the prompt have none
        if not of:
            return ()
        maps = self._maps(seen, best, written)
        shares = torch.stack([maps[tokens].mean(0) for tokens in of.values()])
        falls, chances = self._falls(written, list(of.values()), shares, picture, batch)
        grid = shares.unflatten(1, self.squares.grid)
        return tuple(
            Looked(text[a:b], (a, b), tuple(map(tuple, grid[i].tolist())), max(0.0, 1.0 - float(shares[i].sum())), falls[i], chances[i])
            for i, (a, b) in enumerate(of)
        )

    def _maps(self, seen: Trace, best: Hypothesis, written: Written) -> Float[Tensor, "t s"]:
        """The shares of attention that each written token gave to the squares, row by row; the step counts that chose it."""
        first = len(written.before) - 1
        steps, (rows, columns) = slice(first, first + len(written.tokens)), self.squares.grid
        found = [seen[name].weights(queries=steps, path=best.rows)[0].mean(0) for name in self.names]          # (t k)
        return torch.stack(found).mean(0)[:, self.squares.before : self.squares.before + rows * columns].cpu()

    # --- what there is to them --------------------------------------------------------------------------------------------
    def _falls(
        self, written: Written, of: Sequence[Sequence[int]], shares: Float[Tensor, "w s"], picture: Pixels, batch: int
    ) -> tuple[list[float], list[float]]:
        """By how much less likely each word is without the squares that it was looked at most for, and without as many at random."""
        count = max(1, round(COVERED * shares.shape[1]))
        dice = torch.Generator().manual_seed(0)
        drawn = torch.stack([torch.rand(shares.shape[1], generator=dice) for _ in range(DRAWS)])
        nothing = torch.zeros(1, shares.shape[1], dtype=torch.bool)
        covers = torch.cat([nothing, *(_most(each, count) for each in (shares, drawn))])
        found = torch.cat([self._likely(written, picture, some) for some in covers.split(batch)])
        of_words = torch.stack([found[:, list(tokens)].sum(1) for tokens in of], 1)       # (covers words)
        fall, chance = of_words[0] - of_words[1 : 1 + len(of)].diagonal(), of_words[0] - of_words[1 + len(of) :].mean(0)
        return fall.tolist(), chance.tolist()

    @torch.inference_mode()
    def _likely(self, written: Written, picture: Pixels, covers: Bool[Tensor, "n s"]) -> Float[Tensor, "n t"]:
        """The log-probability of each written token, with some squares of the picture covered by its mean colour."""
        model, device, s = self.opened.model, self.opened.device, self.squares
        rows, columns = s.grid
        hidden = covers.unflatten(1, (rows, columns)).repeat_interleave(s.size, 1).repeat_interleave(s.size, 2)
        many = picture.repeat(len(covers), 1, 1, 1)
        seen = many[:, :, : rows * s.size, : columns * s.size]
        seen[:] = torch.where(hidden[:, None], picture.mean((1, 2))[:, None, None], seen)
        tokens = torch.tensor((*written.before, *written.tokens), device=device).expand(len(covers), -1)
        states = model.decode(tokens[:, :-1], memory=model.encode(Batch(many.to(device))))
        scores = model.logits(states[:, len(written.before) - 1 :]).float().log_softmax(-1)
        return scores.gather(-1, tokens[:, len(written.before) :, None])[..., 0].cpu()


def _most(values: Float[Tensor, "w s"], count: int) -> Bool[Tensor, "w s"]:
    """Which are the `count` highest of each row."""
    return torch.zeros_like(values, dtype=torch.bool).scatter(1, values.topk(count, 1).indices, value=True)


def trusted(found: Sequence[Looked]) -> str:
    """What was measured of the maps of a caption's words, for people."""
    if not found:
        return ""
    fall, chance = (sum(getattr(each, name) for each in found) / len(found) for name in ("fall", "chance"))
    return (
        f"covering the {COVERED:.0%} of squares that a word looked at most takes {fall:.2f} off its log-probability, as many at random "
        f"{chance:.2f} (mean of {len(found)} words)"
    )
