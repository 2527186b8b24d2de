"""limelight verify: does a published folder say here what it says in transformers?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LimelightError, TaskError
from .options import AsJson
from .streams import say
from .table import as_command

if TYPE_CHECKING:
    from ..tasks.verify.verifying import Verdict


def verify(
    models: Annotated[list[str], typer.Argument(metavar="FOLDER...", help="Published folders, or names on huggingface.co.")],
    text: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Compare on this text; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare published folders with transformers: token ids, logits, and what is written greedily and by beams; fp32, on the CPU."""
    from ..tasks.verify.verifying import LINES
    from ..tasks.verify.verifying import verify as compared

    wrong: list[str] = []
    for name in models:
        try:
            found = compared(name, text or LINES)
        except LimelightError as error:
            if len(models) == 1:
                raise
            wrong.append(f"{name} could not be compared")
            say(json.dumps({"folder": name, "error": str(error)}, ensure_ascii=False) if as_json else f"{name}: {error}")
            continue
        say(json.dumps(found.to_json(), ensure_ascii=False) if as_json else _shown(found))
        if not found.agrees:
            wrong.append(f"{name} differs in {', '.join(each.what for each in found.checks if not each.agrees)}")
    if wrong:
        raise TaskError(f"not the same as transformers: {'; '.join(wrong)}.", "Do not trust what differs; report it with `limelight env`.")


def _shown(found: Verdict) -> str:
    rows: list[tuple[str, str, Any]] = [(each.what, "agrees" if each.agrees else "DIFFERS", each.said) for each in found.checks]
    width = max(len(what) for what, _, _ in rows)
    head = f"{found.folder}   {found.family}, head: {found.head}; beside transformers {found.transformers}"
    lines = [f"  {what:<{width}}  {verdict:<7}  {said}" for what, verdict, said in rows]
    return "\n".join([head, *lines, *(f"  note: {each}" for each in found.notes)])


command = as_command(
    verify,
    name="verify",
    examples="""
        limelight verify ./my-marian
        limelight verify ./a ./b --json
        limelight verify ./my-bert --text "The black cat ate the mouse."
    """,
)
