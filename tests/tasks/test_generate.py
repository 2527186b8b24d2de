"""Generation from published folders: beside transformers' own pipeline, beside itself, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import limelight
from limelight.decode import Sample, Typist
from limelight.errors import InputError, RecipeError, TaskError
from limelight.tasks.generate import Generate
from limelight.tasks.writing.generated import Generated
from published import hf, published

PROMPTS = ["Tom sees", "The black cat eats the mouse. Mary", "A", "An old man wants"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generate")


@pytest.fixture(scope="module", params=["gpt2-LMHeadModel", "llama-ForCausalLM"])
def pair(request: pytest.FixtureRequest, folders: Path) -> tuple[Any, Generate]:
    """Their pipeline and our task over one folder."""
    published(request.param, folders / request.param)
    theirs = hf.pipeline("text-generation", str(folders / request.param), device="cpu")
    return theirs, limelight.task("generate", folders / request.param, dtype="fp32")


@pytest.fixture(scope="module")
def generate(folders: Path) -> Generate:
    published("gpt2-LMHeadModel", folders / "one")
    return limelight.task("generate", folders / "one", dtype="fp32")


@pytest.fixture(scope="module")
def t5(folders: Path) -> tuple[Any, Generate]:
    theirs = published("t5-ForConditionalGeneration", folders / "t5")
    return theirs, limelight.task("generate", folders / "t5", dtype="fp32")


HOW = [
    {"max_length": 8},
    {"max_length": 8, "beam": 3, "nbest": 2},
    {"max_length": 12, "no_repeat": 2, "min_length": 9},
    {"max_length": 12, "repetition_penalty": 1.3},
]


@pytest.mark.parametrize("how", HOW)
def test_it_goes_on_as_the_published_pipeline_does(pair: tuple[Any, Generate], how: dict[str, Any]) -> None:
    theirs, ours = pair
    names = {"max_length": "max_new_tokens", "beam": "num_beams", "nbest": "num_return_sequences", "no_repeat": "no_repeat_ngram_size"}
    asked = {names.get(key, key.replace("length", "new_tokens")): value for key, value in how.items()}
    for prompt in PROMPTS:
        want = [each["generated_text"].rstrip("\ufffd") for each in theirs(prompt, do_sample=False, **asked)]   # half a letter
        found = ours(prompt, **how)
        assert [(prompt + each.text).rstrip("\ufffd") for each in found.nbest] == want
        assert found.to_json()["generated_text"] == prompt + found.text
        assert found.to_json()["continuation"] == found.text


def test_an_encoder_reads_the_prompt(t5: tuple[Any, Generate]) -> None:
    theirs, ours = t5
    text = ours.opened.text
    for prompt in PROMPTS:
        ids = hf.BatchEncoding({"input_ids": [text.encode(prompt).ids]}, tensor_type="pt")["input_ids"]
        want = theirs.generate(ids, max_new_tokens=7, do_sample=False, num_beams=1, use_cache=False)[0, 1:].tolist()
        found = ours(prompt, max_length=7)
        assert found.text == text.decode(want).strip(" ")
        assert "continuation" not in found.to_json()


def test_several_prompts_are_answered_as_one_by_one_in_their_order(generate: Generate) -> None:
    together = generate(PROMPTS, max_length=9, batch=3)
    assert [each.source for each in together] == PROMPTS
    assert [each.text for each in together] == [generate(prompt, max_length=9).text for prompt in PROMPTS]


def test_a_prompt_near_the_end_of_the_room_is_answered_as_alone(generate: Generate) -> None:
    long = "Tom sees the mouse. " * 10
    prompts = ["A", long[: 20 * 4], long[: 20 * 5], "The cat"]
    together = generate(prompts, max_length=59, batch=4)
    assert [len(each.steps) for each in together] == [len(generate(prompt, max_length=59).steps) for prompt in prompts]
    assert len(together[2].steps) < 59
    assert not together[2].complete


@pytest.mark.parametrize("how", [{}, {"beam": 3}, {"sample": Sample(seed=3)}, {"stop": (" h", "a")}])
def test_a_stream_is_the_answer_piece_by_piece(generate: Generate, how: dict[str, Any]) -> None:
    for prompt in PROMPTS:
        *pieces, whole = generate.stream(prompt, max_length=12, **how)
        assert isinstance(whole, Generated)
        assert "".join(map(str, pieces)) == whole.text == generate(prompt, max_length=12, **how).text


def test_a_stop_text_ends_an_answer_and_is_not_part_of_it(generate: Generate) -> None:
    free = generate("Tom sees", max_length=12, sample=Sample(seed=1)).text
    stop = free[len(free) // 2 : len(free) // 2 + 2]
    found = generate("Tom sees", max_length=12, sample=Sample(seed=1), stop=(stop,))
    assert found.text == free[: free.index(stop)]
    assert found.complete


def test_a_stop_text_is_found_in_what_is_shown(t5: tuple[Any, Generate]) -> None:
    """An answer's first piece begins with a space that is not shown, so it does not stop the answer."""
    _, ours = t5
    found = [ours("Tom", max_length=12, sample=Sample(seed=seed)) for seed in range(8)]
    spaced = [each.steps[0].piece.startswith(" ") and not each.text[:1].isspace() for each in found]
    assert any(spaced)
    for seed, free in enumerate(found):
        stopped = ours("Tom", max_length=12, sample=Sample(seed=seed), stop=(" ",))
        assert stopped.text == free.text.partition(" ")[0]


def test_a_stream_of_a_tidy_tokenizer_takes_nothing_back(t5: tuple[Any, Generate], monkeypatch: pytest.MonkeyPatch) -> None:
    _, ours = t5
    text = ours.opened.text
    monkeypatch.setattr(text, "_tidy", True)
    said = text.encode("the dog ' the dog", marks=False).ids
    assert text.decode(said).strip() == "the dog'the dog"
    typist = Typist(lambda ids: text.decode(ids).strip(" "), text.begins_word, hold=text.unsettled)
    pieces = [typist.more(said[:n]) for n in range(1, len(said))]
    assert "".join([*pieces, typist.more(said, last=True)]) == "the dog'the dog"
    assert "".join(pieces)


def test_marks_in_a_prompt_are_text_unless_they_are_asked_for(generate: Generate) -> None:
    plain, named = generate("Tom</s>", max_length=1), generate("Tom</s>", max_length=1, named=True)
    assert plain.cost.source_tokens == len(generate.opened.text.encode("Tom</s>", marks=False).ids) + 1 > named.cost.source_tokens


def test_an_empty_prompt_begins_with_the_start_token(generate: Generate) -> None:
    assert generate("", max_length=4).cost.source_tokens == 1


def test_drawing_is_what_the_folder_asks_for_and_a_seed_repeats_it(folders: Path) -> None:
    published("gpt2-LMHeadModel", folders / "drawn", do_sample=True, temperature=2.0, top_k=7)
    draws = limelight.task("generate", folders / "drawn", dtype="fp32")
    first = draws("Tom", max_length=8)
    assert first.text == draws("Tom", max_length=8).text == draws("Tom", max_length=8, sample=Sample(temperature=2.0, top_k=7)).text
    assert len({draws("Tom", max_length=8, sample=Sample(temperature=2.0, top_k=7, seed=n)).text for n in range(4)}) > 1
    assert draws("Tom", max_length=8, beam=1).text == draws("Tom", max_length=8, beam=1).text != first.text


def test_a_prompt_that_fills_the_room_has_one_more_token_to_itself(generate: Generate) -> None:
    full = next(text for n in range(1, 200) if len(generate.opened.text.encode(text := "a b " * n).ids) in (59, 60))
    count = len(generate.opened.text.encode(full).ids)
    assert len(generate(full, max_length=9).steps) == 61 - count
    assert len(generate([full, "Tom"], max_length=9)[0].steps) == 61 - count


def test_what_cannot_be_is_refused_in_one_line(generate: Generate, tiny_folder: Path) -> None:
    with pytest.raises(InputError, match=r"a prompt has \d+ tokens; one has room for 60, with the answer"):
        generate("Tom sees the mouse. " * 20)
    with pytest.raises(InputError, match=r"text 2 of 2: a prompt has"):
        generate(["Tom", "Tom sees the mouse. " * 20])
    with pytest.raises(InputError, match="text 2 of 2 is no text: got int 3"):
        generate(["Tom", 3])
    with pytest.raises(RecipeError, match=r'generate has no option "max_lenght"\.   Did you mean "max_length"'):
        generate("Tom", max_lenght=3)
    with pytest.raises(RecipeError, match="one drawn answer"):
        generate.stream("Tom", sample=Sample(nbest=2))
    with pytest.raises(TaskError, match='"tiny" cannot generate: it was made to translate from en'):
        limelight.task("generate", tiny_folder)


def test_older_folders_tell_how_in_config_json(folders: Path, tmp_path: Path) -> None:
    published("gpt2-LMHeadModel", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["task_specific_params"] = {"text-generation": {"do_sample": True, "max_length": 5, "top_k": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    task = limelight.task("generate", tmp_path, dtype="fp32")
    assert task.opened.manifest.uses["generate"].generation.sample
    assert len(task("Tom").steps) <= 5
    assert task("Tom").text == task("Tom", sample=Sample(top_k=3)).text
