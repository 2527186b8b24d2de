"""Interventions: what a model does when heads say nothing, or what they said elsewhere. Nothing is left behind when a block closes.

    with ablate(model, {"decoder.3.self": [1, 4]}):
        without = model.decode(tokens)

    with said(model, "decoder.*.self") as clean:
        model.decode(tokens)
    with patch(model, clean, {"decoder.3.self": [1]}, places=[7]):
        mended = model.decode(other)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import TraceError, did_you_mean
from ..nn import Attention, Look, Network
from ..nn.eyes import unwatch, watch
from .names import head_number, named

Heads = str | Iterable[str] | Mapping[str, Iterable[int] | None]
Change = Callable[[Float[Tensor, "b q h d"], Int[Tensor, " q"]], Float[Tensor, "b q h d"]]


@dataclass(eq=False)
class Said:
    """What each head gave of one sequence, before the heads are brought together: index it by the name of an attention."""

    heads: dict[str, list[Float[Tensor, "b q h d"]]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Float[Tensor, "b n h d"]:
        """Raises TraceError where nothing was heard."""
        if not self.heads.get(name):
            hint = did_you_mean(name, self.heads) if self.heads else "Run the model inside the block."
            raise TraceError(f'"{name}" was not heard.', hint)
        return torch.cat(self.heads[name], 1)

    def mean(self, name: str) -> Float[Tensor, "h d"]:
        """What its heads say on average over rows and places."""
        return self[name].flatten(0, 1).mean(0)


@contextmanager
def said(model: Network, layers: str | Sequence[str] = "*") -> Iterator[Said]:
    """Keep what the heads of these attentions give, of the newest sequence; the model's answer is the same.

    Only calls from the opening thread are heard. Raises TraceError for a pattern that matches nothing.
    """
    found = Said()

    def keep(name: str) -> Change:
        def heard(out: Tensor, at: Tensor) -> Tensor:
            if not len(at) or int(at[0]) == 0:
                found.heads[name] = []
            found.heads[name].append(out.detach())
            return out

        return heard

    with _changed(model, {name: keep(name) for name in named(model.attentions(), layers)}):
        yield found


@contextmanager
def ablate(model: Network, heads: Heads, *, places: Sequence[int] | None = None, to: Said | None = None) -> Iterator[None]:
    """Heads that say nothing (zeros), or `to`: what they say on average (Michel et al. 2019, section 2.3; Wang et al. 2023, section 2).

    `heads`: attentions by name or pattern, with the heads of each: {"decoder.3.self": [1, 4]}, None for all of them.
    `places`: only what these queries get, counted from the sequence's beginning. Raises TraceError for a name or a head that is not
    there.
    """
    with _changed(model, {name: _silent(name, each, places, to) for name, each in chosen_heads(model, heads).items()}):
        yield


@contextmanager
def patch(model: Network, source: Said, heads: Heads, *, places: Sequence[int] | None = None) -> Iterator[None]:
    """Heads that say what they said in `source`, at the same places (Vig et al. 2020, section 3; Meng et al. 2022, section 2.1).

    `source` has one row, or as many as the model is then given. A place that it lacks raises TraceError. See `ablate` for the rest.
    """
    changes = {}
    for name, each in chosen_heads(model, heads).items():
        changes[name] = _put(name, source[name], each, places)
    with _changed(model, changes):
        yield


def _silent(name: str, heads: list[int], places: Sequence[int] | None, to: Said | None) -> Change:
    mean = torch.zeros(()) if to is None else to.mean(name)

    def change(out: Tensor, at: Tensor) -> Tensor:
        return _instead(out, mean, heads, _at(at, places))

    return change


def _put(name: str, source: Tensor, heads: list[int], places: Sequence[int] | None) -> Change:
    def change(out: Tensor, at: Tensor) -> Tensor:
        chosen, heard = _at(at, places), source.shape[1]
        if bool((chosen & (at >= heard)).any()):
            raise TraceError(f"{name} was heard at {heard} places, and is asked for place {int(at.max())}.", "Give places=[...].")
        return _instead(out, source[:, at.clamp(max=heard - 1)], heads, chosen)

    return change


def _instead(out: Float[Tensor, "b q h d"], given: Tensor, heads: list[int], chosen: Bool[Tensor, " q"]) -> Float[Tensor, "b q h d"]:
    """What is given, for these heads at chosen places."""
    meant = torch.zeros(out.shape[2], dtype=torch.bool, device=out.device)
    meant[heads] = True
    return torch.where(meant[:, None] & chosen[:, None, None], given.to(out), out)


def _at(at: Tensor, places: Sequence[int] | None) -> Tensor:
    """Which of these queries are meant."""
    return torch.ones_like(at, dtype=torch.bool) if places is None else torch.isin(at, torch.tensor(list(places), device=at.device))


def chosen_heads(model: Network, heads: Heads) -> dict[str, list[int]]:
    """The heads of each attention that is meant."""
    wanted = heads if isinstance(heads, Mapping) else dict.fromkeys([heads] if isinstance(heads, str) else heads)
    known, found = model.attentions(), dict[str, list[int]]()
    for pattern, some in wanted.items():
        for name in named(known, pattern):
            count = known[name].heads
            found.setdefault(name, []).extend(head_number(name, count, i) for i in (range(count) if some is None else some))
    return found


@contextmanager
def _changed(model: Network, changes: Mapping[str, Change]) -> Iterator[None]:
    """Let what heads give be changed before it is brought together, in calls from this thread."""
    with ExitStack() as stack:
        for name, change in changes.items():
            stack.enter_context(_between(model.attentions()[name], change))
        yield


@contextmanager
def _between(attention: Attention, change: Change) -> Iterator[None]:
    ear = _Ear()

    def hook(_: object, given: tuple[Tensor]) -> tuple[Tensor] | None:
        if threading.get_ident() != ear.owner:
            return None
        (x,), look = given, ear.look
        at = torch.arange(look.past, look.past + look.q.shape[2], device=x.device)
        heads = x.reshape(len(look.q), len(at), attention.heads, -1)                # beams of one sentence came as more queries of it
        return (change(heads, at).reshape(x.shape),)

    handle = attention.o.register_forward_pre_hook(hook)
    watch(attention, ear)
    try:
        yield
    finally:
        unwatch(attention, ear)
        handle.remove()


class _Ear:
    """Knows the newest call of its own thread: how many rows there are, and where in the sequence it is."""

    look: Look

    def __init__(self) -> None:
        self.owner = threading.get_ident()

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        if threading.get_ident() == self.owner:
            self.look = look
