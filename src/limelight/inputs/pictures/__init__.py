"""Pictures <-> tensors: files read with care, and made ready as a model wants them."""

from .published import FILES, read_settings, write_settings
from .reading import ENDINGS, Picture, is_picture, read
from .ready import ready, seen

__all__ = ["ENDINGS", "FILES", "Picture", "is_picture", "read", "read_settings", "ready", "seen", "write_settings"]
