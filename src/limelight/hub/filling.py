"""A spec and a file's tensors -> a model: nothing is asked of the memory before the two have been compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightError
from ..nn import Network
from ..nn.unfilled import unfilled
from ..spec import Model

FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
MOST_POSITIONS = 1 << 20


def blank(spec: Model, tensors: int, where: Path) -> Network:
    """The model without its numbers. What a spec costs before they are compared is bounded by the file that it comes with."""
    for stack in spec.columns.values():
        length = stack.room or 0
        if stack.depth > tensors or length > MOST_POSITIONS:
            raise WeightError(
                f"{where} asks for {stack.depth:,} layers and {length:,} positions; there are {tensors:,} tensors, and "
                f"at most {MOST_POSITIONS:,} positions.",
                f"{where.name} and the weights are of different models.",
            )
    try:
        with unfilled():
            return Network(spec)
    except (RuntimeError, OverflowError, TypeError) as error:        # sizes that no tensor can have
        raise WeightError(f"{where}: such a model cannot be built: {str(error).splitlines()[0][:120]}") from None


def fill(model: Network, state: Mapping[str, Tensor], path: Path, *, told: str) -> None:
    """Give a model its numbers; every tensor on both sides must be accounted for. `told`: the file that the spec came from."""
    want = model.state_dict()
    missing, extra = sorted(want.keys() - state.keys()), sorted(state.keys() - want.keys())
    both = sorted(want.keys() & state.keys())
    wrong = [f"{n}: {tuple(state[n].shape)}, wanted {tuple(want[n].shape)}" for n in both if want[n].shape != state[n].shape]
    odd = [f"{n}: {state[n].dtype}" for n in both if state[n].dtype not in FLOATS]
    if missing or extra or wrong or odd:
        parts = (("missing", missing), ("not known", extra), ("of another shape", wrong), ("of another kind", odd))
        said = "; ".join(f"{len(names)} {what} ({', '.join(names[:3])})" for what, names in parts if names)
        raise WeightError(f"{path} does not fit its spec: {said}.", f"{told} and {path.name} are of different models.")
    model.take({name: state[name].float() for name in want})
