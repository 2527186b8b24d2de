"""The explorer as a page: one file that needs nothing else, or the frame of a live one."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import replaced
from ..look.html import escaped, in_script, policy
from .answers.edit import answer_text
from .keeping import Budget, as_json, bundle
from .page_files import STYLE, module

if TYPE_CHECKING:
    from .explorer import Explorer

MOST = 400


def page(explorer: Explorer, *, budget: Budget | None = None, cell: bool = False) -> str:
    """One self-contained HTML document with the answers that it keeps; the same reading gives the same text. `cell`: without margins."""
    data = in_script(as_json(bundle(explorer, budget)))
    inside = f'<script type="application/json" id="bundle">{data}</script>\n{_fallback(explorer)}'
    return _document(explorer, f"<limelight-look>\n{inside}\n</limelight-look>", cell=cell)


def live_page(explorer: Explorer, *, ask: str) -> str:
    """The same for a model behind it, which is asked at `ask`."""
    element = f'<limelight-look src="{html.escape(ask, quote=True)}">{_fallback(explorer)}</limelight-look>'
    return _document(explorer, element, connect="'self'")


def save(explorer: Explorer, path: str | os.PathLike[str], *, budget: Budget | None = None) -> Path:
    """Write the page, whole or not at all. Raises InputError where it cannot be written."""
    target, data = Path(path), page(explorer, budget=budget).encode("utf-8", "replace")
    with replaced(target) as draft:
        draft.write_bytes(data)
    return target


def framed(explorer: Explorer) -> str:
    """The page in a frame of its own, for a notebook without widgets."""
    title = escaped(explorer.scene.title or "Attention", 200)
    document = html.escape(page(explorer, cell=True), quote=True)
    return (
        f'<iframe title="{title}" sandbox="allow-scripts allow-downloads" allow="clipboard-write" '
        f'width="100%" height="860" frameborder="0" srcdoc="{document}"></iframe>'
    )


def _document(explorer: Explorer, body: str, *, cell: bool = False, connect: str = "") -> str:
    script, name = module(), escaped(explorer.scene.title or "Attention", 200)
    return "\n".join([
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script, STYLE, connect=connect)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">',
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>",
        f'<body{" class=" + chr(34) + "cell" + chr(34) if cell else ""}>\n<main>\n{body}\n</main>',
        f'<script type="module">{script}</script>\n</body>\n</html>\n',
    ])


def _fallback(explorer: Explorer) -> str:
    """What is read where scripts do not run: the text, what the model said, and how far to trust what is shown."""
    scene, reading = explorer.scene, explorer.reading
    said = answer_text(reading) or (scene.choice.label if scene.choice else "")
    lines = [scene.title, said, *scene.trust.values()]
    return "".join(f"<p><bdi>{escaped(line, MOST)}</bdi></p>" for line in lines if line)
