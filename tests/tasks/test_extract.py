"""extract: the numbers of transformers' own pipeline, schemes of labels, and spans of long documents whole and in their places."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch

import limelight
import published
import spotters
from limelight.errors import InputError, RecipeError, TaskError
from limelight.tasks.extract.extracted import EntityCell, Extracted
from limelight.tasks.extract.tagging import Merge, Piece, Tag, merged, pieces, tags
from limelight.tasks.extract.task import Extract

KINDS = ("bert", "distilbert", "roberta", "gpt2")
MERGES = ("none", "simple", "first", "average", "max")
NAME = "Jane van der Berg"
ODD = ["😀 👩‍👩‍👧 🇫🇷 signed", "a" * 300, "\u202eabc\x1b[31m", "\ud800 jane", "été – naïve Ǆ İstanbul", ". , ;"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Any, Extract]]:
    """Transformers' pipeline and ours over one random model of a kind."""
    held: dict[tuple[str, tuple[str, ...]], tuple[Any, Extract]] = {}

    def make(kind: str, labels: tuple[str, ...] = spotters.TAGS) -> tuple[Any, Extract]:
        if (kind, labels) not in held:
            folder = tmp_path_factory.mktemp("extract") / kind
            model, text = spotters.made(kind, "ForTokenClassification", folder, labels)
            pipe = spotters.hf.pipeline("token-classification", model=model, tokenizer=text, device="cpu")
            held[kind, labels] = pipe, limelight.task("extract", folder, device="cpu", dtype="fp32")
        return held[kind, labels]

    return make


@pytest.fixture(scope="module")
def bert(both: Callable[..., tuple[Any, Extract]]) -> Extract:
    """A random BERT."""
    return both("bert")[1]


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    """A BERT that knows a name and a drug, wherever they stand."""
    return limelight.task("extract", spotters.knowing_names(tmp_path_factory.mktemp("extract") / "knowing"), device="cpu", dtype="fp32")


def theirs(pipe: Any, text: str, merge: str, **how: Any) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tokenizer does not support real words")
        found = pipe(text, aggregation_strategy=merge, **how)
    for each in found:                                                 # theirs may end with white space, or be of nothing else
        each["end"] = each["start"] + len(text[each["start"] : each["end"]].rstrip())
    return [each for each in found if each["start"] < each["end"]]


def same(ours: Extracted, wanted: list[dict[str, Any]]) -> None:
    found = ours.to_json()["entities"]
    keys = [key for key in ("entity_group", "entity", "index", "start", "end") if wanted and key in wanted[0]]
    assert [[each[key] for key in keys] for each in found] == [[each[key] for key in keys] for each in wanted]
    assert [each["score"] for each in found] == pytest.approx([float(each["score"]) for each in wanted], abs=1e-5)
    assert all(list(one) == list(two) for one, two in zip(found, wanted, strict=True))
    assert all(each["word"] == ours.source[each["start"] : each["end"]] for each in found)


# --- transformers' pipeline -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("kind", KINDS)
def test_spans_and_scores_are_those_of_the_pipeline(both: Callable[..., Any], kind: str, merge: str) -> None:
    pipe, extract = both(kind)
    draw, labels, torn = random.Random(kind), set(), 0
    for _ in range(10):
        text = spotters.text(draw, 9)
        while len(pipe.tokenizer(text)["input_ids"]) > 60:
            text = text[: len(text) // 2]
        wanted = theirs(pipe, text, merge)
        same(extract(text, merge=merge), wanted)
        labels |= {each.get("entity_group", each.get("entity")) for each in wanted}
        torn += sum(text[max(0, each["start"] - 1) : each["start"] + 1].isalpha() for each in wanted if each["start"])
    assert len(labels) >= 2
    assert (torn > 0) == (merge in ("none", "simple"))                # words are torn only where they may be


@pytest.mark.parametrize("name", [name for name in published.ALL if name.endswith("ForTokenClassification")])
def test_every_family_with_such_a_head_extracts(name: str, tmp_path: Path) -> None:
    model = published.published(name, tmp_path)
    text = "The black cat eats the mouse. My sister loves a book"
    given = spotters.hf.PreTrainedTokenizerFast.from_pretrained(tmp_path)(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        odds = model(given).logits[0, :-1].softmax(1)                  # the last is the end
    found = limelight.task("extract", tmp_path, device="cpu", dtype="fp32")(text, merge="none", ignore=()).entities
    assert [each.label for each in found] == [f"LABEL_{n}" for n in odds.argmax(1)]
    assert [each.score for each in found] == pytest.approx(odds.max(1).values.tolist(), abs=1e-5)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("labels", [("O", "PER", "DRUG"), ("LABEL_0", "LABEL_1", "LABEL_2"), ("B-O", "O", "I-X")])
def test_labels_without_signs_are_as_the_pipeline_has_them(both: Callable[..., Any], labels: tuple[str, ...], merge: str) -> None:
    pipe, extract = both("bert", labels)
    draw = random.Random(2)
    for text in (spotters.text(draw, 6) for _ in range(5)):
        same(extract(text, merge=merge), theirs(pipe, text, merge))
        same(extract(text, merge=merge, ignore=[labels[1], labels[2]]), theirs(pipe, text, merge, ignore_labels=[labels[1], labels[2]]))


def test_the_usual_merge_leaves_words_whole_where_they_are_told(both: Callable[..., Any]) -> None:
    text = "Amoxicilline was given, to Zebulona."
    for kind, usual in (("bert", "first"), ("roberta", "simple"), ("gpt2", "simple")):
        extract = both(kind)[1]
        assert extract(text).entities == extract(text, merge=usual).entities
        assert extract(text).entities != extract(text, merge="simple" if usual == "first" else "first").entities


def test_white_space_of_any_kind_parts_words(both: Callable[..., Any]) -> None:
    extract = both("gpt2")[1]
    for space in ("\n", "\t", "\u00a0", "\r\n"):
        found = extract(f"zeb{space}jane", merge="first", ignore=())
        assert all(not any(letter.isspace() for letter in text) or len(text) > 7 for text in (each.text for each in found.entities))
        assert all(each.text == each.text.strip() for each in found.entities)


# --- labels ---------------------------------------------------------------------------------------------------------------
def test_tags_are_read_in_every_scheme() -> None:
    assert tags(["O", "B-PER", "I-PER"]) == [Tag("O"), Tag("PER", begins=True), Tag("PER")]
    assert tags(["B-X", "I-X", "E-X", "S-X"]) == [Tag("X", begins=True), Tag("X"), Tag("X", ends=True), Tag("X", begins=True, ends=True)]
    assert tags(["I-X", "L-X", "U-X"]) == [Tag("X"), Tag("X", ends=True), Tag("X", begins=True, ends=True)]
    assert tags(["E-mail", "S-bahn", "PER", "B-", "drug-name"]) == [Tag(t) for t in ("E-mail", "S-bahn", "PER", "B-", "drug-name")]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("B I I O B", ["aaa", "e"]),
        ("I I O O I", ["aa", "e"]),
        ("B B I O O", ["a", "bb"]),
        ("B E B E O", ["aa", "cc"]),
        ("S S O B E", ["a", "b", "dd"]),
        ("I E I I O", ["aa", "cc"]),
        ("E I S I E", ["a", "b", "c", "dd"]),
    ],
)
def test_spans_begin_and_end_where_labels_say(labels: str, wanted: list[str]) -> None:
    names = ["O", "B-X", "I-X", "E-X", "S-X"]
    known_tags = tags(names)
    numbers = [names.index(label if label == "O" else f"{label}-X") for label in labels.split()]
    found = merged([Piece(i, i, label, 0.5) for i, label in enumerate(numbers)], known_tags)
    assert ["abcde"[p.first] * (p.last - p.first + 1) for p in found if known_tags[p.label].name == "X"] == wanted


def test_a_word_has_one_label_by_each_way() -> None:
    odds = torch.tensor([[0.6, 0.4, 0.0], [0.1, 0.0, 0.9], [0.3, 0.6, 0.1]])
    wanted: dict[Merge, tuple[int, float]] = {"first": (0, 0.6), "max": (2, 0.9), "average": (0, 1 / 3), "simple": (0, 0.6)}
    for merge, (label, score) in wanted.items():
        (found,) = pieces(odds, [[0, 1, 2]], merge)
        assert (found.first, found.last, found.label) == (0, 2, label)
        assert found.score == pytest.approx(score, abs=1e-6)


def test_unlikely_spans_are_left_out(bert: Extract) -> None:
    text = spotters.text(random.Random(3), 9)
    whole = bert(text).entities
    middle = sorted(each.score for each in whole)[len(whole) // 2]
    assert bert(text, min_score=middle).entities == tuple(each for each in whole if each.score >= middle)
    assert 0 < len(bert(text, min_score=middle).entities) < len(whole)
    assert bert(text, min_score=1.0).entities == ()


# --- long documents -------------------------------------------------------------------------------------------------------
PLACES = (0, 29_999, 30_000, *sorted(random.Random(1).sample(range(30_000), 6)))


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_found_at_any_depth_of_30_000_words(knowing: Extract, place: int) -> None:
    text = spotters.document(random.Random(place), 30_000, NAME, place)
    found = knowing(text)
    (entity,) = found.entities
    assert (entity.label, entity.text, entity.start) == ("PER", NAME, text.index(NAME))
    assert text[entity.start : entity.end] == NAME
    assert found.windows > 50
    assert entity.score > 0.9


@pytest.mark.parametrize(("window", "overlap"), [(40, 9), (25, 0), (30, None)])
def test_a_name_across_a_border_is_one_span(knowing: Extract, window: int, overlap: int | None) -> None:
    texts = [spotters.document(random.Random(1), 100, NAME, place) for place in range(101)]
    many = knowing(texts, window=window, overlap=overlap)
    assert all(each.windows > 2 for each in many)
    assert [[(e.text, e.start) for e in each.entities] for each in many] == [[(NAME, text.index(NAME))] for text in texts]


@pytest.mark.parametrize("merge", MERGES)
def test_windows_together_are_one_large_window(tmp_path: Path, merge: str) -> None:
    extract = limelight.task("extract", spotters.knowing_names(tmp_path, room=4000, loud=1.0), device="cpu", dtype="fp32")
    draw = random.Random(5)
    text = " ".join(draw.choice([*spotters.WORDS, *spotters.NAMES]) for _ in range(1500))
    cut, whole = (extract(text, merge=merge, window=window) for window in (100, 4000))
    assert (cut.windows > 20, whole.windows) == (True, 1)
    assert [(e.label, e.start, e.end, e.index) for e in cut.entities] == [(e.label, e.start, e.end, e.index) for e in whole.entities]
    assert [e.score for e in cut.entities] == pytest.approx([e.score for e in whole.entities], abs=1e-6)
    assert len(whole.entities) > 100


def test_a_token_has_the_label_of_the_window_in_which_it_stands_deepest(both: Callable[..., Any]) -> None:
    """Against each window read by itself, with a model for which what stands around a word matters."""
    pipe, extract = both("bert")
    text = " ".join(spotters.WORDS * 2)
    found = {each.start: each for each in extract(text, merge="none", ignore=(), window=20, overlap=6).entities}
    words = text.split()
    starts = [len(" ".join(words[:n])) + (n > 0) for n in range(len(words))]
    step, size, count = 12, 18, len(words)
    for n, start in enumerate(starts):
        lasts = [(first, min(first + size, count)) for first in range(0, count, step) if first == 0 or first + 6 < count]
        a, b = max(((a, b) for a, b in lasts if a <= n < b), key=lambda w: (min(n - w[0], w[1] - 1 - n), -w[0]))
        wanted = theirs(pipe, " ".join(words[a:b]), "none", ignore_labels=[])[n - a]
        assert found[start].label == wanted["entity"]
        assert found[start].score == pytest.approx(float(wanted["score"]), abs=1e-5)


def test_windows_that_are_all_overlap_are_refused_with_the_numbers(bert: Extract) -> None:
    with pytest.raises(InputError, match="reads 20 tokens at once; 2 stand around the text, and 18 are shared"):
        bert("the patient " * 40, window=20, overlap=18)
    with pytest.raises(InputError, match="text 2 of 2: the model reads 8 tokens"):
        bert(["the", "the patient " * 40], window=8)
    with pytest.raises(InputError, match="reads 64 tokens at once: got 65"):
        bert("the", window=65)


# --- ways of asking -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_are_as_each_by_itself(both: Callable[..., Any], kind: str) -> None:
    extract, draw = both(kind)[1], random.Random(6)
    texts = [spotters.text(draw, n) for n in (3, 60, 1, 12, 0, 25)]
    for text, found in zip(texts, extract(texts, batch=4), strict=True):
        alone = extract(text, batch=1)
        assert [(e.label, e.start, e.end) for e in found.entities] == [(e.label, e.start, e.end) for e in alone.entities]
        assert [e.score for e in found.entities] == pytest.approx([e.score for e in alone.entities], rel=1e-4)
        assert found.source == text


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\x00\x07"])
def test_a_text_that_says_nothing_holds_nothing(bert: Extract, text: str) -> None:
    assert bert(text).entities == ()
    assert bert(text, merge="none", ignore=()).entities == ()
    assert str(bert(text)) == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ODD)
def test_odd_characters_keep_their_places(both: Callable[..., Any], kind: str, text: str) -> None:
    for merge in MERGES:
        found = both(kind)[1](text, merge=merge, ignore=())
        assert all(text[each.start : each.end] == each.text == each.text.strip() != "" for each in found.entities)
        assert merge == "none" or all(a.end <= b.start for a, b in zip(found.entities, found.entities[1:], strict=False))


def test_mistakes_are_named(bert: Extract, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="merge"):
        bert("the", merge="most")
    with pytest.raises(RecipeError, match='no option "aggregation_strategy"'):
        bert("the", aggregation_strategy="max")
    with pytest.raises(InputError, match="text 2 of 2 is no text"):
        bert(["the", None])
    spotters.made("bert", "ForQuestionAnswering", tmp_path, labels=("a", "b"))
    with pytest.raises(TaskError, match="cannot extract"):
        limelight.task("extract", tmp_path, device="cpu")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    spotters.made("bert", "ForTokenClassification", tmp_path)
    extract = limelight.task("extract", tmp_path, device="cpu", dtype="fp32")
    extract.opened.model.encoder.embed.token.weight.data[5:] = float("inf")
    with pytest.raises(InputError, match="no numbers"):
        extract("the patient")


# --- results --------------------------------------------------------------------------------------------------------------
def test_a_result_is_json_cells_and_a_page(knowing: Extract) -> None:
    text = f"Signed by {NAME} <b>, amoxicillin & no sign"
    found = knowing(text)
    told = json.loads(json.dumps(found.to_json()))
    assert [(each["entity_group"], each["word"]) for each in told["entities"]] == [("PER", NAME), ("DRUG", "amoxicillin")]
    assert list(told["entities"][0]) == ["entity_group", "score", "word", "start", "end"]
    assert (told["source"], told["windows"]) == (text, 1)
    (kind,) = get_args(knowing.columns(knowing.Options())[""])
    assert kind is EntityCell
    assert list(get_type_hints(kind)) == list(found.cells()[""][0])
    (plain,) = get_args(knowing.columns(knowing.Options(merge="none"))[""])
    assert list(get_type_hints(plain)) == list(knowing(text, merge="none").cells()[""][0])
    page = found._repr_html_()
    assert f"<mark>{NAME} <small>PER</small></mark> &lt;b&gt;, <mark>amoxicillin" in page
    assert str(found).splitlines()[0].split()[0] == "PER"
    assert str(found).splitlines()[0].endswith(f"10-{10 + len(NAME)}  {NAME}")
