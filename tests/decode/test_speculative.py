"""Guessed tokens change how often the model reads, and nothing of what it says."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
import torch

import opinionated as tiny
from limelight.decode import (
    Beam,
    Choice,
    Draft,
    Ending,
    Filter,
    Forced,
    Greedy,
    Guess,
    Guesses,
    Hypothesis,
    Lookup,
    MinLength,
    NoRepeat,
    RepetitionPenalty,
    Sample,
    Small,
    Step,
    Suppress,
    Tally,
    Written,
    generate,
    speculate,
)
from limelight.decode.drafts import Reader
from limelight.decode.speculative import Pace, stand_or_draw
from limelight.errors import InputError, RecipeError, TaskError
from limelight.inputs.batch import Batch, pad
from limelight.nn import Network
from limelight.spec import Alibi, Attention, Buckets, Learned, Recurrent, Rotary, Sinusoid, Tokens
from opinionated import END, START

ENDING = Ending(frozenset([END]), 24)
KINDS = {
    "gpt2": {"position": Learned(length=64)},
    "llama": {"attention": Attention(heads=4, kv_heads=2), "position": Rotary()},
    "window": {"attention": Attention(heads=2, window=3), "position": Rotary()},
    "sinusoid": {"position": Sinusoid(length=512)},
    "alibi": {"position": Alibi()},
    "buckets": {"position": Buckets()},
}
FILTERS = [NoRepeat(size=3), RepetitionPenalty(penalty=1.5), MinLength(length=5, end=(END,)), Suppress(tokens=(7,)), Forced(at=((2, 5),))]


def last(steps: Iterator[Step]) -> Step:
    *_, step = steps
    return step


def written(model: Network, row: list[int], choice: Choice, draft: Draft, **more: object) -> tuple[Hypothesis, Tally]:
    step = last(speculate(model, Batch(torch.tensor([row])), choice, draft=draft, **{"ending": ENDING, **more}))
    ((found,),) = step.done
    assert step.tally is not None
    return found, step.tally


def same(found: Hypothesis, wanted: Hypothesis) -> None:
    assert (found.tokens, found.ended, found.rows) == (wanted.tokens, wanted.ended, wanted.rows)
    assert found.logprobs == pytest.approx(wanted.logprobs, abs=1e-5)
    assert found.score == pytest.approx(wanted.score, abs=1e-5)


@dataclass
class Told:
    """Guesses that a test makes: the first `right` of each are what `answer` says, the others are not."""

    answer: Sequence[int]
    right: int
    begun: int

    def begin(self, written: Written) -> Guesses:
        del written
        return self

    def guess(self, said: Sequence[int], most: int) -> Guess:
        at = len(said) - self.begun
        ahead = self.answer[at : at + most]
        return Guess(tuple(token if i < self.right else (token + 1) % 12 for i, token in enumerate(ahead)))


# --- greedy ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("draft", ["lookup", "small", "itself"])
@pytest.mark.parametrize("kind", KINDS)
def test_greedy_says_the_same_tokens(kind: str, draft: str):
    drafts = set[int]()
    for seed in range(3):
        model, row = tiny.lm(seed, end=0.5, **KINDS[kind]), tiny.sources(seed, longest=20)[0]
        drafter = {"lookup": Lookup(shortest=1), "small": Small(tiny.lm(seed + 9, **KINDS["llama"])), "itself": Small(model)}[draft]
        found, tally = written(model, row, Greedy(), drafter)
        ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING)
        same(found, wanted)
        drafts.add(tally.drafted)
    assert drafts != {0}


@pytest.mark.parametrize("right", [0, 1, 2, 30])
def test_right_guesses_stand_and_wrong_ones_fall(right: int):
    model, row = tiny.lm(1, end=-30, **KINDS["llama"]), [3, 4, 5]
    ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING)
    found, tally = written(model, row, Greedy(), Told(wanted.tokens, right, len(row)))
    same(found, wanted)
    assert (tally.accepted > 0) == (right > 0)
    assert tally.passes + tally.accepted == 24                     # each pass says one token of its own, and those that stood
    if right == 30:
        assert tally.share == 1
        assert tally.passes == 3                                   # of 4 + 1, 8 + 1 and 9 + 1 tokens


@pytest.mark.parametrize("draft", [Lookup(shortest=1), Small(tiny.lm(5))], ids=["lookup", "small"])
@pytest.mark.parametrize("made", FILTERS, ids=str)
def test_filters_hold_for_every_token(made: Filter, draft: Draft):
    for seed in range(3):
        model, row = tiny.lm(seed, end=0.5), tiny.sources(seed)[0]
        found, _ = written(model, row, Greedy(), draft, filters=[made])
        ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING, filters=[made])
        same(found, wanted)


def test_an_answer_with_no_token_left_to_say_stops_there():
    model, filters = tiny.lm(0, vocab=6, end=-30), (NoRepeat(size=1), Suppress(tokens=(0, 1, END)))
    for draft in (Lookup(shortest=1), Small(model)):
        found, _ = written(model, [3], Greedy(), draft, filters=filters)
        assert sorted(found.tokens) == [4, 5]
        assert not found.ended


@pytest.mark.parametrize("most", [1, 2, 5, 24])
def test_max_length_cuts_off_where_it_says(most: int):
    model, row = tiny.lm(1, end=-30), tiny.sources(1)[0]
    ending = Ending(frozenset([END]), most)
    for draft in (Lookup(shortest=1), Small(model)):
        found, _ = written(model, row, Greedy(), draft, ending=ending)
        ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ending)
        same(found, wanted)


def test_a_stop_text_within_the_guesses_ends_the_answer():
    model, row = tiny.lm(1, end=-30), tiny.sources(1)[0]
    ((whole,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING)
    stop = "".join(chr(97 + i) for i in whole.tokens[6:8])
    ending = Ending(frozenset(), 24, (stop,), lambda ids: "".join(chr(97 + i) for i in ids))
    found, _ = written(model, row, Greedy(), Small(model), ending=ending)
    ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ending)
    same(found, wanted)
    assert len(found.tokens) <= 8


@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=3)], ids=str)
def test_with_an_encoder_too(choice: Choice):
    for seed in range(3):
        model, row = tiny.seq2seq(seed, end=0.0), tiny.sources(seed, longest=20)[0]
        ((wanted,),) = generate(model, pad([row]), choice, ending=ENDING, start=START)
        same(written(model, row, choice, Lookup(shortest=1), start=START)[0], wanted)
        if choice == Greedy():
            found, tally = written(model, row, choice, Small(model), start=START)
            same(found, wanted)
            assert tally.accepted > 0


def test_the_text_that_an_encoder_reads_is_looked_through():
    guesses = Lookup().begin(begun(source=[3, 4, 5, 6, 7]))
    assert guesses.guess([START, 4, 5], 2).tokens == (6, 7)


def test_padding_before_a_prompt_is_no_part_of_it():
    model, row = tiny.lm(1), tiny.sources(1)[0]
    padded = Batch(torch.tensor([[0, 0, *row]]), torch.tensor([[False] * 2 + [True] * len(row)]))
    ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING)
    step = last(speculate(model, padded, Greedy(), ending=ENDING, draft=Lookup(shortest=1)))
    same(step.done[0][0], wanted)


def test_steps_come_token_by_token_and_are_never_taken_back():
    model, row = tiny.lm(1, end=-30), [3, 4]
    shown: tuple[int, ...] = ()
    for n, step in enumerate(speculate(model, tiny.left([row]), Greedy(), ending=ENDING, draft=Small(model)), 1):
        assert step.index == len(step.fixed(0)) == n
        assert step.fixed(0)[: n - 1] == shown
        shown = step.fixed(0)
    assert len(shown) == 24


def test_a_model_with_few_positions_is_read_no_further():
    model, small = tiny.lm(1, end=-30, position=Learned(length=16)), tiny.lm(1, end=-30, position=Learned(length=9))
    row, ending = [3, 4, 5, 6], Ending(frozenset(), 13)
    ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ending)
    for draft in (Small(small), Small(model), Lookup(shortest=1)):
        same(written(model, row, Greedy(), draft, ending=ending)[0], wanted)


@pytest.mark.parametrize("vocab", [10, 15])
def test_a_draft_may_have_a_table_of_another_size(vocab: int):
    model, row = tiny.lm(1, end=-30), [3, 4]
    ((wanted,),) = generate(model, tiny.left([row]), Greedy(), ending=ENDING)
    same(written(model, row, Greedy(), Small(tiny.lm(2, vocab=vocab)), ending=replace(ENDING, max_length=24))[0], wanted)


# --- looking up ------------------------------------------------------------------------------------------------------
def begun(source: Sequence[int] | None = None) -> Written:
    return Written(Batch(torch.tensor([[0]])), source, Greedy(), 12, torch.Generator(), lambda scores, _: scores)


def looked_up(said: Sequence[int], most: int, how: Lookup) -> tuple[int, ...]:
    """The definition: the longest newest run that stood before, where it stood last."""
    for n in range(how.longest, how.shortest - 1, -1):
        for at in range(len(said) - 1, n - 1, -1):
            if tuple(said[at - n : at]) == tuple(said[-n:]):
                ahead = list(said[at:])
                return tuple(itertools.islice(itertools.cycle(ahead), most))
    return ()


def test_what_is_found_is_what_the_definition_finds():
    dice = torch.Generator().manual_seed(1)
    for how in (Lookup(), Lookup(longest=3, shortest=1), Lookup(longest=2, shortest=2)):
        said = torch.randint(3, 7, (80,), generator=dice).tolist()
        guesses, hits = how.begin(begun()), 0
        for n in (5, 6, 7, 10, 30, 31, 60, 80):                    # text grows by any number of tokens between two guesses
            found = guesses.guess(said[:n], 5).tokens
            assert found == looked_up(said[:n], 5, how)
            hits += bool(found)
        assert hits > 2


# --- pace ------------------------------------------------------------------------------------------------------------
def test_the_pace_follows_what_stands():
    pace, lengths = Pace(), []
    for accepted in (4, 8, 16, 3, 0, 1):
        lengths.append(pace.length)
        pace.after(pace.length, accepted)
    assert lengths == [4, 8, 16, 16, 4, 1]
    assert pace.length == 2


def test_hopeless_guesses_are_tried_less_and_less():
    pace, tried = Pace(), []
    for i in range(300):
        if pace.length:
            tried.append(i)
        pace.after(pace.length, 0)
    gaps = [b - a for a, b in itertools.pairwise(tried)]
    assert gaps == [1, 1, 9, 17, 33, 65, 65, 65]


def test_nothing_guessed_is_no_miss():
    pace = Pace()
    for _ in range(9):
        pace.after(0, 0)
    assert pace.length == 4


# --- sampling --------------------------------------------------------------------------------------------------------
SAMPLES = [Sample(), Sample(temperature=1.5, top_k=6), Sample(temperature=0.7, top_p=0.8)]


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_guesses_that_are_looked_up_leave_each_draw_as_it_is(sample: Sample):
    drafted = 0
    for seed in range(6):
        model, row = tiny.lm(seed, end=0.0, bold=4.0, **KINDS["llama"]), tiny.sources(seed)[0]
        choice = replace(sample, seed=seed)
        ((wanted,),) = generate(model, tiny.left([row]), choice, ending=ENDING)
        found, tally = written(model, row, choice, Lookup(shortest=1))
        same(found, wanted)
        drafted += tally.drafted
    assert drafted > 10


def chi_square(found: Counter, chances: dict, draws: int) -> float:
    assert set(found) <= {cell for cell, p in chances.items() if p > 0}
    return sum((found[cell] - draws * p) ** 2 / (draws * p) for cell, p in chances.items() if p > 0)


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_or_is_drawn_anew_has_the_wanted_chances(seed: int):
    dice = torch.Generator().manual_seed(seed)
    guessed, wanted = torch.randn(2, 6, generator=dice).mul(1.5).softmax(-1)
    guessed[4], wanted[5] = 0.0, 0.0                               # one is never guessed, one never wanted
    guessed, wanted = guessed / guessed.sum(), wanted / wanted.sum()
    found, stood, draws = Counter[int](), 0, 8000
    for token in torch.multinomial(guessed, draws, replacement=True, generator=dice).tolist():
        said = stand_or_draw(token, guessed, wanted, dice)
        found[said] += 1
        stood += said == token
    assert chi_square(found, dict(enumerate(wanted.tolist())), draws) < 18.5      # 99.9 % of chi-square with 4 degrees of freedom
    assert stood / draws == pytest.approx(float(torch.minimum(guessed, wanted).sum()), abs=0.02)


def all_chances(model: Network, row: list[int], sample: Sample, most: int) -> dict[tuple[int, ...], float]:
    """Of every answer of at most so many tokens, from forced passes alone."""
    chances = {(): 1.0}
    for _ in range(most):
        longer: dict[tuple[int, ...], float] = {}
        for said, p in chances.items():
            if said and said[-1] == END:
                longer[said] = p
                continue
            scores = sample.narrowed(tiny.next_scores(model, None, [*row, *said])[None]).softmax(-1)[0]
            longer |= {(*said, token): p * share for token, share in enumerate(scores.tolist()) if share > 0}
        chances = longer
    return chances


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each model says of each text is computed once: among four tokens there are few texts."""
    known: dict[tuple[object, ...], Tensor] = {}
    plain = Reader.scores

    def scores(reader: Reader, said: Sequence[int], wanted: int) -> Tensor:
        key = (reader._model, *said, -wanted)
        if key not in known:
            reader.forget(0)
            known[key] = plain(reader, said, wanted)
        return known[key]

    monkeypatch.setattr(Reader, "scores", scores)


@pytest.mark.slow
@pytest.mark.parametrize("sample", [Sample(), Sample(temperature=1.4, top_k=3)], ids=str)
def test_whole_answers_are_as_frequent_as_the_model_alone_would_have_them(sample: Sample, remembered: None):
    """Guesses of another model, of which some stand and some fall, over three tokens of a vocabulary of four."""
    model, small = tiny.lm(1, vocab=4, end=0.0, bold=1.0), tiny.lm(2, vocab=4, end=0.0, bold=1.0)
    row, ending, draws = [3, 0], Ending(frozenset([END]), 3), 1000
    wanted = all_chances(model, row, sample, 3)
    other = all_chances(small, row, sample, 3)
    found, tallies = Counter[tuple[int, ...]](), Tally()
    for seed in range(draws):
        answer, tally = written(model, row, replace(sample, seed=seed), Small(small), ending=ending)
        found[answer.tokens] += 1
        tallies += tally
    cells, expected = Counter[str](), dict[str, float]()
    for tokens, p in wanted.items():                               # cells of few draws are one cell together
        name = str(tokens) if p * draws >= 5 else "few"
        expected[name] = expected.get(name, 0.0) + p
        cells[name] += found.pop(tokens, 0)
    assert not found
    free = len(expected) - 1
    limit = free * (1 - 2 / (9 * free) + 3.09 * (2 / (9 * free)) ** 0.5) ** 3      # the 99.9 % point (Wilson and Hilferty 1931)
    assert chi_square(cells, expected, draws) < limit
    assert 0.2 < tallies.share < 0.95
    off = sum(abs(wanted[tokens] - other.get(tokens, 0.0)) for tokens in wanted) / 2
    assert off > 0.1                                               # the test would not tell the two models apart otherwise


def test_a_sample_depends_on_its_seed_alone():
    model, small, row = tiny.lm(1, end=0.0), tiny.lm(2, end=0.0), tiny.sources(1)[0]

    def drawn(seed: int) -> tuple[int, ...]:
        return written(model, row, Sample(seed=seed), Small(small))[0].tokens

    before = torch.get_rng_state()
    assert drawn(3) == drawn(3)
    assert len({drawn(seed) for seed in range(5)}) > 3
    assert torch.equal(before, torch.get_rng_state())


def test_an_answer_of_the_model_itself_always_stands():
    model, row = tiny.lm(1, end=-30, **KINDS["llama"]), [3, 4]
    _, tally = written(model, row, Sample(seed=2), Small(model))
    assert tally.share > 0.99
    assert tally.passes < 6


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("choice", "match"), [(Beam(width=3), "a beam of 3.*beam=1"), (Sample(nbest=2), "for one answer: got nbest=2")], ids=str
)
def test_choices_of_several_trails_are_refused(choice: Choice, match: str):
    with pytest.raises(RecipeError, match=match):
        written(tiny.lm(), [3], choice, Lookup())


def test_a_beam_of_one_is_greedy():
    model, row = tiny.lm(1), tiny.sources(1)[0]
    ((wanted,),) = generate(model, tiny.left([row]), Beam(width=1, length_penalty=0.3), ending=ENDING)
    same(written(model, row, Beam(width=1, length_penalty=0.3), Lookup(shortest=1))[0], wanted)


def test_several_rows_are_refused():
    with pytest.raises(InputError, match="one row at a time: got 2"):
        list(speculate(tiny.lm(), pad([[3], [4]]), Greedy(), ending=ENDING, draft=Lookup()))


def test_models_that_cannot_go_back_are_refused():
    model = Network(replace(tiny.lm().spec, decoder=Recurrent(depth=1, input=Tokens(vocab=12))))
    for target, draft in ((model, Lookup()), (tiny.lm(), Small(model))):
        with pytest.raises(TaskError, match="cannot go back"):
            written(target, [3], Greedy(), draft)


def test_a_draft_of_another_kind_is_refused():
    with pytest.raises(TaskError, match="lm has no encoder, the model that it would draft for has one"):
        written(tiny.seq2seq(), [3], Greedy(), Small(tiny.lm()))
    with pytest.raises(TaskError, match="has an encoder, the model that it would draft for has none"):
        written(tiny.lm(), [3], Greedy(), Small(tiny.seq2seq()))
