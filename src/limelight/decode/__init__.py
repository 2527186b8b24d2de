"""The one generation loop: score, filter, choose, stop; an iterator of steps."""

from .choices import Beam, Choice, Greedy, Sample
from .filters import Filter, MinLength, NoRepeat, RepetitionPenalty, Suppress
from .loop import Step, generate, stream
from .stops import Ending
from .streaming import Typist
from .trails import Hypothesis, Trail

__all__ = [
    "Beam",
    "Choice",
    "Ending",
    "Filter",
    "Greedy",
    "Hypothesis",
    "MinLength",
    "NoRepeat",
    "RepetitionPenalty",
    "Sample",
    "Step",
    "Suppress",
    "Trail",
    "Typist",
    "generate",
    "stream",
]
