"""Gold alignments: read as they were written, and refused with the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.errors import InputError
from limelight.inputs import words
from limelight.tasks.recipes.translate.gold import Gold, read_gold, written


def files(folder: Path, pairs: str, links: str) -> tuple[Path, Path]:
    (folder / "pairs").write_text(pairs, encoding="utf-8")
    (folder / "links").write_text(links, encoding="utf-8")
    return folder / "pairs", folder / "links"


def test_links_are_counted_from_nought_and_the_sure_are_possible(tmp_path: Path) -> None:
    found = read_gold(*files(tmp_path, "the cat  ||| le chat \noh !|||oh !\n", "1-1 2-2 1p2\n1p1\n"))
    one = frozenset({(0, 0), (1, 1)})
    assert found == [
        Gold(("the", "cat"), ("le", "chat"), one, one | {(0, 1)}),
        Gold(("oh", "!"), ("oh", "!"), frozenset(), frozenset({(0, 0)})),
    ]


def test_a_pair_may_have_no_links_and_the_last_line_no_end(tmp_path: Path) -> None:
    found = read_gold(*files(tmp_path, "a ||| b\nc ||| d", "\n1-1"))
    assert [len(g.possible) for g in found] == [0, 1]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    found = read_gold(*files(tmp_path, "a\u2028b\x0bc\x85d ||| e\r\nf ||| g\r\n", "1-1\r\n1-1\r\n"))
    assert len(found) == 2
    assert found[0].source == ("a", "b", "c", "d")
    assert found[1].target == ("g",)


@pytest.mark.parametrize(
    ("pairs", "links", "said"),
    [
        ("a ||| b\n", "1-1\n1-1\n", r"pairs has 1 pairs, .*links links for 2"),
        ("a ||| b\n", "2-1\n", r"pairs, line 1: a link points outside"),
        ("a ||| b\nc ||| d\n", "1-1\n1p2\n", r"pairs, line 2: a link points outside"),
        ("a ||| b\n", "0-1\n", r"pairs, line 1: a link points outside"),
        ("a b\n", "\n", r'pairs, line 1: wanted "source \|\|\| target": got \'a b\''),
        ("a |||\n", "\n", r"pairs, line 1: wanted"),
        ("a ||| b\n", "1:1\n", r"links, line 1: links are written 3-4 or 3p4: got '1:1'"),
        ("a ||| b\n", "1-1 1\n", r"links, line 1: links are written"),
        ("a ||| b\n", "1-x\n", r"links, line 1: links are written"),
        ("a ||| b\n", "-1-1\n", r"links, line 1: links are written"),
        ("a ||| b\n", "1p1p1\n", r"links, line 1: links are written"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, pairs: str, links: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_gold(*files(tmp_path, pairs, links))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    pairs, links = files(tmp_path, "a ||| b\n", "1-1\n")
    with pytest.raises(InputError, match=r"absent cannot be read: No such file"):
        read_gold(tmp_path / "absent", links)
    links.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"links is not UTF-8 text"):
        read_gold(pairs, links)


@pytest.mark.parametrize(
    ("tokens", "language", "text"),
    [
        ("where is Tom ?", "en", "where is Tom?"),
        ("où est Tom ?", "fr", "où est Tom ?"),
        ("a ; b : c !", "en", "a; b: c!"),
        ("a ; b , c .", "fr", "a ; b, c."),
        ("( a ) Tom 's", "en", "(a) Tom's"),
        (". a", "en", ". a"),
        ("", "en", ""),
    ],
)
def test_words_are_written_as_usual(tokens: str, language: str, text: str) -> None:
    assert written(tuple(tokens.split()), language)[0] == text


@given(st.lists(st.sampled_from(["a", "été", ".", ",", "(", ")", "'s", "?", ";", "l'", "🙂"]), max_size=8), st.sampled_from(["en", "fr"]))
def test_the_spans_spell_the_words(tokens: list[str], language: str) -> None:
    text, spans = written(tuple(tokens), language)
    assert [text[a:b] for a, b in spans] == tokens
    assert text == text.strip()


def test_the_hansards_are_whole(data_sets: Path) -> None:
    folder = data_sets / "hansards_align_enfr"
    if not folder.is_dir():
        pytest.skip(f"no gold alignments at {folder}")
    gold = read_gold(folder / "enfr.src-tgt", folder / "enfr.gold")
    assert len(gold) == 447
    assert sum(len(g.sure) for g in gold) == 4038
    assert sum(len(g.possible - g.sure) for g in gold) == 13400
    assert all(g.sure <= g.possible for g in gold)
    for pair in gold:
        for side, language in ((pair.source, "en"), (pair.target, "fr")):
            text, spans = written(side, language)
            assert tuple(text[a:b] for a, b in spans) == side
            assert len(words(text)) >= len(side) // 2
