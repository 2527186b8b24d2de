"""What `limelight steps` does, once its options are read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..explore import Explorer
from ..look.visible import column, shorten, steady
from .look import Reading
from .looking import asked, explore
from .streams import say

LABEL, NUMBERS, MOST = 16, 4, 80


@dataclass(frozen=True)
class Job:
    """All that was asked for."""

    model: str
    text: str
    reading: Reading
    at: int | None
    head: str | None
    as_json: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for a step, an attention or a head that is not there."""
    explorer = explore(job.model, job.text, job.reading)
    name, head = _head(job.head)
    if job.at is None and name is None:
        found = _overview(explorer)
        say(json.dumps(found, ensure_ascii=False) if job.as_json else "\n".join(_list(found)))
        return
    step = asked(explorer, {"ask": "step", "i": job.at or 0})
    arith = None if name is None else _asked_of(explorer, name, head, step, job)
    if job.as_json:
        say(json.dumps({**step, **({} if arith is None else {"arith": arith}), "trust": dict(explorer.scene.trust)}, ensure_ascii=False))
        return
    lines = [*_step(explorer, step), *([] if name is None or arith is None else ["", *_arith(explorer, name, head, arith)])]
    say("\n".join([*lines, "", *_trust(explorer)]))


def _head(told: str | None) -> tuple[str | None, int]:
    """decoder.1.self:3. Raises InputError for what is no such thing."""
    if told is None:
        return None, 0
    name, colon, number = told.rpartition(":")
    if not colon or not number.isdecimal():
        raise InputError(f"a head is an attention's name and a number: got {told[:60]!r}.", "For instance --head decoder.1.self:3.")
    return name, int(number)


def _asked_of(explorer: Explorer, name: str, head: int, step: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """The arithmetic of the place that looks: that of the step; of an encoder beside a decoder, whose places are no steps, the one of this
    number."""
    explorer.reading.view(name)
    beside = name.startswith("encoder") and len(explorer.reading.tracks) > 1
    return asked(explorer, {"ask": "arith", "name": name, "head": head, "query": job.at or 0 if beside else step["at"]})


# --- all of it ----------------------------------------------------------------------------------------------------------
def _overview(explorer: Explorer) -> dict[str, Any]:
    told = explorer.scene.to_json()
    return {key: told[key] for key in ("model", "parameters", "task", "seconds", "tracks", "steps", "choice", "trust")}


def _list(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['model']}, {found['parameters']:,} parameters, {found['seconds']:.2f} s"
    for name, track in found["tracks"].items():
        tokens = track["tokens"]
        yield f"\n{name}, {len(tokens)} tokens, {track['prompt']} of them given"
        yield "  " + " ".join(f"{i}:{_piece(token['piece'])}" for i, token in enumerate(tokens[:MOST]))
        if len(tokens) > MOST:
            yield f"  and {len(tokens) - MOST} more"
    if found["steps"]:
        yield f"\n{'STEP':>4}  {column('CHOSE', LABEL)} {'P':>6}  INSTEAD"
        for i, step in enumerate(found["steps"]):
            others = [f"{_piece(piece)} {p:.3f}" for piece, p in step["candidates"] if piece != step["piece"]][:3]
            yield f"{i:>4}  {column(_piece(step['piece']), LABEL)} {step['p']:>6.3f}  {', '.join(others)}"
    elif found["choice"] and found["choice"]["candidates"]:
        yield "\nsays"
        yield from (f"  {column(_piece(label), LABEL)} {p:.4f}" for label, p in found["choice"]["candidates"])
    yield ""
    yield "--at N shows one of them in full, --head NAME:H the arithmetic of a head."
    yield found["trust"]["attention"]


# --- one step -------------------------------------------------------------------------------------------------------------
def _step(explorer: Explorer, step: Mapping[str, Any]) -> Iterator[str]:
    kind = "step" if explorer.scene.steps else "place"
    yield f"{kind} {step['i']} of {explorer.scene.model}: place {step['at']} reads {_piece(step['piece'])!s} (token {step['id']:,})"
    yield f"\n  {'embedding':<14}{_vector(step['embedding'])}"
    position = step["position"]
    yield f"  {'+ position':<14}{_numbers(position['numbers']) if position['numbers'] else position['kind']}"
    if step["input"] is not None:
        yield f"  {'= input':<14}{_vector(step['input'])}"
    for layer in step["layers"]:
        parts = ", ".join(f"{part['name']} {part['norm']:.2f}" for part in layer["parts"])
        lens = "" if not layer["lens"] else "   would say " + ", ".join(f"{_piece(piece)} {p:.2f}" for piece, p in layer["lens"])
        yield f"  {layer['name']:<14}{_vector(layer['state'])}   adds {parts}{lens}"
    if step["logits"]:
        yield "\n  logits"
        yield from (f"    {column(_piece(piece), LABEL)} {logit:>9.3f}   p {p:.4f}" for piece, logit, p in step["logits"])
    if step["choice"] is not None:
        yield f"\n  says {_piece(step['choice'])}" + ("" if step["p"] is None else f" (p {step['p']:.4f})")


def _arith(explorer: Explorer, name: str, head: int, found: Mapping[str, Any]) -> Iterator[str]:
    reading = explorer.reading
    side, _, kind = name.split(".")
    queries = reading.tracks[reading.track(side)].tokens
    keys = reading.tracks["source" if kind == "cross" else reading.track(side)].tokens
    query = found["query"]
    yield f"{name}, head {head}: {_piece(queries[query['at']].piece)} asks. {found['score']}, {found['weigh']}, width {found['width']}"
    yield f"  q = {_vector(query)}"
    yield f"  {'KEY':>4}  {column('TOKEN', LABEL)} {'q . k':>10} {'SCORE':>9} {'WEIGHT':>8} {'|v|':>8} {'BRINGS':>8}"
    for key in found["keys"]:
        told = f"{key['dot']:>10.3f} {key['score']:>9.3f}" if key["allowed"] else f"{'-':>10} {'-':>9}"
        ends = f"{key['weight']:>8.4f} {key['value']['norm']:>8.3f} {key['brings']:>8.3f}"
        yield f"  {key['key']:>4}  {column(_piece(keys[key['key']].piece), LABEL)} {told} {ends}"
    others = found["others"]
    yield f"  {others['count']} others share {others['weight']:.4f}"
    yield f"  score = q . k x {found['scale']:.5g}" + (", plus a bias of the distance" if any(key["bias"] for key in found["keys"]) else "")
    if found["logsum"] is not None:
        yield f"  weight = exp(score - {found['logsum']:.4f})"
    yield f"  sum of weight x v = {_vector(found['output'])}; the kernel's own, within {found['check']:.0e}"
    if found["silent"]:
        yield "  this head is switched off: nothing of it goes on"


def _trust(explorer: Explorer) -> Iterator[str]:
    yield f"trust: {explorer.scene.trust['weights']}"
    yield explorer.scene.trust["attention"]


def _vector(told: Mapping[str, Any]) -> str:
    return f"{_numbers(told['numbers'])} norm {told['norm']:.2f}"


def _numbers(numbers: list[float]) -> str:
    return "[" + " ".join(f"{number:+.2f}" for number in numbers[:NUMBERS]) + (" ...]" if len(numbers) > NUMBERS else "]")


def _piece(piece: str) -> str:
    return shorten(steady(piece[:400].strip() or piece[:400]), LABEL)
