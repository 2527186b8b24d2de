"""Manifest: what a model folder says of itself, as one JSON file, `limelight.json`. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from .errors import InputError, SpecError, WeightError
from .spec import Captioned, Codec, Model, Pictures, Sounds, Stack, Tokens
from .values import parse, plain, value

Natural = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@value
class Generation:
    """How the model is asked to generate unless told otherwise.

    `end`: any of these ends an answer. `first` and `last`: tokens that an answer begins with, or ends with when the room is spent.
    `never`: runs of tokens that are not said; `never_first`: tokens that are not said first. `no_repeat`: the length of runs that are
    not said twice, 0 for no such rule. `until`: see decode.Beam. `sample`: drawn, rather than searched for. `max_source`: the longest
    source, in tokens, that it has been trained on: longer ones are split or refused.
    """

    pad: Natural
    start: Natural | None
    end: Annotated[tuple[Natural, ...], Field(min_length=1)]
    first: Natural | None = None
    last: Natural | None = None
    never: tuple[tuple[Natural, ...], ...] = ()
    never_first: tuple[Natural, ...] = ()
    min_length: Natural = 0
    no_repeat: Natural = 0
    repetition_penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    beam: Annotated[int, Field(ge=1)] = 4
    until: Literal["likely", "full", "certain"] = "likely"
    length_penalty: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    sample: bool = False
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Field(ge=1)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_length: Annotated[int, Field(ge=1)] = 256
    max_source: Annotated[int, Field(ge=1)] = 256


@value
class Speech:
    """How a model that hears is told what to write (Radford et al. 2022, section 2.3): by the tokens that its answer begins with.

    `languages`: of the speech, by their codes ("en"), () where it knows but one; `tasks`: "transcribe", and "translate" into English.
    `untimed`: that no times are wanted; the tokens of the times follow it, and `latest` is the highest of them that may come first.
    `previous`: what was said before follows; `silence`: that there is no speech. `heads`: layers and heads of the attentions between
    decoder and encoder that align words with sound; () where nobody knows.
    """

    languages: dict[str, Natural] = Field(default_factory=dict)
    tasks: dict[str, Natural] = Field(default_factory=dict)
    untimed: Natural | None = None
    latest: Natural | None = None
    previous: Natural | None = None
    silence: Natural | None = None
    heads: tuple[tuple[Natural, Natural], ...] = ()


@value
class Drawing:
    """How a model is asked to draw: it writes `codec`'s codes, row by row, of which `first` is the token of code 0 and the others follow.

    `start`: the token ahead of them. `fill`: where the model has no encoder, and reads the text ahead of its codes, the token that stands
    for an empty first position of the text; those for the others follow (Ramesh et al. 2021, section 2.2). `guidance`: by how much more
    than by itself the text counts, 1 for no more (Ho and Salimans 2022, equation 6, which counts from 0); `temperature`, `top_k`: as in
    Generation.
    """

    codec: Codec
    first: Natural = 0
    start: Natural
    fill: Natural | None = None
    guidance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Field(ge=1)] | None = None

    @classmethod
    def behind(cls, *, words: int, text: int, codec: Codec) -> Drawing:
        """Of a decoder alone (see spec.drawing_decoder): its table has so many `words`, then a token for each position of a text of `text`
        that may be empty, then the start, then the codes."""
        return cls(codec=codec, fill=words, start=words + text, first=words + text + 1)

    def caption(self, ids: Sequence[int], text: int) -> tuple[int, ...]:
        """What a decoder alone reads ahead of the codes: a text's tokens, filled up to `text` positions of which the last is the start.

        Raises InputError for a text that is longer.
        """
        if len(ids) >= text:
            raise InputError(f"a text has {len(ids)} tokens; there is room for {text - 1}.", "Say it more briefly.")
        fill = 0 if self.fill is None else self.fill
        return (*ids, *(fill + place for place in range(len(ids), text - 1)), self.start)

    def misfit(self, model: Model) -> str:
        """Why a model cannot draw so; "" where it can."""
        decoder = model.decoder
        if not isinstance(decoder, Stack) or not isinstance(decoder.input, Tokens):
            return "what draws is a stack of layers that writes tokens: the model has none."
        vocab, position = decoder.input.vocab, decoder.position
        text = position.text if isinstance(position, Captioned) else 0
        high = max(self.first + self.codec.count - 1, self.start, 0 if self.fill is None else self.fill + text - 1)
        if high >= vocab:
            return f"drawing takes tokens up to {high:,}; the model has {vocab:,}."
        if model.encoder is None:
            if not isinstance(position, Captioned) or self.fill is None or (position.rows, position.columns) != self.codec.grid:
                rows, columns = self.codec.grid
                return f"a decoder alone draws on a grid behind a text, of {rows} x {columns} codes here, and has tokens to fill the text."
        elif decoder.room is not None and decoder.room < self.codec.slots:
            return f"a picture has {self.codec.slots:,} codes; the model has positions for {decoder.room:,}."
        return ""


@value
class Finding:
    """How a model finds objects unless told otherwise. `overlap`: of two with one label that overlap by more than this share, only the
    likelier is kept; 1 keeps all."""

    overlap: Annotated[float, Field(ge=0, le=1)] = 1.0


SILENT = Generation(pad=0, start=None, end=(0,))       # of a model that reads and writes no text


@value
class Use:
    """One of several uses of a model: what a source begins with then, and how the model is asked to generate."""

    prefix: str = ""
    generation: Generation


Share = Annotated[float, Field(ge=0, le=1)]


@value
class Aligner:
    """Where words are aligned: chosen by measurement, and what was measured.

    `attention`: its name; `heads`: averaged; `shift`: 1 where a target token is aligned by the step *after* it was chosen, when
    it is the decoder's input (Chen et al. 2020, section 3.1). `normed`: weights count by the norm of what they bring (Kobayashi et al.
    2020). `share`, `null`, `even`, `signs`, `least`: how weights become links, see look.align.Linking. `aer`: alignment error rate on
    pairs that were not used to choose, `low` to `high` its 95 % interval, with `precision` and `recall`; None where not computed.
    """

    attention: str
    heads: Annotated[tuple[Natural, ...], Field(min_length=1)]
    shift: Literal[0, 1]
    normed: bool = False
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    null: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    even: bool = False
    signs: bool = False
    least: Share = 0.0
    aer: Share
    low: Share | None = None
    high: Share | None = None
    precision: Share | None = None
    recall: Share | None = None
    pairs: Natural
    measured_on: Annotated[str, Field(max_length=200)]


@value
class Measure:
    """What was found of a model at a task that it was not made for. `score`: a share, `what` it is of ("accuracy", "F1"); `low` to `high`:
    its 95 % interval; `baseline`: what is reached without the model, and `by`: how; `at`: where in the model; `items`: how many were
    measured, none of which was used to choose where."""

    what: Annotated[str, Field(max_length=80)]
    score: Share
    low: Share
    high: Share
    baseline: Share
    by: Annotated[str, Field(max_length=80)]
    at: Annotated[str, Field(max_length=80)] = ""
    items: Natural
    measured_on: Annotated[str, Field(max_length=200)]

    def __str__(self) -> str:
        where = f" in {self.at}" if self.at else ""
        sure = f"{self.low:.3f} to {self.high:.3f}"
        return f"{self.what} {self.score:.3f} ({sure}){where}, {self.by} {self.baseline:.3f}, on {self.items:,} of {self.measured_on}"


@value
class Calibration:
    """How far a classifier's probabilities are to be believed.

    `temperature`: what its logits were divided by, which its weights have in them already; `chosen_on`: on how many texts that was chosen.
    `before`, `after`: the expected calibration error (15 bins) on other texts, by the set that they are of.
    """

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    before: dict[str, float]
    after: dict[str, float]
    chosen_on: Natural


@value
class Faithfulness:
    """How faithful a way of telling which words decided is (DeYoung et al. 2020, section 4.2): by how much the label's probability falls
    without the words that it names first, and with these alone. `within`: half of the 95 % intervals of both."""

    method: str
    comprehensiveness: Finite
    sufficiency: Finite
    within: tuple[Positive, Positive]


@value
class Evidence:
    """How faithful each way of telling which words decided was found to be, on `texts` texts of `measured_on`. `methods`: the best first;
    `random`: an order of words that knows nothing."""

    methods: Annotated[tuple[Faithfulness, ...], Field(min_length=1)]
    random: Faithfulness
    measured_on: str
    texts: Natural


@value
class Card:
    """What a person should know before using the model."""

    summary: str
    license: str
    attribution: str
    recipe: str
    trained: str
    scores: dict[str, float | str] = Field(default_factory=dict)
    limits: tuple[str, ...] = ()


@value
class Manifest:
    """The whole of `limelight.json`. `pictures`, `sounds`: how they are made ready, for a model that reads them; `generation` says nothing
    of one that writes nothing. `speech`: how it is told what to write of sound; `finding`, `drawing`: how it finds objects, and draws.
    `uses`: by task ("summarize", "translate en fr"), where they differ from `generation`; `measured`: by task ("sense"), what was found of
    the model there."""

    format: Literal[1] = 1
    name: str
    task: str
    source_language: str | None = None
    target_language: str | None = None
    spec: Model
    pictures: Pictures | None = None
    sounds: Sounds | None = None
    generation: Generation = SILENT
    speech: Speech | None = None
    finding: Finding | None = None
    drawing: Drawing | None = None
    uses: dict[str, Use] = Field(default_factory=dict)
    aligner: Aligner | None = None
    calibration: Calibration | None = None
    evidence: Evidence | None = None
    measured: dict[str, Measure] = Field(default_factory=dict)
    card: Card

    def __post_init__(self) -> None:
        if self.spec.vocabularies and self.generation is SILENT:
            raise SpecError('"generation" is missing: a model that knows tokens has some that begin and end a text.', "Give it a value.")
        if self.drawing is not None and (said := self.drawing.misfit(self.spec)):
            raise SpecError(said, "drawing and spec are of different models.")


@value
class Beside:
    """The whole of `limelight.measured.json`: what was measured of a model whose folder is another library's."""

    format: Literal[1] = 1
    aligner: Aligner | None = None
    measured: dict[str, Measure] = Field(default_factory=dict)
    evidence: Evidence | None = None


def to_json(manifest: Manifest | Beside) -> str:
    """The manifest as JSON text."""
    return json.dumps(plain(manifest), indent=1, ensure_ascii=False) + "\n"


def from_json(text: str, *, where: str = "limelight.json") -> Manifest:
    """Read a manifest. Raises WeightError for text that is not JSON, unknown keys or an illegal spec."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:                    # also a number of 5,000 digits, or 5,000 brackets
        raise WeightError(f"{where} is not JSON: {error}", "The file is damaged: get the model folder again.") from None
    return parse(Manifest, data, where=where, error=WeightError)
