"""limelight classify: what is printed for texts, lines and tables, and what does not go together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

from reviews import IPHONE, blank, reader

Run = Callable[..., Any]
SURE = "the camera is amazing !"


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that was set by hand."""
    return reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def entailment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with the labels of MNLI."""
    at = tmp_path_factory.mktemp("nli")
    blank(at, "Bert", ("contradiction", "neutral", "entailment"))
    return at


def test_a_text_gives_all_labels_with_their_scores(limelight: Run, moods: Path) -> None:
    ran = limelight("classify", SURE, "-m", moods)
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.lines] == ["POSITIVE", "NEGATIVE"]
    assert sum(float(line.split()[1]) for line in ran.lines) == pytest.approx(1, abs=2e-4)
    assert len(limelight("classify", SURE, "-m", moods, "--top-k", 1).lines) == 1


def test_several_texts_and_lines_of_a_pipe_give_a_line_each(limelight: Run, moods: Path) -> None:
    texts = [SURE, "", "awful battery", "great"]
    given = limelight("classify", "-m", moods, given="\n".join(texts) + "\n")
    assert [line.split("\t")[0] for line in given.lines] == ["POSITIVE", "", "NEGATIVE", "POSITIVE"]
    assert limelight("classify", *texts, "-m", moods).out == given.out
    two = limelight("classify", "-m", moods, "--top-k", 2, given="great\n")
    assert two.lines[0].split("\t")[::2] == ["POSITIVE", "NEGATIVE"]


def test_why_marks_the_words_and_says_how_far_to_trust_attention(limelight: Run, moods: Path) -> None:
    ran = limelight("classify", IPHONE, "-m", moods, "--why")
    assert ran.code == 0
    assert "the camera is amazing[+" in ran.out
    rows = [line.split() for line in ran.lines]
    table = rows[rows.index(["word", "effect", "score", "without", "it", "attention"]) + 1 :]
    assert [row[0] for row in table[:3]] == ["amazing", "drains", "fast"]
    assert "over 18 words: rank correlation" in ran.out
    assert "\x1b" not in ran.out
    both = limelight("classify", IPHONE, SURE, "-m", moods, "--why")
    assert both.out.count("Agreement of attention") == 2


def test_json_and_a_page(limelight: Run, moods: Path, tmp_path: Path) -> None:
    ran = limelight("classify", SURE, IPHONE, "-m", moods, "--json", "--html", "why.html")
    first, second = map(json.loads, ran.lines)
    assert (first["label"], first["source"], second["why"]["words"][9]["text"]) == ("POSITIVE", SURE, "amazing")
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert "why.html" in ran.err
    none = limelight("classify", "", "-m", moods, "--html", "none.html")
    assert "no page was written" in none.err
    assert not (tmp_path / "none.html").exists()


def test_labels_of_ones_own(limelight: Run, entailment: Path, moods: Path) -> None:
    ran = limelight("classify", IPHONE, "-m", entailment, "--labels", "camera, price,so", "--template", "my {} .", "--json")
    (found,) = map(json.loads, ran.lines)
    assert sorted(found["labels"]) == ["camera", "price", "so"]
    assert sum(found["scores"]) == pytest.approx(1)
    several = json.loads(limelight("classify", IPHONE, "-m", entailment, "--labels", "camera,price", "--multi", "--json").out)
    assert sum(several["scores"]) != pytest.approx(1, abs=1e-3)
    one_line(limelight("classify", IPHONE, "-m", moods, "--labels", "a,b"), "need a model of entailment", "MNLI")


def test_a_table_gets_the_label_and_its_score(limelight: Run, moods: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f'id,review\n1,"{IPHONE}"\n2,\n3,awful battery\n', encoding="utf-8")
    ran = limelight("classify", "-m", moods, "--file", "in.csv", "--column", "review", "--output", "out.csv")
    assert ran.code == 0
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,review,label,label_score"
    assert lines[2] == "2,,,"
    (said, _), (last, score) = (line.split(",")[-2:] for line in (lines[1], lines[3]))
    assert (said, last) == ("POSITIVE", "NEGATIVE")
    assert float(score) > 0.5
    table = ("--file", "in.csv", "--column", "review", "--output", "out.jsonl", "--to-column", "mood")
    again = limelight("classify", "-m", moods, *table, "--top-k", 2)
    assert again.code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (rows[2]["mood"], len(rows[2]["mood_score"]), rows[1]["mood"]) == (["NEGATIVE", "POSITIVE"], 2, [])


def test_pairs_on_the_line_and_in_a_table(limelight: Run, entailment: Path, tmp_path: Path) -> None:
    alone, pair = (json.loads(limelight("classify", SURE, "-m", entailment, "--json", *more).out) for more in ((), ("--pair", "so great")))
    assert pair["text_pair"] == "so great"
    assert alone["score"] != pytest.approx(pair["score"], abs=1e-4)
    rows = [{"text": SURE, "said": "so great"}, {"text": SURE, "said": None}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ran = limelight("classify", "-m", entailment, "--file", "in.jsonl", "--column", "text", "--pair-column", "said", "--json")
    first, second = map(json.loads, ran.lines)
    assert first["score"] == pytest.approx(pair["score"], abs=1e-5)
    assert second["text_pair"] == ""
    wrong = limelight("classify", "-m", entailment, "--file", "in.jsonl", "--column", "text", "--pair-column", "sad", "--json")
    one_line(wrong, 'in.jsonl has no column "sad"', 'Did you mean "said"')
    (tmp_path / "in.jsonl").write_text('{"text": "great", "said": 3}\n', encoding="utf-8")
    wrong = limelight("classify", "-m", entailment, "--file", "in.jsonl", "--column", "text", "--pair-column", "said", "--json")
    one_line(wrong, '"said" is int, not text: 3')


def test_a_long_text_in_a_file_of_its_own(limelight: Run, moods: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("so great !\n" * 40, encoding="utf-8")
    (found,) = map(json.loads, limelight("classify", "-m", moods, "--in", "long.txt", "--overlap", 3, "--json").lines)
    assert len(found["parts"]) > 2
    one_line(limelight("classify", "-m", moods, "--in", "long.txt", "--refuse-long"), "the text has 122 tokens", "reads 40 at once")


TOGETHER = [
    (("great", "--template", "a {}"), "--template is about labels of your own"),
    (("great", "--pair-column", "x"), "--pair-column is about a file"),
    (("--file", "in.csv", "--pair", "a", "--pair-column", "x"), "--pair and --pair-column were both given"),
    (("--file", "in.csv", "--why"), "--why is for texts to read"),
    (("--file", "in.csv", "--json", "--html", "a.html"), "--why is for texts to read"),
    (("great", "--top-k", "0"), "top_k"),
    (("great", "--labels", "a,,b"), "a label is blank"),
]


@pytest.mark.parametrize(("args", "message"), TOGETHER)
def test_what_does_not_go_together_is_refused(args: tuple[str, ...], message: str, limelight: Run, moods: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngreat\n", encoding="utf-8")
    one_line(limelight("classify", *args, "-m", moods), message)


def test_help_shows_examples(limelight: Run) -> None:
    ran = limelight("classify", "--help")
    assert ran.code == 0
    assert "--why" in ran.out
    assert "facebook/bart-large-mnli" in ran.out
