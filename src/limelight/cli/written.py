"""Answers that are text: several as a list, or one word by word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..decode import Tally
from ..errors import RecipeError
from ..tasks.bulk import one_line
from ..tasks.writing.generated import Generated
from ..tasks.writing.writer import Writer
from .given import Asked, Given, Shown, answer, as_json
from .options import Opening, Search
from .searching import search_options
from .streams import note, say


@dataclass(frozen=True)
class Writes:
    """A task that writes: its name, the column of its answers, and what it is doing, for a progress bar. `open_ended`: an answer need
    not come to an end of its own."""

    name: str
    column: str
    doing: str
    open_ended: bool = False


def write(what: Writes, given: Given, at: Opening, search: Search, more: Mapping[str, Any], stream: bool) -> None:
    """Do it. `more`: options of this task alone."""
    if stream and given.table.file is not None:
        raise RecipeError("--stream is for texts to read, not for files.", "Give TEXT instead of --file.")
    if stream and search.nbest > 1:
        raise RecipeError("--stream shows one answer as it grows, --nbest asks for several.", "Leave one of them out.")
    found = at.task(what.name)
    options = found.Options(**search_options(search, Writer(found.opened, what.name)), **more)
    shown = _Shown(given, listed, told=what.open_ended and search.max_length is not None)
    if not stream:
        answer(Asked(found, found.opened, options, name=what.column, doing=what.doing), given, shown)
        return
    for text in given.each():
        show_stream(found.stream(text, options), shown)
    shown.end()


@dataclass
class _Shown(Shown):
    """Says too where a long text was read in parts, and how drafting went."""

    drafts: Tally | None = None

    def after(self, result: Generated) -> None:
        """See Shown."""
        super().after(result)
        if result.drafts is not None:
            self.drafts = result.drafts + (self.drafts or Tally())
        if result.parts > 1:
            note(f"limelight: note: the text is longer than the model reads at once: it was read in {result.parts} parts.")

    def end(self) -> None:
        """See Shown."""
        super().end()
        if (d := self.drafts) is not None:
            note(f"limelight: note: {d.accepted:,} of {d.drafted:,} drafted tokens were accepted ({d.share:.0%}).")


def listed(result: Generated, number: int | None) -> str:
    """An answer as it is; or a line for each of several, with its score, and with the number of its text where there are several."""
    if not result.several:
        return result.text if number is None else one_line(result.text)
    before = "" if number is None else f"{number}\t"
    return "\n".join(f"{before}{c.score:.4f}\t{one_line(c.text)}" for c in result.nbest)


def show_stream(stream: Iterable[str | Generated], shown: Shown, *, pieces: bool = True) -> None:
    """Words as they become sure, and the result. A Ctrl-C leaves those that are there, and the line is ended. `pieces`: whether words
    are shown one by one."""
    began, json_wanted = False, shown.given.as_json
    try:
        for piece in stream:
            if isinstance(piece, Generated):
                say(as_json(piece) if json_wanted else "")
                shown.after(piece)
            elif pieces:
                say(json.dumps({"piece": piece}, ensure_ascii=False) if json_wanted else piece, end="\n" if json_wanted else "")
                began = True
    except KeyboardInterrupt:
        if began and not json_wanted:
            say("")
        raise
