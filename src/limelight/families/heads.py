"""What stands on top: the head that a config.json asks for, its tensors, and its keys on the way back."""

from __future__ import annotations

from typing import Any

from ..spec import NOTHING, OBJECTS, Boxes, Classes, Head, Labels, Model, Words
from ..weights.names import Row, row
from .config import Config

SPAN = ("start", "end")


def span() -> Labels:
    """Where an answer starts and ends, as published models for question answering have it."""
    return Labels(name="span", labels=SPAN)


def finders(c: Config, *, depth: int) -> tuple[Head, ...]:
    """Of a model that finds objects: what is seen, through `depth` maps, the last label being that nothing is, and where."""
    found = c.head(objects=Labels(name=OBJECTS, labels=(*c.classes, NOTHING), depth=depth))
    return (*found, Boxes()) if found else ()


def found_in(theirs: str = "class_labels_classifier", *, depth: int) -> list[Row]:
    """The tensors of `finders`."""
    box = "bbox_predictor.layers"
    boxes = [*(row(f"{box}.{i}.*", f"heads.boxes.maps.{i}.*") for i in range(2)), row(f"{box}.2.*", "heads.boxes.out.*")]
    if depth == 1:
        return [row(f"{theirs}.*", f"heads.{OBJECTS}.out.*"), *boxes]
    maps = [row(f"{theirs}.layers.{i}.*", f"heads.{OBJECTS}.maps.{i}.*") for i in range(depth - 1)]
    return [*maps, row(f"{theirs}.layers.{depth - 1}.*", f"heads.{OBJECTS}.out.*"), *boxes]


def causal_heads(c: Config, *, tied: bool) -> tuple[Head, ...]:
    """Of a language model that reads from left to right; `tied`: where config.json does not say."""
    return c.head(
        words=Words(tied=c.flag("tie_word_embeddings", tied)),
        classes=Classes(labels=c.classes, at="last", bias=False, several=c.several, quantity=c.quantity),
        labels=Labels(labels=c.classes),
        span=span(),
    )


def after(m: Model, table: str, *, labels: str = "classifier") -> list[Row]:
    """Rows for the plain heads: `table` is our name of the embeddings, which a tied language model is a copy of; `labels`: what the
    head of a token classifier is called."""
    words = next((head for head in m.heads if isinstance(head, Words)), None)
    classes = any(isinstance(head, Classes) for head in m.heads)
    if words is None:
        out = row("lm_head.weight")                                  # a head that the model does not have is left out
    else:
        out = row("lm_head.weight", table, copy=True) if words.tied else row("lm_head.weight", "heads.lm.out.weight")
    return [
        out,
        row("score.weight", "heads.classes.out.weight") if classes else row(f"{labels}.*", "heads.labels.out.*"),
        row("qa_outputs.*", "heads.span.out.*"),
    ]


def labelled(heads: tuple[Head, ...]) -> dict[str, Any]:
    """The keys of a config.json that tell of labels."""
    for head in heads:
        if isinstance(head, Classes | Labels) and head.labels != SPAN:
            labels = head.labels[:-1] if head.name == OBJECTS else head.labels       # that nothing is there has no name elsewhere
            named = {
                "id2label": {str(i): name for i, name in enumerate(labels)},
                "label2id": {name: i for i, name in enumerate(labels)},
            }
            return named | _problem(head)
        if isinstance(head, Words):
            return {"tie_word_embeddings": head.tied}
    return {}


def _problem(head: Classes | Labels) -> dict[str, str]:
    """The key that tells what scores are, where they are not those of classes of which one holds."""
    if isinstance(head, Labels) or not (head.several or head.quantity):
        return {}
    return {"problem_type": "multi_label_classification" if head.several else "regression"}


def architecture(
    stem: str, heads: tuple[Head, ...], *, words: str = "", classes: str = "ForSequenceClassification"
) -> dict[str, Any]:
    """The key that names the class which opens the folder elsewhere; `words`, `classes`: how that with such a head ends."""
    match heads:
        case (Words(), *_):
            end = words
        case (Classes(), *_):
            end = classes
        case (Labels(name=name), *_) if name == OBJECTS:
            end = "ForObjectDetection"
        case (Labels(labels=labels), *_):
            end = "ForQuestionAnswering" if labels == SPAN else "ForTokenClassification"
        case _:
            end = "Model"
    return {"architectures": [stem + end]}
