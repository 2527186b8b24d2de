"""Gold alignments: read as they were written, and refused with the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from limelight.errors import InputError
from limelight.inputs import words
from limelight.tasks.align.gold import Gold, read_gold
from limelight.tasks.reading.written import written


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
        ("a ||| b\n", "2-1\n", r"links, line 1: a link points outside the pair, which has 1 and 1 words: got '2-1'"),
        ("a ||| b\nc ||| d\n", "1-1\n1p2\n", r"links, line 2: a link points outside"),
        ("a b ||| b\n", "0-0 2-0\n", r"links counts from 0 in one place and from 1 in another: line 1 has '0-0', line 1 '2-0'"),
        ("a b c ||| d e f\n", "1-1 2-2\n", r"nothing tells whether links are counted from 0 or from 1"),
        ("a b ||| c d\n", "1 1 1\n2 1 1\n", r"links, line 2: there is no pair 2"),
        ("a b ||| c d\n", "1 1 3\n", r"links, line 1: a link points outside .* got '1 1 3'"),
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
    with pytest.raises(InputError, match=r"there is no file .*absent"):
        read_gold(tmp_path / "absent", links)
    links.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"links, line 1: byte 1 .* is not UTF-8"):
        read_gold(pairs, links)


def test_pharaoh_counts_from_nought_and_the_numbers_tell(tmp_path: Path) -> None:
    one = frozenset({(0, 0), (1, 1)})
    for links, possible in (("0-0 1-1\n", one), ("1-1 2-2\n", one), ("0-0 1-1 0?1\n", one | {(0, 1)})):
        assert read_gold(*files(tmp_path, "a b ||| c d\n", links)) == [Gold(("a", "b"), ("c", "d"), one, one | possible)]
    (found,) = read_gold(*files(tmp_path, "a b c ||| d e f\n", "1-1\n"), first=0)
    assert found.sure == {(1, 1)}
    (found,) = read_gold(*files(tmp_path, "a b c ||| d e f\n", "1-1\n"), first=1)
    assert found.sure == {(0, 0)}


def test_the_files_of_the_shared_task_are_read(tmp_path: Path) -> None:
    """Mihalcea and Pedersen 2003: numbered sentences in two files, a link a line, 0 for no word."""
    (tmp_path / "e").write_text("<s snum=0007> the cat </s>\n<s snum=8> oh ! </s>\n")
    (tmp_path / "f").write_text('<s snum="8"> oh ! </s>\n<s snum=7> le chat noir </s>\n')
    (tmp_path / "wa").write_text("0007 1 1 S\n0007 2 2\n7 2 3 P\n7 0 3 P\n\n8 1 1 P 0.5\n")
    found = read_gold([tmp_path / "e", tmp_path / "f"], tmp_path / "wa")
    sure = frozenset({(0, 0), (1, 1)})
    assert found == [
        Gold(("the", "cat"), ("le", "chat", "noir"), sure, sure | {(1, 2)}),
        Gold(("oh", "!"), ("oh", "!"), frozenset(), frozenset({(0, 0)})),
    ]


def test_two_files_must_be_of_one_set(tmp_path: Path) -> None:
    for name, text in (("a", "x y\nz\n"), ("b", "u v\n"), ("empty", "u\n\n"), ("twice", "<s snum=1> u </s>\n<s snum=1> v </s>\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "links").write_text("0-0\n0-0\n")

    def refused(*names: str) -> str:
        with pytest.raises(InputError) as caught:
            read_gold([tmp_path / name for name in names], tmp_path / "links")
        return caught.value.message

    assert "a has 2 sentences, " in refused("a", "b")
    assert "line 2: a sentence without words" in refused("a", "empty")
    assert "twice, line 2: a second sentence of the number 1" in refused("twice", "a")
    assert "in one file or in two: got 3" in refused("a", "a", "b")


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
            assert len(spans) == len(side)
            assert sum(text[a:b].lower() == word.lower() for (a, b), word in zip(spans, side, strict=True)) > len(side) * 0.6
            assert len(words(text)) >= len(side) // 2
