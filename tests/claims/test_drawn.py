"""Claim 11 on a small table of pairs."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from limelight.claims import Lab, drawn
from limelight.claims.drawn import ALL, ESTIMATORS, GUMBEL, LESS, LOOKING, PLAIN, Setting, Shuffled, measure, read_corpus
from limelight.claims.vocabulary import END, UNKNOWN, spelt
from limelight.errors import InputError

WORDS = {"red": "rouge", "cat": "chat", "dog": "chien", "sees": "voit", "old": "vieux", "runs": "court", "big": "grand", "one": "un"}


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Pairs of two and three words, and some of unequal numbers."""
    draw, lines = random.Random(0), []
    for number in range(900):
        words = [draw.choice(list(WORDS)) for _ in range(3 if number % 2 else 2)]
        lines.append(f"{' '.join(words)}{draw.choice('.!')}\t{' '.join(WORDS[w] for w in words)}.")
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join([*lines, "red cat\tle chat rouge"]) + "\n")
    return str(path)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so few words there are not many sentences."""
    monkeypatch.setattr(drawn, "HELD_OUT", 12)


def test_pairs_have_equal_lengths_and_held_out_ones_are_new(table: str) -> None:
    corpus = read_corpus(table, words=2, vocabulary=12)
    assert all(len(spelt(side)) == 2 for pair in (*corpus.learnt, *corpus.held) for side in pair)
    learnt = {tuple(spelt(source)) for source, _ in corpus.learnt}
    assert len(corpus.held) == 12
    assert not learnt & {tuple(spelt(source)) for source, _ in corpus.held}
    asked, rest = corpus.asked(5), corpus.rest(5)
    assert asked.source is not None
    assert asked.source.values.shape == (5, 3)
    assert set(asked.source.values[:, -1].tolist()) == {END}
    assert len(rest.target) == 7
    assert len(corpus.vocabulary) == 12
    assert UNKNOWN in asked.source.values                                   # sixteen words, of which eight are known


def test_batches_take_every_pair_once_an_epoch(table: str) -> None:
    corpus = read_corpus(table, words=2, vocabulary=20)
    batches = Shuffled(corpus, rows=8, seed=1)
    order = batches.order(0)
    seen = [int(i) for each in order for i in each]
    assert len(seen) == len(set(seen)) == len(corpus.learnt) // 8 * 8
    assert seen != [int(i) for each in batches.order(1) for i in each]
    assert batches.batch(order[0]).tokens == 8 * 3


def test_a_table_without_such_pairs_is_refused(table: str) -> None:
    with pytest.raises(InputError):
        read_corpus(table, words=7, vocabulary=20)


def test_reinforce_is_right_on_average_and_gumbel_is_not(table: str, tmp_path: Path) -> None:
    setting = Setting(own=3, fed=2, vocabulary=20, dim=8, rows=16, steps=60, lr=2e-2, pairs=4, samples=32, batches=40)
    lab = Lab(tmp_path / "lab", (0,))
    found = measure(lab, setting, table)
    for reach in found.tables:
        rows = {row[:2]: dict(zip(reach.columns, row, strict=True)) for row in reach.rows}
        assert set(rows) == {(name, part) for name in ESTIMATORS for part in (LOOKING, ALL)}
        straight = rows[GUMBEL, LOOKING]["intervals that hold it"].mean
        for way in (PLAIN, LESS):
            assert rows[way, LOOKING]["intervals that hold it"].mean > max(0.6, straight)     # coordinates hang together
        assert rows[GUMBEL, LOOKING]["noise of a sample"].mean < rows[LESS, LOOKING]["noise of a sample"].mean
        assert rows[PLAIN, LOOKING]["coordinates"] == 64
    assert [plot.log_y for plot in found.plots] == [True, True]
    assert {line.label for line in found.plots[0].lines} == set(ESTIMATORS)
    assert found.plots[0].lines[0].x[:2] == (32, 64)
    assert len(found.checks) == 10
    again = Lab(tmp_path / "lab", (0,))
    began = again.seconds
    assert measure(again, setting, table) == found                          # kept, not measured again
    assert again.seconds - began == pytest.approx(lab.seconds)


def test_more_samples_are_other_cells(table: str, tmp_path: Path) -> None:
    setting = Setting(own=2, fed=2, vocabulary=20, dim=4, steps=2, pairs=2, samples=2, batches=8)
    lab = Lab(tmp_path / "lab", (0,))
    measure(lab, setting, table)
    before = len(list(lab.home("cells").iterdir()))
    measure(lab, replace(setting, batches=9), table)
    assert len(list(lab.home("cells").iterdir())) == before + 2             # the models are the same
