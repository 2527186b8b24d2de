"""Pages in a real browser with the network cut, and a sight of them that lets no fault pass."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""


class Sight:
    """Pages in Chromium with the network cut; `faults` gathers what must never come: errors, warnings, requests, dialogs."""

    def __init__(self, browser: Any, folder: Path):
        self.browser, self.folder = browser, folder
        self.faults: list[str] = []
        self.contexts: list[Any] = []

    @classmethod
    @contextmanager
    def of(cls, browser: Any, folder: Path) -> Iterator[Self]:
        """A sight whose tabs are closed at the end, and that fails there if anything was amiss in them."""
        seen = cls(browser, folder)
        yield seen
        for context in seen.contexts:
            context.close()
        assert seen.faults == []

    def tab(self, *, width: int = 1280, scheme: str = "light", home: str = "file:", **more: Any) -> Any:
        """An empty tab that may ask `home` and nothing else."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=home == "file:", accept_downloads=True, **more
        )
        self.contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: self.faults.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        tab.on("request", lambda request: request.url.startswith((home, "data:", "blob:")) or self.faults.append(request.url))
        return tab
