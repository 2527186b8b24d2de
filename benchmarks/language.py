"""Training a language model: target tokens a second of `limelight.train.fit` beside a plain PyTorch module and transformers' GPT-2.

All three are GPT-2's function at one size, over the same batches, without dropout, with AdamW in its fused form, clipping, and matrix
products in bfloat16 where the processor has it; the peers once as they are and once compiled, their loss with them. The vocabulary is
large beside the layers: the output layer and its loss are two thirds of the products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limelight.inputs import Batch
from limelight.inputs.pairs import Pairs
from limelight.measure import Turn, alternate, ratios
from limelight.nn import Network
from limelight.spec import Attention, FeedForward, Learned, Model, Stack, Tokens, Words
from limelight.train import Plan, next_token
from limelight.train.losses import shifted
from limelight.train.precision import settle

from .loops import by_fit, by_hand
from .machine import installed

LIMELIGHT = "limelight"
START = 1


@dataclass(frozen=True)
class Size:
    """GPT-2's form, and a batch for it."""

    vocab: int
    dim: int
    heads: int
    depth: int
    block: int
    batch: int

    def spec(self) -> Model:
        """As Limelight describes it."""
        decoder = Stack(
            depth=self.depth,
            attention=Attention(heads=self.heads),
            ff=FeedForward(hidden=4 * self.dim, activation="gelu_tanh"),
            input=Tokens(vocab=self.vocab),
            position=Learned(length=self.block),
            causal=True,
        )
        return Model(family="gpt2", dim=self.dim, decoder=decoder, heads=(Words(),))


@dataclass(frozen=True)
class Setting:
    """How much to run; `backend`: torch.compile's."""

    size: Size
    steps: int
    rounds: int
    backend: str


FULL = Setting(Size(vocab=50_304, dim=384, heads=6, depth=6, block=256, batch=12), steps=2, rounds=7, backend="inductor")
SMOKE = Setting(Size(vocab=300, dim=32, heads=2, depth=2, block=16, batch=2), steps=1, rounds=2, backend="eager")


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants, in turns -> the JSON of this benchmark, less the machine."""
    s = SMOKE if smoke else FULL
    warm = 1 if smoke else 2
    pairs = _pairs(s.size, s.steps * (s.rounds + warm))
    contestants, parameters = _contestants(s, pairs)
    samples = alternate(contestants, rounds=s.rounds, warm=warm)
    versus = {name: ratios(samples[LIMELIGHT], theirs) for name, theirs in samples.items() if name != LIMELIGHT}
    best = max(versus, key=lambda name: samples[name].plain("")["median"])
    return {
        "what": "training a language model, target tokens a second, in turns on the same batches",
        "setting": {
            "parameters": parameters,
            "layers": s.size.depth,
            "width": s.size.dim,
            "vocab": s.size.vocab,
            "block": s.size.block,
            "batch": s.size.batch,
            "steps_a_turn": s.steps,
            "precision": settle("auto", torch.device("cpu")),
        },
        "results": {name: each.plain("target tokens/s") for name, each in samples.items()},
        "limelight_by": versus,
        "limelight_by_the_best_peer": {"peer": best, **versus[best]},
    }


def _pairs(size: Size, count: int) -> list[Pairs]:
    """Rows of random tokens."""
    random = torch.Generator().manual_seed(0)
    return [Pairs(None, Batch(torch.randint(size.vocab, (size.batch, size.block), generator=random))) for _ in range(count)]


def _contestants(s: Setting, pairs: list[Pairs]) -> tuple[dict[str, Turn], dict[str, int]]:
    torch.manual_seed(0)
    ours = Network(s.size.spec())
    turns = {LIMELIGHT: by_fit(ours, next_token(Plan(steps=1), start=START), pairs, s.steps)}
    models: dict[str, nn.Module] = {LIMELIGHT: ours}
    makers: dict[str, Callable[[Size], nn.Module]] = {"PyTorch": Plain}
    if installed("transformers"):
        makers["transformers"] = _theirs
    for name, make in makers.items():
        for form, backend in ((name, None), (f"{name}, compiled", s.backend)):
            models[form] = make(s.size).train()
            turns[form] = by_hand(models[form], _loss(models[form], backend), pairs, s.steps)
    return turns, {name: sum(w.numel() for w in model.parameters()) for name, model in models.items()}


def _loss(model: nn.Module, backend: str | None) -> Callable[[Pairs], Tensor]:
    """The mean cross-entropy of what a model says."""

    def said(before: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(model(before).flatten(0, 1), targets.flatten())

    form = said if backend is None else torch.compile(said, backend=backend)
    return lambda p: form(shifted(p.target.values, START), p.target.values)


class Plain(nn.Module):
    """A language model as one writes it with torch's own layers and fused attention."""

    def __init__(self, size: Size):
        super().__init__()
        torch.manual_seed(0)
        self.token, self.place = nn.Embedding(size.vocab, size.dim), nn.Embedding(size.block, size.dim)
        self.layers = nn.ModuleList(PlainLayer(size) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.dim)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Ids (b n) -> logits (b n v)."""
        x = self.token(tokens) + self.place.weight[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.norm(x), self.token.weight)


class PlainLayer(nn.Module):
    """Attention and feed-forward, pre-norm."""

    def __init__(self, size: Size):
        super().__init__()
        self.heads = size.heads
        self.norm, self.qkv, self.out = nn.LayerNorm(size.dim), nn.Linear(size.dim, 3 * size.dim), nn.Linear(size.dim, size.dim)
        self.ff_norm, self.up, self.down = nn.LayerNorm(size.dim), nn.Linear(size.dim, 4 * size.dim), nn.Linear(4 * size.dim, size.dim)

    def forward(self, x: Tensor) -> Tensor:
        """(b n m) -> (b n m)."""
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm(x)).chunk(3, 2))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.ff_norm(x)), approximate="tanh"))


def _theirs(size: Size) -> nn.Module:
    """transformers' GPT-2, from ids to logits."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=size.vocab,
        n_positions=size.block,
        n_embd=size.dim,
        n_layer=size.depth,
        n_head=size.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    return Logits(GPT2LMHeadModel(config))


class Logits(nn.Module):
    """A model of transformers, without what it wraps its logits in."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Ids (b n) -> logits (b n v)."""
        return self.model(tokens).logits
