"""Pure tensor functions: no modules, no state, no configuration objects.

One legend of letters for the whole code base:

    b batch   h heads   g kv-groups   q queries   k keys   d head width   n tokens   m model width   v vocabulary

Masks are predicates that compose; True = may attend.
"""

from .attend import attend, attend_plain, attention_weights
from .dropout import dropout
from .masks import Mask, causal, document, everything, padding, prefix, window
from .positions import alibi, bucket, by_wavelength, dynamic, rotary_rates, rotate, sinusoid, turns, yarn
from .scores import ScoreFn, additive, dot, general

__all__ = [
    "Mask",
    "ScoreFn",
    "additive",
    "alibi",
    "attend",
    "attend_plain",
    "attention_weights",
    "bucket",
    "by_wavelength",
    "causal",
    "document",
    "dot",
    "dropout",
    "dynamic",
    "everything",
    "general",
    "padding",
    "prefix",
    "rotary_rates",
    "rotate",
    "sinusoid",
    "turns",
    "window",
    "yarn",
]
