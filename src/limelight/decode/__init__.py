"""The one generation loop: score, filter, choose, stop; an iterator of steps. An engine does it for many answers at once."""

from .choices import Beam, Choice, Greedy, Sample
from .drafts import Draft, Guess, Guesses, Lookup, Small, Tally, Written
from .engine import Answering, Engine, Load
from .filters import Among, Filter, Forced, MinLength, NeverInARow, NoRepeat, RepetitionPenalty, Suppress, SuppressFirst
from .loop import Guide, Step, generate, stream
from .speculative import speculate
from .stops import Ending
from .streaming import Typist
from .timestamps import Timestamps
from .trails import Hypothesis, Trail

__all__ = [
    "Among",
    "Answering",
    "Beam",
    "Choice",
    "Draft",
    "Ending",
    "Engine",
    "Filter",
    "Forced",
    "Greedy",
    "Guess",
    "Guesses",
    "Guide",
    "Hypothesis",
    "Load",
    "Lookup",
    "MinLength",
    "NeverInARow",
    "NoRepeat",
    "RepetitionPenalty",
    "Sample",
    "Small",
    "Step",
    "Suppress",
    "SuppressFirst",
    "Tally",
    "Timestamps",
    "Trail",
    "Typist",
    "Written",
    "generate",
    "speculate",
    "stream",
]
