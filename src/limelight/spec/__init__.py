"""What a model *is*, as data: frozen, checked, hashable, JSON-able, and torch-free.

A model is described by small values. Where papers differ there is a union of values, never a flag, so a mixture that
makes no sense cannot be written down, or is refused with a hint when the value is made.

    spec = encoder_decoder(vocab=8000, dim=256, depth=4, heads=4)
    to_json(spec) -> text;  from_json(text) == spec
"""

from .model import (
    Activation,
    Additive,
    Attention,
    Classes,
    Dot,
    FeedForward,
    General,
    Head,
    Labels,
    Model,
    Norm,
    ScaledDot,
    Score,
    Soft,
    Stack,
    Tokens,
    Weights,
    Words,
    from_json,
    to_json,
)
from .positions import (
    Alibi,
    Buckets,
    ByWavelength,
    Dynamic,
    Interpolated,
    Learned,
    LongRope,
    Position,
    Rotary,
    Sinusoid,
    Stretch,
    Yarn,
)
from .ready import encoder_decoder

__all__ = [
    "Activation",
    "Additive",
    "Alibi",
    "Attention",
    "Buckets",
    "ByWavelength",
    "Classes",
    "Dot",
    "Dynamic",
    "FeedForward",
    "General",
    "Head",
    "Interpolated",
    "Labels",
    "Learned",
    "LongRope",
    "Model",
    "Norm",
    "Position",
    "Rotary",
    "ScaledDot",
    "Score",
    "Sinusoid",
    "Soft",
    "Stack",
    "Stretch",
    "Tokens",
    "Weights",
    "Words",
    "Yarn",
    "encoder_decoder",
    "from_json",
    "to_json",
]
