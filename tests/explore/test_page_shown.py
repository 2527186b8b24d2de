"""The Align view of pictures, recordings and drawings in a real browser: what is pointed at is lit, what is chosen is played."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Sight, comes, fits, said, settled
from PIL import Image
from shown_models import picture_file, sound_file

from limelight.explore import Showing
from limelight.explore.shown.squares import as_map, as_uri

pytestmark = pytest.mark.browser
Show = Callable[[str], Showing]
WHITE = as_uri(Image.new("RGB", (90, 60), "white"))
LIT = [[0.0] * 6, [0.0, 0.0, 0.0, 0.0, 0.9, 0.0], [0.0] * 6, [0.0] * 6]            # row 2, column 5 of 4 x 6


def planted(looked: Showing, **told: Any) -> Showing:
    """The same model with an answer that was made up: how a page draws, and not what a model says."""
    return Showing(looked.opened, {**looked.shown, "image": WHITE, "size": [60, 90], "over": [0, 0, 1, 1], **told})


def opened(sight: Sight, looked: Showing, *, width: int = 1280) -> Any:
    tab = sight.tab(width=width)
    tab.goto(looked.save(sight.folder / "look.html").as_uri())
    tab.get_by_role("tablist").wait_for()
    settled(tab)
    return tab


def light(tab: Any) -> np.ndarray:
    """How light each of 4 x 6 squares of the picture is, on the screen."""
    shot = Image.open(io.BytesIO(tab.locator("svg.shown").screenshot())).convert("L")
    return np.asarray(shot.resize((6, 4), Image.Resampling.BOX)).astype(float) / 255


def word(text: str, grid: Any, **more: Any) -> dict[str, Any]:
    return {"text": text, "elsewhere": 0.1, "fall": 2.5, "chance": 0.25, "map": as_map(grid), **more}


def test_a_word_lights_the_squares_that_it_looked_at(sight: Sight, show: Show) -> None:
    even = [[0.03] * 6] * 4
    tab = opened(sight, planted(show("captioner"), text="a dot", words=[word("a", even), word("dot", LIT)]))
    assert light(tab).min() > 0.95
    assert tab.get_by_role("tab").all_inner_texts() == ["Align"]
    chip = tab.locator("[data-at=shown-2]")
    assert " ".join(chip.inner_text().split()) == "dot −2.50"
    chip.hover()
    found = light(tab)
    assert found[1, 4] > 0.95
    assert np.delete(found.flatten(), 10).max() < 0.3
    assert "dot −2.50 log-probability without the squares it looked at most −0.25 without as many at random" in said(tab)
    tab.locator("h1").hover()
    assert light(tab).min() > 0.95                                   # it is let go of
    chip.click()
    tab.locator("h1").hover()
    assert light(tab)[0].max() < 0.3                                 # what is chosen stays
    tab.locator("svg.shown").hover(position={"x": 500, "y": 170})
    assert said(tab).startswith("Row 2, column 5: looked at most by dot 90%")
    tab.keyboard.press("Tab")


def test_squares_lie_where_the_model_read_the_picture(sight: Sight, show: Show) -> None:
    over = [1 / 6, 0, 5 / 6, 1]                                      # its edges were cut off
    tab = opened(sight, planted(show("captioner"), words=[word("all", [[0.5] * 4] * 4)], over=over))
    tab.locator("[data-at=shown-1]").hover()
    found = light(tab)
    assert found[:, 1:5].min() > 0.95
    assert max(found[:, 0].max(), found[:, 5].max()) < 0.3


def test_a_box_lights_where_its_place_looked(sight: Sight, show: Show) -> None:
    over = [0, 0, 1, 1]
    cat = {"text": "cat", "score": 0.9, "box": [0.5, 0.25, 0.9, 0.5], "even": 0.1, "inside": 0.83, "map": as_map(LIT), "over": over}
    dog = {**cat, "text": "dog", "score": 0.3, "box": [0.02, 0.5, 0.3, 0.98]}
    tab = opened(sight, planted(show("detr"), boxes=[cat, dog]))
    assert tab.locator(".boxed").all_text_contents() == ["cat 90%"]
    tab.locator(".boxed").hover()
    assert "cat 90% likely 83% of what its place looked at is in its box 10% would be" in said(tab)
    assert light(tab)[0].max() < 0.3
    slider = tab.get_by_label("How likely at least")
    slider.focus()
    for _ in range(5):
        tab.keyboard.press("ArrowLeft")
    assert tab.locator(".boxed").count() == 2
    tab.locator("[data-at=shown-2]").hover()
    assert said(tab).startswith("dog 30% likely")


def test_words_stand_behind_the_patches_of_a_drawing(sight: Sight, show: Show) -> None:
    red = [[0.75] * 6] * 4
    words = [word("red", red, lost=[1.5] * 24), word("dot", [[0.25] * 6] * 4, lost=[-0.5] * 24)]
    tab = opened(sight, planted(show("reads"), words=words))
    tab.locator("svg.shown").hover(position={"x": 5, "y": 5})
    assert said(tab) == "Row 1, column 1: behind it stand red 75% (−1.50 without it) dot 25% (+0.50 without it)"


@pytest.mark.parametrize("width", [1280, 400])
def test_words_are_played_at_their_times(sight: Sight, show: Show, width: int) -> None:
    words = [{"text": text, "start": at, "end": at + 0.4, "probability": 0.9, "trust": 0.75} for text, at in (("one", 0.2), ("two", 2.6))]
    looked = Showing(show("whisper").opened, {**show("whisper").shown, "text": "one two", "words": words})
    tab = opened(sight, looked, width=width)
    assert fits(tab, width)
    assert tab.locator(".spectrum").count() == (1 if width == 1280 else 2)
    look = 'document.querySelector("limelight-look").shadowRoot.querySelector'
    tab.wait_for_function(f'() => {look}("audio").duration > 3')
    tab.locator(".spoken .label").last.click()
    assert "two 2.60 to 3.00 s 90% likely 75% of what the heads that align looked at is there" in said(tab)
    tab.wait_for_function(f'() => {look}("[data-word=\\"1\\"].sounding")')
    tab.wait_for_function(f'() => {look}("audio").paused && {look}("audio").currentTime >= 3')
    assert tab.evaluate(f'{look}("audio").currentTime') < 3.3
    share = tab.evaluate(f'Number({look}(".trusted").getAttribute("width")) / Number({look}(".span").getAttribute("width"))')
    assert share == pytest.approx(0.75, abs=0.01)
    tab.locator(".spectrum").first.click(position={"x": 200, "y": 40})
    x = tab.evaluate(f'Number({look}(".cursor").getAttribute("d").match(/M([0-9.]+)/)[1])')
    assert x == pytest.approx(200, abs=3)


def test_pictures_are_given_to_the_model_behind_the_page(sight: Sight, show: Show, tmp_path: Path) -> None:
    with show("captioner").serve() as server:
        tab = sight.tab(home=server.url)
        tab.goto(server.url)
        tab.get_by_label("Another picture").set_input_files(picture_file(tmp_path))
        comes(tab, ".lead", "noise.png · 60 × 40 pixels")
        (tmp_path / "none.png").write_bytes(b"no picture")
        tab.get_by_label("Another picture").set_input_files(tmp_path / "none.png")
        comes(tab, ".problem", "the picture is no picture that is read here")
        data = base64.b64encode(picture_file(tmp_path).read_bytes()).decode()
        tab.evaluate(DROP, [data, "dropped.png"])
        comes(tab, ".lead", "dropped.png")
        tab.evaluate(DROP, ["", "large.png"])
        comes(tab, ".problem", "at most 33 554 432 are read here")
        assert fits(tab, 1280)


# No file of this size is made: a File says how large it is, and the page asks that first.
DROP = """([data, name]) => {
  const file = new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name);
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  if (!data) Object.defineProperty(file, "size", { value: 40_000_000 });
  Object.defineProperty(event, "dataTransfer", { value: { files: [file] } });
  document.querySelector("limelight-look").shadowRoot.querySelector(".given").dispatchEvent(event); }"""


def test_recordings_are_given_to_the_model_behind_the_page(sight: Sight, show: Show, tmp_path: Path) -> None:
    with show("whisper").serve() as server:
        tab = sight.tab(home=server.url)
        tab.goto(server.url)
        tab.get_by_label("Another recording").set_input_files(sound_file(tmp_path, 0.9).rename(tmp_path / "other.wav"))
        comes(tab, ".lead", "other.wav · 0.90 s of sound")
        told = show("whisper").give((tmp_path / "other.wav").read_bytes(), "other.wav")
        assert tab.locator(".spoken").count() == len(told["words"])


def test_texts_are_drawn_by_the_model_behind_the_page(sight: Sight, show: Show) -> None:
    with show("reads").serve() as server:
        tab = sight.tab(home=server.url)
        tab.goto(server.url)
        tab.get_by_label("What to draw").fill("A black dog.")
        tab.get_by_label("Seed").fill("5")
        tab.keyboard.press("Enter")
        comes(tab, ".prose", "A black dog.")
        comes(tab, ".lead", "seed 5")
        wanted = show("reads").ask({"ask": "draw", "text": "A black dog.", "seed": 5})
        assert tab.locator("svg.shown image").first.get_attribute("href") == wanted["image"]


@pytest.mark.parametrize("name", ["captioner", "whisper"])
def test_copies_stand_alone(sight: Sight, show: Show, name: str) -> None:
    tab = opened(sight, show(name))
    tab.evaluate("navigator.clipboard.write = () => Promise.reject(); 0")                          # as in a sandboxed frame
    with tab.expect_download() as got:
        tab.get_by_role("button", name="Copy as PNG").click()
    shot = Image.open(got.value.path()).convert("RGB")
    colours = shot.crop((100, 100, 500, 200)).getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 20                                         # the picture itself is in it
