"""Whole words as numbers."""

from __future__ import annotations

from limelight.claims.vocabulary import UNKNOWN, Vocabulary, spelt


def test_words_are_in_small_letters_and_without_signs() -> None:
    assert spelt("Where's Mary? She left, at 3.5!") == ["where's", "mary", "she", "left", "at", "3.5"]


def test_the_most_frequent_come_first_and_others_are_unknown() -> None:
    known = Vocabulary.of(["b a b", "c a b"], most=2)
    assert known.known == ("b", "a")
    assert len(known) == UNKNOWN + 3
    assert known.ids("A c b.") == [UNKNOWN + 2, UNKNOWN, UNKNOWN + 1]
    assert known.fingerprint != Vocabulary.of(["a a b"]).fingerprint
