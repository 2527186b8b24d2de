"""Results: for people, for programs, for notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limelight.errors import InputError
from limelight.look.align import Alignment
from limelight.tasks.result import Cost
from limelight.tasks.translate.task import Translate
from limelight.tasks.writing.generated import Candidate, Chosen, Generated

Learnt = list[tuple[str, str]]


def made(*alignments: Alignment) -> Generated:
    return Generated(
        task="translate",
        model="m",
        source="a b",
        text="A B",
        nbest=(Candidate("A B", -0.12345678), Candidate("A", -1.0)),
        complete=True,
        steps=(Chosen(" A", 0.123456789),),
        cost=Cost(0.1, 3, 2),
        alignments=alignments,
        keys={"text": "translation_text"},
    )


ONE = Alignment(("a", "b"), ("A",), ((1, 0),), ((0.25, 0.5),))
TWO = Alignment(("c",), ("C", "D"), ((0, 0), (0, 1)), ((0.9,), (0.8,)))


def test_sentences_are_counted_through() -> None:
    whole = made(ONE, TWO).alignment
    assert (whole.source, whole.target) == (("a", "b", "c"), ("A", "C", "D"))
    assert whole.links == ((1, 0), (2, 1), (2, 2))
    assert whole.weights == ((0.25, 0.5, 0.0), (0.0, 0.0, 0.9), (0.0, 0.0, 0.8))
    assert whole.pharaoh == "1-0 2-1 2-2"
    assert whole.pairs == (("b", "A"), ("c", "C"), ("c", "D"))
    assert made(ONE).alignment == ONE
    assert made().alignment == Alignment((), (), (), ())


def test_a_sentence_without_words_shifts_nothing() -> None:
    assert made(ONE, Alignment((), (), (), ()), TWO).alignment == made(ONE, TWO).alignment


def test_json_has_the_key_of_the_old_pipelines_and_is_plain() -> None:
    data = made(ONE, TWO).to_json()
    assert json.loads(json.dumps(data)) == data
    assert data["translation_text"] == "A B"
    assert "text" not in data
    assert data["nbest"] == [{"text": "A B", "score": -0.123457}, {"text": "A", "score": -1.0}]
    assert data["steps"] == [{"piece": " A", "probability": 0.123457}]
    assert data["cost"] == {"seconds": 0.1, "source_tokens": 3, "target_tokens": 2}
    assert data["alignment"]["pharaoh"] == "1-0 2-1 2-2"
    assert data["alignment"]["links"] == [[1, 0], [2, 1], [2, 2]]
    assert "alignment" not in made().to_json()


def test_json_of_a_real_translation(translate: Translate, learnt: Learnt) -> None:
    found = translate(learnt[0][0], beam=4, nbest=2)
    data = json.loads(json.dumps(found.to_json()))
    assert data["translation_text"] == learnt[0][1]
    assert [c["text"] for c in data["nbest"]] == [c.text for c in found.nbest]
    assert "".join(s["piece"] for s in data["steps"]) == f" {learnt[0][1]}</s>"
    assert all(0 < s["probability"] <= 1 for s in data["steps"])
    assert data["alignment"]["trust"].startswith("alignment error rate 0.50 on 10 made-up pairs")
    assert len(data["alignment"]["weights"]) == len(data["alignment"]["target"])


def test_a_result_reads_as_its_text() -> None:
    assert str(made()) == "A B"


def test_a_page_is_written_that_shows_every_sentence(translate: Translate, learnt: Learnt, tmp_path: Path) -> None:
    found = translate(f"{learnt[0][0]} {learnt[1][0]}")
    path = found.save_html(str(tmp_path / "page.html"))
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "page.html"
    assert page.count("<limelight-attention ") == 2
    for word in (*found.alignment.source, *found.alignment.target):
        assert word in page
    assert "alignment error rate 0.50" in page


def test_a_page_that_cannot_be_written_or_has_nothing_to_show_is_refused(translate: Translate, learnt: Learnt, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        translate(learnt[0][0]).save_html(tmp_path / "absent" / "page.html")
    with pytest.raises(InputError, match="nothing to draw: no words were aligned"):
        translate(learnt[0][0], align=False).save_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_the_picture_or_the_text(translate: Translate, learnt: Learnt) -> None:
    found = translate(f"{learnt[0][0]} {learnt[1][0]}")
    assert found._repr_html_().count("<iframe") == 2
    assert translate("<b>Tom</b>", align=False)._repr_html_().startswith("<p>")
    assert made()._repr_html_() == "<p>A B</p>"
    hostile = Generated(**{**vars(made()), "text": "<script>alert(1)</script>"})
    assert "<script>" not in hostile._repr_html_()
