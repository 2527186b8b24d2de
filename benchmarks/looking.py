"""Seeing all heads of a model of GPT-2's size: summaries, single rows and pages, beside transformers' `output_attentions=True` and BertViz.

Random weights, float32, one text, no vocabulary product. What keeps every map whole (output_attentions, and BertViz, which is fed with it)
runs where the maps are at most 3 GB, and its need is reckoned beyond.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limelight.explore.explorer import Explorer
from limelight.explore.static import page
from limelight.explore.subject import Asked
from limelight.hub import Opened, open_model
from limelight.look import summaries, trace
from limelight.measure import METHOD, Turn, alternate, rounded, spread

from .apart import apart, extra_mib
from .families import suite
from .machine import installed

ROOM = 3 << 30                                       # bytes of maps that are kept whole
EAGER, VIZ = "transformers: output_attentions", "BertViz: model view"
WORD = " the dog sees a bird"


@dataclass(frozen=True)
class Setting:
    """`lengths`: of the text; `paged`: those of which a page is made; `pictured`: those that BertViz draws."""

    layers: int
    heads: int
    dim: int
    lengths: tuple[int, ...]
    paged: tuple[int, ...]
    pictured: tuple[int, ...]
    rounds: int


FULL = Setting(12, 12, 768, lengths=(128, 512, 2048, 8192), paged=(128, 512), pictured=(128,), rounds=3)
SMOKE = Setting(2, 4, 32, lengths=(16,), paged=(16,), pictured=(16,), rounds=2)


@dataclass
class Models:
    """A published folder with random weights, opened here and by transformers."""

    s: Setting
    folder: Path

    @cached_property
    def ours(self) -> Opened:
        """Opened here."""
        if not (self.folder / "config.json").exists():
            published = suite()[0]
            made = published.ALL["gpt2-LMHeadModel"]
            sizes = {"n_embd": self.s.dim, "n_layer": self.s.layers, "n_head": self.s.heads, "n_positions": max(self.s.lengths)}
            published.ALL["gpt2-looked-at"] = replace(made, keys=tuple({**dict(made.keys), **sizes, "n_inner": 4 * self.s.dim}.items()))
            published.published("gpt2-looked-at", self.folder)
        return open_model(self.folder, device="cpu", dtype="fp32")

    @cached_property
    def theirs(self) -> Any:
        """transformers as it comes."""
        return self._theirs("sdpa")

    @cached_property
    def eager(self) -> Any:
        """transformers as it must be to give attentions."""
        return self._theirs("eager")

    def _theirs(self, attention: str) -> Any:
        kind = import_module("transformers").GPT2LMHeadModel
        return kind.from_pretrained(self.ours.folder, attn_implementation=attention).eval().transformer

    def text(self, n: int) -> str:
        """A text of about n tokens, and no more than the model reads."""
        ids = self.ours.text.encode(WORD * n).ids[: n - 1]
        return self.ours.text.decode(ids)

    def tokens(self, n: int) -> Tensor:
        """(1 n)."""
        return torch.randint(3, len(self.ours.text), (1, n), generator=torch.Generator().manual_seed(n))


Case = Callable[[Models, int], object]


def _plain(m: Models, n: int) -> object:
    return m.ours.model.decode(m.tokens(n))


def _summed(m: Models, n: int) -> object:
    with summaries(m.ours.model) as seen:
        m.ours.model.decode(m.tokens(n))
    return [seen[name] for name in seen]


def _page(m: Models, n: int) -> object:
    return page(Explorer.of(m.ours, m.text(n), Asked(new=1)))


def _transformers(m: Models, n: int) -> object:
    return m.theirs(input_ids=m.tokens(n), use_cache=False).last_hidden_state


def _output_attentions(m: Models, n: int) -> Any:
    return m.eager(input_ids=m.tokens(n), use_cache=False, output_attentions=True)


def _bertviz(m: Models, n: int) -> object:
    found = _output_attentions(m, n)
    pieces = m.ours.text.pieces(m.tokens(n)[0].tolist())
    return import_module("bertviz").model_view(found.attentions, pieces, html_action="return").data


OURS: dict[str, Case] = {"limelight": _plain, "limelight: summaries of all maps": _summed, "limelight: page": _page}
THEIRS: dict[str, Case] = {"transformers": _transformers, EAGER: _output_attentions, VIZ: _bertviz}
CASES = OURS | THEIRS


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All cases at all lengths -> the JSON of this benchmark, less the machine."""
    s = SMOKE if smoke else FULL
    with tempfile.TemporaryDirectory() as folder:
        models = Models(s, Path(folder))
        return {
            "what": "seeing all heads of a decoder-only model, batch 1, n tokens",
            "setting": {"layers": s.layers, "heads": s.heads, "width": s.dim, "memory_by": METHOD},
            "lengths": [_length(s, models, n) for n in s.lengths],
        }


def _length(s: Setting, models: Models, n: int) -> dict[str, Any]:
    names, maps = _cases(s, n), 4 * s.layers * s.heads * n * n
    samples = alternate({name: _turn(CASES[name], models, n) for name in names}, rounds=s.rounds)
    plain = samples["limelight"].seconds
    found = {
        name: {
            "unit": "s",
            **spread(each.seconds),
            "samples": rounded(each.seconds),
            "peak_extra_mib": rounded(apart(peak_mib, name, s, models.folder, n)),
            **({"bytes": len(str(_made(name, models, n)).encode())} if name in ("limelight: page", VIZ) else {}),
        }
        for name, each in samples.items()
    }
    ratio = [a / b for a, b in zip(samples["limelight: summaries of all maps"].seconds, plain, strict=True)]
    summed = {**spread(ratio), "samples": rounded(ratio)}
    return {"n": n, "bytes_of_all_maps": maps, "results": found, "summaries_by_plain": summed, "row": _row(s, models, n)}


def _cases(s: Setting, n: int) -> list[str]:
    fits = 4 * s.layers * s.heads * n * n <= ROOM
    left = {"limelight: page": n in s.paged, EAGER: fits, VIZ: fits and n in s.pictured and installed("bertviz")}
    return [name for name in CASES if left.get(name, True) and (name in OURS or installed("transformers"))]


@torch.no_grad()
def _made(name: str, models: Models, n: int) -> object:
    return CASES[name](models, n)


def _turn(case: Case, models: Models, n: int) -> Turn:
    @torch.no_grad()
    def turn(_: int) -> float:
        return float(case(models, n) is not None)

    return turn


@torch.no_grad()
def _row(s: Setting, models: Models, n: int) -> dict[str, Any]:
    """Seconds for the last row of one head after another, in every layer, of a text that was traced."""
    model = models.ours.model
    with trace(model, budget="64GB") as seen:
        model.decode(models.tokens(n))
    views = [(seen[name], head) for name in seen for head in range(0, s.heads, 5)]

    def turn(number: int) -> float:
        view, head = views[number]
        return float(view.weights(heads=[head], queries=slice(n - 1, n)).sum() > 0)

    found = alternate({"row": turn}, rounds=len(views) - 1)["row"].seconds
    return {"unit": "s", **spread(found), "rows": len(found)}


@torch.no_grad()
def peak_mib(name: str, s: Setting, folder: Path, n: int) -> float:
    """The most memory that a case takes."""
    return extra_mib(partial(CASES[name], Models(s, folder)), n)
