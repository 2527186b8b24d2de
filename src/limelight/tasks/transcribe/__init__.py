"""transcribe: speech -> text, with the time of every word."""

from .options import TranscribeOptions
from .task import Transcribe
from .transcribed import Segment, Transcribed, Word

__all__ = ["Segment", "Transcribe", "TranscribeOptions", "Transcribed", "Word"]
