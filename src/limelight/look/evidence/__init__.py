"""Evidence: which words an answer rests on, by several ways of telling, and how faithful each of them is.

Algorithms over any model that gives one number for a text: see `Case` and `Reading`.
"""

from .case import Attribution, Case, Reading, reread, value_of
from .faithfulness import BINS, STEPS, Faithful, at_random, by_effect, curves, faithful
from .gaze import Gaze, even, one
from .methods import METHODS, USUAL, able, method
from .words import Gone, Word, words_of

__all__ = [
    "BINS",
    "METHODS",
    "STEPS",
    "USUAL",
    "Attribution",
    "Case",
    "Faithful",
    "Gaze",
    "Gone",
    "Reading",
    "Word",
    "able",
    "at_random",
    "by_effect",
    "curves",
    "even",
    "faithful",
    "method",
    "one",
    "reread",
    "value_of",
    "words_of",
]
