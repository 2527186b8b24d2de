"""Models built from a spec: attention, blocks, stacks, recurrent columns, and the caller's cache."""

from .attention import Attention, Look, Sight
from .cache import Cache, Memory
from .draws import Draws
from .network import Network
from .packed import pack_matrices
from .paged import PagedSequence, PagePool
from .paged_cache import PagedCache

__all__ = ["Attention", "Cache", "Draws", "Look", "Memory", "Network", "PagePool", "PagedCache", "PagedSequence", "Sight", "pack_matrices"]
