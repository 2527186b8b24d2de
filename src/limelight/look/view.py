"""View: the attention of one place, rebuilt from the queries and keys that the kernel was given."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from .. import ops
from ..errors import TraceError
from ..nn import Look
from .names import head_number

Path = Sequence[int]


@dataclass(frozen=True, eq=False)
class Terms:
    """One query of one head, and all that it meets: b and h are 1. `v`: what the weights sum; the others are the arguments of
    ops.attention_weights, with what is causal in `allow`."""

    q: Float[Tensor, "b h 1 d"]
    k: Float[Tensor, "b h k d"]
    v: Float[Tensor, "b h k e"]
    allow: Bool[Tensor, "..."] | None
    bias: Float[Tensor, "..."] | None
    scale: float | None
    score: ops.ScoreFn
    weigh: ops.WeighFn


@dataclass(frozen=True, eq=False)
class View:
    """One attention, seen in one forward pass or over the steps of a generation.

    While generating, `path` (a Hypothesis's `rows`: which row of the running batch it was in, step by step) picks the
    queries and keys of that answer out of the steps. Without a path all rows are shown, which must have kept their order.
    """

    name: str
    looks: tuple[Look, ...]
    budget: int

    @property
    def heads(self) -> int:
        """How many heads there are."""
        return self.looks[0].q.shape[1]

    @property
    def plain(self) -> bool:
        """Whether it is one softmax of scaled dot products, with nothing hidden but what comes later."""
        how = self.looks[0].how
        usual = how["score"] is ops.dot and how.get("weigh", ops.softmax) is ops.softmax and how["allow"] is None and how["bias"] is None
        return usual and len(self.looks) == 1 and self.looks[0].window is None and len(self.looks[0].q) == len(self.looks[0].k)

    @property
    def scale(self) -> float:
        """What dot products are multiplied by."""
        scale = self.looks[0].how["scale"]
        return self.looks[0].q.shape[-1] ** -0.5 if scale is None else scale

    def shape(self, path: Path | None = None) -> tuple[int, int, int, int]:
        """(b h q k) of the whole map."""
        looks = self._along(path)
        queries = sum(look.q.shape[2] for look in looks)
        keys = looks[0].k.shape[2] if looks[0].crossing else sum(look.k.shape[2] for look in looks)
        return len(looks[0].q) if path is None else 1, self.heads, queries, keys

    def weights(
        self, *, heads: Sequence[int] | None = None, queries: slice | None = None, path: Path | None = None, exact: bool = False
    ) -> Float[Tensor, "b h q k"]:
        """Attention weights in fp32, of some heads and a range of queries; `exact` computes in float64 and gives float64.

        Raises TraceError where the answer would be larger than the trace's budget, or a head is not there.
        """
        chosen = self._heads(heads)
        wanted = range(self.shape(path)[2])[queries or slice(None)]
        self._check_size(len(chosen), len(wanted), path, 8 if exact else 4)
        dtype = torch.float64 if exact else torch.float32
        return self._rebuilt(chosen, wanted, path, self._keys(chosen, path, dtype))

    def rows(self, *, heads: Sequence[int] | None = None, path: Path | None = None, chunk: int = 128) -> Iterator[Float[Tensor, "b h q k"]]:
        """All weights, `chunk` queries at a time, so that the whole map never stands in memory."""
        keys = self.shape(path)[3]
        for strip in self.strips(heads=heads, path=path, chunk=chunk):
            yield F.pad(strip, (0, keys - strip.shape[3]))

    def strips(
        self,
        *,
        heads: Sequence[int] | None = None,
        path: Path | None = None,
        chunk: int = 128,
        queries: slice | Sequence[int] | None = None,
        last_first: bool = False,
    ) -> Iterator[Float[Tensor, "b h q k"]]:
        """The same without the keys that come after all that any of the queries may see: half of a long causal map is zeros.

        `queries`: only these, in ascending order, `chunk` of them at a time; slice(None, None, 8) looks at every eighth.
        `last_first`: the strips in descending order, so that each finds room where the one before it was.
        """
        chosen, there = self._heads(heads), range(self.shape(path)[2])
        wanted = there if queries is None else there[queries] if isinstance(queries, slice) else queries
        self._check_size(len(chosen), min(chunk, len(wanted)), path, 4)
        keys = self._keys(chosen, path, torch.float32)
        starts = range(0, len(wanted), chunk)
        for start in reversed(starts) if last_first else starts:
            yield self._rebuilt(chosen, wanted[start : start + chunk], path, keys, trim=True)

    def terms(self, *, head: int, query: int, path: Path | None = None, exact: bool = False) -> Terms:
        """What the weights of one query of one head are made of; `exact`: in float64. Raises TraceError where either is not there."""
        (chosen,), total = self._heads([head]), self.shape(path)[2]
        if not -total <= query < total:
            raise TraceError(f"{self.name} has {total} queries, 0 to {total - 1}: got {query}.")
        looks, dtype = self._along(path), torch.float64 if exact else torch.float32
        ends = list(accumulate(look.q.shape[2] for look in looks))
        step = bisect_right(ends, query % total)
        at = torch.tensor([query % total - ends[step] + looks[step].q.shape[2]])
        keys, values = (self._keys([chosen], path, dtype, part)(step) for part in ("k", "v"))
        return Terms(**_given(looks[step], keys, [chosen], at, None if path is None else path[step]), v=values)

    def values(self, *, heads: Sequence[int] | None = None, path: Path | None = None) -> Float[Tensor, "b h k d"]:
        """What the weights sum, in fp32: the values of all keys, for each head those of its group."""
        looks = self._along(path)
        return self._keys(self._heads(heads), path, torch.float32, "v")(len(looks) - 1)

    def _heads(self, heads: Sequence[int] | None) -> list[int]:
        return list(range(self.heads)) if heads is None else [head_number(self.name, self.heads, i) for i in heads]

    def _check_size(self, heads: int, queries: int, path: Path | None, width: int) -> None:
        b, _, _, k = self.shape(path)
        size = width * b * heads * queries * k
        if size > self.budget:
            raise TraceError(
                f"{b} rows x {heads} heads x {queries} queries x {k} keys are {size:,} bytes, the budget is {self.budget:,}.",
                "Narrow heads=[...] or queries=slice(...), go through rows(), or give trace(..., budget=...) more.",
            )

    def _along(self, path: Path | None) -> tuple[Look, ...]:
        if path is None:
            if len({(len(look.q), look.reorders) for look in self.looks}) > 1:
                raise TraceError(
                    f"the rows of {self.name} changed places while generating.",
                    "Give path=hypothesis.rows to follow one answer through the steps.",
                )
            self._check_start(follows=not self.looks[0].crossing)
            return self.looks
        self._check_start(follows=True)
        if not 0 < len(path) <= len(self.looks):
            raise TraceError(f"the path has {len(path)} steps, {self.name} saw {len(self.looks)}.", "Trace the whole generation.")
        looks = self.looks[: len(path)]
        if outside := [step for step, look in enumerate(looks) if not 0 <= path[step] < len(look.q)]:
            raise TraceError(
                f"the path is in row {path[outside[0]]} at step {outside[0]}, where {self.name} saw {len(looks[outside[0]].q)} rows.",
                "Give the rows of a hypothesis of the generation that was traced.",
            )
        return looks

    def _check_start(self, *, follows: bool) -> None:
        if follows and self.looks[0].past:
            raise TraceError(
                f"{self.name} was first seen {self.looks[0].past} tokens into the sequence; the keys before are not known.",
                "Open the trace before the first token.",
            )

    def _rebuilt(self, heads: list[int], wanted: Sequence[int], path: Path | None, keys: _Keys, *, trim: bool = False) -> Tensor:
        """The weights of the wanted queries, look by look; keys that a look did not have yet get 0. `trim`: see `strips`."""
        b, _, _, total = self.shape(path)
        looks = self._along(path)
        if len(looks) == 1:                                          # the whole map is large: not twice
            row, seen = None if path is None else path[0], keys(0)
            if trim and looks[0].how["causal"]:
                seen = seen[:, :, : looks[0].past + wanted[-1] + 1]
            return _weights(looks[0], seen, heads, torch.tensor(list(wanted)), row)
        out = torch.zeros(b, len(heads), len(wanted), total, dtype=keys.dtype, device=self.looks[0].q.device)
        first = 0
        for step, look in enumerate(looks):
            mine = [(place, i - first) for place, i in enumerate(wanted) if first <= i < first + look.q.shape[2]]
            first += look.q.shape[2]
            if not mine:
                continue
            row = None if path is None else path[step]
            seen = keys(step)
            places, queries = torch.tensor(mine).unbind(1)
            out[:, :, places, : seen.shape[2]] = _weights(look, seen, heads, queries, row)
        return out

    def _keys(self, heads: list[int], path: Path | None, dtype: torch.dtype, part: Literal["k", "v"] = "k") -> _Keys:
        looks = self._along(path)
        groups = looks[0].k.shape[1]
        chosen = torch.tensor([i // (self.heads // groups) for i in heads])
        return _Keys(looks, path, chosen, dtype, part)


class _Keys:
    """The keys (or values) that each step had: cross-attention the memory's, self-attention its own new ones and all before them."""

    def __init__(self, looks: Sequence[Look], path: Path | None, groups: Tensor, dtype: torch.dtype, part: Literal["k", "v"]):
        self._looks, self._path, self._groups, self.dtype, self._part = looks, path, groups, dtype, part
        self._all = None if looks[0].crossing else torch.cat([self._of(step) for step in range(len(looks))], 2)
        self._ends = [look.past + look.k.shape[2] - looks[0].past for look in looks]
        self._last: tuple[int, int, Tensor] | None = None

    def __call__(self, step: int) -> Tensor:
        """(b h k d) at this step, in the dtype of the rebuilding."""
        if self._all is not None:
            return self._all[:, :, : self._ends[step]]
        look = self._looks[step]
        row = -1 if self._path is None else self._path[step] * len(look.k) // len(look.q)
        if self._last is None or self._last[:2] != (look.k.data_ptr(), row):
            self._last = (look.k.data_ptr(), row, self._of(step))
        return self._last[2]

    def _of(self, step: int) -> Tensor:
        look = self._looks[step]
        k, beams = getattr(look, self._part), len(look.q) // len(look.k)
        if self._path is not None:
            k = k[self._path[step] // beams :][:1]
        elif beams > 1:
            k = k.repeat_interleave(beams, 0)
        return k[:, self._groups.to(k.device)].to(self.dtype)


def _weights(look: Look, keys: Tensor, heads: list[int], queries: Tensor, row: int | None) -> Float[Tensor, "b h q k"]:
    """Weights of some queries of one look over `keys` (b h k d); `row` picks one row of the running batch."""
    newest = _newest(look, keys.shape[2], queries)
    return ops.attention_weights(**_given(look, keys, heads, queries, row, dense=not newest), causal=newest)


def _given(look: Look, keys: Tensor, heads: list[int], queries: Tensor, row: int | None, *, dense: bool = True) -> dict[str, Any]:
    """The arguments of ops.attention_weights for them; `dense`: with what is causal in `allow`."""
    q = _picked(_picked(look.q if row is None else look.q[row : row + 1], 2, queries), 1, torch.tensor(heads)).to(keys.dtype)
    part, how = partial(_part, look, heads=heads, queries=queries, keys=keys.shape[2], row=row), look.how
    score, weigh = how["score"], how.get("weigh", ops.softmax)
    if isinstance(score, partial):                                   # a learned score has one matrix or vector a head
        score = partial(score.func, weight=score.keywords["weight"].detach()[heads].to(keys.dtype))
    if isinstance(weigh, partial):                                   # what was drawn or faded has rows, heads and queries
        weigh = partial(weigh.func, **{name: _exact(part(x), keys) if isinstance(x, Tensor) else x for name, x in weigh.keywords.items()})
    bias = None if how["bias"] is None else _exact(part(how["bias"]), keys)
    allow = None if how["allow"] is None else part(how["allow"])
    allow = _allowed(look, keys.shape[2], queries, allow) if dense else allow
    return {"q": q, "k": keys, "allow": allow, "bias": bias, "scale": how["scale"], "score": score, "weigh": weigh}


def _picked(x: Tensor, dim: int, which: Tensor) -> Tensor:
    """Some of a tensor's slices; those that follow one another are no copy."""
    first, count = int(which[0]) if len(which) else 0, len(which)
    if count and first >= 0 and int(which[-1]) - first == count - 1 and bool((which.diff() == 1).all()):
        return x.narrow(dim, first, count)
    return x.index_select(dim, which.to(x.device))


def _part(look: Look, x: Tensor, *, heads: list[int], queries: Tensor, keys: int, row: int | None) -> Tensor:
    """What of x (b|1 h|1 q|1 ...), an argument of the kernel, is about these heads, queries and first keys, by row of the running batch."""
    x, beams = x.detach(), len(look.q) // len(look.k)
    if beams > 1 and x.shape[2] > 1:                                 # to the kernel, beams of one sentence are more queries of it
        x = x.expand(len(look.k), *x.shape[1:]).unflatten(2, (beams, -1)).transpose(1, 2).flatten(0, 1)
    elif beams > 1 and len(x) > 1:
        x = x.repeat_interleave(beams, 0)
    x = x if row is None or len(x) == 1 else x[row : row + 1]
    x = x if x.shape[1] == 1 else x[:, heads]
    x = x if x.ndim < 4 else x[..., :keys]
    return x if x.shape[2] == 1 else x[:, :, queries.to(x.device)]


def _exact(x: Tensor, keys: Tensor) -> Tensor:
    """In the dtype of the rebuilding; slots stay whole numbers."""
    return x.to(keys.dtype) if x.is_floating_point() else x


def _newest(look: Look, keys: int, queries: Tensor) -> bool:
    """Whether these are the newest of a causal look's tokens, one after the other: what ops.attention_weights calls causal."""
    if not look.how["causal"] or look.window is not None or not len(queries):
        return False
    first, last = int(queries[0]), int(queries[-1])
    return look.past + last == keys - 1 and last - first == len(queries) - 1


def _allowed(look: Look, keys: int, queries: Tensor, allow: Tensor | None) -> Bool[Tensor, "_ _ _ k"] | None:
    """`allow`, and where the look was causal, no later key, nor one outside a window that it had."""
    causal, window = look.how["causal"], look.window
    if not causal and window is None:
        return allow
    mask = (ops.causal if causal else ops.everything) & (ops.everything if window is None else ops.window(window))
    slots = torch.arange(keys, device=look.q.device)
    seen = mask.dense(look.past + queries.to(slots.device), slots)
    return seen if allow is None else allow & seen
