"""DETR (Carion et al. 2020): a residual network's features, an encoder over them, and a decoder whose empty slots look for an object each.

Published files name the residual network's tensors in two ways, transformers' own and timm's; both are read, and the first is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from ..errors import WeightError, did_you_mean
from ..spec import Attention, Features, FeedForward, Grid, Labels, Learned, Model, Norm, Pictures, Slots, Stack
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .heads import architecture, finders, found_in, labelled

USUAL = Pictures(shorter=800, longest=1333, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
BASIC, BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
NAMED: dict[str, Features] = {                                       # by timm's names (He et al. 2016, table 1)
    "resnet18": Features(widths=BASIC, depths=(2, 2, 2, 2), block="basic"),
    "resnet34": Features(widths=BASIC, depths=(3, 4, 6, 3), block="basic"),
    "resnet50": Features(widths=BOTTLENECK, depths=(3, 4, 6, 3)),
    "resnet101": Features(widths=BOTTLENECK, depths=(3, 4, 23, 3)),
    "resnet152": Features(widths=BOTTLENECK, depths=(3, 8, 36, 3)),
}  # fmt: skip


def spec(c: Config) -> Model:
    """See Family."""
    c.only(position_embedding_type="sine")
    dim, act, drop = c.count("d_model", 256), c.activation("activation_function", "relu"), c.number("dropout", 0.1)

    def side(name: Literal["encoder", "decoder"], **more: Any) -> Stack:
        attention = Attention(heads=c.count(f"{name}_attention_heads", 8), dropout=c.number("attention_dropout", 0.0))
        inner = c.number("activation_dropout", 0.0)
        return Stack(
            depth=c.layers(f"{name}_layers", 6),
            attention=attention,
            ff=FeedForward(hidden=c.count(f"{name}_ffn_dim", 2048), activation=act, dropout=inner),
            norm=Norm(eps=1e-5),
            norm_at="post",
            norm_output=name == "decoder",
            again=True,
            dropout=drop,
            cross=attention if name == "decoder" else None,
            **more,
        )

    slots = c.count("num_queries", 100)
    encoder = side("encoder", input=_features(c), position=Grid())
    decoder = side("decoder", input=Slots(count=slots), position=Learned(length=slots))
    return Model(family="detr", dim=dim, encoder=encoder, decoder=decoder, heads=finders(c, depth=1))


def _features(c: Config) -> Features:
    """The residual network that the config tells of, or names."""
    told, channels = c.part("backbone_config"), c.count("num_channels", 3)
    if told is None or told.word("model_type", "resnet") == "timm_backbone":
        name = (told or c).word("backbone", "resnet50")
        known = NAMED.get(name.split(".")[0])
        if known is None:
            raise WeightError(f"{c.where}: no backbone {name[:60]!r} here.", did_you_mean(name[:60], NAMED))
        return Features(widths=known.widths, depths=known.depths, block=known.block, channels=channels, dilated=c.flag("dilation", False))
    told.only(model_type="resnet", hidden_act="relu", downsample_in_bottleneck=False, downsample_in_first_stage=False)
    c.only(dilation=False)
    usual = NAMED["resnet50"]
    made = Features(
        channels=told.count("num_channels", channels),
        stem=told.count("embedding_size", usual.stem),
        widths=told.counts("hidden_sizes", usual.widths),
        depths=told.counts("depths", usual.depths),
        block="basic" if told.word("layer_type", "bottleneck") == "basic" else "bottleneck",
    )
    last = f"stage{len(made.depths)}"
    if (stages := told.texts("out_features")) is not None and stages[-1:] != [last]:
        raise told.wrong("out_features", stages, f"those up to the last, {last}")
    return made


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    (s, _), (t, learnt) = column(m.encoder, Grid), column(m.decoder, Learned)
    sides = {"encoder": s, "decoder": t}
    return {
        **architecture("Detr", m.heads),
        **labelled(m.heads),
        **_backbone(s.input),
        **{f"{name}_layers": each.depth for name, each in sides.items()},
        **{f"{name}_attention_heads": each.attention.heads for name, each in sides.items()},
        **{f"{name}_ffn_dim": each.ff.hidden for name, each in sides.items()},
        "d_model": m.dim,
        "num_queries": learnt.length,
        "activation_function": PUBLISHED[s.ff.activation],
        "activation_dropout": s.ff.dropout,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
        "position_embedding_type": "sine",
        "is_encoder_decoder": True,
    }


def _backbone(s: object) -> dict[str, Any]:
    """Its keys: a dilated one can only be named, for other libraries have it from timm alone."""
    if not isinstance(s, Features):
        raise TypeError("a DETR reads the features of a residual network")
    if s.dilated:
        name = next(name for name, known in NAMED.items() if (known.widths, known.depths) == (s.widths, s.depths))
        return {"use_timm_backbone": True, "backbone": name, "backbone_config": None, "dilation": True, "num_channels": s.channels}
    told = {
        "model_type": "resnet",
        "num_channels": s.channels,
        "embedding_size": s.stem,
        "hidden_sizes": list(s.widths),
        "depths": list(s.depths),
        "layer_type": s.block,
        "hidden_act": "relu",
        "out_features": [f"stage{len(s.depths)}"],
    }
    return {"use_timm_backbone": False, "backbone_config": told, "num_channels": s.channels}


def names(m: Model) -> list[Row]:
    """See Family."""
    shape = m.encoder.input if isinstance(m.encoder, Stack) else None
    widths = shape if isinstance(shape, Features) else Features()
    return [
        *(_timm(widths) if widths.dilated else _own(widths)),
        *(_own(widths) if widths.dilated else _timm(widths)),
        row("model.input_projection.*", "encoder.embed.features.map.*"),
        row("model.query_position_embeddings.weight", "decoder.embed.position.weight"),
        *(each for side in ("encoder", "decoder") for each in _layers(side)),
        row("model.decoder.layernorm.*", "decoder.norm.*"),
        *found_in(depth=next((head.depth for head in m.heads if isinstance(head, Labels)), 1)),
    ]


def _layers(side: str) -> Iterator[Row]:
    theirs, ours = f"model.{side}.layers.{{i}}", f"{side}.blocks.{{i}}"
    kinds = {"self_attn": "attn"} | ({"encoder_attn": "cross"} if side == "decoder" else {})
    for a, b in kinds.items():
        yield from rows(theirs, ours, {f"{a}.{name}_proj": f"{b}.{name[0]}" for name in ("q", "k", "v", "out")})
        yield row(f"{theirs}.{a}_layer_norm.*", f"{ours}.{b}_add.norm.*")
    yield from rows(theirs, ours, {"fc1": "ff.up", "fc2": "ff.down", "final_layer_norm": "ff_add.norm"})


def _own(s: Features) -> Iterator[Row]:
    """As transformers' residual network calls its tensors."""
    theirs, ours = "model.backbone.conv_encoder.model", "encoder.embed.features"
    yield from _filter(f"{theirs}.embedder.embedder.convolution", f"{theirs}.embedder.embedder.normalization", f"{ours}.stem")
    for stage in range(len(s.depths)):
        block, at = f"{theirs}.encoder.stages.{stage}.layers.{{i}}", f"{ours}.stages.{stage}.{{i}}"
        for i in range(3 if s.block == "bottleneck" else 2):
            yield from _filter(f"{block}.layer.{i}.convolution", f"{block}.layer.{i}.normalization", f"{at}.steps.{i}")
        yield from _filter(f"{block}.shortcut.convolution", f"{block}.shortcut.normalization", f"{at}.skip")


def _timm(s: Features) -> Iterator[Row]:
    """As timm's does."""
    theirs, ours = "model.backbone.conv_encoder.model", "encoder.embed.features"
    yield from _filter(f"{theirs}.conv1", f"{theirs}.bn1", f"{ours}.stem")
    for stage in range(len(s.depths)):
        block, at = f"{theirs}.layer{stage + 1}.{{i}}", f"{ours}.stages.{stage}.{{i}}"
        for i in range(3 if s.block == "bottleneck" else 2):
            yield from _filter(f"{block}.conv{i + 1}", f"{block}.bn{i + 1}", f"{at}.steps.{i}")
        yield from _filter(f"{block}.downsample.0", f"{block}.downsample.1", f"{at}.skip")


def _filter(convolution: str, norm: str, ours: str) -> Iterator[Row]:
    yield row(f"{convolution}.weight", f"{ours}.map.weight")
    yield row(f"{norm}.*", f"{ours}.norm.*")
    yield row(f"{norm}.running_mean", f"{ours}.norm.mean")
    yield row(f"{norm}.running_var", f"{ours}.norm.var")
    yield row(f"{norm}.num_batches_tracked")


FAMILY = Family(spec, config, names, prefix="model.", pictures=USUAL, processor="DetrImageProcessor")
