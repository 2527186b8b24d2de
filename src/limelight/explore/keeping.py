"""Keeping: the answers that a page without a model carries with it, within a budget of bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..look import View
from .answers.rollout import prepare
from .packing import bytes_of, deflated
from .strips import STRIP

if TYPE_CHECKING:
    from .explorer import Explorer

MOST, LEAST = 64, 1 / 510                # keys of a row; a weight that 8 bits round to nothing
FEWER = 65_535                           # keys that 16 bits number; the last stands for none
DIGITS, LETTERS = 5, 6                   # of a number; letters of a share, at least
WORK, LEAST_WORK = 2e10, 1e6             # readings x tokens x parameters, up to which evidence is measured for a page
FEW, READS = ("gradient-x-input", "attention"), 16       # methods that read the text a few times, however many words it has


@dataclass(frozen=True)
class Budget:
    """Bytes of each kind of answer, as they stand in the page: one of 512 tokens in 144 heads stays below 3 MB."""

    rows: int = 1_800_000
    arith: int = 180_000
    steps: int = 260_000
    rollout: int = 120_000


def bundle(explorer: Explorer, budget: Budget | None = None) -> dict[str, Any]:
    """What a page without a model is given: the scene, and the answers that are kept. See docs/explorer.md for its shape."""
    budget, ask = budget or Budget(), explorer.ask
    scene = ask({"ask": "scene"})
    names = [each["name"] for each in scene["attentions"]]
    rows, share = _rows([explorer.reading.view(name) for name in names], budget.rows)
    methods = [method for method in scene["live"]["evidence"] if _readily(scene, method)]
    evidence = {method: found for method in methods if "error" not in (found := ask({"ask": "evidence", "method": method}))}
    start = scene["start"]
    kept = {
        "grid": {name: ask({"ask": "grid", "name": name}) for name in names},
        "rows": rows,
        "rest": {"share": share, "say": _said(scene["model"], share)},
        "arith": _some(_arith(explorer, start), ask, budget.arith),
        "evidence": evidence,
        "rollout": _some(_rollouts(explorer, scene, budget.rollout), ask, budget.rollout),
        "steps": _some(_steps(scene), ask, budget.steps),
    }
    scene["live"] = {"lab": False, "evidence": list(evidence)}
    return {"version": scene["version"], "scene": _short(scene), "start": start, "kept": _short(kept)}


def as_json(made: Mapping[str, Any]) -> str:
    """A bundle as one line of text."""
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _readily(scene: Mapping[str, Any], method: str) -> bool:
    """Whether a method of evidence is a matter of seconds: most read the text again for each of its words."""
    words, tokens = (sum(len(track[each]) for track in scene["tracks"].values()) for each in ("words", "tokens"))
    return (READS if method in FEW else words) * tokens * max(scene["parameters"], LEAST_WORK) <= WORK


def _said(model: str, share: float) -> str:
    return (f"This page keeps {share:.1%} of all attention weight, in steps of 1/255, and no model. "
            f'For every number, other texts and the lab: limelight look {model} "..." --web')


# --- rows ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _Best:
    """The best keys of all rows of one attention (h q t), best first, with what they got; `total`: the weight of all."""

    name: str
    keys: Int[Tensor, "h q t"]
    weights: Float[Tensor, "h q t"]
    total: float
    of: int

    def packed(self, most: int) -> bytes:
        """Of each head all rows' keys, then all rows' weights."""
        weights, keys = self.weights[..., :most], self.keys[..., :most]
        kept = weights >= LEAST
        small = bytes_of(weights.masked_fill(~kept, 0.0), 1.0).numpy()
        numbers = keys.masked_fill(~kept, FEWER).to(torch.int32).numpy().astype("<u2")
        return deflated(b"".join(k.tobytes() + w.tobytes() for k, w in zip(numbers, small, strict=True)))

    def share(self, most: int) -> float:
        """How much of the weight is kept."""
        some = self.weights[..., :most]
        return float(some.masked_fill(some < LEAST, 0.0).double().sum()) / max(self.total, 1e-12)

    def to_json(self, most: int, data: bytes) -> dict[str, Any]:
        """As it stands in the page."""
        heads, queries, _ = self.keys.shape
        held = min(most, self.keys.shape[2])
        return {"heads": heads, "n": queries, "keys": self.of, "t": held, "kept": self.share(most), "data": base64.b64encode(data).decode()}


def _rows(views: Iterable[View], budget: int) -> tuple[dict[str, Any], float]:
    """As many of the best keys of every row as the budget lets, at least one; and the share of the weight that is kept."""
    found = [_best(view) for view in views if view.shape()[3] <= FEWER]
    least, most = 1, max((each.keys.shape[2] for each in found), default=1)
    made = {most: [each.packed(most) for each in found]}
    while _size(made[most]) > budget and least < most:
        most = max(least, min(most - 1, int(most * budget / _size(made[most]))))
        made[most] = [each.packed(most) for each in found]
    rows = {each.name: each.to_json(most, data) for each, data in zip(found, made[most], strict=True)}
    total = sum(each.total for each in found)
    return rows, sum(each.share(most) * each.total for each in found) / max(total, 1e-12)


def _size(parts: Iterable[bytes]) -> int:
    return sum(4 * -(-len(part) // 3) for part in parts)


@torch.inference_mode()
def _best(view: View) -> _Best:
    _, heads, _, count = view.shape()
    top, keys, weights, total = min(MOST, count), [], [], 0.0
    for head in range(heads):
        found = []
        for strip in view.strips(heads=[head], chunk=max(1, STRIP // (4 * count))):
            total += float(strip.double().sum())
            found.append(ops.largest(strip[0, 0], top))
        keys.append(torch.cat([at for at, _ in found]))
        weights.append(torch.cat([values for _, values in found]))
    return _Best(view.name, torch.stack(keys).cpu(), torch.stack(weights).cpu(), total, count)


# --- answers that are asked for beforehand --------------------------------------------------------------------------------
Asked = Iterable[tuple[str, dict[str, Any]]]


def _some(asked: Asked, ask: Callable[[Mapping[str, Any]], dict[str, Any]], budget: int) -> dict[str, Any]:
    """The answers to these questions, the first ones first, as many as there is room for."""
    found, size = dict[str, Any](), 0
    for key, query in asked:
        answer = _short(ask(query))
        size += len(as_json(answer)) + len(key) + 4
        if "error" in answer or size > budget:
            break
        found[key] = answer
    return found


def _arith(explorer: Explorer, start: Mapping[str, Any]) -> Asked:
    """The queries of the head that is shown first, those around the first one first."""
    name, head, at = start["name"], start["head"], start["query"]
    count = explorer.reading.view(name).shape()[2]
    for i in sorted(range(count), key=lambda i: abs(i - at)):
        yield f"{name}/{head}/{i}", {"ask": "arith", "name": name, "head": head, "query": i}


def _steps(scene: Mapping[str, Any]) -> Asked:
    tokens = next(reversed(scene["tracks"].values()))["tokens"]
    for i in range(len(scene["steps"]) or len(tokens)):
        yield str(i), {"ask": "step", "i": i}


def _rollouts(explorer: Explorer, scene: Mapping[str, Any], budget: int) -> Asked:
    """The places that wrote the answer, or those of the words of a text; of an encoder beside a decoder, its words'."""
    for side in dict.fromkeys(each["side"] for each in scene["attentions"] if each["kind"] == "self"):
        track = next(each["queries"] for each in scene["attentions"] if each["side"] == side and each["kind"] == "self")
        tokens = scene["tracks"][track]["tokens"]
        steps = [step["at"] for step in scene["steps"]] if side == "decoder" else []
        places = steps or [i for i, token in enumerate(tokens) if token["word"] is not None]
        with torch.inference_mode():
            prepare(explorer.reading, side, places[: max(1, budget // (LETTERS * len(tokens)))])
        for place in places:
            yield f"{side}/{place}", {"ask": "rollout", "side": side, "place": place}


def _short(data: Any) -> Any:
    """The same with numbers of as many digits as an eye can use."""
    if isinstance(data, float):
        return float(f"{data:.{DIGITS}g}")
    if isinstance(data, Mapping):
        return {key: _short(value) for key, value in data.items()}
    return [_short(each) for each in data] if isinstance(data, list | tuple) else data
