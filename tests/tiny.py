"""A small model that has learnt twenty sentences by heart, so that translations in tests mean something.

Import it inside fixtures and tests only: the type checker that pytest switches on must come before limelight.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from limelight.data import TokenBatches
from limelight.hub import save
from limelight.inputs import Text
from limelight.manifest import Aligner, Card, Generation, Manifest
from limelight.nn import Network
from limelight.spec import Attention, General, Model, Recurrent, Tokens, Words, encoder_decoder
from limelight.train import Plan, fit, next_token

SUBJECTS = {
    "The cat": "Le chat",
    "The black cat": "Le chat noir",
    "My sister": "Ma sœur",
    "Tom": "Tom",
    "The little boy": "Le petit garçon",
    "An old man": "Un vieil homme",
    "Mary": "Marie",
    "The dog": "Le chien",
    "A bird": "Un oiseau",
    "Our teacher": "Notre professeur",
}
VERBS = {"eats": "mange", "sees": "voit", "loves": "aime", "wants": "veut", "has": "a"}
OBJECTS = {"the mouse": "la souris", "an apple": "une pomme", "the red house": "la maison rouge", "a book": "un livre"}

ALL = [
    (f"{s} {v} {o}.", f"{t} {w} {p}.") for s, t in SUBJECTS.items() for v, w in VERBS.items() for o, p in OBJECTS.items()
]
LEARNT = [ALL[i * 37 % len(ALL)] for i in range(20)]         # a stride that meets every word
MOST_SOURCE, MOST_TARGET = 24, 20


def text() -> Text:
    """Pieces of the two hundred sentences."""
    return Text.train((side for pair in ALL for side in pair), vocab=400)


def spec(vocab: int, *, dim: int = 32, depth: int = 2, heads: int = 4) -> Model:
    """Two layers and two, 32 wide."""
    return encoder_decoder(vocab=vocab, dim=dim, heads=heads, encoder_depth=depth, decoder_depth=depth, hidden=64, length=64)


def manifest(pieces: Text, model: Model, **changes: object) -> Manifest:
    """What the folder says, with an aligner that nobody has measured."""
    fields: dict[str, object] = {
        "name": "tiny",
        "task": "translate",
        "source_language": "en",
        "target_language": "fr",
        "spec": model,
        "generation": Generation(
            pad=pieces.pad,
            start=pieces.start,
            end=(pieces.end,),
            never=((pieces.pad,), (pieces.start,)),
            beam=3,
            max_length=MOST_TARGET,
            max_source=MOST_SOURCE,
        ),
        "aligner": Aligner(attention="decoder.1.cross", heads=(0, 2), shift=1, aer=0.5, pairs=10, measured_on="made-up"),
        "card": Card(summary="Made for tests.", license="none", attribution="", recipe="", trained="for some seconds"),
    }
    return Manifest(**{**fields, **changes})


def recurrent(vocab: int, *, dim: int = 32) -> Model:
    """A layer that reads both ways and a layer that writes, with Luong's general attention and input feeding."""
    general = Attention(heads=1, maps="", bias="", score=General())
    encoder = Recurrent(depth=1, bidirectional=True, input=Tokens(vocab=vocab))
    decoder = Recurrent(depth=1, input=Tokens(vocab=vocab), cross=general, feeding=True)
    return Model(family="recurrent", dim=dim, encoder=encoder, decoder=decoder, heads=(Words(),))


def untrained(seed: int = 0, *, made: Callable[[int], Model] = spec) -> tuple[Text, Network]:
    """Pieces and a model with random weights."""
    torch.manual_seed(seed)
    pieces = text()
    return pieces, Network(made(len(pieces))).eval()


def trained(*, made: Callable[[int], Model] = spec) -> tuple[Text, Network]:
    """Pieces and a model that knows the twenty."""
    pieces, model = untrained(made=made)
    sides = [[e.ids for e in pieces.encode_all(side)] for side in zip(*LEARNT, strict=True)]
    batches = TokenBatches(*sides, budget=600, seed=0, pad=pieces.pad, max_length=MOST_SOURCE)
    plan = Plan(steps=220, lr=5e-3, warmup=20, schedule="linear", precision="fp32", log_every=1000)
    for _ in fit(model, batches, loss=next_token(plan, start=pieces.start), plan=plan):
        pass
    return pieces, model.eval()


def folder(path: Path) -> Path:
    """The trained model, saved."""
    pieces, model = trained()
    save(path, model=model, text=pieces, manifest=manifest(pieces, model.spec), card="# tiny\n", bits="fp32")
    return path
