"""extract: a text -> the names, terms and other spans in it that a model has labels for."""

from .extracted import Entity, Extracted
from .task import Extract, ExtractOptions

__all__ = ["Entity", "Extract", "ExtractOptions", "Extracted"]
