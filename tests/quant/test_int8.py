"""int8 weights: how wrong a number may be, and what is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.errors import WeightError
from limelight.quant import pack, unpack
from limelight.quant.int8 import SCALE, quantise


def restored(x: torch.Tensor) -> torch.Tensor:
    return unpack(pack({"w": x}))["w"]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 70), st.sampled_from([1e-6, 0.02, 1.0, 300.0]))
def test_a_row_is_never_worse_than_plain_rounding(seed: int, rows: int, columns: int, size: float) -> None:
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * size
    plain = x.abs().amax(1, keepdim=True) / 127
    rounded = (x / plain).round() * plain
    assert bool(((restored(x) - x).square().sum(1) <= (rounded - x).square().sum(1) * (1 + 1e-5) + 1e-20).all())


def test_a_number_within_the_scale_is_off_by_half_a_step_and_the_largest_by_a_fifth() -> None:
    x = torch.randn(50, 256)
    whole, scale = quantise(x)
    error = (whole.float() * scale[:, None] - x).abs()
    inside = x.abs() <= 127 * scale[:, None]
    assert bool((error <= scale[:, None] * 0.5 * 1.0001)[inside].all())
    assert bool((error <= x.abs().amax(1, keepdim=True) * 0.2001).all())
    assert int(whole.abs().max()) <= 127, "-128 has no opposite"


def test_an_outlier_does_not_cost_its_row_its_precision_nor_other_rows_theirs() -> None:
    x = torch.randn(2, 64)
    before = (restored(x) - x)[1].abs().max()
    x[0, 0] = 1e6
    assert (restored(x) - x)[1].abs().max() == before


def test_rows_of_zeros_and_the_smallest_numbers_stay_finite() -> None:
    x = torch.zeros(3, 4)
    x[1] = 1e-38
    x[2, 0] = 3e38
    assert torch.equal(restored(x)[0], torch.zeros(4))
    assert bool(restored(x).isfinite().all())
    assert restored(x)[2, 0] > 2.3e38


def test_rows_that_are_steps_come_back_exactly() -> None:
    x = torch.arange(-127.0, 128.0)[None] * torch.tensor([[0.25], [2.0]])
    assert torch.equal(restored(x), x)


def test_packing_what_was_packed_changes_nothing() -> None:
    once = restored(torch.randn(8, 33))
    assert torch.allclose(restored(once), once, rtol=1e-6, atol=0)


def test_only_matrices_are_packed_and_all_names_come_back() -> None:
    state = {"m": torch.randn(3, 4), "half": torch.randn(2, 2).bfloat16(), "v": torch.randn(5), "cube": torch.randn(2, 2, 2)}
    state |= {"n": torch.tensor([[1, 2]]), "s": torch.tensor(1.5).double()}
    packed = pack(state)
    assert {name for name, t in packed.items() if t.dtype is torch.int8} == {"m", "half"}
    assert packed["m" + SCALE].shape == (3,)
    found = unpack(packed)
    assert found.keys() == state.keys()
    for name in ("v", "cube", "n", "s"):
        assert torch.equal(found[name].double(), state[name].double())
    assert found["m"].dtype is found["half"].dtype is torch.float32


def test_a_plain_file_goes_through_unchanged_whatever_its_names() -> None:
    state = {"norm": torch.randn(3), "norm" + SCALE: torch.randn(3), "lone" + SCALE: torch.randn(2)}
    found = unpack(state)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


SCALES = {
    "missing": None,
    "too short": torch.ones(2),
    "a matrix": torch.ones(3, 1),
    "one number": torch.tensor(1.0),
    "not a number": torch.tensor([1.0, torch.nan, 1.0]),
    "without end": torch.tensor([1.0, torch.inf, 1.0]),
}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_scale_that_is_missing_or_unsound_is_refused_by_name(scale: torch.Tensor | None) -> None:
    state = {"layer.w": torch.ones(3, 4, dtype=torch.int8)} | ({} if scale is None else {"layer.w.scale": scale})
    with pytest.raises(WeightError, match=r"layer\.w is int8 and has no sound layer\.w\.scale"):
        unpack(state)


@pytest.mark.parametrize("shape", [(), (3,), (3, 2, 2)])
def test_int8_that_is_no_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightError, match="w is int8"):
        unpack({"w": torch.ones(shape, dtype=torch.int8), "w.scale": torch.ones(shape[:1])})


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_not_packed(bad: float) -> None:
    x = torch.ones(2, 3)
    x[1, 1] = bad
    with pytest.raises(WeightError, match=r"decoder\.w has numbers that are not finite"):
        pack({"decoder.w": x})


def test_a_tensor_with_the_name_of_a_scale_is_not_overwritten() -> None:
    with pytest.raises(WeightError, match=r"w\.scale is the name of a scale"):
        pack({"w": torch.ones(2, 2), "w.scale": torch.ones(2)})
