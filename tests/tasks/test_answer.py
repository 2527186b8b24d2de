"""answer: the numbers of the pipeline that transformers had, one way of asking for all, and long documents read to their end."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
import published
import spotters
from limelight.errors import InputError, RecipeError, TaskError
from limelight.tasks.answer.answered import Answered
from limelight.tasks.answer.questions import Question
from limelight.tasks.answer.task import Answer

NAME = "Zebulon Quartermaine"
KINDS = ("bert", "distilbert", "roberta", "gpt2", "bart")
ODD = ["😀 👩‍👩‍👧 🇫🇷 signed", "a" * 300, "\u202eabc\x1b[31m", "\ud800 jane", "été – naïve Ǆ İstanbul", ". , ;"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Any, Answer]]:
    """Transformers' model, its tokenizer, and our task, over one random model of a kind."""
    held: dict[str, tuple[Any, Any, Answer]] = {}

    def make(kind: str) -> tuple[Any, Any, Answer]:
        if kind not in held:
            folder = tmp_path_factory.mktemp("answer") / kind
            theirs = spotters.made(kind, "ForQuestionAnswering", folder, labels=("LABEL_0", "LABEL_1"))
            held[kind] = *theirs, limelight.task("answer", folder, device="cpu", dtype="fp32")
        return held[kind]

    return make


@pytest.fixture(scope="module")
def bert(both: Callable[[str], tuple[Any, Any, Answer]]) -> Answer:
    """A random BERT."""
    return both("bert")[2]


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """A BERT that knows who signed, wherever it stands; its mark says "no answer", with less weight than a name and more than a word."""
    scores = {"zebulon": (1.0, -1.0), "quartermaine": (-1.0, 1.0), "jane": (0.7, 0.7), "[CLS]": (0.3, 0.3)}
    folder = tmp_path_factory.mktemp("answer") / "knowing"
    return limelight.task("answer", spotters.knowing(folder, "ForQuestionAnswering", scores, ("start", "end")), device="cpu", dtype="fp32")


def spelled_out(model: Any, text: Any, question: str, context: str, longest: int = 15) -> list[tuple[float, int, int]]:
    """What the old pipeline computes, from the logits, span by span -> (score, start, end) for each span of whole words, best first;
    then the score of no answer, if there is one."""
    given = text(question, context, return_offsets_mapping=True, return_token_type_ids=True, return_tensors="pt")
    parts, words, offsets = given.sequence_ids(0), given.word_ids(0), given.pop("offset_mapping")[0].tolist()
    if getattr(model.config, "type_vocab_size", 0) < 2:
        given.pop("token_type_ids")
    with torch.no_grad():
        found = model(**given)
    inside = [i for i, part in enumerate(parts) if part == 1]
    marked = text.cls_token_id is not None and given["input_ids"][0, 0] == text.cls_token_id
    counted = [0] * marked + inside
    start, end = (logits[0, counted].double().softmax(0).tolist() for logits in (found.start_logits, found.end_logits))
    of_word = {n: [offsets[i] for i in inside if words[i] == n] for n in {words[i] for i in inside}}
    best: dict[tuple[int, int], float] = {}
    for first, last in itertools.product(range(len(inside)), repeat=2):
        if 0 <= last - first < longest:
            a, b = of_word[words[inside[first]]][0][0], of_word[words[inside[last]]][-1][1]
            best[a, b] = max(best.get((a, b), 0.0), start[first + marked] * end[last + marked])
    ordered = sorted(((score, a, b) for (a, b), score in best.items()), key=lambda each: -each[0])
    return [*ordered, (start[0] * end[0], 0, 0)] if marked else ordered


@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_places_are_those_of_the_pipeline(both: Callable[[str], Any], kind: str) -> None:
    model, text, answer = both(kind)
    draw = random.Random(kind)
    marked = kind in ("bert", "distilbert", "roberta", "bart")
    for _ in range(8):
        question, context = spotters.text(draw, 2) + "?", spotters.text(draw, draw.randint(1, 7))
        while len(text(question, context)["input_ids"]) > 60:
            context = context[: len(context) // 2]
        wanted = spelled_out(model, text, question, context)
        none = wanted.pop()[0] if marked else None
        found = answer(Question(question, context), nbest=6, none=False)
        assert [each.score for each in found.nbest] == pytest.approx([score for score, _, _ in wanted[:6]], abs=1e-6, rel=1e-4)
        by_place = {(a, b): score for score, a, b in wanted}
        assert all(each.score == pytest.approx(by_place[each.start, each.end], abs=1e-6, rel=1e-4) for each in found.nbest)
        assert all(context[each.start : each.end] == each.text for each in found.nbest)
        assert found.none == (None if none is None else pytest.approx(none, abs=1e-6, rel=1e-4))
        assert found.windows == 1


@pytest.mark.parametrize("name", [name for name in published.ALL if name.endswith("ForQuestionAnswering")])
def test_every_family_with_such_a_head_answers(name: str, tmp_path: Path) -> None:
    model = published.published(name, tmp_path)
    text = spotters.hf.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    question, context = "Who sees the mouse?", "The black cat eats the mouse. My sister loves a book"
    found = limelight.task("answer", tmp_path, device="cpu", dtype="fp32")((question, context), nbest=5)
    wanted = [(score, context[a:b].strip()) for score, a, b in spelled_out(model, text, question, context)]
    assert found.none is None
    assert [each.score for each in found.nbest] == pytest.approx([score for score, _ in wanted[:5]], rel=1e-4)
    assert [each.text for each in found.nbest] == [text for _, text in wanted[:5]]


def test_longest_answers_are_as_long_as_is_asked(both: Callable[[str], Any]) -> None:
    model, text, answer = both("bert")
    context = spotters.text(random.Random(8), 8)
    for longest in (1, 2, 40):
        wanted = spelled_out(model, text, "who?", context, longest)[:-1]
        found = answer(("who?", context), nbest=500, max_answer=longest, none=False)
        assert [(each.start, each.end) for each in found.nbest] == [(a, b) for _, a, b in wanted]


def test_no_answer_is_one_of_the_answers(both: Callable[[str], Any]) -> None:
    model, text, answer = both("bert")
    context = spotters.text(random.Random(1), 6)
    *spans, (none, _, _) = spelled_out(model, text, "who?", context)
    found = answer(question="who?", context=context, nbest=400, none=True)
    assert len(found.nbest) == len(spans) + 1
    (place,) = [n for n, each in enumerate(found.nbest) if not each.text]
    assert (found.nbest[place].start, found.nbest[place].end) == (0, 0)
    assert found.nbest[place].score == pytest.approx(none, abs=1e-6)
    assert place == sum(score > none for score, _, _ in spans)


def test_a_model_that_knows_says_no_answer(knowing: Answer) -> None:
    there, absent = f"the agreement was signed by {NAME} in may.", "the agreement was signed in may."
    assert knowing(("who signed?", there)).text == NAME
    found = knowing(("who signed?", absent))
    assert (found.text, found.start, found.end) == ("", 0, 0)
    assert found.none == found.score > 0.9
    assert knowing(("who signed?", absent), none=False).text != ""


def test_no_answer_is_refused_of_a_model_without_a_mark(both: Callable[[str], Any]) -> None:
    answer = both("gpt2")[2]
    with pytest.raises(TaskError, match='no mark at which "no answer" could be read'):
        answer(("who?", "the patient"), none=True)
    assert answer(("who?", "the patient")).none is None


# --- long documents -------------------------------------------------------------------------------------------------------
PLACES = (0, 29_999, 30_000, *sorted(random.Random(0).sample(range(30_000), 10)))


@pytest.mark.parametrize("place", PLACES)
def test_an_answer_is_found_at_any_depth_of_30_000_words(knowing: Answer, place: int) -> None:
    text = spotters.document(random.Random(place), 30_000, NAME, place)
    found = knowing(("who signed the agreement?", text))
    assert (found.start, found.end) == (text.index(NAME), text.index(NAME) + len(NAME))
    assert found.text == text[found.start : found.end] == NAME
    assert found.windows > 100
    a, b = found.best.sentence
    assert NAME in text[a:b]
    assert b - a < 200
    assert found.cost.source_tokens > 30_000


def test_an_answer_is_found_across_every_border(knowing: Answer) -> None:
    texts = [spotters.document(random.Random(1), 150, NAME, place) for place in range(0, 151, 3)]
    many = knowing([("who?", text) for text in texts], window=40, overlap=9)
    assert all(each.windows > 4 for each in many)
    assert [(each.text, each.start) for each in many] == [(NAME, text.index(NAME)) for text in texts]


def test_without_overlap_nothing_is_lost(knowing: Answer) -> None:
    texts = [spotters.document(random.Random(1), 60, NAME, place) for place in range(60)]
    assert {each.text for each in knowing([("who?", text) for text in texts], window=25, overlap=0)} == {NAME}


def test_windows_together_are_one_large_window(tmp_path: Path) -> None:
    scores = {"zebulon": (1.0, -0.2), "quartermaine": (0.1, 0.9), "jane": (0.7, 0.5), "[CLS]": (0.4, 0.3), "berg": (-0.3, 0.6)}
    spotters.knowing(tmp_path, "ForQuestionAnswering", scores, ("a", "b"), room=3000, loud=2.0)
    answer = limelight.task("answer", tmp_path, device="cpu", dtype="fp32")
    draw = random.Random(5)
    context = " ".join(draw.choice([*spotters.WORDS, *spotters.NAMES]) for _ in range(2000))
    cut, whole = (answer(("who?", context), nbest=9, window=window) for window in (100, 3000))
    assert (cut.windows > 20, whole.windows) == (True, 1)
    assert [each.score for each in cut.nbest] == pytest.approx([each.score for each in whole.nbest], rel=1e-5)
    assert {(each.start, each.end) for each in cut.nbest} == {(each.start, each.end) for each in whole.nbest}
    assert cut.none == pytest.approx(whole.none, rel=1e-5)


def test_a_window_that_holds_nothing_does_not_outbid_one_that_does(knowing: Answer) -> None:
    """A softmax over each window by itself would give the only name of a poor window as much as the right one."""
    text = f"{spotters.document(random.Random(2), 400, 'Jane', 40)} {spotters.document(random.Random(3), 400, NAME, 300)}"
    found = knowing(("who signed?", text), nbest=2, window=64)
    assert [each.text for each in found.nbest] == [NAME, "Jane"]
    assert found.score > 2 * found.nbest[1].score
    assert sum(each.score for each in found.nbest) <= 1


def test_a_question_without_room_for_its_text_is_refused_with_the_numbers(bert: Answer) -> None:
    with pytest.raises(InputError, match="reads 64 tokens at once; 63 stand around the text, and 8 are shared"):
        bert((" ".join(["the"] * 60), "the patient " * 40))
    with pytest.raises(InputError, match=r"text 2 of 2: the model reads 30 tokens at once; 6 stand around the text, and 28 are shared"):
        bert([("who", "the"), ("who", "the patient " * 40)], window=30, overlap=28)
    with pytest.raises(InputError, match="reads 64 tokens at once: got 400"):
        bert(("who?", "the patient"), window=400)


# --- ways of asking -------------------------------------------------------------------------------------------------------
def test_all_ways_of_asking_are_one(bert: Answer) -> None:
    q, c = "who signed?", "it was signed by jane in may."
    wanted = bert(Question(q, c)).nbest
    for one in ((q, c), {"question": q, "context": c}):
        assert bert(one).nbest == wanted
        assert [each.nbest for each in bert([one, one])] == [wanted, wanted]
    assert bert(question=q, context=c).nbest == wanted
    assert [each.nbest for each in bert(question=[q, "who?"], context=c)] == [wanted, bert(("who?", c)).nbest]
    assert [each.nbest for each in bert(question=q, context=[c, c])] == [wanted, wanted]
    assert [each.nbest for each in bert(question=[q], context=[c])] == [wanted]
    assert bert([]) == []
    assert bert(question=[], context="the") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("who?", "a question and its text are wanted: it is str 'who\\?'"),
        (["who?", "the text"], "item 1 of 2 is str"),
        ({"question": "who?"}, "it is dict"),
        (("who?", 3), "the context is no text: it has int 3"),
        ([("who?", "the"), (None, "the")], "the question is no text: item 2 of 2 has NoneType"),
        (("  ", "the text"), "the question is empty"),
    ],
)
def test_what_is_no_question_is_refused_by_its_place(bert: Answer, given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bert(given)


def test_other_mistakes_are_named(bert: Answer) -> None:
    with pytest.raises(InputError, match="2 questions and 3 texts do not go together"):
        bert(question=["a", "b"], context=["a", "b", "c"])
    with pytest.raises(InputError, match="by name and without"):
        bert(("who?", "the"), question="who?")
    with pytest.raises(RecipeError, match='no option "top"'):
        bert(("who?", "the"), top=3)
    with pytest.raises(RecipeError, match="nbest"):
        bert(("who?", "the"), nbest=0)


def test_a_model_for_something_else_is_refused(tmp_path: Path) -> None:
    spotters.made("bert", "ForTokenClassification", tmp_path)
    with pytest.raises(TaskError, match="cannot answer: it has a head for 5 labels a token"):
        limelight.task("answer", tmp_path, device="cpu")


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_are_as_each_by_itself(both: Callable[[str], Any], kind: str) -> None:
    answer, draw = both(kind)[2], random.Random(4)
    items = [Question("who signed?", spotters.text(draw, n)) for n in (3, 40, 1, 12, 0, 25)]
    together = answer(items, batch=4, nbest=2)
    for item, found in zip(items, together, strict=True):
        alone = answer(item, batch=1, nbest=2)
        assert [(each.start, each.end) for each in found.nbest] == [(each.start, each.end) for each in alone.nbest]
        assert [each.score for each in found.nbest] == pytest.approx([each.score for each in alone.nbest], rel=1e-4)


@pytest.mark.parametrize("context", ["", " ", "\n\t ", "\x00\x07"])
def test_a_text_that_says_nothing_has_no_answer(bert: Answer, context: str) -> None:
    found = bert(("who?", context), none=False)
    assert (found.text, found.score, found.nbest) == ("", 0.0, ())
    assert found.cells() == {"": "", "score": 0.0, "start": 0, "end": 0}


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2"])
@pytest.mark.parametrize("context", ODD)
def test_odd_characters_keep_their_places(both: Callable[[str], Any], kind: str, context: str) -> None:
    found = both(kind)[2](("qui? 😀", context), nbest=4, none=False)
    for each in found.nbest:
        assert context[each.start : each.end] == each.text == each.text.strip()
        assert each.text
        assert each.sentence[0] <= each.start < each.end <= each.sentence[1]


def test_parts_of_words_where_they_are_wanted(bert: Answer) -> None:
    context = "xyz qrs tuv"
    whole, parts = (bert(("who?", context), nbest=30, none=False, whole_words=words) for words in (True, False))
    assert all(each.text in ("xyz", "qrs", "tuv", "xyz qrs", "qrs tuv", context) for each in whole.nbest)
    assert any(" " not in each.text and len(each.text) < 3 for each in parts.nbest)
    assert len({(each.start, each.end) for each in parts.nbest}) == 30


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    spotters.made("bert", "ForQuestionAnswering", tmp_path, labels=("a", "b"))
    answer = limelight.task("answer", tmp_path, device="cpu", dtype="fp32")
    answer.opened.model.encoder.embed.token.weight.data[5:] = float("nan")
    with pytest.raises(InputError, match="no numbers"):
        answer(("who?", "the patient"))


# --- results --------------------------------------------------------------------------------------------------------------
def test_a_result_is_json_under_the_old_keys(knowing: Answer) -> None:
    text = f"No sign. Signed by {NAME} in may. Given under notice."
    found = knowing(("who signed?", text), nbest=2)
    told = json.loads(json.dumps(found.to_json()))
    assert list(told)[:4] == ["score", "start", "end", "answer"]
    assert (told["answer"], told["source"], told["windows"]) == (NAME, "who signed?", 1)
    assert told["nbest"][0]["sentence"] == {"start": 9, "end": 47, "text": f"Signed by {NAME} in may."}
    assert told["nbest"][0]["answer"] == NAME
    assert len(told["nbest"]) == 2
    assert str(found) == found.text == NAME
    assert text not in json.dumps(told)


def test_cells_have_the_types_of_the_columns(knowing: Answer) -> None:
    for nbest in (1, 3):
        found = knowing(("who signed?", f"signed by {NAME} in may."), nbest=nbest)
        columns = knowing.columns(knowing.Options(nbest=nbest))
        cells = found.cells()
        assert list(cells) == list(columns) == ["", "score", "start", "end"]
        for name, kind in columns.items():
            assert isinstance(cells[name], list if nbest > 1 else kind)


def test_a_page_escapes_what_it_shows(knowing: Answer) -> None:
    found = knowing(("who <b>?", f"<i> signed by {NAME} & may"))
    page = found._repr_html_()
    assert f"<mark>{NAME} <small>" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt; signed" in page
    assert "no answer" in knowing(("who?", "in may."))._repr_html_()


def test_a_sentence_is_as_long_as_its_answer(knowing: Answer) -> None:
    text = "Given in may. Signed by Zebulon. Quartermaine was given notice. No sign."
    found: Answered = knowing(("who?", text))
    a, b = found.best.sentence
    assert text[a:b] == "Signed by Zebulon. Quartermaine was given notice."
