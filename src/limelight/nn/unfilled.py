"""Unfilled: modules made without numbers, for those that come from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DRAWN = frozenset({"normal_", "uniform_", "trunc_normal_"})


@contextmanager
def unfilled() -> Iterator[None]:
    """What is made inside stands on the meta device. Nothing is drawn for it: there torch would load its compiler for that, in seconds."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        given = kwargs or {}
        if getattr(func, "__name__", "") in DRAWN:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
