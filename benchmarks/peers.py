"""The peers: a plain torch.nn.Transformer, transformers' Marian, and CTranslate2, each of the same size as ours."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limelight.nn import Network
from limelight.ops import sinusoid
from limelight.spec import Model, Sinusoid, Words

from .sizes import END, PAD, Size


class PlainTransformer(nn.Module):
    """What torch gives: nn.Transformer between a table of embeddings and the same table again. Pre-norm, as ours trains."""

    def __init__(self, size: Size, dropout: float, length: int = 512):
        super().__init__()
        self.table = nn.Embedding(size.vocab, size.dim)
        nn.init.normal_(self.table.weight, std=size.dim**-0.5)
        self.waves: Tensor
        self.register_buffer("waves", sinusoid(length, size.dim), persistent=False)
        self.core = nn.Transformer(
            size.dim, size.heads, size.encoder, size.decoder, size.hidden, dropout, batch_first=True, norm_first=True
        )
        self.scale, self.dropout = math.sqrt(size.dim), nn.Dropout(dropout)
        for module in self.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0                                # ours and Marian's leave attention weights whole

    def forward(self, source: Tensor, source_keep: Tensor | None, target: Tensor) -> Tensor:
        """Ids (b n), (b m) -> logits (b m v)."""
        hidden_keys = None if source_keep is None else ~source_keep
        causal = nn.Transformer.generate_square_subsequent_mask(target.shape[1], dtype=torch.bool)
        out = self.core(
            self._embedded(source),
            self._embedded(target),
            tgt_mask=causal,
            tgt_is_causal=True,
            src_key_padding_mask=hidden_keys,
            memory_key_padding_mask=hidden_keys,
        )
        return F.linear(out, self.table.weight)

    def _embedded(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.table(tokens) * self.scale + self.waves[: tokens.shape[1]])


def marian(size: Size, *, dropout: float = 0.0, length: int = 512, attention: str = "sdpa") -> Any:
    """transformers' Marian with random weights. Its padding is the last token, as in published Marian models."""
    from transformers import MarianConfig, MarianMTModel, set_seed

    set_seed(0)
    last = size.vocab - 1
    config = MarianConfig(
        vocab_size=size.vocab,
        decoder_vocab_size=size.vocab,
        d_model=size.dim,
        encoder_layers=size.encoder,
        decoder_layers=size.decoder,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        encoder_ffn_dim=size.hidden,
        decoder_ffn_dim=size.hidden,
        activation_function="relu",
        scale_embedding=True,
        dropout=dropout,
        activation_dropout=dropout,
        attention_dropout=0.0,
        max_position_embeddings=length,
        init_std=size.dim**-0.5,                                    # random answers with some life in them, not one token for ever
        pad_token_id=last,
        decoder_start_token_id=last,
        eos_token_id=END,
        forced_eos_token_id=None,
        attn_implementation=attention,   # pyright: ignore[reportCallIssue]
    )
    return MarianMTModel(config).eval()


def as_marian(size: Size, *, length: int = 512) -> Model:
    """The spec of that Marian, in our words."""
    spec = size.spec(post=True, length=length)
    waves = Sinusoid(length=length, halves=True)
    return replace(
        spec,
        encoder=replace(spec.encoder, position=waves),   # pyright: ignore[reportArgumentType]
        decoder=replace(spec.decoder, position=waves),   # pyright: ignore[reportArgumentType]
        heads=(Words(bias=True),),
    )


NAMES = (
    (r"^model\.shared\.weight$", "encoder.embed.token.weight"),
    (r"^final_logits_bias$", "heads.lm.bias"),
    (r"^model\.(encoder|decoder)\.layers\.(\d+)\.", r"\1.blocks.\2."),
    (r"self_attn_layer_norm", "attn_add.norm"),
    (r"encoder_attn_layer_norm", "cross_add.norm"),
    (r"final_layer_norm", "ff_add.norm"),
    (r"self_attn\.(\w)\w*_proj", r"attn.\1"),
    (r"encoder_attn\.(\w)\w*_proj", r"cross.\1"),
    (r"fc1", "ff.up"),
    (r"fc2", "ff.down"),
)


def limelight_of(model: nn.Module, size: Size, *, length: int = 512) -> Network:
    """Our model with that Marian's weights: the same function."""
    ours = Network(as_marian(size, length=length)).eval()
    wanted = ours.state_dict()
    found: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        for pattern, ours_name in NAMES:
            name = re.sub(pattern, ours_name, name)
        if name in wanted:                                          # the table has three names there, and waves need no loading
            found[name] = weight.reshape(wanted[name].shape)
    ours.load_state_dict(found)
    return ours


def ctranslate(size: Size, folder: Path, compute: str) -> Any:
    """CTranslate2 with the weights of `marian(size)`, converted by its own converter; ids are written "t17"."""
    import ctranslate2
    from ctranslate2.converters.transformers import MarianMTLoader

    spec: Any = MarianMTLoader().get_model_spec(marian(size))            # one of its own: the converter changes the model it reads
    tokens = ["</s>" if i == END else "<unk>" if i == PAD else f"t{i}" for i in range(size.vocab - 1)]
    spec.config.eos_token = spec.config.decoder_start_token = "</s>"
    spec.config.unk_token = "<unk>"
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization=None if compute == "float32" else compute)
    where = folder / compute
    where.mkdir(parents=True, exist_ok=True)
    spec.save(str(where))
    threads = torch.get_num_threads()
    return ctranslate2.Translator(str(where), device="cpu", compute_type=compute, inter_threads=1, intra_threads=threads)
