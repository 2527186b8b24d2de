"""align: a source and a translation that is given -> which words come from which, as the model that is led through it attends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, overload

from pydantic import Field

from ...data.normalise import NORMALISERS
from ...errors import InputError
from ...hub import Opened
from ...inputs import words
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit
from ..reading.written import written
from ..result import Columns, Cost
from ..translate.alignments import Told, told
from ..translate.forcing import CROSS, Couple, Forcing, Led
from ..translate.languages import Asked, asked_for
from ..translate.unmeasured import chosen_blind
from .aligned import Aligned

Given = tuple[str, str]


@value
class AlignOptions:
    """`split`: what is a word: "words" as limelight tells them apart (signs stand alone), or what stands between "spaces", for texts that
    are cut into words already. `source_language` and `target_language`: for a model of several. `batch`: pairs at once."""

    split: Literal["words", "spaces"] = "words"
    source_language: str | None = None
    target_language: str | None = None
    batch: Annotated[int, Field(ge=1)] = 32


class Align:
    """Forced alignment over one model that translates; call it with a source and its translation, or with pairs of them.

        align = limelight.task("align", "en-fr")
        print(align("The black cat ate the mouse.", target="Le chat noir a mangé la souris."))
    """

    Options = AlignOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "align")
        self.opened = opened
        self._told: Told | None = None if opened.manifest.aligner is None else told(opened)

    @overload
    def __call__(self, pairs: str, options: AlignOptions | None = None, *, target: str, **changes: Any) -> Aligned: ...
    @overload
    def __call__(self, pairs: Sequence[Given], options: AlignOptions | None = None, **changes: Any) -> list[Aligned]: ...
    def __call__(
        self, pairs: object, options: AlignOptions | None = None, *, target: str | None = None, **changes: Any
    ) -> Aligned | list[Aligned]:
        """A source with target="..." -> a result; several (source, target) -> a list, in order.

        Each pair is read whole, never cut at full stops. A model without a measured aligner is read where the words of the first pairs
        that it is given are most often one another's best, and its results say that this is not measured. Raises InputError for a pair
        that has an empty side, or more tokens than the model has positions; RecipeError for a language that is missing or unknown.
        """
        asked = with_changes("align", options, AlignOptions, changes)
        given = _as_pairs(pairs, target)
        which = asked_for(self.opened, asked.source_language, asked.target_language)
        couples = [numbered(i, given, lambda i=i: self._couple(given[i], asked, which)) for i in range(len(given))]
        layers = CROSS if self._told is None else self._told.way.attention
        forcing = Forcing(self.opened, which.pair, layers=layers)
        began, found = time.perf_counter(), dict[int, Aligned]()
        led = list(forcing.all(couples, batch=asked.batch)) if self._told is None else forcing.all(couples, batch=asked.batch)
        for place, each in led:
            if self._told is None:
                self._told = chosen_blind(self.opened, [one for _, one in led])
            found[place] = self._result(each, self._told, (time.perf_counter() - began) / len(couples))
        results = [found[place] for place in range(len(couples))]
        return results[0] if isinstance(pairs, str) else results

    def columns(self, options: AlignOptions) -> Columns:
        """What a table gets."""
        del options
        return {"": str}

    def check(self, pair: Given, options: AlignOptions | None = None) -> None:
        """Raises InputError, as a call would, for a pair that cannot be aligned."""
        asked = options or AlignOptions()
        which = asked_for(self.opened, asked.source_language, asked.target_language)
        Forcing(self.opened, which.pair).check([self._couple(_as_pairs([pair], None)[0], asked, which)])

    def _couple(self, pair: Given, options: AlignOptions, which: Asked) -> Couple:
        if options.split == "spaces":
            (source, from_words), (target, to_words) = (written(side.split(), which.names[n]) for n, side in enumerate(pair))
        else:
            tidy = (NORMALISERS.get(name or "none", NORMALISERS["none"]) for name in which.names)
            source, target = (clean(side) for clean, side in zip(tidy, pair, strict=True))
            from_words, to_words = words(source), words(target)
        for side, found in (("source", from_words), ("translation", to_words)):
            if not found:
                raise InputError(f"the {side} has no words.", "Give a source and its translation.")
        return Couple(source, target, (from_words, to_words))

    def _result(self, led: Led, told: Told, seconds: float) -> Aligned:
        alignment = led.aligned(told.way)
        tokens = led.subwords(self.opened.text, told.way)
        return Aligned(
            task="align",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=led.couple.source,
            cost=Cost(seconds, len(led.source.ids), len(led.target.ids)),
            target=led.couple.target,
            alignment=alignment,
            logprob=math.fsum(led.logprobs),
            tokens=len(led.logprobs),
            trust=told.trust,
            pictures=(told.picture(led.couple.target, alignment, seconds, tokens),),
        )


def _as_pairs(given: object, target: str | None) -> list[Given]:
    """What was given, as pairs of texts. Raises InputError for what is none."""
    if isinstance(given, str):
        if not isinstance(target, str):
            raise InputError("a source came without a translation.", 'Say target="...".')
        return [(given, target)]
    if target is not None or not isinstance(given, list | tuple):
        raise InputError(f"a source with target=, or a list of pairs, is wanted: got {type(given).__name__}.", 'Like [("One.", "Un.")].')
    for number, pair in enumerate(given, 1):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise InputError(f"pair {number} of {len(given)} is no pair of texts: got {str(pair)[:40]!r}.", "A source and its translation.")
    return [(str(a), str(b)) for a, b in given]
