"""A recurrent translator goes all the way that a Transformer goes: saved, opened, asked in every way, looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from limelight.decode import Sample
from limelight.errors import InputError, TaskError, TraceError, WeightError
from limelight.hub import open_model, save
from limelight.hub.publishing import publish
from limelight.inputs import Batch
from limelight.look.align import unfaded
from limelight.look.states import states
from limelight.manifest import Aligner
from limelight.spec import Attention, Classes, Model, Predicted
from limelight.tasks.classify.task import Classify
from limelight.tasks.embed.task import Embed
from limelight.tasks.translate.alignments import aligned
from limelight.tasks.translate.task import Translate

LOOKS = Aligner(attention="decoder.0.cross", heads=(0,), shift=0, aer=0.5, pairs=10, measured_on="made-up")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same trained model as it is, and in whole numbers."""
    place = tmp_path_factory.mktemp("recurrent")
    pieces, model = tiny.trained(made=tiny.recurrent)
    told = tiny.manifest(pieces, model.spec, aligner=LOOKS)
    for bits in ("fp32", "int8"):
        save(place / bits, model=model, text=pieces, manifest=told, card="# tiny\n", bits=bits)
    return {bits: place / bits for bits in ("fp32", "int8")}


@pytest.fixture(scope="module")
def translate(folders: dict[str, Path]) -> Translate:
    return Translate(open_model(folders["fp32"], device="cpu", dtype="fp32"))


@pytest.mark.parametrize("bits", ["fp32", "int8"])
@pytest.mark.parametrize("how", [{"beam": 1}, {"beam": 4, "nbest": 2}], ids=str)
def test_it_says_what_it_has_learnt(folders: dict[str, Path], bits: str, how: dict[str, Any]) -> None:
    translate = Translate(open_model(folders[bits], device="cpu", dtype="fp32"))
    found = translate([source for source, _ in tiny.LEARNT], **how)
    right = sum(each.text == wanted for each, (_, wanted) in zip(found, tiny.LEARNT, strict=True))
    assert right >= 16
    assert all(len(each.nbest) == how.get("nbest", 1) for each in found)


def test_whole_numbers_are_nearly_the_same_matrices(folders: dict[str, Path]) -> None:
    whole, packed = (open_model(folders[bits], device="cpu", dtype="fp32").model.state_dict() for bits in ("fp32", "int8"))
    for name in ("decoder.cells.0.x.weight", "decoder.cells.0.h.weight", "decoder.cells.0.seen.weight", "encoder.blocks.0.back.h.weight"):
        off = (packed[name] - whole[name]).abs().amax(1) / whole[name].abs().amax(1)
        assert 0 < off.max() < 1 / 100


@pytest.mark.parametrize("how", [{"beam": 1}, {"beam": 3, "nbest": 3}], ids=str)
def test_a_batch_is_its_texts_one_by_one(translate: Translate, how: dict[str, Any]) -> None:
    sources = ["Tom sees a book.", "The little boy wants the red house.", "Mary eats."]
    for source, found in zip(sources, translate(sources, **how), strict=True):
        alone = translate(source, **how)
        assert [each.text for each in alone.nbest] == [each.text for each in found.nbest]
        assert [each.score for each in alone.nbest] == pytest.approx([each.score for each in found.nbest], abs=1e-4)


def test_a_seed_draws_the_same_translations_and_another_others(translate: Translate) -> None:
    drawn = [
        [each.text for each in translate("Mary eats the red apple.", nbest=8, sample=Sample(temperature=2.0, seed=seed)).nbest]
        for seed in (3, 3, 4)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) > 1


def test_a_stream_is_the_answer(translate: Translate) -> None:
    *pieces, result = translate.stream("Tom sees a book.")
    assert "".join(map(str, pieces)) == result.text == translate("Tom sees a book.").text


def test_words_are_aligned_and_drawn(translate: Translate, tmp_path: Path) -> None:
    found = translate("Tom sees a book.")
    assert found.alignment.source == ("Tom", "sees", "a", "book", ".")
    assert all(sum(row) <= 1 + 1e-5 for row in found.alignment.weights)
    assert max(max(row) for row in found.alignment.weights) > 0.3
    assert "decoder.0.cross, head 0" in found._repr_html_()


def test_a_bell_that_fades_does_not_send_words_nowhere(translate: Translate) -> None:
    """Rows of local-p sum to less than 1; where a word looked most is where it looked most. Others' rows stay as they are."""
    text = translate.opened.text
    source, target = text.encode("Tom sees a book."), text.encode("Tom voit un livre.")
    soft = torch.randn(1, len(target.ids), len(source.ids)).softmax(-1)
    bell = Attention(heads=1, local=Predicted(width=2))
    assert torch.allclose(unfaded(soft * 0.2, bell), soft)
    assert torch.equal(unfaded(soft * 0.2, Attention(heads=1)), soft * 0.2)
    assert (unfaded(torch.zeros_like(soft), bell) == 0).all()
    links = [aligned(w, source, target.ids, text, shift=0).links for w in (soft, unfaded(soft * 0.2, bell), soft * 0.2)]
    assert links[0] == links[1] != links[2] == ()


def test_what_it_has_not_learnt_from_is_refused_by_the_numbers_not_by_room(translate: Translate) -> None:
    assert translate.opened.manifest.spec.room is None
    with pytest.raises(InputError, match=r"a sentence has \d+ tokens .* has learnt from at most 24"):
        translate("the cat and " * 30)


def test_its_encoder_serves_and_its_decoder_refuses_in_one_line(translate: Translate) -> None:
    opened = translate.opened
    vectors = Embed(opened)(["The cat eats.", "The cat eats.", "Tom sees a book."])
    assert torch.allclose(torch.tensor(vectors[0].vector), torch.tensor(vectors[1].vector), atol=1e-6)
    assert not torch.allclose(torch.tensor(vectors[0].vector), torch.tensor(vectors[2].vector), atol=1e-2)
    with states(opened.model) as seen, torch.no_grad():
        memory = opened.model.encode(Batch(torch.tensor([[5, 6, 7]])))
    assert len(seen) == 2
    assert torch.equal(seen[-1], memory.hidden)
    with pytest.raises(TraceError, match="a recurrent decoder goes step by step through all its layers") as caught, states(
        opened.model, "decoder"
    ):
        pass
    assert caught.value.hint == 'Look at side="encoder".'


def test_its_encoder_tells_classes_apart_and_says_that_it_looks_at_nothing(tmp_path: Path) -> None:
    def reader(vocab: int) -> Model:
        encoder = tiny.recurrent(vocab).encoder
        return Model(family="recurrent", dim=32, encoder=encoder, heads=(Classes(labels=("good", "bad"), at="mean"),))

    pieces, model = tiny.untrained(made=reader)
    told = tiny.manifest(pieces, model.spec, task="classify", aligner=None, source_language=None, target_language=None)
    save(tmp_path / "m", model=model, text=pieces, manifest=told, card="")
    classify = Classify(open_model(tmp_path / "m", device="cpu", dtype="fp32"))
    found = classify(["Tom sees a book.", "Mary eats."])
    assert [each.score for each in found] == pytest.approx([classify(each).score for each in ("Tom sees a book.", "Mary eats.")], abs=1e-5)
    for way in (True, "integrated-gradients"):
        why = classify("Tom sees a book.", why=way).why
        assert [word.attention for word in why.words] == [None] * 5
        assert any(word.effect for word in why.words)
        assert (why.seen_by, why.agreement) == ("", None)
        assert not any("ttention" in line for line in (why.measured, *why.trust))
    with pytest.raises(TaskError, match="recurrent has no attention to show") as caught:
        classify("Tom sees a book.", why="rollout")
    assert "leave-one-out" in caught.value.hint


def test_no_other_library_opens_it_and_that_is_said(translate: Translate, folders: dict[str, Path], tmp_path: Path) -> None:
    opened = translate.opened
    with pytest.raises(TaskError, match="recurrent is no published kind of model") as caught:
        publish(tmp_path / "out", model=opened.model, text=opened.text, manifest=opened.manifest, tokenizer=folders["fp32"])
    assert "Kinds that are: " in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_an_aligner_that_is_not_there_is_refused(translate: Translate, tmp_path: Path) -> None:
    opened = translate.opened
    other = replace(opened.manifest, aligner=replace(LOOKS, attention="decoder.1.cross"))
    save(tmp_path, model=opened.model, text=opened.text, manifest=other, card="", bits="fp32")
    with pytest.raises(WeightError, match=r'the aligner looks at "decoder\.1\.cross"'):
        open_model(tmp_path, device="cpu")
