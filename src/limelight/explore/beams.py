"""The tree of beams: every partial answer that a search followed, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..decode import Hypothesis, Step
from .scene import Node, State

MOST = 256                               # steps that are noted: a tree of more is too large to be looked at
Tokens = tuple[int, ...]
RANK: dict[State, int] = {"dropped": 0, "live": 1, "ended": 2, "won": 3}


@dataclass
class _Branch:
    logp: float
    total: float
    state: State = "dropped"


@dataclass
class Growing:
    """Notes a search step by step, for the one source of its batch; what it notes is there already, and costs the search nothing."""

    branches: dict[Tokens, _Branch] = field(default_factory=dict)
    under_way: list[Tokens] = field(default_factory=list)

    def note(self, step: Step) -> None:
        """Trails under way, and answers that have arrived."""
        search = step.search
        if step.index > MOST:
            return
        self.under_way = [trail.tokens for trail in search.trails if trail.total > -math.inf]
        for trail in search.trails:
            if trail.total > -math.inf:
                self._grow(trail.tokens, trail.logprobs)
        for hypothesis in search.done[0]:
            if hypothesis.tokens not in self.branches:
                self._grow(hypothesis.tokens, hypothesis.logprobs)
            self.branches[hypothesis.tokens].state = "ended"

    def tree(self, best: Hypothesis, piece: Callable[[int], str]) -> tuple[Node, ...]:
        """The nodes, each after its parent. A node's state is the best of what came of it."""
        for tokens in self.under_way:
            self.branches[tokens].state = max(self.branches[tokens].state, "live", key=RANK.__getitem__)
        if (won := self.branches.get(best.tokens[:MOST])) is not None:
            won.state = "won"
        order = sorted(self.branches, key=lambda tokens: (len(tokens), -self.branches[tokens].total))
        for tokens in reversed(order):
            if (above := self.branches.get(tokens[:-1])) is not None:
                above.state = max(above.state, self.branches[tokens].state, key=RANK.__getitem__)
        numbers = {tokens: number for number, tokens in enumerate(order)}
        return tuple(self._node(tokens, numbers, piece) for tokens in order)

    def _grow(self, tokens: Tokens, logprobs: Sequence[float]) -> None:
        if tokens not in self.branches:
            self.branches[tokens] = _Branch(logprobs[-1], sum(logprobs))

    def _node(self, tokens: Tokens, numbers: dict[Tokens, int], piece: Callable[[int], str]) -> Node:
        branch = self.branches[tokens]
        return Node(
            id=numbers[tokens],
            parent=numbers.get(tokens[:-1]),
            piece=piece(tokens[-1]),
            logp=branch.logp,
            total=branch.total,
            step=len(tokens) - 1,
            state=branch.state,
        )
