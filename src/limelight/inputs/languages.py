"""How a model of many languages is told which: by a mark beside the source, or as the first token of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Languages:
    """What a kind of model does about languages. `name`: the pattern of their marks' names, its group being the language;
    `one`: what stands around a source, "$L" being the language's mark; `of`: whose language that is, the source's or the target's;
    `known`: the marks' names, in the order in which they are numbered, for a folder that lists none."""

    name: str
    one: str = "$L $A </s>"
    of: Literal["source", "target"] = "source"
    known: tuple[str, ...] = ()

    def found(self, names: Mapping[str, int]) -> dict[str, int]:
        """The languages among these names, with their ids."""
        return {match[match.lastindex or 0]: i for name, i in names.items() if (match := re.fullmatch(self.name, name))}

    def marks(self, names: Iterable[str]) -> list[str]:
        """Which of these names are a language's mark."""
        return [name for name in names if re.fullmatch(self.name, name)]
