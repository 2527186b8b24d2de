"""Codecs: a picture <-> a grid of tokens. Each is a network beside the Transformer that writes such tokens, with a file of its own.

    codec = build(spec);  codes = codec.encode(pictures);  pictures = codec.decode(codes)

Pictures are (b c h w), numbers from 0 (black) to 1; codes (b n), row by row. `encode` gives the likeliest, and raises InputError for
pictures of another size, TaskError for a codec that only draws; `decode` raises InputError for codes that make no picture.

They stand apart from nn: nothing of theirs goes token by token, is cached or traced, and they learn before the Transformer does.
"""

from __future__ import annotations

from ..spec import Codec as CodecSpec
from ..spec import DiscreteVAE as DiscreteSpec
from .discrete_vae import DiscreteVAE, Relaxed
from .quantised import Nearest, Quantised

__all__ = ["Codec", "DiscreteVAE", "Nearest", "Quantised", "Relaxed", "build"]

Codec = DiscreteVAE | Quantised


def build(s: CodecSpec) -> Codec:
    """The codec of a spec, with numbers to begin to learn from."""
    return DiscreteVAE(s) if isinstance(s, DiscreteSpec) else Quantised(s)
