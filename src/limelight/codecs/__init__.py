"""Codecs: a picture <-> a grid of tokens. Each is a network beside the Transformer that writes such tokens, with a file of its own.

    codec = build(spec);  codes = codec.encode(pictures);  pictures = codec.decode(codes)

They stand apart from nn: nothing of theirs goes token by token, is cached or traced, and they learn before the Transformer does.
"""

from __future__ import annotations

from ..spec import Codec as CodecSpec
from ..spec import DiscreteVAE as DiscreteSpec
from .codec import Codec
from .discrete_vae import DiscreteVAE, Relaxed
from .quantised import Nearest, Quantised

__all__ = ["Codec", "DiscreteVAE", "Nearest", "Quantised", "Relaxed", "build"]


def build(s: CodecSpec) -> DiscreteVAE | Quantised:
    """The codec of a spec, with numbers to begin to learn from."""
    return DiscreteVAE(s) if isinstance(s, DiscreteSpec) else Quantised(s)
