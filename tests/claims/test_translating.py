"""The claims about translation: what their checks make of figures that are known, and that they run on real small trainings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from limelight.claims import Found, Lab, bottleneck, find, judge, mechanisms, pace, parallel
from limelight.claims.lab import Figures
from limelight.claims.translation import Bench

Make = Callable[[str, int], Figures]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab", (0, 1))


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[Make], None]:
    """Let every bench say what a function of mechanism and seed says."""

    def put(make: Make) -> None:
        def said(bench: Bench, _: Lab, name: str, seed: int) -> Figures:
            return make(f"{name}/{bench.dim}", seed)

        monkeypatch.setattr(Bench, "figures", said)

    return put


def figures(bleu: float, *, aer: float = 0.5, fall: float = 0.0, parameters: int = 1000) -> Figures:
    """What a bench says of a model whose BLEU falls by so much with every ten words."""
    bleu, edges = float(bleu), ((1, 10), (11, 20), (21, 30), (31, 50))
    lengths = [{"from": a, "to": b, "words": (a + b - 1) / 2, "items": 9, "bleu": bleu - fall * ((a + b - 1) / 2 - 5) / 10, "chrf": 40.0}
               for a, b in edges]
    alignment: dict[str, Any] = {"aer": aer, "attention": "decoder.0.cross", "heads": [0], "shift": 1}
    watched = [[100, {"nll": 4.0, "bleu": bleu / 2}], [200, {"nll": 3.0, "bleu": bleu}]]
    return {"parameters": parameters, "bleu": bleu, "chrf": 40.0, "lengths": lengths, "alignment": alignment, "watched": watched}


def outcomes(found: Found) -> list[str]:
    return [each.outcome for each in found.checks]


# --- 1: the bottleneck --------------------------------------------------------------------------------------------
def test_a_fall_that_attention_halts_makes_the_claim_hold(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    lab = replace(lab, seeds=(0, 1, 2))
    pretend(lambda name, seed: figures(20 + 0.1 * seed, fall=6 + 0.1 * seed) if "fixed" in name else figures(25, fall=1))
    found = bottleneck.measure(lab, bottleneck.Setting(bench=bench))
    assert outcomes(found) == ["holds"] * 7
    assert found.checks[0].found.mean == pytest.approx(-6.1)
    assert found.checks[1].found.mean == pytest.approx(5.1)
    assert found.checks[4].found.mean == pytest.approx(25 - 2 - (20.1 - 2 * 6.1))       # in the one bin from 21 to 30 words
    assert judge(found.checks).word == "holds here"


def test_attention_that_falls_as_far_refutes_it(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    lab = replace(lab, seeds=(0, 1, 2))
    pretend(lambda name, seed: figures(20 + 0.1 * seed, fall=-1 - 0.01 * seed if "fixed" in name else -0.5))
    found = bottleneck.measure(lab, bottleneck.Setting(bench=bench))
    assert outcomes(found) == ["fails"] * 7
    assert judge(found.checks).word == "does not hold here"


def test_lines_longer_than_what_was_learnt_are_told_apart(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    pretend(lambda *_: {**figures(20), "lengths": [{**each, "bleu": float(each["from"])} for each in figures(20)["lengths"]]})
    rows = bottleneck.measure(lab, bottleneck.Setting(bench=bench)).tables[1].rows
    assert [str(cell) for cell in rows[0][2:5]] == ["6", "21", "31"]


# --- 2: mechanisms ------------------------------------------------------------------------------------------------
def test_each_is_measured_against_what_its_paper_says(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    better = {"general/16": 22.0, "general-fed/16": 25.0, "multi-head/16": 24.0}
    pretend(lambda name, seed: figures(better.get(name, 20) + seed / 10, aer=0.3 if "sparse" in name else 0.5 + seed / 100))
    setting = mechanisms.Setting(bench=bench, names=("dot", "general", "general-fed", "sparsemax", "multi-head"), batches=1, rounds=1)
    found = mechanisms.measure(lab, setting)
    said = {check.says.split(" (")[0]: check for check in found.checks}
    assert len(said) == 4                                           # of nine, those whose two mechanisms were measured
    assert said["general less dot"].found.mean == pytest.approx(2)
    assert said["general-fed less general"].outcome == "holds"
    assert said["AER, sparsemax less general"].wanted == "below"
    assert said["AER, sparsemax less general"].found.mean == pytest.approx(-0.205)
    table = {row[0]: row for row in found.tables[0].rows}
    assert table["dot"][5] == "0.cross 0 a step later, 0.cross 0 a step later"


def test_what_took_longer_is_asked_at_the_same_time(lab: Lab, bench: Bench, pretend: Callable[[Make], None],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.claims import over_seeds

    bench = replace(bench, steps=200)
    looks = {"fixed-vector/16": {"alignment": {}}}
    pretend(lambda name, _: {**figures(20 if "multi" in name else 30), **looks.get(name, {})})
    taken = {"fixed-vector": over_seeds([1.0]), "general-fed": over_seeds([4.0]), "multi-head": over_seeds([2.0])}
    monkeypatch.setattr(mechanisms, "paces", lambda *_, **__: (taken, {"busy": [0.0, 0.0]}))
    found = mechanisms.measure(lab, mechanisms.Setting(bench=bench, names=tuple(taken), batches=1))
    (check,) = (each for each in found.checks if "after 400 s" in each.says)
    assert check.found.mean == pytest.approx(20 - 15)               # half of the steps of the slower one: half of its BLEU
    assert {line.label: line.x[-1] for line in found.plots[0].lines} == {"fixed-vector": 200, "general-fed": 800, "multi-head": 400}


def test_without_attention_there_is_no_alignment_to_show(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    pretend(lambda name, seed: {**figures(9 + seed), **({"alignment": {}} if "fixed" in name else {})})
    setting = mechanisms.Setting(bench=bench, names=("fixed-vector", "general", "dot"), batches=1, rounds=1)
    table = {row[0]: row for row in mechanisms.measure(lab, setting).tables[0].rows}
    assert table["fixed-vector"][4:6] == (None, None)
    assert table["general"][4] is not None


# --- 3: pace and time ---------------------------------------------------------------------------------------------
def test_a_goal_is_reached_between_two_points() -> None:
    assert pace.reached([(10, 4.0), (20, 3.0), (30, 2.0)], 2.5, rising=False) == 25
    assert pace.reached([(10, 1.0), (20, 5.0), (30, 4.0)], 3.0, rising=True) == 15
    assert pace.reached([(10, 1.0), (20, 5.0)], 6.0, rising=True) is None
    assert pace.reached([(10, 4.0), (20, 3.0)], 4.5, rising=False) == 10
    assert pace.at(15.0, [(10, 1.0), (20, 3.0)]) == 2
    assert pace.at(99.0, [(10, 1.0), (20, 3.0)]) == 3


def test_an_epoch_is_told_in_steps_like_the_timed_ones(lab: Lab, bench: Bench) -> None:
    given = bench.material(lab)
    every = [given.batches(0).batch(i).tokens for i in given.batches(0).order(0)]
    assert pace.epoch(lab, bench, batches=len(every)) == pytest.approx(len(every))
    assert pace.epoch(lab, bench, batches=1) == pytest.approx(sum(every) / every[0])


def test_timed_steps_are_of_the_same_batches(lab: Lab, bench: Bench) -> None:
    few = pace.Few(bench.material(lab), 2)
    assert few.order(0) == few.order(7) == [0, 1]
    assert few.batch(1) is few.batch(1)
    seconds, clock = pace.paces(lab, bench, ("general", "multi-head"), batches=2, rounds=6)
    assert all(each.sure and each.mean > 0 for each in seconds.values())
    assert pace.paces(lab, bench, ("general", "multi-head"), batches=2, rounds=6) == (seconds, clock)


def test_rows_have_as_many_tokens_at_every_length(lab: Lab, bench: Bench) -> None:
    given = bench.material(lab)
    for length, rows in ((8, 12), (33, 3), (200, 1)):
        pairs = parallel.Rows(given, 100, length).pairs
        assert pairs.source is not None
        assert pairs.source.values.shape == pairs.target.values.shape == (rows, length)
    flat = [token for row in given.rows[1] for token in row]
    assert parallel.Rows(given, 100, 8).pairs.target.values.flatten().tolist() == flat[:96]


def test_parallel_runs_and_says_who_was_as_good_when(
    lab: Lab, bench: Bench, pretend: Callable[[Make], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(parallel, "busy", lambda: 7.25)             # where two threads would wait for each other for minutes
    good = {"multi-head/16": 30.0, "fixed-vector/16": 10.0}
    pretend(lambda name, seed: figures(good.get(name, 20) + seed))
    setting = parallel.Setting(bench=bench, lengths=(4, 16), tokens=32, batches=1, rounds=2)
    found = parallel.measure(lab, setting)
    times = found.tables[1]
    rows = {row[0]: row for row in times.rows}
    assert times.columns[2] == "BLEU 20"
    assert any("for 7.25 processes wanted one" in note for note in found.notes)
    assert not any("gain" in check.says for check in found.checks)
    assert rows["fixed-vector"][2] == "0 of 2 came to it"
    fast, slow = (next(check for check in found.checks if check.says == f"time to the same BLEU: {name} by multi-head")
                  for name in ("general", "general-fed"))
    assert fast.found.mean > 0
    assert slow.found.mean > 0
    assert [line.x for line in found.plots[0].lines] == [(4.0, 16.0)] * 4


def test_what_cores_gain_is_told_where_nobody_else_wants_them(lab: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(parallel, "busy", lambda: 0.0)
    monkeypatch.setattr(parallel.torch, "set_num_threads", lambda _: None)          # the cores of this machine may well be taken
    setting = parallel.Setting(bench=bench, lengths=(4, 8, 16), tokens=16, batches=1, rounds=6)
    gains, load = parallel._gains(lab, setting)
    assert set(gains) == {4, 8}
    assert {len(each) for found in gains.values() for each in found.values()} == {6}
    assert load == [0.0] * 5
    assert parallel._gains(lab, setting) == (gains, load)           # kept
    monkeypatch.setattr(parallel, "busy", lambda: 9.0)
    assert parallel._gains(lab, setting) == (gains, load)           # whoever is at work by now


# --- models that translate nothing yet ----------------------------------------------------------------------------
def test_differences_of_nothing_settle_nothing(lab: Lab, bench: Bench, pretend: Callable[[Make], None]) -> None:
    lab = replace(lab, seeds=(0, 1, 2))
    pretend(lambda name, seed: figures(0.4 + 0.01 * seed, fall=0.1) if "fixed" in name else figures(0.9))
    found = bottleneck.measure(lab, bottleneck.Setting(bench=bench))
    assert set(outcomes(found)) == {"open"}
    assert "comes to 0.9 BLEU" in found.notes[0]
    pretend(lambda name, seed: figures(5.4 + 0.01 * seed, fall=0.1) if "fixed" in name else figures(5.9))
    found = bottleneck.measure(lab, bottleneck.Setting(bench=bench))
    assert set(outcomes(found)) == {"holds"}
    assert "BLEU. Below" not in " ".join(found.notes)


# --- all of them --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["bottleneck", "mechanisms", "parallel"])
def test_it_is_a_claim_like_the_others(name: str) -> None:
    (claim,) = find(name)
    assert claim.source
    assert claim.refuted_by
    assert set(claim.sizes) == {"quick", "full"}
