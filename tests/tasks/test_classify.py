"""classify: the same scores as transformers' two pipelines, for every kind of head and model; pairs, long texts, and what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
from limelight.errors import InputError, RecipeError, TaskError
from limelight.tasks.classify.task import Classify, ClassifyOptions
from published import hf, published
from reviews import IPHONE, blank, reader

TEXTS = ["The cat sees the mouse.", "An old man has a book.", "Tom eats"]
FAMILIES = ("bert", "distilbert", "roberta", "gpt2", "opt", "llama", "mistral", "qwen2", "t5", "bart")
MOOD = ("sad", "glad", "none")
NLI = ("contradiction", "neutral", "entailment")
ABOUT = ("battery", "camera", "price")


def theirs(task: str, model: Any, tokenizer: Any) -> Any:
    """Their pipeline, which warns of much."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hf.pipeline(task, model=model, tokenizer=tokenizer, device="cpu")


def same(ours: Any, wanted: list[dict[str, Any]]) -> None:
    """The labels with their scores, best first."""
    assert [one.label for one in ours] == [one["label"] for one in wanted]
    assert [one.score for one in ours] == pytest.approx([one["score"] for one in wanted], abs=1e-5)


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Classify, Any, Any]]:
    """A random model with labels, as a task, and as transformers has it."""

    def make(stem: str, labels: tuple[str, ...] = MOOD, **more: Any) -> tuple[Classify, Any, Any]:
        at = tmp_path_factory.mktemp("moods")
        return (*blank(at, stem, labels, **more), limelight.task("classify", at, device="cpu", dtype="fp32"))[::-1]

    return make


@pytest.fixture(scope="module")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Classify:
    """The model that was set by hand."""
    return limelight.task("classify", reader(tmp_path_factory.mktemp("reader")), device="cpu", dtype="fp32")


# --- beside transformers ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_scores_as_their_pipeline(family: str, tmp_path: Path) -> None:
    model = published(f"{family}-ForSequenceClassification", tmp_path)
    pipe = theirs("text-classification", model, hf.AutoTokenizer.from_pretrained(tmp_path))
    ours = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")
    for result, wanted in zip(ours(TEXTS), pipe(TEXTS, top_k=None), strict=True):
        same(result.labels, wanted)
    same(ours((TEXTS[0], TEXTS[1])).labels, pipe({"text": TEXTS[0], "text_pair": TEXTS[1]}, top_k=None))


def test_the_best_alone_and_the_best_two(moods: Any) -> None:
    ours, tokenizer, model = moods("Bert")
    pipe = theirs("text-classification", model, tokenizer)
    best = ours(IPHONE)
    (wanted,) = pipe(IPHONE)
    assert (best.label, best.score) == (wanted["label"], pytest.approx(wanted["score"], abs=1e-5))
    assert {key: best.to_json()[key] for key in wanted} == {**wanted, "score": best.score}
    same(ours(IPHONE, top_k=2).labels, pipe(IPHONE, top_k=2))
    same(ours(IPHONE, top_k=99).labels, pipe(IPHONE, top_k=None))


HEADS = {
    "one": (("good",), {}, {}),
    "one_of_many": (MOOD, {}, {}),
    "several": (MOOD, {"problem_type": "multi_label_classification"}, {}),
    "quantity": (("stars",), {"problem_type": "regression"}, {}),
    "several_asked": (MOOD, {}, {"function_to_apply": "sigmoid"}),
    "single_asked": (MOOD, {"problem_type": "multi_label_classification"}, {"function_to_apply": "softmax"}),
}


@pytest.mark.parametrize("kind", HEADS)
def test_what_scores_are_is_as_the_folder_says_or_as_asked(kind: str, moods: Any) -> None:
    labels, config, asked = HEADS[kind]
    ours, tokenizer, model = moods("Bert", labels, **config)
    several = {"several": asked["function_to_apply"] == "sigmoid"} if asked else {}
    same(ours(IPHONE, **several).labels, theirs("text-classification", model, tokenizer)(IPHONE, top_k=None, **asked))


def test_a_quantity_is_kept_when_it_is_published_again(moods: Any, tmp_path: Path) -> None:
    ours, *_ = moods("Bert", ("stars",), problem_type="regression")
    ours.opened.save(tmp_path)
    again = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")
    assert again(IPHONE).score == pytest.approx(ours(IPHONE).score, abs=1e-5)
    assert again.opened.manifest.spec.heads[0].quantity


ORDERS = [NLI, NLI[::-1], ("ENTAILMENT", "not_entailment")]


@pytest.mark.parametrize("named", ORDERS, ids=lambda names: names[0])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("stem", ["Bert", "GPT2"])
def test_labels_of_ones_own_score_as_their_pipeline(named: tuple[str, ...], several: bool, stem: str, moods: Any) -> None:
    ours, tokenizer, model = moods(stem, named)
    pipe = theirs("zero-shot-classification", model, tokenizer)
    template = "my phone is about {} ."
    wanted = pipe([IPHONE, "so great !"], list(ABOUT), multi_label=several, hypothesis_template=template)
    found = ours([IPHONE, "so great !"], labels=ABOUT, several=several, template=template)
    for result, one in zip(found, wanted, strict=True):
        said = result.to_json()
        assert (said["sequence"], said["labels"]) == (one["sequence"], one["labels"])
        assert said["scores"] == pytest.approx(one["scores"], abs=1e-5)


def test_one_label_of_ones_own_stands_against_its_contradiction(moods: Any) -> None:
    ours, tokenizer, model = moods("Bert", NLI)
    wanted = theirs("zero-shot-classification", model, tokenizer)(IPHONE, ["price"])
    assert ours(IPHONE, labels=("price",)).score == pytest.approx(wanted["scores"][0], abs=1e-5)


def test_contradiction_is_found_by_its_name_wherever_it_stands(moods: Any) -> None:
    ours, tokenizer, model = moods("Bert", ("entailment", "contradiction", "neutral"))
    given = tokenizer(IPHONE, "This example is price.", return_tensors="pt")
    with torch.no_grad():
        entails, contradicts, _ = model(**given).logits[0].tolist()
    score = torch.tensor([entails, contradicts]).softmax(0)[0].item()
    assert ours(IPHONE, labels=("price",), several=True).score == pytest.approx(score, abs=1e-5)


# --- many, pairs, and nothing -------------------------------------------------------------------------------------------
def test_batches_give_what_each_text_alone_gives_in_order(moods: Any) -> None:
    ours, *_ = moods("GPT2")
    texts = [IPHONE, "great", (IPHONE, "so great !"), "awful camera , poor price", {"text": "great", "text_pair": "terrible"}, "great"] * 3
    for together, text in zip(ours(texts, batch=4), texts, strict=True):
        alone = ours(text)
        assert [one.label for one in together.labels] == [one.label for one in alone.labels]
        assert [one.score for one in together.labels] == pytest.approx([one.score for one in alone.labels], abs=1e-6)
    assert ours([]) == []


def test_a_pair_in_either_form_is_one_pair_and_a_list_is_two_texts(moods: Any) -> None:
    ours, *_ = moods("Bert")
    pair, named = ours(("great", "awful")), ours({"text": "great", "text_pair": "awful"})
    assert (pair.labels, pair.other, pair.to_json()["text_pair"]) == (named.labels, "awful", "awful")
    assert len(ours(["great", "awful"])) == 2
    assert ours({"text": "great"}).labels == ours("great").labels


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x01", ("", " ")])
@pytest.mark.parametrize("stem", ["Bert", "GPT2"])
def test_nothing_to_read_is_given_no_label(text: Any, stem: str, moods: Any) -> None:
    ours, *_ = moods(stem)
    result = ours(text, why=True)
    assert (result.labels, result.label, result.score, result.why, str(result)) == ((), None, None, None, "")
    assert result.cells() == {"": "", "score": None}
    assert [each.label is None for each in ours([text, "great"])] == [True, False]


@pytest.mark.parametrize("text", ["👩‍👩‍👧 great", "a\x00b \x07 great", "great" * 400, "[CLS] [MASK] great [SEP]", "ﷺ ǆ é", "\ud800 great"])
def test_odd_texts_are_read(text: str, moods: Any) -> None:
    ours, *_ = moods("Bert")
    result = ours(text, why=True)
    assert sum(one.score for one in result.labels) == pytest.approx(1)
    assert all(text[slice(*word.span)] == word.text for word in result.why.words)


# --- long texts -----------------------------------------------------------------------------------------------------------
def test_a_long_text_is_the_mean_of_its_windows_by_their_tokens(classify: Classify) -> None:
    text = "my phone has a so so screen . " * 12 + "the camera is amazing !"
    result = classify(text, overlap=4)
    assert len(result.parts) == 3
    shares = [part.tokens for part in result.parts]
    for label in ("POSITIVE", "NEGATIVE"):
        each = [next(one.score for one in part.labels if one.label == label) for part in result.parts]
        mean = sum(share * score for share, score in zip(shares, each, strict=True)) / sum(shares)
        assert next(one.score for one in result.labels if one.label == label) == pytest.approx(mean)
    for part in result.parts:                                        # each window by itself is what its characters alone would be
        alone = classify(text[slice(*part.span)])
        assert [one.score for one in alone.labels] == pytest.approx([one.score for one in part.labels], abs=1e-6)
    assert (result.parts[0].span[0], result.parts[-1].span[1]) == (0, len(text))
    assert len(result.to_json()["parts"]) == len(result.parts)


def test_hypotheses_of_any_length_are_read_beside_the_same_windows(moods: Any) -> None:
    ours, tokenizer, model = moods("Bert", NLI)
    text, labels = "so great ! " * 20, ("price", "a camera and a battery and a screen")
    result = ours(text, labels=labels, overlap=3)
    with torch.no_grad():
        each = []
        for part in result.parts:
            pairs = [(text[slice(*part.span)], f"This example is {label}.") for label in labels]
            each.append(model(**tokenizer(*map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt")).logits[:, 2].softmax(0))
    shares = torch.tensor([part.tokens for part in result.parts], dtype=torch.float32)
    wanted = (shares[:, None] * torch.stack(each)).sum(0) / shares.sum()
    found = {one.label: one.score for one in result.labels}
    assert [found[label] for label in labels] == pytest.approx(wanted.tolist(), abs=1e-5)
    assert len(result.parts) > 2


def test_a_long_text_is_refused_where_that_is_asked_with_the_numbers(classify: Classify) -> None:
    text = "great " * 60
    with pytest.raises(InputError, match=r"the text has 62 tokens; .* reads 40 at once"):
        classify(text, long="refuse")
    with pytest.raises(InputError, match="text 2 of 2: the text has 62 tokens"):
        classify(["great", text], long="refuse")
    with pytest.raises(InputError, match="the text has 62 tokens"):
        classify.check(text, ClassifyOptions(long="refuse"))
    assert classify("great " * 38, long="refuse").label == "POSITIVE"


def test_the_longer_of_a_pair_goes_in_windows(moods: Any) -> None:
    ours, *_ = moods("Bert")
    long = "so great ! " * 20
    for pair, number in ((("awful", long), 1), ((long, "awful"), 0)):
        result = ours(pair)
        assert len(result.parts) > 1
        assert result.parts[-1].span[1] == len(pair[number].rstrip())
    with pytest.raises(InputError, match="stand around the text"):
        ours((long, long))


# --- what is refused ------------------------------------------------------------------------------------------------------
def test_labels_of_ones_own_need_a_model_of_entailment(classify: Classify, moods: Any) -> None:
    with pytest.raises(TaskError, match=r'no class named "entail\.\.\.": it has NEGATIVE, POSITIVE') as caught:
        classify(IPHONE, labels=("phone", "price"))
    assert "MNLI" in caught.value.hint
    halfway, *_ = moods("Bert", ("entailment", "neutral", "other"))
    assert halfway(IPHONE, labels=("phone", "price")).label in ("phone", "price")
    with pytest.raises(TaskError, match='no class named "contradict'):
        halfway(IPHONE, labels=("phone", "price"), several=True)


WRONG = [
    (3, {}, InputError, "a text or a pair is wanted: got int 3"),
    (("a", "b", "c"), {}, InputError, "a text or a pair is wanted: got tuple"),
    ({"text": "a", "pair": "b"}, {}, InputError, "a text or a pair is wanted: got dict"),
    (["a", None], {}, InputError, "text 2 of 2: a text or a pair is wanted: got NoneType"),
    ("a", {"top_k": 0}, RecipeError, "top_k"),
    ("a", {"template": "no place"}, RecipeError, 'a template has "{}" where a label goes'),
    ("a", {"labels": ("x", " ")}, RecipeError, "a label is blank"),
    ("a", {"labels": ("x", "x")}, RecipeError, "two labels are the same: x, x"),
    ("a", {"label": ("x",)}, RecipeError, 'classify has no option "label"'),
]


@pytest.mark.parametrize(("text", "options", "kind", "message"), WRONG)
def test_what_cannot_be_asked_is_refused_in_one_line(text: Any, options: Any, kind: Any, message: str, classify: Classify) -> None:
    with pytest.raises(kind, match=message) as caught:
        classify(text, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.hint or "top_k" in message


def test_a_pair_with_labels_of_ones_own_is_refused(moods: Any) -> None:
    ours, *_ = moods("Bert", NLI)
    with pytest.raises(InputError, match="take the place of a second text"):
        ours(("great", "awful"), labels=("x", "y"))


def test_a_model_without_classes_is_refused(tmp_path: Path) -> None:
    published("bert-ForTokenClassification", tmp_path)
    with pytest.raises(TaskError, match="cannot classify: it has a head for 3 labels a token"):
        limelight.task("classify", tmp_path, device="cpu")


def test_scores_that_are_no_numbers_are_refused(moods: Any) -> None:
    ours, *_ = moods("DistilBert")
    ours.opened.model.heads["classes"].out.bias.fill_(float("nan"))
    with pytest.raises(TaskError, match="no finite numbers"):
        ours(IPHONE)


# --- what a result is -------------------------------------------------------------------------------------------------------
def test_a_result_as_text_json_and_cells(classify: Classify) -> None:
    result = classify("the camera is amazing")
    positive, negative = result.labels
    assert str(result) == f"POSITIVE  {positive.score:.4f}\nNEGATIVE  {negative.score:.4f}"
    said = result.to_json()
    assert list(said)[:3] == ["label", "score", "all"]
    assert said["all"] == [{"label": "POSITIVE", "score": positive.score}, {"label": "NEGATIVE", "score": negative.score}]
    assert (said["source"], said["complete"]) == ("the camera is amazing", True)
    assert said["cost"]["source_tokens"] == 6
    assert "parts" not in said
    assert result.cells() == {"": "POSITIVE", "score": positive.score}
    assert classify.columns(ClassifyOptions()) == {"": str, "score": float}
    two = classify("the camera is amazing", top_k=2)
    assert two.cells() == {"": ["POSITIVE", "NEGATIVE"], "score": [positive.score, negative.score]}
    assert classify.columns(ClassifyOptions(top_k=2)) == {"": list[str], "score": list[float]}
    assert result._repr_html_().startswith("<pre>POSITIVE")
    with pytest.raises(InputError, match="was not measured"):
        result.save_html("never.html")
