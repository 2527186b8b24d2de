"""align: which words of a translation that is given come from which of its source, and how far to trust that."""

from .aligned import Aligned
from .task import Align, AlignOptions

__all__ = ["Align", "AlignOptions", "Aligned"]
