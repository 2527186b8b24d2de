"""sense: how far the vectors of a word lie apart in several texts, layer by layer."""

from .senses import Sensed
from .task import Sense, SenseOptions, Use

__all__ = ["Sense", "SenseOptions", "Sensed", "Use"]
