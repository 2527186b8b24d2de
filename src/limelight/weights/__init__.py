"""Weight files, read without running anything."""

from .safe import read_tensors, write_tensors

__all__ = ["read_tensors", "write_tensors"]
