"""Faithful: how far to trust the ways of telling which words decided: the figures of each model that was measured, and a page of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import replaced
from ..look.evidence import STEPS
from ..measure import machine, versions
from ..measure.intervals import Estimate
from ..tasks.recipes.ways import RANDOM, Ways
from ..values import parse, plain, value
from .findings import Line, Plot, Table
from .plots import draw
from .report import as_markdown

HEAD = """# Which words decided, and how far to trust what says so

Each way of telling which words of a text decided its class puts the words in an order. It is faithful if the first of them are those that
the class rests on, which is measured by taking words away and reading the text again (DeYoung et al. 2020, ERASER, section 4.2):

- *Comprehensiveness*: by how much the probability of the label falls without the words that are named first. More is better.
- *Sufficiency*: by how much it falls with these alone. Less is better; below 0 the label is surer than with the whole text.

Both are means over the first 1, 5, 10, 20 and 50 % of the words, rounded up. The ways are ranked by comprehensiveness less sufficiency, and
the first is what `limelight classify --why` uses. Intervals are of 95 %, over texts. An order drawn at random is what any way has to beat.
"""
WAYS = """
| way | what an effect is | source |
|---|---|---|
| leave-one-out | the fall of the label's log-odds when the text is read without the word | Li et al. 2016, section 3 |
| integrated-gradients | slopes of the log-odds along the way from nothing to the word's vectors | Sundararajan et al. 2017, section 3 |
| gradient-x-input | the slope of the log-odds with the word's vectors, times these | Shrikumar et al. 2017; Simonyan et al. 2014 |
| attention | the share of the last layer's attention, from the place that the class is read off | Jain and Wallace 2019 |
| rollout | the same through all layers | Abnar and Zuidema 2020, section 3 |
"""


@value
class Study:
    """What was found with one model. `best`: the way that measured best; `command`: what does it again; `seconds`: how long it took."""

    model: str
    data: str
    texts: int
    best: str
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...]
    notes: tuple[str, ...]
    command: str
    machine: dict[str, Any]
    versions: dict[str, str]
    date: str
    seconds: float


def study(ways: Ways, *, model: str, data: str, command: str, date: str, seconds: float) -> Study:
    """Figures of a model as a page shows them."""
    sets = list(dict.fromkeys(ways.sets))
    return Study(
        model=model,
        data=data,
        texts=len(ways.sets),
        best=ways.ranked[0],
        tables=(_overall(ways), _by_set(ways, sets, "Comprehensiveness"), _by_set(ways, sets, "Sufficiency")),
        plots=(_plot(ways),),
        notes=(
            f"A word is {ways.how} where the text is read without it. Texts have {min(ways.words)} to {max(ways.words)} words, "
            f"{sum(ways.words) / len(ways.words):.0f} on average.",
            "The label is the one that the model gives to the whole text, right or wrong: it is the model that is explained.",
            "Leave-one-out takes words away one by one as the measure takes several: of the ways, it is the nearest to what is measured.",
        ),
        command=command,
        machine=machine(),
        versions=versions(),
        date=date,
        seconds=round(seconds, 1),
    )


def check_page(path: Path) -> None:
    """Raises InputError for a page that is no .md or has no folder to stand in, before anything is measured."""
    if path.suffix != ".md":
        raise InputError(f"the page is written as Markdown: got {path}.", "Call it evidence.md, for instance.")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path}.", "Create it, or choose another place.")


def write_page(path: Path, new: Study) -> Path:
    """Keep a study in the folder that is called as the page, draw its plots there, and make the page of all studies that are kept there.

    Raises InputError for a place that cannot be written, or where matplotlib is not installed.
    """
    check_page(path)
    home = path.with_suffix("")
    home.mkdir(parents=True, exist_ok=True)
    with replaced(home / f"{new.model}.json") as draft:
        draft.write_text(json.dumps(plain(new), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    studies = kept(home)
    for each in studies:
        for number, plot in enumerate(each.plots, 1):
            draw(plot, home / _file(each, number))
    with replaced(path) as draft:
        draft.write_text(page(studies, home.name), encoding="utf-8")
    return path


def kept(home: Path) -> list[Study]:
    """The studies of a folder, by the names of their models. Raises InputError for a file that is none."""
    found = []
    for path in sorted(home.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}.", "Measure again: limelight eval MODEL --evidence 100 --page ...") from None
        found.append(parse(Study, data, where=str(path), error=InputError))
    return found


def page(studies: Iterable[Study], home: str) -> str:
    """The page as text; `home`: the folder of its plots."""
    return "\n".join([HEAD + WAYS, *(_section(each, home) for each in studies)])


def _section(found: Study, home: str) -> str:
    plots = [f"![{plot.title}]({home}/{_file(found, number)})\n" for number, plot in enumerate(found.plots, 1)]
    m, packages = found.machine, ", ".join(f"{name} {version}" for name, version in found.versions.items())
    where = f"{m['cpu']}, {m['cores']} cores; {packages}; {found.date[:10]}, {found.seconds:,.0f} s"
    return "\n".join(
        [
            f"## {found.model}\n",
            f"{found.texts:,} texts of {found.data}. Best: **{found.best}**.\n",
            as_markdown(found.tables[0]),
            *plots,
            *map(as_markdown, found.tables[1:]),
            *(f"- {note}" for note in found.notes),
            f"\n*{where}. All figures: [{found.model}.json]({home}/{found.model}.json). Again: `{found.command}`.*\n",
        ]
    )


def _overall(ways: Ways) -> Table:
    best = ways.ranked[0]
    rows = tuple(
        (
            name,
            ways.comprehensiveness(name),
            ways.sufficiency(name),
            _mean(ways, name),
            None if name == best else ways.beyond(best, name),
        )
        for name in (*ways.ranked, RANDOM)
    )
    columns = ("way", "comprehensiveness", "sufficiency", "one less the other", f"{best} is better by")
    return Table(title="All texts", columns=columns, rows=rows)


def _mean(ways: Ways, name: str) -> float:
    gains = ways.gains(name)
    return round(sum(gains) / len(gains), 4)


def _by_set(ways: Ways, sets: Sequence[str], what: str) -> Table:
    figure = ways.comprehensiveness if what == "Comprehensiveness" else ways.sufficiency
    rows = tuple((of, sum(of == each for each in ways.sets), *(figure(name, of) for name in (*ways.ranked, RANDOM))) for of in sets)
    return Table(title=f"{what}, set by set", columns=("set", "texts", *ways.ranked, RANDOM), rows=rows)


def _plot(ways: Ways) -> Plot:
    """Without the last point, where no word is left and all lines meet."""
    x = tuple(100 * share for share in STEPS[:-1])
    lines = tuple(Line(label=name, x=x, y=tuple(map(_short, ways.curve(name)[:-1]))) for name in (*ways.ranked, RANDOM))
    return Plot(title="What becomes of the label as the words named first go", x="words gone, %", y="probability of the label", lines=lines)


def _short(found: Estimate) -> Estimate:
    low, high = (None if each is None else round(each, 5) for each in (found.low, found.high))
    return replace(found, mean=round(found.mean, 5), low=low, high=high)


def _file(found: Study, number: int) -> str:
    return f"{found.model}-{number}.svg"
