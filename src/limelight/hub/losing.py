"""Heads that a published model has lost since: a key of its own in config.json, for no other library has layers that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import WeightError
from ..spec import Model, Pruned, Stack
from ..values import parse, plain, value

KEY = "limelight_pruned"


@value
class Lost:
    """What each side has lost."""

    encoder: tuple[Pruned, ...] = ()
    decoder: tuple[Pruned, ...] = ()
    pictures: tuple[Pruned, ...] = ()


def told(spec: Model) -> dict[str, Any]:
    """What config.json is to say; nothing of a model that is whole."""
    lost = Lost(**{side: s.pruned for side, s in spec.columns.items() if isinstance(s, Stack)})
    return {KEY: plain(lost)} if lost != Lost() else {}


def without(spec: Model, config: Mapping[str, Any], where: Path) -> Model:
    """The spec without what config.json says that it has lost. Raises WeightError where that cannot be, SpecError for heads that are not
    there."""
    if KEY not in config:
        return spec
    lost = parse(Lost, config[KEY], where=f"{where}: {KEY}", error=WeightError)
    for side, pruned in (("encoder", lost.encoder), ("decoder", lost.decoder), ("pictures", lost.pictures)):
        stack = getattr(spec, side)
        if pruned and not isinstance(stack, Stack):
            raise WeightError(f"{where}: {KEY} is about the {side}, and there is none.", "Get the model folder again.")
        spec = replace(spec, **{side: replace(stack, pruned=pruned)}) if pruned else spec
    return spec
