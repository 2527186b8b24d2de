"""Long texts: what is asked is looked at in strips, and no map of queries x keys is ever made."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from limelight.explore import Explorer
from limelight.explore.explorer import Asked

TOKENS = 2048
NAME = "decoder.1.self"


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, list | tuple) else [made]:
            if isinstance(each, Tensor):
                self.most = max(self.most, each.untyped_storage().nbytes() // each.element_size())
        return made


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """Four heads in two layers over 2,048 tokens."""
    import tiny
    from limelight.hub import Opened
    from limelight.nn import Network
    from limelight.spec import decoder_only

    torch.manual_seed(0)
    text = tiny.text()
    spec = decoder_only(vocab=len(text), dim=32, heads=4, depth=2, hidden=32, length=TOKENS + 8)
    manifest = tiny.manifest(text, spec, aligner=None, task="generate", source_language=None, target_language=None)
    manifest = replace(manifest, generation=replace(manifest.generation, max_source=TOKENS + 8, beam=1))
    sentences = " ".join(f"{s} {v} {o}." for s in tiny.SUBJECTS for v in tiny.VERBS for o in tiny.OBJECTS)
    given = text.decode(text.encode(" ".join([sentences] * 2), marks=False).ids[: TOKENS - 16])
    model = Network(spec).eval().requires_grad_(False)
    folder = tmp_path_factory.mktemp("long")
    return Explorer.of(Opened(model, text, manifest, folder), given, Asked(to=" The cat sees the mouse."))


QUERIES = [
    {"ask": "grid", "name": NAME},
    {"ask": "tile", "name": NAME, "head": 1},
    {"ask": "tile", "name": NAME, "head": "mean", "sink": False},
    {"ask": "tile", "name": NAME, "head": 2, "words": True, "size": 64},
    {"ask": "row", "name": NAME, "head": "mean", "query": 2000},
    {"ask": "row", "name": NAME, "head": 0, "query": 900, "words": True},
    {"ask": "column", "name": NAME, "head": "mean", "key": 3},
    {"ask": "lines", "name": NAME, "head": 3, "floor": 0.02},
    {"ask": "arith", "name": NAME, "head": 3, "query": 2000},
    {"ask": "step", "i": 0},
    {"ask": "rollout", "place": 2010},
    {"ask": "scene"},
]


@pytest.mark.parametrize("query", QUERIES, ids=[f"{i}-{query['ask']}" for i, query in enumerate(QUERIES)])
def test_no_map_is_made(query: dict[str, Any], long: Explorer) -> None:
    fresh = Explorer(replace(long.reading, kept={}))
    with Largest() as seen:
        answer = fresh.ask(query)
    assert "error" not in answer
    json.dumps(answer, allow_nan=False)
    assert 0 < seen.most <= 1 << 20                                   # a strip; one head's map has four times as many


def test_a_tile_of_a_long_map_is_that_of_the_map(long: Explorer) -> None:
    import base64

    weights = long.reading.view(NAME).weights(heads=[1])[0, 0]
    tile = long.ask({"ask": "tile", "name": NAME, "head": 1, "size": 100, "rows": [37, 1900], "columns": [11, 1205]})
    wanted = torch.nn.functional.adaptive_max_pool2d(weights[None, 37:1900, 11:1205], (100, 100))[0]
    found = torch.tensor(list(base64.b64decode(tile["data"]))).reshape(100, 100)
    assert torch.equal(found, (wanted / wanted.max() * 255).round().long())
    assert (tile["every"], tile["max"]) == (1, pytest.approx(float(wanted.max())))


def test_of_what_would_take_long_some_rows_are_looked_at(long: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller budget, the answers are those of every n-th row, and say so."""
    monkeypatch.setattr("limelight.explore.strips.LOOKED", 1 << 20)
    monkeypatch.setattr(sys.modules["limelight.explore.answers.grid"], "MOST", 1 << 20)
    fresh, weights = Explorer(replace(long.reading, kept={})), long.reading.view(NAME).weights(heads=[0])[0, 0]
    step = -(-len(weights) ** 2 // (1 << 20))
    some = weights[::step]
    column = fresh.ask({"ask": "column", "name": NAME, "key": 5, "top": 3})
    assert (column["every"], step > 1) == (step, True)
    assert column["mean"] == pytest.approx(float(some[:, 5].mean()), abs=1e-7)
    assert [float(weights[i, 5]) for i in column["queries"]] == pytest.approx(column["weights"], abs=1e-7)
    linked = fresh.ask({"ask": "lines", "name": NAME, "floor": 0.001, "most": 5, "rows": [7, 2000]})
    for i, j, weight in linked["links"]:
        assert (i - 7) % linked["every"] == 0
        assert float(weights[i, j]) == pytest.approx(weight, abs=1e-7)
    told = fresh.ask({"ask": "grid", "name": NAME})
    assert told["every"] > step
    assert told["heads"][0]["first"] == pytest.approx(float(weights[:: told["every"], 0].mean()), abs=1e-6)
    assert told["heads"][0]["max"] == pytest.approx(float(weights[:: told["every"]].max()), abs=1e-6)
