"""Pictures made ready: the numbers of transformers' own processors (their Pillow kind), from the files that those write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from limelight.errors import InputError, SpecError, WeightError
from limelight.families import FAMILIES
from limelight.inputs.pictures import Picture, read, read_settings, ready, write_settings
from limelight.spec import Pictures

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
USUAL = Pictures(size=(224, 224), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
SHORTER = Pictures(shorter=224, crop=(224, 224), filter="bicubic", mean=CLIP_MEAN, std=CLIP_STD)
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViTImageProcessorPil", {"size": {"height": 24, "width": 36}}),
    "vit_lanczos": ("ViTImageProcessorPil", {"size": {"height": 7, "width": 5}, "resample": 1}),
    "vit_raw": ("ViTImageProcessorPil", {"do_normalize": False, "do_rescale": False, "size": {"height": 9, "width": 8}}),
    "clip": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}),
    "clip_odd": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 31}, "crop_size": {"height": 17, "width": 20}}),
    "clip_larger_crop": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 14}, "crop_size": {"height": 33, "width": 28}}),
    "clip_uncropped": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 13}, "do_center_crop": False}),
    "deit": ("DeiTImageProcessorPil", {"size": {"height": 40, "width": 40}, "crop_size": {"height": 35, "width": 32}}),
    "blip": ("BlipImageProcessorPil", {"size": {"height": 48, "width": 48}}),
    "detr": ("DetrImageProcessorPil", {"size": {"shortest_edge": 40, "longest_edge": 66}}),
}
SIZES = ((50, 71), (71, 50), (33, 33), (20, 47), (64, 21), (40, 200), (14, 14), (3, 5), (1, 1))


def picture(rows: int, columns: int) -> Image.Image:
    """Waves in three colours with some noise: any filter makes another picture of it."""
    dice = np.random.default_rng(rows * 1000 + columns)
    down, across = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    waves = np.stack([np.sin(down / 3), np.cos(across / 4), np.sin((down + across) / 5)], -1) * 90 + 128
    return Image.fromarray((waves + dice.normal(0, 25, waves.shape)).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_picture_gives_the_numbers_of_their_processor(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    kind, settings = PROCESSORS[name]
    theirs = getattr(hf, kind)(**settings)
    theirs.save_pretrained(tmp_path)
    ours = read_settings(tmp_path, SHORTER if name.startswith("clip") else USUAL)
    given = picture(*size)
    wanted = theirs(given, return_tensors="pt")["pixel_values"]
    found = ready([Picture(given)], ours).values
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 2e-5 * max(1.0, wanted.abs().max().item())


def test_pictures_of_several_sizes_go_together_and_say_what_is_theirs(tmp_path: Path) -> None:
    theirs = hf.DetrImageProcessorPil(size={"shortest_edge": 20, "longest_edge": 33})
    theirs.save_pretrained(tmp_path)
    pictures = [picture(50, 71), picture(30, 20), picture(9, 40)]
    wanted = theirs(pictures, return_tensors="pt")
    found = ready([Picture(each) for each in pictures], read_settings(tmp_path, USUAL))
    assert found.keep is not None
    torch.testing.assert_close(found.values, wanted["pixel_values"].float(), atol=2e-5, rtol=0)
    assert torch.equal(found.keep.long(), wanted["pixel_mask"])


@pytest.mark.parametrize(("short", "long"), [(800, 1333), (20, 33), (7, 11)])
def test_the_longer_side_is_never_longer_than_it_may_be_and_is_theirs_to_the_pixel(short: int, long: int) -> None:
    from transformers.image_transforms import get_size_with_aspect_ratio

    from limelight.inputs.pictures.ready import _kept_shape

    asked = Pictures(shorter=short, longest=long)
    for rows, columns in ((rows, columns) for rows in range(1, 400, 37) for columns in range(1, 2000, 53)):
        wanted = tuple(max(1, each) for each in get_size_with_aspect_ratio((rows, columns), short, long))
        assert _kept_shape(rows, columns, asked) == wanted


@pytest.mark.parametrize(("short", "long"), [(800, 1333), (40, 70)])
def test_sides_that_are_multiples_are_those_of_yolos(short: int, long: int, tmp_path: Path) -> None:
    from transformers.models.yolos.image_processing_pil_yolos import get_size_with_aspect_ratio_yolos

    from limelight.inputs.pictures.ready import _kept_shape

    asked = Pictures(shorter=short, longest=long, multiple=16)
    for rows, columns in ((rows, columns) for rows in range(1, 400, 37) for columns in range(1, 2000, 53)):
        wanted = tuple(max(16, each) for each in get_size_with_aspect_ratio_yolos((rows, columns), short, long))     # theirs may be 0
        assert _kept_shape(rows, columns, asked) == wanted
    theirs = hf.YolosImageProcessorPil(size={"shortest_edge": 40, "longest_edge": 70}, do_pad=False)
    theirs.save_pretrained(tmp_path)
    found = ready([Picture(picture(50, 71))], read_settings(tmp_path, FAMILIES["yolos"].pictures or USUAL)).values
    torch.testing.assert_close(found, theirs(picture(50, 71), return_tensors="pt")["pixel_values"], atol=2e-5, rtol=0)
    with pytest.raises(SpecError, match=r"sides that are given are not shortened: got size=\(8, 8\), multiple=16"):
        Pictures(size=(8, 8), multiple=16)


@pytest.mark.parametrize(
    ("told", "usual", "wanted"),
    [
        ({"size": 224, "resample": 3, "crop_size": 224, "do_center_crop": True, "feature_extractor_type": "CLIPFeatureExtractor"},
         SHORTER, {"shorter": 224, "crop": (224, 224), "filter": "bicubic", "size": None}),
        ({"size": 256, "crop_size": 224, "do_center_crop": True}, USUAL, {"size": (256, 256), "crop": (224, 224)}),
        ({"size": 384, "resample": 2}, USUAL, {"size": (384, 384), "crop": None, "filter": "bilinear"}),
        ({"size": 800, "max_size": 1333}, Pictures(shorter=800, longest=1333), {"shorter": 800, "longest": 1333}),
        ({"do_resize": False}, USUAL, {"size": None, "shorter": None}),
        ({}, SHORTER, {"shorter": 224, "crop": (224, 224), "mean": CLIP_MEAN}),
        ({"image_processor": {"size": {"height": 5, "width": 6}}, "processor_class": "X"}, USUAL, {"size": (5, 6)}),
    ],
)
def test_old_files_are_read_as_they_were_meant(told: dict[str, Any], usual: Pictures, wanted: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    found = read_settings(tmp_path, usual)
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "told",
    [
        {"size": {"max_height": 5, "max_width": 6}}, {"size": "large"}, {"size": -3}, {"size": 0}, {"resample": 9}, {"resample": -1},
        {"resample": "bicubic"}, {"image_mean": [0.5]}, {"image_mean": 0.5}, {"image_std": [0, 0, 0]}, {"rescale_factor": "much"},
        {"rescale_factor": 0}, {"size": {"height": 10**9, "width": 2}}, {"size": {"shortest_edge": 10**9}},
        {"do_center_crop": True, "crop_size": 10**6}, {"image_mean": [1e400, 0, 0]},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_honoured_are_refused_in_one_line_with_the_file(told: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    with pytest.raises(WeightError, match=r"preprocessor_config\.json: ") as caught:
        read_settings(tmp_path, USUAL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PROCESSORS)
def test_what_is_written_is_what_is_read_here_and_there(name: str, tmp_path: Path) -> None:
    kind, settings = PROCESSORS[name]
    getattr(hf, kind)(**settings).save_pretrained(tmp_path / "theirs")
    ours = read_settings(tmp_path / "theirs", USUAL)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(write_settings(ours, kind.removesuffix("Pil"))))
    assert read_settings(tmp_path, SHORTER) == ours
    given = picture(31, 47)
    wanted = getattr(hf, kind).from_pretrained(tmp_path)(given, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(ready([Picture(given)], ours).values, wanted.float(), atol=1e-4, rtol=1e-5)


def test_a_line_of_pixels_is_not_made_into_billions() -> None:
    line = Picture(Image.new("RGB", (40_000, 1)), "line.png")
    with pytest.raises(InputError, match=r"line\.png is 1 x 40,000 pixels; as the model wants it, it would have 224 x 8,960,000"):
        ready([line], SHORTER)
    assert ready([line], USUAL).values.shape == (1, 3, 224, 224)


def test_a_picture_that_is_open_already_is_taken_as_it_is() -> None:
    given = picture(5, 6)
    assert read(given).size == (5, 6)
    assert read(read(given)).size == (5, 6)
