"""The explorer's page on real models: the bundled translator, and tiny GPT-2, BERT and T5 as transformers publishes them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from browser import TABS, VIEWS, Sight, fits, go, said, settled, state

import limelight
import published
from limelight.explore import Explorer
from limelight.hub import Opened

ANIMAL = "The animal didn't cross the street because it was too tired."
CASES = {"gpt2": "gpt2-LMHeadModel", "bert": "bert-ForMaskedLM", "t5": "t5-ForConditionalGeneration"}


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    return limelight.explorer("en-fr", ANIMAL)


def tiny(kind: str, folder: Path) -> Explorer:
    """A tiny model of a family, looking at a text that its tokenizer can spell."""
    published.published(CASES[kind], folder, **({"max_new_tokens": 6} if kind != "bert" else {}))
    return limelight.explorer(str(folder), "The black cat eats the mouse.")


def all_views(tab: Any, width: int) -> None:
    for name in TABS:
        for view in VIEWS if name == "Attention" else [""]:
            go(tab, name, view)
            assert fits(tab, width), (name, view)
            assert tab.locator(".problem").count() == 0, (name, view)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_saved_look_at_the_translator_shows_all_views(sight: Sight, english: Explorer, tmp_path: Path, width: int) -> None:
    tab = sight.tab(width=width)
    tab.goto(english.save(tmp_path / "look.html").as_uri())
    settled(tab)
    all_views(tab, width)
    go(tab, "Align")
    assert tab.locator("limelight-attention svg.lines").is_visible()
    go(tab, "Steps")
    chosen = tab.locator(".walk [aria-checked=true]").inner_text()
    assert chosen.split()[0] in tab.locator("svg.bars .won .label").first.text_content()


@pytest.mark.browser
@pytest.mark.parametrize("kind", CASES)
def test_saved_looks_at_other_families_show_all_views(sight: Sight, tmp_path: Path, kind: str) -> None:
    tab = sight.tab()
    tab.goto(tiny(kind, tmp_path / kind).save(tmp_path / "look.html").as_uri())
    settled(tab)
    all_views(tab, 1280)


@pytest.mark.browser
def test_a_recurrent_translator_shows_what_it_has(sight: Sight, tmp_path: Path) -> None:
    pieces, model = published.tiny.untrained(made=published.tiny.recurrent)
    opened = Opened(model.requires_grad_(False), pieces, published.tiny.manifest(pieces, model.spec, aligner=None), tmp_path)
    tab = sight.tab()
    tab.goto(limelight.explorer(opened, "The cat eats the mouse.", new=5).save(tmp_path / "look.html").as_uri())
    settled(tab)
    all_views(tab, 1280)
    go(tab, "Steps")
    assert tab.locator("table.layers").count() == 0                            # it has states, and no layers of attention
    assert tab.locator("table.sum").is_visible()


@pytest.mark.browser
def test_without_scripts_the_text_and_its_trust_stand_there(sight: Sight, english: Explorer, tmp_path: Path) -> None:
    tab = sight.tab(java_script_enabled=False)
    tab.goto(english.save(tmp_path / "look.html").as_uri())
    assert tab.get_by_text(ANIMAL).first.is_visible()
    assert tab.get_by_text("weights sum to 1").is_visible()


@pytest.mark.browser
def test_a_live_page_asks_the_model_and_nobody_else(sight: Sight, english: Explorer) -> None:
    with english.serve() as server:
        tab = sight.tab(home=server.url)
        tab.goto(server.url)
        tab.get_by_role("tablist").wait_for()
        all_views(tab, 1280)
        go(tab, "Attention", "Row")
        row = english.ask({"ask": "row", **english.ask({"ask": "scene"})["start"]})
        assert f"{row['weights'][0]:.2f}" in said(tab)


@pytest.mark.browser
def test_the_lab_changes_what_the_translator_says(sight: Sight, english: Explorer) -> None:
    with english.serve() as server:
        tab = sight.tab(home=server.url)
        tab.goto(f"{server.url}#tab=lab")
        tab.get_by_role("region", name="Before and after", exact=True).wait_for()
        tab.get_by_role("button", name="tired", exact=True).click()
        tab.get_by_label("Another word for tired").fill("wide")
        tab.keyboard.press("Enter")
        settled(tab)
        after = english.ask({"ask": "edit", "swap": {str(_place(english, "tired")): "wide"}})["after"]["text"]
        assert after not in english.scene.title
        assert after.split()[-1] in tab.locator(".said .prose").nth(1).inner_text()
        assert re.search(r"nats (less|more) likely", said(tab, "[role=status].lead"))
        assert "wide" in state(tab)


def _place(explorer: Explorer, word: str) -> int:
    track = explorer.ask({"ask": "scene"})["tracks"]["source"]
    return [track["text"][a:b] for a, b in track["words"]].index(word)


@pytest.mark.browser
@pytest.mark.slow
def test_a_text_of_2048_tokens_opens_and_is_walked(sight: Sight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = published.made("gpt2", "GPT2", published.GPT2 | {"n_positions": 2100}, "LMHeadModel", tag="_long")
    monkeypatch.setitem(published.ALL, "gpt2-LMHeadModel", long["gpt2_long-LMHeadModel"])
    module = importlib.import_module("limelight.explore.explorer")
    monkeypatch.setattr(module, "methods", lambda _: ("attention",))           # leaving out words one by one takes minutes
    explorer = tiny_of(tmp_path / "long", 2_048)
    tab = sight.tab()
    tab.goto(explorer.save(tmp_path / "look.html").as_uri())
    settled(tab)
    all_views(tab, 1280)
    with explorer.serve() as server:
        live = sight.tab(home=server.url)
        live.goto(f"{server.url}#tab=attention&view=matrix")
        live.locator("canvas.map").wait_for()
        live.get_by_role("button", name="Zoom in").click()
        settled(live)
        live.locator("canvas.map").focus()
        live.keyboard.press("ArrowRight")
        live.locator(".readout").get_by_text(re.compile(r"\d\.\d{4}")).wait_for()


def tiny_of(folder: Path, tokens: int) -> Explorer:
    """A tiny GPT-2 of long sight, looking at so many tokens."""
    published.published(CASES["gpt2"], folder, max_new_tokens=3)
    sentence = "The black cat eats the mouse. "
    pieces = len(published.tiny.text().encode(sentence * 10).ids) / 10
    return limelight.explorer(str(folder), sentence * int((tokens - 4) / pieces))
