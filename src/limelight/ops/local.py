"""Local attention about a centre (Luong et al. 2015, section 3.2): a window of keys, and weights that fade away from its middle."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def luong_window(at: Float[Tensor, "#b q"], lengths: Int[Tensor, " b"], keys: int, width: int) -> Bool[Tensor, "b 1 q k"]:
    """Where |s - p_t| <= D and s is a slot of the sentence: the mask of local attention, True = may attend.

    `at` holds the centres p_t, t itself (local-m) or S sigmoid(v . tanh(W h_t)) (local-p, equation 9); `lengths` are S, `width` is D.
    What of a window lies beyond the sentence is left out, and a window wholly beyond it is blind: hold t within S - 1 where steps may
    be more than tokens.
    """
    slots = torch.arange(keys, device=at.device)
    near = (slots - at[..., None]).abs() <= width                                          # (b|1 q k)
    return (near & (slots < lengths.to(at.device)[:, None, None]))[:, None]


def luong_fade(at: Float[Tensor, "b q"], keys: int, width: int) -> Float[Tensor, "b 1 q k"]:
    """exp(-(s - p_t)^2 / (2 sigma^2)) with sigma = D / 2 (equation 10): what `faded` multiplies weights by. Gradients reach `at`."""
    slots = torch.arange(keys, device=at.device)
    return (-2 * ((slots - at[..., None]) / width).square()).exp()[:, None]
