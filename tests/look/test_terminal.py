"""The grid: right cells under right words, whatever the words, the width, the colours and the encoding."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from sights import hostile, picture, sized

from limelight.look.terminal import grid, show
from limelight.look.visible import clusters, column, shorten, spell, steady, visible


def _lines(text: object) -> list[str]:
    return str(text).split("\n")


def test_the_example_reads_as_it_should() -> None:
    lines = _lines(grid(picture(), width=80, color=False))
    assert "        The   black  cat   ate   the   mouse   ." in lines
    assert "  noir   ·    [██]    ░░    ·     ·     ·      ·   " in lines
    assert "  noir ← [black] 0.83, cat 0.05" in lines
    assert "trust: AER 0.31 on 347 Hansards pairs not used for the choice (0 is perfect)" in lines
    assert "made-up numbers, 0.21 s" in lines


def test_every_block_stands_under_its_word() -> None:
    for width in (80, 44, 31):
        lines = _lines(grid(picture(), width=width, color=False))
        row = next(line for line in lines if line.startswith("  noir ") and "←" not in line)
        foot = lines[lines.index(row) - 3]                    # the header's last line: whole words, or their last letters
        assert foot.lstrip()[-1] == "."
        at = row.index("█")
        assert foot[at - 1 : at + 2].strip() in ("bla", "lac", "k")


def test_narrow_terminals_get_upright_headers_then_the_list_alone() -> None:
    upright = str(grid(picture(), width=44, color=False))
    assert "\n        T   a   c   a   t   u\n" in upright
    alone = str(grid(picture(), width=26, color=False))
    assert "The grid needs 28 columns" in alone
    assert "█" not in alone
    assert "  noir ← [black] 0.83" in alone


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_line_is_wider_than_the_terminal(width: int, encoding: str) -> None:
    for shown in (picture(), hostile(), sized(60, 9), sized(3, 200)):
        for line in _lines(grid(shown, width=width, color=True, encoding=encoding)):
            assert cell_len(line) <= width
            assert line.encode(encoding).decode(encoding) == line
            assert not set(line) & {"\x07", "\x1b", "\u202e", "\u2028"}


def test_grid_rows_have_one_width_whatever_the_words() -> None:
    lines = _lines(grid(hostile(), width=400, color=False))
    rows = [line for line in lines if "·" in line]
    assert len(rows) == len(hostile().target)
    assert len({cell_len(line) for line in rows}) == 1


def test_a_very_long_sentence_falls_back_to_the_list() -> None:
    text = str(grid(sized(512, 512), width=80, color=False))
    assert "here is the list" in text
    assert text.count("←") == 512


def test_linked_cells_are_marked_without_colour() -> None:
    text = str(grid(picture(links=((6, 2),)), width=80, color=False))
    assert "  noir   ·     ██     ░░    ·     ·     ·     [· ] " in text
    assert "[.] 0.00" in text


def test_colour_is_styles_only_and_only_on_request() -> None:
    coloured, plain = grid(picture(), width=80, color=True), grid(picture(), width=80, color=False)
    assert coloured.plain == plain.plain
    assert coloured.spans
    assert not plain.spans


def _printed(monkeypatch: pytest.MonkeyPatch, *, no_color: str = "", encoding: str = "utf-8", terminal: bool = True) -> str:
    monkeypatch.setenv("NO_COLOR", no_color)
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, errors="strict") as stream:
        show(picture(), Console(file=stream, width=80, force_terminal=terminal, color_system="truecolor"))
        stream.flush()
        return raw.getvalue().decode(encoding)


def test_show_respects_no_color_and_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[38;2;134;176;47" in _printed(monkeypatch)
    assert "\x1b" not in _printed(monkeypatch, no_color="1")
    assert "\x1b" not in _printed(monkeypatch, terminal=False)


def test_show_writes_ascii_where_the_stream_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, encoding="ascii", terminal=False)
    assert " mange <- [ate] 0.86" in text
    assert "[##]" in text


def test_words_are_made_visible_and_steady() -> None:
    assert visible("a\x07b\x7f\u202ec\x85") == "a^Gb^?c\ufffd"
    assert visible("") == visible("  ") == visible("\u202e") == "␣"
    assert steady("👨\u200d👩\u200d👧!") == "👨!"
    assert steady("🇫🇷") == "FR"
    assert steady("❤\ufe0f") == "❤"
    assert clusters("e\u0301a") == ["e\u0301", "a"]
    assert len(clusters("e" + "\u0301" * 500)[0]) <= 4
    assert shorten("漢字漢字", 5) == "漢字…"
    assert shorten("mouse", 5) == "mouse"
    assert shorten("e\u0301" * 9, 4) == "e\u0301" * 3 + "…"
    assert column("ab", 4) + column("ab", 4, right=True) == "ab    ab"
    assert column("שלום", 5, right=True) == " \u200eשלום\u200e"
    assert spell("mangé 漢", "ascii") == "mange ?"
    assert spell("mangé", "latin-1") == "mangé"


@settings(max_examples=60)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.integers(24, 100))
def test_any_words_fit(words: list[str], width: int) -> None:
    shown = picture(title=words[0], source=tuple(words), target=tuple(words), weights=((0.1,) * len(words),) * len(words), links=())
    lines = _lines(grid(shown, width=width, color=False))
    assert all(cell_len(line) <= width for line in lines)
    assert len({cell_len(line) for line in lines if "·" not in line and "░" in line and "0.05" not in line}) <= 1
