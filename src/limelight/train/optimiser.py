"""AdamW as a plan wants it, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .plan import Plan


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that learn, by name, each once."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def decayed(model: nn.Module) -> set[str]:
    """The names of the matrices that weight decay pulls on: not biases, not norms, not tables of embeddings."""
    tables = {id(weight) for part in model.modules() if isinstance(part, nn.Embedding) for weight in part.parameters(recurse=False)}
    return {name for name, weight in trained(model).items() if weight.ndim >= 2 and id(weight) not in tables}


def adamw(model: nn.Module, plan: Plan) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019), fused into one kernel where the device has it."""
    weights, pulled = trained(model), decayed(model)
    fused = all(weight.device.type in ("cpu", "cuda") for weight in weights.values())
    groups = [
        {"params": [w for name, w in weights.items() if name in pulled], "weight_decay": plan.weight_decay},
        {"params": [w for name, w in weights.items() if name not in pulled], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=plan.lr, betas=plan.betas, eps=plan.eps, fused=fused)


def state_of(optimiser: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """What the optimiser remembers, as "parameter/quantity" -> tensor."""
    return {f"{name}/{key}": item for name, weight in weights.items() for key, item in optimiser.state.get(weight, {}).items()}


def put_state(optimiser: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter], state: Mapping[str, Tensor]) -> None:
    """Give the optimiser back what `state_of` took, on the devices of its weights."""
    names = {id(weight): name for name, weight in weights.items()}
    places = [names[id(weight)] for group in optimiser.param_groups for weight in group["params"]]
    split: dict[str, dict[str, Tensor]] = {}
    for key, item in state.items():
        name, _, quantity = key.rpartition("/")
        split.setdefault(name, {})[quantity] = item
    remembered = {number: split[name] for number, name in enumerate(places) if name in split}
    optimiser.load_state_dict({"state": remembered, "param_groups": optimiser.state_dict()["param_groups"]})
