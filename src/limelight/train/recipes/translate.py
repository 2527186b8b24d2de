"""The recipe of a model that translates."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field

from ...errors import SpecError
from ...spec import Model
from ...spec.mechanisms import Frame, Sizes, find
from ...values import value
from ..plan import Count, Factor, Natural
from .base import BatchPart, Recipe


@value
class PairsPart:
    """Which pairs to learn from. `path`: see `find_data`. `valid`, `test`: unique source sentences set aside, drawn by `seed`."""

    path: str
    source: str = "en"
    target: str = "fr"
    valid: Natural = 1000
    test: Natural = 2000
    seed: Natural = 0


@value
class ModelPart(Frame):
    """Which attention, and how large a model; what each field means is said at `limelight.spec.mechanisms`, and by
    `limelight mechanisms`."""

    mechanism: str = "multi-head"

    def spec(self, vocab: int) -> Model:
        """The model to build. Raises SpecError for an unknown mechanism and for choices or sizes that do not fit it."""
        return find(self.mechanism).build(Sizes(vocab=vocab, **{each.name: getattr(self, each.name) for each in fields(Frame)}))


@value
class PairBatchPart(BatchPart):
    """A pair with a side longer than `max_length` is left out of training. `join`: the share of pairs that are trained on as one long pair
    with others, so that the model knows more than one sentence."""

    join: Factor = 0.0


@value
class SearchPart:
    """How held-out sentences are translated: `beam` width, `length_penalty` (the exponent of Wu et al. 2016, equation 14)."""

    beam: Count = 4
    length_penalty: Annotated[float, Field(ge=0)] = 0.6


@value
class AlignPart:
    """Gold alignments to choose the aligner by: `pairs` ("source ||| target") and `links`, see `find_data`.

    It is chosen on the first `choose_on` pairs and measured on the others; `name` is what the set is called.
    """

    pairs: str
    links: str
    name: str
    choose_on: Count = 100


@value
class TranslateRecipe(Recipe):
    """An encoder-decoder from sentence pairs."""

    task: Literal["translate"] = "translate"
    data: PairsPart
    model: ModelPart = ModelPart()
    batches: PairBatchPart = PairBatchPart()
    eval: SearchPart = SearchPart()
    align: AlignPart | None = None

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe. Raises SpecError for a mechanism that looks at no source, too."""
        made = self.model.spec(vocab or self.tokenizer.vocab)
        if made.encoder is None:
            raise SpecError(f'a translation has a source to look at: got mechanism="{self.model.mechanism}", a decoder alone.',
                            'Use mechanism="multi-head".')
        return made
