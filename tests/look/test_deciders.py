"""What decided, as a terminal and a page show it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from limelight.errors import InputError
from limelight.look.deciders import drawn, fragment, save
from limelight.look.why import Decider, Why

TEXT = "the camera is amazing,\nbut slow \x1b[31m."


def why(**effects: float) -> Why:
    words, at = [], 0
    for text, effect in effects.items():
        at = TEXT.index(text, at)
        words.append(Decider(text, (at, at + len(text)), 0, effect, 0.5, 0.1))
    return Why("GOOD", 0.9, tuple(words), "masked", 0.6, 2.0, "encoder.0.self, from the first place, mean of 2 heads")


WORDS = {"the": 0.0, "camera": 0.2, "is": 0.01, "amazing": 3.0, "but": 0.0, "slow": -0.9}


def shown(found: Why, *, terminal: bool = False, texts: tuple[str, ...] = (TEXT,)) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, no_color=not terminal, color_system="standard" if terminal else None)
    console.print(drawn(found, texts, console), soft_wrap=True, highlight=False)
    return console.file.getvalue()


def test_strong_words_are_marked_with_their_effect_in_plain_text() -> None:
    lines = shown(why(**WORDS)).splitlines()
    assert lines[:2] == ["the camera is amazing[+3.00],", "but slow[-0.90] ^[[31m."]
    assert lines[3].split() == ["word", "effect", "score", "without", "it", "attention"]
    assert [line.split()[:2] for line in lines[4:7]] == [["amazing", "+3.00"], ["slow", "-0.90"], ["camera", "+0.20"]]
    assert len({len(line) for line in lines[3:10]}) == 1
    below = "\n".join(lines[10:])
    assert "the fall of the log-odds of GOOD when the word is masked. Attention: encoder.0.self" in below
    assert "All words masked: score 0.6000, effect +2.00; single words' effects sum to +2.31." in below
    assert "over 6 words: rank correlation cannot be told" in below


def test_a_terminal_gets_colours_and_nothing_that_steers_it() -> None:
    out = shown(why(**WORDS), terminal=True)
    assert "\x1b[1;32mamazing[+3.00]" in out
    assert "\x1b[31mslow[-0.90]" in out
    assert "\x1b[31m." not in out


def test_no_words_and_a_second_text_and_more_than_fit() -> None:
    assert "rank correlation" in shown(why())
    many = Why("GOOD", 0.9, tuple(Decider(f"w{n}", (0, 3), 0, 1.0 + n, 0.5, 0.0) for n in range(11)), "left out", 0.5, 1.0, "a")
    assert "and 3 more" in shown(many)
    pair = Why("SAME", 0.9, (Decider("so", (0, 2), 1, 1.0, 0.5, 0.0),), "left out", 0.5, 1.0, "a")
    assert shown(pair, texts=("the", "so it is")).splitlines()[:2] == ["the", "so[+1.00] it is"]


def test_a_page_holds_each_and_asks_for_nothing(tmp_path: Path) -> None:
    one = fragment(why(**WORDS), [TEXT])
    assert 'title="effect +3.00; score without it 0.5000; attention 0.100">amazing</span>,' in one
    assert "rgba(46, 140, 60, 0.70)" in one
    assert "rgba(200, 60, 50, 0.21)" in one
    page = save([one, one], tmp_path / "why.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert "script" not in page
    with pytest.raises(InputError, match="at least one text"):
        save([], tmp_path / "none.html")
    with pytest.raises(InputError):
        save([one], tmp_path / "nowhere" / "why.html")


def test_what_nobody_read_has_no_column() -> None:
    words = (Decider("amazing", (14, 21), 0, 3.0, None, None), Decider("slow", (27, 31), 0, -0.9, None, None))
    bare = Why("GOOD", 0.9, words, "masked", 0.6, 2.0, "", method="gradient-x-input", says="the slope of {of}")
    text = shown(bare)
    assert "Effect: the slope of the log-odds of GOOD.\n" in text
    assert "ttention" not in text
    assert [line.split() for line in text.splitlines() if line.startswith(("word", "amazing  ", "slow"))] == [
        ["word", "effect"], ["amazing", "+3.00"], ["slow", "-0.90"],
    ]  # fmt: skip
    assert 'title="effect +3.00">amazing</span>' in fragment(bare, [TEXT])
    assert "All words masked: score 0.6000, effect +2.00." in text
    assert "Faithfulness of gradient-x-input: not measured for this model." in text
