"""Encoding: a random DistilBERT tells two classes apart; sequences a second for one short row, a large batch, and texts of real lengths.

Real texts are paragraphs and reviews as they come. Limelight's task and transformers' pipeline are called as their users call them; for
the others the texts are sorted by length into batches, which is what their users do by hand.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limelight.hub import Opened
from limelight.measure import Turn, rounded
from limelight.tasks.classify import Classify
from limelight.tasks.classify.judging import head_of

from .contest import contest
from .contestants import Contestant, Field, Reads, Rows, c_translate, folders, gather, hugging_face, onnx_runtime, open_vino, ours, tried
from .contestants.folders import Shape, random_rows
from .limits import limits
from .machine import installed

ENTRANTS = (ours, hugging_face, onnx_runtime, c_translate, open_vino)
REFERENCE = "limelight fp32"
DATA = Path(os.environ.get("LIMELIGHT_DATA") or Path(__file__).parents[2] / "shared" / "data")
VOCAB, PARAGRAPHS, REVIEWS = "bert_vocab/bert_uncased_vocab.txt", "squad11_dev/dev-v1.1.json", "womens_clothing_reviews"
BATCH = 32
Says = Callable[[Sequence[str]], list[int]]       # texts -> the class of each


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: rows, tokens in each, calls a turn; `texts`: of each of the two kinds."""

    shape: Shape
    work: tuple[tuple[int, int, int], ...]
    texts: int
    rounds: int


FULL = Setting(folders.DISTILBERT, work=((1, 32, 20), (32, 128, 1)), texts=48, rounds=7)
SMOKE = Setting(Shape(vocab=30522, dim=32, heads=4, layers=2, length=512), work=((1, 4, 1), (3, 6, 1)), texts=3, rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants on each work -> the JSON of this page, less the machine. The weights are made by transformers."""
    s, most = SMOKE if smoke else FULL, limits(smoke)
    found: dict[str, Any] = {
        "what": "classifying with DistilBERT, sequences a second, in turns on the same rows",
        "setting": asdict(s.shape),
        "limits": asdict(most),
        "cases": [],
        "real": None,
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            at = folders.distilbert(s.shape, Path(folder) / "random")
            everyone = [each for entrant in ENTRANTS for each in entrant.readers(at)]
            field = gather(each for each in everyone if not smoke or hugging_face.COMPILED not in each.name)
            found["cases"] = [_case(s, field, *work, smoke) for work in s.work]
            if (DATA / VOCAB).exists():
                found["real"] = _real(s, _with_pieces(at), field, smoke)
    return found


def _case(s: Setting, field: Field[Reads], rows: int, length: int, calls: int, smoke: bool) -> dict[str, Any]:
    given = random_rows(rows, length, s.shape.vocab)
    said = tried(field, lambda read: read(given))

    def turn(read: Reads) -> Turn:
        return lambda _: float(sum(len(read(given)) for _ in range(calls)))

    turns = {name: turn(read) for name, read in field.ready.items()}
    return {
        "setting": {"rows": rows, "tokens": length},
        **contest(field, turns, rounds=s.rounds, unit="sequences/s", least=_least(s, [length] * rows, calls, smoke)),
        "apart_from_limelight_fp32": {name: _apart(said[REFERENCE], each) for name, each in said.items()},
    }


def _apart(ours: Tensor, theirs: Tensor) -> float:
    """The norm of the difference of logits, by that of the logits."""
    return rounded(float((ours - theirs).norm() / ours.norm()))


def _least(s: Setting, lengths: Sequence[int], calls: int, smoke: bool) -> Callable[[str], float]:
    """Every real token through the layers' matrices, which are read at least once a call."""
    operations = 2.0 * s.shape.matrices * sum(lengths)
    return lambda precision: calls * limits(smoke).seconds(precision, weights=s.shape.matrices, operations=operations)


# --- texts of real lengths ----------------------------------------------------------------------------------------------------------------
def _with_pieces(at: Path) -> Path:
    """The same model with BERT's own pieces, which texts can be cut into."""
    made = at.with_name("pieces")
    made.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(at / name, made / name)
    shutil.copyfile(DATA / VOCAB, made / "vocab.txt")
    return made


def _real(s: Setting, at: Path, field: Field[Reads], smoke: bool) -> dict[str, Any]:
    from tokenizers import BertWordPieceTokenizer

    cut = BertWordPieceTokenizer(str(at / "vocab.txt"))
    texts = [text for text in _texts(s.texts) if len(cut.encode(text).ids) <= s.shape.length]
    lengths = [len(each.ids) for each in cut.encode_batch(texts)]
    sayers = gather([*_ours(at), *_pipelines(at)])
    by_hand = [name for name in field.ready if not name.startswith("limelight") and "compiled" not in name]
    ready = sayers.ready | {f"{name}, sorted by hand": _sorted(field.ready[name], cut) for name in by_hand}
    precision = sayers.precision | {f"{name}, sorted by hand": field.precision[name] for name in by_hand}
    everyone = Field(ready, precision, {**field.left_out, **sayers.left_out, "compiled": "would be compiled anew for every length"})
    said = {name: say(texts) for name, say in ready.items()}

    def turn(say: Says) -> Turn:
        return lambda _: float(len(say(texts)))

    turns = {name: turn(say) for name, say in ready.items()}
    return {
        "setting": {"texts": len(texts), "tokens": sum(lengths), "shortest": min(lengths), "longest": max(lengths)},
        **contest(everyone, turns, rounds=s.rounds, unit="texts/s", least=_least(s, lengths, 1, smoke)),
        "same_classes_as_limelight_fp32": {name: _share(said[REFERENCE], each) for name, each in said.items()},
    }


def _texts(each: int) -> list[str]:
    """Paragraphs and reviews, in turns."""
    articles = json.loads((DATA / PARAGRAPHS).read_text("utf-8"))["data"]
    paragraphs = [article["paragraphs"][0]["context"] for article in articles]
    with next((DATA / REVIEWS).glob("*.csv")).open(encoding="utf-8", newline="") as file:
        reviews = [row["Review Text"] for _, row in zip(range(each * 2), csv.DictReader(file), strict=False)]
    return [text for pair in zip(paragraphs, filter(None, reviews), strict=False) for text in pair][: 2 * each]


def _ours(at: Path) -> list[Contestant[Says]]:
    def says(opened: Opened) -> Says:
        classify, head = Classify(opened), head_of(opened)
        return lambda texts: [head.labels.index(each.label) for each in classify(list(texts))]

    return [each.then(says) for each in ours.entrants(at)]


def _pipelines(at: Path) -> list[Contestant[Says]]:
    def opens(kind: torch.dtype) -> Says:
        from transformers import pipeline

        pipe: Any = pipeline("text-classification", str(at), dtype=kind, device="cpu")
        return lambda texts: [pipe.model.config.label2id[each["label"]] for each in pipe(list(texts), batch_size=BATCH)]

    return [
        Contestant(f"transformers {name}, pipeline", name, lambda kind=kind: opens(kind), hugging_face.NEEDS)
        for name, kind in hugging_face.FORMATS.items()
    ]


def _sorted(read: Reads, cut: Any) -> Says:
    def say(texts: Sequence[str]) -> list[int]:
        rows: Rows = [each.ids for each in cut.encode_batch(list(texts))]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        said = [0] * len(rows)
        for first in range(0, len(order), BATCH):
            some = order[first : first + BATCH]
            for i, number in zip(some, read([rows[i] for i in some]).argmax(-1).tolist(), strict=True):
                said[i] = number
        return said

    return say


def _share(ours: Sequence[int], theirs: Sequence[int]) -> float:
    return round(sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours), 4)
