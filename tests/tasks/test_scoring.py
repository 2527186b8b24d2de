"""Scores are sacreBLEU's, to the last digit, and say how they were computed."""

from __future__ import annotations

import json

import pytest
import sacrebleu

from limelight.errors import InputError
from limelight.tasks.recipes.scores import Score
from limelight.tasks.recipes.translate.scoring import score

SAID = ["Le chat mange la souris.", "Il fait beau aujourd'hui.", "Je ne sais pas.", "Tom est parti hier soir."]
REFERENCES = [
    ("Le chat mange la souris.",),
    ("Il fait beau.", "Il fait beau aujourd'hui.", "Le temps est beau aujourd'hui."),
    ("Je n'en sais rien.", "Je ne sais pas."),
    ("Tom partit hier soir.",),
]
FIRST = [[refs[0] for refs in REFERENCES]]
EVERY = [[refs[n] if n < len(refs) else None for refs in REFERENCES] for n in range(3)]


def test_they_are_those_of_sacrebleu() -> None:
    bleu, chrf, every = score(SAID, REFERENCES)
    assert bleu.value == sacrebleu.corpus_bleu(SAID, FIRST).score
    assert chrf.value == sacrebleu.corpus_chrf(SAID, FIRST).score
    assert every.value == sacrebleu.corpus_bleu(SAID, EVERY).score          # pyright: ignore[reportArgumentType]
    assert (bleu.name, chrf.name, every.name) == ("BLEU", "chrF", "BLEU, all references")
    assert every.value > bleu.value


def test_signatures_are_those_that_make_scores_comparable() -> None:
    bleu, chrf, every = score(SAID, REFERENCES)
    version = sacrebleu.__version__
    assert bleu.signature == f"nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}"
    assert chrf.signature == f"nrefs:1|bs:1000|seed:12345|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    assert every.signature.startswith("nrefs:var|")


def test_with_one_reference_each_there_is_nothing_more_to_say() -> None:
    assert [s.name for s in score(SAID, [(refs[0],) for refs in REFERENCES])] == ["BLEU", "chrF"]


def test_perfect_is_a_hundred_and_nothing_is_nought() -> None:
    perfect = score([refs[0] for refs in REFERENCES], REFERENCES)
    assert [s.value for s in perfect] == pytest.approx([100] * 3)
    nothing = score([""] * 4, REFERENCES, resamples=1)
    assert [s.value for s in nothing] == [0, 0, 0]


def test_the_interval_is_the_same_every_time_and_narrows_with_more_sentences() -> None:
    few, again = score(SAID, REFERENCES), score(SAID, REFERENCES)
    assert [s.interval for s in few] == [s.interval for s in again]
    assert all(s.interval > 0 for s in few)
    many = score(SAID * 20, REFERENCES * 20, resamples=200)
    assert many[0].interval < few[0].interval / 2
    assert score(SAID, REFERENCES, resamples=1)[0].interval == 0


def test_a_score_reads_in_one_line_and_goes_to_json() -> None:
    one = Score("BLEU", 54.321, 1.25, "nrefs:1")
    assert str(one) == "BLEU 54.3 ± 1.2   nrefs:1"
    assert json.loads(json.dumps(one.to_json())) == {"name": "BLEU", "value": 54.32, "interval": 1.25, "signature": "nrefs:1"}


@pytest.mark.parametrize(
    ("said", "references", "wrong"),
    [
        ([], [], "0 translations have 0 sets"),
        (SAID, REFERENCES[:2], "4 translations have 2 sets"),
        (SAID[:1], REFERENCES, "1 translations have 4 sets"),
        (SAID[:2], [("a",), ()], "translation 2 of 2 has no reference"),
    ],
)
def test_what_cannot_be_compared_is_refused(said: list[str], references: list[tuple[str, ...]], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        score(said, references)


def test_resamples_without_any_match_are_scored_too() -> None:
    """sacrebleu alone gives up where some of them are 0.0 and others numpy's."""
    _, chrf = score(["q q q q", "b c d e"], [["a a a a"], ["b c d e"]])
    assert (chrf.value, chrf.interval) == (pytest.approx(50), pytest.approx(50))
