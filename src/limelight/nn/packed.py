"""Packed: matrices in the order in which a processor multiplies fastest, kept beside the weights for inference.

With few rows a product costs what it takes to read the matrix, and for float32 torch's usual library reads at a third of the
memory's speed. Our native kernels (see native.matrix) read as fast as the memory gives, in float32, bfloat16, int8 or int4. Where they
cannot be had, oneDNN, which comes with torch, wants the matrix in blocks of its own and reads those two to three times as fast. The sums
are the same up to their order (3e-7 of the result in float32), and a row's result does not depend on its neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from ..native import library
from ..native.matrix import Kind, Matrix
from ..quant import Rounded, Whole, joined
from ..weights.mapped import give_back, trim

KINDS: dict[torch.dtype, Kind] = {torch.float32: "float32", torch.bfloat16: "bfloat16"}      # of products, where none is asked for
WHOLE: tuple[Kind, ...] = ("int8", "int4")              # kinds of whole numbers: they have a plain twin that any torch runs
NEAR = {torch.float32: 1e-5, torch.bfloat16: 2e-2}      # how far a packed product may be off, relative
Slot = tuple[nn.Module, str]                            # where a parameter stands: the module, and its name there
Map = tuple[Slot, Slot | None]                          # a weight (o m), and its bias (o) if it has one
Mark = tuple[int, int]
_KEPT: MutableMapping[Tensor, tuple[Whole, Mark]] = WeakTensorKeyDictionary()


@runtime_checkable
class Packs(Protocol):
    """A module that multiplies by packed matrices where it has them."""

    def pack(self, kind: Kind) -> None:
        """Have them made from the weights."""
        ...


def pack_matrices(model: nn.Module, kind: Kind | None = None) -> bool:
    """Let a model multiply by packed matrices of a kind, by default that of its numbers -> whether this machine can. Costs their bytes.

    They serve where no gradients are taken, until the weights change (a change through `weight.data` cannot be seen); from then
    on the plain product is back, and `pack_matrices` may be called again. A copy of the model has none.
    """
    first = next(model.parameters(), None)
    if first is None or first.device.type != "cpu" or first.dtype not in KINDS:
        return False
    kind = kind or KINDS[first.dtype]
    if library() is None and kind not in WHOLE and not (kind == KINDS[first.dtype] and able(first.dtype)):
        return False
    for module in list(model.modules())[::-1]:                      # what is inside before what it is inside of
        if isinstance(module, Packs):
            module.pack(kind)
    return True


class Packed:
    """One product for one or several linear maps of the same input, side by side: x [W1; W2; ...]^T + [b1; b2; ...].

    The matrix is made when it is first used. `kind`: by default that of the weights.
    """

    def __init__(self, maps: Sequence[Map], kind: Kind | None = None):
        self.kind: Kind = kind or KINDS[_at(maps[0][0]).dtype]
        self.native = library() is not None
        self._weights = [at for at, _ in maps]
        self._biases = [at for _, at in maps]
        self._slots = [at for at in (*self._weights, *self._biases) if at is not None]
        self._mark = self._state()
        self._made: Matrix | Rounded | tuple[Tensor, Tensor | None] | None = None

    def serves(self, x: Tensor) -> bool:
        """Whether x may be multiplied here: no gradients are taken, and the weights are what they were."""
        return not torch.is_grad_enabled() and x.dtype == _at(self._slots[0]).dtype and self._mark == self._state()

    def __call__(self, x: Float[Tensor, "*n m"]) -> Float[Tensor, "*n o"]:
        """(... m) -> (... o)."""
        made = self._made = self._made or self._first()
        return made(x) if isinstance(made, Matrix | Rounded) else torch.ops.mkldnn._linear_pointwise(x, *made, "none", [], "")

    def _first(self) -> Matrix | Rounded | tuple[Tensor, Tensor | None]:
        if self.native:
            return self.matrix()
        return self._rounded() if self.kind in WHOLE else self._make()

    def matrix(self) -> Matrix:
        """The native matrix."""
        if not isinstance(self._made, Matrix):
            self._made = self._laid()
            self._rest()
        return self._made

    def _laid(self) -> Matrix:
        whole, bias = self._whole(), self._bias()
        return Matrix.of(self._weight(), bias, self.kind) if whole is None else Matrix.of_whole(whole, bias)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()                             # copies and pickles go without: their weights are others

    def _rounded(self) -> Rounded:
        """The plain twin of a native product of whole numbers."""
        matrix = self._laid()
        return Rounded(matrix.weight(), matrix.bias)

    def _make(self) -> tuple[Tensor, Tensor | None]:
        made = torch.ops.mkldnn._reorder_linear_weight(self._weight(), None), self._bias()
        self._rest()
        return made

    def _whole(self) -> Whole | None:
        """The weights as whole numbers, where that is what they came from."""
        weights = [_at(slot) for slot in self._weights] if self.kind in WHOLE else []
        found = [(_marked(weight), *_KEPT[weight]) for weight in weights if weight in _KEPT]
        parts = [whole for now, whole, then in found if now == then]
        return joined(parts) if parts and len(parts) == len(weights) and len({each.kind for each in parts}) == 1 else None

    def _rest(self) -> None:
        """What was read for the packed matrix need not stay in memory beside it, nor what it took to make it."""
        given = [give_back(_at(slot)) for slot in self._weights]
        if any(given):
            trim()

    def _weight(self) -> Tensor:
        weights = [_at(slot) for slot in self._weights]
        return weights[0] if len(weights) == 1 else torch.cat(weights)

    def _bias(self) -> Tensor | None:
        if not any(self._biases):
            return None
        weights = [_at(slot) for slot in self._weights]
        return torch.cat([w.new_zeros(len(w)) if slot is None else _at(slot) for w, slot in zip(weights, self._biases, strict=True)])

    def _state(self) -> list[Mark]:
        return [_marked(_at(slot)) for slot in self._slots]


class Linear(nn.Linear):
    """nn.Linear that can multiply by its packed matrix."""

    packed: Packed | None = None

    def pack(self, kind: Kind) -> None:
        """See Packs."""
        self.packed = Packed(of(self), kind)

    def forward(self, input: Float[Tensor, "*n m"]) -> Float[Tensor, "*n o"]:
        """(... m) -> (... o)."""
        if self.packed is not None and self.packed.serves(input):
            return self.packed(input)
        return F.linear(input, self.weight, self.bias)


def of(*linears: nn.Linear) -> list[Map]:
    """Where the parameters of linear layers stand."""
    return [((each, "weight"), None if each.bias is None else (each, "bias")) for each in linears]


def _at(slot: Slot) -> Tensor:
    module, name = slot
    return cast(Tensor, module._parameters[name])         # by name each time: a parameter may be replaced by another


def keep_whole(model: nn.Module, matrices: Mapping[str, Whole]) -> None:
    """Tell what whole numbers some weights of a model came from, by their names: as long as they are the same, products of whole numbers
    are of these, and nothing is rounded again."""
    for name, whole in matrices.items():
        weight = model.get_parameter(name)
        _KEPT[weight] = whole, _marked(weight)


def _marked(weight: Tensor) -> Mark:
    """What changes with a weight."""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version


@functools.cache
def able(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, multiplies by packed matrices, and right; tried once."""
    if dtype not in NEAR or (dtype == torch.bfloat16 and not torch.cpu.get_capabilities().get("avx512_bf16")):
        return False
    linear = Linear(64, 48, dtype=dtype)
    with torch.inference_mode():
        random = torch.Generator().manual_seed(0)
        for each in linear.parameters():
            each.copy_(torch.randn(each.shape, generator=random))
        x = torch.randn(5, 64, generator=random).to(dtype)
        try:
            found, wanted = torch.ops.mkldnn._linear_pointwise(x, *Packed(of(linear), KINDS[dtype])._make(), "none", [], ""), linear(x)
        except (RuntimeError, AttributeError, NotImplementedError):
            return False
        return bool((found - wanted).norm() <= NEAR[dtype] * wanted.norm())
