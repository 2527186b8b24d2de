"""What figures depend on, memory at its peak, and turns on one clock."""

from __future__ import annotations

import platform

import pytest
import torch

from limelight.measure import METHOD, Samples, alternate, busy, machine, peak, ratios, versions


def test_the_machine_is_told() -> None:
    told = machine()
    assert told["cores"] >= 1
    assert told["cpu"]
    assert told["system"] == platform.system()


def test_versions_are_of_what_is_installed() -> None:
    found = versions(("torch", "no-such-package"))
    assert found == {"python": platform.python_version(), "torch": torch.__version__}


def test_busy_is_a_number_or_nothing() -> None:
    found = busy()
    assert found is None or found >= 0


@pytest.mark.skipif(METHOD == "ru_maxrss", reason="the highest ever, not of the block")
@pytest.mark.parametrize("mib", [4, 32])
def test_peak_of_a_block(mib: int) -> None:
    for _ in range(3):                                       # also where the allocator has the room in store
        with peak() as extra:
            torch.ones(mib * 2**18)
        assert extra() == pytest.approx(mib, abs=1.5)


def test_turns_go_round() -> None:
    order: list[str] = []
    ticks = iter(range(1000))

    def turn(name: str) -> float:
        order.append(name)
        return 2.0

    found = alternate({"a": lambda _: turn("a"), "b": lambda _: turn("b")}, rounds=2, clock=lambda: float(next(ticks)))
    assert order == ["a", "b", "a", "b", "a", "b"]           # the first round does not count
    assert found["a"].seconds == [1.0, 1.0]
    assert found["a"].rates == [2.0, 2.0]
    assert ratios(found["a"], found["b"])["median"] == 1.0


def test_ratios_are_those_of_each_round() -> None:
    ours, theirs = Samples([10.0, 10.0, 10.0], [1.0, 2.0, 4.0]), Samples([10.0, 10.0, 10.0], [2.0, 2.0, 2.0])
    assert ratios(ours, theirs) == {"median": 1.0, "min": 0.5, "max": 2.0, "samples": [2.0, 1.0, 0.5]}
