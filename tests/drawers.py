"""Tiny random models that draw, of both kinds: one as min-dalle stores it, one of ours that reads its text ahead of its codes."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import tiny
from limelight.codecs import build
from limelight.families import FAMILIES, Config
from limelight.families.dalle_mini import OURS, codec_names
from limelight.hub import save, save_codec
from limelight.manifest import Card, Drawing, Generation, Manifest
from limelight.nn import Network
from limelight.spec import DiscreteVAE, Quantised, drawing_decoder
from limelight.values import plain
from limelight.weights import to_theirs

LONGEST = 15                                             # tokens of a text, with what stands around it
DECODER = Quantised(
    count=20, rows=8, columns=12, width=4, stages=(1, 2), blocks=1, dim=5, groups=2, eps=1e-5, signed=False, reads=False
)
BOTH_WAYS = DiscreteVAE(count=20, rows=8, columns=12, width=4, stages=(1, 2, 2), blocks=1, narrow=4)


def of_kind(kind: str, at: Path) -> Path:
    """A folder of one."""
    torch.manual_seed(4)
    return _published(at) if kind == "reads" else _ours(at)


def _published(at: Path) -> Path:
    text = tiny.text()
    config = {
        "model_type": "dallebart", "d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_vocab_size": len(text), "image_vocab_size": DECODER.count,
        "max_text_length": LONGEST, "image_length": DECODER.slots, OURS: plain(DECODER),
    }  # fmt: skip
    family = FAMILIES["dallebart"]
    theirs = to_theirs(family.names(spec := family.spec(Config(config))), _shaken(Network(spec)))
    for side in ("encoder", "decoder"):
        torch.save({name.removeprefix(f"{side}."): t for name, t in theirs.items() if name.startswith(side)}, at / f"{side}.pt")
    torch.save(to_theirs(codec_names(DECODER), _shaken(build(DECODER))), at / "detoker.pt")
    (at / "config.json").write_text(json.dumps(config))
    (at / "tokenizer.json").write_text(text.to_json())
    return at


def _ours(at: Path) -> Path:
    text, codec = tiny.text(), build(BOTH_WAYS)
    spec = drawing_decoder(words=len(text), text=LONGEST + 1, codec=BOTH_WAYS, dim=16, heads=2, depth=3)
    model = Network(spec)
    model.load_state_dict(_shaken(model))
    codec.load_state_dict(_shaken(codec))
    made = Manifest(
        name="alone",
        task="draw",
        spec=spec,
        generation=Generation(pad=text.pad, start=text.start, end=(text.end,)),
        drawing=Drawing.behind(words=len(text), text=LONGEST + 1, codec=BOTH_WAYS),
        card=Card(summary="", license="", attribution="", recipe="", trained=""),
    )
    save(at, model=model, text=text, manifest=made, card="", bits="fp32")
    save_codec(at, codec)
    return at


def _shaken(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: each + torch.randn_like(each) * 0.3 for name, each in module.state_dict().items()}
