"""Why a class: the words that decide are named first, and every effect is what reading the text again without the word gives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
from limelight.inputs import Batch, words
from limelight.look import trace
from limelight.tasks.classify.task import Classify
from published import published
from reviews import IPHONE, blank, reader

MASK = 4


@pytest.fixture(scope="module")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Classify:
    """The model that was set by hand: see reviews.MOODS for what decides."""
    return limelight.task("classify", reader(tmp_path_factory.mktemp("reader")), device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Classify, Any, Any]]:
    """A random model with labels, its tokenizer and itself, as transformers has them."""

    def make(stem: str, labels: tuple[str, ...]) -> tuple[Classify, Any, Any]:
        at = tmp_path_factory.mktemp("moods")
        model, tokenizer = blank(at, stem, labels)
        return limelight.task("classify", at, device="cpu", dtype="fp32"), tokenizer, model

    return make


def odds(p: float) -> float:
    return math.log(p / (1 - p))


def test_the_words_that_decide_are_named_first(classify: Classify) -> None:
    why = classify(IPHONE, why=True).why
    assert (why.label, why.how) == ("POSITIVE", "masked")
    assert [word.text for word in why.strongest[:3]] == ["amazing", "drains", "fast"]
    assert why.strongest[0].effect > 0 > why.strongest[1].effect
    assert all(word.effect == pytest.approx(0, abs=1e-4) for word in why.strongest[3:])
    worse = classify(IPHONE.replace("amazing", "terrible"), why=True).why
    assert worse.label == "NEGATIVE"
    assert [(word.text, word.effect > 0) for word in worse.strongest[:3]] == [("terrible", True), ("drains", True), ("fast", True)]
    assert [IPHONE[slice(*word.span)] for word in why.words] == [IPHONE[a:b] for a, b in words(IPHONE)]


def test_attention_need_not_agree_and_that_is_said(classify: Classify) -> None:
    why = classify(IPHONE + " my iphone .", why=True).why
    stops = [word for word in why.words if word.text == "."]
    deciding = next(word for word in why.words if word.text == "amazing")
    assert all(stop.attention > 5 * deciding.attention and abs(stop.effect) < 1e-4 for stop in stops)
    assert why.agreement < 0.5
    assert f"over {len(why.words)} words: rank correlation {why.agreement:+.2f}" in why.trust[0]
    assert why.seen_by == "encoder.0.self, from the first place, mean of 2 heads"


def test_masking_is_what_it_says(classify: Classify) -> None:
    text = "the unboxing was great , but the price is awful !"
    result, opened = classify(text, why=True), classify.opened
    whole = opened.text.encode(text)

    def read(gone: tuple[int, int] | None) -> float:
        ids = [MASK if gone and part == 0 and gone[0] <= a < gone[1] else i
               for i, part, (a, _) in zip(whole.ids, whole.parts, whole.offsets, strict=True)]  # fmt: skip
        return float(opened.model.classify(Batch(torch.tensor([ids])))[0].softmax(0)[1])

    sign = 1 if result.label == "POSITIVE" else -1
    for word in result.why.words:
        assert word.effect == pytest.approx(sign * (odds(read(None)) - odds(read(word.span))), abs=1e-4)
        assert word.score == pytest.approx(read(word.span) if sign > 0 else 1 - read(word.span), abs=1e-5)
    assert [word.text for word in result.why.words][:2] == ["the", "unboxing"]          # of three pieces, and one word
    assert result.why.bare == pytest.approx(0.5, abs=1e-5)
    assert result.why.change == pytest.approx(odds(result.score), abs=1e-3)
    assert 0 < result.why.seconds < result.cost.seconds
    assert result.why.total == pytest.approx(sum(word.effect for word in result.why.words))


@pytest.mark.parametrize("stem", ["gpt2", "t5", "llama"])
def test_without_a_mask_words_are_left_out(stem: str, tmp_path: Path) -> None:
    model, text = published(f"{stem}-ForSequenceClassification", tmp_path), "The cat sees the mouse."
    classify = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")
    result, whole = classify(text, why=True), classify.opened.text.encode(text)
    label = [f"LABEL_{n}" for n in range(3)].index(result.label)

    def read(gone: tuple[int, int]) -> float:
        each = zip(whole.ids, whole.parts, whole.offsets, strict=True)
        ids = [i for i, part, (a, _) in each if part is None or not gone[0] <= a < gone[1]]
        with torch.no_grad():
            return float(model(torch.tensor([ids])).logits[0].softmax(0)[label])

    assert result.why.how == "left out"
    assert len(result.why.words) == 6
    for word in result.why.words:
        assert word.score == pytest.approx(read(word.span), abs=1e-5)
        assert word.effect == pytest.approx(odds(read((0, 0))) - odds(read(word.span)), abs=1e-4)


def test_a_text_of_one_word_that_is_left_out_is_read_as_the_mark_alone(moods: Any) -> None:
    ours, _, model = moods("GPT2", ("sad", "glad"))
    result = ours("great", why=True)
    with torch.no_grad():
        alone = model(torch.tensor([[0]])).logits[0].softmax(0)
    assert result.why.bare == pytest.approx(float(alone[("sad", "glad").index(result.label)]), abs=1e-5)
    assert result.why.agreement is None
    assert "over 1 word: rank correlation cannot be told" in result.why.trust[0]


ATTENTIONS = {
    "bert": ("encoder.1.self, from the first place", "encoder.1.self", 0),
    "gpt2": ("decoder.1.self, from the last place", "decoder.1.self", -1),
    "bart": ("decoder.2.cross, from the last place", "decoder.2.cross", -1),
}


@pytest.mark.parametrize("family", ATTENTIONS)
def test_attention_is_that_of_the_place_that_is_read(family: str, tmp_path: Path) -> None:
    published(f"{family}-ForSequenceClassification", tmp_path)
    classify = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")
    texts = ["The cat sees the mouse.", "Tom", "An old man has a book and the mouse has an apple."]
    said, name, place = ATTENTIONS[family]
    opened = classify.opened
    for text, result in zip(texts, classify(texts, why=True), strict=True):
        whole = opened.text.encode(text)
        with trace(opened.model, layers=name) as seen:
            opened.model.classify(Batch(torch.tensor([whole.ids])), start=opened.manifest.generation.start or 0)
        weights = seen[name].weights()[0].mean(0)[place]
        for word in result.why.words:
            own = [i for i, (a, b) in enumerate(whole.offsets) if a < word.span[1] and b > word.span[0] and a < b]
            assert word.attention == pytest.approx(float(weights[own].sum()), abs=1e-5)
        assert result.why.seen_by == said + ", mean of 4 heads"


def test_where_the_mean_of_all_places_is_read_attention_is_the_mean_of_all(tmp_path: Path) -> None:
    from dataclasses import replace

    from limelight.look.evidence.gaze import attended
    from limelight.tasks.classify.pooled import gaze
    from limelight.tasks.reading.rows import as_batch

    published("bert-ForSequenceClassification", tmp_path)
    opened = limelight.open(tmp_path, device="cpu", dtype="fp32")
    spec = opened.manifest.spec
    mean = replace(opened, manifest=replace(opened.manifest, spec=replace(spec, heads=(replace(spec.heads[0], at="mean"),))))
    rows = opened.text.encode_all(["The cat sees the mouse.", "Tom"])
    said = gaze(mean)
    found = attended(opened.model, said, opened.model.hidden, as_batch(opened, rows))
    for row, values in zip(rows, found, strict=True):
        with trace(opened.model, layers="encoder.1.self") as seen:
            opened.model.encode(Batch(torch.tensor([row.ids])))
        wanted = seen["encoder.1.self"].weights()[0].mean(0).mean(0)
        assert torch.allclose(values[: len(row.ids)], wanted, atol=1e-6)
        assert values[len(row.ids) :].abs().sum() == 0
    assert said.said == "encoder.1.self, from all places, mean of 4 heads"


def test_in_a_long_text_each_word_is_masked_in_its_own_windows(classify: Classify) -> None:
    text = "my phone is so so . " * 8 + "the camera is amazing ! " + "my phone is so so . " * 8 + "the price is terrible , awful !"
    result = classify(text, why=True, overlap=6)
    assert len(result.parts) > 2
    assert {word.text for word in result.why.strongest[:3]} == {"amazing", "terrible", "awful"}
    question = classify.opened.text.engine.id("?")
    for word in result.why.words:
        if word.text not in ("amazing", "terrible", "awful"):
            continue
        label, shares = result.label, [part.tokens for part in result.parts]
        without = []
        for part in result.parts:                                    # its neighbours' windows stay as they are
            a, b = part.span
            inside = text[a:b] if not a <= word.span[0] < b else text[a : word.span[0]] + "?" + text[word.span[1] : b]
            ids = [MASK if i == question else i for i in classify.opened.text.encode(inside).ids]
            logits = classify.opened.model.classify(Batch(torch.tensor([ids])))[0]
            without.append(float(logits.softmax(0)[["NEGATIVE", "POSITIVE"].index(label)]))
        wanted = sum(share * p for share, p in zip(shares, without, strict=True)) / sum(shares)
        assert word.score == pytest.approx(wanted, abs=1e-5)
        assert word.effect == pytest.approx(odds(result.score) - odds(wanted), abs=1e-4)
    assert sum(word.attention for word in result.why.words) < 1


def test_words_that_share_a_token_are_one_and_the_same_word_twice_is_two(tmp_path: Path, moods: Any) -> None:
    ours, *_ = moods("Bert", ("sad", "glad"))
    twice = ours("great , so great", why=True).why
    assert [(word.text, word.span) for word in twice.words if word.text == "great"] == [("great", (0, 5)), ("great", (11, 16))]
    assert len({word.effect for word in twice.words if word.text == "great"}) == 2
    blank(tmp_path, "Bert", ("sad", "glad"))
    told = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(told | {"pre_tokenizer": {"type": "WhitespaceSplit"}}))
    joined = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")("great, so ... great!!", why=True).why
    assert [word.text for word in joined.words] == ["great,", "so", "...", "great!!"]
    assert [word.span for word in joined.words] == [(0, 6), (7, 9), (10, 13), (14, 21)]


def test_both_texts_of_a_pair_may_decide(moods: Any) -> None:
    ours, *_ = moods("Bert", ("other", "same"))
    why = ours(("the price is great", "so awful !"), why=True).why
    assert [(word.text, word.part) for word in why.words] == [
        ("the", 0), ("price", 0), ("is", 0), ("great", 0), ("so", 1), ("awful", 1), ("!", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("several", [False, True])
def test_with_labels_of_ones_own_the_winners_score_is_measured_beside_all(several: bool, moods: Any) -> None:
    ours, tokenizer, model = moods("Bert", ("contradiction", "neutral", "entailment"))
    labels, text = ("camera", "price"), "the camera is great ."
    result = ours(text, labels=labels, several=several, why=True)
    winner = labels.index(result.label)
    for number, word in enumerate(result.why.words):
        gone = " ".join("[MASK]" if n == number else each for n, each in enumerate(text.split()))
        with torch.no_grad():
            given = tokenizer([gone] * 2, [f"This example is {label}." for label in labels], return_tensors="pt", padding=True)
            logits = model(**given).logits
        wanted = logits[winner][[0, 2]].softmax(0)[1] if several else logits[:, 2].softmax(0)[winner]
        assert word.score == pytest.approx(float(wanted), abs=1e-5)
        assert word.effect == pytest.approx(odds(result.score) - odds(float(wanted)), abs=1e-4)
    assert [word.text for word in result.why.words] == text.split()


def test_of_a_quantity_it_is_the_quantity_that_falls(tmp_path: Path) -> None:
    model, tokenizer = blank(tmp_path, "Bert", ("stars",), problem_type="regression")
    result = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")("so great !", why=True)
    with torch.no_grad():
        without = float(model(**tokenizer("so [MASK] !", return_tensors="pt")).logits)
    great = result.why.words[1]
    assert (great.score, great.effect) == (pytest.approx(without, abs=1e-5), pytest.approx(result.score - without, abs=1e-5))
    assert "Effect: the fall of stars when the word is masked." in result.why.measured


def test_a_label_cannot_steer_a_terminal(tmp_path: Path) -> None:
    blank(tmp_path, "Bert", ("\x1b[31mred", "\nbl<b>ue"))
    result = limelight.task("classify", tmp_path, device="cpu", dtype="fp32")("so great !", why=True)
    assert "\x1b" not in str(result) + result._repr_html_()
    assert len(str(result).splitlines()) == 2
    assert "<b>ue" not in result._repr_html_()


def test_texts_together_give_what_each_gives_alone(moods: Any) -> None:
    ours, *_ = moods("Bert", ("sad", "glad", "none"))
    texts = [IPHONE, "", "great", "the camera is awful , so awful !"]
    for text, together in zip(texts, ours(texts, why=True, batch=3), strict=True):
        alone = ours(text, why=True, batch=1).why
        if not text:
            assert together.why is None
            continue
        assert [word.text for word in together.why.words] == [word.text for word in alone.words]
        assert [word.effect for word in together.why.words] == pytest.approx([word.effect for word in alone.words], abs=1e-5)
        assert [word.attention for word in together.why.words] == pytest.approx([word.attention for word in alone.words], abs=1e-6)


def test_why_as_json_a_page_and_in_a_notebook(classify: Classify, tmp_path: Path) -> None:
    result = classify("the camera is amazing , <b>so</b> &amp; \x1b[31m . great", why=True)
    said = result.to_json()["why"]
    assert (said["label"], said["how"], said["agreement"]) == ("POSITIVE", "masked", round(result.why.agreement, 6))
    assert said["words"][3] == {
        "text": "amazing", "span": [14, 21], "part": 0, "effect": round(result.why.words[3].effect, 6),
        "score": result.why.words[3].score, "attention": round(result.why.words[3].attention, 6),
    }  # fmt: skip
    page = result.save_html(tmp_path / "why.html").read_text(encoding="utf-8")
    for html in (page, result._repr_html_()):
        assert f"effect {result.why.words[3].effect:+.2f}; score without it" in html
        assert ">amazing</span>" in html
        assert "<b>so" not in html
        assert "\x1b" not in html
        assert "rank correlation" in html
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
