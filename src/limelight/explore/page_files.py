"""The explorer's page as text: the files that make one module, in the order in which they are read, and the document's own style."""

from __future__ import annotations

from functools import cache
from importlib import resources

from ..look import html

FILES = (
    "units.js",
    "source.js",
    "state.js",
    "marks.js",
    "steps.js",
    "arith.js",
    "beams.js",
    "heads.js",
    "small.js",
    "links.js",
    "row.js",
    "tiles.js",
    "looks.js",
    "given.js",
    "picture.js",
    "sound.js",
    "align.js",
    "lab.js",
    "evidence.js",
    "sheet.js",
    "element.js",
)
STYLE = """
:root { color-scheme: light dark; background: light-dark(#faf9f4, #14181a); color: light-dark(#20251f, #edf0e4); }
body { margin: 0 auto; max-width: 1120px; padding: clamp(16px, 4vw, 44px); overflow-wrap: anywhere; }
body { font: 15px/1.6 Inter, system-ui, sans-serif; }
limelight-look { display: block; }
body.cell { max-width: none; padding: 16px; }
""".lstrip()


@cache
def module() -> str:
    """The script that defines <limelight-look>, and <limelight-attention> below it: plain ES, no imports and no exports.

    `widget({model, el})` in it is what a notebook renders with.
    """
    folder = resources.files("limelight.explore").joinpath("page")
    return "\n".join([html.module(), *(folder.joinpath(name).read_text("utf-8") for name in FILES)])
