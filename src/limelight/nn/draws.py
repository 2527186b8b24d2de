"""What hard attentions draw while they learn: which keys, and how likely they were."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(eq=False)
class Drawn:
    """One attention's draws of one pass, in the order of its queries."""

    at: list[Int[Tensor, "b h q"]] = field(default_factory=list)
    logprobs: list[Float[Tensor, "b h q"]] = field(default_factory=list)
    entropies: list[Float[Tensor, "b h q"]] = field(default_factory=list)


class Draws:
    """Handed to `decode`, it keeps what was drawn in each layer, with the log-probability of each draw and the entropy of what it was
    drawn from, both with gradients: what REINFORCE learns by (Xu et al. 2015, section 4.1).

    `given`: the keys that every layer must take instead, (b h q) over the whole of the target; for going through all of them one by one.
    """

    def __init__(self, given: Int[Tensor, "b h q"] | None = None):
        self.given = given
        self.layers: dict[int, Drawn] = {}

    def take(self, layer: int, scores: Float[Tensor, "b h q k"], past: int) -> Int[Tensor, "b h q"]:
        """A key for each query, from the softmax of masked scores; -1 where a query may see nothing. `past`: queries asked before."""
        blind = (scores == -torch.inf).all(-1)
        logprobs = scores.masked_fill(blind[..., None], 0.0).log_softmax(-1, torch.promote_types(scores.dtype, torch.float32))
        if self.given is None:
            at = torch.multinomial(logprobs.detach().exp().flatten(0, 2), 1).view(blind.shape)
        else:
            at = self.given[:, :, past : past + scores.shape[2]]
        likely = logprobs.gather(-1, at[..., None]).squeeze(-1)
        finite = logprobs.masked_fill(logprobs == -torch.inf, 0.0)
        kept = self.layers.setdefault(layer, Drawn())
        kept.at.append(at.masked_fill(blind, -1))
        kept.logprobs.append(likely.masked_fill(blind, 0.0))
        kept.entropies.append(-(logprobs.exp() * finite).sum(-1).masked_fill(blind, 0.0))
        return kept.at[-1]

    def logprobs(self) -> Float[Tensor, "b l h q"]:
        """Of every draw, layers side by side."""
        return torch.stack([torch.cat(drawn.logprobs, -1) for drawn in self.layers.values()], 1)

    def entropies(self) -> Float[Tensor, "b l h q"]:
        """Of what every draw was drawn from, in nats."""
        return torch.stack([torch.cat(drawn.entropies, -1) for drawn in self.layers.values()], 1)
