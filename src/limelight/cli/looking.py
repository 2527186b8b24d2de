"""What `limelight look` does, once its options are read."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from ..errors import InputError, RecipeError, TaskError
from ..explore import Explorer
from ..explore.explorer import Asked, look_at
from ..explore.paged import Paged
from ..explore.shown import Showing
from ..hub import open_model
from ..look.heat import heat
from ..look.visible import column, shorten, steady, visible
from .look import Reading, Where
from .meant import Meant
from .streams import note, say

MOST_ROWS, BEST, LABEL, LEAST = 60, 4, 18, 0.01
LEGEND = "Entropy in nats, and of an even look; the first token's share; tokens away on average; a habit with its share, and chance's."


@dataclass(frozen=True)
class Job:
    """All that was asked for. `port`: None where nothing is served."""

    model: str
    text: str
    reading: Reading
    where: Where
    html: str | None
    port: int | None
    as_json: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what is not there, with what is."""
    explorer = _looked_at(job.model, job.text, job.reading)
    if isinstance(explorer, Showing):
        _show(explorer, job)
        return
    meant = Meant(explorer, job.where)
    found = _Shown(meant)
    if job.port is None or job.html is not None or meant.asked:
        if job.as_json:
            say(json.dumps(found.to_json(), ensure_ascii=False))
        else:
            _print(found.told())
    if job.html is not None:
        note(f"To look around in: {explorer.save(job.html)}")
    if job.port is not None:
        _serve(explorer, job.port, job.as_json)


def explore(model: str, text: str, reading: Reading) -> Explorer:
    """Open the model and read. Raises TaskError for a model that reads no texts to answer them."""
    looked = _looked_at(model, text, reading)
    if isinstance(looked, Showing):
        m = looked.opened.manifest
        raise TaskError(f"{m.name} is for {m.task}: there are no steps of a text to show.", "limelight look shows what it said.")
    return looked


def _looked_at(model: str, given: str, reading: Reading) -> Explorer | Showing:
    languages = reading.source_language, reading.target_language
    opened = open_model(model, device=reading.device, dtype=reading.dtype, quant=reading.quant)
    return look_at(opened, given, Asked(reading.to, reading.new, reading.beam, languages))


def _show(showing: Showing, job: Job) -> None:
    """What a model said of a picture or a recording, or drew. Raises RecipeError where a head of a text is asked for."""
    m = showing.opened.manifest
    if job.where != Where():
        raise RecipeError(f"{m.name} is for {m.task}: no heads of it are shown.", "Leave out which head, and from where.")
    if job.port is None or job.html is not None:
        told = [visible(line) for line in showing.told() if line]
        say(json.dumps(showing.shown, ensure_ascii=False) if job.as_json else "\n".join(told))
    if job.html is not None:
        note(f"To look around in: {showing.save(job.html)}")
    if job.port is not None:
        _serve(showing, job.port, job.as_json)


def asked(explorer: Explorer, query: dict[str, Any]) -> dict[str, Any]:
    """An answer. Raises InputError where there is none."""
    answer = explorer.ask(query)
    if "error" in answer:
        raise InputError(answer["error"], answer["hint"])
    return answer


def _serve(explorer: Paged, port: int, as_json: bool) -> None:
    server = explorer.serve(port=port)
    say(json.dumps({"url": server.url}) if as_json else server.url)
    note("Ctrl-C ends. Only who has this address can look; it is of this machine alone.")
    server.run()


def _print(lines: list[Text]) -> None:
    """As standard output can show it: its width, and no colours into a file or a pipe."""
    console = Console(file=sys.stdout)
    color = console.is_terminal and not console.no_color
    with console.capture() as caught:
        for line in lines:
            console.print(line if color else Text(line.plain), soft_wrap=True, highlight=False, markup=False, emoji=False)
    say(caught.get(), end="")


class _Shown:
    """What is meant, as data and as lines."""

    def __init__(self, meant: Meant):
        self.meant = meant

    def _row(self, name: str, query: int, top: int) -> dict[str, Any]:
        head = "mean" if self.meant.where.head is None else self.meant.where.head
        question = {"ask": "row", "name": name, "head": head, "query": query, "words": not self.meant.where.tokens, "top": top}
        return asked(self.meant.explorer, question)

    def to_json(self) -> dict[str, Any]:
        """As data."""
        found: dict[str, Any] = {"model": self.meant.scene.model, "text": self.meant.scene.title, "trust": dict(self.meant.scene.trust)}
        if self.meant.query is None and self.meant.where.head is None:
            return {**found, "attentions": [self._grid(name) for name in self.meant.names]}
        name = self.meant.names[0]
        rows = range(len(self.meant.labels(self.meant.track(name, "queries")))) if self.meant.query is None else [self.meant.query]
        return {**found, "attention": name, "head": self.meant.where.head, "rows": [self._told(name, query) for query in rows]}

    def _told(self, name: str, query: int) -> dict[str, Any]:
        keys, row = self.meant.labels(self.meant.track(name, "keys")), self._row(name, query, 64)
        links = [{"index": key, "text": keys[key], "weight": weight} for key, weight in zip(row["keys"], row["weights"], strict=True)]
        label = self.meant.labels(self.meant.track(name, "queries"))[query]
        return {"from": {"index": query, "text": label}, "to": links, "rest": row["rest"], "entropy": row["entropy"]}

    def _grid(self, name: str) -> dict[str, Any]:
        grid = asked(self.meant.explorer, {"ask": "grid", "name": name})
        heads = [{key: value for key, value in head.items() if key not in ("thumb", "size", "height", "width")} for head in grid["heads"]]
        return {"name": name, "every": grid["every"], "heads": heads}

    def told(self) -> list[Text]:
        """As lines."""
        if self.meant.query is None and self.meant.where.head is None:
            lines = self._table()
        elif self.meant.query is None:
            lines = self._all_rows()
        else:
            lines = self._heat(self.meant.query)
        trust = self.meant.scene.trust
        return [*lines, Text(), Text(f"trust: {trust['weights']}", "dim"), Text(trust["attention"], "dim")]

    def _table(self) -> list[Text]:
        """A line a head."""
        lines = [Text(f"{'ATTENTION':<20}{'HEAD':>4}  {'ENTROPY':>8}{'EVEN':>8}{'FIRST':>8}{'AWAY':>8}  LOOKS AT", "bold")]
        for name in self.meant.names:
            for i, head in enumerate(asked(self.meant.explorer, {"ask": "grid", "name": name})["heads"]):
                away = "-" if head["distance"] is None else f"{head['distance']:.1f}"
                numbers = f"{head['entropy']:>8.2f}{head['even']:>8.2f}{head['first']:>8.2f}{away:>8}"
                lines.append(Text(f"{name:<20}{i:>4}  {numbers}  {_habit(head['label'])}".rstrip()))
        return [*lines, Text(), Text(LEGEND, "dim")]

    def _all_rows(self) -> list[Text]:
        """What each word looked at most."""
        name = self.meant.names[0]
        labels, keys = self.meant.labels(self.meant.track(name, "queries")), self.meant.labels(self.meant.track(name, "keys"))
        lines = [Text(f"{name}, head {self.meant.where.head}", "bold"), Text()]
        for query, label in enumerate(labels[:MOST_ROWS]):
            row = self._row(name, query, BEST)
            best = [f"{_word(keys[key])} {weight:.2f}" for key, weight in zip(row["keys"], row["weights"], strict=True) if weight >= LEAST]
            lines.append(Text(f"{query:>5}  {column(_word(label), LABEL)} {', '.join(best)}"))
        if len(labels) > MOST_ROWS:
            lines.append(Text(f"and {len(labels) - MOST_ROWS} more: say --from N for one of them, or --json for all.", "dim"))
        return lines

    def _heat(self, query: int) -> list[Text]:
        """One row as a line of heat, and its best keys with numbers."""
        name = self.meant.names[0]
        attended, keys = self.meant.attended(name), self.meant.labels(self.meant.track(name, "keys"))
        row = self._row(name, query, len(keys))
        weights = [0.0] * len(keys)
        for key, weight in zip(row["keys"], row["weights"], strict=True):
            weights[key] = weight
        console = Console(file=sys.stdout)
        line = heat(keys, weights, width=console.width, encoding=console.encoding, at=query if attended.kind == "self" else -1)
        best = [f"{_word(keys[key])} {weight:.4f}" for key, weight in zip(row["keys"][:8], row["weights"][:8], strict=True)]
        head = "the mean of its heads" if self.meant.where.head is None else f"head {self.meant.where.head}"
        label = _word(self.meant.labels(self.meant.track(name, "queries"))[query])
        told = Text(f"  shades: shares of the best weight, {max(weights):.4f}", "dim")
        return [Text(f'{name}, {head}: where "{label}" ({query}) looks', "bold"), Text(), line, Text(), Text("  " + "   ".join(best)), told]


def _habit(label: dict[str, Any] | None) -> str:
    if label is None:
        return ""
    return f"{label['name']} {label['share']:.0%}" + ("" if label["chance"] is None else f" ({label['chance']:.0%})")


def _word(word: str) -> str:
    return shorten(steady(word[:400]), LABEL)
