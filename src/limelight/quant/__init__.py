"""Weights in fewer bits: self-describing, so that a file says how it is to be read."""

from .int8 import pack, unpack

__all__ = ["pack", "unpack"]
