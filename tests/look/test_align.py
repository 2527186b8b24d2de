"""Pieces merged to words, links, and the error rate: by hand, by the formula, and by loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.inputs import Text, words
from limelight.look.align import EVEN, Alignment, Linking, Match, align, alike_of, error_rate, linked, links_of, match, total

SOURCE, TARGET = "The cats sat.", "Chats assis."
FROM, TO = [(0, 3), (4, 8), (9, 12), (12, 13)], [(0, 5), (6, 11), (11, 12)]


def aligned(weights: list[list[float]], source: list[tuple[int, int]], target: list[tuple[int, int]]) -> Alignment:
    return align(torch.tensor(weights), texts=(SOURCE, TARGET), pieces=(source, target), words=(FROM, TO))


def test_pieces_are_merged_to_words():
    """A target word takes the mean of its pieces; a source word gets the sum over its own."""
    pieces = [(0, 3), (4, 7), (7, 8), (9, 12), (12, 13), (13, 13)]                    # The cat|s sat . end
    said = [(0, 3), (3, 5), (6, 11), (11, 12), (12, 12)]                              # Cha|ts assis . end
    found = aligned(
        [
            [0.1, 0.5, 0.2, 0.0, 0.0, 0.2],
            [0.0, 0.2, 0.6, 0.1, 0.0, 0.1],
            [0.1, 0.0, 0.1, 0.7, 0.0, 0.1],
            [0.0, 0.0, 0.0, 0.1, 0.4, 0.5],
            [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        ],
        pieces,
        said,
    )
    assert found.source == ("The", "cats", "sat", ".")
    assert found.target == ("Chats", "assis", ".")
    wanted = [[0.05, 0.75, 0.05, 0.0], [0.1, 0.1, 0.7, 0.0], [0.0, 0.0, 0.1, 0.4]]
    assert [list(row) for row in found.weights] == [pytest.approx(row, abs=1e-6) for row in wanted]
    assert found.links == ((1, 0), (2, 1))                                            # the sign gave most to the end: to no word
    assert found.pharaoh == "1-0 2-1"
    assert found.pairs == (("cats", "Chats"), ("sat", "assis"))


def test_a_piece_that_straddles_two_words_is_shared_by_its_characters():
    pieces = [(0, 3), (4, 8), (9, 13)]                                                # "sat." is one piece: three parts sat, one sign
    said = [(0, 5), (6, 12)]                                                          # "assis." is one piece: five parts, one sign
    found = aligned([[0.1, 0.7, 0.2], [0.1, 0.1, 0.8]], pieces, said)
    assert [list(row) for row in found.weights] == [
        pytest.approx([0.1, 0.7, 0.15, 0.05]),
        pytest.approx([0.1, 0.1, 0.6, 0.2]),
        pytest.approx([0.1, 0.1, 0.6, 0.2]),                                          # the sign owns but a share of a piece
    ]
    assert found.links == ((1, 0), (2, 1), (2, 2))


def test_a_row_counts_by_its_share_in_the_word():
    """ "assis" is one whole piece, and four fifths of ... nothing: of two pieces, one lies in it with half of its characters."""
    pieces = [(0, 3), (4, 8), (9, 12), (12, 13)]
    said = [(0, 5), (6, 10), (10, 12)]                                                # assi|s.
    found = aligned([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]], pieces, said)
    assert found.weights[1] == pytest.approx((0, 0, 1 / 1.5, 0.5 / 1.5), abs=1e-6)
    assert found.weights[2] == pytest.approx((0, 0, 0, 1))
    assert found.links == ((1, 0), (2, 1), (3, 2))


def test_a_word_without_pieces_takes_nothing_and_links_to_nothing():
    found = aligned([[0.0, 1.0, 0.0, 0.0]], [(0, 3), (4, 8), (9, 12), (12, 13)], [(0, 5)])
    assert found.weights[1:] == ((0, 0, 0, 0), (0, 0, 0, 0))
    assert found.links == ((1, 0),)


def test_texts_without_words_have_no_links():
    for spans in (([], TO), (FROM, []), ([], [])):
        found = align(torch.rand(1, 1), texts=(SOURCE, TARGET), pieces=([(0, 3)], [(0, 3)]), words=spans)
        assert found.links == ()
        assert found.pharaoh == ""
        assert (len(found.source), len(found.target)) == (len(spans[0]), len(spans[1]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_merging_is_what_loops_over_characters_give(data: st.DataObject):
    """Every piece's row is spread evenly over its characters; a word weighs them together."""

    def spans(cuts: set[int], end: int) -> list[tuple[int, int]]:
        edges = sorted({0, end, *(c for c in cuts if c < end)})
        return list(pairwise(edges))

    source, target = "abcdefghij", "uvwxyz"
    p, q = (spans(data.draw(st.sets(st.integers(1, 9))), len(text)) for text in (source, target))
    w, u = (spans(data.draw(st.sets(st.integers(1, 9))), len(text)) for text in (source, target))
    weights = torch.rand(len(q), len(p), generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99)))).softmax(-1)
    found = align(weights, texts=(source, target), pieces=(p, q), words=(w, u))
    for j, (c, d) in enumerate(u):
        for i, (a, b) in enumerate(w):
            total = share = 0.0
            for row, (e, f) in enumerate(q):
                part = len(set(range(c, d)) & set(range(e, f))) / (f - e)
                share += part
                for column, (g, h) in enumerate(p):
                    total += part * float(weights[row, column]) * len(set(range(a, b)) & set(range(g, h))) / (h - g)
            assert found.weights[j][i] == pytest.approx(total / share, abs=2e-6)
        assert sum(found.weights[j]) == pytest.approx(1, abs=1e-5)                   # nothing is lost where words cover all


def test_with_a_real_tokenizer_each_word_gets_its_own_pieces():
    text = Text.train(["the black cat ate the mouse"] * 3, vocab=262)                 # almost every letter is a piece
    source = target = "The cat ate déjà 🙂 l'été."
    encoded = text.encode(source)
    found = align(
        torch.eye(len(encoded.ids)),
        texts=(source, target),
        pieces=(encoded.offsets, encoded.offsets),
        words=(words(source), words(target)),
    )
    assert found.source == ("The", "cat", "ate", "déjà", "🙂", "l'", "été", ".")
    assert found.links == tuple((i, i) for i in range(8))
    assert found.pharaoh == "0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7"


# --- links -----------------------------------------------------------------------------------------------------------
def test_a_word_links_to_where_most_went_or_to_nothing():
    weights = torch.tensor(
        [
            [0.4, 0.3, 0.1],                                                          # 0.2 went to the end mark
            [0.2, 0.3, 0.1],                                                          # 0.4 did: most
            [0.25, 0.25, 0.0],                                                        # 0.5 did
            [0.0, 0.0, 0.6],
            [0.0, 0.0, 0.0],
            [0.5, 0.0, 0.0],                                                          # as much to the end as to a word: to nothing
        ]
    )
    assert links_of(weights) == ((0, 0), (2, 3))


def test_links_come_in_the_order_of_the_source():
    assert links_of(torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])) == ((0, 1), (2, 0), (2, 2))
    assert links_of(torch.zeros(0, 3)) == links_of(torch.zeros(3, 0)) == ()


def test_pharaoh_reads_back():
    found = replace(aligned([[1.0, 0, 0, 0]], [(0, 3), (4, 8), (9, 12), (12, 13)], [(0, 5)]), links=((0, 2), (3, 0), (10, 11)))
    assert found.pharaoh == "0-2 3-0 10-11"
    assert tuple(tuple(map(int, pair.split("-"))) for pair in found.pharaoh.split()) == found.links


# --- other ways to read links ----------------------------------------------------------------------------------------
WEIGHTS = torch.tensor([[0.5, 0.3, 0.1], [0.45, 0.05, 0.4], [0.4, 0.0, 0.0]])


def test_a_word_that_all_take_from_takes_no_links_from_others():
    """By its weights each word comes from the first; but of what the second gives, nearly all goes to the first target word."""
    assert links_of(WEIGHTS, Linking(null=0)) == ((0, 0), (0, 1), (0, 2))
    assert links_of(WEIGHTS, Linking(null=0, even=True)) == ((0, 2), (1, 0), (2, 1))
    assert links_of(WEIGHTS[:1], Linking(null=0, even=True)) == ((0, 0),)             # beside no other word, the weights themselves tell
    shares = (WEIGHTS / (WEIGHTS.sum(0) + EVEN)).max(1).values.tolist()
    for j, share in enumerate(shares):
        assert sum(t == j for _, t in links_of(WEIGHTS, Linking(null=0, even=True, least=share + 1e-3))) == 0
        assert sum(t == j for _, t in links_of(WEIGHTS, Linking(null=0, even=True, least=share - 1e-3))) == 1


def test_a_word_may_come_from_several_or_from_none():
    assert links_of(WEIGHTS, Linking(share=0.6, null=0)) == ((0, 0), (0, 1), (0, 2), (1, 0), (2, 1))
    assert links_of(WEIGHTS, Linking(share=0.8, null=0)) == ((0, 0), (0, 1), (0, 2), (2, 1))
    assert links_of(WEIGHTS, Linking()) == ((0, 0), (0, 1))                           # of the third more went to no word
    assert links_of(WEIGHTS, Linking(null=0.5)) == ((0, 0), (0, 1), (0, 2))
    assert links_of(WEIGHTS, Linking(null=0, least=0.45)) == ((0, 0), (0, 1))


def test_signs_come_from_signs_alone():
    source, target = ("yes", ",", "."), ("oui", "!", "non")
    alike = alike_of(source, target)
    assert alike.tolist() == [[True, False, False], [False, True, True], [True, False, False]]
    assert links_of(WEIGHTS, Linking(null=0, signs=True), alike) == ((0, 0), (0, 2), (2, 1))
    only = links_of(WEIGHTS, Linking(null=0, signs=True), alike_of(("a", "b", "c"), ("!", "x", "y")))
    assert only == ((0, 1), (0, 2))                                                   # no sign there: the sign comes from nothing


def test_padding_and_batches_change_no_links():
    many = torch.rand(4, 6, 5, generator=torch.Generator().manual_seed(3)).softmax(-1) * 0.9
    sizes = [(6, 5), (3, 2), (1, 4), (2, 5)]
    for (j, i), row in zip(sizes, many, strict=True):
        row[j:], row[:, i:] = 0, 0
    for how in (Linking(), Linking(even=True, null=0, least=0.2), Linking(share=0.5, null=0.2)):
        together = linked(many, how)
        for (j, i), row, found in zip(sizes, many, together, strict=True):
            assert not found[j:].any()
            assert not found[:, i:].any()
            assert links_of(row[:j, :i], how) == tuple(sorted((i, j) for j, i in found.nonzero().tolist()))


def test_words_in_no_link_are_told():
    found = Alignment(("a", "b", "c"), ("x", "y"), ((1, 1),), ((0.1, 0.1, 0.1), (0.0, 0.9, 0.0)))
    assert found.unlinked == ((0, 2), (0,))
    assert found.to_json("well")["pharaoh"] == "1-1"


# --- the error rate --------------------------------------------------------------------------------------------------
def test_error_rates_made_by_hand():
    sure, possible = [{(0, 0), (1, 1)}], [{(0, 0), (1, 1), (2, 1)}]
    assert error_rate([{(0, 0), (1, 1)}], sure, possible) == 0
    assert error_rate([{(0, 0), (1, 1), (2, 1)}], sure, possible) == 0               # possible ones do no harm
    assert error_rate([set()], sure, possible) == 1
    assert error_rate([{(5, 5)}], sure, possible) == 1
    assert error_rate([{(0, 0)}], sure, possible) == pytest.approx(1 - (1 + 1) / (1 + 2))
    assert error_rate([{(0, 0), (2, 1)}], sure, possible) == pytest.approx(1 - (1 + 2) / (2 + 2))
    assert error_rate([{(0, 0), (7, 7)}], sure, possible) == pytest.approx(1 - (1 + 1) / (2 + 2))
    assert error_rate([{(0, 0)}], [{(0, 0)}], [set()]) == 0                          # what is sure is possible too
    assert error_rate([set()], [set()], [set()]) == 0
    assert error_rate([], [], []) == 0


def test_sentences_are_counted_together_not_averaged():
    """Och and Ney's rate is over the links of the whole corpus: a long sentence counts for more."""
    found = [{(i, i) for i in range(9)}, {(0, 1)}]
    sure = [{(i, i) for i in range(9)}, {(0, 0)}]
    assert error_rate(found, sure, sure) == pytest.approx(1 - 18 / 20)


def test_precision_and_recall_made_by_hand():
    found = match({(0, 0), (1, 1), (2, 2)}, {(0, 0), (3, 3)}, {(1, 1)})
    assert found == Match(1, 2, 3, 2)
    assert (found.precision, found.recall, found.error) == pytest.approx((2 / 3, 1 / 2, 1 - 3 / 5))
    assert (Match().precision, Match().recall, Match().error) == (1, 1, 0)
    assert total([found, Match(1, 1, 1, 1)]) == Match(2, 3, 4, 3)
    assert total([]) == Match()


LINKS = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(LINKS, LINKS, LINKS), min_size=1, max_size=4))
def test_the_error_rate_is_its_formula(corpus: list[tuple[set, set, set]]):
    a, s, p = ([each[i] for each in corpus] for i in range(3))
    hits = sum(sum((link in s[n]) + (link in s[n] or link in p[n]) for link in a[n]) for n in range(len(corpus)))
    size = sum(map(len, a)) + sum(map(len, s))
    assert error_rate(a, s, p) == pytest.approx(1 - hits / size if size else 0)
    assert error_rate([list(each) for each in a], s, p) == error_rate(a, s, p)       # any collection will do


def test_the_lists_must_be_of_one_length():
    with pytest.raises(ValueError, match="zip"):
        error_rate([set()], [set(), set()], [set(), set()])
