"""Looking inside: traces that never change the answer, alignments, and pictures with a number for how far to trust them."""

from .intervene import Said, ablate, patch, said
from .norms import value_norms
from .rollout import rollout
from .summary import Summary, summarize
from .trace import Trace, trace
from .view import View

__all__ = ["Said", "Summary", "Trace", "View", "ablate", "patch", "rollout", "said", "summarize", "trace", "value_norms"]
