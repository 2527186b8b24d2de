"""Looking inside: traces that never change the answer, alignments, and pictures with a number for how far to trust them."""

from .summary import Summary, summarize
from .trace import Trace, trace
from .view import View

__all__ = ["Summary", "Trace", "View", "summarize", "trace"]
