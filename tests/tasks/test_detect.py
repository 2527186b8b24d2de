"""detect: what transformers' models say, in the picture's own pixels, and where they looked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import limelight
from limelight.data.boxes import Mark, Marked
from limelight.errors import InputError, RecipeError, TaskError
from limelight.hub import Opened, open_model
from limelight.inputs.pictures import read, ready
from limelight.look import trace
from limelight.spec import Features, Patches
from limelight.tasks.detect import Detect, Detected, Found, Looked, drawn, overlay, sheet
from published import ALL, hf

MODELS = {"Detr": "detr-ForObjectDetection", "Yolos": "yolos-ForObjectDetection"}
PLACES = 5


def picture(columns: int, rows: int, seed: int = 0) -> Image.Image:
    dice = torch.Generator().manual_seed(seed)
    return Image.fromarray(torch.randint(0, 256, (rows, columns, 3), generator=dice, dtype=torch.uint8).numpy())


@pytest.fixture(scope="module", params=MODELS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Opened]:
    """Their model, their processor, and ours from the folder that they wrote."""
    at = tmp_path_factory.mktemp("detect")
    theirs = ALL[MODELS[request.param]].build()
    theirs.save_pretrained(at)
    processor = getattr(hf, f"{request.param}ImageProcessorPil")(size={"shortest_edge": 40, "longest_edge": 70}, do_pad=False)
    processor.save_pretrained(at)
    return theirs, processor, open_model(at, device="cpu", dtype="fp32")


@pytest.mark.parametrize("size", [(60, 48), (100, 40), (30, 90)])
def test_what_is_found_is_what_transformers_finds(both: tuple[Any, Any, Opened], size: tuple[int, int]) -> None:
    theirs, processor, opened = both
    shown = picture(*size)
    with torch.no_grad():
        out = theirs(pixel_values=processor(shown, return_tensors="pt")["pixel_values"])
    odds = sorted(out.logits.softmax(-1)[0, :, :-1].amax(-1).tolist())
    for threshold in (0.0, (odds[2] + odds[3]) / 2):
        (wanted,) = processor.post_process_object_detection(out, threshold=threshold, target_sizes=[size[::-1]])
        found = Detect(opened)(shown, threshold=threshold).found
        order = wanted["scores"].argsort(descending=True).tolist()
        assert len(found) == len(order) == (PLACES if threshold == 0.0 else 2)
        for one, i in zip(found, order, strict=True):
            edges = [min(max(edge, 0.0), side) for edge, side in zip(wanted["boxes"][i].tolist(), size * 2, strict=True)]
            assert one.box == pytest.approx(edges, abs=2e-3)             # ours end where the picture does
            assert one.label == theirs.config.id2label[wanted["labels"][i].item()]
            assert one.score == pytest.approx(wanted["scores"][i].item(), abs=1e-5)


def test_answers_have_the_keys_of_the_old_pipeline(both: tuple[Any, Any, Opened]) -> None:
    theirs, processor, opened = both
    shown = picture(60, 48)
    wanted = hf.pipeline("object-detection", model=theirs, image_processor=processor)(shown, threshold=0.0)
    found = [one.to_json() for one in Detect(opened)(shown, threshold=0.0).found]
    for one, other in zip(found, sorted(wanted, key=lambda each: -each["score"]), strict=True):
        assert other.keys() <= one.keys()
        assert (one["label"], one["score"]) == (other["label"], pytest.approx(other["score"], abs=1e-5))
        for (name, edge), side in zip(one["box"].items(), (60, 48, 60, 48), strict=True):
            assert edge == pytest.approx(min(max(other["box"][name], 0), side), abs=1.01)      # theirs are cut to whole pixels


def test_several_of_different_sizes_say_what_each_says_alone(both: tuple[Any, Any, Opened]) -> None:
    detect = Detect(both[-1])
    shown = [picture(60, 48), picture(48, 60, 1), picture(60, 48, 2)]
    together = detect(shown, threshold=0.0, batch=3)
    for one, alone in zip(together, (detect(each, threshold=0.0) for each in shown), strict=True):
        assert one.size == alone.size
        assert [found.place for found in one.found] == [found.place for found in alone.found]
        for a, b in zip(one.found, alone.found, strict=True):
            assert a.box == pytest.approx(b.box, abs=1e-3)


def test_boxes_are_of_the_picture_as_it_is_held(both: tuple[Any, Any, Opened]) -> None:
    shown, file = picture(60, 48), io.BytesIO()
    told = Image.Exif()
    told[0x0112] = 6                                                  # to be turned by a quarter
    shown.save(file, "PNG", exif=told)
    turned, upright = Detect(both[-1])([file.getvalue(), shown.transpose(Image.Transpose.ROTATE_270)], threshold=0.0)
    assert turned.size == upright.size == (60, 48)
    for one, other in zip(turned.found, upright.found, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-4)
        assert one.label == other.label


def test_a_model_that_was_saved_here_or_there_finds_the_same(both: tuple[Any, Any, Opened], tmp_path: Path) -> None:
    opened, shown = both[-1], picture(60, 48)
    before = Detect(opened)(shown, threshold=0.0).found
    for form in ("limelight", "published"):
        opened.save(tmp_path / form, form=form)                       # type: ignore[arg-type]
        assert limelight.task("detect", tmp_path / form, dtype="fp32")(shown, threshold=0.0).found == before


def test_where_each_place_looked_is_what_the_trace_saw(both: tuple[Any, Any, Opened]) -> None:
    opened = both[-1]
    shown = picture(60, 48)
    found, plain = (Detect(opened)(shown, threshold=0.0, look=look).found for look in (True, False))
    assert [(one.label, one.score, one.box) for one in found] == [(one.label, one.score, one.box) for one in plain]
    batch, last = ready([read(shown)], opened.pictures), list(opened.model.attentions())[-1]
    with trace(opened.model) as seen, torch.no_grad():
        opened.model.detect(batch)
    weights = seen[last].weights()[0].mean(0)                                             # (q k)
    rows, columns = batch.values.shape[-2:]
    match opened.manifest.spec.encoder.input:                         # type: ignore[union-attr]
        case Features() as s:
            first, step, count = 0, 2**s.halvings, -(-columns // 2**s.halvings)
        case Patches() as s:
            first, step, count = s.before, s.size, columns // s.size
    for one in found:
        assert one.looked is not None
        flat = torch.tensor(one.looked.grid).flatten()
        row = weights[len(weights) - PLACES + one.place]
        assert torch.allclose(flat, row[first : first + len(flat)], atol=1e-6)
        left, top, right, bottom = (edge * side / own for edge, side, own in zip(one.box, (columns, rows) * 2, (60, 48) * 2, strict=True))
        inside = 0.0
        for place, share in enumerate(flat.tolist()):                 # by counting pixels, a hundredth of a cell at a time
            y, x = place // count * step, place % count * step
            ys, xs = (torch.linspace(a, min(a + step, most), 201)[1::2] for a, most in ((y, rows), (x, columns)))
            part = ((ys >= top) & (ys <= bottom)).float().mean() * ((xs >= left) & (xs <= right)).float().mean()
            inside += share * part.item()
        assert one.looked.reach == (len(one.looked.grid) * step / rows, count * step / columns)
        assert one.looked.trust == pytest.approx(inside, abs=0.02)
    told = found[0].to_json()
    assert 0 <= told["trust"] <= 1
    assert "looked" in told
    assert "looked" not in plain[0].to_json()


def test_options(both: tuple[Any, Any, Opened]) -> None:
    detect, shown = Detect(both[-1]), picture(60, 48)
    everything = detect(shown, threshold=0.0).found
    assert [one.place for one in detect(shown, threshold=everything[1].score).found] == [everything[0].place]
    apart = detect(shown, threshold=0.0, overlap=0.0).found
    assert apart[0] == everything[0]
    assert len(apart) < len(everything) or len({one.label for one in everything}) == PLACES
    for one in apart:
        others = [other.box for other in apart if other != one and other.label == one.label]
        assert all(min(one.box[2], b[2]) <= max(one.box[0], b[0]) or min(one.box[3], b[3]) <= max(one.box[1], b[1]) for b in others)
    with pytest.raises(RecipeError, match='detect has no option "treshold"'):
        detect(shown, treshold=0.1)


def test_what_is_no_picture_is_named(both: tuple[Any, Any, Opened], tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(InputError, match=r"2 of 2: .*words\.png is no picture"):
        Detect(both[-1])([picture(20, 20), tmp_path / "words.png"])
    with pytest.raises(TaskError, match=r"cannot detect: it has a head for \d classes"):
        limelight.task("detect", "sentiment-en")


def detected() -> Detected:
    looked = Looked(((0.2, 0.6),), (1.0, 1.0), 0.25)
    found = (Found("cat", 0.9, (10.0, 20.0, 40.5, 50.0), 3), Found("dog <2>", 0.6, (0.0, 0.0, 5.0, 60.0), 1, looked))
    return Detected(task="detect", model="m", source="a/b.png", cost=limelight.tasks.result.Cost(0.1, 4), found=found, size=(60, 80))


def test_results_as_words_cells_and_marks() -> None:
    one = detected()
    assert str(one).splitlines() == ["cat  0.9000  10 20 40 50", "dog <2>  0.6000  0 0 5 60"]
    first = {"label": "cat", "score": 0.9, "xmin": 10.0, "ymin": 20.0, "xmax": 40.5, "ymax": 50.0}
    assert one.cells()[""][0] == first
    assert (one.cells()["height"], one.cells()["width"]) == (60, 80)
    assert one.to_json()["found"][0]["box"] == {"xmin": 10.0, "ymin": 20.0, "xmax": 40.5, "ymax": 50.0}
    assert one.to_json()["found"][1]["trust"] == 0.25
    marks = (Mark("cat", (10.0, 20.0, 40.5, 50.0), 0.9), Mark("dog <2>", (0.0, 0.0, 5.0, 60.0), 0.6))
    assert one.marked == Marked(Path("a/b.png"), (60, 80), marks)
    assert str(Detected(task="detect", model="m", source="", cost=one.cost, found=(), size=(1, 1))) == "nothing found"


def test_boxes_are_drawn_where_they_are() -> None:
    plain = read(Image.new("RGB", (80, 60), "white"))
    made = drawn(plain, detected())
    assert made.size == (80, 60)
    assert made.getpixel((40, 35)) != (255, 255, 255)                                     # the right edge of the cat
    assert made.getpixel((25, 35)) == (255, 255, 255)                                     # within
    assert plain.image.getpixel((40, 35)) == (255, 255, 255)                              # the picture itself is left alone


def test_overlays_are_light_where_it_was_looked(tmp_path: Path) -> None:
    plain, one = read(Image.new("RGB", (80, 60), "white")), detected()
    dog = overlay(plain, one.found[1])
    dark, light = dog.getpixel((25, 50)), dog.getpixel((70, 50))
    assert isinstance(dark, tuple)
    assert isinstance(light, tuple)
    assert dark[0] < light[0] == 255
    assert overlay(plain, one.found[0]).getpixel((25, 35)) == (255, 255, 255)               # nobody asked where it looked
    page = sheet(plain, one)
    assert page.size == (160, 120)                                                         # the picture, two objects, and room for one
    assert page.crop((0, 0, 80, 60)).tobytes() == drawn(plain, one).tobytes()
