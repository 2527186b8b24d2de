"""Looking inside: traces that never change the answer, alignments, and pictures with a number for how far to trust them."""

from .flow import flow
from .intervene import Said, ablate, patch, said
from .norms import value_norms
from .passing import Summaries, summaries
from .prune import prune
from .rollout import rollout
from .summary import Summary, summarize
from .trace import Trace, trace
from .view import View

__all__ = [
    "Said",
    "Summaries",
    "Summary",
    "Trace",
    "View",
    "ablate",
    "flow",
    "patch",
    "prune",
    "rollout",
    "said",
    "summaries",
    "summarize",
    "trace",
    "value_norms",
]
