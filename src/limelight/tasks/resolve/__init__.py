"""resolve: what a pronoun stands for, by how likely a language model holds the text with each candidate."""

from .pronouns import Pronoun
from .resolved import Resolved
from .task import Resolve, ResolveOptions

__all__ = ["Pronoun", "Resolve", "ResolveOptions", "Resolved"]
