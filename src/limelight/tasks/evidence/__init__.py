"""evidence: which words of a text an answer rests on, for any model that gives one number: a class, a masked word, a written answer."""

from .explaining import explain, methods

__all__ = ["explain", "methods"]
