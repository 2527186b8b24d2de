"""The tests' own type checks: whatever kind of call is new is checked, and so is each answer of a new kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import beartype
import jaxtyping
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from checked_once import kind, remembering
from limelight.ops import attend


def counted(fn: Any, calls: list[str]) -> Callable[..., Any]:
    """The function as the tests check it; `calls`: each time that it was done."""
    jaxtyped = jaxtyping.jaxtyped

    def counting(**how: Any) -> Any:
        return lambda each: lambda *args, **named: (calls.append(each.__name__), jaxtyped(**how)(each)(*args, **named))[1]

    return remembering(counting)(typechecker=beartype.beartype)(fn)


def doubled(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], *, by: Literal["sum", "one"] = "sum") -> Float[Tensor, "n d"]:
    return x + y if by == "sum" else x[:1]


def test_a_call_is_checked_once_for_each_kind() -> None:
    calls: list[str] = []
    fn, x = counted(doubled, calls), torch.ones(2, 3)
    for _ in range(3):
        assert fn(x, x).equal(2 * x)
    assert calls == ["doubled"]
    for other in (x[:1], x.double(), x.mT):
        fn(other, other)
    fn(x, y=x)
    assert len(calls) == 5


@pytest.mark.parametrize(("second", "how"), [((2, 4), {}), ((2,), {}), ((2, 3), {"by": "all"}), ((2, 3), {"by": "one"})])
def test_what_is_wrong_is_found_after_what_was_right(second: tuple[int, ...], how: dict[str, str]) -> None:
    fn, x = counted(doubled, []), torch.ones(2, 3)
    fn(x, x)
    for _ in range(2):
        with pytest.raises(jaxtyping.TypeCheckError):
            fn(x, torch.ones(second), **how)
    fn(x, x)


def test_an_answer_of_another_kind_is_checked_with_what_was_given() -> None:
    rows = iter([2, 2, 1, 2])

    def cut(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return x[: next(rows)]

    calls: list[str] = []
    fn, x = counted(cut, calls), torch.ones(2, 3)
    fn(x)
    fn(x)
    with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
        fn(x)
    assert fn(x).equal(x)
    assert calls == ["cut", "cut"]                                  # the second: of the answer alone


def test_what_is_looked_into_is_checked_every_time() -> None:
    def look(numbers: Sequence[int]) -> None:
        pass

    calls: list[str] = []
    fn = counted(look, calls)
    for _ in range(2):
        fn(range(9))
        fn([1, 100])
        fn([1] * 9)
    fn([1, 1])
    fn([1, 1, 1])                                                   # all of a kind, which has passed
    with pytest.raises(jaxtyping.TypeCheckError):
        fn(["a"])
    assert len(calls) == 8


def test_of_a_dict_the_first_entry_is_looked_at() -> None:
    def total(numbers: dict[str, int]) -> int:
        return len(numbers)

    calls: list[str] = []
    fn = counted(total, calls)
    for _ in range(2):
        fn({"a": 1, "b": 2})
        fn({})
    with pytest.raises(jaxtyping.TypeCheckError):
        fn({"a": "b"})
    assert len(calls) == 3


def test_kinds_are_what_annotations_can_tell_apart() -> None:
    x = torch.ones(2)
    arrays = [x, torch.ones(3), x.double(), torch.nn.Parameter(x), x.numpy()]
    different = [*arrays, "a", "b", None, True, 1, 2, 100, 1.0, int, str, (x,), (x, x), [x], [], [1], {1: 2}, {}]
    assert len({kind(each) for each in different}) == len(different)
    assert kind(x) == kind(torch.zeros(2))
    assert kind(100) == kind(200)
    others = [[1, 2], {1}, {1: range(3)}, range(3), tuple(range(9)), [1] * 9, ([{1}],), b"ab"]
    assert len({kind(each) for each in others}) == 1


def test_the_package_is_under_such_checks() -> None:
    q = torch.ones(1, 2, 3, 4)
    for _ in range(2):
        attend(q, q, q)
        with pytest.raises(jaxtyping.TypeCheckError):
            attend(q, q[0], q)
