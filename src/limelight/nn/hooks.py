"""What is hooked into modules: whoever goes past them has to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn


def hooks_of(modules: Iterable[nn.Module]) -> list[Mapping[int, object]]:
    """Where each module keeps what is called before and after it; empty where nobody hooked in."""
    return [hooks for each in modules for hooks in (each._forward_hooks, each._forward_pre_hooks)]
