"""The page: escaped, small, equal for equal pictures, written whole or not at all; and in a real browser, drawn and usable."""

from __future__ import annotations

import base64
import errno
import hashlib
import html
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sights import HOSTILE, TRUST, hostile, picture, sized, with_tokens

import chrome
from limelight.errors import InputError
from limelight.look.html import notebook, page, save
from limelight.look.picture import Picture, from_json


class _Read(HTMLParser):
    """Which tags a page has, and what its script elements hold."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.content: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if tag == "meta" and named.get("http-equiv"):
            self.content["policy"] = named["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and data.strip():
            self.scripts.append(data)
        if self.tags and self.tags[-1] == "title":
            self.content.setdefault("title", data)


# --- the text of the page -------------------------------------------------------------------------------------------
def test_hostile_words_stay_words() -> None:
    text = page(hostile())
    found = _Read(text)
    assert found.tags.count("script") == 2                             # the data and the module
    assert "img" not in found.tags
    assert "b" not in found.tags
    assert from_json(found.scripts[0]).source == HOSTILE
    assert found.content["title"] == "</title><script>alert(1)</script>"
    data = found.scripts[0]
    assert not set(data) & set("<>&\u2028\u2029")


def test_the_policy_allows_this_module_and_this_style_only() -> None:
    text = page(picture())
    policy = _Read(text).content["policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    for kind, body in (("script", re.findall(r'<script type="module">(.*?)</script>', text, re.S)[0]),
                       ("style", re.findall(r"<style>(.*?)</style>", text, re.S)[0])):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_nothing_is_fetched_from_elsewhere() -> None:
    text = page(picture()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|\bimport\s*\(|\bfetch\(|XMLHttpRequest|\burl\(", text)
    assert "innerHTML" not in text


def test_equal_pictures_give_equal_pages() -> None:
    assert page(with_tokens()) == page(with_tokens())
    assert page(picture()) != page(picture(seconds=0.22))


def test_the_page_says_what_it_is() -> None:
    text = page(picture(), lang="fr")
    assert text.startswith('<!doctype html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">')
    assert "<title>The black cat ate the mouse.</title>" in text
    assert "<li><bdi>noir</bdi> ← <bdi>black</bdi> 0.83, <bdi>cat</bdi> 0.05</li>" in text      # for readers without scripts
    assert html.escape(TRUST) in text


def test_several_pictures_share_one_page() -> None:
    text = page([picture(), hostile()], title="Two <b>")
    assert text.count("<limelight-attention ") == 2
    assert text.count('<script type="module">') == 1
    assert "<h1>Two &lt;b&gt;</h1>" in text
    with pytest.raises(InputError, match="at least one picture: got none"):
        page([])


def test_a_large_picture_makes_a_page_under_three_megabytes() -> None:
    assert len(page(sized(512, 512)).encode()) < 3_000_000


def test_a_notebook_gets_a_frame_of_its_own() -> None:
    text = notebook(hostile())
    frame = _Read(text)
    assert frame.tags == ["iframe"]
    assert 'sandbox="allow-scripts allow-downloads"' in text
    inner = html.unescape(re.findall(r'srcdoc="([^"]*)"', text)[0])
    assert inner == page(hostile(), cell=True)


# --- writing it -----------------------------------------------------------------------------------------------------
def test_save_writes_the_page_and_nothing_else(tmp_path: Path) -> None:
    path = save(picture(title="broken \udc80"), tmp_path / "a.html")
    assert path.read_text("utf-8") == page(picture(title="broken \udc80"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


def test_a_full_disk_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.html"
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"the disk is full: .*a\.html could not be written"):
        save(picture(), target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


def test_a_folder_that_is_missing_or_in_the_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.html cannot be written: No such file or directory"):
        save(picture(), tmp_path / "no" / "a.html")
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        save(picture(), tmp_path)


# --- in a browser ---------------------------------------------------------------------------------------------------
class _Sight(chrome.Sight):
    """Pictures in Chromium."""

    def open(self, shown: Picture | list[Picture], **how: Any) -> Any:
        tab = self.tab(**how)
        tab.goto(save(shown, self.folder / "page.html").as_uri())
        tab.locator("svg").first.wait_for()
        return tab


@pytest.fixture
def sight(chromium: Any, tmp_path: Path) -> Iterator[_Sight]:
    with _Sight.of(chromium, tmp_path) as seen:
        yield seen


def _word(tab: Any, name: str) -> Any:
    return tab.get_by_role("button", name=name)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_view_is_drawn_and_fits(sight: _Sight, width: int, scheme: str) -> None:
    tab = sight.open(with_tokens(), width=width, scheme=scheme)
    for units in ("Words", "Sub-words"):
        tab.get_by_text(units, exact=True).click()
        for view, cells in (("Lines", "svg.lines .token"), ("Matrix", "svg.matrix .cell")):
            tab.get_by_text(view, exact=True).click()
            words, tokens = {"Lines": (15, 18), "Matrix": (56, 80)}[view]
            assert tab.locator(cells).count() == (words if units == "Words" else tokens)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.get_by_text(TRUST).last.is_visible()
    dark = tab.evaluate("getComputedStyle(document.querySelector('limelight-attention')).backgroundColor") == "rgb(20, 24, 26)"
    assert dark == (scheme == "dark")


@pytest.mark.browser
def test_a_word_shows_its_row_and_a_source_word_its_column(sight: _Sight) -> None:
    tab = sight.open(picture())
    _word(tab, "noir, target").hover()
    assert tab.locator(".readout p").inner_text().replace("\n", " ").startswith("noir looked at black 0.83 aligned cat 0.05")
    assert tab.locator(".token.lit").count() == 6                       # all but the full stop, which has none
    assert "elsewhere 0.04" in tab.locator(".readout").inner_text().replace("\n", " ")
    _word(tab, "black, source").hover()
    assert tab.locator(".readout p").inner_text().replace("\n", " ").startswith("black was looked at by noir 0.83 aligned chat 0.09")
    tab.locator("h1, .title").first.hover()
    assert tab.locator(".token.lit").count() == 0


@pytest.mark.browser
def test_stronger_weights_make_thicker_lines(sight: _Sight) -> None:
    tab = sight.open(picture())
    widths = tab.locator(".rest .ribbon").evaluate_all("lines => lines.map(line => Number(line.getAttribute('stroke-width')))")
    assert widths == sorted(widths)                                     # the strongest is drawn last, on top
    assert widths[-1] == pytest.approx(0.75 + 13 * 0.86, abs=0.01)
    assert len(widths) == sum(weight >= 0.04 for row in picture().weights for weight in row)


@pytest.mark.browser
def test_tap_holds_a_word_and_the_keyboard_reaches_all(sight: _Sight) -> None:
    tab = sight.open(picture())
    _word(tab, "noir, target").click()
    tab.mouse.move(2, 2)
    assert "noir" in tab.locator(".readout").inner_text()
    assert "held" in tab.locator(".readout").inner_text()
    tab.keyboard.press("Escape")
    assert "Point at a word" in tab.locator(".readout").inner_text()
    _word(tab, "Le, target").focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".readout .subject").inner_text() == "noir"
    tab.keyboard.press("ArrowUp")                                       # to the source word that it saw best
    assert tab.locator(".readout .subject").inner_text() == "black"
    tab.keyboard.press("End")
    assert tab.locator(".readout .subject").inner_text() == "."
    assert tab.locator("svg.lines [tabindex='0']").count() == 2         # one stop for Tab in each sentence


@pytest.mark.browser
@pytest.mark.parametrize("shown", [picture(), sized(120, 120)], ids=["cells", "canvas"])
def test_the_matrix_tells_each_weight(sight: _Sight, shown: Picture) -> None:
    tab = sight.open(shown)
    tab.get_by_text("Matrix", exact=True).click()
    tab.locator("svg.matrix").focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    said = tab.locator(".readout").inner_text().replace("\n", " ")
    assert said.startswith(f"{shown.target[2]} looked at {shown.source[1]} {shown.weights[2][1]:.4f}")
    image = tab.locator("svg.matrix image")
    assert image.count() == (0 if len(shown.source) < 50 else 1)
    if image.count():
        box = image.bounding_box()
        tab.mouse.move(box["x"] + box["width"] * 5.5 / 120, box["y"] + box["height"] * 7.5 / 120)
        assert f"{shown.source[5]} {shown.weights[7][5]:.4f}" in tab.locator(".readout").inner_text().replace("\n", " ")


@pytest.mark.browser
def test_heads_can_be_chosen(sight: _Sight) -> None:
    shown = with_tokens()
    tab = sight.open(shown)
    heads = tab.get_by_label("Attention head")
    assert not heads.is_visible()
    tab.get_by_text("Sub-words", exact=True).click()
    assert tab.locator(".how").inner_text().startswith("layer 3, head 1, sub-words")
    assert shown.tokens is not None
    for name, matrix in shown.tokens.weights.items():
        heads.select_option(name)
        _word(tab, "é, target").hover()
        best = max(matrix[5])
        assert f"{shown.tokens.source[matrix[5].index(best)]} {best:.2f}" in tab.locator(".readout").inner_text().replace("\n", " ")


@pytest.mark.browser
def test_the_scheme_can_be_turned(sight: _Sight) -> None:
    tab = sight.open([picture(), picture()])
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    strokes = "[...document.querySelectorAll('limelight-attention')].map(e => e.shadowRoot.querySelector('.ribbon').getAttribute('stroke'))"
    before = tab.evaluate(colour), tab.evaluate(strokes)
    tab.get_by_role("button", name="Switch between light and dark").first.click()
    after = tab.evaluate(colour), tab.evaluate(strokes)
    assert (before[0], after[0]) == ("rgb(250, 249, 244)", "rgb(20, 24, 26)")
    assert after[1][0] == after[1][1] != before[1][0]                   # both pictures, by one button


@pytest.mark.browser
@pytest.mark.parametrize("view", ["Lines", "Matrix"])
def test_copies_carry_the_number_to_trust_them_by(sight: _Sight, tmp_path: Path, view: str) -> None:
    tab = sight.open(picture())
    tab.get_by_text(view, exact=True).click()
    tab.evaluate("navigator.clipboard.write = navigator.clipboard.writeText = () => Promise.reject(); 0")      # as in a sandboxed frame
    for kind in ("svg", "png"):
        with tab.expect_download() as download:
            tab.get_by_role("button", name=f"Copy as {kind.upper()}").click()
        download.value.save_as(tmp_path / f"copy.{kind}")
    text = (tmp_path / "copy.svg").read_text("utf-8")
    assert TRUST in text
    assert "souris" in text
    assert "var(" not in text
    assert (tmp_path / "copy.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_words_are_drawn_as_text(sight: _Sight, width: int) -> None:
    tab = sight.open(hostile(), width=width)
    for view in ("Lines", "Matrix"):
        tab.get_by_text(view, exact=True).click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.locator("img").count() == 0
        outside = """labels => labels.filter(label => label.getBBox().width > 480 || label.getBBox().height > 90).length"""
        assert tab.locator("svg text").evaluate_all(outside) == 0
    assert tab.locator(".title").inner_text() == "</title><script>alert(1)</script>"


@pytest.mark.browser
def test_a_screen_reader_gets_a_table(sight: _Sight) -> None:
    tab = sight.open([picture(), sized(60, 60)])
    small, large = tab.locator("table").all()
    assert small.locator("tbody tr").nth(2).locator("th, td").all_text_contents()[:3] == ["noir", "0.02", "0.83, aligned"]
    assert large.locator("tbody tr").count() == 60
    assert large.locator("tbody td").count() == 60                      # the best five of each row, in one cell


@pytest.mark.browser
def test_a_sentence_of_512_words_is_drawn(sight: _Sight) -> None:
    tab = sight.open(sized(512, 512))
    assert tab.locator("svg.matrix image").count() == 1
    tab.get_by_text("Lines", exact=True).click()
    assert tab.locator("svg.lines .token").count() == 1024
    _word(tab, "t100, target").hover()
    assert tab.locator(".readout .subject").inner_text() == "t100"


@pytest.mark.browser
def test_a_broken_picture_says_so(sight: _Sight, tmp_path: Path) -> None:
    tab = sight.open(picture())
    broken = tmp_path / "broken.html"
    text = (tmp_path / "page.html").read_text("utf-8")
    broken.write_text(re.sub(r'(application/json">).*?(</script>)', r"\1{\2", text, count=1, flags=re.S), "utf-8")
    tab.goto(broken.as_uri())
    assert "This picture cannot be read" in tab.locator(".broken").inner_text()


@pytest.mark.browser
def test_several_frames_stand_in_one_notebook(sight: _Sight, tmp_path: Path) -> None:
    tab = sight.open(picture())
    book = tmp_path / "book.html"
    book.write_text(f'<!doctype html><meta charset="utf-8"><title>book</title>{notebook(picture())}{notebook(hostile())}', "utf-8")
    tab.goto(book.as_uri())
    for k in range(2):
        tab.frame_locator("iframe").nth(k).locator("svg.lines").wait_for()
    assert tab.frame_locator("iframe").nth(1).locator("img").count() == 0
