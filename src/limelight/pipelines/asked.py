"""The old names of arguments -> the options of our tasks. What is not known is refused; what has no effect is said to have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..decode import Sample
from ..errors import RecipeError, did_you_mean
from ..tasks.writing.writer import Writer

WRITES = {
    "max_new_tokens": "max_length",
    "min_new_tokens": "min_length",
    "num_beams": "beam",
    "num_return_sequences": "nbest",
    "no_repeat_ngram_size": "no_repeat",
    "repetition_penalty": "repetition_penalty",
    "length_penalty": "length_penalty",
}
NEW = {name: name for name in (*WRITES.values(), "until", "sample")}       # what `writing` gives, by our own names
DRAWS = ("temperature", "top_k", "top_p", "min_p")
LENGTHS = ("max_length", "min_length")
UNTIL = {True: "full", False: "likely", "never": "certain"}
# Padding is hidden here whatever it is, spaces are the tokenizer's own, and nothing needs a cut.
IDLE: dict[str, tuple[Any, ...]] = {"padding": (), "pad_token_id": (), "clean_up_tokenization_spaces": (), "use_cache": (True,)}
IDLE |= {"truncation": (False, None), "return_tensors": (False, None), "return_text": (True, None)}


def writing(writer: Writer, asked: Mapping[str, Any], *, before: int) -> dict[str, Any]:
    """The options of a task that writes. `before`: how many tokens the old lengths count that the new ones do not: the prompt, or the
    start of an answer. Raises RecipeError for one that is not known."""
    left, out = dict(asked), dict[str, Any]()
    for name in LENGTHS:
        if (length := left.pop(name, None)) is not None:
            out[name] = max(1 if name == "max_length" else 0, _count(name, length) - before)
    out |= {ours: left.pop(old) for old, ours in WRITES.items() if left.get(old) is not None}
    if (early := left.pop("early_stopping", None)) is not None:
        if early not in UNTIL:
            raise RecipeError(f"early_stopping={early!r:.40} is not known.", "Known: True, False and 'never'.")
        out["until"] = UNTIL[early]
    drawn = {name: left.pop(name) for name in DRAWS if left.get(name) is not None}
    draws = left.pop("do_sample", None)
    if draws or (draws is None and writer.generation.sample and "num_beams" not in asked):
        start = writer.sample() if writer.generation.sample else Sample(top_k=50)        # 50 was the old default of drawing
        drawn = {name: None if (name, value) == ("top_k", 0) else value for name, value in drawn.items()}
        out["sample"] = Sample(**{**vars(start), **drawn, "seed": int(torch.randint(2**62, ()).item())})
    elif "beam" not in out and draws is False and "nbest" not in out:
        out["beam"] = writer.generation.beam
    return {**out, **left}


def _count(name: str, given: Any) -> int:
    try:
        return int(given)
    except (TypeError, ValueError):
        raise RecipeError(f"{name} is a number of tokens: got {given!r:.40}.") from None


def known(task: str, asked: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments by our names. Raises RecipeError for one that is not known, or whose effect is none here."""
    out = {}
    for name, value in asked.items():
        if name in IDLE:
            if IDLE[name] and value not in IDLE[name]:
                raise RecipeError(f"{task}: {name}={value!r} is not done here.", _instead(name))
        elif name in names:
            out[names[name]] = value
        else:
            raise RecipeError(f'{task}: the argument "{name}" is not known.', did_you_mean(name, {*names, *IDLE}))
    return out


def _instead(name: str) -> str:
    return "Nothing is cut: long texts are read in windows." if name == "truncation" else f"Leave {name} out."
