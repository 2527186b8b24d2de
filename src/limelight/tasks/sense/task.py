"""sense: how far the vectors of a word lie apart in several texts, layer by layer: one meaning, or several."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, overload

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded, words
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit, measured
from ..reading.places import Seen, Span, find, tokens_of
from ..result import Cost
from .senses import Sensed, Use, layer_of
from .vectors import placed, states_of, unit

MOST_USES = 2000                         # each is compared with each


@value
class SenseOptions:
    """`occurrence`: which of a word's places in a text is meant, counted from 1. `batch`: texts at once."""

    occurrence: Annotated[int, Field(ge=1)] = 1
    batch: Annotated[int, Field(ge=1)] = 32


@dataclass(frozen=True, eq=False)
class _Placed:
    """A use as the model reads it. `others`: the tokens of each other word that it reads there, by what the word is."""

    use: Use
    span: Span
    seen: Seen
    others: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass
class _Spread:
    """Sums over the unit vectors of words, (l m) each, out of which the mean cosine of different words comes without their pairs."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, word: str, unit: Float[Tensor, "l m"]) -> None:
        """One more word at one place."""
        self.sums[word] = self.sums[word] + unit if word in self.sums else unit
        self.counts[word] += 1

    def distances(self) -> list[float] | None:
        """For each layer the mean cosine distance between words that are not the same; None where there are not two."""
        total = sum(self.counts.values())
        pairs = total**2 - sum(count**2 for count in self.counts.values())
        if not pairs:
            return None
        rows = torch.stack(list(self.sums.values()))                 # (w l m)
        cosines = rows.sum(0).square().sum(-1) - rows.square().sum((0, -1))
        return (1 - cosines / pairs).tolist()


class Sense:
    """The meanings of a word, over any model; call it with the texts that it stands in.

        sense = limelight.task("sense", "./bert-base-uncased")
        print(sense(["Apple was juicy.", "Apple stock crashed."], word="apple"))
    """

    Options = SenseOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "sense")
        self.opened = opened

    @overload
    def __call__(self, texts: Sequence[str], options: SenseOptions | None = None, *, word: str, **changes: Any) -> Sensed: ...
    @overload
    def __call__(self, texts: Sequence[Use], options: SenseOptions | None = None, **changes: Any) -> Sensed: ...
    def __call__(self, texts: object, options: SenseOptions | None = None, *, word: str | None = None, **changes: Any) -> Sensed:
        """Two texts or more and a word that stands in each, capital or small; or Use(text, word) for each -> one result.

        A word's vector is the mean of its tokens'. Of a text that the model cannot read at once, a window around the word is read. Of a
        model with an encoder, it is the encoder. Raises InputError for a text without the word, and for fewer than two texts.
        """
        asked = with_changes("sense", options, SenseOptions, changes)
        uses = self._uses(texts, word, asked)
        there = [numbered(i, uses, lambda i=i: self._placed(uses[i])) for i in range(len(uses))]
        began = time.perf_counter()
        targets, spread = self._vectors(there, asked)
        apart = _distances(targets)
        between, labels = spread.distances(), [use.label for use in uses]
        layers = [layer_of(each, None if between is None else between[i], labels) for i, each in enumerate(apart.numpy())]
        return Sensed(
            task="sense",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source="\n".join(use.text for use in uses),
            cost=Cost(time.perf_counter() - began, sum(len(each.seen.encoded.ids) for each in there)),
            uses=tuple(uses),
            spans=tuple(each.span for each in there),
            layers=tuple(layers),
            distances=apart.numpy(),
            others=len(spread.counts),
            onward=self.opened.model.encoder is None,
            measured=measured(self.opened, "sense"),
        )

    # --- what is asked ----------------------------------------------------------------------------------------------
    def _uses(self, texts: object, word: str | None, options: SenseOptions) -> list[Use]:
        if isinstance(texts, list | tuple) and texts and all(isinstance(each, Use) for each in texts):
            uses = list(texts)
        else:
            given = as_texts(texts)
            if word is None or not word.strip():
                raise InputError("no word was given to look for.", 'Say word="...", or give Use(text, word) for each text.')
            uses = [Use(text, word, options.occurrence) for text in given]
        if not 2 <= len(uses) <= MOST_USES:
            raise InputError(f"2 to {MOST_USES:,} texts are compared: got {len(uses):,}.", "Give the word in at least two texts.")
        labelled = [bool(use.label) for use in uses]
        if any(labelled) and not all(labelled):
            raise InputError(f"text {labelled.index(False) + 1} of {len(uses)} has no label, and others have.", "Label all or none.")
        return uses

    def _placed(self, use: Use) -> _Placed:
        found = find(use.text, use.word)
        if len(found) < use.occurrence:
            many = "does not stand" if not found else f"stands {len(found)} times, not {use.occurrence},"
            raise InputError(f'"{use.word[:40]}" {many} in {use.text[:60]!r}.', "It is looked for as a word of its own, capital or small.")
        span = found[use.occurrence - 1]
        seen = placed(self.opened, use.text, span)
        return _Placed(use, span, seen, tuple(_others(seen.encoded, use)))

    # --- what is found ----------------------------------------------------------------------------------------------
    def _vectors(self, placed: Sequence[_Placed], options: SenseOptions) -> tuple[Float[Tensor, "u l m"], _Spread]:
        """The unit vectors of the word in each text, in each layer; and the sums of all other words'."""
        found: dict[int, Tensor] = {}
        spread = _Spread()
        for place, here in states_of(self.opened, [each.seen for each in placed], batch=options.batch):
            found[place] = unit(here, placed[place].seen.places)
            for word, tokens in placed[place].others:
                spread.add(word, unit(here, tokens))
        return torch.stack([found[place] for place in range(len(placed))]), spread


def _others(encoded: Encoded, use: Use) -> list[tuple[str, tuple[int, ...]]]:
    """The words beside the one that is asked about, wherever that stands, with their tokens; signs are none."""
    mine = find(use.text, use.word)
    tokens: dict[Span, list[int]] = defaultdict(list)
    said = [(a, b) for a, b in words(use.text) if any(map(str.isalnum, use.text[a:b]))]
    spans = [(a, b) for a, b in said if all(b <= x or a >= y for x, y in mine)]
    for span in spans:
        tokens[span] = tokens_of(encoded, span)
    return [(use.text[a:b].casefold(), tuple(found)) for (a, b), found in tokens.items() if found]


def _distances(units: Float[Tensor, "u l m"]) -> Float[Tensor, "l u u"]:
    """1 - cosine of each pair: half the square between unit vectors, which is exactly 0 for a vector and itself."""
    rows = units.transpose(0, 1).contiguous()
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square() / 2
