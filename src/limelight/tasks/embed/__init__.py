"""embed: a text -> one vector, so that texts that mean the same lie near each other."""

from .embedding import Embedding
from .task import Embed, EmbedOptions

__all__ = ["Embed", "EmbedOptions", "Embedding"]
