"""Results of whole files, each with the name of its own."""

from __future__ import annotations

import json

from ..tasks.result import Result
from .given import Given, Shown


class Named(Shown):
    """As Shown; in JSON, what was read from a file says from which."""

    def _line(self, result: Result, number: int) -> str:
        if self.given.as_json and self.given.whole:
            return json.dumps({**result.to_json(), "file": self.given.whole[number - 1]}, ensure_ascii=False)
        return super()._line(result, number)


def name_of(given: Given, number: int) -> str | None:
    """The file that a result is of; None where none was given."""
    return given.whole[number - 1] if given.whole else None
