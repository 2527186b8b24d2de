"""Packed matrices are the same function, serve only while they are true, and never follow a copy."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from specs import ENCODERS, MODELS, build, tokens
from torch import Tensor, nn

from limelight.decode import Beam, Ending, generate
from limelight.inputs import Batch, pad
from limelight.look import trace
from limelight.nn import Network, pack_matrices
from limelight.nn.packed import Linear, Packed, able, of
from limelight.spec import Recurrent

pytestmark = pytest.mark.skipif(not able(torch.float32), reason="this build of torch has no packed matrices")
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 3e-2}


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_a_packed_product_is_the_product(dtype: torch.dtype, bias: bool) -> None:
    if not able(dtype):
        pytest.skip(f"this processor does not multiply {dtype}")
    linear = nn.Linear(40, 24, bias, dtype=dtype)
    for shape in ((40,), (1, 40), (2, 3, 40), (2, 0, 40)):
        x = torch.randn(*shape).to(dtype)
        found, wanted = Packed(of(linear))(x), linear(x)
        assert found.shape == wanted.shape
        assert x.numel() == 0 or error(found, wanted) < CLOSE[dtype]


@torch.no_grad()
def test_maps_of_one_input_stand_side_by_side_with_and_without_a_bias() -> None:
    first, second = nn.Linear(16, 8), nn.Linear(16, 4, bias=False)
    x = torch.randn(3, 16)
    assert error(Packed(of(first, second))(x), torch.cat((first(x), second(x)), -1)) < 1e-6


@torch.no_grad()
def test_a_row_does_not_depend_on_its_neighbours() -> None:
    packed, x = Packed(of(nn.Linear(64, 48))), torch.randn(33, 64)
    assert torch.equal(torch.cat([packed(row[None]) for row in x]), packed(x))


def run(model: Network, given: Tensor) -> Tensor:
    """Logits, from whatever parts the model has."""
    memory = None if model.encoder is None else model.encode(pad([[3, 4, 5, 6], [7, 8]]))
    if model.decoder is None:
        return model.logits(model.encode(Batch(given)).hidden)
    return model.logits(model.decode(given, memory=memory))


@pytest.mark.parametrize("name", [*MODELS, "encoder_plain"])
@torch.no_grad()
def test_a_packed_model_is_the_same_function(name: str) -> None:
    model = build((MODELS | ENCODERS)[name])
    wanted = run(model, tokens(2, 7))
    assert pack_matrices(model)
    assert error(run(model, tokens(2, 7)), wanted) < 1e-5


LOOKING = ["both_plain", "both_grouped"]
LOOKING += [name for name, spec in MODELS.items() if isinstance(spec.decoder, Recurrent) and spec.decoder.cross]
LOOKING += ["stack_over_recurrent", "both_sparsemax", "both_hard", "both_hard_cross", "both_local_cross", "both_kernel_cross"]


@pytest.mark.parametrize("name", LOOKING)
def test_a_trace_changes_no_bit_of_it(name: str) -> None:
    model = build(MODELS[name])
    pack_matrices(model)
    source, ending = pad([[5, 6, 7], [8, 4]]), Ending(frozenset(), 6)
    alone = generate(model, source, Beam(width=3), ending=ending)
    with trace(model) as seen:
        watched = generate(model, source, Beam(width=3), ending=ending)
    assert alone == watched
    path = watched[0][0].rows
    with torch.no_grad(), trace(model, layers="decoder.*") as forced:
        model.decode(torch.tensor([[0, *watched[0][0].tokens[:-1]]]), memory=model.encode(Batch(source.values[:1])))
    for each in forced:
        torch.testing.assert_close(seen[each].weights(path=path), forced[each].weights(), atol=1e-6, rtol=0)


def multiplied(linear: Linear, x: Tensor) -> bool:
    """Whether the packed matrix was what x was multiplied by: its weights are spoilt where torch cannot see it."""
    linear(x)
    linear.weight.data.mul_(3)
    found = linear(x)
    linear.weight.data.div_(3)
    return torch.allclose(found, nn.functional.linear(x, linear.weight, linear.bias), atol=1e-5)


def test_it_serves_only_where_no_gradients_are_taken() -> None:
    linear, x = Linear(16, 8), torch.randn(2, 16)
    linear.pack("float32")
    with torch.no_grad():
        assert multiplied(linear, x)
    with torch.inference_mode():
        assert multiplied(linear, x)
    assert not multiplied(linear, x)
    linear(x).sum().backward()
    assert linear.weight.grad is not None


def change_in_place(linear: Linear) -> None:
    with torch.no_grad():
        linear.weight.add_(1)


def load(linear: Linear) -> None:
    linear.load_state_dict({"weight": torch.ones(8, 16), "bias": torch.ones(8)})


def assign(linear: Linear) -> None:
    linear.load_state_dict({"weight": torch.ones(8, 16), "bias": torch.ones(8)}, assign=True)


def replace(linear: Linear) -> None:
    linear.bias = nn.Parameter(torch.ones(8))


def step(linear: Linear) -> None:
    linear(torch.ones(1, 16)).sum().backward()
    torch.optim.SGD(linear.parameters(), lr=0.1).step()


@pytest.mark.parametrize("change", [change_in_place, load, assign, replace, step])
def test_changed_weights_are_not_multiplied_by_as_they_were(change) -> None:
    linear, x = Linear(16, 8), torch.randn(2, 16)
    linear.pack("float32")
    with torch.no_grad():
        before = linear(x)
    change(linear)
    with torch.no_grad():
        after = linear(x)
        assert not torch.allclose(after, before)
        assert torch.equal(after, nn.functional.linear(x, linear.weight, linear.bias))
        linear.pack("float32")
        assert multiplied(linear, x)
        assert error(linear(x), after) < 1e-5


@torch.no_grad()
def test_another_format_is_not_multiplied_by_the_old_one() -> None:
    linear, x = Linear(16, 8), torch.randn(2, 16)
    linear.pack("float32")
    linear(x)
    double = linear.double()(x.double())
    assert double.dtype == torch.float64
    assert torch.equal(double, nn.functional.linear(x.double(), linear.weight, linear.bias))


@torch.no_grad()
def test_copies_and_pickles_have_none_and_the_state_is_the_plain_one() -> None:
    model = build(MODELS["both_plain"])
    names, given = set(model.state_dict()), tokens(1, 4)
    pack_matrices(model)
    found = model.encode(Batch(given)).hidden
    assert set(model.state_dict()) == names
    saved = io.BytesIO()
    pickle.dump(model, saved)
    for other in (copy.deepcopy(model), pickle.loads(saved.getvalue())):
        assert isinstance(other, Network)
        assert all(module.packed is None for module in other.modules() if isinstance(module, Linear))
        assert other.encoder is not None
        other.encoder.embed.table.weight.zero_()
        assert error(model.encode(Batch(given)).hidden, found) < 1e-6


@torch.no_grad()
def test_where_it_cannot_be_nothing_is_packed() -> None:
    model = build(MODELS["both_plain"]).double()
    assert not able(torch.float64)
    assert not pack_matrices(model)
    assert not pack_matrices(nn.ReLU())
    assert all(module.packed is None for module in model.modules() if isinstance(module, Linear))
