"""Vectors of words in their texts: what each layer of a model makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded
from ...look.states import states
from ..asking import in_batches
from ..reading.places import Seen, Span, finite, seen_around, tokens_of
from ..reading.rows import as_batch

MOST_TOKENS = 1 << 12                    # the states of all layers are kept for so many tokens at once
LEAST = 1e-12


def placed(opened: Opened, text: str, span: Span) -> Seen:
    """A text as the model reads it (of a long one the window around the word), and the tokens of the word at some characters.

    Raises InputError where the tokenizer makes nothing of the word.
    """
    whole = opened.text.encode(text)
    if not (tokens := tokens_of(whole, span)):
        raise InputError(f"the tokenizer makes nothing of {text[slice(*span)][:40]!r}.", "Choose another word.")
    return seen_around(opened, whole, [tokens])[0]


@torch.inference_mode()
def states_of(opened: Opened, seen: Sequence[Seen], *, batch: int) -> Iterator[tuple[int, Float[Tensor, "l n m"]]]:
    """Each text's place, and what each layer makes of each of its tokens, in batches of like length. Layer 0 is the token's own vector,
    before its position is added. Raises InputError for what is no number."""
    for places in in_batches([len(each.encoded.ids) for each in seen], batch, most=MOST_TOKENS):
        layers = _layers(opened, [seen[place].encoded for place in places])
        for row, place in enumerate(places):
            yield place, finite(layers[:, row].double().cpu(), opened)


def unit(states: Float[Tensor, "l n m"], tokens: Sequence[int]) -> Float[Tensor, "l m"]:
    """A word's vector in each layer: the mean of its tokens', of length 1."""
    vectors = states[:, list(tokens)].mean(1)
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=LEAST)


def _layers(opened: Opened, rows: Sequence[Encoded]) -> Float[Tensor, "l b n m"]:
    model, batch = opened.model, as_batch(opened, rows)
    with states(model) as seen:
        if model.encoder is not None:
            model.encode(batch)
        else:
            model.decode(batch.values, keep=batch.keep)
    stack = model.encoder or model.decoder
    own = [] if stack is None else [stack.embed.project(stack.embed.table(batch.values) * stack.embed.scale)]
    return torch.stack([*own, *seen[1:]])
