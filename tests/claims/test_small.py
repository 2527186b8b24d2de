"""Claim 10: what its checks make of figures that are known, and that both kinds of models learn, each in its proportions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from limelight.claims import Lab, opinions, small, write
from limelight.claims.findings import Conditions, read, settled
from limelight.claims.lab import Figures
from limelight.claims.opinions import Judging, Opinions
from limelight.claims.translation import Bench
from limelight.train import read_recipe

By = Callable[[int, int], float]        # what a model of a width makes of a seed


@pytest.fixture
def moods(tmp_path: Path) -> Opinions:
    """Two small sets of made opinions."""
    import moody

    recipe = read_recipe(moody.written(tmp_path) / "mood.toml")
    sets = tuple(replace(each, path=str(tmp_path / each.path)) for each in recipe.data.sets)
    return Opinions(recipe=replace(recipe, data=replace(recipe.data, sets=sets)))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab", (0, 1, 2))


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[By, By], None]:
    """Let models translate and judge as they are told."""

    def put(bleu: By, balanced: By) -> None:
        def translating(bench: Bench, _: Lab, __: str, seed: int) -> Figures:
            said = {"bleu": bleu(bench.dim, seed), "chrf": 40.0, "alignment": {"aer": 0.5}, "watched": [[9, {"nll": 3.0}]]}
            return {"parameters": bench.dim * 100, **said}

        def judging(_: Judging, dim: int, seed: int) -> Figures:
            share = balanced(dim, seed)
            return {"parameters": dim * 10, "mean": share, "balanced": {"lines": share - 1, "folders": share + 1}}

        monkeypatch.setattr(Bench, "figures", translating)
        monkeypatch.setattr(Judging, "figures", judging)

    return put


def setting(bench: Bench, moods: Opinions) -> small.Setting:
    return small.Setting(bench=bench, dims=(8, 16), opinions=moods, judges=(8, 16))


def test_sizes_keep_their_proportions(bench: Bench, lab: Lab, moods: Opinions) -> None:
    half = small.sized(bench, 8)
    assert (half.dim, half.hidden) == (8, 12)
    assert half.lr == pytest.approx([rate * 2**0.5 for rate in bench.lr])
    assert small.sized(bench, bench.dim) is bench
    lessons = [Judging(lab, moods).lesson(dim) for dim in (16, 64)]
    stacks = [each.spec.encoder for each in lessons]
    assert [(each.attention.heads, each.ff.hidden) for each in stacks if each and each.ff] == [(1, 16), (2, 64)]
    assert lessons[0].plan.lr == pytest.approx(2 * lessons[1].plan.lr)


@pytest.mark.parametrize(("lost", "outcome"), [(0.5, "holds"), (3.0, "fails")])
def test_a_smaller_model_suffices_where_little_is_lost(
    lab: Lab, bench: Bench, moods: Opinions, pretend: Callable[[By, By], None], lost: float, outcome: str
) -> None:
    pretend(lambda dim, seed: 20 - (dim < 16) * (lost + 0.01 * seed), lambda dim, seed: 90 - (dim < 16) * (lost - 0.01 * seed))
    found = small.measure(lab, setting(bench, moods))
    assert [each.outcome for each in found.checks] == [outcome] * 2
    assert [each.says for each in found.checks] == [
        "BLEU lost in translation with 50% of the parameters (8 wide)",
        "balanced accuracy lost in judging opinions with 50% of the parameters (8 wide)",
    ]
    assert found.tables[1].columns == ("width", "parameters", "all sets", "lines", "folders")


def test_models_that_know_nothing_settle_nothing(lab: Lab, bench: Bench, moods: Opinions, pretend: Callable[[By, By], None]) -> None:
    pretend(lambda _, seed: 20.0 + seed, lambda dim, _: 50.0 + dim / 8)
    found = small.measure(lab, setting(bench, moods))
    assert [each.outcome for each in found.checks] == ["holds", "open"]
    assert "comes to 52.0 % balanced accuracy" in found.notes[0]


def test_it_runs_from_texts_to_findings(lab: Lab, bench: Bench, moods: Opinions, tmp_path: Path) -> None:
    """Nothing pretended: models learn, translate and judge, and what is found goes to JSON and back; again, nothing is learnt anew."""
    lab = replace(lab, seeds=(0, 1))
    found = small.measure(lab, setting(bench, moods))
    conditions = Conditions(size="quick", seeds=lab.seeds, setting={}, machine={}, versions={}, threads=1, busy=(None, None), date="",
                            seconds=0.0, cells=lab.cells)
    whole = settled("small", found, conditions)
    write(whole, tmp_path / "small.json")
    assert read(tmp_path / "small.json") == whole
    assert lab.cells == 16                                          # two kinds, two sizes, two seeds, learnt and asked
    assert small.measure(replace(lab), setting(bench, moods)) == found


def test_opinions_are_learnt(lab: Lab, moods: Opinions) -> None:
    found = Judging(lab, moods).figures(16, 0)
    assert set(found["balanced"]) == {"lines", "folders"}
    assert found["mean"] > 75
    seeds = [[each.tolist() for each in Judging(lab, moods).lesson(16).batches(seed).order(0)] for seed in (0, 1, 0)]
    assert seeds[0] == seeds[2] != seeds[1]


def test_other_texts_are_another_cell(lab: Lab, moods: Opinions, tmp_path: Path) -> None:
    before = Judging(lab, moods).lesson(16).data
    assert Judging(lab, replace(moods, few=40)).lesson(16).data != before
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_bytes((tmp_path / "lines.txt").read_bytes())
    data = moods.recipe.data
    moved = replace(moods.recipe, data=replace(data, sets=(replace(data.sets[0], path=str(elsewhere)), data.sets[1])))
    assert Judging(lab, replace(moods, recipe=moved)).lesson(16).data == before
    elsewhere.write_bytes(elsewhere.read_bytes() + b"the box is good today.\t1\n")
    assert Judging(lab, replace(moods, recipe=moved)).lesson(16).data != before


def test_the_settings_that_are_shipped_fit() -> None:
    for each in small.CLAIM.sizes.values():
        assert each.judges[-1] == max(each.judges)
        assert each.opinions in (opinions.QUICK, opinions.FULL)
