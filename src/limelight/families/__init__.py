"""The kinds of published models that open here: for each a spec from its config.json and a table of names, and the way back.

To add one, write a file with `spec`, `config` and `names`, and name it in FAMILIES under its config's model_type.
"""

from __future__ import annotations

from . import (
    bart,
    bert,
    blip,
    clip,
    dalle_mini,
    deit,
    detr,
    distilbert,
    gpt2,
    gpt_neo,
    llama,
    opt,
    t5,
    vision_encoder_decoder,
    vit,
    whisper,
    xglm,
    yolos,
)
from .config import Config
from .family import Family

FAMILIES: dict[str, Family] = {
    **bart.KIN,
    **bert.KIN,
    "blip": blip.FAMILY,
    "detr": detr.FAMILY,
    "clip": clip.FAMILY,
    "dallebart": dalle_mini.FAMILY,
    "deit": deit.FAMILY,
    "distilbert": distilbert.FAMILY,
    "gpt2": gpt2.FAMILY,
    "gpt_neo": gpt_neo.FAMILY,
    **llama.KIN,
    "opt": opt.FAMILY,
    "t5": t5.FAMILY,
    "vision-encoder-decoder": vision_encoder_decoder.FAMILY,
    "vit": vit.FAMILY,
    "whisper": whisper.FAMILY,
    "xglm": xglm.FAMILY,
    "yolos": yolos.FAMILY,
}

__all__ = ["FAMILIES", "Config", "Family"]
