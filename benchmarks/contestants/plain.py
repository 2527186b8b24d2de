"""GPT-2 and DistilBERT written out in plain torch, with transformers' weights: what is exported for ONNX Runtime and OpenVINO.

transformers' own modules choose masks and kernels while they run, which an exporter cannot follow at every length; these compute the same.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Writer(nn.Module):
    """GPT-2 with its past: (b n) ids and two tensors a layer (b h past d) -> the last place's logits (b v) and the tensors grown by n."""

    def __init__(self, model: Any):
        super().__init__()
        self.inner, self.heads = model.transformer, model.config.n_head

    def forward(self, ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """One step, of one token or of a prompt."""
        before, n = past[0].shape[2], ids.shape[1]
        at = torch.arange(before, before + n)
        hidden = self.inner.wte(ids) + self.inner.wpe(at)
        seen = torch.arange(before + n)[None, :] <= at[:, None]
        bias = torch.where(seen, 0.0, torch.finfo(torch.float32).min)
        grown: list[Tensor] = []
        for layer, block in enumerate(self.inner.h):
            found, k, v = self._attend(block.attn, block.ln_1(hidden), past[2 * layer], past[2 * layer + 1], bias)
            hidden = hidden + found
            hidden = hidden + _times(F.gelu(_times(block.ln_2(hidden), block.mlp.c_fc), approximate="tanh"), block.mlp.c_proj)
            grown += [k, v]
        return F.linear(self.inner.ln_f(hidden[:, -1]), self.inner.wte.weight), *grown

    def _attend(self, attn: Any, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in _times(x, attn.c_attn).chunk(3, -1))
        k, v = torch.cat((keys, k), 2), torch.cat((values, v), 2)
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5 + bias).softmax(-1)
        return _times((weights @ v).transpose(1, 2).flatten(2), attn.c_proj), k, v


class Viewer(nn.Module):
    """ViT with its head: pictures (b 3 h w) -> logits of the classes (b c)."""

    def __init__(self, model: Any):
        super().__init__()
        self.inner, self.heads, self.last = model.vit, model.config.num_attention_heads, model.classifier

    def forward(self, pictures: Tensor) -> Tensor:
        """One batch."""
        table = self.inner.embeddings
        squares = table.patch_embeddings.projection(pictures).flatten(2).transpose(1, 2)
        hidden = torch.cat((table.cls_token.expand(squares.shape[0], -1, -1), squares), 1) + table.position_embeddings
        for block in self.inner.layers:
            hidden = hidden + self._attend(block.attention, block.layernorm_before(hidden))
            inner = block.layernorm_after(hidden)
            hidden = hidden + block.mlp.fc2(F.gelu(block.mlp.fc1(inner)))
        return self.last(self.inner.layernorm(hidden)[:, 0])

    def _attend(self, attn: Any, x: Tensor) -> Tensor:
        q, k, v = (each(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in (attn.q_proj, attn.k_proj, attn.v_proj))
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(-1)
        return attn.o_proj((weights @ v).transpose(1, 2).flatten(2))


class Reader(nn.Module):
    """DistilBERT with its head: ids and which of them are real (b n) -> logits of the classes (b c)."""

    def __init__(self, model: Any):
        super().__init__()
        self.inner, self.heads = model.distilbert, model.config.n_heads
        self.before, self.last = model.pre_classifier, model.classifier

    def forward(self, ids: Tensor, keep: Tensor) -> Tensor:
        """One batch."""
        table = self.inner.embeddings
        hidden = table.LayerNorm(table.word_embeddings(ids) + table.position_embeddings(torch.arange(ids.shape[1])))
        bias = torch.where(keep[:, None, None].bool(), 0.0, torch.finfo(torch.float32).min)
        for block in self.inner.transformer.layer:
            hidden = block.sa_layer_norm(self._attend(block.attention, hidden, bias) + hidden)
            hidden = block.output_layer_norm(block.ffn.lin2(F.gelu(block.ffn.lin1(hidden))) + hidden)
        return self.last(F.relu(self.before(hidden[:, 0])))

    def _attend(self, attn: Any, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (attn.q_lin, attn.k_lin, attn.v_lin))
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5 + bias).softmax(-1)
        return attn.out_lin((weights @ v).transpose(1, 2).flatten(2))


def _times(x: Tensor, map: Any) -> Tensor:
    """GPT-2 keeps its matrices as (in, out)."""
    return x @ map.weight + map.bias
