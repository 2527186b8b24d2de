"""limelight look and limelight steps: heat lines, tables and arithmetic with the model's own numbers, a page, a server; and wrong names."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
TEXT = "The black cat eats the mouse."


def test_a_row_is_a_line_of_heat(limelight: Run, model: Path) -> None:
    from limelight import explorer

    ran = limelight("look", model, TEXT, "--layer", 1, "--head", 2, "--from", "cat")
    assert ran.code == 0
    assert ran.lines[0] == 'encoder.1.self, head 2: where "cat" (2) looks'
    words, shades = ran.lines[2], ran.lines[3]
    assert words == "  The black [cat] eats the mouse . </s>"
    row = explorer(model, TEXT).ask({"ask": "row", "name": "encoder.1.self", "head": 2, "query": 2, "words": True})
    shown = words.replace("[", "").replace("]", "").split()
    best = shown[row["keys"][0]]
    assert f"{best} {row['weights'][0]:.4f}" in ran.out
    assert shades[words.index(best)] == "█"
    assert "trust: Rebuilt from the kernel's own queries and keys" in ran.out
    assert "\x1b" not in ran.out


def test_a_word_is_meant_by_its_number_where_it_stands_twice(limelight: Run, model: Path) -> None:
    text = "The cat sees the cat."
    one_line(limelight("look", model, text, "--layer", 0, "--from", "cat"), '"cat" stands at 1, 4', "Say --from 1")
    assert 'where "cat" (4) looks' in limelight("look", model, text, "--layer", 0, "--from", 4).out
    assert 'where "The" (0) looks' in limelight("look", model, text, "--layer", 0, "--from", "The").out
    assert 'the mean of its heads: where "the" (3) looks' in limelight("look", model, text, "--layer", 0, "--from", "the").out


def test_the_answers_words_look_at_the_source(limelight: Run, model: Path) -> None:
    ran = limelight("look", model, TEXT, "--to", "Le chat noir mange la souris.", "--layer", 1, "--head", 0, "--from", "noir", "--json")
    found = json.loads(ran.out)
    assert (found["attention"], found["head"], len(found["rows"])) == ("decoder.1.cross", 0, 1)
    (row,) = found["rows"]
    assert row["from"]["text"] == "noir"
    assert {each["text"] for each in row["to"]} >= {"The", "black", "cat", "</s>"}
    assert sum(each["weight"] for each in row["to"]) + row["rest"] == pytest.approx(1, abs=1e-5)
    named = limelight("look", model, TEXT, "--attention", "decoder.0.self", "--head", 1, "--tokens").out
    assert named.startswith("decoder.0.self, head 1")
    assert "<s>" in named


def test_all_heads_are_listed_with_their_habits(limelight: Run, model: Path) -> None:
    ran = limelight("look", model, TEXT)
    rows = [line.split() for line in ran.lines if line.startswith(("encoder.", "decoder."))]
    assert len(rows) == 6 * 4
    found = json.loads(limelight("look", model, TEXT, "--json").out)
    assert [each["name"] for each in found["attentions"]] == list(dict.fromkeys(row[0] for row in rows))
    heads = [head for each in found["attentions"] for head in each["heads"]]
    assert all("thumb" not in head for head in heads)
    assert [f"{head['entropy']:.2f}" for head in heads] == [row[2] for row in rows]
    one = limelight("look", model, TEXT, "--layer", 1).out
    assert "encoder.0" not in one
    assert "decoder.1.cross" in one


def test_a_page_is_written(limelight: Run, model: Path, tmp_path: Path) -> None:
    ran = limelight("look", model, TEXT, "--html", "page.html")
    assert ran.code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<limelight-look>" in page
    assert "page.html" in ran.err
    lost = limelight("look", model, TEXT, "--html", "nowhere/page.html")
    assert lost.code == 2
    assert "cannot be written" in lost.err


def test_the_page_is_served_until_it_is_stopped(start: Callable[..., Any], model: Path) -> None:
    process = start("look", model, TEXT, "--web", "--json")
    url = json.loads(process.stdout.readline())["url"]
    assert url.startswith("http://127.0.0.1:")
    request = urllib.request.Request(f"{url}ask", data=b'{"ask": "scene"}', headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as said:
        assert json.loads(said.read())["model"] == "tiny"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130


def test_steps_are_listed_and_shown_in_full(limelight: Run, model: Path) -> None:
    from limelight import explorer

    found = explorer(model, TEXT)
    ran = limelight("steps", model, TEXT)
    assert ran.code == 0
    assert f"source, {len(found.scene.tracks['source'].tokens)} tokens" in ran.out
    for i, step in enumerate(found.scene.steps):
        assert re.search(rf"^ +{i}  {re.escape(step.piece.strip())} +{step.p:.3f}", ran.out, re.MULTILINE)
    one = limelight("steps", model, TEXT, "--at", 1, "--head", "decoder.1.cross:0").out
    step = found.ask({"ask": "step", "i": 1})
    assert f"norm {step['embedding']['norm']:.2f}" in one
    assert f"p {step['p']:.4f}" in one
    arith = found.ask({"ask": "arith", "name": "decoder.1.cross", "head": 0, "query": 1})
    for key in arith["keys"]:
        assert f"{key['dot']:>10.3f} {key['score']:>9.3f} {key['weight']:>8.4f}" in one
    told = json.loads(limelight("steps", model, TEXT, "--at", 1, "--head", "decoder.1.cross:0", "--json").out)
    assert told["arith"]["logsum"] == pytest.approx(arith["logsum"])
    assert told["choice"] == found.scene.steps[1].piece
    whole = json.loads(limelight("steps", model, TEXT, "--json").out)
    assert [step["piece"] for step in whole["steps"]] == [step.piece for step in found.scene.steps]
    of_source = json.loads(limelight("steps", model, TEXT, "--at", 3, "--head", "encoder.0.self:1", "--json").out)
    assert of_source["arith"]["query"]["at"] == 3


def test_a_classifier_has_places(limelight: Run) -> None:
    ran = limelight("steps", "sentiment-en", "A good camera.", "--at", 1)
    assert ran.lines[0].startswith("place 1 of sentiment-en")
    assert re.search(r"says (positive|negative) \(p 0\.\d{4}\)", ran.out)
    assert "positive" in limelight("steps", "sentiment-en", "A good camera.").out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--layer", "7"], ("there is no layer 7: the layers are 0 to 1.",)),
        (["--layer", "1", "--head", "9"], ("has 4 heads, 0 to 3: got 9.",)),
        (["--head", "1"], ("--head 1 is of a layer, and none was named", "--attention NAME")),
        (["--attention", "decoder.1.crossing"], ('no attention is named "decoder.1.crossing"', 'Did you mean "decoder.1.cross"?')),
        (["--layer", "1", "--from", "mouze"], ("'mouze' is no word of it", 'Did you mean "mouse"?')),
        (["--attention", "encoder.0.self", "--from", "99"], ("'99' is no word of it, nor a number from 0 to 7",)),
        (["--to", " "], ("the answer that was given is empty",)),
        (["--target-language", "de"], ("one pair of languages",)),
    ],
)
def test_what_is_not_there_is_said_with_what_is(args: list[str], said: tuple[str, ...], limelight: Run, model: Path) -> None:
    one_line(limelight("look", model, TEXT, *args), *said)


def test_texts_that_cannot_be_read_are_refused(limelight: Run, model: Path) -> None:
    for command in ("look", "steps"):
        one_line(limelight(command, model, ""), "the text is empty")
        one_line(limelight(command, model, "cat " * 300), "tokens; tiny reads at most 24 at once")
    one_line(limelight("look", "en-fz", TEXT), 'no model "en-fz"', 'Did you mean "en-fr"?')
    one_line(limelight("steps", model, TEXT, "--at", 99), "steps, 0 to")
    one_line(limelight("steps", model, TEXT, "--at", 0, "--head", "decoder.1.self"), "a head is an attention's name and a number")
    one_line(limelight("steps", model, TEXT, "--at", 0, "--head", "decoder.9.self:1"), 'nothing named "decoder.9.self"')


def test_what_a_model_says_of_a_picture_is_told_and_kept_in_a_page(limelight: Run, tmp_path: Path) -> None:
    import shown

    shown.picture(1).save(tmp_path / "noise.png")
    shown.captioner(tmp_path)
    model, picture, page = tmp_path, tmp_path / "noise.png", tmp_path / "page.html"
    ran = limelight("look", model, picture, "--html", page)
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert ran.lines[0].startswith("noise.png · ")
    assert "covering the 20% of squares" in ran.lines[2]
    assert "limelight-look" in page.read_text("utf-8")
    told = json.loads(limelight("look", model, picture, "--json").out)
    assert (told["task"], told["name"]) == ("caption", "noise.png")
    one_line(limelight("look", model, picture, "--layer", 1), "no heads of it are shown", "Leave out which head")
    one_line(limelight("look", model, picture, "--new", 3), "to, new, beam and languages are for texts")
    one_line(limelight("look", model, tmp_path / "none.png"), "no such file")
    one_line(limelight("steps", model, picture), "there are no steps of a text to show")
