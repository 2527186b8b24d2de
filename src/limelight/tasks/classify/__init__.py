"""classify: a text -> the class that it is of, and the words that decided."""

from .classified import Classified
from .task import Classify, ClassifyOptions

__all__ = ["Classified", "Classify", "ClassifyOptions"]
