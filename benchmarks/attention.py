"""Attention itself: ours beside torch's fused kernel and plain products, causal over a text, and one query over the keys of a text.

*limelight* is what a model runs on this machine; *limelight, in modules* what it runs where it learns, or where somebody hooks into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from limelight.measure import Turn, rounded
from limelight.native import library
from limelight.native.attention import attend as native
from limelight.ops import attend

from .contest import contest
from .contestants import Field
from .limits import BITS, limits

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16}
Attends = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: queries, keys, calls a turn."""

    heads: int
    width: int
    work: tuple[tuple[int, int, int], ...]
    rounds: int


FULL = Setting(heads=12, width=64, work=((1024, 1024, 10), (4096, 4096, 1), (1, 1024, 500)), rounds=7)
SMOKE = Setting(heads=2, width=8, work=((16, 16, 1), (1, 16, 1)), rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All ways at each size and format -> the JSON of this page, less the machine."""
    s = SMOKE if smoke else FULL
    return {
        "what": "attention alone, calls a second, in turns on the same tensors",
        "setting": {"heads": s.heads, "width": s.width},
        "limits": asdict(limits(smoke)),
        "cases": [_case(s, work, name, smoke) for work in s.work for name in FORMATS],
    }


def _ways(causal: bool) -> dict[str, Attends]:
    def products(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q * q.shape[-1] ** -0.5 @ k.mT
        if causal:
            scores.masked_fill_(torch.ones(scores.shape[-2:], dtype=torch.bool).triu_(1), -torch.inf)
        return scores.softmax(-1) @ v

    modules = partial(attend, causal=causal)
    ours = {"limelight": modules} if library() is None else {"limelight": partial(native, causal=causal), "limelight, in modules": modules}
    return {
        **ours,
        "torch: scaled_dot_product_attention": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
        "torch: plain products": products,
    }


@torch.inference_mode()
def _case(s: Setting, work: tuple[int, int, int], format: str, smoke: bool) -> dict[str, Any]:
    queries, keys, calls = work
    random = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, s.heads, n, s.width, generator=random).to(FORMATS[format]) for n in (queries, keys, keys))
    ways = _ways(causal=queries == keys)
    exact = ways["torch: plain products"](q.double(), k.double(), v.double()) if keys <= 1024 else None
    apart = {} if exact is None else {name: rounded(float((way(q, k, v) - exact).norm() / exact.norm())) for name, way in ways.items()}

    def turn(way: Attends) -> Turn:
        @torch.inference_mode()
        def run(_: int) -> float:
            return float(sum(way(q, k, v) is not None for _ in range(calls)))

        return run

    pairs = queries * keys / (2 if queries == keys else 1)
    each = limits(smoke).seconds(
        format, other_bytes=2 * s.heads * s.width * keys * BITS[format] / 8, operations=4.0 * s.heads * s.width * pairs
    )
    field = Field(ways, dict.fromkeys(ways, format), {})
    turns = {name: turn(way) for name, way in ways.items()}
    return {
        "setting": {"queries": queries, "keys": keys, "format": format},
        **contest(field, turns, rounds=s.rounds, unit="calls/s", least=lambda _: calls * each),
        "apart_from_exact": apart,
    }
