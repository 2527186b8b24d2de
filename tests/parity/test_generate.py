"""The generation loop beside transformers' `generate`, on tiny random models read from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_transformers import VOCAB, hf, opened
from torch import Tensor

from limelight.decode import Beam, Choice, Ending, Filter, Greedy, MinLength, NoRepeat, RepetitionPenalty, generate
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.nn import Transformer

PAD, END = 1, 2
MOST = 24


def pair(name: str, folder: Path, seed: int) -> tuple[Any, Transformer]:
    """Their model and ours, with larger weights, so that what is said depends on what was said, and a liking to end."""
    torch.manual_seed(seed)
    with torch.no_grad():
        theirs, model = opened(name, folder)
    for name, weight in (*theirs.named_parameters(), *model.named_parameters()):
        if weight.ndim == 2 and "embed_positions" not in name:               # fixed waves are a parameter there
            weight.data.mul_(1.5)
    return theirs, model


def nudge(scores: Tensor, said: Tensor, new: int) -> Tensor:
    """Our filter that makes an end likelier, now and then, and keeps padding from being said: for them it would be a place to skip."""
    scores[:, END] += 2.0 + 2.0 * (said[:, -1] % 3 == 0)
    scores[:, PAD] = -torch.inf
    return scores


class Nudge(hf.LogitsProcessor):
    """The same for transformers."""

    def __call__(self, said: Tensor, scores: Tensor) -> Tensor:
        """See nudge."""
        return nudge(scores.clone(), said, 0)


def batch(model: Transformer, seed: int) -> Batch:
    dice = torch.Generator().manual_seed(seed)
    rows = [torch.randint(3, VOCAB, (n,), generator=dice).tolist() for n in (7, 3, 5, 1)]
    return pad(rows, filler=PAD, side="left" if model.encoder is None else "right")


def start_of(theirs: Any) -> int:
    return getattr(theirs.config, "decoder_start_token_id", None) or 0


def their_answers(theirs: Any, given: Batch, **options: Any) -> list[list[tuple[list[int], float | None]]]:
    """Tokens up to the first end, without the prompt, and scores where beams give them."""
    keep = torch.ones_like(given.values) if given.keep is None else given.keep.long()
    theirs.generation_config.forced_eos_token_id = None
    theirs.generation_config.bad_words_ids = None
    out = theirs.generate(
        given.values,
        attention_mask=keep,
        do_sample=False,
        max_new_tokens=MOST,
        eos_token_id=END,
        pad_token_id=PAD,
        return_dict_in_generate=True,
        output_scores=True,
        logits_processor=hf.LogitsProcessorList([Nudge()]),
        **({"decoder_start_token_id": start_of(theirs)} if theirs.config.is_encoder_decoder else {}),
        **options,
    )
    start = 1 if theirs.config.is_encoder_decoder else given.values.shape[1]
    each = options.get("num_return_sequences", 1)
    scores = [None] * len(out.sequences) if options.get("num_beams", 1) == 1 else out.sequences_scores.tolist()
    found = []
    for row, score in zip(out.sequences[:, start:].tolist(), scores, strict=True):
        found.append((row[: row.index(END) + 1] if END in row else row, score))
    return [found[i : i + each] for i in range(0, len(found), each)]


def our_answers(theirs: Any, model: Transformer, given: Batch, choice: Choice, *filters: Filter) -> list[list[tuple[list[int], float]]]:
    ending = Ending(frozenset([END]), MOST)
    found = generate(model, given, choice, ending=ending, start=start_of(theirs), filters=[*filters, nudge])
    return [[(list(h.tokens), h.score) for h in answers] for answers in found]


NAMES = ["marian", "m2m100", "t5", "gpt2", "llama"]
FILTERS: dict[str, tuple[dict[str, Any], tuple[Filter, ...]]] = {
    "free": ({}, ()),
    "filtered": (
        {"no_repeat_ngram_size": 2, "min_new_tokens": 4},
        (NoRepeat(size=2), MinLength(length=4, end=(END,))),
    ),
}


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("name", NAMES)
def test_greedy_says_what_transformers_says(name: str, kind: str, tmp_path: Path) -> None:
    options, filters = FILTERS[kind]
    for seed in range(2):
        theirs, model = pair(name, tmp_path, seed)
        given = batch(model, seed)
        wanted = their_answers(theirs, given, **options)
        found = our_answers(theirs, model, given, Greedy(), *filters)
        assert [tokens for ((tokens, _),) in found] == [tokens for ((tokens, _),) in wanted]


def test_the_repetition_penalty_is_theirs(tmp_path: Path) -> None:
    """Of an encoder-decoder: with prompts, transformers punishes the padding as well."""
    theirs, model = pair("marian", tmp_path, 0)
    given = batch(model, 0)
    wanted = their_answers(theirs, given, repetition_penalty=1.8, min_new_tokens=8)
    assert wanted != their_answers(theirs, given, min_new_tokens=8)
    found = our_answers(theirs, model, given, Greedy(), RepetitionPenalty(penalty=1.8), MinLength(length=8, end=(END,)))
    assert [tokens for ((tokens, _),) in found] == [tokens for ((tokens, _),) in wanted]


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("name", NAMES)
def test_beams_find_what_transformers_finds(name: str, kind: str, tmp_path: Path) -> None:
    """All n-best whose n-best came to an end: what is cut off is ranked in another way there."""
    options, filters = FILTERS[kind]
    compared = 0
    for seed, width, penalty in ((0, 2, 1.0), (1, 4, 1.0), (2, 4, 0.3)):
        theirs, model = pair(name, tmp_path, seed)
        given = batch(model, seed)
        wanted = their_answers(theirs, given, num_beams=width, num_return_sequences=width, length_penalty=penalty, **options)
        found = our_answers(theirs, model, given, Beam(width=width, nbest=width, length_penalty=penalty), *filters)
        for mine, other in zip(found, wanted, strict=True):
            if not all(tokens[-1] == END for tokens, _ in other):
                continue
            assert [tokens for tokens, _ in mine] == [tokens for tokens, _ in other]
            assert [score for _, score in mine] == pytest.approx([score for _, score in other], abs=1e-4)
            compared += 1
    assert compared >= 4
