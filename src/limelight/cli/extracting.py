"""What `limelight extract` does, once its options are read."""

from __future__ import annotations

from functools import partial

from rich.cells import cell_len

from ..look.visible import column, shorten
from ..tasks.bulk import one_line
from ..tasks.extract.extracted import Extracted
from ..tasks.extract.task import ExtractOptions
from .given import Asked, Given, answer
from .marking import harmless, highlighted
from .naming import Named, name_of
from .options import Opening

MOST_SHOWN, WIDEST = 4000, 60            # characters of a text that is shown whole; columns of a span in the list
NOTHING = "(nothing found)"


def run(given: Given, at: Opening, options: ExtractOptions) -> None:
    """Do it."""
    found = at.task("extract")
    answer(Asked(found, found.opened, options, name="entities", doing="extracting"), given, Named(given, partial(_for_person, given)))


def _for_person(given: Given, result: Extracted, number: int | None) -> str:
    """The text with what was found in it; of several texts, a line for each, and of several files, the list of each."""
    if number is None:
        return _at_length(result)
    name = name_of(given, number)
    return one_line(highlighted(result.source, result.marks)) if name is None else f"{harmless(name)}:\n{_listed(result)}"


def _at_length(result: Extracted) -> str:
    """The text with its spans marked, unless it is long, and the list of them."""
    if len(result.source) > MOST_SHOWN or not result.entities:
        return _listed(result)
    return f"{highlighted(result.source, result.marks)}\n\n{_listed(result)}"


def _listed(result: Extracted) -> str:
    """A line for each span: label, text, score, and the characters that it is."""
    rows = [(harmless(each.label), harmless(one_line(each.text)), each) for each in result.entities]
    labels = max((cell_len(label) for label, _, _ in rows), default=0)
    texts = min(WIDEST, max((cell_len(text) for _, text, _ in rows), default=0))
    return "\n".join(
        f"{column(label, labels)}  {column(shorten(text, texts), texts)}  {each.score:.4f}  {each.start}-{each.end}"
        for label, text, each in rows
    ) or NOTHING
