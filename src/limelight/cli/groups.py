"""Groups of options: a command takes each group as one value, and the line has its options one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints


def ungrouped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function some of whose parameters are dataclasses with typer's annotations -> one that takes their fields by name."""
    groups: dict[str, tuple[type, list[str]]] = {}
    flat: list[Parameter] = []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        kind = parameter.annotation
        if is_dataclass(kind) and isinstance(kind, type):
            groups[name] = kind, [each.name for each in fields(kind)]
            flat += _fields(kind)
        else:
            flat.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    def command(**given: Any) -> Any:
        values = {name: kind(**{each: given.pop(each) for each in names}) for name, (kind, names) in groups.items()}
        return function(**values, **given)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__annotations__ = {}
    command.__signature__ = inspect.Signature(flat)  # pyright: ignore[reportFunctionMemberAccess] - what typer reads
    return command


def _fields(kind: type) -> list[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        Parameter(each.name, Parameter.KEYWORD_ONLY, annotation=hints[each.name], default=_default(each.default))
        for each in fields(kind)
    ]


def _default(value: object) -> object:
    return Parameter.empty if value is MISSING else value
