"""Whole numbers from a file to the product: int8 and int4 folders multiply what they hold, and nothing is rounded twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import tiny
from limelight.errors import TaskError, WeightError
from limelight.hub import about, open_model, publish, save
from limelight.native import library
from limelight.native.matrix import Matrix
from limelight.native.rounding import whole_groups, whole_rows
from limelight.nn.packed import Linear, keep_whole
from limelight.quant import SCALE, SHARES, Rounded, Whole, halved, joined, stored, unpack
from limelight.weights import read_tensors

NATIVE = pytest.mark.skipif(library() is None, reason="no native kernels here")


def whole(kind: str, rows: int = 48, width: int = 70) -> Whole:
    x = torch.randn(rows, width)
    if kind == "int8":
        return Whole("int8", *whole_rows(x))
    numbers, shares, scale = whole_groups(x)
    return Whole("int4", halved(numbers), scale, shares)


def in_file(name: str, each: Whole) -> dict[str, torch.Tensor]:
    return {name: each.kept, name + SCALE: each.scale, **({} if each.shares is None else {name + SHARES: each.shares})}


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_packed_matrix_of_whole_numbers_is_of_these_bit_for_bit(kind: str) -> None:
    given, bias = whole(kind), torch.randn(48)
    made = Matrix.of_whole(given, bias)
    assert (made.kind, made.outputs, made.inputs) == (kind, 48, 70)
    assert torch.equal(made.weight(), given.weight())
    both = Matrix.of_whole(joined([given, whole(kind)]), None)
    assert torch.equal(both.weight()[:48], given.weight())


def test_int8_that_is_rounded_again_gives_the_same_numbers() -> None:
    given = whole("int8", 300, 96)
    again, scale = whole_rows(given.weight())
    assert torch.equal(again, given.kept)
    torch.testing.assert_close(scale, given.scale, rtol=2e-7, atol=0)


def test_int4_takes_two_numbers_a_byte_from_a_file_and_back() -> None:
    numbers = torch.randint(-8, 8, (5, 40), dtype=torch.int8)
    kept = halved(numbers)
    assert kept.shape == (5, 20)
    assert torch.equal(Whole("int4", kept, torch.ones(5), torch.ones(5, 2).half()).numbers, numbers)
    state = {**in_file("a.w", whole("int4")), **in_file("b", whole("int8")), "c": torch.randn(3), "c.shares": torch.randn(2)}
    found = unpack(state)
    assert found.keys() == {"a.w", "b", "c", "c.shares"}
    assert {name: each.kind for name, each in stored(state).items()} == {"a.w": "int4", "b": "int8"}


@pytest.mark.parametrize("spoil", [{"w.scale": torch.ones(2)}, {"w.shares": torch.ones(48, 3)}, {"w.shares": torch.ones(48, 2).half()}])
def test_int4_without_sound_scales_is_refused(spoil: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightError, match=r"w is int4 and has no sound w\.(scale|shares)"):
        unpack({**in_file("w", whole("int4")), **spoil})
    with pytest.raises(WeightError, match="no sound"):
        unpack({name: tensor for name, tensor in in_file("w", whole("int4")).items() if name not in spoil})


@NATIVE
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_layer_multiplies_by_what_its_file_holds_until_it_changes(kind: str) -> None:
    given, linear, x = whole(kind), Linear(70, 48, bias=False), torch.randn(4, 70)
    linear.weight = nn.Parameter(given.weight(), requires_grad=False)
    keep_whole(linear, {"weight": given})
    linear.pack(kind)
    with torch.no_grad():
        assert torch.equal(linear(x), Matrix.of_whole(given, None)(x))
        linear.weight.mul_(-1.7)
        linear.pack(kind)
        torch.testing.assert_close(linear(x), x @ linear.weight.mT, atol=1.0, rtol=0)


@NATIVE
@pytest.mark.parametrize("bias", [None, torch.randn(48)], ids=["no bias", "bias"])
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_the_plain_product_rounds_as_the_native_one(kind: str, bias: torch.Tensor | None) -> None:
    given = whole(kind)
    x = torch.randn(3, 5, 70) * torch.tensor([1e-3, 1.0, 50.0])[:, None, None]
    x[0, 0], x[1, 1] = 0.0, 1e-38
    found, wanted = Rounded(given.weight(), bias)(x), Matrix.of_whole(given, bias)(x)
    assert float((found - wanted).norm() / wanted.norm()) < 1e-5
    torch.testing.assert_close(found[2, 3], Rounded(given.weight(), bias)(x[2, 3]), rtol=1e-5, atol=1e-3)
    x[2, 4, 6] = torch.inf
    assert bool(Rounded(given.weight(), bias)(x)[2, 4].isnan().all())


@NATIVE
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_folder_says_what_it_is_and_multiplies_in_its_own_kind(kind: str, tmp_path: Path) -> None:
    text, model = tiny.untrained()
    save(tmp_path, model=model, text=text, manifest=tiny.manifest(text, model.spec), card="", bits=kind)
    tensors, notes = read_tensors(tmp_path / "model.safetensors")
    told = about(tmp_path)
    assert (notes["weights"], told.weights, told.parameters) == (kind, kind, sum(each.numel() for each in model.parameters()))
    opened = open_model(tmp_path, device="cpu")
    assert opened.precision == kind
    up = opened.model.encoder.layers[0].ff.up
    name = next(name for name, each in opened.model.named_modules() if each is up) + ".weight"
    assert torch.equal(up.packed.matrix().weight(), stored(tensors)[name].weight())
    assert torch.equal(up.packed.matrix().weight(), up.weight)
    table = opened.model.encoder.embed.table.weight
    assert {each.kind for each in stored(tensors).values()} == {"int8", kind}
    torch.testing.assert_close(table, model.encoder.embed.table.weight, atol=float(table.abs().max()) / 100, rtol=0)
    exact = open_model(tmp_path, device="cpu", dtype="fp32")
    assert exact.precision == "fp32"
    assert torch.equal(exact.model.encoder.layers[0].ff.up.weight, up.weight)
    other = open_model(tmp_path, device="cpu", quant="int4" if kind == "int8" else "int8")
    assert other.model.encoder.layers[0].ff.up.packed.matrix().kind == other.precision != kind


def test_other_libraries_are_not_given_int4(tmp_path: Path) -> None:
    text, model = tiny.untrained()
    with pytest.raises(TaskError, match=r"published kind|int4"):
        publish(tmp_path, model=model, text=text, manifest=tiny.manifest(text, model.spec), tokenizer=tmp_path, bits="int4")
