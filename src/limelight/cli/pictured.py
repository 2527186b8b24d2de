"""Answers with pictures of who looked at whom: drawn below each on the terminal, and all of them on a page."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..look.picture import Picture
from .given import Shown
from .streams import note, say

MOST_PICTURES = 500          # a page with more is too heavy to open


@dataclass
class Pictured(Shown):
    """Results, and the pictures of them where those are wanted. `drawn`: on the terminal; `page`: a file for all of them."""

    drawn: bool = False
    page: Path | None = None
    pictures: list[Picture] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def looking(self) -> bool:
        """Whether pictures are wanted."""
        return self.drawn or self.page is not None

    def results(self, results: list[Any]) -> None:
        """See Shown; with pictures, each stands below its own answer."""
        for each in ([result] for result in results) if self.looking else [results]:
            super().results(each)

    def after(self, result: Any) -> None:
        """See Shown."""
        super().after(result)
        if not self.looking:
            return
        self.pictures.extend(result.pictures if self.page is not None else ())
        if len(self.pictures) > MOST_PICTURES:
            raise InputError(f"more than {MOST_PICTURES} sentences to look at.", "Look at fewer at a time, or use --json for all.")
        if self.drawn and not self.given.as_json:
            for picture in result.pictures:
                say("\n" + drawn(picture))

    def end(self) -> None:
        """Write the page, and say where it is and how long all took."""
        super().end()
        if self.page is None:
            return
        if self.pictures:
            from ..look.html import save

            save(self.pictures, self.page)
            note(f"The same, to look around in: {self.page}")
        else:
            note("There was nothing to look at: no page was written.")
        seconds = time.perf_counter() - self.began
        note(f"{self.count} text{'' if self.count == 1 else 's'} in {seconds:.2f} s.")


def drawn(picture: Picture) -> str:
    """The picture as standard output can show it."""
    from rich.console import Console

    from ..look.terminal import show

    console = Console(file=sys.stdout)
    with console.capture() as caught:
        show(picture, console)
    return caught.get()
