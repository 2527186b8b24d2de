"""What all tests share: one thread, fixed seeds, and where the data sets lie.

Nothing of limelight is imported here: the type checker that pytest switches on must come first, and with it that each kind of call is
checked once (see checked_once.py).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from hypothesis import settings

from checked_once import remembering

os.environ["HF_HUB_OFFLINE"] = "1"         # no test asks the network for a model
os.environ["OMP_NUM_THREADS"] = "1"        # commands that tests start do not wait for one another's threads
torch.set_num_threads(1)
jaxtyping.jaxtyped = remembering(jaxtyping.jaxtyped)       # what the type checker puts around each function of limelight
settings.register_profile("limelight", deadline=None)      # other work on the machine must not fail a test
settings.load_profile("limelight")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin first, so that no worker waits for another at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test draws the same numbers, whichever tests ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium; skips where there is none."""
    from chrome import CHROMIUM

    if not CHROMIUM:
        pytest.skip("no chromium here; install it, or set CHROMIUM to its path")
    driver = pytest.importorskip("playwright.sync_api", reason="needs the python package playwright")
    with driver.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def data_sets() -> Path:
    """The folder of data sets: ../shared/data beside the checkout, or LIMELIGHT_DATA. Skips where there is none."""
    folder = Path(os.environ.get("LIMELIGHT_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set LIMELIGHT_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: English to French, twenty sentences known by heart."""
    import tiny

    return tiny.folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def learnt() -> list[tuple[str, str]]:
    """The twenty sentences with their translations."""
    import tiny

    return tiny.LEARNT


@pytest.fixture(scope="session")
def learnt_words(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model of a kind ("bert", "gpt2") that has learnt which words go together (see wordy.py)."""
    import wordy

    @functools.cache
    def folder(kind: str) -> Path:
        path = tmp_path_factory.mktemp("wordy") / kind
        wordy.made(kind, path, learn=wordy.ENOUGH[kind])
        return path

    return folder
