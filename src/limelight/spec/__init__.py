"""What a model *is*, as data: frozen, checked, hashable, JSON-able, and torch-free.

A model is described by small values. Where papers differ there is a union of values, never a flag, so a mixture that
makes no sense cannot be written down, or is refused with a hint when the value is made.

    spec = encoder_decoder(vocab=8000, dim=256, depth=4, heads=4)
    to_json(spec) -> text;  from_json(text) == spec
"""

from .attention import Attention, Norm
from .codecs import Codec, DiscreteVAE, Quantised
from .heads import NOTHING, OBJECTS, Boxes, Classes, Head, Labels, Meeting, Words
from .inputs import Features, Frames, Input, Patches, Slots, Tokens
from .model import Model, from_json, to_json
from .patterns import AlongRows, Around, DownColumns, Pattern, alternating
from .positions import (
    Alibi,
    Buckets,
    ByWavelength,
    Captioned,
    Dynamic,
    Grid,
    Interpolated,
    Learned,
    LongRope,
    Position,
    Rotary,
    Sinusoid,
    Stretch,
    Yarn,
)
from .pruned import Pruned
from .raw import Pictures, Sounds
from .ready import decoder_only, drawing_decoder, encoder_decoder
from .scores import Additive, Dot, General, ScaledDot, Score
from .stack import Activation, Column, FeedForward, Recurrent, Stack
from .weights import Entmax, Hard, Kernel, Local, Monotonic, Predicted, Soft, Sparsemax, Weights

__all__ = [
    "NOTHING",
    "OBJECTS",
    "Activation",
    "Additive",
    "Alibi",
    "AlongRows",
    "Around",
    "Attention",
    "Boxes",
    "Buckets",
    "ByWavelength",
    "Captioned",
    "Classes",
    "Codec",
    "Column",
    "DiscreteVAE",
    "Dot",
    "DownColumns",
    "Dynamic",
    "Entmax",
    "Features",
    "FeedForward",
    "Frames",
    "General",
    "Grid",
    "Hard",
    "Head",
    "Input",
    "Interpolated",
    "Kernel",
    "Labels",
    "Learned",
    "Local",
    "LongRope",
    "Meeting",
    "Model",
    "Monotonic",
    "Norm",
    "Patches",
    "Pattern",
    "Pictures",
    "Position",
    "Predicted",
    "Pruned",
    "Quantised",
    "Recurrent",
    "Rotary",
    "ScaledDot",
    "Score",
    "Sinusoid",
    "Slots",
    "Soft",
    "Sounds",
    "Sparsemax",
    "Stack",
    "Stretch",
    "Tokens",
    "Weights",
    "Words",
    "Yarn",
    "alternating",
    "decoder_only",
    "drawing_decoder",
    "encoder_decoder",
    "from_json",
    "to_json",
]
