"""Scores: how a query and a key are compared. Each takes (b h q d) and (b h k d) and gives (b h q k)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

ScoreFn = Callable[[Tensor, Tensor], Tensor]


def dot(q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"]) -> Float[Tensor, "b h q k"]:
    """q . k (Luong et al. 2015, equation 8; Vaswani et al. 2017 scale it by 1 / sqrt(d), which `attend` does)."""
    return q @ k.mT


def general(
    q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"], *, weight: Float[Tensor, "h d d"]
) -> Float[Tensor, "b h q k"]:
    """q W k, one W a head (Luong et al. 2015, equation 8)."""
    return torch.einsum("bhqd,hde->bhqe", q, weight) @ k.mT         # a plain product would copy W for every row


def additive(q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"], *, weight: Float[Tensor, "h d"]) -> Float[Tensor, "b h q k"]:
    """v . tanh(q + k), one v a head (Bahdanau et al. 2015, appendix A.1.2, where q = W s and k = U h).

    Luong's concat, v . tanh(W [s; h]), is the same thing with W split in two. Holds (b h q k d) at once: memory grows with
    queries x keys x head width.
    """
    mixed = torch.tanh(q[..., :, None, :] + k[..., None, :, :])    # (b h q k d)
    return torch.einsum("bhqkd,hd->bhqk", mixed, weight)


def kernel(q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"]) -> Float[Tensor, "b h q k"]:
    """phi(q) . phi(k) with phi = elu + 1 (Katharopoulos et al. 2020, equation 7): never negative, so that `shares` makes weights of it,
    and `attend` needs no map of queries x keys to do so."""
    return positive(q) @ positive(k).mT


def positive(x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """elu(x) + 1, written as exp(x) below 0: no digits are lost to the 1."""
    return F.relu(x) + x.clamp(max=0).exp()
