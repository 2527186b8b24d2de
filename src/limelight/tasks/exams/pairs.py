"""Minimal pairs, written for Limelight: two texts that differ in a word or two, of which each wants another answer.

A model that answers by what both texts share gets one of the two right, always: so a pair counts only where both are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ..reading.places import find
from ..sense.vectors import placed, states_of, unit


class Senses(NamedTuple):
    """A word, two texts that show its two senses, and a pair of texts of which the first has the first sense and the second the other."""

    word: str
    known: tuple[str, str]
    asked: tuple[str, str]


class Pronouns(NamedTuple):
    """A text with a gap, two candidates, and what fills the gap so that the pronoun stands for the first, and for the second."""

    text: str
    pronoun: str
    candidates: tuple[str, str]
    fillings: tuple[str, str]

    @property
    def texts(self) -> tuple[str, str]:
        """The pair."""
        return self.text.replace("...", self.fillings[0]), self.text.replace("...", self.fillings[1])


SENSES = (
    Senses(
        "apple",
        ("She ate an apple and a pear.", "She works for Apple and not for Microsoft."),
        ("Apple was juicy.", "Apple stock crashed."),
    ),
    Senses(
        "bank",
        ("We sat on the bank of the river.", "He keeps his money in the bank."),
        ("The bank was muddy.", "The bank was robbed."),
    ),
    Senses(
        "mouse",
        ("The cat chased a mouse.", "Click with the mouse of your computer."),
        ("The mouse ate it.", "The mouse needs a battery."),
    ),
    Senses(
        "bat",
        ("A bat flew out of the cave.", "He hit the ball with his bat."),
        ("The bat sleeps by day.", "The bat broke in his hands."),
    ),
    Senses(
        "spring",
        ("Flowers come out in spring.", "A spring in the mattress is broken."),
        ("Spring was warm.", "The spring was rusty."),
    ),
    Senses(
        "ring",
        ("She wears a gold ring.", "The boxers stood in the ring."),
        ("The ring fits her finger.", "The ring fits two fighters."),
    ),
    Senses(
        "star",
        ("A star shone in the night.", "The film made her a star."),
        ("The star is far away.", "The star signed her name."),
    ),
    Senses(
        "plant",
        ("She waters the plant.", "He works at the steel plant."),
        ("The plant needs sun.", "The plant needs workers."),
    ),
    Senses(
        "chip",
        ("He ate a potato chip.", "The computer has a fast chip."),
        ("The chip was salty.", "The chip was overheated."),
    ),
    Senses(
        "court",
        ("The judge came into the court.", "They play tennis on the court."),
        ("The court freed him.", "The court was too wet."),
    ),
    Senses(
        "letter",
        ("She wrote a letter to her mother.", "B is the second letter."),
        ("The letter came by post.", "The letter comes before C."),
    ),
    Senses(
        "match",
        ("He lit the fire with a match.", "Our team won the match."),
        ("The match burnt out.", "The match went on all night."),
    ),
)

PRONOUNS = (
    Pronouns("The animal didn't cross the street because it was too ....", "it", ("the animal", "the street"), ("tired", "wide")),
    Pronouns("The cake does not fit in the box because it is too ....", "it", ("the cake", "the box"), ("large", "small")),
    Pronouns("The knife did not cut the rope because it was too ....", "it", ("the knife", "the rope"), ("blunt", "thick")),
    Pronouns("The stone broke the window because it was made of ....", "it", ("the stone", "the window"), ("granite", "glass")),
    Pronouns("The train overtook the tram because it was ....", "it", ("the train", "the tram"), ("faster", "slower")),
    Pronouns("The key did not open the door because it was ....", "it", ("the key", "the door"), ("bent", "blocked")),
    Pronouns("The cat ran away from the dog because it was ....", "it", ("the cat", "the dog"), ("scared", "barking")),
    Pronouns("Paul sold the horse to Eric because he needed ....", "he", ("Paul", "Eric"), ("money", "a horse")),
    Pronouns("Anna thanked Maria because she had ... help.", "she", ("Anna", "Maria"), ("received", "given")),
    Pronouns("Tom paid Sam because he had ... the car.", "he", ("Tom", "Sam"), ("bought", "sold")),
    Pronouns("The nurse could not lift the patient because she was too ....", "she", ("the nurse", "the patient"), ("weak", "heavy")),
    Pronouns("The reporter asked the singer a question: she ... an answer.", "she", ("the reporter", "the singer"), ("expected", "gave")),
)


@dataclass(frozen=True)
class Paired:
    """What came out: lines for people, the pair that is best known first, and plain data."""

    lines: tuple[str, ...]
    plain: dict[str, Any]


def sense_pairs(opened: Opened, *, batch: int = 32) -> Paired:
    """In each layer, whether each text of a pair is nearer to the text that shows its sense than to the other."""
    texts = [text for each in SENSES for text in (*each.known, *each.asked)]
    words = [each.word for each in SENSES for _ in range(4)]
    seen = [placed(opened, text, find(text, word)[0]) for text, word in zip(texts, words, strict=True)]
    vectors = dict(states_of(opened, seen, batch=batch))
    leads = torch.stack([_leads(torch.stack([unit(vectors[i + n], seen[i + n].places) for n in range(4)])) for i in range(0, len(seen), 4)])
    return _paired([(each.asked, each.word) for each in SENSES], leads > 0, [f"layer {i}" for i in range(leads.shape[2])])


def pronoun_pairs(rights: Float[Tensor, "p w t"] | Tensor, ways: Sequence[str]) -> Paired:
    """`rights`: of each pair, in each way, whether each of its two texts was told right."""
    return _paired([(each.texts, each.pronoun) for each in PRONOUNS], rights.bool().transpose(1, 2), ways)


def _leads(vectors: Float[Tensor, "4 l m"]) -> Float[Tensor, "2 l"]:
    """By how much the asked are nearer to their own than to the other; above 0 is right."""
    first, second, a, b = vectors
    return torch.stack([(a * (first - second)).sum(-1), (b * (second - first)).sum(-1)])


def _paired(pairs: Sequence[tuple[tuple[str, str], str]], right: Tensor, ways: Sequence[str]) -> Paired:
    """`right`: (p 2 w)."""
    both, single = right.all(1).sum(0).tolist(), right.sum((0, 1)).tolist()
    last = len(ways) - 1
    count = len(pairs)
    shown = [f"{'+' if right[n, 0, last] else '-'}{'+' if right[n, 1, last] else '-'}  {a} | {b}" for n, ((a, b), _) in enumerate(pairs)]
    by_way = list(zip(ways, both, single, strict=True))
    totals = [f"{way}: {n} of {count} pairs (by chance {count / 4:.0f}), {m} of {2 * count} texts" for way, n, m in by_way]
    head = f"minimal pairs, + where {ways[last]} is right"
    rows = [{"texts": list(texts), "word": word, "right": right[n, :, last].tolist()} for n, (texts, word) in enumerate(pairs)]
    told = [{"at": way, "pairs": n, "texts": m} for way, n, m in by_way]
    return Paired((head, *shown, *totals), {"of": count, "by": told, "shown": rows})
