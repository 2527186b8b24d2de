"""Name tables: every tensor of both sides is accounted for, in both directions."""

from __future__ import annotations

import pytest
import torch

from limelight.errors import WeightError
from limelight.weights import row, rows, to_ours, to_theirs

TABLE = [
    row("emb.weight", "embed.weight"),
    row("h.{i}.qkv.*", "b.{i}.q.*", "b.{i}.k.*", "b.{i}.v.*", turned=True),
    *rows("h.{i}", "b.{i}", {"ln": "norm"}),
    row("bias", "head.bias", flat=1),
    row("out.weight", "embed.weight", copy=True),
    row("h.{i}.mask"),
]
OURS = {
    "embed.weight": torch.randn(5, 2),
    "b.0.q.weight": torch.randn(2, 2),
    "b.0.k.weight": torch.randn(2, 2),
    "b.0.v.weight": torch.randn(2, 2),
    "b.0.q.bias": torch.randn(2),
    "b.0.k.bias": torch.randn(2),
    "b.0.v.bias": torch.randn(2),
    "b.0.norm.weight": torch.randn(2),
    "head.bias": torch.randn(5),
}


def test_there_and_back() -> None:
    theirs = to_theirs(TABLE, OURS)
    assert theirs["h.0.qkv.weight"].shape == (2, 6)
    assert torch.equal(theirs["h.0.qkv.weight"][:, 2:4], OURS["b.0.k.weight"].T)
    assert theirs["bias"].shape == (1, 5)
    again = to_ours(TABLE, theirs)
    assert again.keys() == OURS.keys()
    assert all(torch.equal(again[name], OURS[name]) for name in OURS)


def test_copies_are_checked_and_may_stand_alone() -> None:
    theirs = to_theirs(TABLE, OURS)
    table = theirs["emb.weight"]
    assert to_ours(TABLE, {**theirs, "out.weight": table.clone()}).keys() == OURS.keys()
    alone = to_ours(TABLE, {name: tensor for name, tensor in theirs.items() if name != "emb.weight"} | {"out.weight": table})
    assert torch.equal(alone["embed.weight"], table)
    with pytest.raises(WeightError, match=r"out\.weight should be the same numbers as embed\.weight, and differs"):
        to_ours(TABLE, {**theirs, "out.weight": table + 1})


def test_the_oldest_names_and_what_is_left_out() -> None:
    found = to_ours(TABLE, {"h.0.ln.gamma": torch.ones(2), "h.3.ln.beta": torch.zeros(2), "h.0.mask": torch.ones(9)})
    assert set(found) == {"b.0.norm.weight", "b.3.norm.bias"}


def test_a_file_without_a_head_lacks_the_prefix() -> None:
    table = [row("m.emb.weight", "embed.weight"), row("top.weight", "head.weight")]
    assert set(to_ours(table, {"emb.weight": torch.ones(1)}, prefix="m.")) == {"embed.weight"}
    assert set(to_theirs(table, {"embed.weight": torch.ones(1)}, prefix="m.")) == {"emb.weight"}


def test_what_no_row_speaks_of_is_named() -> None:
    with pytest.raises(WeightError, match=r"holds 2 tensors that its kind of model does not have: h\.x\.ln\.weight, other"):
        to_ours(TABLE, {"other": torch.ones(1), "h.x.ln.weight": torch.ones(1)})
    with pytest.raises(WeightError, match=r"does not have: other, and lacks 8: b\.0\.k\.bias, b\.0\.k\.weight, b\.0\.norm\.weight\."):
        to_ours(TABLE, {"other": torch.ones(1), "emb.weight": torch.ones(5, 2)}, wanted=OURS.keys())
    with pytest.raises(WeightError, match=r"1 tensors have no published name: new\.weight"):
        to_theirs(TABLE, {**OURS, "new.weight": torch.ones(1)})
