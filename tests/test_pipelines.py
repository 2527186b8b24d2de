"""The pipelines of transformers 4: its documentation's own snippets with only the import changed, and its answers beside ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from limelight import pipeline
from limelight.errors import RecipeError, TaskError
from limelight.pipelines.kinds import ALIASES, KINDS
from published import hf
from shelf import keep

HELD = {                                                             # what the snippets open -> how it is made here
    KINDS["text-classification"].model: "distilbert-ForSequenceClassification",
    KINDS["zero-shot-classification"].model: "bart-ForSequenceClassification",
    KINDS["question-answering"].model: "distilbert-ForQuestionAnswering",
    KINDS["token-classification"].model: "bert-ForTokenClassification",
    KINDS["fill-mask"].model: "roberta-ForMaskedLM",
    KINDS["feature-extraction"].model: "distilbert-Model",
    KINDS["translation"].model: "t5-ForConditionalGeneration",
    KINDS["summarization"].model: "bart-ForConditionalGeneration",
    KINDS["text-generation"].model: "gpt2-LMHeadModel",
}
SNIPPETS = {
    "sentiment": """
from transformers import pipeline

classifier = pipeline("sentiment-analysis")
result = classifier("I hate you")[0]
print(f"label: {result['label']}, with score: {round(result['score'], 4)}")
results = classifier(["We are very happy to show you the library.", "We hope you don't hate it."])
for result in results:
    print(f"label: {result['label']}, with score: {round(result['score'], 4)}")
""",
    "question answering": '''
from transformers import pipeline

question_answerer = pipeline("question-answering")
context = r"""
Extractive Question Answering is the task of extracting an answer from a text given a question. An example of a
question answering dataset is the SQuAD dataset, which is entirely based on that task.
"""
result = question_answerer(question="What is extractive question answering?", context=context)
print(f"Answer: '{result['answer']}', score: {round(result['score'], 4)}, start: {result['start']}, end: {result['end']}")
assert context[result["start"] : result["end"]] == result["answer"]
''',
    "fill mask": """
from transformers import pipeline
from pprint import pprint

unmasker = pipeline("fill-mask")
pprint(unmasker(f"HuggingFace is creating a {unmasker.tokenizer.mask_token} that the community uses to solve NLP tasks."))
""",
    "text generation": """
from transformers import pipeline, set_seed

generator = pipeline("text-generation")
print(generator("As far as I am concerned, I will", max_length=50, do_sample=False))
set_seed(42)
for each in generator("Hello, I'm a language model,", max_length=30, num_return_sequences=5, do_sample=True):
    print(each["generated_text"])
""",
    "named entities": """
from transformers import pipeline

ner_pipe = pipeline("ner")
sequence = "Hugging Face Inc. is a company based in New York City."
for entity in ner_pipe(sequence):
    print(entity["entity"], entity["word"], entity["start"], entity["end"])
for entity in pipeline("ner", aggregation_strategy="simple")(sequence):
    print(entity["entity_group"], entity["word"])
""",
    "summarization": '''
from transformers import pipeline

summarizer = pipeline("summarization")
ARTICLE = """ New York (CNN)When Liana Barrientos was 23 years old, she got married in Westchester County, New York.
A year later, she got married again in Westchester County, but to a different man and without divorcing her first husband.
"""
print(summarizer(ARTICLE, max_length=130, min_length=30, do_sample=False)[0]["summary_text"])
''',
    "translation": """
from transformers import pipeline

translator = pipeline("translation_en_to_de")
print(translator("Hugging Face is a technology company based in New York and Paris", max_length=40)[0]["translation_text"])
""",
    "translation by the bundled model": """
from transformers import pipeline

translator = pipeline("translation_en_to_fr")
assert translator("The black cat ate the mouse.") == [{"translation_text": "Le chat noir a mangé la souris."}]
print(translator("Thank you."))
""",
    "zero shot": """
from transformers import pipeline

classifier = pipeline("zero-shot-classification")
found = classifier("This is a course about the Transformers library", candidate_labels=["education", "politics", "business"])
print(found["sequence"], found["labels"], found["scores"])
""",
    "features": """
from transformers import pipeline

extractor = pipeline(task="feature-extraction")
result = extractor("This is a simple test.")
print(len(result), len(result[0]), len(result[0][0]))
""",
    "text to text": """
from transformers import pipeline

generator = pipeline("text2text-generation")
print(generator("answer: 42 context: 42 is the answer to life, the universe and everything")[0]["generated_text"])
""",
    "streams of texts": """
from transformers import pipeline

pipe = pipeline("text-classification", device=-1)

def data():
    for i in range(5):
        yield f"My example {i}"

for out in pipe(data()):
    print(out["label"])
""",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds a tiny model under each of the names."""
    root = tmp_path_factory.mktemp("hf")
    for name, made in HELD.items():
        at = root / "hub" / f"models--{name.replace('/', '--')}"
        keep(made, at / "snapshots" / ("0" * 40))
        (at / "refs").mkdir()
        (at / "refs" / "main").write_text("0" * 40)
    return root


def run(code: str, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a user runs it, with the network off."""
    env = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_the_old_documentation_runs_with_only_the_import_changed(home: Path, tmp_path: Path) -> None:
    changed = [code.replace("from transformers import pipeline, set_seed", "from limelight.pipelines import pipeline, set_seed")
               .replace("from transformers import", "from limelight import") for code in SNIPPETS.values()]  # fmt: skip
    assert not any("transformers import" in code for code in changed)
    done = run("\n".join(changed), home, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "label: " in done.stdout
    assert "Answer: '" in done.stdout


GREEDY = {"max_new_tokens": 5, "do_sample": False}
ASKED: list[tuple[str, Any, dict[str, Any]]] = [
    ("text-classification", "the dog was tired", {}),
    ("text-classification", ["the dog was tired", "a"], {}),
    ("text-classification", "the dog was tired", {"top_k": None}),
    ("text-classification", ["the dog", "a"], {"top_k": 2, "function_to_apply": "sigmoid"}),
    ("token-classification", "the dog was tired", {"aggregation_strategy": "simple"}),
    ("fill-mask", "the <mask> was tired", {"top_k": 3}),
    ("fill-mask", ["the <mask> was <mask>", "a <mask>"], {}),
    ("feature-extraction", "the dog was tired", {}),
    ("feature-extraction", ["the dog", "a"], {}),
    ("zero-shot-classification", "the dog", {"candidate_labels": ["a", "b"], "multi_label": True}),
    ("zero-shot-classification", ["the dog", "cat"], {"candidate_labels": "a, b, c"}),
    ("text-generation", "the dog", GREEDY),
    ("text-generation", ["the dog", "a"], GREEDY | {"return_full_text": False}),
    ("text-generation", "the", GREEDY | {"num_beams": 3, "num_return_sequences": 2}),
]


@pytest.mark.parametrize(("job", "given", "asked"), ASKED)
def test_answers_are_those_of_the_pipelines_that_are_left(home: Path, job: str, given: Any, asked: dict[str, Any]) -> None:
    folder = held(home, job)
    same(pipeline(job, str(folder), device="cpu")(given, **asked), hf.pipeline(job, str(folder), device="cpu")(given, **asked))


def test_a_conversation_gets_its_reply_as_the_last_message(home: Path) -> None:
    folder = held(home, "text-generation")
    template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    talk = [{"role": "user", "content": "the dog was tired"}]
    theirs = hf.pipeline("text-generation", str(folder), device="cpu")(talk, **GREEDY)
    assert pipeline("text-generation", str(folder), device="cpu")(talk, **GREEDY)[0]["generated_text"][0] == talk[0]
    ours = pipeline("text-generation", str(folder), device="cpu")(talk, **GREEDY)[0]["generated_text"][-1]
    assert ours["content"].strip("\ufffd ") == theirs[0]["generated_text"][-1]["content"].strip("\ufffd ")


def test_several_conversations_are_answered_one_by_one_and_old_lengths_count_them(home: Path) -> None:
    folder = held(home, "text-generation")
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}\n{% endfor %}")
    pipe, talks = pipeline("text-generation", str(folder), device="cpu"), [[{"role": "user", "content": text}] for text in ("the dog", "a")]
    alone = [pipe(talk, **GREEDY) for talk in talks]
    assert pipe(talks, **GREEDY) == list(pipe(iter(talks), **GREEDY)) == alone
    assert pipe(talks, return_full_text=None, **GREEDY) == alone
    text = pipe.ours.opened.text
    read = len(text.encode("the dog\n", marks=False).ids)
    assert pipe(talks[0], max_length=read + 5, do_sample=False) == alone[0]


def test_a_text_of_white_space_has_an_empty_answer_among_the_others(home: Path) -> None:
    for job, key in (("translation", "translation_text"), ("summarization", "summary_text")):
        pipe = pipeline(job, str(held(home, job)), device="cpu")
        found = pipe(["the dog was tired", " "], max_new_tokens=3)
        assert [[*row] for row in found] == [[key], [key]]
        assert pipe(" ") == [found[1]] == [{key: ""}]


def held(home: Path, job: str) -> Path:
    """The folder of the model that a job opens."""
    return home / "hub" / f"models--{KINDS[job].model.replace('/', '--')}" / "snapshots" / ("0" * 40)


def same(ours: Any, theirs: Any) -> None:
    """The same nesting, keys, words and numbers."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            same(ours[key], value) if key != "word" else None        # ours are the text's own characters
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    elif isinstance(theirs, str):
        assert ours.rstrip("\ufffd") == theirs.rstrip("\ufffd")
    else:
        assert ours == pytest.approx(theirs, abs=2e-6)


def test_every_job_and_its_other_names_are_known() -> None:
    assert set(ALIASES.values()) <= set(KINDS)
    with pytest.raises(TaskError, match=r'no pipeline "sumarization"\.   Did you mean "summarization"'):
        pipeline("sumarization")
    with pytest.raises(TaskError, match="wants a job, or a model"):
        pipeline()


def test_what_would_not_be_heard_is_refused(home: Path) -> None:
    folder = str(held(home, "text-classification"))
    pipe = pipeline(model=folder)
    assert pipe.task == "text-classification"
    for asked, said in (
        ({"truncation": True}, "truncation=True is not done here.   Nothing is cut"),
        ({"topk": 3}, 'the argument "topk" is not known.   Did you mean "top_k"'),
        ({"function_to_apply": "none"}, "function_to_apply='none' is not done here"),
    ):
        with pytest.raises(RecipeError, match=said):
            pipe("the dog", **asked)
    goes_on = pipeline("text-generation", str(held(home, "text-generation")))
    for asked, said in (({"early_stopping": "soon"}, "'soon' is not known"), ({"max_length": "x"}, "a number of tokens: got 'x'")):
        with pytest.raises(RecipeError, match=said):
            goes_on("the dog", **asked)
    wrong = (({"trust_remote_code": True}, "No code of a model's folder is run"), ({"tokenizer": "other"}, "goes with its own tokenizer"))
    for more, said in wrong:
        with pytest.raises(RecipeError, match=said):
            pipeline("sentiment-analysis", folder, **more)
    assert (pipe.tokenizer.pad_token, pipe.tokenizer.pad_token_id) == ("[PAD]", 0)
    with pytest.raises(AttributeError, match="no 'chat_template'"):
        _ = pipe.tokenizer.chat_template
