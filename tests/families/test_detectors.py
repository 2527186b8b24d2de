"""What the suite of families does not ask of those that find objects: other sizes of pictures, other names of tensors, bad configs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limelight import hub
from limelight.errors import InputError, SpecError, TaskError, WeightError
from limelight.families import FAMILIES, Config
from limelight.inputs import Batch
from limelight.nn import Network
from limelight.spec import Attention, Boxes, Features, FeedForward, Grid, Learned, Model, Patches, Stack
from published import ALL, Pair, opened, pair

# transformers' own names of a residual network's tensors -> timm's
TIMM = {
    r"embedder\.embedder\.convolution": "conv1",
    r"embedder\.embedder\.normalization": "bn1",
    r"encoder\.stages\.(\d)\.layers\.(\d)\.layer\.(\d)\.convolution": lambda m: f"layer{int(m[1]) + 1}.{m[2]}.conv{int(m[3]) + 1}",
    r"encoder\.stages\.(\d)\.layers\.(\d)\.layer\.(\d)\.normalization": lambda m: f"layer{int(m[1]) + 1}.{m[2]}.bn{int(m[3]) + 1}",
    r"encoder\.stages\.(\d)\.layers\.(\d)\.shortcut\.convolution": lambda m: f"layer{int(m[1]) + 1}.{m[2]}.downsample.0",
    r"encoder\.stages\.(\d)\.layers\.(\d)\.shortcut\.normalization": lambda m: f"layer{int(m[1]) + 1}.{m[2]}.downsample.1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("detectors")


def by_timm(name: str) -> str:
    for theirs, other in TIMM.items():
        name = re.sub(theirs, other, name)
    return name


@torch.no_grad()
def theirs_finds(both: Pair, **asked: Tensor) -> tuple[Tensor, Tensor]:
    out = both.theirs(**asked)
    return out.logits, out.pred_boxes


@torch.no_grad()
@pytest.mark.parametrize("name", ["yolos-ForObjectDetection", "yolos_small-ForObjectDetection"])
@pytest.mark.parametrize("size", [(16, 8), (8, 20), (13, 31)])
def test_pictures_of_other_sizes_have_positions_between_the_learnt_ones(name: str, size: tuple[int, int], folder: Path) -> None:
    both, picture = pair(name, folder), torch.randn(2, 3, *size)
    for found, wanted in zip(both.ours.detect(Batch(picture)), theirs_finds(both, pixel_values=picture), strict=True):
        assert torch.allclose(found, wanted, atol=2e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [(32, 32), (33, 65), (1, 1), (90, 7)])
def test_features_of_any_size(size: tuple[int, int], folder: Path) -> None:
    both, picture = pair("detr-ForObjectDetection", folder), torch.randn(2, 3, *size)
    assert both.ours.encode(Batch(picture)).hidden.shape[1] == -(-size[0] // 32) * -(-size[1] // 32)
    for found, wanted in zip(both.ours.detect(Batch(picture)), theirs_finds(both, pixel_values=picture), strict=True):
        assert torch.allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("name", ["detr-ForObjectDetection", "detr_basic-ForObjectDetection"])
def test_names_of_timm_are_read_too(name: str, folder: Path) -> None:
    """With the counts that its batch norms keep, and a config that spells the residual network out."""
    both = pair(name, folder)
    renamed = {by_timm(each): tensor for each, tensor in both.file.items()}
    assert not any("embedder" in each or "stages" in each for each in renamed)
    renamed["model.backbone.conv_encoder.model.layer2.0.downsample.1.num_batches_tracked"] = torch.tensor(7)
    again = opened(both.family, both.config, renamed).state_dict()
    assert all(torch.equal(tensor, again[each]) for each, tensor in both.ours.state_dict().items())


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, Features()),
        ({"use_timm_backbone": True, "backbone": "resnet50", "backbone_config": None}, Features()),
        ({"backbone": "resnet101", "dilation": True}, Features(depths=(3, 4, 23, 3), dilated=True)),
        ({"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet18.a1_in1k"}},
         Features(widths=(64, 128, 256, 512), depths=(2, 2, 2, 2), block="basic")),
        ({"backbone_config": {"model_type": "resnet", "depths": [1, 1], "hidden_sizes": [8, 16], "embedding_size": 8,
                              "out_features": ["stage2"]}}, Features(stem=8, widths=(8, 16), depths=(1, 1))),
    ],
)  # fmt: skip
def test_residual_networks_by_name_or_spelt_out(config: dict[str, Any], wanted: Features) -> None:
    family = FAMILIES["detr"]
    spec = family.spec(Config(config))
    assert spec.columns["encoder"].input == wanted
    assert family.spec(Config(family.config(spec))) == spec


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"backbone": "resnet51"}, "no backbone 'resnet51' here"),
        ({"backbone_config": {"model_type": "swin"}}, "model_type='swin' is not built here"),
        ({"backbone_config": {"model_type": "resnet", "out_features": ["stage2"]}}, "out_features should be those up to the last, stage4"),
        ({"backbone_config": {"model_type": "resnet", "depths": [3, 4]}}, "each stage has a width and a depth: got 4 and 2"),
        ({"backbone_config": {"model_type": "resnet", "depths": [3, 4, 0, 1]}}, "depths should be a list of whole numbers"),
        ({"backbone_config": {"model_type": "resnet", "depths": [9, 9, 9**9, 1]}}, "at most 1,000 blocks"),
        ({"position_embedding_type": "learned"}, "position_embedding_type='learned' is not built here"),
    ],
)  # fmt: skip
def test_what_is_not_built_is_said_in_one_line(config: dict[str, Any], said: str) -> None:
    with pytest.raises((WeightError, SpecError), match=re.escape(said)):
        FAMILIES["detr"].spec(Config(config))


def test_a_dilated_last_stage_has_a_grid_twice_as_fine() -> None:
    """And the numbers of the first block, whose filters do not stand apart yet, are those at every second place of it."""
    torch.manual_seed(0)
    shape = {"stem": 8, "widths": (16, 32), "depths": (1, 1)}
    column = {"depth": 1, "attention": Attention(heads=2), "ff": FeedForward(hidden=8), "position": Grid(), "again": True}
    plain, fine = (
        Network(Model(family="x", dim=8, encoder=Stack(input=Features(**shape, dilated=dilated), **column), heads=()))
        for dilated in (False, True)
    )
    fine.load_state_dict(plain.state_dict())
    picture = torch.randn(1, 3, 64, 48)
    coarse, twice = (each.columns["encoder"].embed.vectors(picture)[0] for each in (plain, fine))
    assert (len(coarse), len(twice)) == (8 * 6, 16 * 12)
    assert torch.allclose(twice.unflatten(0, (16, 12))[::2, ::2].flatten(0, 1), coarse, atol=1e-5)


def test_a_folder_opens_and_goes_both_ways(folder: Path, tmp_path: Path) -> None:
    """As timm's file; written as transformers' and as limelight's, all of them say the same."""
    both, made, given = pair("detr-ForObjectDetection", folder), tmp_path / "made", Batch(torch.randn(1, 3, 40, 50))
    made.mkdir()
    source = folder / "detr-ForObjectDetection"
    (made / "config.json").write_text((source / "config.json").read_text())
    save_file({by_timm(each): tensor for each, tensor in load_file(source / "model.safetensors").items()}, made / "model.safetensors")
    first = hub.open_model(made, device="cpu", dtype="fp32")
    assert (first.manifest.task, first.tokenizer, first.pictures.longest) == ("detect", None, 1333)
    first.save(tmp_path / "theirs")
    first.save(tmp_path / "ours", form="limelight")
    wanted = first.model.detect(given)
    for name in ("theirs", "ours"):
        again = hub.open_model(tmp_path / name, device="cpu", dtype="fp32")
        assert all(torch.equal(found, want) for found, want in zip(again.model.detect(given), wanted, strict=True))
    assert all(torch.allclose(found, want, atol=2e-5) for found, want in zip(both.ours.detect(given), wanted, strict=True))
    assert load_file(tmp_path / "theirs" / "model.safetensors").keys() == both.file.keys()


def test_errors(folder: Path) -> None:
    detr, yolos = (pair(f"{name}-ForObjectDetection", folder).ours for name in ("detr", "yolos"))
    with pytest.raises(InputError, match="pictures of 3 channels: got 4 x 8 x 8"):
        detr.detect(Batch(torch.zeros(1, 4, 8, 8)))
    with pytest.raises(InputError, match="3 x 8 x 12: got 3 x 3 x 3"):                    # not one square
        yolos.detect(Batch(torch.zeros(1, 3, 3, 3)))
    with pytest.raises(InputError, match="pictures of one batch are of one size"):
        yolos.detect(Batch(torch.zeros(1, 3, 8, 12), torch.ones(1, 8, 12, dtype=torch.bool)))
    with pytest.raises(TaskError, match="vit finds no objects: its heads are classes"):
        pair("vit-ForImageClassification", folder).ours.detect(Batch(torch.zeros(1, 3, 8, 12)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"position": Learned(length=9)}, "input=features, position=learned"),
        ({"input": Patches(rows=8, columns=8, size=4)}, "input=patches, position=grid"),
        ({"again": False}, "position=grid, again=False"),
        ({"between": True}, "positions between layers are learnt, as the first are: got position=grid"),
    ],
)
def test_grids_and_features_go_together(changes: dict[str, Any], said: str) -> None:
    column = {"depth": 1, "attention": Attention(heads=2), "ff": FeedForward(hidden=8), "position": Grid(), "again": True}
    column["input"] = Features()
    with pytest.raises(SpecError, match=re.escape(said)):
        Stack(**column | changes)


def test_illegal_features_and_grids() -> None:
    with pytest.raises(SpecError, match="a quarter of its stage's channels"):
        Features(widths=(2, 8), depths=(1, 1))
    with pytest.raises(SpecError, match="what is dilated is a later stage"):
        Features(widths=(8,), depths=(1,), dilated=True)
    column = Stack(depth=1, attention=Attention(heads=2), ff=FeedForward(hidden=8), input=Features(), position=Grid(), again=True)
    with pytest.raises(SpecError, match="dim=6 is no multiple of 4"):
        Model(family="x", dim=6, encoder=column, heads=(Boxes(),))


def test_all_detectors_are_in_the_suite() -> None:
    assert {name.split("-")[0] for name in ALL if name.endswith("Detection")} == {"detr", "detr_basic", "yolos", "yolos_small"}
