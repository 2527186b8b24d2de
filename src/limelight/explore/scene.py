"""Scene: all that a page is told first: the text as tokens and words, the attentions by name, what was written and how likely it was.

Plain data, no torch. What these values are as JSON is what pages and notebooks read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..values import plain

VERSION = 1
Span = tuple[int, int]
Candidates = tuple[tuple[str, float], ...]
State = Literal["won", "live", "dropped", "ended"]


@dataclass(frozen=True)
class Token:
    """One token of a track. `piece`: with its leading space; `text`: what a reader sees; `span`: its characters; `word`: which of the
    track's words it is of; `special`: a mark, which stands for no text."""

    piece: str
    text: str
    id: int
    span: Span | None
    word: int | None
    special: bool


@dataclass(frozen=True)
class Track:
    """A sequence that a stack reads. `prompt`: how many tokens were given and not written; `words`: characters of each; `groups`: tokens
    [first, end) of each word in order, those of no word by themselves, so that all tokens are in one."""

    text: str
    prompt: int
    tokens: tuple[Token, ...]
    words: tuple[Span, ...]
    groups: tuple[Span, ...]


@dataclass(frozen=True)
class Attended:
    """One attention. `queries`, `keys`: the tracks that they are of; `mechanism`: its score and weights in words; `note`: what a reader of
    its weights must know."""

    name: str
    side: Literal["encoder", "decoder"]
    layer: int
    kind: Literal["self", "cross"]
    heads: int
    queries: str
    keys: str
    causal: bool
    mechanism: str
    note: str | None = None


@dataclass(frozen=True)
class Step:
    """One token that was chosen. `at`: the place in the decoder's track whose row chose it; `p`: its probability in the traced pass;
    `candidates`: the likeliest there."""

    at: int
    piece: str
    id: int
    p: float
    candidates: Candidates


@dataclass(frozen=True)
class Verdict:
    """What a model says that writes nothing. `p`: None where nothing is a probability."""

    kind: Literal["class", "mask", "vector", "none"]
    label: str
    p: float | None
    candidates: Candidates


@dataclass(frozen=True)
class Node:
    """A token of the tree of beams; `logp`: its own log-probability; `total`: of all up to it; `step`: counted from 0."""

    id: int
    parent: int | None
    piece: str
    logp: float
    total: float
    step: int
    state: State


@dataclass(frozen=True)
class Live:
    """What can be asked of whoever answers: edits, and which methods of evidence."""

    lab: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """What is shown first."""

    name: str
    head: int
    query: int


@dataclass(frozen=True)
class Scene:
    """See the module. `align`: a Picture's JSON; `beams`: the tree, where several answers were followed at once; `trust`: how far to trust
    weights, alignment and attention, a line each."""

    model: str
    family: str
    parameters: int
    task: str
    title: str
    seconds: float
    tracks: Mapping[str, Track]
    attentions: tuple[Attended, ...]
    steps: tuple[Step, ...]
    choice: Verdict | None
    beams: tuple[Node, ...] | None
    align: Mapping[str, Any] | None
    trust: Mapping[str, str]
    live: Live
    start: Start

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, as the page reads it."""
        told = plain(self)
        told["beams"] = None if self.beams is None else {"nodes": told["beams"]}
        return {"version": VERSION, **told}
