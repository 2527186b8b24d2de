"""From a trained model to its folder: an aligner chosen by measurement, scores on held-out sentences, and the card."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ...errors import RecipeError
from ...hub import Opened, open_model, save
from ...manifest import Aligner, Card
from ...train import Recipe, find_data
from .aligning import choose_aligner
from .card import markdown
from .gold import read_gold
from .learning import Workshop, evaluate
from .scoring import Score


def finish(workshop: Workshop, folder: Path, *, beside: Path, trained: str) -> Path:
    """Write FOLDER as a model folder that anyone can open, and say in its card what was measured.

    Everything is measured on the model as it is shipped (int8 weights, opened again from the folder), not on the one that was
    trained. `beside`: the recipe's folder; `trained`: where and how long, for the card. Raises RecipeError without a [card].
    """
    if workshop.recipe.card is None:
        raise RecipeError(f"the recipe {workshop.recipe.name} has no [card], and no model leaves without one.", "Add [card] to it.")
    manifest = workshop.manifest
    save(folder, model=workshop.model, text=workshop.text, manifest=manifest, card="")
    shipped = open_model(folder, device=str(next(workshop.model.parameters()).device), dtype="fp32")
    aligner = _aligner(shipped, workshop.recipe, beside)
    began = time.perf_counter()
    scores = evaluate(shipped, workshop.split.test)
    pace = len(workshop.split.test) / (time.perf_counter() - began)
    card = _card(workshop, scores, pace, trained)
    manifest = replace(manifest, aligner=aligner, card=card)
    save(folder, model=workshop.model, text=workshop.text, manifest=manifest, card=markdown(workshop, card, scores, aligner))
    return folder


def _aligner(opened: Opened, recipe: Recipe, beside: Path) -> Aligner | None:
    if recipe.align is None:
        return None
    gold = read_gold(find_data(recipe.align.pairs, beside), find_data(recipe.align.links, beside))
    return choose_aligner(opened, gold, measured_on=recipe.align.name, choose_on=recipe.align.choose_on)


def _card(workshop: Workshop, scores: list[Score], pace: float, trained: str) -> Card:
    part = workshop.recipe.card
    if part is None:
        raise RecipeError(f"the recipe {workshop.recipe.name} has no [card].", "Add [card] to it.")
    found: dict[str, float | str] = {s.name: round(s.value, 1) for s in scores}
    found["test sentences"] = float(len(workshop.split.test))
    found["sentences a second"] = round(pace, 1)
    return Card(
        summary=part.summary,
        license=part.license,
        attribution=part.attribution,
        recipe=f"recipes/{workshop.recipe.name}.toml",
        trained=trained,
        scores=found,
        limits=part.limits,
    )
