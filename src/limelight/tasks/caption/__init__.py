"""caption: a picture -> a sentence of what is on it, and for each word where the model looked."""

from .captioned import Captioned, Looked
from .task import Caption, CaptionOptions

__all__ = ["Caption", "CaptionOptions", "Captioned", "Looked"]
