"""Errors: one small tree, one line each, a hint that names the nearest right word."""

from __future__ import annotations

import pytest

from limelight import errors
from limelight.errors import InputError, LimelightError, did_you_mean

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LimelightError)]


def test_the_tree_is_the_one_that_the_module_draws() -> None:
    assert len(KINDS) > 5
    for kind in KINDS:
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind is LimelightError or kind.__bases__ == (LimelightError,)


@pytest.mark.parametrize("kind", KINDS)
def test_message_and_hint_stay_apart_and_read_as_one_line(kind: type[LimelightError]) -> None:
    error = kind("heads must divide dim.", "Try heads=4.")
    assert (error.message, error.hint) == ("heads must divide dim.", "Try heads=4.")
    assert str(error) == "heads must divide dim.   Try heads=4."


def test_without_a_hint_nothing_trails() -> None:
    assert str(InputError("no rows.")) == "no rows."
    assert InputError("no rows.").hint == ""


def test_did_you_mean_names_the_nearest_then_all_sorted() -> None:
    assert did_you_mean("sumarize", ["translate", "summarize"]) == 'Did you mean "summarize"?   Known: summarize, translate.'


def test_did_you_mean_does_not_guess_wildly() -> None:
    assert did_you_mean("xyz", iter(["translate", "answer"])) == "Known: answer, translate."
