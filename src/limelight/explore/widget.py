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
    from .paged import Paged

GLUE = "\nexport default { render: widget };\n"


def widget(looked: Paged) -> Any:
    """A widget of Jupyter, VS Code or marimo, with the model behind it. Raises InputError where anywidget is not installed."""
    if find_spec("anywidget") is None:
        hint = "pip install limelight[notebook]; or save the page."
        raise InputError("a live page in a notebook needs anywidget, which is not installed.", hint)
    made = _kind()()

    def answer(_: Any, content: Any, buffers: Any) -> None:
        name = content.get("give")
        found = looked.ask(content.get("query")) if name is None or not buffers else looked.give(bytes(buffers[0]), str(name))
        made.send({"id": content.get("id"), "answer": found})

    made.on_msg(answer)
    return made


def shown(looked: Paged, **how: Any) -> Any:
    """What a notebook shows of it."""
    if find_spec("anywidget") is None:
        return {"text/html": framed(looked), "text/plain": repr(looked)}
    return widget(looked)._repr_mimebundle_(**how)


@cache
def _kind() -> type[Any]:
    return type("Look", (import_module("anywidget").AnyWidget,), {"_esm": module() + GLUE})
