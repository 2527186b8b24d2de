"""The recipe of a model that writes down what it hears."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...data.disturbing import Disturbed
from ...errors import SpecError
from ...spec import Attention, FeedForward, Frames, Learned, Model, Sounds, Stack, Tokens, Words
from ...values import value
from ..plan import Count, Factor, Natural, Share
from .base import Recipe, SizedPart

Seconds = Annotated[float, Field(ge=0, le=60)]


@value
class DigitsPart:
    """Recordings of single digits, joined to strings of one to `longest`, of one person each: see data.digits.

    `path`: see `find_data`. `takes`: of each person and digit, how many are for testing: 0 to 4 are in the data set's own split; `speaker`:
    a person who is for testing instead, with all takes. `valid`: takes more that are set aside to choose by. `pause`: seconds at most
    between two digits, in training; tests are joined end to end, as is the share `close` of what is learnt from. `growing`: epochs after
    which strings may have one digit more than before, from one on, until they have `longest`: what is heard is learnt from single digits,
    and where to hear it from strings; 0: all at once.
    """

    kind: Literal["digits"] = "digits"
    path: str
    takes: Annotated[int, Field(ge=0, le=40)] = 5
    speaker: str | None = None
    valid: Annotated[int, Field(ge=1, le=8)] = 3
    longest: Count = 8
    pause: Seconds = 0.15
    close: Share = 0.0
    growing: Natural = 0
    seed: Natural = 0


@value
class RecordingsPart:
    """Recordings that a table (TSV, CSV, JSONL, Parquet) lists, with what is said in each, and perhaps when: see data.recordings.

    `path`: of the table, see `find_data`; `folder`: of the recordings, from the table's; `file`, `text`: its columns. `valid`, `test`:
    recordings set aside, drawn by `seed`.
    """

    kind: Literal["listed"] = "listed"
    path: str
    folder: str = "."
    file: str = "file"
    text: str = "text"
    valid: Count = 100
    test: Count = 200
    seed: Natural = 0


@value
class ListeningPart:
    """The size of the encoder and the decoder, Whisper's shape; what each field means is said at `limelight.spec`."""

    dim: Count = 144
    heads: Count = 4
    encoder: Count = 4
    decoder: Count = 2
    hidden: Count = 576
    length: Count = 32
    dropout: Factor = 0.1


@value
class GuidedPart:
    """Heads that are taught when words are said, for that is known: see train.Guide. `share` 0: none are."""

    share: Factor = 0.0
    layer: Natural = 1
    heads: Count = 1


@value
class HeardPart:
    """`sample`: strings of the valid part that the heads which tell when a word is said are chosen by; `turns`: how often the test part is
    joined to strings anew."""

    sample: Count = 100
    turns: Count = 4


@value
class TranscribeRecipe(Recipe):
    """An encoder of sound and a decoder of text, from recordings; what is longer than `sounds.seconds` is not learnt from."""

    task: Literal["transcribe"] = "transcribe"
    data: Annotated[DigitsPart | RecordingsPart, Field(discriminator="kind")]
    sounds: Sounds = Sounds()
    disturbed: Disturbed = Disturbed()
    model: ListeningPart = ListeningPart()
    guided: GuidedPart = GuidedPart()
    batches: SizedPart = SizedPart()
    eval: HeardPart = HeardPart()

    def __post_init__(self) -> None:
        if self.sounds.frames < 2:
            raise SpecError(f"a stretch has two frames at least: got {self.sounds.frames}.", "Raise sounds.seconds, or lower sounds.hop.")
        g, m = self.guided, self.model
        if g.share and (g.layer >= m.decoder or g.heads > m.heads):
            have = f"guided.layer={g.layer} and guided.heads={g.heads}, but the decoder has {m.decoder} layers of {m.heads} heads"
            raise SpecError(f"{have}.", "Count layers from 0, and teach no more heads than there are.")

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        m, s = self.model, self.sounds
        attention = Attention(heads=m.heads, bias="qvo")
        ff = FeedForward(hidden=m.hidden, activation="gelu", dropout=m.dropout)
        encoder = Stack(
            depth=m.encoder,
            attention=attention,
            ff=ff,
            input=Frames(mels=s.mels, length=s.frames),
            position=Learned(length=-(-s.frames // 2)),
            dropout=m.dropout,
        )
        decoder = Stack(
            depth=m.decoder,
            attention=attention,
            ff=ff,
            causal=True,
            cross=attention,
            input=Tokens(vocab=vocab or self.tokenizer.vocab),
            position=Learned(length=m.length),
            dropout=m.dropout,
        )
        return Model(family="whisper", dim=m.dim, encoder=encoder, decoder=decoder, heads=(Words(tied=True),))
