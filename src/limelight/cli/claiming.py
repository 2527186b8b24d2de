"""What `limelight claims` does, once its options are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..claims import Claim, Findings, Lab, Progress, Size, claims, find, write
from ..claims.report import RESULTS, gather, kept, write_report
from ..values import plain
from .columns import in_columns
from .streams import is_terminal, note, say

COLUMNS = ("", "NAME", "VERDICT", "CLAIM")


def show_list(folder: Path, out: Path, *, as_json: bool) -> None:
    """Every claim with its verdict: of the folder of runs, or else of the report."""
    found = {**kept(out), **kept(folder)}
    rows: list[tuple[str, ...]] = [COLUMNS]
    for name, claim in claims().items():
        verdict = _verdict(found.get(name))
        if as_json:
            say(json.dumps({**_described(claim), **verdict}, ensure_ascii=False))
        rows.append((str(claim.number), name, f"{verdict['verdict'] or 'not measured'}{_size(verdict['size'])}", claim.statement))
    if not as_json:
        for line in in_columns(rows):
            say(line)


def measure(names: Sequence[str], size: Size, seeds: tuple[int, ...], folder: Path, *, as_json: bool) -> None:
    """Measure claims one after another; each one's findings are written as soon as they are there."""
    wanted = find(*names)
    with _course(len(wanted)) as tell:
        lab = Lab(folder, seeds, tell)
        results = lab.home(RESULTS)                       # a folder that cannot be written is said before anything is measured
        try:
            for number, claim in enumerate(wanted):
                tell(claim, number)
                found = claim.run(lab, size)
                path = results / f"{claim.name}.json"
                write(found, path)
                say(json.dumps(plain(found), ensure_ascii=False) if as_json else _told(claim, found, path))
        except (KeyboardInterrupt, SystemExit):
            note(f"Stopped. Whatever was finished is kept in {folder}: the same command goes on from there.")
            raise


def write_page(folder: Path, out: Path, *, as_json: bool) -> None:
    """Take over what runs have found, and write the page."""
    new = gather(folder, out)
    path = write_report(out, claims())
    say(json.dumps({"page": str(path), "new": new}) if as_json else f"{path}   {', '.join(new) or 'nothing new'}")


class _Told:
    """Says what a lab is at: call it with a claim and its number, or with a lab's Progress."""

    def __init__(self, show: Callable[[str, int, int], None], begin: Callable[[Claim, int], None]):
        self._show, self._begin = show, begin

    def __call__(self, what: Claim | Progress, number: int = 0) -> None:
        if isinstance(what, Claim):
            self._begin(what, number)
        else:
            self._show(what.what, what.done, what.total)


@contextmanager
def _course(total: int) -> Iterator[_Told]:
    """Bars on a terminal; in a pipe or a log, a line for each claim and each cell that is begun."""
    if not is_terminal(sys.stderr):
        yield _Told(
            lambda what, done, _: note(f"  {what}") if not done else None,
            lambda claim, number: note(f"{number + 1} of {total}: {claim.name}"),
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        outer, inner = progress.add_task("claims", total=total), progress.add_task("", total=1)
        yield _Told(
            lambda what, done, of: progress.update(inner, description=what, completed=done, total=of),
            lambda claim, number: progress.update(outer, description=claim.name, completed=number),
        )


def _told(claim: Claim, found: Findings, path: Path) -> str:
    checks = "\n".join(f"  {check.outcome:<6}{check}" for check in found.checks)
    return f"{claim.name}: {found.verdict.word}. {claim.statement}\n{checks}\n  {path}"


def _described(claim: Claim) -> dict[str, Any]:
    return {
        "number": claim.number,
        "name": claim.name,
        "statement": claim.statement,
        "source": claim.source,
        "refuted_by": claim.refuted_by,
    }


def _verdict(found: Findings | None) -> dict[str, Any]:
    if found is None:
        return {"verdict": None, "reason": None, "size": None}
    return {"verdict": found.verdict.word, "reason": found.verdict.reason, "size": found.conditions.size}


def _size(size: str | None) -> str:
    return f" ({size})" if size else ""
