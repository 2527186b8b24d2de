"""Weights in fewer bits: self-describing, so that a file says how it is to be read."""

from .int8 import SCALE, pack
from .rounded import Rounded
from .whole import SHARES, Whole, halved, joined, stored, unpack

__all__ = ["SCALE", "SHARES", "Rounded", "Whole", "halved", "joined", "pack", "stored", "unpack"]
