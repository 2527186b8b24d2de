"""Columns of layers, as data: a Transformer's, and the recurrent ones that attention was invented for."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from ..errors import SpecError
from ..values import value
from .attention import Attention, Norm, Share
from .inputs import Features, Input, Slots, Tokens
from .patterns import Pattern, check_patterns
from .positions import Alibi, Buckets, Captioned, Count, Grid, Learned, Position, Rotary, Sinusoid
from .pruned import Pruned
from .scores import Dot, ScaledDot
from .weights import Hard, Kernel

Activation = Literal["relu", "gelu", "gelu_tanh", "quick_gelu", "silu", "tanh"]


@value
class FeedForward:
    """Two linear maps with a bend between; `gated` multiplies by a second branch (Shazeer 2020, equation 6). `normed`: what comes to the
    second map is normed (Shleifer et al. 2021, section 2: NormFormer)."""

    hidden: Count
    activation: Activation = "gelu"
    gated: bool = False
    normed: bool = False
    bias: bool = True
    dropout: Share = 0.0


@value
class Stack:
    """A column of equal layers. `norm_at`: before each branch ("pre") or after each sum ("post").

    `norm_input`: a norm right after the embedding (BERT, BART). `norm_output`: a norm after the last layer. `norm_attention`: what
    attention gives is normed once more ahead of its sum (Shleifer et al. 2021, section 2: NormFormer).
    `windows`: the window of each layer where layers differ (GPT-Neo, Qwen2); () where all have attention.window. `pruned`: heads that
    layers have lost. `dim`: its width, where that is not the model's. `again`: positions are added to queries and keys in every layer,
    and not to the stream (Carion et al. 2020, appendix A.3). `between`: learnt positions of their own are added to the stream ahead of
    every layer but the first (Fang et al. 2021, appendix: the larger YOLOS). `patterns`: where each layer's places
    look on a grid behind a text; () where they see all that was drawn.
    """

    ELSEWHERE = MappingProxyType(dict.fromkeys(
        ("asks", "bidirectional", "cell", "feeding"),
        ("is about the steps of a recurrent column, and a Transformer's stack has none.", 'Use Recurrent (kind="recurrent"), or drop it.'),
    ))  # fmt: skip
    kind: Literal["stack"] = "stack"
    depth: Count
    attention: Attention
    ff: FeedForward
    norm: Norm = Norm()
    input: Input
    position: Position | None = None
    again: bool = False
    between: bool = False
    dim: Count | None = None
    cross: Attention | None = None
    causal: bool = False
    norm_at: Literal["pre", "post"] = "pre"
    norm_input: bool = False
    norm_output: bool = True
    norm_attention: bool = False
    windows: tuple[Count | None, ...] = ()
    patterns: tuple[Pattern | None, ...] = ()
    pruned: tuple[Pruned, ...] = ()
    dropout: Share = 0.0

    def __post_init__(self) -> None:
        a = self.attention
        self._check_pruned()
        if self.windows and (len(self.windows) != self.depth or a.window is not None):
            raise SpecError(
                f"windows are for each of {self.depth} layers: got {len(self.windows)}, and attention.window={a.window}.",
                "Give one window (or None) a layer, and no attention.window.",
            )
        self._check_again()
        self._check_patterns()
        if isinstance(self.position, Rotary) and not isinstance(a.score, Dot | ScaledDot):
            raise SpecError(
                f"rotary positions work through dot products; the score is {a.score.kind}.",
                "Use score=ScaledDot(), or position=Sinusoid(...).",
            )
        if isinstance(a.weights, Kernel) and (isinstance(self.position, Alibi | Buckets) or any(self.windows)):
            what = "windows" if any(self.windows) else f"position={self.position.kind}" if self.position else ""
            raise SpecError(f"linear attention never makes the weights one by one, so it cannot change some of them: got {what}.",
                            "Use position=Sinusoid(...) or Rotary(), without windows; or weights=Soft().")
        if a.local is not None:
            raise SpecError(f"local attention looks into another sequence; this one looks at itself: got attention.local={a.local.kind}.",
                            f"Use window={a.local.width + 1}, or put local into cross.")
        if isinstance(a.weights, Hard) and a.weights.estimator != "gumbel":
            raise SpecError(f'draws of self-attention change all that follows, and "{a.weights.estimator}" learns from single steps.',
                            'Use estimator="gumbel", or put hard attention into cross.')

    def _check_again(self) -> None:
        have = self.position.kind if self.position else None
        if self.again and not isinstance(self.position, Learned | Sinusoid | Grid):
            raise SpecError(f"what is added again in every layer is a vector a position: got position={have}.",
                            "Use position=Learned(...) or Sinusoid(...), or drop again.")
        if self.between and not isinstance(self.position, Learned):
            raise SpecError(f"positions between layers are learnt, as the first are: got position={have}.",
                            "Use position=Learned(...), or drop between.")
        if isinstance(self.input, Features) != isinstance(self.position, Grid) or (isinstance(self.position, Grid) and not self.again):
            raise SpecError("a grid of features, of any size, goes with positions on it that are added again in every layer: got "
                            f"input={self.input.kind}, position={have}, again={self.again}.",
                            "Use input=Features(...), position=Grid() and again=True together.")
        if isinstance(self.input, Slots) and self.position is None:
            raise SpecError("empty places are told apart by their positions: got position=None.", "Use position=Learned(length=...).")

    def _check_patterns(self) -> None:
        check_patterns(self.patterns, self.position, self.depth)
        if isinstance(self.position, Captioned) and not (isinstance(self.input, Tokens) and self.causal):
            raise SpecError("a grid behind a text is drawn place by place, as tokens: got "
                            f"input={self.input.kind}, causal={self.causal}.", "Use input=Tokens(...) and causal=True.")
        if any(self.patterns) and (self.attention.window is not None or any(self.windows) or isinstance(self.attention.weights, Kernel)):
            odd = "linear attention" if isinstance(self.attention.weights, Kernel) else "windows"
            raise SpecError(f"patterns say alone which keys a layer sees: got them with {odd}.", f"Drop patterns, or {odd}.")

    def _check_pruned(self) -> None:
        names = [each.name for each in self.pruned]
        for each in self.pruned:
            whole = self.attention if each.part == "self" else self.cross
            if each.layer >= self.depth or whole is None or names.count(each.name) > 1:
                raise SpecError(f"pruned names one of {self.depth} layers, and an attention that it has, once: got {each.name}.",
                                "Leave it out, or put all of its heads into one.")
            each.left(whole)

    def lost(self, layer: int, part: Literal["self", "cross"]) -> Pruned | None:
        """What an attention has lost; None where nothing."""
        return next((each for each in self.pruned if (each.layer, each.part) == (layer, part)), None)

    def left(self, layer: int, part: Literal["self", "cross"], dim: int) -> Attention | None:
        """An attention as that layer has it, in a model of width `dim`; None where there is none."""
        whole, lost = self.attention if part == "self" else self.cross, self.lost(layer, part)
        return whole if whole is None or lost is None else lost.remains(whole, dim)

    @property
    def tokens(self) -> Tokens:
        """Its input, of a column that reads tokens. Raises SpecError for one that does not."""
        if not isinstance(self.input, Tokens):
            raise SpecError(f"this column reads {self.input.kind}, no tokens.", "Use one with input=Tokens(...).")
        return self.input

    @property
    def room(self) -> int | None:
        """How many positions there are; None where there is no end of them."""
        return getattr(self.position, "length", None)


@value
class Recurrent:
    """A column of recurrent layers, each as wide as the model (both directions together, where there are two).

    `cell`: "lstm" (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) or "gru" (Cho et al. 2014; the reset gate
    after the product, as cuDNN and PyTorch have it). `cross`: how a decoder looks at its encoder; without it, all that it knows of
    the source is one vector (Sutskever et al. 2014).
    `asks`: who looks, and what becomes of what is seen. "previous": the last step's state asks, and what it sees goes into the cell
    (Bahdanau et al. 2015). "current": this step's state asks, after the cell (Luong et al. 2015). `feeding`: what was made of it then
    goes into the next step's cell (Luong et al. 2015, section 3.3). `norm`: that of a head that norms; the column itself has none.
    """

    ELSEWHERE = MappingProxyType({
        "attention": ("is of a stack: a recurrent column does not look at itself.", "Give it to cross, or use Stack(...)."),
        "causal": ("is of a stack: a recurrent column only knows what came before.", "Drop causal; a decoder is never bidirectional."),
        "ff": ("is of a stack: between cells there is no feed-forward layer.", "Drop ff, or use Stack(...)."),
        "position": ("is of a stack: a recurrent column knows places by the order that it reads in.", "Drop position."),
    })  # fmt: skip
    kind: Literal["recurrent"] = "recurrent"
    depth: Count
    cell: Literal["lstm", "gru"] = "lstm"
    bidirectional: bool = False
    norm: Norm = Norm()
    input: Tokens
    cross: Attention | None = None
    asks: Literal["previous", "current"] = "current"
    feeding: bool = False
    dropout: Share = 0.0

    def __post_init__(self) -> None:
        if self.cross is None and (self.feeding or self.asks == "previous"):
            odd = "feeding=True" if self.feeding else "asks='previous'"
            raise SpecError(f"{odd} is about what attention saw, and there is none.", "Give cross=Attention(...), or leave it out.")
        if self.feeding and self.asks == "previous":
            raise SpecError("what the previous state saw goes into the cell as it is: got asks='previous' with feeding=True.",
                            "Drop feeding, or use asks='current'.")
        if self.input.segments or self.input.width:
            odd = "segments" if self.input.segments else "width"
            raise SpecError(f"a recurrent column reads plain tables of tokens: got input.{odd}.", f"Leave {odd} out.")
        if self.steps and self.cross and isinstance(self.cross.weights, Hard) and self.cross.weights.estimator == "enumerate":
            raise SpecError("every key of every step would have to be tried in every combination: a draw goes into the next cell.",
                            "Use asks='current' without feeding, or estimator='reinforce'.")

    @property
    def tokens(self) -> Tokens:
        """Its input, as a stack calls it that reads tokens."""
        return self.input

    @property
    def steps(self) -> bool:
        """Whether it must go step by step: what is seen at one goes into the cell of the same or the next."""
        return self.feeding or self.asks == "previous"

    @property
    def room(self) -> None:
        """How many positions there are: no end of them."""
        return None

    @property
    def position(self) -> None:
        """Order is what it reads in; nothing marks it."""
        return None

    @property
    def norm_input(self) -> bool:
        """Whether embeddings are normed: they are not."""
        return False


def _kind(given: Any) -> str:
    """Which of the two: folders that were written before there were two do not say."""
    return given.get("kind", "stack") if isinstance(given, dict) else getattr(given, "kind", "stack")


Column = Annotated[Annotated[Stack, Tag("stack")] | Annotated[Recurrent, Tag("recurrent")], Discriminator(_kind)]
