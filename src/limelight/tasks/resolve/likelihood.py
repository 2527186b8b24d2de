"""Likelihood: how likely a model holds some tokens of a text, given the others or given those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded
from ..reading.places import finite, tokens_of
from ..reading.rows import Read, read
from .pronouns import Swapped


@dataclass(frozen=True, eq=False)
class Row:
    """What a model is given, at which of its places something is read, and the tokens whose log-probability is asked for there."""

    encoded: Encoded
    places: tuple[int, ...]
    wanted: tuple[int, ...]


def masked_rows(encoded: Encoded, swapped: Swapped, mask: int, *, together: bool) -> list[Row]:
    """A candidate's tokens, all masked at once; or each by itself, beside the others (Salazar et al. 2020, section 2)."""
    tokens = _tokens(encoded, swapped)
    groups = [tokens] if together else [[token] for token in tokens]
    return [Row(encoded.masked(group, mask), tuple(group), tuple(encoded.ids[i] for i in group)) for group in groups]


def causal_rows(encoded: Encoded, swapped: Swapped, *, partial: bool) -> list[Row]:
    """The tokens that follow the candidate, given all before (the partial score of Trinh and Le 2018, section 3.2); or all tokens but a
    first that nothing stands before. Raises InputError where nothing follows."""
    last = _tokens(encoded, swapped)[-1]
    text = [i for i, part in enumerate(encoded.parts) if part == 0 and i > 0]
    scored = [i for i in text if i > last] if partial else text
    if not scored:
        raise InputError("nothing follows the pronoun, and what follows is what is scored.", 'Score the whole text: causal="full".')
    return [Row(encoded, tuple(i - 1 for i in scored), tuple(encoded.ids[i] for i in scored))]


@torch.inference_mode()
def likelihoods(opened: Opened, rows: Sequence[Row], *, batch: int) -> list[tuple[float, float]]:
    """For each row, the sum of its tokens' log-probabilities, and the seconds that it took. Raises InputError for what is no number."""
    found = read(opened, [row.encoded for row in rows], opened.model.hidden, batch=batch, keep=[row.places for row in rows])
    return [(_sum(opened, row, each), each.seconds) for row, each in zip(rows, found, strict=True)]


def _sum(opened: Opened, row: Row, read: Read) -> float:
    hidden = read.values.to(opened.device, opened.dtype)
    logits = finite(opened.model.logits(hidden).float().cpu(), opened).double()
    wanted = torch.tensor(row.wanted)[:, None]
    return float(logits.log_softmax(-1).gather(1, wanted).sum())


def _tokens(encoded: Encoded, swapped: Swapped) -> list[int]:
    if not (tokens := tokens_of(encoded, swapped.span)):
        a, b = swapped.span
        raise InputError(f"the tokenizer makes nothing of the candidate {swapped.text[a:b][:40]!r}.", "Leave it out.")
    return tokens
