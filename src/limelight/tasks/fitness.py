"""Which tasks a model can do: told by its heads, and by what it was made for."""

from __future__ import annotations

from ..errors import TaskError
from ..hub import Opened
from ..hub.speech import frames_read
from ..spec import OBJECTS, Boxes, Classes, Head, Labels, Meeting, Model, Words

ANY = ("embed", "sense")                 # any model of texts has vectors
VECTORS = {"tokens": ANY, "patches": ("embed",)}
CAUSAL, SEQUENCE = ("generate", "chat", "resolve"), ("translate", "align", "summarize", "generate")
MASKED = ("fill", "resolve")


def able(spec: Model, mask: bool) -> tuple[str, ...]:
    """The tasks that a model with these heads can do; `mask`: whether its tokenizer has a mark for what is to be guessed."""
    found = [task for head in spec.heads for task in _by(head, spec, mask)]
    return tuple(dict.fromkeys((*found, *VECTORS.get(spec.reads, ()))))


def _by(head: Head, spec: Model, mask: bool) -> tuple[str, ...]:
    match head:
        case Words():
            if frames_read(spec):
                return ("transcribe",)
            if spec.reads != "tokens":
                return ("caption",)
            if spec.decoder is None:
                return MASKED
            return CAUSAL if spec.encoder is None else SEQUENCE + MASKED[:1] * mask
        case Classes() | Meeting():
            return ("classify",)
        case Labels(name="span"):
            return ("answer",)
        case Labels(name=name) if name == OBJECTS:
            return ("detect",)
        case Labels():
            return ("extract",)
        case Boxes():
            return ()


def check_fit(opened: Opened, task: str) -> None:
    """Raises TaskError for a task that the model cannot do, with those that it can."""
    m = opened.manifest
    can = able(m.spec, opened.tokenizer is not None and opened.tokenizer.marks.mask is not None)
    if m.source_language is not None:                                # made to translate, from this language to that
        can = tuple(name for name in can if name in ("translate", "align", *ANY))
    if m.drawing is not None:                                        # its words are codes of pictures
        can = ("draw",)
    if task not in can:
        made = f"it was made to translate from {m.source_language}" if m.source_language else f"it has {_heads(m.spec)}"
        made = made if m.drawing is None else "it was made to draw"
        raise TaskError(f'the model "{m.name}" cannot {task}: {made}.', f"It can {', '.join(can)}.")


def _heads(spec: Model) -> str:
    return ", ".join(_called(head) for head in spec.heads) or "no head"


def _called(head: Head) -> str:
    match head:
        case Words():
            return "a language model's head"
        case Meeting():
            return "a space in which texts and pictures meet"
        case Classes(labels=labels):
            return f"a head for {len(labels)} classes"
        case Labels(name="span"):
            return "a head for answers in a text"
        case Labels(name=name, labels=labels) if name == OBJECTS:
            return f"a head for {len(labels) - 1} kinds of objects"
        case Labels(labels=labels):
            return f"a head for {len(labels)} labels a token"
        case Boxes():
            return "a head for boxes"


def measured(opened: Opened, task: str) -> str:
    """How good a model is known to be at a task, for people; where nobody measured it, that."""
    found = opened.manifest.measured.get(task)
    how = f"limelight eval {opened.manifest.name} --task {task}"
    return f"how far to trust this model: not measured ({how})" if found is None else f"this model: {found}"
