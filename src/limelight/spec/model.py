"""The whole model, as data: an encoder, a decoder, or both, and what may go together."""

from __future__ import annotations

import json

from ..errors import SpecError
from ..values import parse, plain, value
from .attention import Attention
from .heads import Boxes, Head, Meeting
from .inputs import Features, Patches, Slots, Tokens
from .positions import Count, Grid, Learned, Rotary, Sinusoid
from .stack import Column, Recurrent, Stack
from .weights import Hard


@value
class Model:
    """A whole model: an encoder, a decoder, or both, and the heads on top of the last of them.

    `shared`: encoder and decoder read one table of embeddings, where their inputs are alike. `bridge`: what the encoder gives goes through
    a linear map to the decoder's width; without it, cross-attention reads it as wide as it is. `pictures`: a second encoder, whose
    vectors are compared with the first's (Radford et al. 2021).
    """

    family: str
    dim: Count
    encoder: Column | None = None
    decoder: Column | None = None
    pictures: Stack | None = None
    heads: tuple[Head, ...]
    shared: bool = True
    bridge: bool = False

    def __post_init__(self) -> None:
        if self.encoder is None and self.decoder is None:
            raise SpecError("a model needs an encoder, a decoder or both: got neither.", "Give encoder=Stack(...) or decoder=Stack(...).")
        for name, column in self.columns.items():
            match column:
                case Stack():
                    _check_stack(name, column, self)
                case Recurrent():
                    _check_recurrent(name, column, self)
        if len({head.name for head in self.heads}) != len(self.heads):
            raise SpecError(f"two heads have one name: {', '.join(head.name for head in self.heads)}.", "Name each head differently.")

        if self.bridge and (self.encoder is None or self.decoder is None):
            raise SpecError("a bridge goes from an encoder to a decoder: got bridge=True, and not both.", "Drop bridge.")
        if self.pictures is not None and (self.encoder is None or self.decoder is not None):
            raise SpecError("vectors of pictures are compared with an encoder's: got pictures with "
                            f"{'a decoder' if self.decoder else 'no encoder'}.", "Give encoder and pictures alone.")
        _check_meeting(self)
        _check_near(self)

    @property
    def columns(self) -> dict[str, Stack | Recurrent]:
        """Its columns by name, those that it has."""
        named = {"encoder": self.encoder, "decoder": self.decoder, "pictures": self.pictures}
        return {name: column for name, column in named.items() if column is not None}

    @property
    def reads(self) -> str:
        """What it reads, first of all: "tokens", "patches", "frames" ..."""
        return next(iter(self.columns.values())).input.kind

    def width(self, column: Stack | Recurrent) -> int:
        """Of the vectors of one of its columns."""
        return (column.dim if isinstance(column, Stack) else None) or self.dim

    @property
    def vocabularies(self) -> tuple[int, ...]:
        """How many tokens each column knows that reads some."""
        return tuple(column.input.vocab for column in self.columns.values() if isinstance(column.input, Tokens))

    @property
    def source(self) -> int:
        """The width of what its decoder's cross-attention looks at."""
        return self.dim if self.encoder is None or self.bridge else self.width(self.encoder)

    @property
    def room(self) -> int | None:
        """How many tokens it reads at once: the positions of its shorter stack; None where nothing bounds them."""
        rooms = [column.room for column in (self.encoder, self.decoder) if column is not None]
        return min((room for room in rooms if room is not None), default=None)

    @property
    def drawing(self) -> Hard | None:
        """How the draws of its cross-attention are learnt, where they are hard and the loss has to know."""
        cross = self.decoder.cross if self.decoder else None
        hard = cross.weights if cross is not None else None
        return hard if isinstance(hard, Hard) and hard.estimator != "gumbel" else None

    @property
    def lasting(self) -> bool:
        """Whether what cross-attention sees at one step goes into later ones too."""
        return self.decoder.steps if isinstance(self.decoder, Recurrent) else self.decoder is not None and self.decoder.depth > 1


def _check_meeting(model: Model) -> None:
    if any(isinstance(head, Meeting) for head in model.heads):
        reads = None if model.encoder is None else model.encoder.input.kind
        if model.pictures is None or reads != "tokens":
            have = f"an encoder of {reads}, and {'no ' if model.pictures is None else ''}pictures"
            raise SpecError(f"texts and pictures meet where a model reads both: got {have}.", "Give an encoder of tokens, and pictures.")


def _check_near(model: Model) -> None:
    if any(isinstance(head, Boxes) and head.near for head in model.heads):
        reads = None if model.encoder is None else model.encoder.input
        grid = isinstance(reads, Features) or (isinstance(reads, Patches) and not reads.before + reads.after)
        if model.decoder is not None or not grid:
            raise SpecError("boxes are near to places of a grid that the encoder alone reads: got "
                            f"{'a decoder' if model.decoder else 'other places beside those of the grid'}.",
                            "Use an encoder of Features, or of Patches(before=0), alone; or drop near.")


def _check_stack(name: str, stack: Stack, model: Model) -> None:
    dim = model.width(stack)
    width = stack.attention.width(dim)
    if isinstance(stack.position, Rotary):
        stack.position.check_width(width)
    if isinstance(stack.position, Sinusoid) and dim % 2:
        raise SpecError(f"{name}: sinusoids come in pairs; dim={dim} is odd.", "Use an even dim.")
    if isinstance(stack.position, Grid) and dim % 4:
        raise SpecError(f"{name}: rows and columns have half of the channels each, in pairs; dim={dim} is no multiple of 4.",
                        "Use a dim that is one.")
    _check_places(name, stack)
    if name != "decoder":
        _check_alone(stack)
        if stack.causal and model.decoder is not None:
            raise SpecError(
                "an encoder beside a decoder must see its whole input: got encoder.causal=True.",
                "Drop causal from the encoder, or give a decoder alone for a causal language model.",
            )
        return
    if stack.dim not in (None, model.dim):
        raise SpecError(f"a decoder is as wide as the model: got decoder.dim={stack.dim}, dim={model.dim}.", "Drop decoder.dim.")
    if not stack.causal and not isinstance(stack.input, Slots):
        raise SpecError("a decoder may not see the tokens that it is to predict: got decoder.causal=False.", "Set causal=True.")
    if (stack.cross is None) != (model.encoder is None):
        have = "no encoder to look at" if model.encoder is None else "an encoder that nothing looks at"
        raise SpecError(f"decoder.cross is {'unset' if stack.cross is None else 'set'}, with {have}.", "Give both, or neither.")
    if stack.cross is None:
        return
    _check_cross(stack.cross, model.dim, model.source)
    if isinstance(stack.cross.weights, Hard) and stack.cross.weights.estimator == "enumerate" and stack.depth > 1:
        raise SpecError(f"a draw of the first of {stack.depth} layers changes all that the others see: got estimator='enumerate'.",
                        "Use depth=1, or estimator='reinforce'.")


def _check_recurrent(name: str, column: Recurrent, model: Model) -> None:
    if column.bidirectional and model.dim % 2:
        raise SpecError(f"{name}: two directions share its width; dim={model.dim} is odd.", "Use an even dim.")
    if name == "encoder":
        _check_alone(column)
        return
    if column.bidirectional:
        raise SpecError("a decoder may not see the tokens that it is to predict: got decoder.bidirectional=True.",
                        "Set bidirectional=False; the encoder may read both ways.")
    if column.cross is not None:
        if model.encoder is None:
            raise SpecError("decoder.cross is set, with no encoder to look at.", "Give an encoder, or leave cross out.")
        _check_cross(column.cross, model.dim, model.source)


def _check_alone(column: Stack | Recurrent) -> None:
    if column.cross is not None:
        raise SpecError("an encoder has nothing to cross-attend to: got encoder.cross.", "Put cross=Attention(...) into the decoder.")


def _check_places(name: str, stack: Stack) -> None:
    """Whether what is not read token by token has a position for each of its vectors."""
    if isinstance(stack.input, Tokens | Features):           # of any length, or of any size
        return
    slots = stack.input.slots
    if isinstance(stack.position, Learned | Sinusoid) and stack.position.length < slots:
        raise SpecError(f"{name}: its input has {slots} places, and there are positions for {stack.position.length}.",
                        f"Use length={slots}.")


def _check_cross(cross: Attention, dim: int, source: int) -> None:
    cross.width(dim)
    if source != dim and ("k" not in cross.maps or "v" not in cross.maps):
        raise SpecError(f"without a map, what is looked at must be as wide as who looks: got {source} and {dim}.",
                        'Use maps="qkvo", or bridge=True.')
    if cross.window is not None:
        raise SpecError(
            f"slots of two sequences have no distance: got decoder.cross.window={cross.window}.",
            f"Drop window from cross, or say where to look: local=Monotonic(width={cross.window}).",
        )


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
