"""What products are computed in: "auto" takes what is fast, a number format by name is the exact reference, and it is said which it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import limelight
from limelight.decode import Small
from limelight.errors import DeviceError
from limelight.hub import Opened, open_model, quants
from limelight.inputs import pad
from limelight.native import library
from limelight.tasks.writing.drafting import drafter

NATIVE = pytest.mark.skipif(library() is None, reason="no native kernels here")
CPU = torch.device("cpu")


def said(opened: Opened) -> Tensor:
    """What the encoder makes of a few tokens, without gradients as tasks ask it."""
    with torch.inference_mode():
        return opened.model.encode(pad([[5, 6, 7, 8]])).hidden.float()


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@NATIVE
def test_auto_is_int8_and_a_format_by_name_is_the_reference(tiny_folder: Path) -> None:
    how = [{}, {"dtype": "fp32"}, {"quant": "none"}, {"dtype": "float32", "quant": "int8"}, {"dtype": "bf16"}, {"quant": "int4"}]
    auto, exact, none, named, half, int4 = (open_model(tiny_folder, device="cpu", **each) for each in how)
    assert [each.precision for each in (auto, exact, none, named, half, int4)] == ["int8", "fp32", "fp32", "int8", "bf16", "int4"]
    assert [each.quant for each in (auto, exact, none, half)] == ["int8", None, None, None]
    assert torch.equal(said(none), said(exact))
    assert torch.equal(said(named), said(auto))
    assert 0 < apart(said(auto), said(exact)) < 0.05
    assert apart(said(auto), said(exact)) < apart(said(int4), said(exact))
    assert auto.dtype == torch.float32


@NATIVE
def test_where_gradients_are_taken_it_is_exact(tiny_folder: Path) -> None:
    auto, exact = open_model(tiny_folder, device="cpu"), open_model(tiny_folder, device="cpu", dtype="fp32")
    batch = pad([[5, 6, 7, 8]])
    with torch.enable_grad():
        assert torch.equal(auto.model.encode(batch).hidden, exact.model.encode(batch).hidden)


def test_without_native_kernels_and_on_a_gpu_auto_is_exact(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quants.pick_kind("auto", torch.device("cuda")) is None
    monkeypatch.setattr(quants, "library", lambda: None)
    opened = open_model(tiny_folder, device="cpu")
    assert (opened.quant, opened.precision) == (None, "fp32")


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(DeviceError, match='no quant "int3"'):
        quants.pick_kind("int3", CPU)


def test_it_is_said_what_was_chosen(tiny_folder: Path) -> None:
    opened = open_model(tiny_folder, device="cpu", dtype="fp32")
    assert repr(opened).startswith("Opened(tiny: ")
    assert repr(opened).endswith("numbers in fp32, products in fp32, on cpu)")
    translate = limelight.task("translate", tiny_folder, device="cpu")
    assert translate("The cat sleeps.").to_json()["precision"] == translate.opened.precision


@NATIVE
def test_a_draft_has_the_products_of_the_other(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.tasks.writing import drafting

    found: list[Opened] = []
    monkeypatch.setattr(drafting, "open_model", lambda *a, **how: found.append(open_model(*a, **how)) or found[-1])
    for how, precision in (({}, "int8"), ({"dtype": "fp32"}, "fp32"), ({"quant": "int4"}, "int4"), ({"dtype": "bf16"}, "bf16")):
        assert isinstance(drafter(str(tiny_folder), open_model(tiny_folder, device="cpu", **how)), Small)
        assert found[-1].precision == precision


@NATIVE
@pytest.mark.parametrize("quant", ["int8", "int4"])
def test_without_native_kernels_a_kind_by_name_rounds_as_much(quant: str, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.nn import packed

    fast = said(open_model(tiny_folder, device="cpu", quant=quant))
    exact = said(open_model(tiny_folder, device="cpu", dtype="fp32"))
    monkeypatch.setattr(packed, "library", lambda: None)
    plain = open_model(tiny_folder, device="cpu", quant=quant)
    assert plain.precision == quant
    assert apart(fast, exact) / 2 < apart(said(plain), exact) < 2 * apart(fast, exact)
