"""Recipes: everything that makes a trained model, in one TOML file; what a recipe may hold is decided by its `task`."""

from .base import BatchPart, CardPart, Recipe, SizedPart, TokenizerPart
from .caption import CaptionRecipe
from .classify import ClassifyRecipe
from .detect import DetectRecipe
from .draw import DrawRecipe
from .reading import KINDS, find_data, read_recipe, to_toml
from .reply import ReplyRecipe
from .transcribe import TranscribeRecipe
from .translate import TranslateRecipe

__all__ = [
    "KINDS",
    "BatchPart",
    "CaptionRecipe",
    "CardPart",
    "ClassifyRecipe",
    "DetectRecipe",
    "DrawRecipe",
    "Recipe",
    "ReplyRecipe",
    "SizedPart",
    "TokenizerPart",
    "TranscribeRecipe",
    "TranslateRecipe",
    "find_data",
    "read_recipe",
    "to_toml",
]
