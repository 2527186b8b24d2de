"""Family: what there is to know of a kind of published model, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import SpecError
from ..inputs.published import Habit
from ..manifest import Drawing
from ..spec import Codec, Column, Model, Pictures, Sounds, Stack
from ..weights.names import Row
from .config import PUBLISHED, Config

P = TypeVar("P")


@dataclass(frozen=True)
class CodecNames:
    """How a kind of model keeps the codec that draws its pictures: in a `file` of this stem, under the `names` of a table; `config`: what
    config.json says of it."""

    file: str
    names: Callable[[Codec], Sequence[Row]]
    config: Callable[[Codec], dict[str, Any]]


@dataclass(frozen=True)
class Family:
    """`spec` reads a config.json, `config` writes one, `names` is the table of tensors for a spec; `prefix`: what the names in a file
    without a head lack; `habit`: the marks around a text, where the folder has no tokenizer.json to say so; `pictures`, `sounds`: how
    they are made ready where the folder does not say, of a kind that reads them; `processor`: the class that does it elsewhere.
    `inner`: the part of config.json that is about what writes, and may say how it is to; `tokens`: what a text begins and ends with where
    that part alone is believed: the usual key -> the key there, and the token where it is missing. `drawing`, `codec`: of a kind that
    draws: how it is asked to, and what makes pictures of its tokens."""

    spec: Callable[[Config], Model]
    config: Callable[[Model], dict[str, Any]]
    names: Callable[[Model], Sequence[Row]]
    prefix: str = ""
    habit: Habit = field(default_factory=Habit)
    pictures: Pictures | None = None
    sounds: Sounds | None = None
    processor: str = ""
    inner: str = ""
    tokens: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    drawing: Callable[[Config, Model], Drawing] | None = None
    codec: CodecNames | None = None


def column(stack: Column | None, position: type[P]) -> tuple[Stack, P]:
    """A stack that must be there, with positions that must be of this kind. Raises SpecError for a model that is no such thing."""
    if not isinstance(stack, Stack) or not isinstance(stack.position, position):
        have = "no such stack" if stack is None else f"position={stack.position}"
        raise SpecError(f"this family has {position.__name__} positions: got {have}.", "Save the model as a limelight folder.")
    return stack, stack.position


def sizes(s: Stack, dim: int) -> dict[str, Any]:
    """What a config.json says of a column in BERT's words."""
    return {
        "hidden_size": dim,
        "num_hidden_layers": s.depth,
        "num_attention_heads": s.attention.heads,
        "intermediate_size": s.ff.hidden,
        "hidden_act": PUBLISHED[s.ff.activation],
        "layer_norm_eps": s.norm.eps,
    }
