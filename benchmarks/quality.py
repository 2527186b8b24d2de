"""Quality: what each precision costs the bundled models: in the scores of what their recipes set aside, and in the logits.

The divergence is of the fp32 model's distribution to this one's, over the same places: the tokens of a person's answer, or the classes of
a text. Recipes whose data are not here are left out and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limelight.errors import LimelightError, TaskError
from limelight.hub import Opened, bundled
from limelight.inputs import pad
from limelight.measure import rounded
from limelight.tasks.classify.judging import class_logits
from limelight.tasks.recipes import trade_of
from limelight.tasks.recipes.reply.turns import read
from limelight.train import read_recipe

from .contestants import gather, ours

RECIPES = Path(__file__).parents[1] / "recipes"
REFERENCE = "limelight fp32"
BATCH = 16
BETTER = {"perplexity": -1}                                         # what is good when it is small
Logits = Callable[[Opened, Sequence[Any]], Tensor]                  # examples -> logits at their places (p v)


@dataclass(frozen=True)
class Setting:
    """How much to run: examples that are answered, and of those the ones whose logits are compared; None for all."""

    examples: int | None
    compared: int


FULL = Setting(examples=None, compared=400)
SMOKE = Setting(examples=6, compared=4)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """Each bundled model in each precision -> the JSON of this page, less the machine."""
    s = SMOKE if smoke else FULL
    models, left_out = [], {}
    for name, folder in bundled().items():
        try:
            models.append(_model(s, name, folder))
        except LimelightError as error:                              # its data are not here
            left_out[name] = str(error).splitlines()[0]
    return {
        "what": "scores and logits of the bundled models in each precision",
        "setting": {"examples": s.examples, "compared": s.compared},
        "models": models,
        "left_out": left_out,
    }


def _model(s: Setting, name: str, folder: Path) -> dict[str, Any]:
    path = RECIPES / f"{name}.toml"
    recipe = read_recipe(path)
    if recipe.task not in LOGITS:
        raise TaskError(f"models that {recipe.task} are not compared in their logits here.")
    trade = trade_of(recipe.task)
    examples = trade.held_out(recipe, path.parent, "test")[: s.examples]
    few = examples[:: max(1, len(examples) // s.compared)][: s.compared]
    field = gather(ours.entrants(folder))
    scores = {each: trade.evaluate(opened, examples) for each, opened in field.ready.items()}
    said = {each: LOGITS[recipe.task](opened, few) for each, opened in field.ready.items()}
    return {
        "model": name,
        "examples": len(examples),
        "precisions": {each: {**_scored(scores[each], scores[REFERENCE]), **_apart(said[each], said[REFERENCE])} for each in field.ready},
        "left_out": field.left_out,
    }


def _scored(scores: Sequence[Any], before: Sequence[Any]) -> dict[str, Any]:
    """Scores, and how much worse than in fp32 they are."""
    both = zip(scores, before, strict=True)
    return {"scores": [{**each.to_json(), "drop": rounded(_sign(each.name) * (was.value - each.value) or 0.0)} for each, was in both]}


def _sign(name: str) -> int:
    return next((sign for start, sign in BETTER.items() if name.startswith(start)), 1)


def _apart(said: Tensor, before: Tensor) -> dict[str, Any]:
    """The mean divergence a place, the largest, and the share of places where another token or class is the best."""
    ours_log, theirs_log = said.double().log_softmax(-1), before.double().log_softmax(-1)
    each = (theirs_log.exp() * (theirs_log - ours_log)).sum(-1).clamp(min=0)
    other = (said.argmax(-1) != before.argmax(-1)).double().mean()
    return {"places": len(each), "kl": rounded(float(each.mean())), "kl_most": rounded(float(each.max())), "other_best": float(other)}


# --- logits at the places that count ----------------------------------------------------------------------------------------------------
@torch.inference_mode()
def _translated(opened: Opened, examples: Sequence[Any]) -> Tensor:
    """Led through the first reference."""
    start, found = opened.manifest.generation.start or 0, []
    for some in _batches(examples):
        source = pad([each.ids for each in opened.text.encode_all([one.source for one in some])], filler=opened.text.pad)
        target = [list(each.ids) for each in opened.text.encode_all([one.references[0] for one in some])]
        before = pad([[start, *row[:-1]] for row in target], filler=opened.text.pad)
        hidden = opened.model.decode(before.values, memory=opened.model.encode(source), keep=before.keep)
        found.append(opened.model.logits(hidden if before.keep is None else hidden[before.keep]).float().flatten(0, -2))
    return torch.cat(found)


@torch.inference_mode()
def _replied(opened: Opened, examples: Sequence[Any]) -> Tensor:
    """Over the tokens of the reply that a person gave."""
    found = []
    for one in examples:
        before, whole = (read(turns, opened.text).ids for turns in (one.turns, [*one.turns, one.reply]))
        hidden = opened.model.decode(torch.tensor([whole]))[0, len(before) - 1 : -1]
        found.append(opened.model.logits(hidden).float())
    return torch.cat(found)


@torch.inference_mode()
def _classified(opened: Opened, examples: Sequence[Any]) -> Tensor:
    """Of texts as long as the model reads at once."""
    most, found = opened.manifest.generation.max_source, []
    for some in _batches(examples):
        rows = [list(each.ids)[:most] for each in opened.text.encode_all([one.text for one in some])]
        found.append(class_logits(opened, pad(rows, filler=opened.text.pad)).float())
    return torch.cat(found)


LOGITS: dict[str, Logits] = {"translate": _translated, "reply": _replied, "classify": _classified}


def _batches(examples: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield from (examples[i : i + BATCH] for i in range(0, len(examples), BATCH))
