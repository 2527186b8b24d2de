"""What tables are made of: rows, rates and ratios as people read them, and a run's conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a head, as Markdown."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rate(each: Record) -> str:
    """Median, least and most."""
    return f"{short(each['median'])} ({short(each['min'])}-{short(each['max'])})"


def ratio(each: Record) -> str:
    """The same of ratios."""
    return f"{each['median']:.2f} ({each['min']:.2f}-{each['max']:.2f})"


def milliseconds(each: Record) -> str:
    """The same of seconds, in thousandths."""
    return f"{1000 * each['median']:.0f} ({1000 * each['min']:.0f}-{1000 * each['max']:.0f})"


def short(x: float) -> str:
    """Three digits, or all before the point."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def conditions(r: Record) -> str:
    """What a run's figures depend on, in one line."""
    m, v = r["machine"], r["versions"]
    versions = ", ".join(f"{name} {version}" for name, version in v.items())
    return (
        f"\n*{m['cpu']}, {m['cores']} cores ({', '.join(m['instruction_sets'])}), {m['memory_gib']} GiB; {r['threads']} threads; "
        f"{versions}; {r['date'][:10]}; `{r['command']}`.*\n"
    )
