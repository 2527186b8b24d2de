"""Every family that generates: beside transformers' `generate` on the same file, and beside itself, asked in other ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from limelight.decode import (
    Beam,
    Choice,
    Ending,
    Filter,
    Forced,
    Greedy,
    MinLength,
    NeverInARow,
    NoRepeat,
    RepetitionPenalty,
    Sample,
    Suppress,
    SuppressFirst,
    generate,
)
from limelight.families import FAMILIES
from limelight.inputs import Batch, pad
from limelight.look import trace
from published import ALL, Pair, hf, pair

PAD, END, MOST, LOUD = 1, 2, 20, 1.4
WRITERS = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel")
READERS = {kind for kind, family in FAMILIES.items() if family.pictures is None and family.sounds is None}      # of texts
NAMES = [name for name, each in ALL.items() if name.endswith(WRITERS) and each.kind in READERS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generating")


@pytest.fixture(params=NAMES)
def both(request: pytest.FixtureRequest, folder: Path) -> Pair:
    return pair(request.param, folder, LOUD)


def nudge(scores: Tensor, said: Tensor, new: int) -> Tensor:
    """Makes an end likelier with each token, and keeps padding from being said: for transformers it would be a place to skip."""
    scores = scores.clone()
    scores[:, END] += 0.6 * (said > END).sum(1)
    scores[:, PAD] = -torch.inf
    return scores


class Nudge(hf.LogitsProcessor):
    """The same for transformers."""

    def __call__(self, said: Tensor, scores: Tensor) -> Tensor:
        """See nudge."""
        return nudge(scores, said, 0)


def batch(both: Pair, seed: int) -> Batch:
    dice = torch.Generator().manual_seed(seed)
    rows = [torch.randint(3, 36, (n,), generator=dice).tolist() for n in (7, 3, 5, 1)]
    return pad(rows, filler=PAD, side="left" if both.ours.encoder is None else "right")


def start(both: Pair) -> int:
    return both.config.get("decoder_start_token_id") or 0


def asked(both: Pair, given: Batch, **options: Any) -> Any:
    """What transformers' generate gives back."""
    keep = torch.ones_like(given.values) if given.keep is None else given.keep.long()
    first = {"decoder_start_token_id": start(both)} if both.theirs.config.is_encoder_decoder else {}
    both.theirs.generation_config = hf.GenerationConfig(eos_token_id=END, pad_token_id=PAD, **first)
    return both.theirs.generate(
        given.values,
        attention_mask=keep,
        max_new_tokens=MOST,
        return_dict_in_generate=True,
        output_scores=True,
        use_cache=both.made.kind != "t5",                          # theirs counts the encoder's layers there
        logits_processor=hf.LogitsProcessorList([Nudge()]),
        **{"do_sample": False, **options},
    )


def cut(both: Pair, given: Batch, out: Any) -> list[list[int]]:
    """Tokens up to the first end, without the prompt."""
    first = 1 if both.theirs.config.is_encoder_decoder else given.values.shape[1]
    return [row[: row.index(END) + 1] if END in row else row for row in out.sequences[:, first:].tolist()]


def theirs(both: Pair, given: Batch, **options: Any) -> list[list[tuple[list[int], float | None]]]:
    """Tokens, and scores where beams give them."""
    out, each = asked(both, given, **options), options.get("num_return_sequences", 1)
    scores = [None] * len(out.sequences) if options.get("num_beams", 1) == 1 else out.sequences_scores.tolist()
    found = [*zip(cut(both, given, out), scores, strict=True)]
    return [found[i : i + each] for i in range(0, len(found), each)]


def ours(both: Pair, given: Batch, choice: Choice, *filters: Filter) -> list[list[tuple[list[int], float]]]:
    ending = Ending(frozenset([END]), MOST)
    found = generate(both.ours, given, choice, ending=ending, start=start(both), filters=[*filters, nudge])
    return [[(list(h.tokens), h.score) for h in answers] for answers in found]


FILTERS: dict[str, tuple[dict[str, Any], tuple[Filter, ...]]] = {
    "free": ({}, ()),
    "filtered": ({"no_repeat_ngram_size": 2, "min_new_tokens": 4}, (NoRepeat(size=2), MinLength(length=4, end=(END,)))),
    "forbidden": (
        {"bad_words_ids": [[7], [5, 6], [9, 9, 3]], "suppress_tokens": [11], "begin_suppress_tokens": [8, 30]},
        (NeverInARow(runs=((7,), (5, 6), (9, 9, 3))), Suppress(tokens=(11,)), SuppressFirst(tokens=(8, 30))),
    ),
}


@pytest.mark.parametrize("kind", FILTERS)
def test_greedy_says_what_transformers_says(both: Pair, kind: str) -> None:
    options, filters = FILTERS[kind]
    for seed in range(2):
        given = batch(both, seed)
        wanted = theirs(both, given, **options)
        assert [tokens for ((tokens, _),) in ours(both, given, Greedy(), *filters)] == [tokens for ((tokens, _),) in wanted]


@pytest.mark.parametrize("until", ["likely", "full", "certain"])
def test_beams_find_what_transformers_finds(both: Pair, until: str) -> None:
    """All n-best whose n-best came to an end: what is cut off is ranked in another way there. Under rules too, every second time."""
    early = {"likely": False, "full": True, "certain": "never"}[until]
    compared = 0
    for seed, width, penalty, kind in ((0, 2, 1.0, "free"), (1, 4, 1.0, "filtered"), (2, 3, 0.3, "free"), (3, 3, 2.0, "forbidden")):
        given, (rules, filters) = batch(both, seed), FILTERS[kind]
        options = {"num_beams": width, "num_return_sequences": width, "length_penalty": penalty, "early_stopping": early}
        wanted = theirs(both, given, **options, **rules)
        found = ours(both, given, Beam(width=width, nbest=width, length_penalty=penalty, until=until), *filters)
        for mine, other in zip(found, wanted, strict=True):
            if not all(tokens[-1] == END for tokens, _ in other):
                continue
            assert [tokens for tokens, _ in mine] == [tokens for tokens, _ in other]
            assert [score for _, score in mine] == pytest.approx([score for _, score in other], abs=1e-4)
            compared += 1
    assert compared >= 3


def even(both: Pair, length: int) -> Batch:
    """Rows without padding: with prompts, transformers' repetition penalty punishes the padding as well."""
    return Batch(torch.randint(3, 36, (3, length), generator=torch.Generator().manual_seed(length)))


def test_the_repetition_penalty_is_theirs(both: Pair) -> None:
    given = even(both, 6)
    filters = (RepetitionPenalty(penalty=1.8), MinLength(length=8, end=(END,)))
    wanted = theirs(both, given, repetition_penalty=1.8, min_new_tokens=8)
    assert wanted != theirs(both, given, min_new_tokens=8)
    assert [tokens for ((tokens, _),) in ours(both, given, Greedy(), *filters)] == [tokens for ((tokens, _),) in wanted]


@pytest.mark.parametrize("choice", [Greedy(), Beam(width=3, nbest=1)], ids=lambda choice: type(choice).__name__)
def test_forced_first_and_last(both: Pair, choice: Choice) -> None:
    """Prompts of one token: transformers forces what is said second in all, whatever it is."""
    given = even(both, 1)
    wanted = theirs(
        both, given, num_beams=getattr(choice, "width", 1), forced_bos_token_id=6, forced_eos_token_id=END, min_new_tokens=MOST
    )
    found = ours(both, given, choice, MinLength(length=MOST - 1, end=(END,)), Forced(at=((0, 6), (MOST - 1, END))))
    assert [tokens for ((tokens, _),) in found] == [tokens for ((tokens, _),) in wanted]
    assert all((tokens[0], tokens[-1], len(tokens)) == (6, END, MOST) for ((tokens, _),) in found)


DRAWN: dict[str, tuple[dict[str, Any], Sample, str]] = {
    "hot": ({"temperature": 1.6, "top_k": 0}, Sample(temperature=1.6), "free"),
    "few": ({"temperature": 0.7, "top_k": 9}, Sample(temperature=0.7, top_k=9), "filtered"),
    "likely": ({"top_p": 0.8, "top_k": 0}, Sample(top_p=0.8), "forbidden"),
    "near": ({"min_p": 0.2, "top_k": 0}, Sample(min_p=0.2), "free"),
    "all": (
        {"temperature": 1.3, "top_k": 25, "top_p": 0.9, "min_p": 0.05},
        Sample(temperature=1.3, top_k=25, top_p=0.9, min_p=0.05),
        "filtered",
    ),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_every_token_is_drawn_with_the_probability_that_transformers_gives_it(
    both: Pair, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transformers draws; ours is led along what was drawn, and at each step the two are about to draw from the same distribution."""
    options, choice, rules = DRAWN[kind]
    given, least = batch(both, 7), MinLength(length=8, end=(END,))
    torch.manual_seed(5)
    out = asked(both, given, do_sample=True, **options, **{**FILTERS[rules][0], "min_new_tokens": least.length})
    paths = cut(both, given, out)
    wanted = [(row, step) for step in range(MOST) for row, path in enumerate(paths) if step < len(path)]
    asked_for = iter(wanted)
    apart: list[float] = []

    def led(chances: Tensor, count: int, generator: torch.Generator) -> Tensor:
        row, step = next(asked_for)
        theirs = out.scores[step][row].softmax(-1)
        assert torch.equal(chances > 0, theirs > 0)
        apart.append((chances - theirs).abs().max().item())
        return torch.tensor([paths[row][step]])

    with monkeypatch.context() as patched:
        patched.setattr(torch, "multinomial", led)
        found = ours(both, given, choice, *FILTERS[rules][1], least)
    assert [tokens for ((tokens, _),) in found] == paths
    assert len(apart) == len(wanted) >= 4 * least.length
    assert max(apart) < 2e-5


CHOICES = (Greedy(), Beam(width=3, nbest=2), Sample(temperature=0.8, top_k=9, nbest=2, seed=3))


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: type(choice).__name__)
def test_a_batch_says_what_each_row_says_alone(both: Pair, choice: Choice) -> None:
    given = batch(both, 4)
    keep = given.keep if given.keep is not None else torch.ones_like(given.values, dtype=torch.bool)
    alone = [ours(both, Batch(row[real][None]), choice)[0] for row, real in zip(given.values, keep, strict=True)]
    together = ours(both, given, choice)
    assert [[tokens for tokens, _ in each] for each in together] == [[tokens for tokens, _ in each] for each in alone]


@torch.no_grad()
def test_cached_is_full(both: Pair) -> None:
    model, source = both.ours, batch(both, 5)
    tokens = torch.randint(3, 36, (4, 12), generator=torch.Generator().manual_seed(5))
    memory = None if model.encoder is None else model.encode(source)
    full, cache = model.decode(tokens, memory=memory), model.new_cache()
    parts = [model.decode(tokens[:, a:b], memory=memory, cache=cache) for a, b in ((0, 5), (5, 6), (6, 7), (7, 12))]
    assert (torch.cat(parts, 1) - full).abs().max() < 2e-5 * max(1.0, full.abs().max().item())


@torch.no_grad()
def test_a_trace_changes_no_bit(both: Pair) -> None:
    given = batch(both, 6)
    for choice in (Greedy(), Beam(width=3, nbest=3)):
        alone = ours(both, given, choice)
        with trace(both.ours):
            watched = ours(both, given, choice)
        assert alone == watched
