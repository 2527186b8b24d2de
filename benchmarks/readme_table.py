"""The README's table: of each work the fastest of Limelight beside the fastest of the others, from the records of docs/benchmarks.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from .cells import Record, ratio, short, table
from .contestants import LIMELIGHT

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- made by python -m benchmarks --tables -->", "<!-- end -->"
Row = list[str]


def write(results: Path, page: Path) -> None:
    """Put the table between its marks."""
    page.write_text(filled(page.read_text("utf-8"), render(results)), "utf-8")


def filled(page: str, made: str) -> str:
    """A page with a table between the marks."""
    return re.sub(f"{BEGIN}\n.*?{END}", lambda _: f"{BEGIN}\n{made}\n{END}", page, flags=re.DOTALL)


def render(results: Path) -> str:
    """The table, of what has been measured."""
    there = {name: path for name in WORKS if (path := results / f"{name}.json").exists()}
    rows = [row for name, path in there.items() for row in WORKS[name](json.loads(path.read_text("utf-8")))]
    return table(["", "Limelight", "best of the others", "ratio"], rows)


def _cases(r: Record, name: Callable[[Record], str]) -> Iterator[Row]:
    for case in r["cases"]:
        yield from _row(name(case["setting"]), case["results"], case["limelight_by"])


def _row(work: str, results: Record, by: Record) -> Iterator[Row]:
    """None where nobody else took part."""
    ours, theirs = (
        max((name for name in results if name.startswith(LIMELIGHT) is mine), key=lambda name: results[name]["median"], default="")
        for mine in (True, False)
    )
    if (best := by.get(f"{ours} / {theirs}")) is not None:
        yield [f"{work}, {results[ours]['unit']}", _rate(ours, results), _rate(theirs, results), ratio(best)]


def _rate(name: str, results: Record) -> str:
    which = name.removeprefix(LIMELIGHT).strip(", ")
    return short(results[name]["median"]) + (f" ({which})" if which else "")


def _decoding(r: Record) -> Iterator[Row]:
    s = r["setting"]
    return _cases(r, lambda held: f"GPT-2 124M, {s['prompt']} + {s['new']} tokens, batch {held['batch']}")


def _growth(r: Record) -> Iterator[Row]:
    """Where it is longest, and where most rows are written at once."""
    held = [case["setting"] for case in r["cases"]]
    ends = {key: max(each[key] for each in held) for key in ("context", "rows")}
    far = [case for case in r["cases"] if any(case["setting"][key] == most for key, most in ends.items())]
    return _cases({**r, "cases": far}, lambda held: f"GPT-2 124M, a further token after {held['context']:,}, batch {held['rows']}")


def _encoding(r: Record) -> Iterator[Row]:
    yield from _cases(r, lambda held: f"DistilBERT, {held['rows']} x {held['tokens']} tokens")
    if (real := r["real"]) is not None:
        yield from _row("the same, paragraphs and reviews from text", real["results"], real["limelight_by"])


def _translation(r: Record) -> Iterator[Row]:
    return _cases(r, lambda held: f"beam {held['beam']}, {held['model']} size, batch {held['batch']}")


def _attention(r: Record) -> Iterator[Row]:
    return _cases(r, lambda held: f"attention, {held['queries']:,} x {held['keys']:,}, {held['format']}")


def _gpt(r: Record) -> Iterator[Row]:
    s, best = r["setting"], r["limelight_by_the_best_peer"]
    made = {f"{LIMELIGHT} / {best['peer']}": best}
    yield from _row(f"training, {s['layers']} layers of {s['width']}, {s['vocab']:,} words", r["results"], made)


def _seeing(r: Record) -> Iterator[Row]:
    return _cases(r, lambda held: f"ViT-base, 224 x 224, batch {held['pictures']}")


def _hearing(r: Record) -> Iterator[Row]:
    return _cases(r, lambda held: f"Whisper-tiny, {held['recordings']} x 30 s of sound, {r['setting']['new']} tokens of each")


WORKS = {
    "decoding": _decoding,
    "growth": _growth,
    "encoding": _encoding,
    "translation": _translation,
    "seeing": _seeing,
    "hearing": _hearing,
    "attention": _attention,
    "gpt": _gpt,
}
