"""Packed matrices against the plain products that they stand for."""

from __future__ import annotations

import copy
import ctypes
import functools
import pickle
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from limelight.errors import DeviceError, InputError, WeightError
from limelight.native import matrix as packed
from limelight.native.matrix import ACTS, KINDS, Matrix

pytestmark = pytest.mark.usefixtures("native")
SHAPES = [(64, 64), (1, 1), (7, 129), (33, 5), (100, 70), (130, 31), (257, 260)]          # outputs, inputs
BEND = {
    "none": lambda x: x,
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "tanh": torch.tanh,
}


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def made(kind: str, outputs: int, inputs: int) -> tuple[Matrix, Tensor, Tensor]:
    weight, bias = torch.randn(outputs, inputs), torch.randn(outputs)
    return Matrix.of(weight, bias, kind), weight, bias


def rounded(x: Tensor, kind: str) -> Tensor:
    """Rows as a matrix of this kind takes them, in float64."""
    if kind == "float32":
        return x.double()
    if kind == "bfloat16":
        return x.bfloat16().double()
    most = x.abs().amax(1, keepdim=True)
    return (x * (127 / most)).round().double() * (most / 127).double()


def close(got: Tensor, wanted: Tensor, bound: float) -> None:
    """Of one shape, and relative to the whole."""
    assert got.shape == wanted.shape
    assert (got.double() - wanted).norm() <= bound * wanted.norm()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_a_product_is_the_plain_one_of_what_was_rounded(kind: str, outputs: int, inputs: int) -> None:
    matrix, _, bias = made(kind, outputs, inputs)
    full = matrix.weight().double()
    for rows in (*range(1, 14), 24, 25, 40):
        x = torch.randn(rows, inputs)
        close(matrix(x), F.linear(rounded(x, kind), full, bias.double()), 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_and_outputs(kind: str, two_threads: None) -> None:
    matrix, _, bias = made(kind, 400, 3000)
    x = torch.randn(310, 3000)                                       # more rows than stay in a cache together
    close(matrix(x), F.linear(rounded(x, kind), matrix.weight().double(), bias.double()), 1e-6)


@pytest.mark.parametrize(("kind", "bound"), [("float32", 0.0), ("bfloat16", 2**-8), ("int8", 0.012), ("int4", 0.1)])
def test_a_matrix_stands_for_what_it_was_made_from(kind: str, bound: float) -> None:
    for outputs, inputs in SHAPES:
        matrix, weight, _ = made(kind, outputs, inputs)
        assert (matrix.weight() - weight).norm() <= bound * weight.norm()


def test_bfloat16_without_instructions_for_it(compiled: Callable[..., ctypes.CDLL], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on processors that have AVX-512 for whole numbers, and none for bfloat16."""
    other = compiled(units=("pool", "matrix", "matrix_rows", "matrix_sums", "matrix_call"), flags=("-mno-avx512bf16",))
    matrix, _, bias = made("bfloat16", 100, 71)
    x = torch.randn(14, 71)
    x[13, 70] = torch.nan
    monkeypatch.setattr(packed, "library", lambda: other)
    got = matrix(x)
    close(got[:13], F.linear(rounded(x[:13], "bfloat16"), matrix.weight().double(), bias.double()), 1e-6)
    assert got[13].isnan().all()
    assert torch.equal(torch.cat([matrix(row[None]) for row in x[:13]]), got[:13])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("outputs", "inputs"), [(32, 32), (32, 1), (1, 1), (5, 64)])
def test_a_matrix_that_is_another_one_turned(kind: str, outputs: int, inputs: int) -> None:
    turned = torch.randn(inputs, outputs).t()
    assert torch.equal(Matrix.of(turned, None, kind).panels, Matrix.of(turned.contiguous(), None, kind).panels)


@pytest.mark.parametrize("kind", KINDS)
def test_any_layout_and_dtype_of_weights(kind: str) -> None:
    weight, x = torch.randn(70, 40).bfloat16(), torch.randn(3, 70)
    wanted = Matrix.of(weight.float().T.contiguous(), None, kind)(x)
    assert torch.equal(Matrix.of(weight.T, None, kind)(x), wanted)


def test_bytes_and_nibbles_are_what_they_should_be() -> None:
    weight = torch.randn(256, 1024)
    plain = weight.nbytes
    sizes = {kind: Matrix.of(weight, None, kind).nbytes for kind in KINDS}
    assert sizes == {"float32": plain, "bfloat16": plain // 2, "int8": plain // 4 + 1024, "int4": plain // 8 + plain // 64 + 1024}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("outputs", "inputs"), [(100, 70), (300, 520)])
def test_a_row_is_the_same_in_any_company(kind: str, outputs: int, inputs: int, two_threads: None) -> None:
    matrix, _, _ = made(kind, outputs, inputs)
    x = torch.randn(40, inputs)
    alone = torch.cat([matrix(row[None]) for row in x])
    for rows in range(1, 41):
        assert torch.equal(matrix(x[:rows]), alone[:rows])
    torch.set_num_threads(1)
    assert torch.equal(matrix(x), alone)
    torch.set_num_threads(3)                                         # more than there are cores, perhaps
    assert torch.equal(matrix(x), alone)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", ACTS)
def test_what_follows_the_product(kind: str, act: str) -> None:
    matrix, _, _ = made(kind, 45, 64)
    x, gate, residual = torch.randn(5, 64), torch.randn(5, 45), torch.randn(5, 45)
    plain = matrix(x)
    bent = BEND[act](plain.double())
    close(matrix(x, act), bent, 3e-7)
    close(matrix(x, act, gate=gate, residual=residual), bent * gate + residual, 3e-7)
    close(matrix(x, residual=residual), plain.double() + residual, 3e-7)


@pytest.mark.parametrize("act", ACTS)
def test_activations_are_exact(act: str) -> None:
    """Relative to the true value, and in the tails, where it is a small part of x, to x."""
    x = torch.cat([torch.linspace(-20, 20, 40001), torch.logspace(-30, 1, 2000), -torch.logspace(-30, 1, 2000)])
    true = BEND[act](x.double())
    got = Matrix.of(torch.ones(1, 1), None, "float32")(x[:, None], act)[:, 0].double()
    assert ((got - true).abs() <= 4.5e-7 * true.abs() + 2e-9 * x.abs()).all()


@pytest.mark.parametrize("act", ACTS)
def test_activations_far_out(act: str) -> None:
    x = torch.tensor([100.0, -100.0, 3e38, -3e38, torch.nan, 0.0])
    got = Matrix.of(torch.ones(1, 1), None, "float32")(x[:, None], act)[:, 0]
    torch.testing.assert_close(got, BEND[act](x.double()).float(), equal_nan=True, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("act", ["none", "relu", "gelu"])
def test_what_is_no_number_stays_visible(kind: str, bad: float, act: str) -> None:
    matrix = Matrix.of(torch.rand(40, 70) + 0.5, torch.randn(40), kind)
    x = torch.randn(14, 70)
    wanted = matrix(x, act)
    x[3, 66] = bad
    got = matrix(x, act)
    assert torch.equal(got[torch.arange(14) != 3], wanted[torch.arange(14) != 3])
    if act == "none" or bad > 0 or kind in ("int8", "int4"):         # relu of -inf is 0
        assert not got[3].isfinite().any()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_zeros_and_of_tiny_numbers(kind: str) -> None:
    matrix, _, bias = made(kind, 40, 70)
    for size in (0.0, 1e-38, 1e-44):
        assert torch.equal(matrix(torch.full((2, 70), size)), bias.expand(2, 40))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_great_numbers(kind: str) -> None:
    matrix = Matrix.of(torch.eye(40), None, kind)
    x = torch.randn(3, 40) * 1e37
    close(matrix(x) / 1e37, F.linear(rounded(x, kind), matrix.weight().double()) / 1e37, 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_nothing_out(kind: str) -> None:
    matrix, _, _ = made(kind, 40, 70)
    assert matrix(torch.zeros(0, 70)).shape == (0, 40)
    assert matrix(torch.zeros(2, 0, 70)).shape == (2, 0, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_any_layout_and_dtype_of_x(kind: str) -> None:
    matrix, _, _ = made(kind, 40, 70)
    x = torch.randn(70, 3, 5).permute(1, 2, 0)
    wanted = matrix(x.reshape(15, 70)).view(3, 5, 40)
    assert torch.equal(matrix(x), wanted)
    assert torch.equal(matrix(x[1, 2]), wanted[1, 2])
    half = matrix(x.bfloat16())
    assert half.dtype is torch.bfloat16
    assert torch.equal(half, matrix(x.bfloat16().float()).bfloat16())


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_a_matrix_of_its_own(kind: str) -> None:
    matrix, _, _ = made(kind, 40, 70)
    x = torch.randn(2, 70)
    wanted, stored = matrix(x), pickle.dumps(matrix)
    others = [copy.copy(matrix), copy.deepcopy(matrix), pickle.loads(stored)]
    assert len(stored) < 2 * matrix.nbytes + 20_000                  # without the chunk that it stands in
    matrix.panels.zero_()
    assert all(torch.equal(other(x), wanted) for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_packing_what_was_packed_changes_little_or_nothing(kind: str) -> None:
    matrix, _, bias = made(kind, 40, 70)
    again = Matrix.of(matrix.weight(), bias, kind)
    assert (again.weight() - matrix.weight()).norm() <= (0.01 if kind == "int4" else 1e-6) * matrix.weight().norm()


def test_what_cannot_be() -> None:
    weight = torch.randn(8, 6)
    of = functools.partial(Matrix.of.__func__.__wrapped__, Matrix)            # past the tests' own check of types
    with pytest.raises(WeightError, match=r'no kind of matrix "int9".*"int8"'):
        of(weight, None, "int9")
    with pytest.raises(WeightError, match="bias has 3 numbers, the matrix 8"):
        of(weight, torch.zeros(3), "int8")
    with pytest.raises(WeightError, match="no inputs or no outputs"):
        of(torch.zeros(8, 0), None, "int8")
    with pytest.raises(WeightError, match="not finite"):
        Matrix.of(weight / 0, None, "int4")
    with pytest.raises(WeightError, match="131,072 inputs"):
        Matrix.of(torch.zeros(1, 131_073), None, "int8")
    matrix = Matrix.of(weight, None, "float32")
    with pytest.raises(InputError, match="takes 6 inputs, got 7"):
        matrix(torch.zeros(1, 7))
    with pytest.raises(InputError, match="on meta"):
        matrix(torch.zeros(1, 6, device="meta"))
    with pytest.raises(InputError, match="no gradients"):
        matrix(torch.zeros(1, 6, requires_grad=True))
    with torch.no_grad():
        assert matrix(torch.zeros(1, 6, requires_grad=True)).shape == (1, 8)


def test_without_native_code_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Matrix.of(torch.randn(8, 6), None, "int8")
    monkeypatch.setattr(packed, "library", lambda: None)
    with pytest.raises(DeviceError, match="limelight env"):
        matrix(torch.zeros(1, 6))


def test_the_longest_sums_of_whole_numbers_hold() -> None:
    """131,072 products of 127 and 127 are just below 2^31."""
    matrix = Matrix.of(torch.ones(2, 131_072), None, "int8")
    assert torch.equal(matrix.weight(), torch.ones(2, 131_072))
    assert matrix(torch.ones(1, 131_072)).sub(131_072).abs().max() < 0.1
