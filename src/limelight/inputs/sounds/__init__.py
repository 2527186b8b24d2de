"""Sound <-> tensors: files read with care and bit by bit, and made into frames as a model wants them."""

from .mel import bank, frames
from .published import read_settings, write_settings
from .reading import ENDINGS, MOST_SECONDS, Sound, open_pcm, open_sound

__all__ = ["ENDINGS", "MOST_SECONDS", "Sound", "bank", "frames", "open_pcm", "open_sound", "read_settings", "write_settings"]
