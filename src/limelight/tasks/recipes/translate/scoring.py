"""Scores of translations, with the signatures that make them comparable and the intervals that say how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from ....errors import InputError
from ..scores import Score

RESAMPLES = 1000


def score(translations: Sequence[str], references: Sequence[Sequence[str]], *, resamples: int = RESAMPLES) -> list[Score]:
    """BLEU (Papineni et al. 2002) and chrF (Popovic 2015) against the first reference of each, then BLEU against all of them.

    `references[i]`: the translations of sentence i that people gave, at least one. Raises InputError where there are no sentences, not as
    many references, or none for one of them.
    """
    if not translations or len(translations) != len(references):
        raise InputError(f"{len(translations)} translations have {len(references)} sets of references.", "Give one set for each of them.")
    if (bare := next((i for i, refs in enumerate(references) if not refs), None)) is not None:
        raise InputError(f"translation {bare + 1} of {len(translations)} has no reference to be compared with.", "Leave it out.")
    first = [[refs[0] for refs in references]]
    most = max(map(len, references))
    # None fills the places of sentences with fewer references; sacrebleu then takes those that are there.
    every: Any = [[refs[n] if n < len(refs) else None for refs in references] for n in range(most)]
    out = [_measured("BLEU", BLEU(), translations, first, resamples), _measured("chrF", CHRF(), translations, first, resamples)]
    if most > 1:
        out.append(_measured("BLEU, all references", BLEU(), translations, every, resamples))
    return out


def _measured(name: str, metric: Any, translations: Sequence[str], references: Any, resamples: int) -> Score:
    compute = metric._compute_score_from_stats

    def computed(stats: Any) -> Any:
        """A resample without any match is scored 0.0 and others in numpy's float32, which Python's mean does not mix."""
        found = compute(stats)
        found.score = float(found.score)
        return found

    metric._compute_score_from_stats = computed
    found: Any = metric.corpus_score(list(translations), references, n_bootstrap=resamples)
    interval = found._ci if resamples > 1 and found._ci is not None else 0.0
    return Score(name, float(found.score), float(interval), str(metric.get_signature()))
