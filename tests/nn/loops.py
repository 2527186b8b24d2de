"""Recurrent encoder-decoders as their papers write them: one sentence, one place, one key at a time, in float64.

Nothing of ours but the weights is used: not the cells, not the scores, not the kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from limelight.nn import Attention, Network
from limelight.nn.cells import Cell
from limelight.spec import Additive, Entmax, General, Hard, Monotonic, Predicted, Recurrent, ScaledDot, Sparsemax

State = tuple[Tensor, Tensor]                                                        # h, and c where there is one


@dataclass
class Run:
    """What came out: the hidden state of each step, (n m), and what each head looked at, (h n k)."""

    hidden: Tensor
    weights: Tensor | None


def run(model: Network, source: list[int], target: list[int]) -> Run:
    """One sentence, read and answered."""
    states, summary = read(model, source)
    spec, decoder = model.spec.decoder, model.decoder
    assert isinstance(spec, Recurrent)
    at, h, fed = begun(model, summary), [], torch.zeros(model.spec.dim, dtype=torch.float64)
    seen: list[list[Tensor]] = []
    for t, token in enumerate(target):
        x, context = decoder.embed.table.weight[token], None
        if spec.asks == "previous":
            context, weights = look(decoder.cross, at[-1][0], states, t)              # e_ij = a(s_{i-1}, h_j)
            seen.append(weights)
        for i, cell in enumerate(decoder.cells):
            beside = None if i else (context if spec.asks == "previous" else fed if spec.feeding else None)
            at[i] = step(cell, x, at[i], beside)
            x = at[i][0]
        if spec.cross is not None and spec.asks == "current":
            context, weights = look(decoder.cross, x, states, t)
            seen.append(weights)
        out = torch.tanh(mapped(decoder.readout, x if context is None else torch.cat((context, x))))
        fed = out
        h.append(out)
    return Run(torch.stack(h), torch.stack([torch.stack(each) for each in seen], 1) if seen else None)


def read(model: Network, source: list[int]) -> tuple[list[Tensor], Tensor]:
    """The states of all places, and the last ones of all layers and directions side by side."""
    xs, ends = [model.encoder.embed.table.weight[token] for token in source], []
    for layer in model.encoder.layers:
        onward = along(layer.onward, xs)
        ends.append(onward[-1])
        if layer.back is not None:
            back = along(layer.back, xs[::-1])[::-1]
            ends.append(back[0])
            onward = [torch.cat(pair) for pair in zip(onward, back, strict=True)]
        xs = onward
    return xs, torch.cat(ends)


def along(cell: Cell, xs: list[Tensor]) -> list[Tensor]:
    state, out = (torch.zeros(cell.width, dtype=torch.float64),) * 2, []
    for x in xs:
        state = step(cell, x, state)
        out.append(state[0])
    return out


def begun(model: Network, summary: Tensor) -> list[State]:
    """h is tanh(W summary), c is W summary."""
    parts = mapped(model.decoder.bridge, summary).view(-1, model.spec.dim)
    if model.spec.decoder.cell == "gru":
        return [(row.tanh(), row) for row in parts]
    return [(parts[i].tanh(), parts[i + 1]) for i in range(0, len(parts), 2)]


def step(cell: Cell, x: Tensor, state: State, beside: Tensor | None = None) -> State:
    h, c = state
    given, said = mapped(cell.x, x), mapped(cell.h, h)
    if beside is not None:
        given = given + cell.seen.weight @ beside
    w = cell.width
    if cell.kind == "gru":
        reset, update = (torch.sigmoid(given[i * w : i * w + w] + said[i * w : i * w + w]) for i in (0, 1))
        new = torch.tanh(given[2 * w :] + reset * said[2 * w :])
        return (1 - update) * new + update * h, c
    into, forget, new, out = ((given + said)[i * w : i * w + w] for i in range(4))
    c = torch.sigmoid(forget) * c + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(c), c


def look(attn: Attention, asking: Tensor, keys: list[Tensor], t: int) -> tuple[Tensor, list[Tensor]]:
    """What `asking` sees at step t, and the weights of each head."""
    s, found, all_weights = attn.spec, [], []
    width = s.width(len(asking))
    for head in range(s.heads):
        mine, shared = (slice(i * width, i * width + width) for i in (head, head * s.groups // s.heads))
        q = mapped(attn.q, asking)[mine]
        k = [mapped(attn.k, key)[shared] for key in keys]
        scores = [score(attn, head, q, each) for each in k]
        weights = weigh(attn, scores, asking, t)
        found.append(sum(w * mapped(attn.v, key)[shared] for w, key in zip(weights, keys, strict=True)))
        all_weights.append(torch.stack(weights))
    return mapped(attn.o, torch.cat(found)), all_weights


def score(attn: Attention, head: int, q: Tensor, k: Tensor) -> Tensor:
    match attn.spec.score:
        case General():
            return q @ attn.score[head] @ k
        case Additive():
            return attn.score[head] @ torch.tanh(q + k)
        case ScaledDot():
            return q @ k / math.sqrt(len(q))
        case _:
            return q @ k


def weigh(attn: Attention, scores: list[Tensor], asking: Tensor, t: int) -> list[Tensor]:
    """Luong et al. 2015, section 3.2, for where it looks; the rest by bisection, or by the definition."""
    n, s = len(scores), attn.spec
    centre: float | Tensor = n - 1 if t > n - 1 else t
    if isinstance(s.local, Predicted):
        centre = (n - 1) * torch.sigmoid(mapped(attn.centres.place, torch.tanh(mapped(attn.centres.bend, asking)))[0])
    seen = [j for j in range(n) if s.local is None or abs(j - float(centre)) <= s.local.width]
    shares = dict(zip(seen, shared([float(scores[j]) for j in seen], s.weights), strict=True))
    if isinstance(s.local, Predicted):
        sigma = s.local.width / 2
        shares = {j: share * math.exp(-((j - float(centre)) ** 2) / (2 * sigma**2)) for j, share in shares.items()}
    assert s.local is None or isinstance(s.local, Monotonic | Predicted)
    return [torch.tensor(shares.get(j, 0.0), dtype=torch.float64) for j in range(n)]


def shared(scores: list[float], weights: object) -> list[float]:
    match weights:
        case Sparsemax():
            return bisected(scores, lambda z: z)
        case Entmax():
            return bisected([z / 2 for z in scores], lambda z: z * z)
        case Hard():
            return [float(i == scores.index(max(scores))) for i in range(len(scores))]
    raised = [math.exp(z - max(scores)) for z in scores]
    return [z / sum(raised) for z in raised]


def bisected(scores: list[float], bent) -> list[float]:
    """max(z - tau, 0), bent, with the tau by which they sum to 1."""
    low, high = min(scores) - 1.0, max(scores)
    for _ in range(100):
        tau = (low + high) / 2
        total = sum(bent(max(z - tau, 0.0)) for z in scores)
        low, high = (tau, high) if total > 1 else (low, tau)
    return [bent(max(z - low, 0.0)) for z in scores]


def mapped(layer: nn.Module, x: Tensor) -> Tensor:
    """W x + b, by rows; x itself where there is no map."""
    if not isinstance(layer, nn.Linear):
        return x
    out = torch.stack([(row * x).sum() for row in layer.weight])
    return out if layer.bias is None else out + layer.bias
