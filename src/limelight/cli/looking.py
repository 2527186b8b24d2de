"""What `limelight look` does, once its options are read."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from ..errors import InputError, RecipeError, TraceError, did_you_mean
from ..explore import Explorer
from ..explore.explorer import Asked
from ..hub import open_model
from ..look.heat import heat
from ..look.visible import column, shorten, steady
from ..values import shortened
from .look import Reading, Where
from .streams import note, say

MOST_ROWS, BEST, LABEL, LEAST, KNOWN = 60, 4, 18, 0.01, 60
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
    explorer = explore(job.model, job.text, job.reading)
    found = _Found(explorer, job.where)
    if job.port is None or job.html is not None or found.asked:
        if job.as_json:
            say(json.dumps(found.to_json(), ensure_ascii=False))
        else:
            _print(found.told())
    if job.html is not None:
        note(f"To look around in: {explorer.save(job.html)}")
    if job.port is not None:
        _serve(explorer, job.port, job.as_json)


def explore(model: str, text: str, reading: Reading) -> Explorer:
    """Open the model and read."""
    languages = reading.source_language, reading.target_language
    opened = open_model(model, device=reading.device, dtype=reading.dtype)
    return Explorer.of(opened, text, Asked(reading.to, reading.new, reading.beam, languages))


def asked(explorer: Explorer, query: dict[str, Any]) -> dict[str, Any]:
    """An answer. Raises InputError where there is none."""
    answer = explorer.ask(query)
    if "error" in answer:
        raise InputError(answer["error"], answer["hint"])
    return answer


def _serve(explorer: Explorer, port: int, as_json: bool) -> None:
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


class _Found:
    """What is meant by the options: attentions, perhaps a head, perhaps one that looks."""

    def __init__(self, explorer: Explorer, where: Where):
        self.explorer, self.scene, self.where = explorer, explorer.scene, where
        self.tracks = self.scene.tracks
        if where.head is not None and where.layer is None and where.attention is None:
            raise RecipeError(f"--head {where.head} is of a layer, and none was named.", "Say --layer N, or --attention NAME.")
        self.names = self._names()
        self.query = None if where.start is None else self._place(self._track(self.names[0], "queries"), where.start)
        if where.head is not None and where.head >= (count := self._attended(self.names[0]).heads):
            raise TraceError(f"{self.names[0]} has {count} heads, 0 to {count - 1}: got {where.head}.", "Name one that is there.")

    @property
    def asked(self) -> bool:
        """Whether anything was asked for besides the whole."""
        w = self.where
        return any(each is not None for each in (w.layer, w.head, w.start, w.attention))

    # --- what is meant ------------------------------------------------------------------------------------------------
    def _names(self) -> list[str]:
        """The attentions: by name, or those of a layer; one alone where somebody looks."""
        known, where = [each.name for each in self.scene.attentions], self.where
        if where.attention is not None:
            if where.attention not in known:
                raise TraceError(f'no attention is named "{where.attention[:60]}".', did_you_mean(where.attention[:60], known))
            return [where.attention]
        if where.layer is None:
            return known if where.start is None else [self.scene.start.name]
        mine = [each for each in self.scene.attentions if each.layer == where.layer]
        if not mine:
            last = max(each.layer for each in self.scene.attentions)
            raise TraceError(f"there is no layer {where.layer}: the layers are 0 to {last}.", "Name one that is there.")
        if where.start is None and where.head is None:
            return [each.name for each in mine]
        return [self._likeliest(mine)]

    def _likeliest(self, mine: list[Any]) -> str:
        """Of a layer's attentions the one that is meant: the text's own where the word stands in it, else that from the answer to it."""
        if self.where.start is not None:
            for each in mine:
                if each.kind == "self" and each.side == "encoder" and self._places(self.tracks[each.queries], self.where.start):
                    return each.name
        return next((each.name for each in mine if each.kind == "cross"), mine[-1].name)

    def _attended(self, name: str) -> Any:
        return next(each for each in self.scene.attentions if each.name == name)

    def _track(self, name: str, side: str) -> Any:
        return self.tracks[getattr(self._attended(name), side)]

    def _labels(self, track: Any) -> list[str]:
        """The words of a track, those of no word as tokens; or all tokens."""
        if self.where.tokens:
            return [token.text for token in track.tokens]
        words = (track.tokens[a].word for a, _ in track.groups)
        return [track.tokens[a].text if word is None else track.text[slice(*track.words[word])]
                for (a, _), word in zip(track.groups, words, strict=True)]

    def _places(self, track: Any, word: str) -> list[int]:
        """Where a word stands: as it is written, else whatever its letters are, else by its number."""
        labels = self._labels(track)
        for same in (lambda label: label == word, lambda label: label.casefold() == word.casefold()):
            if found := [i for i, label in enumerate(labels) if same(label)]:
                return found
        return [int(word)] if word.isdecimal() and int(word) < len(labels) else []

    def _place(self, track: Any, word: str) -> int:
        """The one place that is meant. Raises InputError where there is none, or several."""
        places, labels = self._places(track, word), self._labels(track)
        if len(places) == 1:
            return places[0]
        if places:
            which = ", ".join(map(str, places[:12]))
            raise InputError(f'"{word[:40]}" stands at {which}: which is meant was not said.', f"Say --from {places[0]}, its number.")
        all_words = labels if self.where.attention is not None else [each for one in self.tracks.values() for each in self._labels(one)]
        hint = did_you_mean(word[:60], dict.fromkeys(all_words[:KNOWN]))
        raise InputError(f"{shortened(word, 40)} is no word of it, nor a number from 0 to {len(labels) - 1}.", hint)

    # --- what is shown ------------------------------------------------------------------------------------------------
    def _row(self, name: str, query: int, top: int) -> dict[str, Any]:
        head = "mean" if self.where.head is None else self.where.head
        question = {"ask": "row", "name": name, "head": head, "query": query, "words": not self.where.tokens, "top": top}
        return asked(self.explorer, question)

    def to_json(self) -> dict[str, Any]:
        """As data."""
        found: dict[str, Any] = {"model": self.scene.model, "text": self.scene.title, "trust": dict(self.scene.trust)}
        if self.query is None and self.where.head is None:
            return {**found, "attentions": [self._grid(name) for name in self.names]}
        name = self.names[0]
        rows = range(len(self._labels(self._track(name, "queries")))) if self.query is None else [self.query]
        return {**found, "attention": name, "head": self.where.head, "rows": [self._told(name, query) for query in rows]}

    def _told(self, name: str, query: int) -> dict[str, Any]:
        keys, row = self._labels(self._track(name, "keys")), self._row(name, query, 64)
        links = [{"index": key, "text": keys[key], "weight": weight} for key, weight in zip(row["keys"], row["weights"], strict=True)]
        label = self._labels(self._track(name, "queries"))[query]
        return {"from": {"index": query, "text": label}, "to": links, "rest": row["rest"], "entropy": row["entropy"]}

    def _grid(self, name: str) -> dict[str, Any]:
        grid = asked(self.explorer, {"ask": "grid", "name": name})
        heads = [{key: value for key, value in head.items() if key not in ("thumb", "size", "height", "width")} for head in grid["heads"]]
        return {"name": name, "every": grid["every"], "heads": heads}

    def told(self) -> list[Text]:
        """As lines."""
        if self.query is None and self.where.head is None:
            lines = self._table()
        elif self.query is None:
            lines = self._all_rows()
        else:
            lines = self._heat(self.query)
        return [*lines, Text(), Text(f"trust: {self.scene.trust['weights']}", "dim"), Text(self.scene.trust["attention"], "dim")]

    def _table(self) -> list[Text]:
        """A line a head."""
        lines = [Text(f"{'ATTENTION':<20}{'HEAD':>4}  {'ENTROPY':>8}{'EVEN':>8}{'FIRST':>8}{'AWAY':>8}  LOOKS AT", "bold")]
        for name in self.names:
            for i, head in enumerate(asked(self.explorer, {"ask": "grid", "name": name})["heads"]):
                away = "-" if head["distance"] is None else f"{head['distance']:.1f}"
                numbers = f"{head['entropy']:>8.2f}{head['even']:>8.2f}{head['first']:>8.2f}{away:>8}"
                lines.append(Text(f"{name:<20}{i:>4}  {numbers}  {_habit(head['label'])}".rstrip()))
        return [*lines, Text(), Text(LEGEND, "dim")]

    def _all_rows(self) -> list[Text]:
        """What each word looked at most."""
        name = self.names[0]
        labels, keys = self._labels(self._track(name, "queries")), self._labels(self._track(name, "keys"))
        lines = [Text(f"{name}, head {self.where.head}", "bold"), Text()]
        for query, label in enumerate(labels[:MOST_ROWS]):
            row = self._row(name, query, BEST)
            best = [f"{_word(keys[key])} {weight:.2f}" for key, weight in zip(row["keys"], row["weights"], strict=True) if weight >= LEAST]
            lines.append(Text(f"{query:>5}  {column(_word(label), LABEL)} {', '.join(best)}"))
        if len(labels) > MOST_ROWS:
            lines.append(Text(f"and {len(labels) - MOST_ROWS} more: say --from N for one of them, or --json for all.", "dim"))
        return lines

    def _heat(self, query: int) -> list[Text]:
        """One row as a line of heat, and its best keys with numbers."""
        name = self.names[0]
        attended, keys = self._attended(name), self._labels(self._track(name, "keys"))
        row = self._row(name, query, len(keys))
        weights = [0.0] * len(keys)
        for key, weight in zip(row["keys"], row["weights"], strict=True):
            weights[key] = weight
        console = Console(file=sys.stdout)
        line = heat(keys, weights, width=console.width, encoding=console.encoding, at=query if attended.kind == "self" else -1)
        best = [f"{_word(keys[key])} {weight:.4f}" for key, weight in zip(row["keys"][:8], row["weights"][:8], strict=True)]
        head = "the mean of its heads" if self.where.head is None else f"head {self.where.head}"
        label = _word(self._labels(self._track(name, "queries"))[query])
        told = Text(f"  shades: shares of the best weight, {max(weights):.4f}", "dim")
        return [Text(f'{name}, {head}: where "{label}" ({query}) looks', "bold"), Text(), line, Text(), Text("  " + "   ".join(best)), told]


def _habit(label: dict[str, Any] | None) -> str:
    if label is None:
        return ""
    return f"{label['name']} {label['share']:.0%}" + ("" if label["chance"] is None else f" ({label['chance']:.0%})")


def _word(word: str) -> str:
    return shorten(steady(word[:400]), LABEL)
