"""Norms of what a weight brings: a key that is looked at much, but says little, brings little."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from ..nn import Network
from .view import Path, View


def value_norms(model: Network, view: View, *, heads: Sequence[int] | None = None, path: Path | None = None) -> Float[Tensor, "b h k"]:
    """||f(x)|| of each key, f(x) = (x W_V + b_V) W_O of the head (Kobayashi et al. 2020, section 3, equation 4).

    Times a weight it is the length of the vector that a query gets from the key. One product with a (d d) matrix a head: the output
    map is never applied.
    """
    attention = model.attentions()[view.name]
    values = view.values(heads=heads, path=path)
    if not isinstance(attention.o, nn.Linear):                     # heads are handed on as they are
        return values.norm(dim=-1)
    chosen = list(range(view.heads)) if heads is None else list(heads)
    maps = attention.o.weight.detach().to(values).unflatten(1, (attention.heads, -1))[:, chosen]      # (m h d)
    squares = maps.permute(1, 2, 0) @ maps.transpose(0, 1)                                            # (h d d)
    return ((values @ squares) * values).sum(-1).clamp(min=0).sqrt()
