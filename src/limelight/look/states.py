"""states: the hidden states after each layer, seen without touching them.

    with states(model) as seen:
        model.encode(batch)
    seen[0]                              # (b n m), what the first layer was given
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ..errors import TraceError
from ..nn import Network
from ..nn.recurrent import RecurrentDecoder, RecurrentEncoder
from ..nn.stack import Stack


@contextmanager
def states(model: Network, side: str | None = None) -> Iterator[list[Float[Tensor, "b n m"]]]:
    """Collect what each layer makes of the newest input, as long as the block is open: references, and nothing is computed.

    The list has one more than there are layers: the embeddings, with positions, as the first layer is given them; what each layer but
    the last makes of them; and the output, after the last norm where there is one. `side`: "encoder" or "decoder"; by default the
    encoder where there is one. Only calls from the opening thread are seen. Raises TraceError for a side that the model has not, and for
    a recurrent decoder, which goes step by step through all of its layers.
    """
    stack = _stack(model, side)
    seen: list[Tensor] = []
    owner = threading.get_ident()

    def keep(*, anew: bool = False) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, given: Any, made: Tensor) -> None:
            del module, given
            if threading.get_ident() == owner:
                if anew:
                    seen.clear()
                seen.append(made.detach())

        return hook

    hooks = [stack.embed.register_forward_hook(keep(anew=True))]
    hooks += [each.register_forward_hook(keep()) for each in (*stack.layers[:-1], stack.norm)]
    try:
        yield seen
    finally:
        for each in hooks:
            each.remove()


def _stack(model: Network, side: str | None) -> Stack | RecurrentEncoder:
    sides = {"encoder": model.encoder, "decoder": model.decoder}
    there = [name for name, stack in sides.items() if stack is not None]
    found = sides.get(side or there[0])
    if found is None:
        raise TraceError(f"{model.spec.family} has no {side}.", f"It has: {', '.join(there)}.")
    if isinstance(found, RecurrentDecoder):
        hint = 'Look at side="encoder".' if model.encoder is not None else "decode(...) gives its last layer."
        raise TraceError("a recurrent decoder goes step by step through all its layers: none is whole before the next.", hint)
    return found
