"""resolve: what a pronoun stands for, by how likely a language model holds the text with each candidate in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, overload

from pydantic import Field
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit, measured
from ..reading.places import Span, finite, tokens_of
from ..reading.windows import room_of
from ..result import Columns, Cost
from .cutting import Part, cut
from .likelihood import Row, causal_rows, likelihoods, masked_rows
from .pointing import Aim, attend_all, pointing
from .pronouns import Pronoun, Swapped, check_candidates, mentions, place_of, swapped
from .resolved import Candidate, Resolved


@value
class ResolveOptions:
    """How candidates are scored. `masked`, for a masked language model: the candidate's tokens all masked "together", or "single", each
    beside the others (Salazar et al. 2020). `causal`, for a model that reads from left to right: the "partial" score, of what follows the
    candidate (Trinh and Le 2018), or the "full" text's. `average`: by token, so that no candidate loses by being long; of the partial
    score, which is of the same words for each, it is always the sum. `batch`: rows at once."""

    masked: Literal["together", "single"] = "together"
    causal: Literal["partial", "full"] = "partial"
    average: bool = True
    batch: Annotated[int, Field(ge=1)] = 32


@dataclass(frozen=True, eq=False)
class _Sentence:
    """A text with a candidate in it, and what is scored of it."""

    swapped: Swapped
    rows: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class _Asked:
    """A pronoun that is to be resolved: the part of its text that is read, and each candidate's sentences there (several for "her")."""

    pronoun: Pronoun
    part: Part
    sentences: tuple[tuple[_Sentence, ...], ...]
    aim: Aim | None
    seen: tuple[int, ...]

    @property
    def rows(self) -> list[Row]:
        """All that is to be scored."""
        return [row for each in self.sentences for sentence in each for row in sentence.rows]


class Resolve:
    """Pronouns and what they stand for, over a masked or a causal language model.

        resolve = limelight.task("resolve", "./bert-base-uncased")
        text = "The animal didn't cross the street because it was too tired."
        resolve(text, candidates=["the animal", "the street"]).answer
    """

    Options = ResolveOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "resolve")
        self.opened = opened
        self._mask = opened.text.mask if opened.model.decoder is None else None

    @overload
    def __call__(self, text: str | Pronoun, options: ResolveOptions | None = None, **changes: Any) -> Resolved: ...
    @overload
    def __call__(
        self, text: list[Pronoun] | tuple[Pronoun, ...], options: ResolveOptions | None = None, **changes: Any
    ) -> list[Resolved]: ...
    def __call__(self, text: object, options: ResolveOptions | None = None, **changes: Any) -> Resolved | list[Resolved]:
        """A text with `candidates=[...]` and, where it has several pronouns, `pronoun=` a word or an offset; or Pronoun(...), or a list of
        those -> results in order.

        Of a text that the model cannot read at once, a window around the pronoun and its candidates is read. Raises InputError where the
        pronoun is not one place, for fewer than two candidates, and for candidates too far away for one window, with the numbers.
        """
        given = {name: changes.pop(name) for name in ("candidates", "pronoun") if name in changes}
        asked = with_changes("resolve", options, ResolveOptions, changes)
        pronouns = _as_pronouns(text, given)
        made = [numbered(i, pronouns, lambda i=i: self._asked(pronouns[i], asked)) for i in range(len(pronouns))]
        scores = iter(likelihoods(self.opened, [row for each in made for row in each.rows], batch=asked.batch))
        aims = [each.aim for each in made if each.aim is not None]
        weights = iter(attend_all(self.opened, aims, batch=asked.batch))
        results = [self._result(each, [next(scores) for _ in each.rows], next(weights) if each.aim else None, asked) for each in made]
        return results if isinstance(text, list | tuple) else results[0]

    def columns(self, options: ResolveOptions) -> Columns:
        """What a table gets."""
        del options
        return {"": str, "share": float, "margin": float, "agreement": float}

    def check(self, pronoun: Pronoun, options: ResolveOptions | None = None) -> None:
        """Raises InputError, as a call would, for a pronoun that cannot be resolved."""
        self._asked(pronoun, options or ResolveOptions())

    # --- what is asked ----------------------------------------------------------------------------------------------
    def _asked(self, pronoun: Pronoun, options: ResolveOptions) -> _Asked:
        check_candidates(pronoun.candidates)
        part = cut(self.opened, pronoun, place_of(pronoun), room_of(self.opened))
        sentences = tuple(
            tuple(self._sentence(each, options) for each in swapped(part.text, part.place, candidate)) for candidate in pronoun.candidates
        )
        aim, seen = self._aim(part, pronoun.candidates)
        return _Asked(pronoun, part, sentences, aim, seen)

    def _sentence(self, each: Swapped, options: ResolveOptions) -> _Sentence:
        encoded = self.opened.text.encode(each.text)
        if self._mask is None:
            return _Sentence(each, tuple(causal_rows(encoded, each, partial=options.causal == "partial")))
        return _Sentence(each, tuple(masked_rows(encoded, each, self._mask, together=options.masked == "together")))

    def _aim(self, part: Part, candidates: Sequence[str]) -> tuple[Aim | None, tuple[int, ...]]:
        """Where the attention goes from and to, and which candidates the pronoun sees: none, where it sees fewer than two."""
        encoded = self.opened.text.encode(part.text)
        pronoun = tokens_of(encoded, part.place)
        tokens = [self._visible(encoded, pronoun, mentions(part.text, part.place, each)) for each in candidates]
        seen = tuple(i for i, each in enumerate(tokens) if each)
        if len(seen) < 2 or not pronoun:
            return None, ()
        return Aim(encoded, tuple(pronoun), tuple(tuple(tokens[i]) for i in seen)), seen

    def _visible(self, encoded: Encoded, pronoun: Sequence[int], spans: Sequence[Span]) -> list[int]:
        """The tokens of a candidate's mentions that a pronoun sees: reading from left to right, only those before it."""
        tokens = sorted({token for span in spans for token in tokens_of(encoded, span)} - {*pronoun})
        return tokens if self._mask is not None else [token for token in tokens if pronoun and token < pronoun[0]]

    # --- what is found ----------------------------------------------------------------------------------------------
    def _result(self, each: _Asked, found: Sequence[tuple[float, float]], weights: Tensor | None, options: ResolveOptions) -> Resolved:
        scored = self._scored(each, [total for total, _ in found], options)
        order = sorted(range(len(scored)), key=lambda i: -scored[i][1])
        top = scored[order[0]][1]
        whole = sum(math.exp(score - top) for _, score, _ in scored)
        mean = {} if weights is None else dict(zip(each.seen, finite(weights, self.opened).mean((0, 1)).tolist(), strict=True))
        source, part = each.pronoun, each.part
        candidates = [
            Candidate(
                text=source.candidates[i],
                score=scored[i][1],
                share=math.exp(scored[i][1] - top) / whole,
                tokens=scored[i][2],
                sentence=scored[i][0].text,
                mentions=tuple(mentions(source.text, part.source_place, source.candidates[i])),
                attention=mean.get(i),
            )
            for i in order
        ]
        likeliest = [each.seen.index(i) for i in order if i in each.seen]
        a, b = part.source_place
        return Resolved(
            task="resolve",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=source.text,
            cost=Cost(sum(seconds for _, seconds in found), sum(len(row.encoded.ids) for row in each.rows)),
            pronoun=source.text[a:b],
            place=part.source_place,
            candidates=tuple(candidates),
            way=self._way(options),
            pointing=None if weights is None else pointing(weights[:, :, likeliest]),
            window=part.window,
            measured=measured(self.opened, "resolve"),
        )

    def _scored(self, each: _Asked, totals: Sequence[float], options: ResolveOptions) -> list[tuple[Swapped, float, int]]:
        """For each candidate the likeliest of its sentences, its score, and how many tokens that is of."""
        left = iter(totals)
        summed = self._mask is None and options.causal == "partial"
        out = []
        for sentences in each.sentences:
            ways = []
            for sentence in sentences:
                count = sum(len(row.wanted) for row in sentence.rows)
                total = sum(next(left) for _ in sentence.rows)
                ways.append((sentence.swapped, total if summed or not options.average else total / count, count))
            out.append(max(ways, key=lambda way: way[1]))
        return out

    def _way(self, options: ResolveOptions) -> str:
        """What a score is, in words."""
        if self._mask is None and options.causal == "partial":
            return "log-likelihood of what follows the candidate"
        by = "a token" if options.average else "in all"
        if self._mask is None:
            return f"log-likelihood of the whole text, {by}"
        return f"pseudo-log-likelihood of the candidate, {'all masked' if options.masked == 'together' else 'one masked at a time'}, {by}"


def _as_pronouns(text: object, given: dict[str, Any]) -> list[Pronoun]:
    """What was given, as pronouns. Raises InputError for what is none."""
    if isinstance(text, str):
        candidates = given.get("candidates", ())
        return [Pronoun(text, (candidates,) if isinstance(candidates, str) else tuple(candidates), given.get("pronoun"))]
    several: list[Any] = list(text) if isinstance(text, list | tuple) else [text]
    if wrong := next((each for each in several if not isinstance(each, Pronoun)), None):
        said = f"a text, or Pronoun(text, candidates), is wanted: got {type(wrong).__name__}."
        raise InputError(said, "Several: a list of Pronoun(...).")
    if given:
        raise InputError(f"{' and '.join(given)} came beside Pronoun(...), which has its own.", "Leave them out, or give a text.")
    return several
