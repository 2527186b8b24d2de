"""The old jobs over pictures: what each took, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, RecipeError
from ..tasks.writing.writer import Writer
from .asked import NEW, known, writing

FIRST = 5                                # labels that were given back where nobody asked for another number
PHOTO = "This is a photo of {}."


def seen(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    """image-classification: the labels of a picture, best first; of a list of pictures, a list of those."""
    named = dict(asked)
    apply = named.pop("function_to_apply", None)
    if apply not in (None, "default", "softmax", "sigmoid"):
        raise RecipeError(f"image-classification: function_to_apply={apply!r:.40} is not done here.", "softmax and sigmoid are.")
    options = {"top_k": FIRST, **known("image-classification", named, {"top_k": "top_k", "batch_size": "batch"})}
    if apply in ("softmax", "sigmoid"):
        options["several"] = apply == "sigmoid"
    return _each(task, given, options)


def compared(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    """zero-shot-image-classification: a caller's labels, best first."""
    names = {"candidate_labels": "labels", "hypothesis_template": "template", "batch_size": "batch"}
    options = {"template": PHOTO, **known("zero-shot-image-classification", asked, names)}
    labels = options.get("labels", ())
    options["labels"] = tuple(each.strip() for each in labels.split(",")) if isinstance(labels, str) else tuple(labels)
    if not options["labels"]:
        raise InputError("zero-shot-image-classification needs labels: got none.", "Give candidate_labels.")
    return _each(task, given, options)


def captioned(task: Any, given: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    """image-to-text: the captions of a picture; of a list of pictures, a list of those."""
    named = {**asked, **asked.get("generate_kwargs", {})}
    named.pop("generate_kwargs", None)
    names = {**NEW, "prompt": "prompt", "batch_size": "batch"}
    options = known("image-to-text", writing(Writer(task.opened, task.use), named, before=1), names)
    rows = [[{"generated_text": each.text} for each in result.nbest] for result in task(_listed(given), **options)]
    return rows if isinstance(given[0], list | tuple) else rows[0]


def _each(task: Any, given: Sequence[Any], options: Mapping[str, Any]) -> Any:
    rows = [[each.to_json() for each in result.labels] for result in task(_listed(given), **options)]
    return rows if isinstance(given[0], list | tuple) else rows[0]


def _listed(given: Sequence[Any]) -> list[Any]:
    (pictures,) = given
    return list(pictures) if isinstance(pictures, list | tuple) else [pictures]
