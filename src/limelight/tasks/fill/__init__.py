"""fill: what could stand where a word was left out of a text."""

from .filled import Filled, Guess
from .task import Fill, FillOptions

__all__ = ["Fill", "FillOptions", "Filled", "Guess"]
