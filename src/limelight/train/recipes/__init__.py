"""Recipes: everything that makes a trained model, in one TOML file; what a recipe may hold is decided by its `task`."""

from .base import BatchPart, CardPart, Recipe, TokenizerPart
from .classify import ClassifyRecipe
from .reading import KINDS, find_data, read_recipe, to_toml
from .reply import ReplyRecipe
from .translate import TranslateRecipe

__all__ = [
    "KINDS",
    "BatchPart",
    "CardPart",
    "ClassifyRecipe",
    "Recipe",
    "ReplyRecipe",
    "TokenizerPart",
    "TranslateRecipe",
    "find_data",
    "read_recipe",
    "to_toml",
]
