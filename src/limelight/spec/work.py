"""Work: how many operations a training needs at least, and how many bytes a step of decoding must read, reckoned from a spec.

What is divided by the time that it took, and by what a machine does at most, is the share of the machine that a program uses.
"""

from __future__ import annotations

from .costs import NUMBER, cost
from .heads import Words
from .inputs import Tokens
from .model import Model


def training_operations(model: Model, n: int) -> int:
    """Of one row of `n` tokens (on each side, where there are two), there and back: multiplications and additions.

    Twice the multiply-adds of the layers and of the scores of words on the way there, and twice that on the way back (Hoffmann et al.
    2022, appendix F; Chowdhery et al. 2022, appendix B, where 6 N + 12 L H Q T a token is the same sum). Norms, bends, embeddings and
    the optimiser are left out, and so is what is computed twice; pairs that a causal mask hides are counted, as there.
    """
    return 3 * 2 * (cost(model, n).layers + n * _outside(model))


def decoding_bytes(model: Model, context: int, rows: int, *, number: int) -> int:
    """What one more token for each of `rows` must read of a model without an encoder: every weight of the matrices once, and the keys and
    values of `context` tokens of each row, in numbers of so many bytes."""
    one = cost(model, 1)
    weights = one.layers - one.attention + _outside(model)                # a token meets each weight once
    return number * weights + rows * cost(model, context).cache * number // NUMBER


def _outside(model: Model) -> int:
    """Multiply-adds of a token outside the layers: the maps of a table of another width, and the scores of words."""
    last = model.decoder or model.encoder
    if last is None:
        return 0
    tables = [column.input for column in model.columns.values() if isinstance(column.input, Tokens)]
    maps = sum(2 * model.dim * (table.width or 0) for table in tables)
    words = [head for head in model.heads if isinstance(head, Words)]
    if not words or not isinstance(last.input, Tokens):
        return maps
    width = last.input.width or model.dim
    return maps + sum(width * last.input.vocab + (width * width if head.mix else 0) for head in words)
