"""The explorer in a notebook: asked by messages where anywidget is installed, else the file in a frame."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .page_files import module
from .static import framed

if TYPE_CHECKING:
    from .explorer import Explorer

GLUE = "\nexport default { render: widget };\n"


def widget(explorer: Explorer) -> Any:
    """A widget of Jupyter, VS Code or marimo, with the model behind it. Raises InputError where anywidget is not installed."""
    if find_spec("anywidget") is None:
        hint = "pip install limelight[notebook]; or save the page."
        raise InputError("a live page in a notebook needs anywidget, which is not installed.", hint)
    made = _kind()()

    def answer(_: Any, content: Any, __: Any) -> None:
        made.send({"id": content.get("id"), "answer": explorer.ask(content.get("query"))})

    made.on_msg(answer)
    return made


def shown(explorer: Explorer, **how: Any) -> Any:
    """What a notebook shows of it."""
    if find_spec("anywidget") is None:
        return {"text/html": framed(explorer), "text/plain": repr(explorer)}
    return widget(explorer)._repr_mimebundle_(**how)


@cache
def _kind() -> type[Any]:
    return type("Look", (import_module("anywidget").AnyWidget,), {"_esm": module() + GLUE})
