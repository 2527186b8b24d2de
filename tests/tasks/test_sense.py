"""sense: distances of contextual vectors, computed anew from transformers' states, and what a small model has learnt."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import limelight
import wordy
from limelight.errors import InputError, RecipeError
from limelight.tasks.sense.senses import Sensed, layer_of
from limelight.tasks.sense.task import Sense, Use

TEXTS = ["Apple is juicy .", "the apple stock crashed because it was old .", "tom is a dog and his apple is wide ."]
Both = Callable[[str], tuple[Any, Any, Sense]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Transformers' body with its tokenizer, and our task, over one random model of a kind."""
    held: dict[str, tuple[Any, Any, Sense]] = {}

    def make(kind: str) -> tuple[Any, Any, Sense]:
        if kind not in held:
            folder = tmp_path_factory.mktemp("sense") / kind
            wordy.made(kind, folder)
            body = wordy.hf.AutoModel.from_pretrained(folder).eval()
            held[kind] = body, wordy.tokens(kind), limelight.task("sense", folder, device="cpu", dtype="fp32")
        return held[kind]

    return make


@pytest.fixture
def sense(both: Both) -> Sense:
    """A random BERT."""
    return both("bert")[2]


def vectors(body: Any, tokens: Any, text: str, span: tuple[int, int]) -> np.ndarray:
    """A word's vector in each layer (l m), by transformers; layer 0 from the table of embeddings."""
    told = tokens(text, return_offsets_mapping=True)
    at = [i for i, (a, b) in enumerate(told["offset_mapping"]) if a < span[1] and b > span[0] and b > a]
    ids = torch.tensor([told["input_ids"]])
    encoder = body.get_encoder() if body.config.is_encoder_decoder else body
    with torch.no_grad():
        found = encoder(ids, output_hidden_states=True).hidden_states
        found = (encoder.get_input_embeddings()(ids), *found[1:])
    return torch.stack([layer[0, at].mean(0) for layer in found]).double().numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return 1 - float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "gpt2", "llama", "bart"])
def test_distances_and_their_baseline_are_those_of_the_definition(kind: str, both: Both) -> None:
    body, tokens, ours = both(kind)
    texts = [text.lower() for text in TEXTS]
    found = ours(texts, word="apple")
    mine = [vectors(body, tokens, text, (text.index("apple"), text.index("apple") + 5)) for text in texts]
    others = [(m[0], vectors(body, tokens, text, m.span())) for text in texts for m in re.finditer(r"\w+", text) if m[0] != "apple"]
    for i, layer in enumerate(found.layers):
        for a, b in combinations(range(3), 2):
            assert found.distances[i, a, b] == pytest.approx(cosine(mine[a][i], mine[b][i]), abs=1e-5)
        assert layer.distance == pytest.approx(np.mean([cosine(mine[a][i], mine[b][i]) for a, b in combinations(range(3), 2)]), abs=1e-5)
        baseline = np.mean([cosine(v[i], w[i]) for (one, v), (other, w) in combinations(others, 2) if one != other])
        assert layer.words == pytest.approx(baseline, abs=1e-5)
        assert layer.ratio == pytest.approx(layer.distance / baseline, abs=1e-3)
    assert found.others == len({word for word, _ in others})
    assert found.onward == (kind in ("gpt2", "llama"))


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "bart"])
def test_before_context_a_word_is_the_same_everywhere(kind: str, both: Both) -> None:
    found = both(kind)[2](["it is a dog .", "the horse and the dog .", "because a dog was tired ."], word="dog")
    assert (found.distances[0] == 0).all()
    assert (found.distances[1:][:, np.triu_indices(3, 1)[0], np.triu_indices(3, 1)[1]] > 0).all()
    assert np.array_equal(found.distances, found.distances.transpose(0, 2, 1))


def test_left_to_right_what_follows_a_word_is_not_in_it(both: Both) -> None:
    texts = ["the dog was tired .", "the dog and the cat ."]
    found = both("gpt2")[2](texts, word="dog")
    assert np.allclose(found.distances, 0, atol=1e-9)
    assert "nothing after the word is known" in found.trust
    assert both("bert")[2](texts, word="dog").distances[-1, 0, 1] > 1e-3


def test_what_was_learnt_tells_two_contexts_apart(learnt_words: Callable[[str], Path]) -> None:
    """Before "it" a model has learnt nothing; after an animal's state it expects an animal: states of one kind lie together."""
    ours = limelight.task("sense", learnt_words("bert"), device="cpu", dtype="fp32")
    uses = [
        Use(f"the {a} did not cross the {p} because the [MASK] was too {state} .".replace("[MASK]", "apple"), "apple", label=kinds[0])
        for a, p in (("dog", "river"), ("cat", "road"), ("horse", "bridge"))
        for state, kinds in wordy.STATES.items()
    ]
    found = ours(uses)
    last = found.layers[-1]
    assert last.within is not None
    assert last.between is not None
    assert last.right == 1
    assert last.within < last.between
    assert found.chance == 0.5
    assert found.layers[0].right == pytest.approx(5 / 11)                # all lie at one place: no better than the share of others
    assert "best in layer" in found.trust
    assert f"(always the commonest: {0.5:.0%})" in found.trust


def test_nearest_and_right_by_hand() -> None:
    apart = np.array([[0, 0.1, 0.5, 0.5], [0.1, 0, 0.4, 0.5], [0.5, 0.4, 0, 0.2], [0.5, 0.5, 0.2, 0]])
    layer = layer_of(apart, 0.5, ["a", "a", "b", "a"])
    assert layer.nearest == (1, 0, 3, 2)
    assert layer.right == pytest.approx(0.5)
    assert layer.within == pytest.approx((0.1 + 0.5 + 0.5) / 3)
    assert layer.between == pytest.approx((0.5 + 0.4 + 0.2) / 3)
    assert layer.ratio == pytest.approx(np.mean([0.1, 0.5, 0.5, 0.4, 0.5, 0.2]) / 0.5)
    assert layer_of(apart, None, [""] * 4).right is None
    assert layer_of(apart, None, [""] * 4).ratio is None
    assert layer_of(np.zeros((3, 3)), None, ["a", "b", "c"]).within is None


def test_which_occurrence_and_which_form(sense: Sense) -> None:
    texts = ["the dog and the dog .", "a dog , a dog ."]
    first, second = sense(texts, word="DOG"), sense(texts, word="dog", occurrence=2)
    assert [texts[i][a:b] for i, (a, b) in enumerate(first.spans)] == ["dog", "dog"]
    assert all(a < c for (a, _), (c, _) in zip(first.spans, second.spans, strict=True))
    mixed = sense([Use("apples is old .", "apples"), Use("an apple .", "apple")])
    assert [use.text[a:b] for use, (a, b) in zip(mixed.uses, mixed.spans, strict=True)] == ["apples", "apple"]
    assert sense(["漢字狗漢字", "狗"], word="狗").spans == ((2, 3), (0, 1))


@pytest.mark.parametrize(
    ("texts", "how", "said"),
    [
        (["apple", "it is apples"], {"word": "apple"}, "text 2 of 2: \"apple\" does not stand in 'it is apples'"),
        (["apple", ""], {"word": "apple"}, 'text 2 of 2: "apple" does not stand'),
        (["apple", " \n"], {"word": "apple"}, "does not stand"),
        (["apple", "apple"], {"word": "apple", "occurrence": 2}, 'text 1 of 2: "apple" stands 1 times, not 2, in'),
        (["apple"], {"word": "apple"}, "2 to 2,000 texts are compared: got 1"),
        ("apple", {"word": "apple"}, "got 1"),
        ([], {"word": "apple"}, "got 0"),
        (["a"] * 2001, {"word": "a"}, "got 2,001"),
        (["a", "b"], {}, "no word was given"),
        (["a", "b"], {"word": " "}, "no word was given"),
        ([Use("a", "a", label="x"), Use("a", "a")], {}, "text 2 of 2 has no label, and others have"),
        (["a", 3], {"word": "a"}, "text 2 of 2 is no text"),
    ],
)
def test_what_cannot_be_compared_is_one_line(texts: Any, how: dict[str, Any], said: str, sense: Sense) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        sense(texts, **how)


def test_wrong_options_and_numbers_are_refused(sense: Sense, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="occurrence"):
        sense(["a", "a"], word="a", occurrence=0)
    wordy.made("bert", tmp_path)
    ours = limelight.task("sense", tmp_path, device="cpu", dtype="fp32")
    ours.opened.model.encoder.blocks[1].ff.up.weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match="gave what is no number"):
        ours(["a dog", "the dog"], word="dog")


def test_a_batch_changes_nothing(sense: Sense) -> None:
    texts = [*TEXTS, "apple", "the horse did not cross the river because the apple was too wide ."]
    one, many = sense(texts, word="apple", batch=1), sense(texts, word="apple", batch=5)
    assert np.allclose(one.distances, many.distances, atol=1e-6)
    assert [layer.words for layer in one.layers] == pytest.approx([layer.words for layer in many.layers], abs=1e-6)
    assert one.cost.source_tokens == many.cost.source_tokens


def test_in_half_precision_much_the_same_is_said(sense: Sense) -> None:
    half = limelight.task("sense", sense.opened.folder, device="cpu", dtype="bf16")
    assert np.allclose(half(TEXTS, word="apple").distances, sense(TEXTS, word="apple").distances, atol=0.02)


def test_of_a_long_text_a_window_around_the_word_is_read(sense: Sense) -> None:
    long = "the cat was old . " * 20 + "the apple is juicy . " + "the cat was old . " * 20
    found = sense([long, "the apple is juicy ."], word="apple")
    a, b = found.spans[0]
    assert long[a:b] == "apple"
    assert found.cost.source_tokens <= 40 + 7
    assert found.distances[0, 0, 1] == 0


def test_words_with_marks_inside_are_words_to_compare_with(sense: Sense) -> None:
    """A vowel sign, an accent of its own and an apostrophe are no letters, nor is what holds them a sign."""
    assert sense(["apple हिन्दी !", "apple don't"], word="apple").others == 2
    assert sense(["apple e\u0301te\u0301 ?", "apple 3.5"], word="apple").others == 2


def test_two_texts_without_other_words_have_no_ratio(sense: Sense) -> None:
    found = sense(["dog", "dog ."], word="dog")
    assert [layer.ratio for layer in found.layers] == [None] * 3
    assert "there are no two other words to compare that with" in found.trust
    assert "    -" in str(found)


def test_a_result_is_for_people_tables_and_notebooks(sense: Sense) -> None:
    found = sense(TEXTS, word="apple")
    assert isinstance(found, Sensed)
    lines = str(found).splitlines()
    assert [line.split(None, 1)[1] for line in lines[:3]] == TEXTS
    assert lines[3].split() == ["layer", "apart", "words", "ratio"]
    assert [line.split()[0] for line in lines[4:7]] == ["0", "1", "2"]
    assert lines[7] == "layer 2, each from each"
    assert lines[-2:] == [found.trust, found.measured]
    assert "not measured (limelight eval" in found.measured
    data = json.loads(json.dumps(found.to_json()))
    assert np.shape(data["distances"]) == (3, 3, 3)
    assert [use["span"] for use in data["uses"]] == [list(span) for span in found.spans]
    assert found._repr_html_().startswith("<pre>")
    assert found.cells()["ratio"] == found.layers[-1].ratio
    many = sense([f"the dog {i} was <b> ." for i in range(51)], word="dog")
    assert "distances" not in many.to_json()
    assert "and 39 more" in str(many)
    assert "<b>" not in many._repr_html_()


def test_senses_of_a_dictionary_are_read(data_sets: Path, sense: Sense) -> None:
    """Words with their senses (Yuan et al. 2016) through a random model: that all goes through, not how well."""
    path = data_sets / "wsd_noad" / "wsd_noad.tsv"
    if not path.is_file():
        pytest.skip(f"no senses at {path}")
    uses: dict[str, list[Use]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            lemma, _, label, index, tokens, _ = line.rstrip("\n").split("\t")
            words, at = tokens.split(" "), int(index)
            before = [word.lower() for word in words[:at]]
            if all(word.isalpha() for word in words[: at + 1]) and words[at].lower() not in before:
                uses[lemma].append(Use(tokens, words[at], label=label))
            if len(uses) > 3:
                break
    found = sense(uses["accept"][:40])
    assert len(found.uses) == 40
    assert {use.text[a:b].lower() for use, (a, b) in zip(found.uses, found.spans, strict=True)} >= {"accept", "accepted"}
    assert all(layer.right is not None and 0 <= layer.right <= 1 for layer in found.layers)
    assert found.chance is not None
