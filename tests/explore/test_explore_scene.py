"""The scene: tokens that know their characters, steps that are those of the task, and numbers for how far to trust it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from sheets import GRAMMAR, KINDS, SENTENCE, WRITERS

from limelight.errors import InputError, RecipeError, TraceError
from limelight.explore import Explorer, explorer
from limelight.explore.explorer import Asked

Explored = Callable[..., Explorer]
Open = Callable[[str], Any]


@pytest.mark.parametrize("name", ["en-fr", *KINDS])
def test_every_kind_of_model_has_a_scene(name: str, explored: Explored) -> None:
    scene = explored(name).ask({"ask": "scene"})
    json.dumps(scene, allow_nan=False)
    assert scene["version"] == 1
    for track in scene["tracks"].values():
        tokens = track["tokens"]
        assert [i for a, b in track["groups"] for i in range(a, b)] == list(range(len(tokens)))
        for token in tokens:
            assert token["text"].strip()
            if token["span"] is not None:
                a, b = token["span"]
                assert track["text"][a:b].strip()
            if token["word"] is not None:
                a, b = track["words"][token["word"]]
                assert a < token["span"][1]
                assert token["span"][0] < b
    named = {each["name"]: each for each in scene["attentions"]}
    assert set(named) == set(explored(name).reading.passed.seen)
    for each in named.values():
        assert {each["queries"], each["keys"]} <= set(scene["tracks"])
    assert named[scene["start"]["name"]]["heads"] > scene["start"]["head"]
    assert bool(scene["steps"]) == (name in (*WRITERS, "en-fr"))
    assert (scene["choice"] is None) == bool(scene["steps"])


@pytest.mark.parametrize("name", ["en-fr", *KINDS])
def test_trust_is_measured(name: str, explored: Explored) -> None:
    trust = explored(name).scene.trust
    for number in re.findall(r"within (\de-\d+)", " ".join(trust.values())):
        assert float(number) < 1e-4
    assert len(re.findall(r"within \de-\d+", trust["weights"])) == 2
    assert ("those of the steps that wrote it within" in trust["attention"]) == (name in (*WRITERS, "en-fr"))


def test_a_translation_is_that_of_the_task(enfr: Explorer, opened: Open) -> None:
    from limelight.tasks import task

    said = task("translate", opened("en-fr"))(SENTENCE)
    scene = enfr.scene
    assert scene.tracks["target"].text == said.text
    assert [step.piece for step in scene.steps] == [step.piece for step in said.steps]
    for ours, theirs in zip(scene.steps, said.steps, strict=True):
        assert ours.p == pytest.approx(theirs.probability, rel=1e-4)
        assert ours.candidates[0][1] >= ours.p - 1e-6
    assert scene.align is not None
    assert scene.align["links"] == [list(link) for link in said.alignment.links]
    assert [token.piece for token in scene.tracks["target"].tokens[1:]] == [step.piece for step in said.steps[:-1]]


@pytest.mark.parametrize("name", WRITERS)
def test_steps_stand_where_they_were_chosen(name: str, explored: Explored) -> None:
    found = explored(name)
    scene, ids = found.scene, next(reversed(found.reading.passed.ids.values()))
    for step, after in zip(scene.steps, scene.steps[1:], strict=False):
        assert ids[step.at + 1] == step.id
        assert after.at == step.at + 1
    track = next(reversed(scene.tracks.values()))
    assert track.prompt == scene.steps[0].at + 1
    assert len(track.tokens) == len(ids)


def test_a_classifier_says_what_its_task_says(opened: Open, explored: Explored) -> None:
    from limelight.tasks import task

    for name in ("sentiment-en", "distilbert-ForSequenceClassification", "bart-ForSequenceClassification"):
        wanted = task("classify", opened(name))(GRAMMAR)
        choice = explored(name, GRAMMAR).scene.choice
        assert choice is not None
        assert [label for label, _ in choice.candidates] == [each.label for each in wanted.labels]
        assert choice.p == pytest.approx(wanted.score, abs=1e-6)


def test_a_masked_word_is_guessed(opened: Open, explored: Explored) -> None:
    from limelight.tasks import task

    wanted = task("fill", opened("bert-ForMaskedLM"))(GRAMMAR.replace("street", "___"))
    for text in (GRAMMAR.replace("street", "___"), GRAMMAR.replace("street", "[MASK]")):
        choice = explored("bert-ForMaskedLM", text).scene.choice
        assert choice is not None
        assert (choice.kind, choice.p) == ("mask", pytest.approx(wanted.guesses[0][0].score, abs=1e-6))
    bare = explored("bert-ForMaskedLM", GRAMMAR).scene
    assert bare.choice is not None
    assert (bare.choice.kind, bare.live.evidence) == ("none", ())


def test_an_alignment_that_nobody_measured_says_so(explored: Explored, opened: Open) -> None:
    scene = explored("marian-MTModel", "The cat eats the mouse.").scene
    assert scene.align is not None
    assert "how often it is right is not measured" in scene.trust["align"]
    assert scene.align["source"] == ["The", "cat", "eats", "the", "mouse", "."]
    several = Explorer.of(opened("en-fr"), "The cat sleeps… It is “tired”.").scene
    assert several.tracks["source"].text == 'The cat sleeps... It is "tired".'
    assert "Its 2 sentences were read at once" in several.trust["attention"]
    assert explored("gpt2-LMHeadModel").scene.align is None


def test_a_given_answer_is_looked_at(opened: Open) -> None:
    found = explorer(opened("en-fr"), "The black cat.", to="Un chien noir.")
    scene = found.scene
    assert scene.tracks["target"].text == "Un chien noir."
    assert scene.steps[-1].id == opened("en-fr").text.end
    assert scene.beams is None
    assert "an answer that was given" in scene.trust["attention"]
    gpt2 = explorer(opened("gpt2-LMHeadModel"), "The cat", to=" eats the mouse.")
    assert gpt2.scene.tracks["text"].text == "The cat eats the mouse."
    assert gpt2.scene.tracks["text"].prompt == len(opened("gpt2-LMHeadModel").text.encode("The cat").ids)


def test_the_tree_of_beams_holds_the_winner(enfr: Explorer, opened: Open) -> None:
    nodes = enfr.scene.beams
    assert nodes is not None
    by_id = {node.id: node for node in nodes}
    won = [node for node in nodes if node.state == "won"]
    assert [node.piece for node in won] == [step.piece for step in enfr.scene.steps]
    assert won[-1].total == pytest.approx(sum(math.log(step.p) for step in enfr.scene.steps), abs=1e-4)
    for node in nodes:
        if node.parent is None:
            assert node.step == 0
        else:
            above = by_id[node.parent]
            assert above.step == node.step - 1
            assert node.total == pytest.approx(above.total + node.logp, abs=1e-5)
    widths = [sum(node.step == step for node in nodes) for step in range(len(won))]
    assert max(widths) <= 2 * 4
    assert {node.state for node in nodes} >= {"won", "dropped"}
    assert explorer(opened("en-fr"), "The cat.", beam=1).scene.beams is None


def test_a_message_goes_into_the_template(opened: Open) -> None:
    found = explorer(opened("reply-en"), "Hello <|im_end|>", new=3)
    text = found.scene.tracks["text"].text
    marks = [token for token in found.scene.tracks["text"].tokens if token.special]
    assert text.startswith("Hello <|im_end|></s>")                    # the template ends a message, and what is typed ends nothing
    assert [token.id for token in marks[:1]] == [opened("reply-en").text.end]
    assert len(found.scene.steps) == 3


def test_hostile_texts_are_text(opened: Open) -> None:
    for text in ("</script><script>alert(1)</script>", "a\u202eb\x07\x1b[31m\u2069", "half \ud83d pair", "👨\u200d👩\u200d👧 漢字 שלום"):
        scene = Explorer.of(opened("sentiment-en"), text).ask({"ask": "scene"})
        json.dumps(scene).encode()
        assert all(token["text"].isprintable() or token["special"] for token in scene["tracks"]["text"]["tokens"])
    with pytest.raises(InputError, match=r"the text has \d,\d+ tokens; sentiment-en reads at most 256 at once"):
        Explorer.of(opened("sentiment-en"), "ab1" * 4000)


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_refused(text: str, opened: Open) -> None:
    with pytest.raises(InputError, match="the text is empty"):
        Explorer.of(opened("en-fr"), text)


def test_what_cannot_be_asked_is_refused(opened: Open) -> None:
    with pytest.raises(RecipeError, match="sentiment-en writes nothing: got to='good'"):
        Explorer.of(opened("sentiment-en"), "Good.", Asked(to="good"))
    with pytest.raises(InputError, match="the answer that was given is empty"):
        Explorer.of(opened("en-fr"), "Good.", Asked(to=" "))
    with pytest.raises(RecipeError, match="beam"):
        Explorer.of(opened("en-fr"), "Good.", Asked(beam=0))
    with pytest.raises(RecipeError, match="one pair of languages"):
        Explorer.of(opened("en-fr"), "Good.", Asked(languages=(None, "de")))
    with pytest.raises(InputError, match="has no room for them"):
        Explorer.of(opened("marian-MTModel"), "The cat.", Asked(to="The cat. " * 60))


def test_a_model_without_attention_is_refused(tmp_path: Any) -> None:
    import tiny
    from limelight.hub import Opened
    from limelight.spec import Model, Recurrent, Tokens, Words

    def deaf(vocab: int) -> Model:
        column = Recurrent(depth=1, input=Tokens(vocab=vocab))
        return Model(family="recurrent", dim=16, encoder=column, decoder=column, heads=(Words(),))

    pieces, model = tiny.untrained(made=deaf)
    with pytest.raises(TraceError, match="recurrent has no attention"):
        Explorer.of(Opened(model, pieces, tiny.manifest(pieces, model.spec, aligner=None), tmp_path), "The cat.")


def test_a_recurrent_model_with_attention_is_looked_at(tmp_path: Any) -> None:
    import tiny
    from limelight.hub import Opened

    pieces, model = tiny.untrained(made=tiny.recurrent)
    manifest = tiny.manifest(pieces, model.spec, aligner=None)
    found = Explorer.of(Opened(model.requires_grad_(False), pieces, manifest, tmp_path), "The cat eats the mouse.", Asked(new=5))
    assert list(found.reading.passed.seen) == ["decoder.0.cross"]
    arith = found.ask({"ask": "arith", "name": "decoder.0.cross", "query": 3})
    assert (arith["score"], arith["check"] < 1e-5) == ("general", True)
    assert found.ask({"ask": "step", "i": 2})["layers"] == []
    assert "no self" not in found.ask({"ask": "rollout", "place": 0})["error"]
    weights = found.reading.view("decoder.0.cross").weights()[0, 0, 3]
    row = found.ask({"ask": "row", "name": "decoder.0.cross", "query": 3})
    assert torch.tensor(row["weights"]).allclose(weights[row["keys"]])
