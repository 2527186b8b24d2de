"""What `limelight mechanisms` says: a list with costs, everything about one, and the page of the documentation."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from ..errors import InputError
from ..spec import to_json
from ..spec.mechanisms import Mechanism, Sizes, cost, find, mechanisms
from ..values import plain
from .streams import say

SIZES = Sizes()
WIDE = 110
STEP, UNITS = 1000, ("", " k", " M", " G", " T", " P")
LEGEND = (
    f"Of {SIZES.encoder_depth} layers that read and {SIZES.decoder_depth} that write, {SIZES.dim} wide, {SIZES.heads} heads, "
    "for n tokens read and n written (a decoder alone: n written), in one pass as in training. "
    "ATTENTION: multiply-adds of scores and of sums of values. PAIRS: bytes of the largest map of queries and keys that is made. "
    "CACHE: bytes that a decoder keeps for each token read and written."
)
PAGE = """# Mechanisms of attention

`limelight mechanisms --markdown` writes this page (`make mechanisms`); `limelight mechanisms NAME` shows the same of one. A recipe
takes one by `[model] mechanism = "NAME"`, and Python by `limelight.mechanisms()["NAME"].build(Sizes(...))`, with `Sizes` of
`limelight.spec.mechanisms`. The letters of shapes: b batch, h heads, q queries, k keys, d head width, n tokens, m model width.

{legend}

{table}

*Reckoned from the spec as the code computes, and held against torch's own count of operations. What a causal mask hides is counted, though
a fused kernel skips most of it; tangents of additive scores are counted beside (BENDS), for they are no multiply-adds.*
"""


def lengths_of(text: str) -> list[int]:
    """Numbers between commas. Raises InputError for what is none."""
    try:
        found = [int(each) for each in text.replace("_", "").split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise InputError(f"lengths are numbers of tokens: got {text[:40]!r}.", "For instance --length 128,1024.")
    return found


def show_list(lengths: Sequence[int], *, as_json: bool) -> None:
    """All of them, by group."""
    if as_json:
        show(mechanisms(), lengths, as_json=True)
        return
    rows = {each.name: _row(each, lengths) for each in mechanisms().values()}
    widths = [max(map(len, column)) for column in zip(_head(lengths), *rows.values(), strict=True)]
    say(_line(_head(lengths), widths))
    for group, members in groupby(mechanisms().values(), key=lambda each: each.group):
        say(f"\n{group}")
        for each in members:
            say(_line(rows[each.name], widths))
    say(f"\n{textwrap.fill(LEGEND, WIDE)}")


def show(names: Iterable[str], lengths: Sequence[int], *, as_json: bool) -> None:
    """Everything about some of them. Raises SpecError for an unknown name before anything is shown."""
    found = [find(name) for name in names]
    if as_json:
        for each in found:
            say(json.dumps(_described(each, lengths), ensure_ascii=False))
    else:
        say("\n\n".join(_told(each, lengths) for each in found))


def show_specs(names: Iterable[str], *, as_json: bool) -> None:
    """The models that are built, as JSON: one indented, or a line each. All of them where none is named."""
    for each in [find(name) for name in names or mechanisms()]:
        made = each.build(SIZES)
        say(json.dumps({"name": each.name, "spec": plain(made)}) if as_json else to_json(made))


def show_page(names: Iterable[str], lengths: Sequence[int]) -> None:
    """The page of the documentation, of all or of some."""
    say(page([find(name) for name in names or mechanisms()], lengths), end="")


def page(found: Sequence[Mechanism], lengths: Sequence[int]) -> str:
    """Markdown: a table of costs, then each mechanism by itself."""
    head = ["mechanism", *_head(lengths)[1:-1]]
    table = [_cells(head), _cells(["---", *["---:"] * (len(head) - 1)])]
    table += [_cells([f"[`{each.name}`](#{each.name})", *_row(each, lengths)[1:-1]]) for each in found]
    parts = [PAGE.format(legend=textwrap.fill(LEGEND, 135), table="\n".join(table))]
    for group, members in groupby(found, key=lambda each: each.group):
        parts += [f"## {group[:1].upper()}{group[1:]}\n", *(_section(each, lengths) for each in members)]
    return "\n".join(parts)


def _section(each: Mechanism, lengths: Sequence[int]) -> str:
    rows = "\n".join(_cells(row) for row in _costs(each, lengths))
    return f"""### {each.name}

{each.title[:1].upper()}{each.title[1:]}.

    {each.equation}

- Shapes: {each.shapes}
- Source: {each.source}
- In a recipe: `mechanism = "{each.name}"`; choices: {", ".join(f"`{choice}`" for choice in each.takes)}

{textwrap.fill(each.about, 135)}

{rows.replace(chr(10), chr(10) + _cells(["---:"] * 6) + chr(10), 1)}
"""


def _told(each: Mechanism, lengths: Sequence[int]) -> str:
    rows = _costs(each, lengths)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    costs = "\n".join("  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    refused = "\n".join(textwrap.fill(f"{name}: {no.why}", WIDE, initial_indent="  ", subsequent_indent="    ")
                        for name, no in each.refuses.items())
    return f"""{each.name}: {each.title} ({each.group})

  {each.equation}

  shapes  {each.shapes}
  source  {each.source}

{textwrap.fill(each.about, WIDE)}

{costs}

In a recipe, under [model]:
  mechanism = "{each.name}"
  and, where it is to be otherwise: {", ".join(each.takes)}
Not with it:
{refused}"""


def _costs(each: Mechanism, lengths: Sequence[int]) -> list[list[str]]:
    made = each.build(SIZES)
    rows = [["n", "ATTENTION", "ALL LAYERS", "BENDS", "PAIRS", "CACHE"]]
    for n in lengths:
        found = cost(made, n)
        rows.append([f"{n:,}", *map(_short, (found.attention, found.layers, found.bends)), *map(_bytes, (found.pairs, found.cache))])
    return rows


def _described(each: Mechanism, lengths: Sequence[int]) -> dict[str, Any]:
    made = each.build(SIZES)
    return {
        **{name: getattr(each, name) for name in ("name", "group", "title", "equation", "shapes", "source", "about")},
        "takes": each.takes,
        "refuses": {choice: asdict(refusal) for choice, refusal in each.refuses.items()},
        "costs": [{"length": n, **asdict(cost(made, n))} for n in lengths],
        "sizes": {name: item for name, item in plain(SIZES).items() if item is not None},
    }


def _head(lengths: Sequence[int]) -> list[str]:
    return ["NAME", *(f"{what} {n:,}" for what in ("ATTENTION", "PAIRS") for n in lengths), "CACHE", "WHAT"]


def _row(each: Mechanism, lengths: Sequence[int]) -> list[str]:
    made = each.build(SIZES)
    found = [cost(made, n) for n in lengths]
    token = cost(made, 2).cache - cost(made, 1).cache
    return [each.name, *(_short(c.attention) for c in found), *(_bytes(c.pairs) for c in found), _bytes(token), _what(each)]


def _what(each: Mechanism) -> str:
    return f"{each.title} ({each.source.partition(',')[0]})"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = row
    cells = [f"{first:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:-1], strict=True)), last]
    return "  ".join(cells)


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def _short(number: int) -> str:
    """With three digits, in thousands, millions ..."""
    power = min(int(f"{number:.2e}".partition("e")[2]) // 3, len(UNITS) - 1)          # rounded first: 999,999 is a million
    return f"{number / STEP**power:.3g}{UNITS[power]}"


def _bytes(number: int) -> str:
    short = _short(number)
    return f"{short}B" if " " in short else f"{short} B"
