"""Steps: the way of one token from its number to the choice that was made there, with real numbers."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...nn.embed import Embed
from ...nn.stack import Stack
from ...spec import Alibi, Buckets, Learned, Rotary, Sinusoid, Words
from ...tasks.classify.judging import head_of
from ..depths import PARTS, Depth
from ..packing import number, told
from ..query import Query
from ..reading import Reading, label_logits

LENS, LOGITS = 3, 10
KINDS = {Learned: "learned", Sinusoid: "sinusoidal", Rotary: "rotary", Buckets: "relative", Alibi: "alibi"}


def step(query: Query) -> dict[str, Any]:
    """One step of an answer; or of a model that writes nothing, one place.

    `lens`: what the head would choose after each layer already, through the last norm (nostalgebraist 2020, the logit lens).
    """
    reading = query.reading
    side = "encoder" if reading.opened.model.decoder is None else "decoder"
    ids = reading.passed.ids[reading.track(side)]
    places = [each.at for each in reading.steps] or list(range(len(ids)))
    i = query.index("i", len(places), "steps" if reading.steps else "places")
    at, piece = places[i], reading.opened.text.piece
    stack = reading.opened.model.encoder if side == "encoder" else reading.opened.model.decoder
    if stack is None:
        raise TypeError("a model reads with something")
    depth = reading.passed.depths.get(side)
    logits, lens = _logits(reading, at), query.flag("lens", default=True)
    return {
        "i": i,
        "at": at,
        "piece": piece(ids[at]),
        "id": ids[at],
        **_embedded(stack.embed, ids[at], at),
        "input": None if depth is None else told(depth.states[0][0, at].float()),
        "layers": _layers(reading, stack, depth, at, lens) if depth is not None and isinstance(stack, Stack) else [],
        "logits": logits,
        **_choice(reading, i, logits),
    }


def _embedded(embed: Embed, token: int, at: int) -> dict[str, Any]:
    """The token's vector and its place's, before they are added."""
    kind = KINDS.get(type(embed.spec.position), "none")
    numbers = None
    match embed.spec.position:
        case Learned(offset=offset):
            numbers = told(embed.position.weight[at + offset].float())["numbers"]
        case Sinusoid():
            numbers = told(embed.waves[at].float())["numbers"]
    ids = torch.tensor([token], device=embed.table.weight.device)
    return {"embedding": told(embed.project(embed.table(ids) * embed.scale)[0].float()), "position": {"kind": kind, "numbers": numbers}}


def _layers(reading: Reading, stack: Stack, depth: Depth, at: int, lens: bool) -> list[dict[str, Any]]:
    side = "encoder" if stack is reading.opened.model.encoder else "decoder"
    found = []
    for layer in range(len(stack.layers)):
        state = depth.states[layer + 1][:, at]
        parts = [(part, depth.norms.get((layer, part))) for part in PARTS.values()]
        found.append({
            "name": f"{side}.{layer}",
            "parts": [{"name": part, "norm": number(float(norms[0, at]))} for part, norms in parts if norms is not None],
            "state": told(state[0].float()),
            "lens": _lens(reading, stack, state, last=layer == len(stack.layers) - 1) if lens else None,
        })
    return found


def _lens(reading: Reading, stack: Stack, state: Float[Tensor, "1 m"], *, last: bool) -> list[list[Any]] | None:
    """The likeliest tokens, if this were the last layer; None of a model without a head of words. The last state is normed already."""
    model = reading.opened.model
    if not any(isinstance(head, Words) for head in reading.opened.manifest.spec.heads):
        return None
    normed = state if last else stack.norm(state)
    return [[piece, p] for piece, _, p in _best(reading, model.logits(stack.project(normed))[0].float(), LENS)]


def _logits(reading: Reading, at: int) -> list[list[Any]]:
    """The best scores of the head at a place, with their probabilities; or those of the classes, which are of the whole text."""
    opened = reading.opened
    if any(isinstance(head, Words) for head in opened.manifest.spec.heads):
        return _best(reading, opened.model.logits(reading.passed.hidden[:, at])[0].float(), LOGITS)
    if reading.choice is None or reading.choice.kind != "class":
        return []
    logits = dict(zip(head_of(opened).labels, label_logits(opened, reading.passed.hidden)[0].tolist(), strict=True))
    return [[label, number(logits[label]), p] for label, p in reading.choice.candidates]


def _best(reading: Reading, logits: Float[Tensor, " v"], most: int) -> list[list[Any]]:
    values, ids = logits.topk(min(most, len(logits)))
    chances, piece = logits.softmax(-1), reading.opened.text.piece
    return [[piece(token), number(value), float(chances[token])] for value, token in zip(values.tolist(), ids.tolist(), strict=True)]


def _choice(reading: Reading, i: int, logits: list[list[Any]]) -> dict[str, Any]:
    """What was chosen at a step; what a model says that writes nothing; or what would stand here likeliest."""
    if reading.steps:
        return {"choice": reading.steps[i].piece, "p": reading.steps[i].p}
    if reading.choice is not None and reading.choice.kind == "class":
        return {"choice": reading.choice.label, "p": reading.choice.p}
    return {"choice": logits[0][0] if logits else None, "p": logits[0][2] if logits else None}
