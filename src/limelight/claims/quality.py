"""How well a model translates: BLEU and chrF by the length of what is translated, and how well its attention aligns words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ..data import Pair
from ..decode import Ending, Greedy, generate
from ..hub import Opened
from ..inputs import Text, pad
from ..manifest import Aligner, Card, Generation, Manifest
from ..nn import Network
from ..tasks.align.choosing import PLAIN, choose_aligner
from ..tasks.align.gold import Gold
from ..tasks.recipes.translate.scoring import score
from .lab import Figures

TOGETHER = 64                    # sentences that are translated at once
ROOM = (1.5, 10)                 # a translation has at most so many times the source's tokens, and so many more


def translated(model: Network, text: Text, sources: Sequence[str]) -> list[str]:
    """Each source whole, never cut at full stops, by greedy search."""
    rows = [each.ids for each in text.encode_all(list(sources))]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = [""] * len(rows)
    for at in range(0, len(order), TOGETHER):
        some = order[at : at + TOGETHER]
        for i, said in zip(some, _greedy(model, text, [rows[i] for i in some]), strict=True):
            out[i] = said
    return out


def _greedy(model: Network, text: Text, rows: list[tuple[int, ...]]) -> Iterator[str]:
    times, more = ROOM
    ending = Ending(frozenset({text.end}), int(times * max(map(len, rows))) + more)
    for found in generate(model, pad(rows, filler=text.pad), Greedy(), ending=ending, start=text.start):
        yield text.decode([token for token in found[0].tokens if token != text.end])


def bleu(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU and chrF against one reference each."""
    found = score(list(translations), [[each] for each in references], resamples=1)
    return {"bleu": found[0].value, "chrf": found[1].value}


def by_words(pairs: Sequence[Pair], translations: Sequence[str], edges: Sequence[int]) -> list[dict[str, Any]]:
    """BLEU of what has up to edges[0] words, up to edges[1] ...; what is longer than the last edge is left out, as are empty bins."""
    found, low = [], 0
    lengths = [len(pair.source.split()) for pair in pairs]
    for high in edges:
        mine = [i for i, n in enumerate(lengths) if low < n <= high]
        if mine:
            scores = bleu([translations[i] for i in mine], [pairs[i].target for i in mine])
            words = {"from": low + 1, "to": high, "words": fmean(lengths[i] for i in mine), "items": len(mine)}
            found.append({**words, **scores})
        low = high
    return found


def aligned(model: Network, text: Text, gold: Sequence[Gold], *, languages: tuple[str, str], choose_on: int) -> Figures:
    """The alignment error rate of the best cross-attention, heads and shift, chosen on the first `choose_on` gold pairs and measured on the
    others; {} for a model without cross-attention. See tasks.align.choosing."""
    if not any(name.endswith(".cross") for name in model.attentions()):
        return {}
    found: Aligner = choose_aligner(opened(model, text, languages), gold, measured_on="gold pairs", choose_on=choose_on, space=PLAIN)
    return {"aer": found.aer, "attention": found.attention, "heads": list(found.heads), "shift": found.shift, "gold": found.pairs}


def opened(model: Network, text: Text, languages: tuple[str, str]) -> Opened:
    """A model as tasks want it; it has no folder of its own."""
    manifest = Manifest(
        name="measured",
        task="translate",
        source_language=languages[0],
        target_language=languages[1],
        spec=model.spec,
        generation=Generation(pad=text.pad, start=text.start, end=(text.end,)),
        card=Card(summary="Made to be measured.", license="", attribution="", recipe="", trained=""),
    )
    return Opened(model, text, manifest, Path())
