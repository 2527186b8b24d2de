"""Devices and number formats: what is there serves, what is not is said in one line."""

from __future__ import annotations

import pytest
import torch

from limelight.devices import DTYPES, pick_device, pick_dtype
from limelight.errors import DeviceError


def test_auto_takes_an_accelerator_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kind in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert pick_device("auto").type == kind


def test_the_processor_is_always_there() -> None:
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "mps", "hpu", "xla", "potato", "", "cuda:-1", "cpu:x", "privateuseone", "meta"])
def test_a_device_that_is_not_there_or_computes_nothing_is_refused_in_one_line(name: str) -> None:
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(DeviceError) as caught:
        pick_device(name)
    assert f'no device "{name}" here' in caught.value.message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "--device cpu" in caught.value.hint


def test_auto_is_full_precision_on_a_processor_and_half_elsewhere() -> None:
    assert pick_dtype("auto", torch.device("cpu")) is torch.float32
    assert pick_dtype("auto", torch.device("cuda")) is torch.bfloat16


@pytest.mark.parametrize("name", list(DTYPES))
def test_a_named_dtype_is_taken_on_any_device(name: str) -> None:
    assert {pick_dtype(name, torch.device(kind)) for kind in ("cpu", "cuda")} == {DTYPES[name]}


def test_an_unknown_dtype_is_refused_with_the_nearest() -> None:
    with pytest.raises(DeviceError, match=r'no dtype "bf61"\.   Did you mean "bf16"\?'):
        pick_dtype("bf61", torch.device("cpu"))
