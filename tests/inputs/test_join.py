"""Ids back to text with the names of marks in it, as transformers writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kinds import KINDS

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
pytest.importorskip("sentencepiece")
MASKED = ["the {m} sat on the {m} .", "{m} is a {m}", "{m}", "no mark in it"]


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta", "t5"])
def test_marks_stand_by_their_names(name: str, tmp_path: Path) -> None:
    kind: Any = KINDS[name](tmp_path, hf)
    mark = kind.theirs.mask_token or kind.theirs.eos_token
    for text in (text.format(m=mark) for text in MASKED):
        ids = kind.ours.encode(text, named=True).ids
        assert ids.count(kind.theirs.convert_tokens_to_ids(mark)) >= text.count(mark)
        assert kind.ours.engine.join([ids], marks=True) == [kind.theirs.decode(ids, skip_special_tokens=False)]
