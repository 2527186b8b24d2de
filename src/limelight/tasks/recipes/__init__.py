"""Recipes: what is done with a recipe of each task: a model is trained, measured, written and scored again."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...errors import RecipeError, did_you_mean
from .scorer import Scorer
from .trade import Trade, Workshop

__all__ = ["TRADES", "Scorer", "Trade", "Workshop", "trade_of"]

# task -> class in TASK/trade.py, loaded when it is asked for
TRADES = {
    "translate": "Translating",
    "classify": "Classifying",
    "reply": "Replying",
    "caption": "Captioning",
    "transcribe": "Transcribing",
    "detect": "Detecting",
    "draw": "Drawing",
}


def trade_of(task: str) -> Trade[Any, Any, Any, Any]:
    """What is done with recipes, and models, of a task. Raises RecipeError for one that nothing is trained for or scored by."""
    if task not in TRADES:
        raise RecipeError(f'no model that was made to "{task[:60]}" is trained or scored here.', did_you_mean(task, TRADES))
    return getattr(import_module(f"{__name__}.{task}.trade"), TRADES[task])()
