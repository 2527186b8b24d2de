"""Paged: what was looked at, as a page that asks it questions: a file that needs nothing else, a server on this machine, a notebook."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keeping import Budget
    from .web import Server


class Paged(ABC):
    """Any thread may ask; one is answered at a time. `most`: bytes of a file that may be given to it; 0 where none may."""

    most: int = 0

    @property
    @abstractmethod
    def title(self) -> str:
        """What the page is called."""

    @abstractmethod
    def ask(self, query: object) -> dict[str, Any]:
        """The answer to a question, as plain JSON data: {"error", "hint"} to one that cannot be answered."""

    def give(self, data: bytes, name: str) -> dict[str, Any]:
        """What is said of a file, by its bytes; {"error", "hint"} where nothing can be."""
        del data, name
        return {"error": "this model is given texts, and no files.", "hint": "Ask about the text."}

    @abstractmethod
    def bundle(self, budget: Budget | None = None) -> dict[str, Any]:
        """What a page without a model is given."""

    @abstractmethod
    def told(self) -> list[str]:
        """What is read where scripts do not run."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a page that opens with the network off, with as many answers as 3 MB hold; what was said of a recording goes with all of
        it. Raises InputError where it cannot be written."""
        from .static import save

        return save(self, path)

    def serve(self, *, port: int = 0) -> Server:
        """A page with the model behind it, on this machine alone: `with look.serve() as server: print(server.url)`, or start() it."""
        from .web import Server

        return Server(self, port=port)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        from .widget import shown

        return shown(self, include=include, exclude=exclude)

    def _repr_html_(self) -> str:
        from .static import framed

        return framed(self)
