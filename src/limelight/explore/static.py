"""The explorer as a page: one file that needs nothing else, or the frame of a live one."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import replaced
from ..look.html import escaped, in_script, policy
from .keeping import Budget, as_json
from .page_files import STYLE, module

if TYPE_CHECKING:
    from .paged import Paged

MOST = 400


def page(looked: Paged, *, budget: Budget | None = None, cell: bool = False) -> str:
    """One self-contained HTML document with the answers that it keeps; the same reading gives the same text. `cell`: without margins."""
    data = in_script(as_json(looked.bundle(budget)))
    inside = f'<script type="application/json" id="bundle">{data}</script>\n{_fallback(looked)}'
    return _document(looked, f"<limelight-look>\n{inside}\n</limelight-look>", cell=cell)


def live_page(looked: Paged, *, ask: str) -> str:
    """The same for a model behind it, which is asked at `ask`."""
    element = f'<limelight-look src="{html.escape(ask, quote=True)}">{_fallback(looked)}</limelight-look>'
    return _document(looked, element, connect="'self'")


def save(looked: Paged, path: str | os.PathLike[str], *, budget: Budget | None = None) -> Path:
    """Write the page, whole or not at all. Raises InputError where it cannot be written."""
    target, data = Path(path), page(looked, budget=budget).encode("utf-8", "replace")
    with replaced(target) as draft:
        draft.write_bytes(data)
    return target


def framed(looked: Paged) -> str:
    """The page in a frame of its own, for a notebook without widgets."""
    title = escaped(looked.title or "Attention", 200)
    document = html.escape(page(looked, cell=True), quote=True)
    return (
        f'<iframe title="{title}" sandbox="allow-scripts allow-downloads" allow="clipboard-write" '
        f'width="100%" height="860" frameborder="0" srcdoc="{document}"></iframe>'
    )


def _document(looked: Paged, body: str, *, cell: bool = False, connect: str = "") -> str:
    script, name = module(), escaped(looked.title or "Attention", 200)
    return "\n".join([
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script, STYLE, connect=connect, media="blob:")}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">',
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>",
        f'<body{" class=" + chr(34) + "cell" + chr(34) if cell else ""}>\n<main>\n{body}\n</main>',
        f'<script type="module">{script}</script>\n</body>\n</html>\n',
    ])


def _fallback(looked: Paged) -> str:
    """What is read where scripts do not run."""
    return "".join(f"<p><bdi>{escaped(line, MOST)}</bdi></p>" for line in looked.told() if line)
