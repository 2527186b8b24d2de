"""A bench that learns in a second: two hundred made sentence pairs, and some of them aligned word by word.

Import it inside fixtures and tests only: the type checker that pytest switches on must come before limelight.
"""

from __future__ import annotations

from pathlib import Path

import tiny
from limelight.claims.corpus import Corpus
from limelight.claims.translation import Asked, Bench

PATH, PAIRS, LINKS = "tatoeba_eng_fra/fra.txt", "hansards_align_enfr/enfr.src-tgt", "hansards_align_enfr/enfr.gold"


def data(folder: Path) -> Path:
    """A folder of data sets, made."""
    for name, lines in ((PATH, _sentences()), (PAIRS, _pairs()), (LINKS, _links())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def small(**changes: object) -> Bench:
    """Four steps of a model eight wide."""
    fields: dict[str, object] = {
        "corpus": Corpus(valid=10, test=30, vocab=300, tokens=400, max_length=60),
        "dim": 16,
        "heads": 2,
        "depth": 1,
        "hidden": 24,
        "steps": 4,
        "warmup": 1,
        "watches": 2,
        "asked": Asked(lines=((1, 12), (2, 6), (3, 4)), edges=(8, 30), gold=4, choose_on=2),
    }
    return Bench(**{**fields, **changes})


def _sentences() -> list[str]:
    return [f"{source}\t{target}" for source, target in tiny.ALL]


def _pairs() -> list[str]:
    return ["the cat ||| le chat", "a bird ||| un oiseau", "the dog ||| le chien", "an old man ||| un vieil homme"]


def _links() -> list[str]:
    return ["1-1 2-2", "1-1 2-2", "1-1 2p2", "1-1 2-2 3-3"]
