"""The text that tokens add: shown one by one they give the text of all, on every kind of tokenizer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kinds import KINDS
from lines import lines
from tokenizers import Tokenizer, decoders, models

import tiny
from limelight.inputs import Text
from limelight.inputs.engines import Fast
from limelight.inputs.text import Marks

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
pytest.importorskip("sentencepiece")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")

OWN = "limelight"
KNOWN = ["gpt2", "bert", "chat", "t5", "xlm-roberta", "nllb", "llama", "marian"]
BYTES = ("gpt2", "chat", "llama", OWN)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Text]:
    """Tokenizers by name; with "json" behind it, as transformers saves it in one file."""
    from limelight.inputs.published import Habit, read_text

    known: dict[str, Text] = {}

    def get(name: str) -> Text:
        if name == OWN:
            known.setdefault(name, tiny.text())
        elif name not in known:
            stem, _, saved = name.partition(" ")
            kind = KINDS[stem](tmp_path_factory.mktemp(stem), hf)
            folder = tmp_path_factory.mktemp("saved")
            if saved:
                kind.theirs.save_pretrained(folder)
            known[name] = read_text(folder, Habit()) if saved else kind.ours
        return known[name]

    return get


def shown(text: Text, ids: list[int]) -> list[str]:
    return [text.after(ids[:n], [token]) for n, token in enumerate(ids)]


ALL = [OWN, *KNOWN, "t5 json", "nllb json", "llama json"]


@pytest.mark.parametrize("name", ALL)
def test_shown_one_by_one_the_text_is_whole(name: str, made: Callable[[str], Text]) -> None:
    text = made(name)
    for line in lines()[::60]:
        ids = list(text.encode(line).ids)
        pieces = shown(text, ids)
        assert "".join(pieces) == text.decode(ids), repr(line)
        cut = len(ids) // 2
        assert text.after(ids[:cut], ids[cut:]) == "".join(pieces[cut:])
        assert "\ufffd" not in "".join(pieces) or "\ufffd" in line or name not in BYTES


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
@example(seed=2082)                                          # two bytes of three, and then a letter
def test_any_tokens_in_any_order(name: str, made: Callable[[str], Text], seed: int) -> None:
    """What no text gives: pieces at random, with bytes that are no letter, which Llama's tokenizer.json joins in another way."""
    text, dice = made(name), random.Random(seed)
    ids = [dice.randrange(text.highest + 1) for _ in range(dice.randint(1, 12))]
    pieces = shown(text, ids)
    cut = dice.randint(0, len(ids))
    assert "".join(pieces[cut:]) == text.after(ids[:cut], ids[cut:])
    whole = text.decode(ids)
    if "\ufffd" not in whole:
        assert "".join(pieces) == whole
    elif "json" not in name:
        assert whole.startswith("".join(pieces))
        assert set(whole[len("".join(pieces)) :]) <= {"\ufffd"}


@pytest.mark.parametrize("name", ["gpt2", "chat", "llama", "llama json", OWN])
def test_a_letter_waits_for_its_last_byte(name: str, made: Callable[[str], Text]) -> None:
    text = made(name)
    ids = list(text.encode("x 𐌰𐌱", marks=False).ids)
    pieces = shown(text, ids)
    assert pieces[-1][-1:] == "𐌱"
    assert [piece for piece in pieces if piece][-2:] == ["𐌰", "𐌱"]
    assert "".join(shown(text, ids[:-1])) == "x 𐌰"


@pytest.mark.parametrize("name", ["chat", OWN])
def test_bytes_that_are_no_letter_are_said_once_nothing_can_finish_them(name: str, made: Callable[[str], Text]) -> None:
    text = made(name)
    first, *_ = text.encode("\U00010330", marks=False).ids[-4:]
    a = text.encode("xa", marks=False).ids[-1]
    assert shown(text, [a, first, a]) == [text.decode([a]), "", "\ufffda"]
    assert text.after([], [first]) == ""


@pytest.mark.parametrize("name", ["t5 json", "nllb", "llama", "llama json", "marian"])
def test_the_space_before_a_word_is_kept_but_at_the_beginning(name: str, made: Callable[[str], Text]) -> None:
    text = made(name)
    ids = list(text.encode("cat mouse", marks=False).ids)
    mark = next(iter(text.mark_names.values()))
    assert "".join(shown(text, ids)) == "cat mouse"
    assert text.after([mark, *ids], ids) == " cat mouse"
    assert text.after([mark, mark], ids) == "cat mouse"
    assert text.after([], [mark]) == text.after(ids, [mark, mark]) == text.after(ids, []) == ""


def test_pieces_that_end_words_have_their_space_when_the_next_comes() -> None:
    vocab = {"lo": 0, "low</w>": 1, "er</w>": 2}
    tokenizer = Tokenizer(models.BPE(vocab, [], end_of_word_suffix="</w>"))
    tokenizer.decoder = decoders.BPEDecoder()
    assert shown(Text(Fast(tokenizer), Marks()), [1, 0, 2, 1]) == ["low", " lo", "er", " low"]


@pytest.mark.parametrize("name", ["chat", "t5 json", "llama"])
def test_it_takes_no_longer_when_much_came_before(name: str, made: Callable[[str], Text]) -> None:
    text = made(name)
    ids = list(text.encode("the cat sees it. " * 4000, marks=False).ids)
    calls: list[int] = []
    join = text.engine.join
    watched = Text(text.engine, text.marks)
    try:
        text.engine.join = lambda rows: calls.extend(map(len, rows)) or join(rows)      # type: ignore[method-assign]
        start = time.perf_counter()
        for n in range(len(ids) - 200, len(ids)):
            watched.after(ids[:n], [ids[n]])
        assert max(calls, default=0) <= 6
        assert time.perf_counter() - start < 2
    finally:
        del text.engine.join
