"""The one generation loop: score, filter, choose, stop; an iterator of steps."""

from .choices import Beam, Choice, Greedy, Sample
from .filters import Filter, Forced, MinLength, NeverInARow, NoRepeat, RepetitionPenalty, Suppress, SuppressFirst
from .loop import Step, generate, stream
from .stops import Ending
from .streaming import Typist
from .trails import Hypothesis, Trail

__all__ = [
    "Beam",
    "Choice",
    "Ending",
    "Filter",
    "Forced",
    "Greedy",
    "Hypothesis",
    "MinLength",
    "NeverInARow",
    "NoRepeat",
    "RepetitionPenalty",
    "Sample",
    "Step",
    "Suppress",
    "SuppressFirst",
    "Trail",
    "Typist",
    "generate",
    "stream",
]
