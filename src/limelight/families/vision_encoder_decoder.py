"""Captioners that were put together: a ViT or a DeiT reads the squares of a picture, and a GPT-2 that cross-attends writes of them
(nlpconnect/vit-gpt2-image-captioning)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import WeightError, did_you_mean
from ..spec import Learned, Model, Patches, Words
from ..weights.names import Row, row
from . import deit, gpt2, vit
from .config import Config
from .family import Family, column

READERS = {"vit": (vit, 1), "deit": (deit, 2)}                # with the learnt vectors ahead of the squares


def spec(c: Config) -> Model:
    """See Family."""
    c.made_by("VisionEncoderDecoderModel")
    read, write = _part(c, "encoder", READERS), _part(c, "decoder", ("gpt2",))
    dim, wide = write.count("n_embd", 768), read.count("hidden_size", 768)
    write.only(add_cross_attention=True, cross_attention_hidden_size=dim)
    _, before = READERS[read.word("model_type", "vit")]
    decoder = gpt2.writing(write)
    return Model(
        family="vision-encoder-decoder",
        dim=dim,
        encoder=replace(vit.seeing(read, before=before), dim=None if wide == dim else wide),
        decoder=replace(decoder, cross=decoder.attention),
        bridge=wide != dim,
        heads=(Words(tied=write.flag("tie_word_embeddings", True)),),
    )


def _part(c: Config, name: str, kinds: Any) -> Config:
    """The settings of one side. Raises WeightError where they are missing, or of a kind that is not built here."""
    part = c.part(name)
    if part is None:
        raise WeightError(f'{c.where}: "{name}" is missing.', "Is it the config.json of such a model?")
    if (kind := part.word("model_type", "")) not in kinds:
        raise WeightError(f"{part.where}: model_type {kind[:60]!r} is not built here.", did_you_mean(kind, kinds))
    return part


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, _ = column(m.encoder, Learned)
    kind = _reads(m)
    alone = Model(family=kind, dim=m.width(s), encoder=replace(s, dim=None), heads=())
    return {
        "architectures": ["VisionEncoderDecoderModel"],
        "encoder": {"model_type": kind, **READERS[kind][0].config(alone)},
        "decoder": {"model_type": "gpt2", "is_decoder": True, "add_cross_attention": True, **gpt2.config(m)},
        "tie_word_embeddings": False,                        # of its two sides; the decoder's table is its own affair
    }


def _reads(m: Model) -> str:
    squares = None if m.encoder is None else m.encoder.input
    before = squares.before if isinstance(squares, Patches) else 0
    return next((kind for kind, (_, ahead) in READERS.items() if ahead == before), "vit")


def names(m: Model) -> list[Row]:
    """See Family."""
    kind = _reads(m)
    seen = [each for each in READERS[kind][0].names(m) if each.theirs.startswith(f"{kind}.")]
    return [
        *(replace(each, theirs=f"encoder.{each.theirs.removeprefix(f'{kind}.')}") for each in seen),
        *(replace(each, theirs=f"decoder.{each.theirs}") for each in gpt2.names(m)),
        row("enc_to_dec_proj.*", "bridge.*"),
    ]


FAMILY = Family(spec, config, names, pictures=vit.USUAL, processor="ViTImageProcessor", inner="decoder")
