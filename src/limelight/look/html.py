"""A picture as a page that needs nothing else: no network, no server, nothing that hostile text could break out of."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from ..errors import InputError
from ..files import replaced
from .picture import Picture, to_json
from .visible import shorten, visible

_JSON = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
FILES = ("tools.js", "attention.js")
STYLE = """
:root { color-scheme: light dark; background: light-dark(#faf9f4, #14181a); color: light-dark(#20251f, #edf0e4); }
body { margin: 0 auto; max-width: 1080px; padding: clamp(16px, 4vw, 48px); overflow-wrap: anywhere; }
body { font: 15px/1.6 Inter, system-ui, sans-serif; }
h1 { font-size: 22px; letter-spacing: -.015em; margin: 0 0 32px; }
limelight-attention { display: block; }
limelight-attention + limelight-attention { margin-top: 72px; }
body.cell { max-width: none; padding: 16px; }
""".lstrip()


def page(pictures: Picture | Sequence[Picture], *, title: str = "", lang: str = "en", cell: bool = False) -> str:
    """One self-contained HTML document with the pictures, below one another; the same pictures give the same text.

    `title` names the document (else the first picture's title); `lang` is the language of the page's own words;
    `cell` drops the margins, for a notebook. Without JavaScript the page still lists what each word looked at.
    A Content-Security-Policy allows this module and this style by their hashes and nothing else: no network at all.
    Raises InputError for no pictures.
    """
    shown = [pictures] if isinstance(pictures, Picture) else list(pictures)
    if not shown:
        raise InputError("a page needs at least one picture: got none.", "Look at a sentence first.")
    script = module()
    name = escaped(title or shown[0].title or "Attention", 200)
    heading = f"<h1>{name}</h1>\n" if len(shown) > 1 else ""
    level = 2 if heading else 1
    return "\n".join([
        f'<!doctype html>\n<html lang="{escaped(lang, 35)}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script, STYLE)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">',
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>",
        f'<body{" class=" + chr(34) + "cell" + chr(34) if cell else ""}>\n{heading}<main>',
        *(_element(picture, level) for picture in shown),
        f'</main>\n<script type="module">{script}</script>\n</body>\n</html>\n',
    ])


def notebook(picture: Picture) -> str:
    """The page in a frame of its own, for `_repr_html_`: several may stand in one notebook, and none can touch it."""
    words = max(len(picture.source), len(picture.target))
    height = 780 if words <= 12 else min(1600, 430 + 42 * words)
    document = html.escape(page(picture, cell=True), quote=True)
    return (
        f'<iframe title="{escaped(picture.title or "Attention", 200)}" sandbox="allow-scripts allow-downloads" allow="clipboard-write" '
        f'width="100%" height="{height}" frameborder="0" srcdoc="{document}"></iframe>'
    )


def save(pictures: Picture | Sequence[Picture], path: str | os.PathLike[str], *, title: str = "", lang: str = "en") -> Path:
    """Write the page, whole or not at all: a file that was there before stays until the new one is safely on disk.

    Returns the path. Raises InputError where it cannot be written (no such folder, no right to, a full disk).
    """
    target = Path(path)
    data = page(pictures, title=title, lang=lang).encode("utf-8")
    with replaced(target) as draft:
        draft.write_bytes(data)
    return target


@cache
def module() -> str:
    """The script that draws pictures: defines <limelight-attention>. The explorer's page stands on it."""
    folder = resources.files("limelight.look").joinpath("page")
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in FILES)


def policy(script: str, style: str, *, connect: str = "", media: str = "") -> str:
    """A Content-Security-Policy that allows this script and this style by their hashes, and asking `connect` and playing sounds from
    `media` where those are named."""
    # img-src data: and blob: are for the canvas of a large matrix and for copying as PNG; neither leaves the page
    own = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:"
    own += f"{connect and f'; connect-src {connect}'}{media and f'; media-src {media}'}"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _element(picture: Picture, level: int) -> str:
    data = in_script(to_json(picture))
    inside = f'<script type="application/json">{data}</script>\n{_fallback(picture)}'
    return f'<limelight-attention heading-level="{level}">\n{inside}\n</limelight-attention>'


def _fallback(picture: Picture) -> str:
    """What is read where scripts do not run: each word and what it looked at, and the number to trust it by."""
    items = "".join(f"<li>{_word(word)} ← {_looks(picture, j)}</li>" for j, word in enumerate(picture.target))
    return f"<p>{escaped(picture.title, 400)}</p><ul>{items}</ul><p>{escaped(picture.how, 400)}. Trust: {escaped(picture.trust, 400)}.</p>"


def _looks(picture: Picture, row: int) -> str:
    looks = picture.looks(row, most=3)
    return ", ".join(f"{_word(picture.source[look.column])} {look.weight:.2f}" for look in looks)


def _word(word: str) -> str:
    return f"<bdi>{escaped(word, 40)}</bdi>"


def in_script(data: str) -> str:
    """JSON that nothing in it can end a script element with; what reads it gets the same."""
    return data.translate(_JSON)


def escaped(text: str, most: int) -> str:
    """Text for between tags or in a quoted attribute: visible, at most so long, escaped."""
    return html.escape(shorten(visible(text[: most * 4]), most), quote=True)
