"""How a model is to choose its words: what was asked for on the line, as the options of a task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..decode import Sample
from ..errors import RecipeError
from ..tasks.writing.writer import Writer
from .options import Search


def search_options(search: Search, writer: Writer) -> dict[str, Any]:
    """As the fields of a Writing, for this model. Raises RecipeError for mixtures in which something would not be heard."""
    names = ("temperature", "top_k", "top_p", "min_p")
    drawn: dict[str, Any] = {name: value for name in names if (value := getattr(search, name)) is not None}
    draws = bool(drawn) or (writer.generation.sample and search.beam is None)
    if search.seed is not None and not draws:
        raise RecipeError("--seed is for drawing, and a beam search draws nothing.", "Add --temperature, --top-k, --top-p or --min-p.")
    if search.length_penalty is not None and drawn:
        raise RecipeError("--length-penalty is for beams, and this draws.", "Leave it out, or leave out the options that draw.")
    wanted = {name: value for name, value in vars(search).items() if name not in (*names, "seed")}
    if drawn or (draws and search.seed is not None):
        start = writer.sample() if writer.generation.sample else Sample()
        wanted["sample"] = replace(start, **drawn, seed=search.seed or 0)
    return wanted
