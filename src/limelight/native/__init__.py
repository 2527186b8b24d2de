"""Kernels in C++ for the processor that they run on, compiled at first use; None wherever that cannot be."""

from .build import Built, built, library

__all__ = ["Built", "built", "library"]
