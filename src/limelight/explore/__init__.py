"""The explorer: any opened model on any text that it reads, as questions and answers that a page, a notebook and a program all ask."""

from .explorer import Explorer, explorer
from .shown import Showing

__all__ = ["Explorer", "Showing", "explorer"]
