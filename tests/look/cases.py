"""Small models that give one number for a text, and texts for them: what the tests of look.evidence explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from limelight.inputs import Batch, Encoded
from limelight.inputs.batch import pad
from limelight.look.evidence import Case, Gaze, Gone, Reading, even, words_of
from limelight.nn import Network
from limelight.spec import Attention, Classes, FeedForward, Learned, Model, Rotary, Sinusoid, Stack, Tokens

VOCAB, DIM, END, MASK = 24, 16, 1, 2
LETTERS = "abcdefghijklmnopqrstu"


def row(letters: str) -> Encoded:
    """Letters as words of one token each, from 3 on, and an end mark."""
    text = " ".join(letters)
    ids = (*(LETTERS.index(letter) + 3 for letter in letters), END)
    offsets = (*((2 * i, 2 * i + 1) for i in range(len(letters))), (len(text), len(text)))
    return Encoded(text, ids, offsets, "", (*[0] * len(letters), None), (0,) * len(ids))


def network(kind: str, seed: int = 0) -> Network:
    """A random classifier of two labels, in float64: "encoder", "decoder" (with rotary positions), "both" (which reads a text twice)."""
    torch.manual_seed(seed)
    stack = Stack(
        depth=2, attention=Attention(heads=2), ff=FeedForward(hidden=24), input=Tokens(vocab=VOCAB, scaled=True),
        position=Learned(length=40) if kind == "both" else Sinusoid(length=40),
    )  # fmt: skip
    down = replace(stack, causal=True, position=Rotary() if kind == "decoder" else stack.position)
    sides: dict[str, dict[str, Any]] = {
        "encoder": {"encoder": stack},
        "decoder": {"decoder": down},
        "both": {"encoder": stack, "decoder": replace(down, cross=Attention(heads=2))},
    }
    heads = (Classes(labels=("no", "yes"), at="mean" if kind == "encoder" else "last"),)
    model = Network(Model(family="tiny", dim=DIM, heads=heads, **sides[kind])).double().eval().requires_grad_(False)
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * 0.4)
    return model


def reading(model: Network, *, mask: int | None = None, batch: int = 64) -> Reading:
    """How it reads; attention is asked of all places."""

    def read(rows: Sequence[Encoded], work: Callable[[Batch], Tensor]) -> list[Tensor]:
        found = []
        with torch.inference_mode():
            for first in range(0, len(rows), batch):
                found += list(work(batched(rows[first : first + batch])).double())
        return found

    def asks(given: Batch, queries: int) -> Tensor:
        keep = torch.ones(len(given), queries, dtype=torch.bool) if given.keep is None else given.keep
        return even(keep)

    both = model.encoder is not None and model.decoder is not None
    return Reading(model, model.classify, batched, read, Gone(mask, END), Gaze.last(model, asks, "all places"), both)


def batched(rows: Sequence[Encoded]) -> Batch:
    """Rows in a rectangle."""
    return pad([each.ids for each in rows])


def case(given: Reading, *texts: str) -> Case:
    """A text in windows; the value is the sum over them of how far "yes" is above "no"."""
    rows = tuple(map(row, texts))
    before = torch.stack(given.read(rows, given.says))
    return Case(
        rows=rows,
        words=tuple(words_of(rows[:1])),
        before=before,
        value=lambda said: (said[:, 1] - said[:, 0]).double().sum(),
        shown=lambda said: float((said[:, 1] - said[:, 0]).sigmoid().mean()),
        looked=tuple(1 / len(rows) for _ in rows),
        label="yes",
        of="the margin of yes",
    )


def additive(weights: dict[str, float], text: str) -> tuple[Reading, Case]:
    """No network: each letter adds its weight, whatever stands around it."""
    table = torch.zeros(VOCAB, dtype=torch.float64)
    for letter, weight in weights.items():
        table[LETTERS.index(letter) + 3] = weight

    def says(batch: Batch) -> Tensor:
        each = table[batch.values]
        return (each if batch.keep is None else each * batch.keep).sum(1, keepdim=True)

    bare = reading(network("encoder"))
    given = replace(bare, says=says)
    row_ = row(text)
    return given, Case(
        rows=(row_,),
        words=tuple(words_of([row_])),
        before=says(batched([row_])),
        value=lambda said: said.sum(),
        shown=lambda said: float(said.sum()),
        looked=(1.0,),
        label="sum",
        of="the sum",
    )
