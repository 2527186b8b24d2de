"""Raw material <-> tensors."""

from .batch import Batch, pad
from .labelled import Labelled
from .pairs import Pairs
from .text import Encoded, Text
from .words import sentences, words

__all__ = ["Batch", "Encoded", "Labelled", "Pairs", "Text", "pad", "sentences", "words"]
