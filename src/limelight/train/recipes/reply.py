"""The recipe of a model that replies to a customer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...errors import SpecError
from ...spec import Model, decoder_only
from ...values import plain, value
from ..plan import Count, Factor, Natural, Share
from .base import BatchPart, Recipe


@value
class DialoguesPart:
    """A TSV file of exchanges without a header: `path`, see `find_data`; `dialogue`, `customer` and `agent`: its columns, from 0."""

    path: str
    dialogue: Natural = 0
    customer: Natural
    agent: Natural


@value
class ConversationsPart:
    """Which conversations to learn from. `valid`, `test`: dialogues set aside, drawn by `seed`. `typed`: the share of those to train on
    whose customers are read in small letters and without full stops, as people type."""

    files: Annotated[tuple[DialoguesPart, ...], Field(min_length=1)]
    valid: Natural = 200
    test: Natural = 300
    typed: Share = 0.0
    seed: Natural = 0


@value
class DecoderPart:
    """The size of the language model; what each field means is said at `limelight.spec`. `length`: of a conversation, reply included."""

    dim: Count = 256
    heads: Count = 4
    depth: Count = 6
    hidden: Count | None = None
    length: Count = 256
    dropout: Factor = 0.0


@value
class RepliesPart:
    """How held-out turns are replied to, and how the shipped model replies unless told otherwise.

    `turns`: how many of a conversation's last turns are read, the new one among them: an odd number, so that the first is the customer's.
    `beam`, `no_repeat`, `repetition_penalty`, `max_length`: see manifest.Generation. `sample`: how many held-out turns are scored, drawn
    by the data's seed.
    """

    turns: Count = 7
    beam: Count = 1
    no_repeat: Natural = 0
    repetition_penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_length: Count = 64
    sample: Count = 1000

    def __post_init__(self) -> None:
        if self.turns % 2 == 0:
            raise SpecError(f"eval.turns counts the customer's turns and the replies between: got {self.turns}.", f"Set {self.turns + 1}.")


@value
class ReplyRecipe(Recipe):
    """A language model from conversations. A dialogue longer than `batches.max_length` is cut between two exchanges."""

    task: Literal["reply"] = "reply"
    data: ConversationsPart
    model: DecoderPart = DecoderPart()
    batches: BatchPart = BatchPart()
    eval: RepliesPart = RepliesPart()

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        return decoder_only(vocab=vocab or self.tokenizer.vocab, **plain(self.model))
