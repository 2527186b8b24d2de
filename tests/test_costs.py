"""Costs reckoned from the spec are those that torch counts on the modules, and grow as they are said to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from limelight.inputs import Batch
from limelight.nn import Network
from limelight.ops import linear, windowed
from limelight.spec import Model, costs
from limelight.spec.costs import cost
from limelight.spec.mechanisms import Sizes, find, mechanisms

STEPWISE = {"additive", "general-fed"}           # one query at a time, all of which a training keeps
SQUARE = ("multi-head", "general", "additive", "alibi", "grouped-query", "sparse-heads", "local-p")


def made(name: str, **choices: object) -> Model:
    sizes = {"vocab": 11, "dim": 16, "heads": 4, "encoder_depth": 2, "decoder_depth": 2, "hidden": 24, "length": 600, "dropout": 0.0}
    return find(name).build(Sizes(**{**sizes, **choices}))


def passed(spec: Model, n: int) -> None:
    """One pass as in training, without the head."""
    model, given = Network(spec).train(), torch.ones(1, n, dtype=torch.long)
    memory = None if model.encoder is None else model.encode(Batch(given))
    model.decode(given, memory=memory)


@pytest.fixture
def counted() -> Iterator[FlopCounterMode]:
    """Every product by itself: fused kernels are no secret to the counter then."""
    was = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        yield counter
    torch._C._set_mkldnn_enabled(was)


@pytest.mark.parametrize("n", [1, 7, 40])
@pytest.mark.parametrize("name", mechanisms())
def test_operations_are_those_that_torch_counts(name: str, n: int, counted: FlopCounterMode) -> None:
    """All but the tangents of additive scores, which are no products."""
    spec = made(name)
    passed(spec, n)
    assert counted.get_total_flops() == 2 * cost(spec, n).layers


@pytest.mark.parametrize("n", [260, 300])
@pytest.mark.parametrize("name", ["windowed", "linear", "causal"])
def test_those_of_chunks_too(name: str, n: int, counted: FlopCounterMode) -> None:
    spec = made(name)
    passed(spec, n)
    assert counted.get_total_flops() == 2 * cost(spec, n).layers


@pytest.mark.parametrize("choices", [{"kv_heads": 2}, {"window": 3}, {"scaled": False}, {"position": "rotary"}, {"heads": 2}])
def test_those_of_choices_too(choices: dict[str, object], counted: FlopCounterMode) -> None:
    spec = made("multi-head", **choices)
    passed(spec, 9)
    assert counted.get_total_flops() == 2 * cost(spec, 9).layers


def test_attention_is_what_is_left_without_maps() -> None:
    spec = made("multi-head")
    assert cost(spec, 50).attention == 6 * 2 * 50 * 50 * 16                     # two products in each of six attentions
    assert cost(made("fixed-vector"), 50).attention == 0
    assert cost(made("additive"), 50).bends == 50 * 50 * 16
    assert cost(spec, 50).bends == 0


@pytest.mark.parametrize("name", SQUARE)
def test_twice_the_length_is_four_times_the_attention(name: str) -> None:
    spec = made(name)
    assert cost(spec, 8192).attention / cost(spec, 4096).attention == pytest.approx(4, rel=0.01)
    assert cost(spec, 8192).pairs == 4 * cost(spec, 4096).pairs


@pytest.mark.parametrize(("name", "alone"), [("windowed", True), ("linear", False), ("fixed-vector", False)])
def test_twice_the_length_is_twice_the_attention(name: str, alone: bool) -> None:
    """Of a window only where it attends to itself: cross-attention has none."""
    spec = made(name)
    spec = Model(family="alone", dim=16, encoder=spec.encoder, heads=spec.heads) if alone else spec
    for kind in ("attention", "layers", "pairs"):
        one, two = (getattr(cost(spec, n), kind) for n in (4096, 8192))
        assert two == pytest.approx(2 * one, rel=1e-3)                               # a first state is made once


class Largest(TorchDispatchMode):
    """Keeps the bytes of the largest tensor that was made, of those whose shape is `wanted`."""

    def __init__(self, wanted: Callable[[torch.Size], bool] = bool):
        super().__init__()
        self.wanted, self.most = wanted, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, tuple | list) else (out,):
            if isinstance(each, Tensor) and self.wanted(each.shape):
                self.most = max(self.most, each.nbytes)
        return out


@pytest.mark.parametrize("name", [name for name in mechanisms() if name not in {"windowed", "linear"}])
def test_pairs_are_the_largest_map_that_is_made(name: str) -> None:
    n, spec = 300, made(name)
    steps = n if name in STEPWISE else 1

    def of_pairs(shape: torch.Size) -> bool:
        return shape[2:4] == (1, n) if steps > 1 else shape.count(n) > 1

    with Largest(of_pairs) as largest:
        passed(spec, n)
    assert largest.most * steps == cost(spec, n).pairs


@pytest.mark.parametrize("name", ["windowed", "linear"])
def test_no_map_grows_with_the_square(name: str) -> None:
    spec = made(name)
    spec = Model(family="alone", dim=16, encoder=spec.encoder, heads=spec.heads)
    most = []
    for n in (300, 600):
        with Largest() as largest, torch.no_grad():
            Network(spec).encode(Batch(torch.ones(1, n, dtype=torch.long)))
        most.append(largest.most)
    assert most[1] / most[0] < 2.2


@pytest.mark.parametrize("name", mechanisms())
@torch.no_grad()
def test_the_cache_holds_what_is_reckoned(name: str) -> None:
    n, spec = 40, made(name)
    model, given = Network(spec).eval(), torch.ones(1, 40, dtype=torch.long)
    cache = model.new_cache()
    model.decode(given, memory=None if model.encoder is None else model.encode(Batch(given)), cache=cache)
    assert cache.nbytes == cost(spec, n).cache


def test_chunks_are_those_of_the_code() -> None:
    """The spec may not know the code, so that it needs no torch."""
    import importlib

    chunks = [importlib.import_module(each.__module__).CHUNK for each in (windowed, linear)]
    assert chunks == [costs.WINDOW_CHUNK, costs.KERNEL_CHUNK]
