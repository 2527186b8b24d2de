"""The one generation loop: score, filter, choose, stop; an iterator of steps. An engine does it for many answers at once."""

from .choices import Beam, Choice, Greedy, Sample
from .engine import Answering, Engine, Load
from .filters import Filter, Forced, MinLength, NeverInARow, NoRepeat, RepetitionPenalty, Suppress, SuppressFirst
from .loop import Step, generate, stream
from .stops import Ending
from .streaming import Typist
from .trails import Hypothesis, Trail

__all__ = [
    "Answering",
    "Beam",
    "Choice",
    "Ending",
    "Engine",
    "Filter",
    "Forced",
    "Greedy",
    "Hypothesis",
    "Load",
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
