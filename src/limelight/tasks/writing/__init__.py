"""Writing: what the tasks that let a model write have in common. A Scribe writes answers to parts of texts, a Writer says how."""

from .generated import Candidate, Chosen, Generated
from .scribe import Answer, Part, Scribe, Sight, by_text
from .writer import Writer, Writing

__all__ = ["Answer", "Candidate", "Chosen", "Generated", "Part", "Scribe", "Sight", "Writer", "Writing", "by_text"]
