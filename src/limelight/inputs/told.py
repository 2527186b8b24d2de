"""What a published folder says of its marks: their names, their ids where they are no pieces, and the white space that they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from tokenizers import AddedToken

from .sentence_pieces import Named

LISTS = ("additional_special_tokens", "extra_special_tokens")


def name(told: object) -> str | None:
    """A mark's name, told as a word or as a table with its content."""
    found = told.get("content") if isinstance(told, dict) else told
    return found if isinstance(found, str) and found else None


def listed(told: Mapping[str, Any]) -> list[str]:
    """The names of further marks, in the order in which they are numbered."""
    given = (told.get(key) for key in LISTS)
    rows = (row.values() if isinstance(row, dict) else row for row in given if isinstance(row, dict | list))
    return [found for row in rows for each in row if (found := name(each))]


def own(told: Mapping[str, Any]) -> list[str]:
    """The names of the marks that have a part of their own: bos_token and its like."""
    return [found for key, each in told.items() if key.endswith("_token") and (found := name(each))]


def flags(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables that folders keep of their marks, by name: lstrip, rstrip, single_word, and their id where it is told."""
    tables = {found: each for each in told.values() if isinstance(each, dict) and (found := name(each))}
    for i, each in _table(told.get("added_tokens_decoder")).items():
        if isinstance(each, dict) and (found := name(each)) and i.isdecimal():
            tables[found] = {**each, "id": int(i)}
    return tables


def added(found: str, told: Mapping[str, dict[str, Any]]) -> AddedToken:
    """A mark for the tokenizers library."""
    how = told.get(found, {})
    lstrip, rstrip, single = bool(how.get("lstrip")), bool(how.get("rstrip")), bool(how.get("single_word"))
    return AddedToken(found, lstrip=lstrip, rstrip=rstrip, single_word=single, special=True, normalized=bool(how.get("normalized")))


def named(names: Iterable[str], vocab: Mapping[str, int], told: Mapping[str, Any]) -> dict[str, Named]:
    """The marks of a vocabulary: those of these names, in order, and those that the folder numbers itself. What is no piece is numbered
    after the last one."""
    tables, ids = flags(told), dict(vocab)
    ids |= {found: i for found, each in tables.items() if isinstance(i := each.get("id"), int)}
    wanted = list(dict.fromkeys(names))
    fresh = count(max(ids.values(), default=-1) + 1)
    ids |= {each: next(fresh) for each in wanted if each not in ids}
    return {each: _named(ids[each], tables.get(each, {})) for each in (*wanted, *(table for table in tables if table in ids))}


def _named(i: int, how: Mapping[str, Any]) -> Named:
    return Named(i, bool(how.get("lstrip")), bool(how.get("rstrip")), bool(how.get("single_word")))


def _table(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}
