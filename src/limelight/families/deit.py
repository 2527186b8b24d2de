"""DeiT (Touvron et al. 2021): ViT with a second learnt vector, which learns from a teacher; where both have a classifier, scores are
averaged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Classes, Model, Pictures
from ..weights.names import Row, row
from . import vit
from .config import Config
from .family import Family

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
USUAL = Pictures(size=(256, 256), crop=(224, 224), filter="bicubic", mean=MEAN, std=STD)
TAUGHT = "ForImageClassificationWithTeacher"


def spec(c: Config) -> Model:
    """See Family."""
    classes = Classes(labels=c.classes, several=c.several, quantity=c.quantity, places=2 if c.ends(TAUGHT) else 1)
    heads = (classes,) if c.ends(TAUGHT) else c.head(classes=classes)
    return Model(family="deit", dim=c.count("hidden_size", 768), encoder=vit.seeing(c, before=2), heads=heads)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    taught = any(isinstance(head, Classes) and head.places > 1 for head in m.heads)
    found = {**vit.config(m), "architectures": ["DeiTModel"]}
    if m.heads:
        found["architectures"] = ["DeiT" + (TAUGHT if taught else "ForImageClassification")]
    return found


def names(m: Model) -> list[Row]:
    """See Family."""
    return [
        row("deit.embeddings.distillation_token", "encoder.embed.patches.before.1", flat=2),
        *(replace(each, theirs=each.theirs.replace("vit.", "deit.", 1)) for each in vit.names(m)),
        row("cls_classifier.*", "heads.classes.outs.0.*"),
        row("distillation_classifier.*", "heads.classes.outs.1.*"),
    ]


FAMILY = Family(spec, config, names, prefix="deit.", pictures=USUAL, processor="DeiTImageProcessor")
