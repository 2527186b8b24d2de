"""Arith: one query of one head with its real numbers, from dot products to the sum of values."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ... import ops
from ...look import value_norms
from ...look.view import Terms
from ..packing import SHOWN, number, told
from ..query import Query
from ..reading import Reading

TOP = 6
SCORES = {"dot": "dot", "general": "general", "additive": "additive", "kernel": "kernel"}
DRAWN = "the one drawn alone"
WEIGHS = {"softmax": "softmax", "sparsemax": "sparsemax", "entmax15": "1.5-entmax", "shares": "shares of the sum"}
WEIGHS |= {"argmax": "the best alone", "drawn": DRAWN, "gumbel": DRAWN, "faded": "softmax, fading away from a place"}


def arith(query: Query) -> dict[str, Any]:
    """score = (q . k) scale + bias, weight = softmax(score), output = sum of weight * value, for some keys: those named, or the best.

    `check`: the largest difference between that sum over all keys and what the kernel gave, as the pass itself went on from it.
    """
    reading, view, head = query.reading, query.view, query.head(mean=False)
    if not isinstance(head, int):
        raise TypeError("a head has a number")
    _, _, queries, count = view.shape()
    at = query.index("query", queries, "queries")
    terms = view.terms(head=head, query=at)
    scores = ops.attention_scores(terms.q, terms.k, allow=terms.allow, bias=terms.bias, scale=terms.scale, score=terms.score)
    weights = terms.weigh(scores)[0, 0, 0]
    n = len(weights)
    keys = query.indices("keys", count, "keys")
    chosen = weights.topk(min(TOP, n)).indices.tolist() if keys is None else keys
    output = weights @ terms.v[0, 0]
    given = _given(reading, view.name, head, at)
    return {
        "scale": _scale(terms),
        "score": ("scaled " if _name(terms.score) == "dot" and _scale(terms) != 1.0 else "") + SCORES[_name(terms.score)],
        "weigh": WEIGHS[_name(terms.weigh)],
        "width": terms.q.shape[-1],
        "query": {"at": at, **told(terms.q[0, 0, 0])},
        "keys": _keys(reading, view.name, head, (terms, scores[0, 0, 0], weights), chosen),
        "others": _others(weights, chosen, scores[0, 0, 0]),
        "logsum": _logsum(terms, scores[0, 0, 0]),
        "output": told(output),
        "check": number(float((output - given).abs().max())),
        "silent": head in reading.silent.get(view.name, ()),
        "shown": SHOWN,
    }


def _given(reading: Reading, name: str, head: int, at: int) -> Float[Tensor, " d"]:
    """What the kernel gave."""
    return reading.passed.said[name][0, at, head].float()


def _keys(
    reading: Reading, name: str, head: int, found: tuple[Terms, Float[Tensor, " k"], Float[Tensor, " k"]], chosen: list[int]
) -> list[dict[str, Any]]:
    terms, scores, weights = found
    raw = terms.score(terms.q, terms.k)[0, 0, 0]
    norms = value_norms(reading.opened.model, reading.view(name), heads=[head])[0, 0]
    return [_key(key, terms, (raw, scores, weights), float(norms[key])) for key in chosen]


def _key(key: int, terms: Terms, numbers: tuple[Tensor, Tensor, Tensor], norm: float) -> dict[str, Any]:
    """One key; a key that may not be seen, or that is not there yet, has no score."""
    raw, scores, weights = numbers
    if key >= len(weights):
        return {"key": key, "numbers": [], "norm": 0.0, "dot": None, "score": None, "bias": 0.0, "allowed": False, "weight": 0.0,
                "value": {"numbers": [], "norm": 0.0}, "brings": 0.0}  # fmt: skip
    allowed = bool(scores[key] > -torch.inf)
    return {
        "key": key,
        **told(terms.k[0, 0, key]),
        "dot": number(float(raw[key])),
        "score": number(float(scores[key])) if allowed else None,
        "bias": 0.0 if terms.bias is None else number(float(terms.bias.expand(1, 1, 1, len(weights))[0, 0, 0, key])),
        "allowed": allowed,
        "weight": float(weights[key]),
        "value": told(terms.v[0, 0, key]),
        "brings": number(float(weights[key]) * norm),
    }


def _others(weights: Tensor, chosen: list[int], scores: Tensor) -> dict[str, Any]:
    rest = torch.ones_like(weights, dtype=torch.bool)
    rest[[key for key in chosen if key < len(weights)]] = False
    return {"count": int((rest & (scores > -torch.inf)).sum()), "weight": number(float(weights[rest].sum()))}


def _logsum(terms: Terms, scores: Tensor) -> float | None:
    """What a softmax divides by, as a logarithm; None of other weights."""
    return number(float(scores.logsumexp(-1))) if _name(terms.weigh) in ("softmax", "faded") else None


def _scale(terms: Terms) -> float:
    """As ops.attention_scores has it."""
    usual = terms.q.shape[-1] ** -0.5 if terms.score is ops.dot else 1.0
    return usual if terms.scale is None else terms.scale


def _name(function: Any) -> str:
    return function.func.__name__ if isinstance(function, partial) else function.__name__
