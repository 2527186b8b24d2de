"""Pictures, recordings and drawings on the page: what is shown is what the tasks say, files are bounded, and each home has it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from PIL import Image
from shown_models import TEXT, picture_file, sound_file

import limelight
from limelight.errors import InputError, RecipeError, TaskError
from limelight.explore import Explorer, Showing, widget
from limelight.explore.shown import kinds, transcribe
from limelight.hub import Opened
from limelight.inputs.pictures import read
from limelight.tasks.caption.drawing import place
from limelight.tasks.detect import Detect
from limelight.tasks.recipes.draw.scoring import COPIED

Show = Callable[[str], Showing]
KINDS = ("captioner", "detr", "whisper", "reads")


def opened(show: Show, name: str) -> Opened:
    return show(name).opened


def numbers(told: dict[str, Any]) -> np.ndarray:
    """A map as the page unpacks it."""
    data = np.frombuffer(base64.b64decode(told["data"]), np.uint8)
    return data.reshape(told["height"], told["width"]) / 255 * told["max"]


def seen(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


# --- what is shown ------------------------------------------------------------------------------------------------------
def test_what_the_card_says_of_such_answers_stands_beside_what_was_seen_of_this_one(show: Show) -> None:
    one = opened(show, "whisper")
    assert "By its card" not in show("whisper").shown["trust"]
    scores = {"character error rate": 3.5, "word error rate": 3.75, "word times within 50 ms": 89.5}
    measured = replace(one, manifest=replace(one.manifest, card=replace(one.manifest.card, scores=scores)))
    said = Showing.of(measured, np.zeros(8_000, np.float32)).shown["trust"]
    assert said.endswith(". By its card, on data held out: word error rate 3.75; word times within 50 ms 89.5")


def test_what_a_card_says_of_a_codec_alone_is_not_told_of_drawings(show: Show) -> None:
    one = opened(show, "reads")
    scores = {f"all asked for, new kinds, {COPIED}": 95.0, "all asked for, new kinds": 80.8}
    measured = replace(one, manifest=replace(one.manifest, card=replace(one.manifest.card, scores=scores)))
    assert Showing.of(measured, "a red cat").shown["trust"].endswith(". By its card, on data held out: all asked for, new kinds 80.8")


def test_words_of_a_caption_stand_with_the_squares_that_the_task_tells(show: Show, tmp_path: Path) -> None:
    path, told = picture_file(tmp_path), show("captioner").shown
    wanted = limelight.task("caption", opened(show, "captioner"))(path, look=True)
    assert (told["task"], told["name"], told["text"], told["trust"]) == ("caption", path.name, wanted.text, wanted.trust)
    for one, word in zip(told["words"], wanted.words, strict=True):
        assert (one["text"], one["fall"], one["chance"]) == (word.word, word.fall, word.chance)
        assert numbers(one["map"]) == pytest.approx(np.array(word.map), abs=one["map"]["max"] / 500)
    image, o = read(path), opened(show, "captioner")
    edges = place(image, o.pictures, o.manifest.spec.encoder.input)                     # pyright: ignore
    assert told["over"] == pytest.approx([edge / side for edge, side in zip(edges, image.image.size * 2, strict=True)], abs=1e-5)
    assert seen(told["image"]).size == image.image.size


def test_boxes_stand_with_where_their_places_looked(show: Show, tmp_path: Path) -> None:
    path, told = picture_file(tmp_path), show("detr").shown
    wanted = Detect(opened(show, "detr"))(path, threshold=told["least"], look=True)
    rows, columns = wanted.size
    assert len(told["boxes"]) == len(wanted.found) > 0
    for box, one in zip(told["boxes"], wanted.found, strict=True):
        assert (box["text"], box["score"]) == (one.label, one.score)
        assert one.looked is not None
        assert box["inside"] == one.looked.trust
        assert box["box"] == pytest.approx([edge / side for edge, side in zip(one.box, (columns, rows) * 2, strict=True)], abs=1e-5)
        assert numbers(box["map"]) == pytest.approx(np.array(one.looked.grid), abs=box["map"]["max"] / 500)
        assert box["over"] == pytest.approx([0, 0, one.looked.reach[1], one.looked.reach[0]], abs=1e-5)


def test_words_of_a_recording_stand_at_the_times_of_the_task(show: Show, tmp_path: Path) -> None:
    path, told = sound_file(tmp_path), show("whisper").shown
    wanted = limelight.task("transcribe", opened(show, "whisper"))(path)
    assert told["text"] == wanted.text
    assert told["words"] == [word.to_json() for word in wanted.words]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(told["sound"])))
    assert (len(samples) / rate, told["duration"]) == (pytest.approx(3.4), pytest.approx(3.4))
    assert samples == pytest.approx(soundfile.read(path)[0], abs=1e-4)


def test_the_spectrogram_has_its_notes_where_they_sound(show: Show, tmp_path: Path) -> None:
    rate, at = 16_000, np.arange(32_000) / 16_000
    soundfile.write(tmp_path / "two.wav", 0.5 * np.sin(2 * np.pi * np.where(at < 1, 300, 3_000) * at), rate)
    told = show("whisper").give((tmp_path / "two.wav").read_bytes(), "two.wav")
    bright = numbers(told["spectrogram"])
    assert bright.shape[0] == opened(show, "whisper").sounds.mels
    assert bright.shape[1] * told["spectrogram"]["step"] == pytest.approx(2.0)
    middle = bright.shape[1] // 2
    low, high = (bright[:, part].mean(1).argmax() for part in (slice(2, middle - 2), slice(middle + 2, -2)))
    assert low > 1.5 * high                                          # high notes stand first, as they are drawn


def test_silence_is_shown_as_what_it_is(show: Show, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(8_000), 16_000)
    told = show("whisper").give((tmp_path / "silent.wav").read_bytes(), "silent.wav")
    assert (told["text"], told["words"], told["duration"]) == ("", [], 0.5)
    assert told["trust"] == "no words were heard: there is nothing to measure"
    assert numbers(told["spectrogram"]).max() == 0.0


def test_words_behind_a_drawing_are_those_of_the_task(show: Show) -> None:
    told = show("reads").ask({"ask": "draw", "text": "A black cat.", "seed": 7})
    wanted = limelight.task("draw", opened(show, "reads"))("A black cat.", seeds=(7,), words=True).pictures[0]
    assert wanted.patches is not None
    assert (told["seed"], [word["text"] for word in told["words"]]) == (7, list(wanted.patches.words))
    for word, weights, lost in zip(told["words"], wanted.patches.weights, wanted.patches.lost, strict=True):
        assert numbers(word["map"]) == pytest.approx(np.array(weights), abs=word["map"]["max"] / 500)
        assert word["lost"] == pytest.approx(np.array(lost).flatten().tolist(), abs=1e-4)
    assert seen(told["image"]).tobytes() == wanted.image.tobytes()


def test_a_large_picture_is_shown_smaller_and_told_whole(show: Show) -> None:
    file = io.BytesIO()
    Image.effect_noise((2_400, 1_500), 60).convert("RGB").save(file, "PNG")
    told = show("detr").give(file.getvalue(), "large.png")
    assert told["size"] == [1_500, 2_400]
    assert seen(told["image"]).size == (1_200, 750)


# --- what is refused ----------------------------------------------------------------------------------------------------
def test_what_cannot_be_shown_is_told_in_a_line(show: Show, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(answer: dict[str, Any], said: str) -> None:
        assert set(answer) == {"error", "hint"}
        assert said in answer["error"]
        assert "\n" not in answer["error"]

    refused(show("captioner").give(b"nothing of the kind", "a.png"), "is no picture that is read here")
    refused(show("whisper").give(b"nothing of the kind", "a.wav"), "is no sound that is read here")
    refused(show("reads").give(b"x", "a.txt"), "is given texts")
    refused(show("captioner").ask({"ask": "draw", "text": "x"}), "is 'draw', which is not known")
    refused(show("captioner").ask({"ask": "row"}), "is 'row', which is not known")
    refused(show("captioner").ask([]), "a question is a table")
    refused(show("reads").ask({"ask": "draw", "text": "x", "seeds": 3}), 'has no "seeds"')
    refused(show("reads").ask({"ask": "draw", "text": " "}), '"text" is what is to be drawn')
    refused(show("reads").ask({"ask": "draw", "text": "x" * 2_001}), '"text" is what is to be drawn')
    refused(show("reads").ask({"ask": "draw", "text": "x", "seed": -1}), '"seed" is a whole number')
    monkeypatch.setattr(transcribe, "MOST", 3)
    refused(show("whisper").give(sound_file(tmp_path).read_bytes(), "s.wav"), "3 seconds long; a page shows at most 3")
    monkeypatch.setattr(show("captioner"), "most", 10)
    refused(show("captioner").give(b"x" * 11, "b.png"), "b.png has 11 bytes; a page takes at most 10.")


def test_what_is_for_texts_is_refused(show: Show, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="captioner is for caption: to, new, beam"):
        limelight.explorer(opened(show, "captioner"), picture_file(tmp_path), new=3)
    with pytest.raises(InputError, match="no such file"):
        limelight.explorer(opened(show, "captioner"), tmp_path / "none.png")


def test_every_kind_is_a_task_of_its_own() -> None:
    from limelight.tasks import TASKS

    assert set(kinds.KINDS) <= set(TASKS)
    assert all((kind.most > 0) == (kind.given != "text") for kind in kinds.KINDS.values())


# --- homes --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", KINDS)
def test_a_saved_page_keeps_the_answer(name: str, show: Show, tmp_path: Path) -> None:
    page = show(name).save(tmp_path / "page.html").read_text("utf-8")
    (data,) = re.findall(r'id="bundle">(.*?)</script>', page, re.S)
    kept = json.loads(data)
    assert kept["scene"]["shown"] == json.loads(json.dumps(show(name).shown, allow_nan=False))
    assert (kept["scene"]["given"], kept["scene"]["tracks"]) == (kinds.KINDS[show(name).shown["task"]].given, {})
    assert "limelight look" in kept["kept"]["rest"]["say"]
    assert "media-src blob:" in page
    assert show(name).opened.manifest.name in page


def sent(url: str, path: str, body: bytes, *, claimed: int | None = None, **headers: str) -> tuple[int, Any]:
    home, secret = url.removeprefix("http://").split("/")[:2]
    link = http.client.HTTPConnection(home, timeout=20)
    usual = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body) if claimed is None else claimed)}
    link.request("POST", f"/{secret}/{path}", body, usual | {name.replace("_", "-"): value for name, value in headers.items()})
    response = link.getresponse()
    found = response.status, json.loads(response.read())
    link.close()
    return found


def test_files_are_given_to_the_server(show: Show, tmp_path: Path) -> None:
    looked, data = show("captioner"), picture_file(tmp_path).read_bytes()
    with looked.serve() as server:
        status, told = sent(server.url, f"give?name={quote('../a b/ça va.png')}", data)
        assert (status, told["name"]) == (200, "ça va.png")
        assert {**told, "seconds": 0} == {**looked.shown, "name": told["name"], "seconds": 0}
        assert sent(server.url, "give?name=x.png", b"no picture")[1]["error"].startswith("the picture is no picture")
        status, told = sent(server.url, "give?name=x.png", b"", claimed=looked.most + 1)
        assert (status, told["error"]) == (413, "a file has at most 33,554,432 bytes.")
        assert sent(server.url, "give", data, Content_Type="image/png")[0] == 415
        assert sent(server.url, "give", data, Sec_Fetch_Site="cross-site")[0] == 403
        assert sent(server.url, "give", data, Host="evil.example")[0] == 403
        assert sent(server.url.replace(server.url.split("/")[3], "wrong"), "give", data)[0] == 404
        status, scene = sent(server.url, "ask", b'{"ask": "scene"}', Content_Type="application/json")
        assert (status, scene["most"]) == (200, looked.most)


def test_texts_take_no_files(show: Show) -> None:
    with show("reads").serve() as server:
        assert sent(server.url, "give?name=x", b"x")[0] == 404
        query = json.dumps({"ask": "draw", "text": TEXT, "seed": 1}).encode()
        status, told = sent(server.url, "ask", query, Content_Type="application/json")
        assert (status, told["task"], told["seed"]) == (200, "draw", 1)


def test_a_notebook_gives_files_by_message(show: Show, tmp_path: Path) -> None:
    pytest.importorskip("anywidget")
    made_of, said = widget.widget(show("captioner")), list[Any]()
    made_of.send = said.append
    data = picture_file(tmp_path).read_bytes()
    made_of._handle_custom_msg({"id": 3, "give": "mine.png"}, [memoryview(data)])
    made_of._handle_custom_msg({"id": 4, "query": {"ask": "scene"}}, [])
    assert (said[0]["id"], said[0]["answer"]["name"]) == (3, "mine.png")
    assert (said[1]["id"], said[1]["answer"]["given"]) == (4, "picture")


def test_an_explorer_of_a_text_takes_no_files(explored: Callable[..., Explorer]) -> None:
    assert "is given texts" in explored("bert-Model").give(b"x", "x.png")["error"]


def test_steps_of_what_has_none_are_refused(show: Show, tmp_path: Path) -> None:
    from limelight.cli.look import Reading
    from limelight.cli.looking import explore

    with pytest.raises(TaskError, match="there are no steps of a text"):
        explore(str(opened(show, "captioner").folder), str(picture_file(tmp_path)), Reading())
