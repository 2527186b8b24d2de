"""The type checks of the tests, made once for each kind of call.

What a check of types says of a call depends on the types of what was given, on the shapes and dtypes of arrays and on which word was
given, not on the numbers in an array: a call of a kind that has passed would pass again. Made every time, the checks are three quarters
of what a loop that generates takes. Where a check looks further (into a set, or many things) it is made every time.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch

Check = Callable[[Any], Any]
PASSED: dict[Any, dict[Any, set[Any]]] = {}         # function -> what was given -> what it gave back
OTHER = object()                                    # the kind of a value that a check may look into


def shaped(value: Any) -> Any:
    """An array is told by its dtype and shape."""
    return type(value), value.dtype, value.shape


def itself(value: Any) -> Any:
    """Annotations name words, and classes."""
    return type(value), value


def number(value: int) -> Any:
    """Annotations name small numbers."""
    return (int, value) if -2 < value < 9 else int


def several(values: tuple[Any, ...]) -> Any:
    """Of a short tuple all are looked at."""
    inner = (tuple, *map(kind, values)) if len(values) < 9 else OTHER
    return OTHER if inner is OTHER or OTHER in inner else inner


def alike(values: list[Any]) -> Any:
    """Of a list one is looked at, which tells of all where all are of a kind."""
    inner = {*map(kind, values)} if len(values) < 9 else {OTHER}
    return OTHER if OTHER in inner or len(inner) > 1 else (list, *inner)


def entries(values: dict[Any, Any]) -> Any:
    """Of a dict the first entry is looked at."""
    inner = several(next(iter(values.items()), ()))
    return OTHER if inner is OTHER else (dict, inner)


def other(_: Any) -> Any:
    """A check may look at what is in it, or not all of its kind are alike."""
    return OTHER


WAYS: dict[type, Callable[[Any], Any]] = {
    torch.Tensor: shaped, torch.nn.Parameter: shaped, np.ndarray: shaped,
    str: itself, bool: itself, type(None): itself, torch.dtype: itself, torch.device: itself, type: itself,
    int: number, tuple: several, list: alike, dict: entries,
}  # fmt: skip


def way(of: type) -> Callable[[Any], Any]:
    """How values of a type are told apart: by the type alone, where it is none of the above."""
    looked_into = issubclass(of, Collection | torch.Tensor | type)
    return WAYS.setdefault(of, other if looked_into else lambda _: of)


def kind(value: Any) -> Any:
    """All that a check can tell of a value, or OTHER."""
    of = type(value)
    return (WAYS.get(of) or way(of))(value)


def once(fn: types.FunctionType, check: Check) -> Callable[..., Any]:
    """The function under its check, for calls and answers of a kind that has not passed before."""
    passed = PASSED.setdefault((fn.__module__, fn.__qualname__, fn.__code__), {})  # inner ones are made again in each call
    checked = functools.cache(lambda: check(fn))                     # most functions of the package are called by few tests
    answers = functools.cache(lambda: check_of_answers(fn, check))

    @functools.wraps(fn)
    def call(*args: Any, **named: Any) -> Any:
        given = (*map(kind, args), *named, *map(kind, named.values())) if named else (*map(kind, args),)
        known = passed.get(given)
        if known is None:
            found = checked()(*args, **named)
            if OTHER not in given:
                passed[given] = {kind(found)} - {OTHER}
            return found
        found = fn(*args, **named)
        if (told := kind(found)) not in known:
            answers()(found, *args, **named)
            known.update({told} - {OTHER})
        return found

    return call


def check_of_answers(fn: types.FunctionType, check: Check) -> Callable[..., Any]:
    """found, *args, **named -> the check of what the function gave back for these arguments."""
    held: list[Any] = []

    def same(*_args: Any, **_named: Any) -> Any:
        return held.pop()

    twin = types.FunctionType(same.__code__, fn.__globals__, closure=same.__closure__)
    checked = check(functools.update_wrapper(twin, fn))

    def answers(found: Any, *args: Any, **named: Any) -> None:
        held.append(found)
        checked(*args, **named)

    return answers


def remembering(jaxtyped: Callable[..., Check]) -> Callable[..., Check]:
    """jaxtyping's decorator, once for each kind of call."""

    def decorator(*, typechecker: Any) -> Check:
        check = jaxtyped(typechecker=typechecker)
        return lambda found: once(found, check) if isinstance(found, types.FunctionType) else check(found)

    return decorator
