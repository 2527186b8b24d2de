"""What `limelight prune` does, once its options are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import RecipeError
from ..hub import Opened, open_model
from ..look import prune
from ..nn import Network
from .streams import say

Heads = Mapping[str, Sequence[int]]


def heads_of(given: Sequence[str]) -> Heads:
    """ "decoder.1.self:0,2" -> its name and numbers. Raises RecipeError for anything else."""
    found: dict[str, list[int]] = {}
    for each in given:
        name, colon, numbers = each.rpartition(":")
        try:
            chosen = [int(number) for number in numbers.split(",")]
        except ValueError:
            chosen = []
        if not (name and colon and chosen):
            raise RecipeError(f"heads are named as attention:number,number: got {each!r:.80}.", "For instance --heads decoder.1.self:0,2")
        found.setdefault(name, []).extend(chosen)
    return found


def run(model: str, folder: Path, given: Sequence[str], *, as_json: bool) -> None:
    """Do it. Raises LimelightError for heads that are not there, or that cannot go."""
    opened = open_model(model, device="cpu", dtype="fp32")
    heads = heads_of(given)
    smaller = prune(opened.model, heads)
    gone = ", ".join(f"{name} {', '.join(map(str, some))}" for name, some in heads.items())
    _retold(opened, smaller, gone).save(folder, card=_card(opened, gone))
    before, after = (sum(p.numel() for p in each.parameters()) for each in (opened.model, smaller))
    left = {name: a.heads for name, a in smaller.attentions().items()}
    if as_json:
        say(json.dumps({"folder": str(folder), "parameters": after, "parameters before": before, "heads": left}))
    else:
        count = sum(a.heads for a in opened.model.attentions().values()) - sum(left.values())
        say(f"{folder}: {count} heads fewer, {after:,} parameters of {before:,} ({after / before:.0%}).")


def _retold(opened: Opened, smaller: Network, gone: str) -> Opened:
    """With what its folder is to say: what was measured of the whole model is not true of this one."""
    m = opened.manifest
    card = replace(m.card, summary=f"{m.card.summary} Without heads: {gone}.", scores={})
    return replace(opened, model=smaller, manifest=replace(m, spec=smaller.spec, aligner=None, calibration=None, card=card))


def _card(opened: Opened, gone: str) -> str:
    m = opened.manifest
    return (
        f"# {m.name}, without some heads\n\n{m.card.summary}\n\n- Heads that were taken out: {gone}.\n"
        f"- Nothing has been measured of this model; the scores of {m.name} are not its own.\n"
        f"- Licence: {m.card.license}\n- Attribution: {m.card.attribution}\n"
    )
