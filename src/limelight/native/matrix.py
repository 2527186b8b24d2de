"""A matrix packed once for many products, in float32, bfloat16, int8 or int4. csrc/matrix.h says how the numbers lie."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float16, Int8
from torch import Tensor

from ..errors import DeviceError, InputError, WeightError, did_you_mean
from ..quant import Whole
from ..quant.groups import GROUP
from .build import library
from .room import take
from .rounding import whole_groups, whole_rows

Kind = Literal["float32", "bfloat16", "int8", "int4"]
Act = Literal["none", "relu", "gelu", "gelu_tanh", "silu", "tanh", "quick_gelu"]
KINDS, ACTS = get_args(Kind), get_args(Act)
PANEL = 32                               # outputs that stand together
LONGEST = 1 << 17                        # inputs whose products of two int8 still fit a sum of 32 bits


class Packed(ctypes.Structure):
    """`Matrix` of csrc/matrix.h."""

    _fields_ = (
        ("panels", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("outputs", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("kind", ctypes.c_int32),
    )


class Epilogue(ctypes.Structure):
    """`Epilogue` of csrc/matrix.h."""

    _fields_ = (
        ("act", ctypes.c_int32),
        ("gate", ctypes.c_void_p),
        ("gate_stride", ctypes.c_int64),
        ("residual", ctypes.c_void_p),
        ("residual_stride", ctypes.c_int64),
    )


class _Call(ctypes.Structure):
    _fields_ = (("x", ctypes.c_void_p), ("y", ctypes.c_void_p), ("rows", ctypes.c_int64), ("threads", ctypes.c_int))


@dataclass(frozen=True, eq=False)
class Matrix:
    """y = W x + b for rows of x, W being packed: `Matrix.of` makes one."""

    kind: Kind
    panels: Tensor                       # bytes
    scale: Tensor | None                 # of each output; int8 and int4
    bias: Tensor | None
    outputs: int
    inputs: int
    chunk: Tensor                        # of memory, which the panels are a part of

    @classmethod
    def of(cls, weight: Float[Tensor, "o m"], bias: Float[Tensor, " o"] | None, kind: Kind) -> Matrix:
        """Pack a matrix.

        Raises WeightError for one that is empty, whole numbers of what is not finite, a bias of another length, or an unknown kind.
        """
        if kind not in KINDS:
            raise WeightError(f'no kind of matrix "{kind}".', did_you_mean(kind, KINDS))
        if bias is not None and len(bias) != len(weight):
            raise WeightError(f"the bias has {len(bias)} numbers, the matrix {len(weight)} outputs.", "They belong to different layers.")
        if not weight.numel():
            raise WeightError(f"a matrix of {tuple(weight.shape)} has no inputs or no outputs.", "Leave it out.")
        if kind in ("int8", "int4"):
            _check_whole(weight)
        with torch.no_grad():
            panels, scale = _PACK[kind](weight.detach().float())
            kept = None if bias is None else bias.detach().float().clone()
        return _housed(kind, panels, scale, kept, *weight.shape)

    @classmethod
    def of_whole(cls, whole: Whole, bias: Float[Tensor, " o"] | None) -> Matrix:
        """Pack a matrix of whole numbers as they are: nothing is rounded. Raises WeightError for one with too many inputs."""
        numbers = whole.numbers
        if numbers.shape[1] > LONGEST:
            raise WeightError(f"a matrix of whole numbers takes at most {LONGEST:,} inputs, got {numbers.shape[1]:,}.", "Use bfloat16.")
        panels = _lay_bytes(numbers) if whole.shares is None else _lay_nibbles(numbers, whole.shares)
        kept = None if bias is None else bias.detach().float().clone()
        return _housed(whole.kind, panels, whole.scale.float().clone(), kept, *numbers.shape)

    def __reduce__(self) -> tuple[object, ...]:
        """A copy takes its own panels along, not the chunk."""
        return _housed, (self.kind, self.panels.clone(), self.scale, self.bias, self.outputs, self.inputs)

    @property
    def nbytes(self) -> int:
        """Of all that a product reads besides x."""
        return sum(part.nbytes for part in (self.panels, self.scale, self.bias) if part is not None)

    def weight(self) -> Float[Tensor, "o m"]:
        """The float32 matrix that this one stands for."""
        full = _UNPACK[self.kind](self.panels, self.outputs, self.inputs)
        return full if self.scale is None else full * self.scale[:, None]

    def packed(self) -> Packed:
        """For C++; it points into this object's tensors, so keep this object."""
        return Packed(_at(self.panels), _at(self.scale), _at(self.bias), self.outputs, self.inputs, KINDS.index(self.kind))

    def __call__(
        self, x: Float[Tensor, "*b m"], act: Act = "none", *, gate: Tensor | None = None, residual: Tensor | None = None
    ) -> Float[Tensor, "*b o"]:
        """act(W x + b) * gate + residual, (... m) -> (... o), in x's dtype, with as many threads as torch has.

        Sums are in float32. Each row of x is rounded to the kind of the matrix: int8 and int4 take 8 bits and a scale of the row's own, and
        give NaN for a row that is not finite. A row's result is the same in any company and with any number of threads, bit for bit.
        Raises InputError for another width or where a gradient is wanted, DeviceError without native code.
        """
        native = library()
        if native is None:
            raise DeviceError("there is no native code here.", "`limelight env` says why.")
        self._check(x)
        rows = x.reshape(x.shape[:-1].numel(), self.inputs).float().contiguous()
        shape = (*x.shape[:-1], self.outputs)
        extra = [None if part is None else part.expand(shape).float().contiguous() for part in (gate, residual)]
        y = torch.empty(len(rows), self.outputs)
        epilogue = Epilogue(ACTS.index(act), _at(extra[0]), self.outputs, _at(extra[1]), self.outputs)
        call = _Call(_at(rows), _at(y), len(rows), torch.get_num_threads())
        if native.limelight_product(ctypes.byref(self.packed()), ctypes.byref(call), ctypes.byref(epilogue)):
            raise MemoryError
        return y.view(shape).to(x.dtype)

    def _check(self, x: Tensor) -> None:
        if x.shape[-1] != self.inputs:
            raise InputError(f"the matrix takes {self.inputs} inputs, got {x.shape[-1]}.", "Give rows of that width.")
        if x.device.type != "cpu":
            raise InputError(f"a packed matrix multiplies on the CPU, got a tensor on {x.device}.", "Move it with .cpu().")
        if x.requires_grad and torch.is_grad_enabled():
            raise InputError("a packed matrix has no gradients.", "Use torch.no_grad(), or the module that it was made from.")


def _housed(kind: Kind, panels: Tensor, scale: Tensor | None, bias: Tensor | None, outputs: int, inputs: int) -> Matrix:
    room = take(len(panels))
    room.bytes.copy_(panels)
    return Matrix(kind, room.bytes, scale, bias, outputs, inputs, room.chunk)


def _at(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _check_whole(weight: Tensor) -> None:
    if not bool(weight.isfinite().all()):
        raise WeightError("a matrix has numbers that are not finite.", "The training went wrong: use an earlier checkpoint.")
    if weight.shape[1] > LONGEST:
        raise WeightError(f"a matrix of whole numbers takes at most {LONGEST:,} inputs, got {weight.shape[1]:,}.", "Use bfloat16.")


def _stand(x: Tensor, per_word: int, fill: int = 0) -> Tensor:
    """(o m) -> panels (p words 32 per_word), filled up to whole panels and words."""
    full = F.pad(x, (0, -x.shape[1] % per_word, 0, -x.shape[0] % PANEL), value=fill)
    return full.unflatten(0, (-1, PANEL)).unflatten(2, (-1, per_word)).transpose(1, 2).contiguous()


def _lie(panels: Tensor, outputs: int, inputs: int) -> Tensor:
    """(p words 32 per_word) -> (o m): `_stand` undone."""
    return panels.transpose(1, 2).flatten(2).flatten(0, 1)[:outputs, :inputs]


def _words(inputs: int, per_word: int) -> int:
    return -(-inputs // per_word)


def _pack_floats(weight: Tensor) -> tuple[Tensor, None]:
    return _stand(weight, 1).flatten().view(torch.uint8), None       # flat first: of a single one torch keeps odd strides


def _unpack_floats(panels: Tensor, outputs: int, inputs: int) -> Tensor:
    return _lie(panels.view(torch.float32).view(-1, inputs, PANEL, 1), outputs, inputs)


def _pack_bfloats(weight: Tensor) -> tuple[Tensor, None]:
    return _stand(weight.bfloat16(), 2).flatten().view(torch.uint8), None


def _unpack_bfloats(panels: Tensor, outputs: int, inputs: int) -> Tensor:
    return _lie(panels.view(torch.bfloat16).view(-1, _words(inputs, 2), PANEL, 2), outputs, inputs).float()


def _pack_bytes(weight: Tensor) -> tuple[Tensor, Tensor]:
    whole, scale = whole_rows(weight)
    return _lay_bytes(whole), scale


def _lay_bytes(whole: Int8[Tensor, "o m"]) -> Tensor:
    return _stand(_shifted(whole), 4, 128).flatten()


def _shifted(whole: Int8[Tensor, "o m"]) -> Tensor:
    return whole.view(torch.uint8) ^ 128                            # + 128


def _unpack_bytes(panels: Tensor, outputs: int, inputs: int) -> Tensor:
    return _lie(panels.view(-1, _words(inputs, 4), PANEL, 4), outputs, inputs).float() - 128


def _pack_nibbles(weight: Tensor) -> tuple[Tensor, Tensor]:
    whole, shares, scale = whole_groups(weight)
    return _lay_nibbles(whole, shares), scale


def _lay_nibbles(whole: Int8[Tensor, "o m"], shares: Float16[Tensor, "o g"]) -> Tensor:
    halves = _stand((whole + 8).to(torch.uint8), 4, 8)
    halves = F.pad(halves, (0, 0, 0, 0, 0, -halves.shape[1] % (GROUP // 4)), value=8).unflatten(1, (-1, 4, 2))      # p groups steps 2 32 4
    nibbles = (halves[:, :, :, 0] | halves[:, :, :, 1] << 4).flatten(2)
    ratios = _stand(shares, 1).flatten(2).view(torch.uint8)
    return torch.cat([ratios, nibbles], 2).flatten()


def _unpack_nibbles(panels: Tensor, outputs: int, inputs: int) -> Tensor:
    groups = panels.view(-1, _words(inputs, GROUP), 2 * PANEL + GROUP * PANEL // 2)
    shares = groups[:, :, : 2 * PANEL].contiguous().view(torch.float16).float().transpose(1, 2).flatten(0, 1)[:outputs]
    nibbles = groups[:, :, 2 * PANEL :].unflatten(2, (4, 1, PANEL, 4))
    halves = torch.cat([nibbles & 15, nibbles >> 4], 3).flatten(1, 3)
    whole = _lie(halves, outputs, inputs).float() - 8
    return whole * shares.repeat_interleave(GROUP, 1)[:, :inputs]


_PACK = {"float32": _pack_floats, "bfloat16": _pack_bfloats, "int8": _pack_bytes, "int4": _pack_nibbles}
_UNPACK = {"float32": _unpack_floats, "bfloat16": _unpack_bfloats, "int8": _unpack_bytes, "int4": _unpack_nibbles}
