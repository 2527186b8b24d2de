"""The report: a page with every claim, its figures, its plot and its verdict, made of findings and of nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import replaced
from ..measure.intervals import Estimate
from .claim import Claim
from .findings import Cell, Conditions, Findings, Plot, Table, read
from .plots import draw
from .verdicts import RULES, Check

RESULTS, PLOTS, PAGE = "results", "plots", "README.md"
HEAD = """# Claims

What is said of attention, measured here on real data. `limelight claims run all` measures (`--quick` in minutes, at small sizes),
`limelight claims report` makes this page of the findings in [results](results). Intervals are of 95 %, over seeds where something is
trained or drawn, over rounds where something is timed.
"""


def kept(folder: Path) -> dict[str, Findings]:
    """The findings in FOLDER/results, by claim. Raises InputError for a file there that holds none."""
    return {path.stem: read(path) for path in sorted((folder / RESULTS).glob("*.json"))}


def gather(folder: Path, out: Path) -> list[str]:
    """Copy what a run has found to OUT/results -> the names that are new there; findings of a quick run never replace full ones."""
    there, new = kept(out), []
    (out / RESULTS).mkdir(parents=True, exist_ok=True)
    for name, found in kept(folder).items():
        before = there.get(name)
        if before is not None and before.conditions.size == "full" and found.conditions.size == "quick":
            continue
        if before != found:
            shutil.copyfile(folder / RESULTS / f"{name}.json", out / RESULTS / f"{name}.json")
            new.append(name)
    return new


def write_report(out: Path, claims: Mapping[str, Claim]) -> Path:
    """Make OUT/README.md and OUT/plots/*.svg of OUT/results -> the page. Raises InputError where there is nothing to report, a claim is
    unknown, or matplotlib is not installed."""
    found = kept(out)
    if not found:
        raise InputError(f"there are no findings in {out / RESULTS}.", "Measure first: limelight claims run all --quick")
    (out / PLOTS).mkdir(exist_ok=True)
    for name, plot in drawn(found):
        draw(plot, out / PLOTS / name)
    with replaced(out / PAGE) as draft:
        draft.write_text(page(found, claims), encoding="utf-8")
    return out / PAGE


def drawn(found: Mapping[str, Findings]) -> list[tuple[str, Plot]]:
    """The file name of each plot, and the plot."""
    return [(_file(name, n), plot) for name, each in found.items() for n, plot in enumerate(each.plots, 1)]


def page(found: Mapping[str, Findings], claims: Mapping[str, Claim]) -> str:
    """The page as text."""
    parts = [HEAD, _overview(found, claims), "## How a verdict is made\n", RULES + "\n"]
    parts += [_section(claim, found[name]) for name, claim in claims.items() if name in found]
    return "\n".join(parts)


def _overview(found: Mapping[str, Findings], claims: Mapping[str, Claim]) -> str:
    rows = []
    for name, claim in claims.items():
        if (each := found.get(name)) is not None:
            rows.append((str(claim.number), claim.statement, f"**[{each.verdict.word}](#{name})** ({each.conditions.size})"))
    return _table(("", "claim", "verdict"), rows)


def _section(claim: Claim, found: Findings) -> str:
    c = found.conditions
    parts = [
        f'## {claim.number}. {claim.statement.rstrip(".")} <a id="{claim.name}"></a>\n',
        f"*Source*: {claim.source}. *Refuted by*: {claim.refuted_by}\n",
        f"**Verdict: {found.verdict.word}.** {found.verdict.reason}\n",
        _table(("check", "found", "wanted", ""), [_check(check) for check in found.checks]),
    ]
    parts += [f"![{plot.title}]({PLOTS}/{_file(claim.name, n)})\n" for n, plot in enumerate(found.plots, 1)]
    parts += [as_markdown(each) for each in found.tables]
    parts += [f"- {note}" for note in found.notes] + [""] * bool(found.notes)
    return "\n".join([*parts, _told(claim.name, c)])


def as_markdown(table: Table) -> str:
    """A table under its title."""
    return f"*{table.title}*\n\n{_table(table.columns, _cells(table))}"


def _check(check: Check) -> tuple[str, str, str, str]:
    unit = f" {check.unit}" if check.unit else ""
    return check.says, f"{check.found}{unit}", check.wish, check.outcome


def _told(name: str, c: Conditions) -> str:
    """Where, when and how it was measured, and the command that does it again."""
    m = c.machine
    busy = " to ".join("unknown" if each is None else f"{each:g}" for each in c.busy)
    threads = "1 thread" if c.threads == 1 else f"{c.threads} threads"
    command = f"limelight claims run {name}{' --quick' if c.size == 'quick' else ''}"
    versions = ", ".join(f"{package} {version}" for package, version in c.versions.items())
    return (
        f"*{c.size.capitalize()} size, seeds {', '.join(map(str, c.seeds))}; {c.cells} measurements, "
        f"{c.seconds:,.0f} s. {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB; {threads}, load {busy}; {versions}; "
        f"{c.date[:10]}. Figures by seed: [{name}.json]({RESULTS}/{name}.json). Again: `{command}`.*\n"
    )


def _cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(_cell(cell) for cell in row) for row in table.rows]


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case float():
            return f"{cell:.4g}"
        case Estimate() | str() | int():
            return str(cell)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _file(name: str, number: int) -> str:
    return f"{name}-{number}.svg"
