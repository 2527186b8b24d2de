"""Recipes: what is done with a recipe of each task: a model is trained, measured, written and scored again."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...errors import RecipeError, did_you_mean
from .scorer import Scorer
from .trade import Trade, Workshop

__all__ = ["SCORERS", "TRADES", "Scorer", "Trade", "Workshop", "scorer_of", "trade_of"]

# task -> class in TASK/trade.py, loaded when it is asked for
TRADES = {"translate": "Translating", "classify": "Classifying", "reply": "Replying"}
SCORERS = {**TRADES, "transcribe": "Transcribing", "detect": "Detecting"}


def trade_of(task: str) -> Trade[Any, Any, Any, Any]:
    """What is done with recipes, and models, of a task. Raises RecipeError for one that nothing is trained for."""
    return _made(task, TRADES, "trained or scored")


def scorer_of(task: str) -> Scorer[Any, Any]:
    """What scores the models of a task, be they trained here or elsewhere. Raises RecipeError for one that nothing is scored by."""
    return _made(task, SCORERS, "scored")


def _made(task: str, table: dict[str, str], what: str) -> Any:
    if task not in table:
        raise RecipeError(f'no model that was made to "{task[:60]}" is {what} here.', did_you_mean(task, table))
    return getattr(import_module(f"{__name__}.{task}.trade"), table[task])()
