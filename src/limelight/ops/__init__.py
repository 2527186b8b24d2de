"""Pure tensor functions: no modules, no state, no configuration objects.

One legend of letters for the whole code base:

    b batch   h heads   g kv-groups   q queries   k keys   d head width   n tokens   m model width   v vocabulary

Masks are predicates that compose; True = may attend.
"""

from .attend import attend, attend_plain, attention_scores, attention_weights
from .boxes import areas, centres, corners, general_overlaps, grid_centres, overlaps, suppress
from .cross_entropy import linear_cross_entropy, linear_cross_entropy_plain
from .dropout import dropout
from .flex import flex_pays
from .largest import largest
from .linear import linear
from .local import luong_fade, luong_window
from .masks import (
    Mask,
    along_rows,
    around,
    at_positions,
    behind,
    causal,
    document,
    down_columns,
    everything,
    padding,
    prefix,
    window,
)
from .positions import alibi, bucket, by_wavelength, dynamic, grid, rotary_rates, rotate, sinusoid, turns, yarn
from .scores import ScoreFn, additive, dot, general, kernel
from .weigh import WeighFn, argmax, best, drawn, entmax15, faded, gumbel, shares, softmax, sparsemax
from .windowed import windowed, windowed_pays

__all__ = [
    "Mask",
    "ScoreFn",
    "WeighFn",
    "additive",
    "alibi",
    "along_rows",
    "areas",
    "argmax",
    "around",
    "at_positions",
    "attend",
    "attend_plain",
    "attention_scores",
    "attention_weights",
    "behind",
    "best",
    "bucket",
    "by_wavelength",
    "causal",
    "centres",
    "corners",
    "document",
    "dot",
    "down_columns",
    "drawn",
    "dropout",
    "dynamic",
    "entmax15",
    "everything",
    "faded",
    "flex_pays",
    "general",
    "general_overlaps",
    "grid",
    "grid_centres",
    "gumbel",
    "kernel",
    "largest",
    "linear",
    "linear_cross_entropy",
    "linear_cross_entropy_plain",
    "luong_fade",
    "luong_window",
    "overlaps",
    "padding",
    "prefix",
    "rotary_rates",
    "rotate",
    "shares",
    "sinusoid",
    "softmax",
    "sparsemax",
    "suppress",
    "turns",
    "window",
    "windowed",
    "windowed_pays",
    "yarn",
]
