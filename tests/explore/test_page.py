"""The explorer's page in a real browser, without a network: five views of made-up scenes and of real models, by pointer and by keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser import DARK, PAPER, TABS, VIEWS, Sight, comes, document, fits, go, kept, said, settled, state
from scenes import Sham, generation, hostile, reading, translation

from limelight.explore.page_files import FILES, module
from limelight.look.picture import Picture, to_json


def aligned() -> dict[str, Any]:
    """The black cat with a picture of its alignment."""
    picture = Picture(
        title="The black cat",
        source=("The", "black", "cat"),
        target=("Le", "chat", "noir"),
        links=((0, 0), (2, 1), (1, 2)),
        weights=((0.7, 0.1, 0.1), (0.1, 0.1, 0.7), (0.1, 0.8, 0.05)),
        how="decoder.2.cross",
        trust="AER 0.31",
        model="made-up",
        seconds=0.1,
    )
    return translation(align=json.loads(to_json(picture)))


# --- the text of the module -----------------------------------------------------------------------------------------
def test_the_module_is_plain_and_asks_nobody_else() -> None:
    text = module()
    assert not re.search(
        r"^\s*(import|export)\b|\bimport\s*\(|innerHTML|insertAdjacentHTML|\beval\(|new Function|document\.write", text, re.M
    )
    assert "https://" not in text
    assert re.findall(r"http://[^\"`']*", text) == ["http://www.w3.org/2000/svg"]
    assert text.count("fetch(") - text.count("#fetch(") == 1  # the model's own address, in source.js


def test_every_file_of_the_page_is_read_once() -> None:
    folder = Path(__file__).parents[2] / "src" / "limelight" / "explore" / "page"
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())
    assert module().count('define("limelight-look"') == module().count('define("limelight-attention"') == 1


# --- all views --------------------------------------------------------------------------------------------------------
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scene", [aligned, generation, reading], ids=["both", "decoder", "encoder"])
def test_every_view_is_drawn_and_fits(sight: Sight, scene: Any, width: int, scheme: str) -> None:
    tab = sight.open(kept(scene()), width=width, scheme=scheme)
    for name in TABS:
        for view in VIEWS if name == "Attention" else [""]:
            go(tab, name, view)
            assert fits(tab, width), (name, view)
            assert tab.locator(".problem").count() == 0
            trusted = name in ("Lab", "Align")                                 # where nothing is drawn, or the picture says it itself
            assert trusted or tab.locator(".trust").first.is_visible(), (name, view)
    colour = tab.evaluate("getComputedStyle(document.querySelector('limelight-look')).backgroundColor")
    assert colour == (DARK if scheme == "dark" else PAPER)


@pytest.mark.browser
def test_hostile_words_are_only_ever_text(sight: Sight) -> None:
    for width in (1280, 400):
        tab = sight.open(kept(hostile()), width=width)
        assert tab.locator("h1").inner_text() == "</title><script>alert(1)</script>"
        for name in TABS:
            for view in VIEWS if name == "Attention" else [""]:
                go(tab, name, view)
                assert fits(tab, width), (name, view)
                assert tab.locator("img, script:not([type])").count() == 0
        go(tab, "Steps")
        text = tab.locator(".prose").first.inner_text()
        assert "^Gbell^[[31m" in text
        assert "\u202e" not in text
        assert "x" * 200 not in text


@pytest.mark.browser
def test_a_text_of_2048_tokens_is_looked_at_in_parts(sight: Sight) -> None:
    sham = Sham(generation(2048, layers=1, heads=2))
    tab = sight.live(sham)
    for view in VIEWS:
        go(tab, "Attention", view)
    assert tab.locator("canvas.map").is_visible()
    tiles = [query for query in sham.asked if query["ask"] == "tile"]
    assert tiles
    assert all(query["size"] <= 256 for query in tiles)
    for _ in range(6):
        tab.get_by_role("button", name="Zoom in").click()
        settled(tab)
    near = [query for query in sham.asked if query["ask"] == "tile"][-1]
    assert near["rows"][1] - near["rows"][0] == 256  # at the finest, a cell a weight
    tab.get_by_text("Row", exact=True).click()
    settled(tab)
    assert tab.locator(".tok").count() < 900  # what is far from every bar is left out, and can be opened
    before = tab.locator(".tok").count()
    tab.locator(".sky .more").first.click()
    settled(tab)
    assert tab.locator(".tok").count() > before


# --- steps ------------------------------------------------------------------------------------------------------------
@pytest.mark.browser
def test_steps_walk_from_token_to_token(sight: Sight) -> None:
    scene = translation()
    tab = sight.open(kept(scene))
    settled(tab)
    chips = tab.get_by_role("radiogroup", name="What was written, token by token").get_by_role("radio")
    assert chips.count() == len(scene["steps"])
    assert tab.get_by_role("button", name="Previous token").is_disabled()
    tab.get_by_role("button", name="Next token").click()
    tab.keyboard.press("Tab")
    chips.nth(1).focus()
    tab.keyboard.press("ArrowRight")
    settled(tab)
    assert "step=2" in state(tab)
    assert tab.locator(".way mark").first.inner_text() == "noir"
    assert chips.nth(2).evaluate("node => node === node.getRootNode().activeElement")
    tab.keyboard.press("End")
    settled(tab)
    assert f"step={len(scene['steps']) - 1}" in state(tab)


@pytest.mark.browser
def test_the_arithmetic_of_a_head_adds_up(sight: Sight) -> None:
    scene = translation()
    sham = Sham(scene)
    tab = sight.open(kept(scene), hash="#step=3")
    settled(tab)
    rows = tab.locator("table.sum tbody tr")
    sums = sham.arith({"name": scene["start"]["name"], "head": scene["start"]["head"], "query": 3})
    assert rows.count() == len(sums["keys"]) + 1  # and the others, together
    shown = [float(text) for text in tab.locator("table.sum .gauge b").all_inner_texts()]
    assert sum(shown) == pytest.approx(1, abs=0.005)
    assert shown[0] == pytest.approx(sums["keys"][0]["weight"], abs=6e-4)
    assert "2e-7" in tab.locator(".sums").inner_text()


@pytest.mark.browser
def test_the_tree_of_beams_shows_what_won(sight: Sight) -> None:
    tab = sight.open(kept(translation()))
    settled(tab)
    won = tab.locator("svg.tree .leaf.won .label").all_text_contents()
    assert won[1:4] == ["Le", "chat", "noir"]
    assert tab.locator("svg.tree .leaf.dropped").count() > 10
    assert "chat" in tab.get_by_role("table", name="The path that won").inner_text()


# --- attention ----------------------------------------------------------------------------------------------------------
@pytest.mark.browser
def test_only_heads_in_sight_are_asked_for(sight: Sight) -> None:
    sham = Sham(generation(40, layers=24, heads=12))
    tab = sight.live(sham, hash="#tab=attention")
    settled(tab)
    asked = {query["name"] for query in sham.asked if query["ask"] == "grid"}
    assert 0 < len(asked) < 16
    tab.locator(".layer").last.scroll_into_view_if_needed()
    tab.locator(".layer").last.locator("canvas").first.wait_for()
    assert "decoder.23.self" in {query["name"] for query in sham.asked if query["ask"] == "grid"}


@pytest.mark.browser
def test_the_grid_says_what_heads_do_and_opens_one_by_keys(sight: Sight) -> None:
    tab = sight.open(kept(generation(heads=8)), hash="#tab=attention")
    settled(tab)
    head = tab.get_by_role("button", name="decoder.0.self, head 0: previous token, 83% of its weight where chance gives 11%")
    head.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    settled(tab)
    assert tab.get_by_label("Which attention", exact=True).input_value() == "decoder.1.self"
    assert tab.get_by_label("Head", exact=True).input_value() == "1"
    assert tab.locator("svg.lines").is_visible()


@pytest.mark.browser
def test_lines_tell_exact_weights(sight: Sight) -> None:
    scene = translation()
    sham = Sham(scene)
    tab = sight.live(sham, hash="#tab=attention&view=lines&name=decoder.1.cross&head=2")
    settled(tab)
    tab.get_by_role("button", name="chat, query token 3").hover()
    row = sham.weights("decoder.1.cross")[2][2]
    best = scene["tracks"]["source"]["tokens"][int(row.argmax())]["text"]
    comes(tab, ".readout", f"{best} {row.max():.2f}")
    tab.get_by_role("button", name="chat, query token 3").click()
    assert "head=2" in state(tab)


@pytest.mark.browser
def test_words_are_sums_of_their_pieces(sight: Sight) -> None:
    scene = translation()
    sham = Sham(scene)
    tab = sight.open(kept(scene), hash="#tab=attention&view=matrix&name=decoder.0.self&head=0")
    settled(tab)
    assert tab.locator("svg.matrix .cell").count() == 11 * 11
    tab.get_by_text("Words", exact=True).click()
    settled(tab)
    assert tab.locator("svg.matrix .cell").count() == 9 * 9  # mangé and souris are one each
    tab.locator("svg.matrix").focus()
    tab.keyboard.press("End")
    for _ in range(8):
        tab.keyboard.press("ArrowDown")
    for _ in range(3):
        tab.keyboard.press("ArrowLeft")
    group, row = scene["tracks"]["target"]["groups"][5], scene["tracks"]["target"]["groups"][8]
    weight = float(sham.weights("decoder.0.self")[0][row[0] : row[1], group[0] : group[1]].sum(1).mean())
    told = said(tab)
    assert told.startswith(". looked at mangé")
    assert float(re.findall(r"0\.\d{4}", told)[0]) == pytest.approx(weight, abs=0.005)  # a file keeps steps of 1/255


@pytest.mark.browser
def test_a_row_stands_over_the_text_and_can_be_turned(sight: Sight) -> None:
    scene = generation()
    sham = Sham(scene)
    tab = sight.live(sham, hash="#tab=attention&view=row&name=decoder.1.self&head=0&query=8")
    settled(tab)
    row = sham.weights("decoder.1.self")[0][8]
    heights = tab.locator(".tok i").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.height))")
    assert heights == pytest.approx([30 * weight / row.max() for weight in row], abs=0.51)
    assert tab.locator(".tok.barred").count() == 3  # the future
    tab.locator(".tok").nth(5).click()
    settled(tab)
    assert "query=5" in state(tab)
    tab.keyboard.press("ArrowRight")
    settled(tab)
    assert "query=6" in state(tab)
    tab.get_by_text("Is looked at by", exact=True).click()
    settled(tab)
    assert [query for query in sham.asked if query["ask"] == "column"][-1]["key"] == 6
    tab.get_by_label("Head", exact=True).select_option("all")
    settled(tab)
    assert "Abnar" in said(tab)


@pytest.mark.browser
@pytest.mark.parametrize("view", ["Lines", "Row", "Matrix"])
@pytest.mark.parametrize("words", [12, 200], ids=["short", "long"])
def test_the_sink_is_set_aside_and_how_much_is_said(sight: Sight, view: str, words: int) -> None:
    scene = generation(words)
    tab = sight.open(kept(scene), hash="#tab=attention&head=3&query=9")
    go(tab, "Attention", view)
    tab.get_by_text("Set aside", exact=True).click()
    settled(tab)
    assert "sink=0" in state(tab)
    comes(tab, ".lead", "set aside")
    if view != "Lines" or words == 12:
        assert re.search(r"holds [\d.]+%", said(tab, ".lead"))


@pytest.mark.browser
def test_a_large_matrix_is_moved_over_by_keys(sight: Sight) -> None:
    scene = generation(300)
    sham = Sham(scene)
    tab = sight.live(sham, hash="#tab=attention&view=matrix&head=1&name=decoder.0.self")
    settled(tab)
    map_ = tab.locator("canvas.map")
    map_.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        tab.keyboard.press(key)
    weight = sham.weights("decoder.0.self")[1][3][1]
    comes(tab, ".readout", f"{weight:.4f}")
    assert "query=3" in state(tab)
    assert "key=1" in state(tab)
    pixels = """node => node.getContext("2d").getImageData(0, 0, node.width, node.height).data
        .filter((bit, k) => k % 4 === 0 && bit < 120).length"""
    assert map_.evaluate(pixels) > 100  # the diagonal is drawn


@pytest.mark.browser
def test_attention_between_two_texts_keeps_its_place(sight: Sight) -> None:
    tab = sight.open(kept(translation()), hash="#tab=attention&view=row&query=5")
    settled(tab)
    assert "mang" in said(tab)
    tab.get_by_text("Words", exact=True).click()
    settled(tab)
    assert said(tab).startswith("mangé")
    tab.get_by_label("Which attention", exact=True).select_option("encoder.0.self")
    settled(tab)
    assert "name=encoder.0.self" in state(tab)
    assert tab.locator(".tok").count() == 8


# --- align, lab, evidence ---------------------------------------------------------------------------------------------
@pytest.mark.browser
def test_align_is_the_attention_picture_or_a_line(sight: Sight) -> None:
    tab = sight.open(kept(aligned()), hash="#tab=align")
    assert tab.locator("limelight-attention svg.lines .token").count() == 6
    assert tab.get_by_text("AER 0.31").is_visible()
    tab = sight.open(kept(reading()), hash="#tab=align")
    assert tab.get_by_text("Nothing to align: one text only.").is_visible()


@pytest.mark.browser
def test_the_lab_of_a_file_says_how_to_open_it(sight: Sight) -> None:
    tab = sight.open(kept(translation()), hash="#tab=lab")
    assert "limelight look made-up numbers" in tab.locator("pre").inner_text()
    assert "--web" in tab.locator("pre").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_the_lab_changes_heads_and_words(sight: Sight, width: int) -> None:
    scene = translation(live={"lab": True, "evidence": []})
    sham = Sham(scene)
    tab = sight.live(sham, hash="#tab=lab", width=width)
    settled(tab)
    assert "Nothing is changed" in tab.get_by_role("region", name="Before and after", exact=True).inner_text()
    tab.get_by_role("switch", name="decoder.1.cross, head 2").click()
    settled(tab)
    assert sham.asked[-1]["ask"] in ("edit", "tile")
    edits = [query for query in sham.asked if query["ask"] == "edit"]
    assert edits[-1] == {"ask": "edit", "ablate": {"decoder.1.cross": [2]}, "mask": [], "swap": {}}
    assert "4.40 nats less likely" in said(tab, "[role=status].lead")
    assert [text.strip() for text in tab.locator(".said mark").all_inner_texts()] == ["tout", "blanc"]      # what follows is as it was
    tab.get_by_role("button", name="black", exact=True).click()
    tab.get_by_role("button", name="Mask the word").click()
    settled(tab)
    tab.get_by_label("Another word for black").fill("white")
    tab.keyboard.press("Enter")
    settled(tab)
    edits = [query for query in sham.asked if query["ask"] == "edit"]
    assert edits[-2]["mask"] == [1]
    assert edits[-1] == {"ask": "edit", "ablate": {"decoder.1.cross": [2]}, "mask": [], "swap": {"1": "white"}}
    assert {query.get("of") for query in sham.asked if query["ask"] == "tile"} == {None, "after"}
    assert fits(tab, width)
    link = state(tab)
    assert "decoder.1.cross" in link
    tab.get_by_role("button", name="Undo all changes").click()
    settled(tab)
    assert "off=" not in state(tab)
    again = sight.live(sham, hash=link, width=width)
    settled(again)
    assert again.get_by_role("switch", name="decoder.1.cross, head 2").get_attribute("aria-checked") == "false"


@pytest.mark.browser
def test_evidence_stands_beside_attention(sight: Sight) -> None:
    scene = reading()
    sham = Sham(scene)
    tab = sight.open(kept(scene), hash="#tab=evidence")
    settled(tab)
    told = sham.evidence({"method": "leave-one-out"})
    assert tab.locator("svg.bars .bar").count() == len(told["words"])
    assert tab.locator("svg.bars .against").count() == sum(word["effect"] < 0 for word in told["words"])
    assert "ranks 1 of 5 methods" in said(tab, ".trust")
    assert "0.42" in said(tab, ".facts")
    assert tab.locator("svg.curve circle").count() == 11
    tab.get_by_text("integrated gradients", exact=True).click()
    settled(tab)
    assert "method=integrated" in state(tab)
    rows = tab.get_by_role("table", name=re.compile("Effect of each word by integrated")).locator("tbody tr")
    assert rows.count() == len(told["words"])


# --- everything -------------------------------------------------------------------------------------------------------
@pytest.mark.browser
def test_the_hash_brings_the_state_back(sight: Sight) -> None:
    link = "#tab=attention&view=row&name=decoder.0.self&head=2&query=4&words=1&sink=0"
    tab = sight.open(kept(translation()), hash=link)
    settled(tab)
    assert tab.get_by_role("tab", selected=True).inner_text() == "Attention"
    assert tab.get_by_label("Head", exact=True).input_value() == "2"
    assert tab.locator(".tok.here").inner_text() == "a"
    assert tab.get_by_role("radio", name="Words", exact=True).is_checked()
    assert tab.get_by_role("radio", name="Set aside").is_checked()
    tab.evaluate("location.hash = 'tab=evidence'")
    tab.locator("svg.curve").wait_for()
    assert tab.get_by_role("tab", selected=True).inner_text() == "Evidence"


@pytest.mark.browser
@pytest.mark.parametrize(
    "link", ["#tab=nowhere&view=x&name=no.such&head=99&query=-4&step=1e9&swap=[", "#%%%", "#head=1.5&off=a:b;c&mask=x&way=<b>&swap=null"]
)
def test_a_broken_link_falls_back(sight: Sight, link: str) -> None:
    tab = sight.open(kept(translation()), hash=link)
    settled(tab)
    assert tab.get_by_role("tab", selected=True).inner_text() == "Steps"
    for view in VIEWS:
        go(tab, "Attention", view)
        assert tab.locator(".problem").count() == 0


@pytest.mark.browser
def test_a_link_asks_the_lab_only_for_what_there_is(sight: Sight) -> None:
    sham = Sham(translation(live={"lab": True, "evidence": []}))
    tab = sight.live(sham, hash="#tab=lab&off=decoder.1.cross:0+2+9;no.such:1&mask=1+x&swap={%22a%22:%22b%22,%222%22:%22dog%22,%223%22:4}")
    settled(tab)
    edits = [query for query in sham.asked if query["ask"] == "edit"]
    assert edits == [{"ask": "edit", "ablate": {"decoder.1.cross": [0, 2]}, "mask": [1], "swap": {"2": "dog"}}]


@pytest.mark.browser
def test_tabs_are_moved_between_by_arrows(sight: Sight) -> None:
    tab = sight.open(kept(translation()))
    tab.get_by_role("tab", name="Steps").focus()
    for name in TABS[1:]:
        tab.keyboard.press("ArrowRight")
        assert tab.get_by_role("tab", selected=True).inner_text() == name
        assert tab.get_by_role("tabpanel", name=name).is_visible()
    tab.keyboard.press("Home")
    assert tab.get_by_role("tab", selected=True).inner_text() == "Steps"
    assert tab.locator("[role=tab][tabindex='0']").count() == 1


@pytest.mark.browser
def test_light_and_dark_are_switched(sight: Sight) -> None:
    tab = sight.open(kept(translation()), hash="#tab=attention")
    settled(tab)
    thumb = "document.querySelector('limelight-look').shadowRoot.querySelector('canvas').toDataURL()"
    before = tab.evaluate(thumb)
    tab.get_by_role("button", name="Switch between light and dark").click()
    settled(tab)
    assert tab.evaluate("getComputedStyle(document.querySelector('limelight-look')).backgroundColor") == DARK
    assert tab.evaluate(thumb) != before


@pytest.mark.browser
@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("#tab=attention", "Heads"),
        ("#tab=attention&view=lines", "Lines"),
        ("#tab=attention&view=row", "Row"),
        ("#tab=attention&view=matrix", "Matrix"),
        ("#tab=evidence", "Words by effect"),
        ("#tab=steps", "Candidates"),
        ("#tab=steps", "Beams"),
    ],
)
def test_pictures_can_be_taken_along(sight: Sight, tmp_path: Path, link: str, name: str) -> None:
    tab = sight.open(kept(translation()), hash=link)
    settled(tab)
    tab.evaluate("navigator.clipboard.write = navigator.clipboard.writeText = () => Promise.reject(); 0")  # as in a sandboxed frame
    for kind in ("svg", "png"):
        with tab.expect_download() as download:
            tab.get_by_role("button", name=f"Copy as {kind.upper()}: {name}").click()
        download.value.save_as(tmp_path / f"copy.{kind}")
    text = (tmp_path / "copy.svg").read_text("utf-8")
    words = " ".join(re.findall(r">([^<]+)<", text))
    assert "made-up numbers" in words
    assert name in words
    assert ("decoder.2.cross, head 1" in words) == (name in ("Lines", "Row", "Matrix"))
    assert "var(" not in text
    assert (tmp_path / "copy.png").stat().st_size > 3000


@pytest.mark.browser
def test_what_fails_is_said_in_place(sight: Sight) -> None:
    scene = translation()
    sham = Sham(scene)

    def evidence(query: dict[str, Any]) -> dict[str, Any]:
        return {"error": "It is <b>too</b> long.", "hint": "Take a shorter one."}

    sham.evidence = evidence  # type: ignore[method-assign]
    tab = sight.live(sham, hash="#tab=evidence")
    settled(tab)
    assert said(tab, ".problem") == "It is <b>too</b> long. Take a shorter one."
    go(tab, "Steps")
    assert tab.locator(".problem").count() == 0


@pytest.mark.browser
def test_a_broken_bundle_says_so(sight: Sight) -> None:
    tab, path = sight.tab(), sight.folder / "broken.html"
    path.write_text(document('<limelight-look><script type="application/json">{</script></limelight-look>'), "utf-8")
    tab.goto(path.as_uri())
    assert "cannot be read" in tab.locator(".problem").inner_text()


@pytest.mark.browser
def test_a_notebook_keeps_its_own_address(sight: Sight) -> None:
    tab, path, sham = sight.tab(), sight.folder / "book.html", Sham(generation())
    text = module() + "\nglobalThis.open = (model, el) => widget({ model, el });"
    scripts = "".join(f'<script type="module">{each}</script>' for each in (module(), text))      # a notebook reads it for every output
    path.write_text(f'<!doctype html><meta charset="utf-8"><title>book</title><main></main>{scripts}', "utf-8")
    tab.expose_function("asked", sham.ask)
    tab.goto(path.as_uri() + "#cell-7")
    tab.evaluate("""() => { let hear; const send = async ({ id, query }) => hear({ id, answer: await window.asked(query) });
        const model = { on: (name, act) => { hear = act; }, send };
        window.open(model, document.querySelector("main")); }""")
    tab.get_by_role("tablist").wait_for()
    go(tab, "Attention", "Row")
    assert tab.locator(".tok").count() == 12
    assert state(tab) == "#cell-7"
