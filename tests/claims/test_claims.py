"""Each claim runs to its end at a tiny size, gives what it should, and measures what it says."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limelight.claims import Claim, Findings, Found, Lab, find, judge, read, write
from limelight.claims import order as order_claim
from limelight.claims import quadratic as quadratic_claim
from limelight.claims import scaling as scaling_claim
from limelight.claims.findings import settled
from limelight.claims.language import Small, losses
from limelight.claims.letters import read_letters
from limelight.claims.pruning import importance, out_maps, silent
from limelight.nn import Network
from limelight.spec import Attention

SMALL = Small(dim=16, depth=1, heads=2, length=16, rows=4, steps=6, warmup=2)
TINY: dict[str, dict[str, Any]] = {
    "mask": {"small": SMALL, "rows": 2, "places": 6},
    "scaling": {"small": SMALL, "widths": (8, 64), "learning": (8, 16), "rows": 2},
    "order": {"small": SMALL, "rows": 2},
    "heads": {"small": SMALL, "counts": (1, 4), "rows": 2, "rounds": 6},
    "quadratic": {"lengths": (128, 256), "width": 64, "heads": 8, "window": 8, "rounds": 6},      # less would show in no page of memory
}


def tiny(name: str) -> Claim:
    (claim,) = find(name)
    return replace(claim, sizes={"quick": replace(claim.sizes["quick"], **TINY[name])})


@pytest.fixture(scope="module")
def labs(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Lab, Findings]]:
    """What a claim found, and the lab that it was found in."""

    @functools.cache
    def run(name: str) -> tuple[Lab, Findings]:
        lab = Lab(tmp_path_factory.mktemp(name), seeds=(0, 1))
        return lab, tiny(name).run(lab, "quick")

    return run


Labs = Callable[[str], tuple[Lab, Findings]]


@pytest.mark.parametrize("name", TINY)
def test_runs_to_its_end(name: str, labs: Labs, tmp_path: Path) -> None:
    lab, found = labs(name)
    assert found.claim == name
    assert found.verdict == judge(found.checks)
    assert found.tables
    assert found.plots
    assert found.conditions.seeds == (0, 1)
    assert found.conditions.cells == lab.cells > 0
    write(found, tmp_path / "findings.json")
    assert read(tmp_path / "findings.json") == found


@pytest.mark.parametrize("name", TINY)
def test_a_second_run_measures_nothing(name: str, labs: Labs) -> None:
    lab, first = labs(name)
    before = sorted((path, path.stat().st_mtime_ns) for path in lab.folder.rglob("*"))
    again = tiny(name).run(Lab(lab.folder, seeds=(0, 1)), "quick")
    assert sorted((path, path.stat().st_mtime_ns) for path in lab.folder.rglob("*")) == before
    assert (again.checks, again.tables, again.plots) == (first.checks, first.tables, first.plots)


def test_the_future_does_not_leak(labs: Labs) -> None:
    _, found = labs("mask")
    assert found.checks[0].outcome == "holds"
    effects = found.tables[0]
    assert len(effects.rows) >= 10
    assert {cell.mean for row in effects.rows for cell in row[1:] if not isinstance(cell, str | int | float) and cell} == {0.0}


def test_a_leak_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder whose mask has gone: the same measurement finds it out."""
    from limelight.claims import mask as mask_claim
    from limelight.nn import stack

    monkeypatch.setattr(stack.Stack, "_allow", lambda *_: (None, False))
    spec = Small(dim=16, heads=2).spec(20)
    assert mask_claim._effect(spec, 8, 0)["one row"] > 1e-3


def test_softmax_of_scaled_scores_is_soft_at_any_width() -> None:
    wide, narrow = (scaling_claim._softmax(width, scaled=True, seed=0) for width in (256, 8))
    bare = scaling_claim._softmax(256, scaled=False, seed=0)
    assert wide["entropy"] == pytest.approx(narrow["entropy"], abs=0.03)
    assert bare["entropy"] < 0.2 < 0.8 < wide["entropy"]
    assert bare["passed"] < wide["passed"] / 4
    assert bare["dead"] > 0.2 > wide["dead"]


def test_without_positions_an_encoder_does_not_know_order() -> None:
    found = {
        name: order_claim._change(SMALL.spec(20, position=position, sees_all=True), 0)["change"]
        for name, position in order_claim.schemes(32).items()
    }
    assert found.pop("none") < order_claim.ROUNDING
    assert min(found.values()) > 1e-2


def test_both_ways_of_a_window_agree() -> None:
    works = quadratic_claim.contestants(48, quadratic_claim.Setting(heads=2, width=8, window=8))
    assert torch.allclose(works[quadratic_claim.BLOCKS](), works[quadratic_claim.MASKED](), atol=1e-5)


def test_all_ways_of_full_attention_agree() -> None:
    works = quadratic_claim.contestants(48, quadratic_claim.Setting(heads=2, width=8, window=8))
    written, fused = works[quadratic_claim.WRITTEN](), works[quadratic_claim.FUSED]()
    assert isinstance(written, torch.Tensor)
    assert isinstance(fused, torch.Tensor)
    assert torch.allclose(written, fused, atol=1e-5)


@pytest.fixture
def four_heads(text: Path) -> Network:
    return Network(SMALL.spec(len(read_letters().alphabet), attention=Attention(heads=4))).eval()


def test_heads_switched_off_are_those_that_were_named(four_heads: Network, text: Path) -> None:
    rows = read_letters().held_out(2, 16)
    ((name, _), *_), before = importance(four_heads, rows), losses(four_heads, rows)
    with silent(four_heads, [(name, 1), (name, 3)]):
        off = losses(four_heads, rows)
    assert torch.equal(losses(four_heads, rows), before)                       # the model itself is as it was
    without = copy.deepcopy(four_heads)
    with torch.no_grad():
        out_maps(without)[name].unflatten(1, (4, -1))[:, [1, 3]] = 0.0
    assert not torch.equal(off, before)
    torch.testing.assert_close(off, losses(without, rows), atol=1e-6, rtol=0)


def test_importance_is_the_slope_of_a_gate(four_heads: Network, text: Path) -> None:
    """Against finite differences: the gate of one head a little open and a little shut."""
    rows = read_letters().held_out(1, 16)
    found = importance(four_heads, rows)
    slopes = {}
    for name, head in found:
        nats = []
        for gate in (1.01, 0.99):
            turned = copy.deepcopy(four_heads)
            with torch.no_grad():
                out_maps(turned)[name].unflatten(1, (4, -1))[:, head] *= gate
            nats.append(float(losses(turned, rows).mean()))
        slopes[name, head] = abs(nats[0] - nats[1]) / 0.02
    norm = sum(x * x for x in slopes.values()) ** 0.5
    assert {head: x / norm for head, x in slopes.items()} == pytest.approx(found, abs=0.02)


def test_heads_ranks_every_head(labs: Labs) -> None:
    shares = labs("heads")[1].tables[1]
    assert [row[0] for row in shares.rows] == ["0%", "25%", "50%", "75%", "100%"]
    first, last = shares.rows[0], shares.rows[-1]
    assert first[1] == first[2]
    assert last[1] == last[2]
    assert first[1] != last[1]


def test_findings_of_another_shape_are_refused(tmp_path: Path) -> None:
    from limelight import InputError

    path = tmp_path / "x.json"
    path.write_text('{"claim": "mask"}')
    with pytest.raises(InputError, match="missing"):
        read(path)
    path.write_text("[")
    with pytest.raises(InputError, match="no findings"):
        read(path)


def test_found_is_judged_by_its_checks(labs: Labs) -> None:
    _, one = labs("quadratic")
    assert settled("x", Found(one.checks, one.tables), one.conditions).verdict == judge(one.checks)
