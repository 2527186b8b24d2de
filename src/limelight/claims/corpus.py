"""Corpus: sentence pairs to learn from and others to be asked for, long ones made of several short ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Pair, Split, TokenBatches, read_pairs, split_by_source
from ..files import replaced
from ..inputs import Text
from ..train import find_data
from ..values import plain, value
from .lab import fingerprint

TATOEBA = "$LIMELIGHT_DATA/tatoeba_eng_fra/fra.txt"
Ids = list[tuple[int, ...]]


@value
class Corpus:
    """Which pairs are learnt, and how they are cut and put together.

    `train`: how many pairs, drawn of the training part; None for all. `test`, `valid`: source sentences set aside as recipes do
    (see data.split_by_source): no training pair has one of them, nor one that differs in case or punctuation only. `join`: the share of
    pairs that are learnt joined to one to three others, since the sentences are short; see data.TokenBatches.
    """

    path: str = TATOEBA
    languages: tuple[str, str] = ("en", "fr")
    train: int | None = None
    valid: int = 1000
    test: int = 2000
    vocab: int = 2000
    tokens: int = 1500
    max_length: int = 100
    join: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """A corpus, read. `home`: where its tokenizer is kept, which is made once."""

    corpus: Corpus
    home: Path

    @cached_property
    def fingerprint(self) -> str:
        """What tells this material from other: the file's own bytes, and all that is done with them."""
        settings: dict[str, Any] = plain(self.corpus)
        return f"{digest(self._file)}/{json.dumps({key: x for key, x in settings.items() if key != 'path'}, sort_keys=True)}"

    @property
    def _file(self) -> Path:
        return find_data(self.corpus.path, Path())

    @cached_property
    def split(self) -> Split:
        """The parts; of the first, the pairs that are learnt."""
        c = self.corpus
        split = split_by_source(read_pairs(self._file, languages=c.languages), test=c.test, valid=c.valid, seed=c.seed)
        if c.train is None or c.train >= len(split.train):
            return split
        drawn = np.sort(np.random.default_rng(c.seed).choice(len(split.train), c.train, replace=False))
        return Split(train=[split.train[i] for i in drawn], valid=split.valid, test=split.test)

    @cached_property
    def text(self) -> Text:
        """The pieces of both languages, learnt from the training pairs."""
        path = self.home / f"{fingerprint(self.fingerprint, 20)}.json"
        if not path.exists():
            made = Text.train(chain.from_iterable(self.split.train), vocab=self.corpus.vocab)
            with replaced(path) as draft:
                draft.write_text(made.to_json(), encoding="utf-8")
        return Text.from_json(path.read_text(encoding="utf-8"), where=str(path))

    @cached_property
    def rows(self) -> tuple[Ids, Ids]:
        """The training pairs as ids."""
        return self.ids([pair.source for pair in self.split.train]), self.ids([pair.target for pair in self.split.train])

    def ids(self, texts: list[str]) -> Ids:
        """Texts as ids, each with its end mark."""
        return [each.ids for each in self.text.encode_all(texts)]

    def batches(self, seed: int) -> TokenBatches:
        """What is learnt, in the order of a seed."""
        return self._batches(self.rows, seed)

    @cached_property
    def watched(self) -> TokenBatches:
        """The pairs whose loss is watched while a model learns, joined at the same rate."""
        valid = self.split.valid
        return self._batches((self.ids([each.source for each in valid]), self.ids([each.references[0] for each in valid])), seed=0)

    def _batches(self, rows: tuple[Ids, Ids], seed: int) -> TokenBatches:
        c = self.corpus
        return TokenBatches(*rows, budget=c.tokens, seed=seed, pad=self.text.pad, max_length=c.max_length, join=c.join)

    def asked(self, joined: int, count: int) -> list[Pair]:
        """`count` test pairs, each of `joined` sentences in a row; the same for the same numbers. Sentences serve more than one length,
        and within one length no more often than their number makes needful."""
        test = self.split.test
        draw = np.random.default_rng([self.corpus.seed, joined])
        places = np.concatenate([draw.permutation(len(test)) for _ in range(-(-joined * count // len(test)))])[: joined * count]
        return [_joined([Pair(test[i].source, test[i].references[0]) for i in line]) for line in places.reshape(count, joined).tolist()]


@cache
def material(corpus: Corpus, home: Path) -> Material:
    """A corpus that is read but once in a run; what it is made of is read when it is asked for."""
    return Material(corpus, home)


def digest(path: Path) -> str:
    """What tells a file's content from others."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _joined(pairs: list[Pair]) -> Pair:
    return Pair(" ".join(pair.source for pair in pairs), " ".join(pair.target for pair in pairs))
