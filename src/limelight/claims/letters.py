"""Letters: a text cut into rows for small language models that read and write single characters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import InputError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..train import find_data
from .lab import fingerprint

SHAKESPEARE = "$LIMELIGHT_DATA/tinyshakespeare/input.txt"
HELD_OUT = 0.1                  # the share at the end of the text that nothing is trained on
BATCHES = 100                   # of an epoch; rows are drawn, so an epoch is only a name


@dataclass(frozen=True)
class Letters:
    """A text as numbers of its characters, in the order of their code points."""

    text: str

    @cached_property
    def alphabet(self) -> list[str]:
        """The characters that there are."""
        return sorted(set(self.text))

    @property
    def fingerprint(self) -> str:
        """What tells this text, and how it is divided, from others."""
        return f"{fingerprint(self.text)}/{HELD_OUT}"

    @cached_property
    def ids(self) -> Int[Tensor, " n"]:
        """The whole text."""
        number = {letter: i for i, letter in enumerate(self.alphabet)}
        return torch.tensor([number[letter] for letter in self.text])

    @property
    def learnt(self) -> Int[Tensor, " n"]:
        """The part to train on."""
        return self.ids[: int(len(self.ids) * (1 - HELD_OUT))]

    def held_out(self, rows: int, length: int) -> Int[Tensor, "rows n"]:
        """Rows of `length` + 1 letters, evenly spread over the part that nothing is trained on; row i predicts its letter j + 1 from those
        up to j. Raises InputError where the text is too short."""
        rest = self.ids[len(self.learnt) :]
        if len(rest) <= length:
            raise InputError(f"the held-out text has {len(rest)} letters, a row wants {length + 1}.", "Give a longer text.")
        starts = np.linspace(0, len(rest) - length - 1, rows).astype(int)
        return torch.stack([rest[s : s + length + 1] for s in starts])


@dataclass(frozen=True, eq=False)
class Rows:
    """Batches of `rows` rows of `length` letters each, drawn from anywhere in the part to train on; see train.Batches."""

    letters: Letters
    rows: int
    length: int
    seed: int

    def order(self, epoch: int) -> list[Int[np.ndarray, " rows"]]:
        """Where the rows of each batch begin, a function of (seed, epoch)."""
        draw = np.random.default_rng([self.seed, epoch])
        return list(draw.integers(0, len(self.letters.learnt) - self.length - 1, (BATCHES, self.rows)))

    def batch(self, indices: Int[np.ndarray, " rows"]) -> Pairs:
        """Letters beside those that follow them."""
        rows = torch.stack([self.letters.learnt[i : i + self.length + 1] for i in indices.tolist()])
        return Pairs(Batch(rows[:, :-1]), Batch(rows[:, 1:]))


def read_letters(path: str = SHAKESPEARE) -> Letters:
    """The text of a file, see train.find_data. Raises RecipeError where it is not there, InputError for one that is not UTF-8."""
    found = find_data(path, Path())
    try:
        return Letters(found.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{found} cannot be read: {error}.", "The text is a UTF-8 file.") from None
