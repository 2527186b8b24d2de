"""Which words stand behind each patch: from the trace, beside what each patch's code loses without the word."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...inputs import Encoded, words
from ...look import trace
from ...look.agreement import rank_correlation
from .drawn import Patches
from .prompts import Prompts

BUDGET = "2GB"
TINY = 1e-12


@torch.inference_mode()
def patches(prompts: Prompts, text: Encoded, codes: Sequence[int]) -> Patches:
    """Of one picture. The model is led through its codes once, looked at, and once more without each word."""
    spans = words(text.text)
    pieces = [[i for i, (a, b) in enumerate(text.offsets) if a < end and b > start and b > a] for start, end in spans]
    kept = [(span, mine) for span, mine in zip(spans, pieces, strict=True) if mine]
    drawn = torch.tensor([codes], device=prompts.opened.device)
    rows, columns = prompts.drawing.codec.grid
    seen, whole = _looked(prompts, text.ids, drawn)
    shares = torch.stack([seen[:, mine].sum(1) for _, mine in kept]) if kept else seen.new_zeros(0, drawn.shape[1])
    shares = shares / shares.sum(0).clamp(min=TINY)
    without = [[each for i, each in enumerate(text.ids) if i not in mine] for _, mine in kept]
    lost = [whole - _chances(prompts, ids, drawn) for ids in without]
    far = torch.stack(lost) if lost else torch.zeros_like(shares)
    return Patches(
        words=tuple(text.text[start:end] for (start, end), _ in kept),
        weights=_grids(shares, rows, columns),
        lost=_grids(far, rows, columns),
        trust=rank_correlation(shares.flatten().tolist(), far.flatten().tolist()),
    )


def _looked(prompts: Prompts, ids: Sequence[int], codes: Tensor) -> tuple[Float[Tensor, "n t"], Float[Tensor, " n"]]:
    """What each code's step took from each token of the text, the mean of all heads and layers; and how likely it was."""
    model = prompts.opened.model
    crossed = model.encoder is not None
    source = prompts.source([ids])
    with trace(model, layers="decoder.*.cross" if crossed else "decoder.*.self", budget=BUDGET) as seen:
        chances = _of_codes(prompts.logits(source, codes), codes)
    first = 0 if crossed else prompts.text - 1
    total = torch.zeros(codes.shape[1], len(ids))
    for name in seen:
        strips = [strip[0].mean(0)[:, : len(ids)].cpu() for strip in seen[name].rows()]
        total += torch.cat(strips)[first:]
    return total / len(list(seen)), chances


def _chances(prompts: Prompts, ids: Sequence[int], codes: Tensor) -> Float[Tensor, " n"]:
    """How likely each code is after another text, its logarithm."""
    return _of_codes(prompts.logits(prompts.source([ids]), codes), codes)


def _of_codes(logs: Float[Tensor, "1 n v"], codes: Tensor) -> Float[Tensor, " n"]:
    return logs.gather(-1, codes[..., None])[0, :, 0].cpu()


def _grids(numbers: Float[Tensor, "w n"], rows: int, columns: int) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(tuple(map(tuple, each)) for each in numbers.reshape(-1, rows, columns).tolist())
