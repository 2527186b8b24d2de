"""Models built from a spec: attention, blocks, stacks, and the caller's cache."""

from .attention import Attention, Look, Sight
from .cache import Cache, Memory
from .packed import pack_matrices
from .transformer import Transformer

__all__ = ["Attention", "Cache", "Look", "Memory", "Sight", "Transformer", "pack_matrices"]
