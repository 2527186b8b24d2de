"""Heat lines: as wide as they may be, shaded by the share of the best weight, and harmless."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from limelight.look.heat import heat

WORDS = ["The", "animal", "was", "tired", "."]
WEIGHTS = [0.02, 0.6, 0.17, 0.2, 0.01]             # of the best: 3 %, 100 %, 28 %, 33 %, 2 %


def test_a_shade_stands_below_each_word() -> None:
    words, shades = heat(WORDS, WEIGHTS, at=3).plain.split("\n")
    assert words == "  The animal was [tired] ."
    assert shades.rstrip() == "      ██████ ▒▒▒ ▒▒▒▒▒▒▒"


@pytest.mark.parametrize("width", [24, 40, 80])
def test_no_line_is_wider_than_it_may_be(width: int) -> None:
    text = heat(["word" * (i % 4 + 1) for i in range(60)], [1 / 60] * 60, width=width).plain
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert text.count("word") == sum(i % 4 + 1 for i in range(60))


def test_of_a_long_text_the_cold_lines_are_left_out() -> None:
    weights = [0.0] * 2000
    weights[1000] = 0.9
    text = heat([f"w{i}" for i in range(2000)], weights, width=60, at=3).plain
    assert "w1000" in text
    assert "[w3]" in text
    assert "…" in text
    assert len(text.split("\n")) < 12


def test_what_steers_a_terminal_is_seen_and_an_encoding_kept() -> None:
    text = heat(["\x1b[31mred", "\u202eevil", "", "naïve"], [0.5, 0.3, 0.1, 0.1], encoding="ascii").plain
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.isascii()


def test_nothing_is_no_heat() -> None:
    assert heat([], []).plain == ""
    assert "█" not in heat(["a", "b"], [0.0, 0.0]).plain
