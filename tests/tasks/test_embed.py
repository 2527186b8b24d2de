"""embed: the numbers of transformers' own pipeline, pooled as sentence-transformers does, and what a folder says of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import limelight
import wordy
from limelight.errors import InputError, RecipeError, TaskError, WeightError
from limelight.tasks.embed.embedding import Embedding, similarities
from limelight.tasks.embed.task import Embed

TEXTS = ["the dog was tired .", "paris", "the horse did not cross the river because the river was too wide .", "the cat ."]
Both = Callable[[str], tuple[Any, Embed]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The body of transformers' model and our task over one random model of a kind."""
    held: dict[str, tuple[Any, Embed]] = {}

    def make(kind: str) -> tuple[Any, Embed]:
        if kind not in held:
            folder = tmp_path_factory.mktemp("embed") / kind
            wordy.made(kind, folder)
            held[kind] = wordy.hf.AutoModel.from_pretrained(folder).eval(), limelight.task("embed", folder, device="cpu", dtype="fp32")
        return held[kind]

    return make


@pytest.fixture
def embed(both: Both) -> Embed:
    """A random BERT."""
    return both("bert")[1]


def states(theirs: Any, ids: tuple[int, ...]) -> np.ndarray:
    """The last hidden states of one text: the encoder's, where there is one."""
    body = theirs.get_encoder() if theirs.config.is_encoder_decoder else theirs
    with torch.no_grad():
        return body(torch.tensor([ids])).last_hidden_state[0].numpy()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "gpt2", "llama"])
def test_token_vectors_are_those_of_the_feature_extraction_pipeline(kind: str, both: Both) -> None:
    theirs, ours = both(kind)
    pipe = wordy.hf.pipeline("feature-extraction", model=theirs, tokenizer=wordy.tokens(kind), device="cpu")
    for text in TEXTS:
        found = ours(text, tokens=True).to_json()
        wanted = pipe(text)
        assert np.shape(found["features"]) == np.shape(wanted)
        assert np.allclose(found["features"], wanted, atol=1e-5)
        assert len(found["pieces"]) == len(wanted[0])
        assert next(iter(found)) == "features"


@pytest.mark.parametrize("pool", ["mean", "first", "last"])
@pytest.mark.parametrize("kind", ["bert", "bart", "gpt2"])
def test_one_vector_a_text_in_a_batch_with_padding(kind: str, pool: str, both: Both) -> None:
    theirs, ours = both(kind)
    for text, found in zip(TEXTS, ours(TEXTS, pool=pool, normalised=False), strict=True):
        rows = states(theirs, ours.opened.text.encode(text).ids)
        wanted = {"mean": rows.mean(0), "first": rows[0], "last": rows[-1]}[pool]
        assert np.allclose(found.vector, wanted, atol=1e-5)
        assert found.norm == pytest.approx(float(np.linalg.norm(wanted)), rel=1e-5)
        assert (found.pool, found.normalised, found.source) == (pool, False, text)


def test_vectors_have_length_one_unless_they_are_wanted_raw(embed: Embed) -> None:
    unit, raw = embed(TEXTS[0]), embed(TEXTS[0], normalised=False)
    assert np.linalg.norm(unit.vector) == pytest.approx(1, abs=1e-6)
    assert np.allclose(unit.vector * unit.norm, raw.vector, atol=1e-5)
    assert unit.norm == raw.norm
    assert unit.vector.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        unit.vector[0] = 1


def test_a_batch_says_what_single_texts_say(embed: Embed) -> None:
    for tokens in (False, True):
        for text, found in zip(TEXTS, embed(TEXTS, batch=3, tokens=tokens), strict=True):
            assert np.allclose(found.vector, embed(text).vector, atol=1e-6)


def test_in_half_precision_much_the_same_is_said(embed: Embed) -> None:
    half = limelight.task("embed", embed.opened.folder, device="cpu", dtype="bf16")
    for text in TEXTS:
        found = half(text)
        assert found.vector.dtype == np.float32
        assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
        assert found.similarity(embed(text)) > 0.999
    assert embed([]) == []


def test_a_long_text_is_the_mean_of_its_windows_by_their_tokens(both: Both) -> None:
    theirs, ours = both("bert")
    long = " ".join(["the dog did not cross the road ."] * 9)
    found = ours(long, normalised=False)
    ids = ours.opened.text.encode(long).ids
    pieces = [ids[1 + first : 1 + first + 38] for first in range(0, len(ids) - 2, 38)]      # each word is a token, so windows share none
    pieces = [piece[: len(ids) - 2 - 38 * n] for n, piece in enumerate(pieces)]
    rows = [states(theirs, (2, *piece, 3)) for piece in pieces]
    assert found.windows == len(rows) == 2
    assert np.allclose(found.vector, np.concatenate(rows).mean(0), atol=1e-5)
    assert found.cost.source_tokens == len(ids) + 2
    with pytest.raises(InputError, match="a text has 74 tokens; bert reads 40 at once"):
        ours(long, tokens=True)


SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "mean": ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, {"pool": "mean", "normalised": False}),
    "cls": ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, {"pool": "first", "normalised": False}),
    "lasttoken": ({"pooling_mode_lasttoken": True}, {"pool": "last", "normalised": False}),
    "new": ({"pooling_mode": "cls"}, {"pool": "first", "normalised": False}),
}


def says(folder: Path, pooling: dict[str, Any], *more: str, **text: Any) -> None:
    """The settings of sentence-transformers, beside a model."""
    kinds = ["Transformer", "Pooling", *more]
    modules = [{"idx": i, "path": f"{i}_{kind}" * (i > 0), "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps(text))


@pytest.mark.parametrize("said", SAID)
def test_a_folder_says_how_its_vectors_are_made(said: str, tmp_path: Path) -> None:
    pooling, wanted = SAID[said]
    wordy.made("bert", tmp_path)
    says(tmp_path, pooling)
    ours = limelight.task("embed", tmp_path, device="cpu", dtype="fp32")
    assert np.array_equal(ours(TEXTS[0]).vector, ours(TEXTS[0], **wanted).vector)
    assert ours(TEXTS[0]).normalised is False
    assert ours(TEXTS[0], normalised=True).normalised
    says(tmp_path, pooling, "Normalize", max_seq_length=10, do_lower_case=True)
    (tmp_path / "config_sentence_transformers.json").write_text('{"prompts": {"q": "the "}, "default_prompt_name": "q"}')
    ours = limelight.task("embed", tmp_path, device="cpu", dtype="fp32")
    assert ours(TEXTS[0]).normalised
    assert ours(TEXTS[2]).windows == 2
    plain = ours(f"the {TEXTS[0]}", prompt="")
    assert np.array_equal(ours(TEXTS[0].upper()).vector, plain.vector)


ODD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "pooling by max_tokens": ({"pooling_mode_max_tokens": True}, ()),
    "pooling by mean_tokens and cls_token": ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ()),
    "Dense": ({"pooling_mode_mean_tokens": True}, ("Dense",)),
}


@pytest.mark.parametrize("asked", ODD)
def test_what_a_folder_asks_for_and_is_not_done_here_is_refused(asked: str, tmp_path: Path) -> None:
    pooling, more = ODD[asked]
    wordy.made("bert", tmp_path)
    says(tmp_path, pooling, *more)
    ours = limelight.task("embed", tmp_path, device="cpu", dtype="fp32")
    with pytest.raises(TaskError, match=f"asks for {asked}, which is not done here"):
        ours("the dog .")
    assert ours("the dog .", pool="mean").pool == "mean"


BROKEN = ["{", "3", '[{"path": "x"}]', "[1]", '[{"type": "a.Pooling", "path": "../.."}]', '[{"type": "Pooling", "path": "/etc"}]']


@pytest.mark.parametrize("modules", BROKEN)
def test_broken_settings_are_one_line(modules: str, tmp_path: Path) -> None:
    wordy.made("bert", tmp_path)
    (tmp_path / "modules.json").write_text(modules)
    with pytest.raises(WeightError, match=r"is no list of modules|points at"):
        limelight.task("embed", tmp_path)


def test_how_near_texts_lie(embed: Embed) -> None:
    found = embed([*TEXTS, TEXTS[0]], normalised=False)
    table = similarities(found)
    assert np.allclose(np.diag(table), 1)
    assert table[0, -1] == pytest.approx(1)
    assert np.allclose(table, table.T)
    a, b = found[0].vector, found[1].vector
    assert table[0, 1] == pytest.approx(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), abs=1e-6)
    assert found[0].similarity(found[1]) == pytest.approx(table[0, 1])


def test_odd_texts_and_empty_ones(both: Both) -> None:
    for kind in ("bert", "gpt2"):
        _, ours = both(kind)
        for text in (" ", "\x00\x07", "🙂", "\ud83d", "x" * 3000):
            found = ours(text)
            assert np.isfinite(found.vector).all()
            assert json.loads(json.dumps(found.to_json()))["source"] == text
    with pytest.raises(InputError, match="a text of no tokens has no vector"):
        both("gpt2")[1].check("")
    with pytest.raises(InputError, match="text 2 of 2: a text of no tokens"):
        both("gpt2")[1](["a", ""])
    assert len(both("bert")[1]("").vector) == 32


def test_what_is_no_number_or_no_option_is_refused(embed: Embed, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="pool"):
        embed("a", pool="max")
    wordy.made("bert", tmp_path)
    ours = limelight.task("embed", tmp_path, device="cpu", dtype="fp32")
    ours.opened.model.encoder.blocks[0].ff.up.weight.data.fill_(float("inf"))
    with pytest.raises(InputError, match="gave what is no number"):
        ours("the dog .")


def test_a_result_is_for_people_tables_and_notebooks(embed: Embed) -> None:
    found = embed("the dog .")
    assert isinstance(found, Embedding)
    assert "32 numbers, mean of 5 tokens, norm" in str(found)
    assert found.cells() == {"": found.vector.tolist()}
    assert embed.columns(Embed.Options()) == {"": list[float]}
    assert found._repr_html_().startswith("<pre>")
    assert "features" not in found.to_json()
    assert embed("the dog .", tokens=True).pieces == ("[CLS]", "the", "dog", ".", "[SEP]")
