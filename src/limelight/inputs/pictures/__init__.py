"""Pictures <-> tensors: files read with care, and made ready as a model wants them."""

from .published import FILES, read_settings, write_settings
from .reading import Picture, read
from .ready import ready

__all__ = ["FILES", "Picture", "read", "read_settings", "ready", "write_settings"]
