"""Frozen, checked, hashable values that go to JSON and back: what specs, plans and options are made of.

pydantic does the checking; this module only makes its complaints ours: one line, with the place and the nearest known key.
"""

from __future__ import annotations

import functools
import re
import reprlib
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from .errors import LimelightError, SpecError, did_you_mean

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Class decorator: a frozen keyword-only dataclass whose fields are checked when it is made.

    Raises SpecError (one line, with a hint) for a wrong type, a value out of range or an unknown field. What a class calls ELSEWHERE
    are fields that it has not and its like have: for each, why not, and what to do.
    """
    made: Any = checked_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))(cls)
    build = made.__init__

    @functools.wraps(build)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            build(self, *args, **kwargs)
        except ValidationError as error:
            raise _explain(error, made, SpecError, made.__name__) from None

    made.__init__ = init
    return made


def parse(cls: type[T], data: object, *, where: str = "", error: type[LimelightError] = SpecError) -> T:
    """Read a value from plain JSON data. `where` names the file for the message; `error` is what is raised."""
    try:
        return _adapter(cls).validate_python(data)
    except ValidationError as wrong:
        raise _explain(wrong, cls, error, where or getattr(cls, "__name__", "value")) from None
    except SpecError as wrong:
        raise error(f"{where}: {wrong.message}" if where else wrong.message, wrong.hint) from None


def plain(item: object) -> Any:
    """A value as plain JSON data (dicts, lists, numbers, text)."""
    return _adapter(type(item)).dump_python(item, mode="json")


@functools.cache
def _adapter(cls: Any) -> Any:
    return TypeAdapter(cls)


def _explain(wrong: ValidationError, cls: Any, error: type[LimelightError], where: str) -> LimelightError:
    unknown = ("unexpected_keyword_argument", "extra_forbidden")   # a misspelt key explains the missing one, so it goes first
    first = min(wrong.errors(), key=lambda e: e["type"] not in unknown)
    path, beside, more = ".".join(_walk(cls, first["loc"])[0]), _walk(cls, first["loc"][:-1])[1], first.get("ctx", {})
    match first["type"]:
        case kind if kind in unknown:
            key = path.rpartition(".")[2]
            if elsewhere := next((c.ELSEWHERE[key] for c in beside if key in getattr(c, "ELSEWHERE", {})), None):
                return error(f"{where}: {path[:80]} {elsewhere[0]}", elsewhere[1])
            return error(f'{where}: unknown key "{path[:80]}"', did_you_mean(key, _keys(beside)))
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return error(f'{where}: "{path}" is missing', "Give it a value.")
        case "union_tag_not_found":
            return error(f'{where}: "{path}.kind" is missing', "Say which kind it is.")
        case "union_tag_invalid":
            tag = more["tag"]
            return error(f'{where}: {path[:80]}: unknown kind "{tag[:80]}"', did_you_mean(tag, _quoted(more["expected_tags"])))
        case "literal_error":
            hint = did_you_mean(first["input"], _quoted(more["expected"])) if isinstance(first["input"], str) else ""
            return error(f"{where}: {path[:80]}: {first['msg'][:120]}; got {shortened(first['input'])}", hint)
        case _:
            return error(f"{where}: {path[:80]}: {first['msg'][:120]}; got {shortened(first['input'])}")


def _quoted(wanted: str) -> list[str]:
    """'a' or 'b', as pydantic lists what it wanted."""
    return re.findall("'([^']*)'", wanted)


def _walk(cls: Any, path: tuple[int | str, ...]) -> tuple[list[str], set[Any]]:
    """The path as the file has it, without the kinds by which members of unions are told apart; and what may stand at its end (all members
    where a union leaves it open)."""
    found: list[str] = []
    here = _members(cls)
    for part in path:
        inner = {m for c in here for m in _members(get_type_hints(c).get(str(part)))}
        tagged = {m for m in here if _tag(m) == part}
        if part in _keys(here) or not tagged:
            found.append(str(part))
        here = inner or tagged or here
    return found, here


def _keys(classes: set[Any]) -> set[str]:
    return {name for c in classes for name in getattr(c, "__dataclass_fields__", {})}


def _tag(member: Any) -> object:
    return getattr(getattr(member, "__dataclass_fields__", {}).get("kind"), "default", None)


def shortened(found: object, most: int = 80) -> str:
    """What was given, in as many letters as a line has room for."""
    told = reprlib.Repr()
    told.maxstring = told.maxother = told.maxlong = most
    return told.repr(found)


def _members(kind: Any) -> set[Any]:
    if hasattr(kind, "__dataclass_fields__"):
        return {kind}
    return {m for arg in getattr(kind, "__args__", ()) for m in _members(arg)}
