"""Where words stand, which tokens they are, and the window that shows most around them."""

from __future__ import annotations

import pytest
import torch

import limelight
import wordy
from limelight.errors import InputError
from limelight.hub import Opened
from limelight.tasks.reading.places import find, finite, seen_around, tokens_of

FOUND = {
    ("An apple, two apples; APPLE.", "apple"): ["apple", "APPLE"],
    ("pineapple apple_ apple1 apple", "apple"): ["apple"],
    ("The dog. the  dog", "the dog"): ["The dog"],
    ("a+b and a+b+c", "a+b"): ["a+b", "a+b"],
    ("l'été, ÉTÉ", "été"): ["été", "ÉTÉ"],
    ("銀行で銀行", "銀行"): ["銀行", "銀行"],
    ("은행에서 은행", "은행"): ["은행", "은행"],
    ("bank銀行 bank", "bank"): ["bank"],
    ("it's it", " it "): ["it", "it"],
    ("abc", ""): [],
    ("", "a"): [],
    (". . .", "."): [".", ".", "."],
    ("le cafe\u0301, un cafe", "cafe"): ["cafe"],
    ("un e\u0301tat, tat", "tat"): ["tat"],
    ("हिन्दी हिन हिन्दीभाषी", "हिन"): ["हिन"],
    ("हिन्दी हिन्दीभाषी", "हिन्दी"): ["हिन्दी"],
    ("เรียนภาษาไทย", "ภาษา"): ["ภาษา"],
    ("👩\u200d👧 👩", "👩"): ["👩"],
    ("I ❤\ufe0f NY", "❤"): ["❤"],
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A random BERT that reads forty tokens."""
    folder = tmp_path_factory.mktemp("places")
    wordy.made("bert", folder)
    return limelight.open(folder, device="cpu", dtype="fp32")


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_a_word_is_found_as_a_word(case: tuple[str, str]) -> None:
    text, word = case
    assert [text[a:b] for a, b in find(text, word)] == FOUND[case]


def test_a_letter_is_not_torn_from_its_marks() -> None:
    assert find("le cafe\u0301, un cafe", "cafe") == [(13, 17)]
    assert find("un e\u0301tat, tat", "tat") == [(10, 13)]
    assert find("👩\u200d👧 👩", "👩") == [(4, 5)]


def test_tokens_of_characters(opened: Opened) -> None:
    whole = opened.text.encode("the apples crashed")
    assert [whole.ids[i] for i in tokens_of(whole, (4, 10))] == [opened.text.engine.id("apple"), opened.text.engine.id("##s")]
    assert tokens_of(whole, (4, 5)) == [2]
    assert tokens_of(whole, (3, 4)) == []
    assert tokens_of(whole, (0, 18)) == [1, 2, 3, 4]


def test_the_window_shows_most_on_either_side(opened: Opened) -> None:
    whole = opened.text.encode(" ".join(["the dog and the cat"] * 40))
    (alone,) = seen_around(opened, opened.text.encode("the dog"), [[2]])
    assert alone.places == (2,)
    for place in (1, 5, 60, 100, 150, 199, 200):
        first, both = seen_around(opened, whole, [[place], [place - 1 if place > 1 else 1, place]])
        for seen, places in ((first, [place]), (both, [place - 1 if place > 1 else 1, place])):
            assert len(seen.encoded.ids) <= 40
            assert [seen.encoded.offsets[i] for i in seen.places] == [whole.offsets[i] for i in places]
        depth = min(first.places[0] - 1, len(first.encoded.ids) - 2 - first.places[0])
        assert depth >= min(place - 1, 200 - place, 8)
    with pytest.raises(InputError, match=r"100 tokens must be seen at once; .* reads 40"):
        seen_around(opened, whole, [[1, 100]])


def test_what_is_no_number_is_refused(opened: Opened) -> None:
    assert torch.equal(finite(torch.ones(3), opened), torch.ones(3))
    for wrong in ("nan", "inf", "-inf"):
        with pytest.raises(InputError, match=r"gave what is no number \(NaN or infinite\) in float32"):
            finite(torch.tensor([1.0, float(wrong)]), opened)
