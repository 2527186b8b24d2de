"""The jobs of the old pipelines: which task each is, which model it opened where none was named, its arguments and its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, RecipeError
from ..tasks.chat import Chat
from ..tasks.fill.filled import Guess
from ..tasks.writing.generated import Candidate, Generated
from ..tasks.writing.writer import Writer
from .asked import NEW, known, writing
from .shown import captioned, compared, seen

Answer = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Kind:
    """A job. `task`: ours; `model`: what is opened where none is named; `answer`: the task, what it is called with, and by name -> what
    the old pipeline gave. `pictures`: whether it is called with pictures."""

    task: str
    model: str
    answer: Answer
    pictures: bool = False


def _classified(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    (texts,) = given
    named = dict(asked)
    if (everything := named.pop("return_all_scores", None)) is not None:
        named["top_k"] = None if everything else 1
    apply = named.pop("function_to_apply", None)
    if apply not in (None, "default", "softmax", "sigmoid"):
        raise RecipeError(f"text-classification: function_to_apply={apply!r} is not done here.", "softmax and sigmoid are.")
    options = known("text-classification", named, {"top_k": "top_k", "batch_size": "batch"})
    if apply in ("softmax", "sigmoid"):
        options["several"] = apply == "sigmoid"
    listed = "top_k" in options
    several = isinstance(texts, list)
    found = task(list(texts) if several else [texts], **{"top_k": 1, **options})
    rows = [[each.to_json() for each in result.labels] for result in found]
    return [row if listed else row[0] for row in rows] if several or not listed else rows[0]


def _zero_shot(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    texts, *rest = given
    names = {"candidate_labels": "labels", "hypothesis_template": "template", "multi_label": "several", "batch_size": "batch"}
    options = known("zero-shot-classification", {**dict(zip(("candidate_labels",), rest, strict=False)), **asked}, names)
    labels = options.get("labels", ())
    options["labels"] = tuple(each.strip() for each in labels.split(",")) if isinstance(labels, str) else tuple(labels)
    if not options["labels"]:
        raise InputError("zero-shot-classification needs labels: got none.", "Give candidate_labels.")
    options.setdefault("several", False)
    rows = [
        {"sequence": r.source, "labels": [each.label for each in r.labels], "scores": [each.score for each in r.labels]}
        for r in task([texts] if isinstance(texts, str) else list(texts), **options)
    ]
    return rows[0] if isinstance(texts, str) else rows


def _answered(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    names = {"top_k": "nbest", "topk": "nbest", "doc_stride": "overlap", "max_answer_len": "max_answer", "max_seq_len": "window"}
    names |= {"handle_impossible_answer": "none", "align_to_words": "whole_words", "batch_size": "batch", "padding": "padding"}
    named = dict(asked)
    what = {name: named.pop(name) for name in ("question", "context") if name in named}
    options = {"none": False, **known("question-answering", named, names)}
    found = task(*given, **what, **options)
    rows = [[each.to_json() for each in r.nbest] for r in (found if isinstance(found, list) else [found])]
    shaped = [row[0] if len(row) == 1 else row for row in rows]
    return shaped if isinstance(found, list) else shaped[0]


def _extracted(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    (texts,) = given
    named = dict(asked)
    grouped = named.pop("grouped_entities", False)
    names = {"aggregation_strategy": "merge", "ignore_labels": "ignore", "stride": "overlap", "batch_size": "batch"}
    options = {"merge": "simple" if grouped else "none", **known("token-classification", named, names)}
    options["merge"] = getattr(options["merge"], "value", options["merge"])
    if "ignore" in options:
        options["ignore"] = tuple(options["ignore"])
    rows = [[each.to_json() for each in r.entities] for r in task([texts] if isinstance(texts, str) else list(texts), **options)]
    return rows[0] if isinstance(texts, str) else rows


def _filled(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    (texts,) = given
    options = known("fill-mask", asked, {"top_k": "top_k", "targets": "targets", "batch_size": "batch"})
    if "targets" in options:
        options["targets"] = (options["targets"],) if isinstance(options["targets"], str) else tuple(options["targets"])
    rows = []
    for result in task([texts] if isinstance(texts, str) else list(texts), **options):
        per_mask = [[_guess(each) for each in row] for row in result.guesses]
        rows.append(per_mask[0] if len(per_mask) == 1 else per_mask)
    return rows[0] if isinstance(texts, str) else rows


def _guess(guess: Guess) -> dict[str, Any]:
    return {"score": guess.score, "token": guess.token, "token_str": guess.piece, "sequence": guess.sequence}


def _embedded(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    (texts,) = given
    options = known("feature-extraction", asked, {"batch_size": "batch"})
    found = task([texts] if isinstance(texts, str) else list(texts), tokens=True, **options)
    rows = [[r.features.tolist()] for r in found]
    return rows[0] if isinstance(texts, str) else rows


def _translated(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    languages = {"src_lang": "source_language", "tgt_lang": "target_language"}
    return _written("translation", task, given, asked, "translation_text", languages)


def _summarized(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    return _written("summarization", task, given, asked, "summary_text", {})


def _answered_in_text(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    return _written("text2text-generation", task, given, asked, "generated_text", {})


def _written(name: str, task: Any, given: Sequence[Any], asked: Mapping[str, Any], key: str, more: Mapping[str, str]) -> Any:
    texts = list(given) if len(given) > 1 else given[0]              # several texts could be given one after the other
    options = known(name, writing(Writer(task.opened, task.use), asked, before=1), {**NEW, **more, "batch_size": "batch"})
    rows = [[{key: each.text} for each in _all(r)] for r in task([texts] if isinstance(texts, str) else list(texts), **options)]
    several = isinstance(texts, list | tuple)
    if several and all(len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    return rows if several else rows[0]


def _gone_on(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    (prompts,) = given
    named = dict(asked)
    full = named.pop("return_full_text", None) in (None, True)
    several = isinstance(prompts, list | tuple) and not _is_talk(prompts)
    rows = [
        _conversed(task, list(prompt), named, full) if _is_talk(prompt) else _went_on(task, prompt, named, full)
        for prompt in (prompts if several else [prompts])
    ]
    return rows if several else rows[0]


def _is_talk(given: object) -> bool:
    """Whether it is a conversation."""
    return isinstance(given, list | tuple) and bool(given) and isinstance(given[0], Mapping)


def _went_on(task: Any, prompt: Any, asked: Mapping[str, Any], full: bool) -> list[dict[str, str]]:
    before = len(task.opened.text.encode(prompt).ids) if isinstance(prompt, str) else 0          # old lengths count the prompt
    options = known("text-generation", writing(Writer(task.opened, task.use), asked, before=before), {**NEW, "batch_size": "batch"})
    return [{"generated_text": prompt * full + each.text} for each in _all(task(prompt, **options))]


def _conversed(task: Any, talk: list[Any], asked: Mapping[str, Any], full: bool) -> list[dict[str, Any]]:
    """A conversation, with the reply as its last message."""
    chat = Chat(task.opened)
    before = len(task.opened.text.encode(chat.prompt(talk), marks=False, named=True).ids)
    options = known("text-generation", writing(Writer(task.opened, task.use), asked, before=before), {**NEW, "batch_size": "batch"})
    replies = [each.text for each in _all(chat(talk, **options))]
    return [{"generated_text": [*talk, {"role": "assistant", "content": text}] if full else text} for text in replies]


def _all(result: Generated) -> Sequence[Any]:
    return result.nbest or (Candidate(result.text, 0.0),)                    # of white space, none was searched for


KINDS = {
    "text-classification": Kind("classify", "distilbert/distilbert-base-uncased-finetuned-sst-2-english", _classified),
    "zero-shot-classification": Kind("classify", "facebook/bart-large-mnli", _zero_shot),
    "question-answering": Kind("answer", "distilbert/distilbert-base-cased-distilled-squad", _answered),
    "token-classification": Kind("extract", "dbmdz/bert-large-cased-finetuned-conll03-english", _extracted),
    "fill-mask": Kind("fill", "distilbert/distilroberta-base", _filled),
    "feature-extraction": Kind("embed", "distilbert/distilbert-base-cased", _embedded),
    "translation": Kind("translate", "google-t5/t5-base", _translated),
    "summarization": Kind("summarize", "sshleifer/distilbart-cnn-12-6", _summarized),
    "text-generation": Kind("generate", "openai-community/gpt2", _gone_on),
    "text2text-generation": Kind("generate", "google-t5/t5-base", _answered_in_text),
    "image-classification": Kind("classify", "google/vit-base-patch16-224", seen, pictures=True),
    "zero-shot-image-classification": Kind("classify", "openai/clip-vit-large-patch14", compared, pictures=True),
    "image-to-text": Kind("caption", "ydshieh/vit-gpt2-coco-en", captioned, pictures=True),
}
ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}
