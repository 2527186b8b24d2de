"""What `limelight embed` does, once its options are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..errors import InputError, RecipeError
from ..inputs import pictures
from ..look.visible import shorten, visible
from ..tasks.asking import with_changes
from ..tasks.embed.embedding import Embedding, similarities
from ..tasks.embed.task import Embed
from .files import Files, answer_files
from .given import Asked, Given, Shown, answer
from .options import Opening, Table
from .streams import say

MOST_COMPARED = 100                      # texts that a table of pairs has room for
TEXT_SHOWN = 48


@dataclass(frozen=True)
class Wanted:
    """All that was asked for. `changes`: the options as they were given."""

    given: Given
    similar: bool
    changes: Mapping[str, Any]


def run(wanted: Wanted, at: Opening) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    given = wanted.given
    if wanted.similar and given.table.file is not None:
        raise RecipeError("--similar is for texts to read, not for files.", "Give TEXT instead of --file.")
    if wanted.changes["tokens"] and (wanted.similar or not given.as_json or given.table.output is not None):
        raise RecipeError("--tokens gives a table of numbers for each text.", "Say --json too, without --similar and --output.")
    embed: Embed = at.task("embed")
    options = with_changes("embed", None, embed.Options, wanted.changes)
    if wanted.similar:
        _compare(embed, list(islice(given.each(), MOST_COMPARED + 1)), options, as_json=given.as_json)
        return
    answer(Asked(embed, embed.opened, options, name="embedding", doing="embedding"), given, Shown(given, person=_numbers))


def run_files(embed: Embed, files: Sequence[str], changes: Mapping[str, Any], table: Table, *, as_json: bool) -> None:
    """The same for pictures. Raises InputError, at the end, where some could not be read."""
    task = Asked(embed, embed.opened, with_changes("embed", None, embed.Options, changes), name="embedding", doing="embedding")
    answer_files(task, Files(tuple(files), pictures.ENDINGS, pictures.read), table, as_json=as_json, person=_numbers)


def _numbers(result: Embedding, number: int | None) -> str:
    """The vector in one line, with as many digits as it takes to read the same fp32 number back."""
    del number
    return "\t".join(f"{each:.9g}" for each in result.vector.tolist())


def _compare(embed: Embed, texts: list[str], options: Any, *, as_json: bool) -> None:
    if not 2 <= len(texts) <= MOST_COMPARED:
        count = f"more than {MOST_COMPARED}" if len(texts) > MOST_COMPARED else str(len(texts))
        raise InputError(f"--similar compares 2 to {MOST_COMPARED} texts: got {count}.", "Embed files, and compare the vectors yourself.")
    found = embed(texts, options)
    table = similarities(found).tolist()
    if as_json:
        said = {"texts": texts, "similarities": table, "model": found[0].model, "pool": found[0].pool}
        say(json.dumps(said, ensure_ascii=False))
        return
    say("\n".join(_lines(texts, table)))


def _lines(texts: Sequence[str], table: Sequence[Sequence[float]]) -> list[str]:
    """The cosines, a row and a column a text."""
    wide = max(6, len(str(len(texts))) + 1)
    head = " " * wide + "".join(f"{i:>{wide}}" for i in range(1, len(texts) + 1))
    rows = (
        f"{i:>{wide}}" + "".join(f"{each:>{wide}.2f}" for each in row) + "  " + shorten(visible(text), TEXT_SHOWN)
        for i, (text, row) in enumerate(zip(texts, table, strict=True), 1)
    )
    return [head, *rows]
