"""Raw material <-> tensors."""

from .batch import Batch, pad
from .pairs import Pairs
from .text import Encoded, Text
from .words import sentences, words

__all__ = ["Batch", "Encoded", "Pairs", "Text", "pad", "sentences", "words"]
