"""limelight translate over texts and standard input: what is printed, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Learnt = list[tuple[str, str]]


def test_a_text_gives_its_translation_and_nothing_else(limelight: Run, model: Path, learnt: Learnt) -> None:
    ran = limelight("translate", learnt[0][0], "--model", model)
    assert (ran.code, ran.out, ran.err) == (0, learnt[0][1] + "\n", "")


def test_several_texts_give_a_line_each_in_order(limelight: Run, model: Path, learnt: Learnt) -> None:
    sources, targets = zip(*learnt[:5], strict=True)
    assert limelight("translate", *sources, "-m", model).lines == list(targets)


@pytest.mark.parametrize("args", [(), ("-",), ("--batch", "1")])
def test_standard_input_gives_a_line_a_line(limelight: Run, model: Path, learnt: Learnt, args: tuple[str, ...]) -> None:
    given = "".join(f"{source}\r\n\n" for source, _ in learnt[:6])
    wanted = [line for _, target in learnt[:6] for line in (target, "")]
    assert limelight("translate", "-m", model, *args, given=given).lines == wanted


def test_lines_in_are_lines_out_whatever_the_chunks(limelight: Run, model: Path, learnt: Learnt) -> None:
    many = [learnt[i * 7 % 20] for i in range(40)]
    ran = limelight("translate", "-m", model, "--batch", 2, "--beam", 1, given="\n".join(source for source, _ in many))
    assert ran.lines == [target for _, target in many]


def test_a_byte_order_mark_and_a_missing_last_line_end_do_no_harm(limelight: Run, model: Path, learnt: Learnt) -> None:
    ran = limelight("translate", "-m", model, given=b"\xef\xbb\xbf" + learnt[0][0].encode())
    assert ran.out == learnt[0][1] + "\n"


def test_empty_input_is_empty_output(limelight: Run, model: Path) -> None:
    assert limelight("translate", "", "-m", model).out == "\n"
    assert limelight("translate", "-m", model, given="").out == ""
    assert limelight("translate", "-m", model, given=" \n\n\t\n").out == "\n\n\n"


def test_json_is_an_object_a_text(limelight: Run, model: Path, learnt: Learnt) -> None:
    ran = limelight("translate", learnt[0][0], learnt[1][0], "-m", model, "--json")
    first, second = map(json.loads, ran.lines)
    assert (first["translation_text"], second["translation_text"]) == (learnt[0][1], learnt[1][1])
    assert first["source"] == learnt[0][0]
    assert first["alignment"]["pharaoh"]
    assert first["complete"] is True


def test_nbest_is_one_a_line_with_its_score(limelight: Run, model: Path, learnt: Learnt) -> None:
    ran = limelight("translate", learnt[0][0], "-m", model, "--nbest", 3)
    rows = [line.split("\t") for line in ran.lines]
    assert len(rows) == 3
    assert rows[0][1] == learnt[0][1]
    scores = [float(score) for score, _ in rows]
    assert scores == sorted(scores, reverse=True)
    several = limelight("translate", learnt[0][0], learnt[1][0], "-m", model, "--nbest", 2)
    assert [line.split("\t")[0] for line in several.lines] == ["1", "1", "2", "2"]


def test_stream_prints_the_same_text(limelight: Run, model: Path, learnt: Learnt) -> None:
    text = f"{learnt[0][0]} {learnt[1][0]}"
    for args in ((), ("--beam", 4), ("--temperature", "0.1", "--seed", 3)):
        whole = limelight("translate", text, "-m", model, *args)
        assert limelight("translate", text, "-m", model, "--stream", *args).out == whole.out
    assert limelight("translate", "-m", model, "--stream", given=f"{learnt[0][0]}\n\n{learnt[1][0]}\n").lines == [
        learnt[0][1],
        "",
        learnt[1][1],
    ]


def test_stream_as_json_is_pieces_and_then_the_result(limelight: Run, model: Path, learnt: Learnt) -> None:
    found = [json.loads(line) for line in limelight("translate", learnt[0][0], "-m", model, "--stream", "--json").lines]
    assert "".join(each["piece"] for each in found[:-1]) == learnt[0][1]
    assert len(found) > 3
    assert found[-1]["translation_text"] == learnt[0][1]


def test_a_ctrl_c_while_streaming_keeps_the_words_that_are_there(
    limelight: Run, model: Path, learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.tasks.translate.task import Translate

    whole = Translate.stream

    def broken_off(self: Any, text: str, options: Any = None) -> Any:
        for n, piece in enumerate(whole(self, text, options)):
            if n == 2:
                raise KeyboardInterrupt
            yield piece

    monkeypatch.setattr(Translate, "stream", broken_off)
    ran = limelight("translate", learnt[0][0], "-m", model, "--stream")
    assert ran.code == 130
    assert learnt[0][1].startswith(ran.out.rstrip("\n"))
    assert ran.out.endswith("\n")
    assert len(ran.out) > 3


def test_drawing_is_repeatable_by_its_seed(limelight: Run, model: Path) -> None:
    def drawn(*args: object) -> str:
        return limelight("translate", "Mary Mary sees red.", "-m", model, "--temperature", 2, *args).out

    assert drawn("--seed", 1) == drawn("--seed", 1)
    assert len({drawn("--seed", seed) for seed in range(5)}) > 1
    assert drawn("--top-k", 1) == drawn("--top-k", 1, "--seed", 9)


def test_a_translation_that_is_cut_off_is_said_so(limelight: Run, model: Path, learnt: Learnt) -> None:
    ran = limelight("translate", learnt[0][0], "-m", model, "--max-length", 2, "--beam", 1)
    assert ran.code == 0
    assert "the answer was cut off" in ran.err
    assert "--max-length" in ran.err
    ran = limelight("translate", "-m", model, "--max-length", 2, "--beam", 1, given=f"{learnt[0][0]}\n\n")
    assert "1 of 2 answers were cut off" in ran.err


def test_look_shows_the_grid_the_time_and_the_page(limelight: Run, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    ran = limelight("translate", learnt[0][0], "-m", model, "--look")
    assert ran.code == 0
    assert ran.lines[0] == learnt[0][1]
    words = learnt[0][1].rstrip(".").split()
    assert all(any(line.strip().startswith(word) for line in ran.lines[1:]) for word in words)
    assert "alignment error rate 0.50" in " ".join(ran.out.split())
    assert "limelight-look.html" in ran.err
    assert " s." in ran.err
    page = (tmp_path / "limelight-look.html").read_text(encoding="utf-8")
    assert "<limelight-attention" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_html_says_where_the_page_goes_and_asks_for_a_look(limelight: Run, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    ran = limelight("translate", learnt[0][0], learnt[1][0], "-m", model, "--html", "deep.html", "--json")
    assert len(ran.lines) == 2
    assert (tmp_path / "deep.html").read_text(encoding="utf-8").count("<limelight-attention ") == 2
    assert not (tmp_path / "limelight-look.html").exists()


def test_look_at_nothing_writes_no_page(limelight: Run, model: Path, tmp_path: Path) -> None:
    ran = limelight("translate", "", "-m", model, "--look")
    assert ran.code == 0
    assert "nothing to look at" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["漢字", "Съешь", "😀👩‍👧", "\x00\x07\x1b[31m", "مرحبا", "a\u0301\u200b", "\udcff"])
@pytest.mark.parametrize("how", [(), ("--json",), ("--look",), ("--stream",)])
def test_any_characters_get_an_answer(limelight: Run, model: Path, text: str, how: tuple[str, ...]) -> None:
    ran = limelight("translate", text, "-m", model, *how)
    assert ran.code == 0
    assert "error" not in ran.err
    if how == ("--json",):
        assert json.loads(ran.out)["source"] == text
