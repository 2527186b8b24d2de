"""Answers beside plain recomputations, and what is said of questions that have none."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sheets import KINDS
from torch import Tensor

from limelight.explore import Explorer
from limelight.explore.answers.grid import read_by
from limelight.look import rollout, value_norms

Explored = Callable[..., Explorer]


def whole(found: Explorer, name: str, head: int | str = 0) -> Tensor:
    weights = found.reading.view(name).weights()[0]
    return weights.mean(0) if head == "mean" else weights[int(head)]


def by_words(found: Explorer, name: str, weights: Tensor) -> Tensor:
    """Means over a word's queries, sums over its keys, written out."""
    attended = next(each for each in found.scene.attentions if each.name == name)
    queries, keys = (found.scene.tracks[side].groups for side in (attended.queries, attended.keys))
    return torch.stack([torch.stack([weights[a:b, c:d].sum(1).mean() for c, d in keys]) for a, b in queries])


def unpacked(tile: dict[str, Any]) -> Tensor:
    data = torch.tensor(list(base64.b64decode(tile["data"])), dtype=torch.float32)
    return data.reshape(tile["height"], tile["width"]) / 255 * tile["max"]


def names(found: Explorer) -> list[str]:
    return [each.name for each in found.scene.attentions]


@pytest.mark.parametrize("model", ["en-fr", *KINDS])
@pytest.mark.parametrize("head", [1, "mean"])
@pytest.mark.parametrize("words", [False, True])
def test_rows_columns_lines_and_tiles_are_of_the_map(model: str, head: int | str, words: bool, explored: Explored) -> None:
    found = explored(model)
    for name in names(found):
        weights = whole(found, name, head)
        weights = by_words(found, name, weights) if words else weights
        about = {"name": name, "head": head, "words": words}
        at = len(weights) - 1
        row = found.ask({"ask": "row", "query": at, "top": 3, **about})
        best = weights[at].sort(descending=True)
        assert torch.tensor(row["weights"]).allclose(best.values[:3], atol=1e-6)
        assert weights[at][row["keys"]].allclose(best.values[:3], atol=1e-6)
        assert row["kept"] + row["rest"] == pytest.approx(float(weights[at].sum()), abs=1e-6)
        assert row["first"] == pytest.approx(float(weights[at, 0]), abs=1e-6)
        column = found.ask({"ask": "column", "key": 1, "top": 4, **about})
        assert torch.tensor(column["weights"]).allclose(weights[:, 1].sort(descending=True).values[:4], atol=1e-6)
        assert column["mean"] == pytest.approx(float(weights[:, 1].mean()), abs=1e-6)
        lines = found.ask({"ask": "lines", "floor": 0.1, "most": 7, **about})
        links = sorted(((float(w), i, j) for i, row in enumerate(weights) for j, w in enumerate(row) if w >= 0.1), reverse=True)[:7]
        assert [w for _, _, w in lines["links"]] == pytest.approx([w for w, _, _ in links], abs=1e-6)
        for i, j, w in lines["links"]:
            assert float(weights[i, j]) == pytest.approx(w, abs=1e-6)
        assert lines["kept"] == pytest.approx(sum(w for w, _, _ in links) / float(weights.sum()), abs=1e-5)
        tile = found.ask({"ask": "tile", "size": 5, "rows": [1, len(weights)], **about})
        wanted = F.adaptive_max_pool2d(weights[None, 1:], (tile["height"], tile["width"]))[0]
        assert unpacked(tile).allclose(wanted, atol=tile["max"] / 500 + 1e-6)


def test_a_sink_is_set_aside(explored: Explored) -> None:
    found = explored("gpt2-LMHeadModel")
    weights = whole(found, "decoder.0.self", 2)
    tile = found.ask({"ask": "tile", "name": "decoder.0.self", "head": 2, "sink": False})
    assert tile["aside"] == pytest.approx(float(weights[:, 0].mean()), abs=1e-6)
    assert unpacked(tile).allclose(weights.index_fill(1, torch.tensor([0]), 0.0), atol=tile["max"] / 500)
    both = explored("en-fr").ask({"ask": "tile", "name": "decoder.1.cross", "sink": False})       # a source has no sink of its own
    assert "aside" not in both


@pytest.mark.parametrize("model", ["en-fr", "gpt2-LMHeadModel", "bert-ForMaskedLM", "t5-ForConditionalGeneration"])
def test_a_grid_sums_up_each_head(model: str, explored: Explored) -> None:
    from limelight.explore.answers.grid import read_by
    from limelight.look.habits import habits

    found = explored(model)
    for name in names(found):
        grid = found.ask({"ask": "grid", "name": name})
        view = found.reading.view(name)
        weights, crossing = view.weights()[0], view.looks[0].crossing
        assert grid["every"] == 1
        away = (torch.arange(weights.shape[1])[:, None] - torch.arange(weights.shape[2])).abs()
        seen = (weights > 0).any(0).sum(-1)
        labels = [None] * len(weights) if crossing else [each.best for each in habits(view, read_by(found.reading, name))]
        for head, mine, label in zip(grid["heads"], weights, labels, strict=True):
            assert head["max"] == pytest.approx(float(mine.max()), abs=1e-6)
            assert head["first"] == pytest.approx(float(mine[:, 0].mean()), abs=1e-6)
            assert head["entropy"] == pytest.approx(float(torch.special.entr(mine).sum(-1).mean()), abs=1e-5)
            assert head["even"] == pytest.approx(float(seen.double().log().mean()), abs=1e-5)
            assert head["distance"] == (None if crossing else pytest.approx(float((mine * away).sum(-1).mean()), abs=1e-4))
            thumb = torch.tensor(list(base64.b64decode(head["thumb"]))).reshape(head["height"], head["width"])
            size = min(24, mine.shape[0]), min(24, mine.shape[1])
            assert torch.equal(thumb, (F.adaptive_max_pool2d(mine[None], size)[0] / mine.max() * 255).round().long())
            if label is not None:
                assert head["label"] == {"name": label.name, "share": label.share, "chance": label.chance}
            elif not crossing:
                assert head["label"] is None


def test_heads_that_align_say_so(enfr: Explorer) -> None:
    aligner = enfr.reading.opened.manifest.aligner
    heads = enfr.ask({"ask": "grid", "name": aligner.attention})["heads"]
    assert [i for i, head in enumerate(heads) if head["label"]] == sorted(aligner.heads)
    assert heads[aligner.heads[0]]["label"]["share"] == pytest.approx(1 - aligner.aer)


@pytest.mark.parametrize("model", ["en-fr", *KINDS])
def test_arithmetic_adds_up(model: str, explored: Explored) -> None:
    found = explored(model)
    for name in names(found):
        view = found.reading.view(name)
        queries, keys = view.shape()[2:]
        query, head = queries // 2, view.heads - 1
        told = found.ask({"ask": "arith", "name": name, "head": head, "query": query, "keys": list(range(keys))})
        weights, values = view.weights()[0, head, query], view.values()[0, head]
        assert told["check"] < 1e-5
        assert [key["weight"] for key in told["keys"]] == pytest.approx(weights.tolist(), abs=1e-6)
        assert told["others"] == {"count": 0, "weight": 0.0}
        assert told["output"]["norm"] == pytest.approx(float((weights @ values).norm()), abs=1e-5)
        norms = value_norms(found.reading.opened.model, view)[0, head]
        for key in told["keys"]:
            assert key["brings"] == pytest.approx(float(weights[key["key"]] * norms[key["key"]]), abs=1e-5)
            if not key["allowed"]:
                assert (key["score"], key["weight"]) == (None, 0.0)
            else:
                assert key["score"] == pytest.approx(key["dot"] * told["scale"] + key["bias"], abs=1e-4)
                assert math.exp(key["score"] - told["logsum"]) == pytest.approx(key["weight"], abs=1e-5)


def test_the_best_keys_are_told_where_none_are_named(enfr: Explorer) -> None:
    told = enfr.ask({"ask": "arith", "name": "encoder.1.self", "head": 0, "query": 4})
    weights = whole(enfr, "encoder.1.self")[4]
    assert [key["key"] for key in told["keys"]] == weights.topk(6).indices.tolist()
    assert told["others"]["count"] == len(weights) - 6
    assert told["others"]["weight"] == pytest.approx(1 - float(weights.topk(6).values.sum()), abs=1e-6)


@pytest.mark.parametrize("model", ["en-fr", "gpt2-LMHeadModel", "opt_350m-ForCausalLM", "t5-ForConditionalGeneration"])
def test_a_step_ends_in_what_was_chosen(model: str, explored: Explored) -> None:
    found = explored(model)
    last = len(found.scene.steps) - 1
    for i in (0, last):
        step, wanted = found.ask({"ask": "step", "i": i}), found.scene.steps[i]
        assert (step["at"], step["choice"], step["p"]) == (wanted.at, wanted.piece, wanted.p)
        assert [[piece, p] for piece, _, p in step["logits"][:5]] == [list(each) for each in wanted.candidates]
        top = step["layers"][-1]
        assert [each[0] for each in top["lens"]] == [each[0] for each in step["logits"][:3]]
        assert [each[1] for each in top["lens"]] == pytest.approx([each[2] for each in step["logits"][:3]], rel=1e-4)
        assert {part["name"] for part in top["parts"]} >= {"self", "feed-forward"}
    assert all(layer["lens"] is None for layer in found.ask({"ask": "step", "i": 0, "lens": False})["layers"])


def test_residuals_and_positions_are_the_models_own(explored: Explored) -> None:
    """GPT-2: token + position is the input; what a layer's parts add is the difference of its states."""
    found = explored("gpt2-LMHeadModel")
    model, at = found.reading.opened.model, found.scene.steps[2].at
    step = found.ask({"ask": "step", "i": 2})
    table, places = model.decoder.embed.token.weight, model.decoder.embed.position.weight
    ids = found.reading.passed.ids["text"]
    assert step["embedding"]["numbers"] == pytest.approx(table[ids[at]][:8].tolist())
    assert step["position"] == {"kind": "learned", "numbers": pytest.approx(places[at][:8].tolist())}
    assert step["input"]["numbers"] == pytest.approx((table[ids[at]] + places[at])[:8].tolist(), abs=1e-6)
    assert explored("llama-ForCausalLM").ask({"ask": "step", "i": 0})["position"] == {"kind": "rotary", "numbers": None}
    assert explored("t5-ForConditionalGeneration").ask({"ask": "step", "i": 0})["position"]["kind"] == "relative"


def test_a_place_of_a_classifier_tells_its_classes(explored: Explored) -> None:
    found = explored("distilbert-ForSequenceClassification")
    step = found.ask({"ask": "step", "i": 3})
    choice = found.scene.choice
    assert choice is not None
    assert (step["at"], step["choice"], step["p"]) == (3, choice.label, choice.p)
    assert [(label, p) for label, _, p in step["logits"]] == list(choice.candidates)
    assert step["layers"][0]["lens"] is None


def test_rollout_is_that_of_look(enfr: Explorer, explored: Explored) -> None:
    for found, side in ((enfr, "encoder"), (enfr, "decoder"), (explored("bert-Model"), "encoder")):
        told = found.ask({"ask": "rollout", "side": side, "place": 3})
        assert told["shares"] == pytest.approx(rollout(found.reading.passed.seen, places=[3], side=side)[0, 0].tolist())
        assert told["kept"] == pytest.approx(1.0, abs=1e-5)
    part = rollout(enfr.reading.passed.seen, places=[3], side="encoder", most=2)
    assert 0.4 < float(part.sum()) < 1
    assert bool((part <= rollout(enfr.reading.passed.seen, places=[3], side="encoder") + 1e-6).all())


BAD = [
    ({}, '"ask" is None'),
    ({"ask": "rows"}, "\"ask\" is 'rows'"),
    ({"ask": "row"}, '"name" is the name of an attention'),
    ({"ask": "row", "name": "decoder.9.cross", "query": 0}, 'nothing named "decoder.9.cross"'),
    ({"ask": "row", "name": "encoder.0.self", "query": 99}, "there are 14 queries, 0 to 13; got 99"),
    ({"ask": "row", "name": "encoder.0.self", "query": True}, "got True"),
    ({"ask": "row", "name": "encoder.0.self", "query": 0, "head": 4}, "has 4 heads, 0 to 3 and mean"),
    ({"ask": "row", "name": "encoder.0.self", "query": 0, "top": 0}, '"top" is a number from 1'),
    ({"ask": "row", "name": "encoder.0.self", "query": 0, "words": 1}, '"words" is true or false'),
    ({"ask": "row", "name": "encoder.0.self", "quary": 0}, 'a question "row" has no "quary"'),
    ({"ask": "row", "name": "encoder.0.self", "query": 0, "of": "after"}, "nothing was edited yet"),
    ({"ask": "row", "name": "encoder.0.self", "query": 0, "of": "now"}, "\"of\" is 'now'"),
    ({"ask": "column", "name": "encoder.0.self", "key": -1}, "got -1"),
    ({"ask": "tile", "name": "encoder.0.self", "rows": [4, 2]}, '"rows" is [from, to) within 14 rows'),
    ({"ask": "tile", "name": "encoder.0.self", "columns": "all"}, '"columns" is [from, to)'),
    ({"ask": "tile", "name": "encoder.0.self", "size": 10**9}, '"size" is a number from 1 to 1024'),
    ({"ask": "lines", "name": "encoder.0.self", "floor": 2}, '"floor" is a share from 0 to 1'),
    ({"ask": "arith", "name": "encoder.0.self", "query": 0, "head": "mean"}, "has 4 heads, 0 to 3;"),
    ({"ask": "arith", "name": "encoder.0.self", "query": 0, "keys": 3}, '"keys" is a list of numbers'),
    ({"ask": "step", "i": 99}, "steps, 0 to"),
    ({"ask": "rollout", "side": "left", "place": 0}, "\"side\" is 'left'"),
    ({"ask": "evidence", "method": "guess"}, "\"method\" is 'guess'"),
    ({"ask": "edit", "ablate": {"encoder.9.self": [0]}}, 'nothing named "encoder.9.self"'),
    ({"ask": "edit", "ablate": {"encoder.0.self": [7]}}, "encoder.0.self has 4 heads, 0 to 3: got 7"),
    ({"ask": "edit", "ablate": [1]}, '"ablate" has lists of heads by name'),
    ({"ask": "edit", "mask": [40]}, "there are 12 words"),
    ({"ask": "edit", "swap": {"x": "wide"}}, "there are 12 words, 0 to 11; got 'x'"),
    ({"ask": "edit", "swap": {"1": " "}}, "is not blank"),
    ({"ask": "edit", "swap": {"1": "dog"}, "mask": [1]}, "word 1 is masked and swapped"),
    ({"ask": "edit", "mask": list(range(12))}, "nothing is left to read"),
    ([1, 2], "a question is a table with ask"),
]


@pytest.mark.parametrize(("query", "said"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_bad_question_is_told_what_is_known(query: Any, said: str, enfr: Explorer) -> None:
    answer = Explorer(enfr.reading).ask(query)
    assert set(answer) == {"error", "hint"}
    assert said in answer["error"]
    assert "\n" not in json.dumps(answer)


def test_evidence_is_told_in_words(explored: Explored) -> None:
    found = explored("sentiment-en", "The camera is amazing, but the battery drains fast.")
    methods = found.scene.live.evidence
    assert "leave-one-out" in methods
    for method in methods:
        told = found.ask({"ask": "evidence", "method": method})
        assert told["method"] == method
        assert " ".join(word["text"] for word in told["words"]) == "The camera is amazing , but the battery drains fast ."
        json.dumps(told, allow_nan=False)
    assert "nothing is said here" in explored("bert-Model").ask({"ask": "evidence"})["error"]


def test_the_rarest_piece_is_the_last_of_the_vocabulary_and_no_mark(enfr: Explorer) -> None:
    read, text = read_by(enfr.reading, "encoder.0.self"), enfr.reading.opened.text
    pieces = [token for token in read.tokens[0].tolist() if token not in text.mark_names.values()]
    assert read.counts is not None
    assert int(read.tokens[0][read.counts[read.tokens[0]].argmin()]) == max(pieces)
    assert len(pieces) < read.tokens.shape[1]
