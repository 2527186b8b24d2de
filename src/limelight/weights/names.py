"""Name tables: what a tensor is called in a published file and what it is called here, one row each, read in both directions.

    row("h.{i}.ln_1.*", "decoder.blocks.{i}.attn_add.norm.*")                  one tensor
    row("h.{i}.attn.c_attn.*", "....q.*", "....k.*", "....v.*", turned=True)   one that holds three, stored (in, out)
    row("lm_head.weight", "decoder.embed.token.weight", copy=True)             a second copy: checked, never written
    row("h.{i}.attn.masked_bias")                                              no number of the model: left out on purpose

`{i}` is the number of a layer; `*` is weight or bias (also under their oldest names, gamma and beta).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightError

MOST_UNKNOWN = 1_000                       # of which it is said how many there are: a file may hold nothing else
TAILS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


@dataclass(frozen=True)
class Row:
    """One row of a table; see the module."""

    theirs: str
    ours: tuple[str, ...]
    turned: bool = False
    copy: bool = False
    flat: int = 0                          # axes of 1 that are stored ahead of it, and are not here
    zero: bool = False                     # old files may lack it: then it is nought
    one: bool = False                      # files may lack it, as what multiplies nothing: then it is 1 everywhere

    def match(self, name: str) -> tuple[str, ...] | None:
        """Our names for what they call `name`; None where this row does not speak of it."""
        found = _pattern(self.theirs).fullmatch(name)
        return None if found is None else tuple(_filled(each, found) for each in self.ours)

    def back(self, name: str) -> tuple[str, tuple[str, ...]] | None:
        """Their name for what we call `name`, and all of ours that go into it; None where `name` is not the row's first."""
        found = _pattern(self.ours[0]).fullmatch(name) if self.ours and not self.copy else None
        return None if found is None else (_filled(self.theirs, found), tuple(_filled(each, found) for each in self.ours))


def row(theirs: str, *ours: str, **kind: Any) -> Row:
    """A row of a table; `kind`: turned, copy, flat, zero or one (see Row)."""
    return Row(theirs, ours, **kind)


def rows(theirs: str, ours: str, pairs: Mapping[str, str], *, turned: bool = False) -> list[Row]:
    """Rows for several parts of one module: `theirs.A.*` is `ours.B.*` for each A: B of `pairs`."""
    return [row(f"{theirs}.{a}.*", f"{ours}.{b}.*", turned=turned) for a, b in pairs.items()]


def to_ours(
    table: Sequence[Row], theirs: Mapping[str, Tensor], *, prefix: str = "", where: str = "the file", wanted: Collection[str] = ()
) -> dict[str, Tensor]:
    """Tensors of a published file under our names.

    `prefix`: what names of a file without heads lack ("bert."). `wanted`: all that the model has. Raises WeightError for tensors that no
    row speaks of, and says then which of `wanted` are not there, too; and for two that should be one and differ.
    """
    ours: dict[str, Tensor] = {}
    copies: list[tuple[str, str]] = []
    unknown: list[str] = []
    speaking = _by_shape(table, lambda rule: rule.theirs)
    for name, tensor in theirs.items():
        found = _find(speaking, name, prefix)
        if found is None:
            unknown.append(name)
            if len(unknown) == MOST_UNKNOWN:
                break
            continue
        rule, targets = found
        if rule.copy:
            copies.append((name, targets[0]))
        else:
            ours |= zip(targets, _parts(rule, tensor, len(targets)), strict=True)
    for name, target in copies:                                    # a file may hold the copy alone
        if target not in ours:
            ours[target] = theirs[name]
        elif not _same(ours[target], theirs[name]):
            raise WeightError(
                f"{where}: {name} should be the same numbers as {target}, and differs.", "Its config.json says that they are tied."
            )
    if unknown:
        some = ", ".join(sorted(unknown)[:3])
        count = f"{len(unknown):,}{' or more' * (len(unknown) == MOST_UNKNOWN)}"
        lacks = [] if len(unknown) == MOST_UNKNOWN else sorted(set(wanted) - ours.keys() - usual(table, wanted).keys())
        also = f", and lacks {len(lacks):,}: {', '.join(lacks[:3])}" if lacks else ""
        raise WeightError(f"{where} holds {count} tensors that its kind of model does not have: {some}{also}.", "Is config.json its own?")
    return ours


def usual(table: Sequence[Row], names: Collection[str]) -> dict[str, float]:
    """Those of our names that a file may lack, each with the number that stands everywhere in it then."""
    may = _by_shape([rule for rule in table if rule.zero or rule.one], _first)
    found = {name: next((rule for rule in may.get(_shape(name), ()) if rule.back(name) is not None), None) for name in names} if may else {}
    return {name: float(rule.one) for name, rule in found.items() if rule is not None}


def to_theirs(table: Sequence[Row], ours: Mapping[str, Tensor], *, prefix: str = "") -> dict[str, Tensor]:
    """The way back: our tensors as a published file names them, `prefix` left out. Raises WeightError for one without a row."""
    theirs: dict[str, Tensor] = {}
    told: set[str] = set()
    speaking = _by_shape(table, _first)
    for name in ours:
        for rule in speaking.get(_shape(name), ()):
            if (found := rule.back(name)) is not None:
                target, parts = found
                whole = torch.cat([ours[part] for part in parts]) if len(parts) > 1 else ours[name]
                whole = whole.mT if rule.turned and whole.ndim == 2 else whole.reshape((1,) * rule.flat + whole.shape)
                theirs[target.removeprefix(prefix)] = whole.contiguous()
                told |= set(parts)
                break
    if left := sorted(ours.keys() - told):
        raise WeightError(f"{len(left)} tensors have no published name: {', '.join(left[:3])}.", "Save it as a limelight folder.")
    return theirs


def _find(speaking: Mapping[str, Sequence[Row]], name: str, prefix: str) -> tuple[Row, tuple[str, ...]] | None:
    for tried in dict.fromkeys((name, prefix + name)):
        for rule in speaking.get(_shape(tried), ()):
            if (targets := rule.match(tried)) is not None:
                return rule, targets
    return None


def _by_shape(table: Iterable[Row], template: Callable[[Row], str]) -> dict[str, list[Row]]:
    """The rows that may speak of names of one shape, in their order: a handful out of hundreds."""
    found: dict[str, list[Row]] = {}
    for rule in table:
        found.setdefault(_shape(template(rule)), []).append(rule)
    return found


def _first(rule: Row) -> str:
    return rule.ours[0] if rule.ours else ""


def _shape(name: str) -> str:
    """A name, or a template for names, without its numbers and its tail."""
    return _TAIL.sub("*", _NUMBER.sub("#", name))


def _parts(rule: Row, tensor: Tensor, count: int) -> Sequence[Tensor]:
    if rule.turned and tensor.ndim == 2:
        tensor = tensor.mT
    if rule.flat and tensor.ndim > rule.flat and set(tensor.shape[: rule.flat]) == {1}:
        tensor = tensor.reshape(tensor.shape[rule.flat :])
    return tensor.chunk(count) if count > 1 else (tensor,) * count


def _same(a: Tensor, b: Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() or torch.equal(a, b)


def _filled(template: str, found: re.Match[str]) -> str:
    parts = found.groupdict()
    return template.replace("{i}", parts.get("i", "")).replace("*", TAILS.get(parts.get("tail", ""), ""))


_NUMBER = re.compile(r"\d+|\{i\}")
_TAIL = re.compile("|".join((r"\*", *TAILS)))
_COMPILED: dict[str, re.Pattern[str]] = {}


def _pattern(template: str) -> re.Pattern[str]:
    if template not in _COMPILED:
        text = re.escape(template).replace(r"\{i\}", r"(?P<i>\d+)").replace(r"\*", f"(?P<tail>{'|'.join(TAILS)})")
        _COMPILED[template] = re.compile(text)
    return _COMPILED[template]
