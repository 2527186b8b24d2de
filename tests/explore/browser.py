"""Explorers in a real browser, and how tests move about in them."""

from __future__ import annotations

import json
from typing import Any

from scenes import Sham, bundle

import chrome
from limelight.explore.page_files import STYLE, module
from limelight.look.html import in_script, policy

TABS = ("Steps", "Attention", "Align", "Lab", "Evidence")
VIEWS = ("Heads", "Lines", "Row", "Matrix")
DARK, PAPER = "rgb(20, 24, 26)", "rgb(250, 249, 244)"


def document(inside: str) -> str:
    """A page around an element, with the policy that the real ones have."""
    script = module()
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A look</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script, STYLE)}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body><main>{inside}</main><script type="module">{script}</script></body></html>'
    )


def kept(scene: dict[str, Any]) -> str:
    data = in_script(json.dumps(bundle(Sham(scene)), ensure_ascii=False))
    return document(f'<limelight-look><script type="application/json">{data}</script></limelight-look>')


class Sight(chrome.Sight):
    """Explorers in Chromium."""

    def open(self, text: str, *, hash: str = "", **how: Any) -> Any:
        """A page of a file."""
        tab, path = self.tab(**how), self.folder / "look.html"
        path.write_text(text, "utf-8")
        tab.goto(path.as_uri() + hash)
        tab.get_by_role("tablist").wait_for()
        return tab

    def live(self, sham: Sham, *, hash: str = "", **how: Any) -> Any:
        """A page with a made-up model behind it, asked as a notebook's kernel is."""
        tab, path = self.tab(**how), self.folder / "live.html"
        path.write_text(document(""), "utf-8")
        tab.expose_function("asked", sham.ask)
        tab.goto(path.as_uri() + hash)
        tab.evaluate("""() => { const look = document.createElement("limelight-look");
            look.source = { live: true, ask: (query) => window.asked(query) }; document.querySelector("main").append(look); }""")
        tab.get_by_role("tablist").wait_for()
        return tab


def settled(tab: Any) -> None:
    """Nothing is waited for any more, and nothing that was asked failed."""
    tab.wait_for_function("""() => { const root = document.querySelector("limelight-look").shadowRoot;
        return root.querySelector("[role=tabpanel]")?.firstChild && !root.querySelector(".waiting"); }""")


def go(tab: Any, name: str, view: str = "") -> None:
    tab.get_by_role("tab", name=name).click()
    if view:
        tab.get_by_text(view, exact=True).first.click()
    settled(tab)


def fits(tab: Any, width: int) -> bool:
    return tab.evaluate("document.documentElement.scrollWidth") <= width


def said(tab: Any, selector: str = ".readout") -> str:
    return " ".join(tab.locator(selector).first.inner_text().split())


def state(tab: Any) -> str:
    return tab.evaluate("location.hash")


def comes(tab: Any, selector: str, text: str) -> None:
    """Wait until something inside the explorer says so; blanks of any kind are one."""
    tab.wait_for_function(
        """([where, text]) => (document.querySelector("limelight-look").shadowRoot.querySelector(where)?.innerText ?? "")
        .replace(/\\s+/g, " ").includes(text)""",
        arg=[selector, text],
    )
