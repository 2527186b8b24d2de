"""Judging: what of a text is in its drawing. Scenes are judged by rule, other pictures by a captioner that tells whose text it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ....data.scenes import Found, find, read
from ....data.scenes import drawn as drawn_of
from ....data.shown import Example, Painted
from ....hub import Opened, open_model
from ....inputs.pictures import Picture, ready
from ...caption.matching import likelihoods, ranks
from ...draw import Draw, DrawOptions
from ...fitness import check_fit
from .lessons import as_read, codes_of
from .scoring import Answered, Asked, Place

SEED = 0                                 # the first: drawings are not picked
SAME = 1e-10                             # of squared differences: as near as can be told, 100 dB


@dataclass(frozen=True, eq=False)
class Copy:
    """What a codec makes of a true picture. `likeness`: in dB; `copied`: what of a scene's text is in it."""

    codes: tuple[int, ...]
    image: Image.Image
    likeness: float
    copied: Found | None


def answer(opened: Opened, examples: Sequence[Asked], **options: object) -> list[Answered]:
    """What is drawn of each text by the first seed, and what its judges say; those of files who have one judge stand beside one another."""
    draw, shown = Draw(opened), [each.example for each in examples]
    copied, chances = list(copies(draw, shown)), [nll for _, nll in costs(draw, shown)]
    drawn = [draw(each.texts[0], DrawOptions(seeds=(SEED,)), **options).pictures[0] for each in shown]
    found = [
        Answered(made.codes, found_in(each, made.image), copy.copied, copy.likeness, copy.codes, nll)
        for each, made, copy, nll in zip(shown, drawn, copied, chances, strict=True)
    ]
    for judge in sorted({each.judge for each in examples} - {""}):
        mine = [i for i, each in enumerate(examples) if each.judge == judge and not isinstance(each.example, Painted)]
        if len(mine) < 2:
            continue
        reads, texts = judge_of(judge, str(opened.device)), [shown[i].texts[0] for i in mine]
        places, copy_places = (_places(reads, [each[i].image for i in mine], texts) for each in (drawn, copied))
        for i, place, copy in zip(mine, places, copy_places, strict=True):
            found[i] = replace(found[i], place=place, copied_place=copy)
    return found


def copies(draw: Draw, examples: Sequence[Example]) -> Iterator[Copy]:
    """What the codec makes of true pictures, one after the other."""
    for each in examples:
        codes = tuple(codes_of(draw.prompts.codec, [each.picture()])[0].tolist())
        image = draw.picture(codes)
        yield Copy(codes, image, _likeness(draw, each, image), found_in(each, image))


def found_in(example: Example, image: Image.Image) -> Found | None:
    """What of its text is in a picture; None for one that is no scene."""
    told = read(example.texts[0]) if isinstance(example, Painted) else None
    return None if told is None else drawn_of(told, find(np.asarray(image)))


def judge_of(name: str, device: str = "auto") -> Opened:
    """The captioner that judges. Raises TaskError for a model that says nothing of pictures."""
    opened = open_model(name, device=device)
    check_fit(opened, "caption")
    return opened


def judge_at(name: str, beside: Path) -> str:
    """Where a recipe in the folder `beside` means a captioner to be: a folder from there, or what else `open_model` knows."""
    return str(beside / name) if name and (beside / name).is_dir() else name


def costs(draw: Draw, examples: Sequence[Example]) -> list[tuple[tuple[int, ...], float]]:
    """The codes of each true picture, and how unlikely the model holds them for its first text, in nats each."""
    return [_cost(draw, each) for each in examples]


@torch.inference_mode()
def _cost(draw: Draw, example: Example) -> tuple[tuple[int, ...], float]:
    prompts = draw.prompts
    codes = codes_of(prompts.codec, [example.picture()])
    chances = prompts.logits(prompts.source([prompts.read(example.texts[0]).ids]), codes)
    return tuple(codes[0].tolist()), -float(chances.gather(-1, codes[..., None]).mean())


def _likeness(draw: Draw, example: Example, copy: Image.Image) -> float:
    """Of the codec's copy to the picture as the codec is given it: the peak's square over the mean squared difference, in dB."""
    true, made = (ready([each], as_read(draw.prompts.codec.spec)).values for each in (example.picture(), Picture(copy)))
    return float(-10 * (true - made).square().mean().clamp(min=SAME).log10())


def _places(judge: Opened, images: Sequence[Image.Image], texts: Sequence[str]) -> list[Place]:
    found = likelihoods(judge, [Picture(each) for each in images], texts)
    return [Place(at, len(texts)) for at in ranks(found)]
