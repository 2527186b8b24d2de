"""The lab: what is edited changes, what is undone is as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from sheets import GRAMMAR, KINDS, SENTENCE

from limelight.explore import Explorer
from limelight.explore.explorer import Asked
from limelight.look import ablate

Explored = Callable[..., Explorer]
Open = Callable[[str], Any]


def answers(found: Explorer, of: str) -> list[Any]:
    told = []
    for each in found.scene.attentions:
        told += [found.ask({"ask": kind, "name": each.name, "of": of}) for kind in ("grid", "tile", "lines")]
        told += [found.ask({"ask": kind, "name": each.name, "query": 2, "of": of}) for kind in ("row", "arith")]
    told += [found.ask({"ask": "step", "i": 1, "of": of}), found.ask({"ask": "rollout", "place": 1, "of": of})]
    return [told, {key: value for key, value in found.ask({"ask": "scene", "of": of}).items() if key not in ("seconds", "align", "trust")}]


@pytest.mark.parametrize("name", ["en-fr", *KINDS])
def test_an_edit_that_is_undone_leaves_nothing(name: str, explored: Explored) -> None:
    found = Explorer(replace(explored(name).reading, kept={}))        # a rollout of several places at once rounds otherwise
    before = answers(found, "before")
    first = found.scene.attentions[0]
    edited = found.ask({"ask": "edit", "ablate": {first.name: [0]}, "mask": [1], "swap": {"3": "sea"}})
    assert "error" not in edited
    json.dumps(edited, allow_nan=False)
    assert answers(found, "after") != before
    assert answers(found, "before") == before
    undone = found.ask({"ask": "edit"})
    assert answers(found, "after") == before
    assert undone["change"] == 0.0
    assert undone["tokens_changed"] == []
    assert undone["before"] == undone["after"]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in found.reading.opened.model.modules())


def test_a_head_that_is_switched_off_says_nothing(opened: Open, explored: Explored) -> None:
    """The score is that of the model run with the head switched off; what the head would have given is still told."""
    found = Explorer(explored("gpt2-LMHeadModel").reading)
    heads = {"decoder.1.self": [1, 3]}
    told = found.ask({"ask": "edit", "ablate": heads})
    reading, model = found.reading, opened("gpt2-LMHeadModel").model
    ids = torch.tensor([reading.passed.ids["text"]])
    with torch.inference_mode(), ablate(model, heads):
        logits = model.logits(model.decode(ids)).log_softmax(-1)[0]
    wanted = sum(float(logits[step.at, step.id]) for step in reading.steps)
    assert told["score_of_before"] == pytest.approx(wanted, abs=1e-4)
    assert told["change"] == pytest.approx(wanted - told["before"]["logp"], abs=1e-6)
    assert told["change"] != 0
    after = {each["name"]: each for each in told["scene"]["attentions"]}
    assert after["decoder.1.self"]["note"] == "heads switched off: 1, 3"
    arith = found.ask({"ask": "arith", "name": "decoder.1.self", "head": 3, "query": 4, "of": "after"})
    assert (arith["silent"], arith["check"] < 1e-5) == (True, True)
    assert found.ask({"ask": "arith", "name": "decoder.1.self", "head": 0, "query": 4, "of": "after"})["silent"] is False


def test_words_are_swapped_and_left_out(enfr: Explorer, explored: Explored) -> None:
    found = Explorer(enfr.reading)
    told = found.ask({"ask": "edit", "swap": {"10": "wide", "1": "very old dog"}, "mask": [9]})
    text = told["scene"]["tracks"]["source"]["text"]
    assert text == SENTENCE.replace("animal", "very old dog").replace("tired", "wide")
    assert "too" not in [token["text"] for token in told["scene"]["tracks"]["source"]["tokens"]]
    alone = Explorer.of(enfr.reading.opened, SENTENCE.replace("tired", "wide")).scene
    swapped = found.ask({"ask": "edit", "swap": {"10": "wide"}})
    assert swapped["after"]["text"] == alone.tracks["target"].text
    assert swapped["tokens_changed"][-1] < len(alone.steps)
    assert swapped["scene"]["steps"][0]["p"] == pytest.approx(alone.steps[0].p, abs=1e-6)
    masked = Explorer(explored("distilbert-ForSequenceClassification").reading).ask({"ask": "edit", "mask": [2]})
    pieces = [token["text"] for token in masked["scene"]["tracks"]["text"]["tokens"]]
    assert pieces[1:5] == ["the", "animal", "[MASK]", "not"]
    assert masked["after"]["candidates"][0][1] == masked["scene"]["choice"]["p"]


def test_a_mark_that_is_put_in_is_no_mark(explored: Explored) -> None:
    found = Explorer(explored("bert-ForMaskedLM").reading)
    told = found.ask({"ask": "edit", "swap": {"1": "[SEP]"}})
    assert sum(token["special"] for token in told["scene"]["tracks"]["text"]["tokens"]) == 3      # [CLS], the mask, the last [SEP]


def test_a_given_answer_stays(opened: Open) -> None:
    found = Explorer.of(opened("en-fr"), "The black cat.", Asked(to="Le chat noir."))
    told = found.ask({"ask": "edit", "swap": {"1": "white"}})
    assert told["after"]["text"] == told["before"]["text"] == "Le chat noir."
    assert told["change"] < 0
    assert told["score_of_before"] == pytest.approx(told["after"]["logp"], abs=1e-5)


def test_nothing_is_edited_by_what_cannot_be(enfr: Explorer) -> None:
    found = Explorer(enfr.reading)
    found.ask({"ask": "edit", "mask": [1]})
    before = found.ask({"ask": "scene", "of": "after"})
    assert "error" in found.ask({"ask": "edit", "mask": [99]})
    assert found.ask({"ask": "scene", "of": "after"}) == before


def test_evidence_is_of_the_whole_model(explored: Explored) -> None:
    found = Explorer(explored("distilbert-ForSequenceClassification", GRAMMAR).reading)
    found.ask({"ask": "edit", "ablate": {"encoder.0.self": [0]}})
    assert "heads are switched off" in found.ask({"ask": "evidence", "of": "after"})["error"]
