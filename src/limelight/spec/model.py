"""The parts of a model and the whole, as data."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import parse, plain, value
from .positions import Count, Position, Positive, Rotary, Sinusoid

MOST_HEADS = 4096                        # where hints are looked for

Share = Annotated[float, Field(ge=0, lt=1)]
Activation = Literal["relu", "gelu", "gelu_tanh", "silu", "tanh"]


# --- scores: how a query and a key are compared ---------------------------------------------------------------------
@value
class Dot:
    """q . k (Luong et al. 2015, equation 8; T5 and GPT-Neo use it unscaled)."""

    kind: Literal["dot"] = "dot"


@value
class ScaledDot:
    """q . k * scale; `scale` None means 1 / sqrt(head width) (Vaswani et al. 2017, equation 1)."""

    kind: Literal["scaled_dot"] = "scaled_dot"
    scale: Annotated[float, Field(gt=0)] | None = None


@value
class General:
    """q W k, with a learned W for each head (Luong et al. 2015, equation 8)."""

    kind: Literal["general"] = "general"


@value
class Additive:
    """v . tanh(q + k), with a learned v for each head (Bahdanau et al. 2015, appendix A.1.2; Luong's concat)."""

    kind: Literal["additive"] = "additive"


Score = Annotated[Dot | ScaledDot | General | Additive, Field(discriminator="kind")]


# --- weights: how scores become weights -----------------------------------------------------------------------------
@value
class Soft:
    """softmax over the keys."""

    kind: Literal["soft"] = "soft"


Weights = Soft


# --- the parts of a layer -------------------------------------------------------------------------------------------
@value
class Norm:
    """Layer norm (Ba et al. 2016) or root-mean-square norm (Zhang and Sennrich 2019)."""

    kind: Literal["layer", "rms"] = "layer"
    eps: Annotated[float, Field(gt=0)] = 1e-5


@value
class Attention:
    """Heads of queries over (perhaps fewer) heads of keys and values.

    `kv_heads`: None for as many as `heads`; 1 is multi-query (Shazeer 2019), between is grouped-query (Ainslie et al. 2023).
    `bias`: which of the projections q, k, v, o carry a bias. `window`: keys this many slots away, or more, are not seen.
    `norm`: each head's queries and keys are normed before they meet (Henry et al. 2020; Qwen3).
    """

    heads: Count
    kv_heads: Count | None = None
    head_dim: Count | None = None
    bias: str = "qkvo"
    score: Score = ScaledDot()
    weights: Weights = Soft()
    window: Count | None = None
    norm: Norm | None = None
    dropout: Share = 0.0

    def __post_init__(self) -> None:
        if self.heads % self.groups:
            tries = f"Try one of {_divisors(self.heads)}."
            raise SpecError(f"kv_heads must divide heads: heads={self.heads}, kv_heads={self.kv_heads}.", tries)
        if unknown := set(self.bias) - set("qkvo"):
            raise SpecError(f'bias names projections among "qkvo": got {self.bias!r}, unknown {"".join(sorted(unknown))!r}.')

    @property
    def groups(self) -> int:
        """How many heads of keys and values there are."""
        return self.kv_heads or self.heads

    def width(self, dim: int) -> int:
        """The width of one head in a model of width `dim`. Raises SpecError where heads do not divide it."""
        if self.head_dim is None and dim % self.heads:
            near = sorted(_divisors(dim), key=lambda h: abs(h - self.heads))[:2]
            tries = " or ".join(f"heads={h}" for h in sorted(near))
            raise SpecError(
                f"heads must divide dim: dim={dim}, heads={self.heads}.", f"Try {tries}, or head_dim={max(1, dim // self.heads)}."
            )
        return self.head_dim or dim // self.heads


@value
class FeedForward:
    """Two linear maps with a bend between; `gated` multiplies by a second branch (Shazeer 2020, equation 6)."""

    hidden: Count
    activation: Activation = "gelu"
    gated: bool = False
    bias: bool = True
    dropout: Share = 0.0


@value
class Tokens:
    """Rows of a table of embeddings; `scaled` multiplies them by sqrt(dim) (Vaswani et al. 2017, section 3.4).

    `segments`: vectors that tell the parts of an input apart (Devlin et al. 2019, section 3). `width`: of the table where it is not
    the model's; linear maps go there and back (OPT-350m).
    """

    vocab: Count
    scaled: bool = False
    segments: Annotated[int, Field(ge=0)] = 0
    width: Count | None = None


@value
class Stack:
    """A column of equal layers. `norm_at`: before each branch ("pre") or after each sum ("post").

    `norm_input`: a norm right after the embedding (BERT, BART). `norm_output`: a norm after the last layer.
    `windows`: the window of each layer where layers differ (GPT-Neo, Qwen2); () where all have attention.window.
    """

    depth: Count
    attention: Attention
    ff: FeedForward
    norm: Norm = Norm()
    input: Tokens
    position: Position | None = None
    cross: Attention | None = None
    causal: bool = False
    norm_at: Literal["pre", "post"] = "pre"
    norm_input: bool = False
    norm_output: bool = True
    windows: tuple[Count | None, ...] = ()
    dropout: Share = 0.0

    def __post_init__(self) -> None:
        if self.windows and (len(self.windows) != self.depth or self.attention.window is not None):
            raise SpecError(
                f"windows are for each of {self.depth} layers: got {len(self.windows)}, and attention.window={self.attention.window}.",
                "Give one window (or None) a layer, and no attention.window.",
            )
        dots = isinstance(self.attention.score, Dot | ScaledDot)
        if isinstance(self.position, Rotary) and not dots:
            raise SpecError(
                f"rotary positions work through dot products; the score is {self.attention.score.kind}.",
                "Use score=ScaledDot(), or position=Sinusoid(...).",
            )

    @property
    def room(self) -> int | None:
        """How many positions there are; None where there is no end of them."""
        return getattr(self.position, "length", None)


@value
class Words:
    """Scores of every token of the vocabulary, at each place. `tied`: the table of embeddings serves as the output matrix.

    `scale` multiplies the hidden states first (T5: dim ** -0.5 where tied). `mix`: a map, this bend and a norm come before
    (BERT's masked language model).
    """

    name: str = "lm"
    kind: Literal["tokens"] = "tokens"
    tied: bool = True
    bias: bool = False
    scale: Positive = 1.0
    mix: Activation | None = None


@value
class Classes:
    """Scores of classes for a whole text, read at one place of it, or off the mean of all.

    `mix`: a map and this bend come before. `several`: classes are not exclusive, each has a probability of its own. `quantity`: what is
    scored is measured, not told apart, and the scores stand as they are (regression).
    """

    name: str = "classes"
    kind: Literal["classes"] = "classes"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    at: Literal["first", "last", "mean"] = "first"
    mix: Activation | None = None
    bias: bool = True
    several: bool = False
    quantity: bool = False

    def __post_init__(self) -> None:
        if self.several and self.quantity:
            raise SpecError("a quantity has no probability: got several=True and quantity=True.", "Set one of them.")


@value
class Labels:
    """Scores of labels at each place: names and terms in a text, or where an answer starts and ends."""

    name: str = "labels"
    kind: Literal["labels"] = "labels"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    bias: bool = True


Head = Annotated[Words | Classes | Labels, Field(discriminator="kind")]


@value
class Model:
    """A whole model: an encoder, a decoder, or both, and the heads on top of the last of them.

    `shared`: encoder and decoder read one table of embeddings, where their inputs are alike.
    """

    family: str
    dim: Count
    encoder: Stack | None = None
    decoder: Stack | None = None
    heads: tuple[Head, ...]
    shared: bool = True

    def __post_init__(self) -> None:
        if self.encoder is None and self.decoder is None:
            raise SpecError("a model needs an encoder, a decoder or both: got neither.", "Give encoder=Stack(...) or decoder=Stack(...).")
        for name, stack in (("encoder", self.encoder), ("decoder", self.decoder)):
            if stack is not None:
                _check_stack(name, stack, self)
        if len({head.name for head in self.heads}) != len(self.heads):
            raise SpecError(f"two heads have one name: {', '.join(head.name for head in self.heads)}.", "Name each head differently.")

    @property
    def room(self) -> int | None:
        """How many tokens it reads at once: the positions of its shorter stack; None where nothing bounds them."""
        rooms = [stack.room for stack in (self.encoder, self.decoder) if stack is not None]
        return min((room for room in rooms if room is not None), default=None)


def _check_stack(name: str, stack: Stack, model: Model) -> None:
    width = stack.attention.width(model.dim)
    if isinstance(stack.position, Rotary):
        stack.position.check_width(width)
    if isinstance(stack.position, Sinusoid) and model.dim % 2:
        raise SpecError(f"{name}: sinusoids come in pairs; dim={model.dim} is odd.", "Use an even dim.")
    if name == "encoder":
        if stack.cross is not None:
            raise SpecError("an encoder has nothing to cross-attend to: got encoder.cross.", "Put cross=Attention(...) into the decoder.")
        if stack.causal and model.decoder is not None:
            raise SpecError(
                "an encoder beside a decoder must see its whole input: got encoder.causal=True.",
                "Drop causal from the encoder, or give a decoder alone for a causal language model.",
            )
        return
    if not stack.causal:
        raise SpecError("a decoder may not see the tokens that it is to predict: got decoder.causal=False.", "Set causal=True.")
    if (stack.cross is None) != (model.encoder is None):
        have = "no encoder to look at" if model.encoder is None else "an encoder that nothing looks at"
        raise SpecError(f"decoder.cross is {'unset' if stack.cross is None else 'set'}, with {have}.", "Give both, or neither.")
    if stack.cross is None:
        return
    stack.cross.width(model.dim)
    if stack.cross.window is not None:
        raise SpecError(
            f"slots of two sequences have no distance: got decoder.cross.window={stack.cross.window}.", "Drop window from cross."
        )


def _divisors(n: int) -> list[int]:
    """Those that a number of heads may be; a file may ask for 10^12."""
    return [each for each in range(1, min(n, MOST_HEADS) + 1) if n % each == 0]


def to_json(spec: Model) -> str:
    """The spec as JSON text, every field spelled out."""
    return json.dumps(plain(spec), indent=2)


def from_json(text: str, *, where: str = "spec") -> Model:
    """Read a spec back. Raises SpecError for text that is not JSON, an unknown key or an illegal mixture."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"{where}: not JSON: {error}") from None
    return parse(Model, data, where=where)
