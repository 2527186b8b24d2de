"""The card of a model that replies, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence

from ....data.dialogues import DialogueSplit
from ....manifest import Card
from ....train import ReplyRecipe
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..trade import Workshop

Shop = Workshop[ReplyRecipe, DialogueSplit]


def markdown(workshop: Shop, card: Card, scores: Sequence[Score]) -> str:
    """The whole card."""
    return "\n\n".join([_what(workshop, card), _scores(workshop, card, scores), limits(card)]) + "\n"


def _what(workshop: Shop, card: Card) -> str:
    r, m, split = workshop.recipe, workshop.recipe.model, workshop.split
    turns = sum(len(each.exchanges) for each in split.train)
    held = f"{len(split.valid):,} and {len(split.test):,} dialogues held out, whole"
    typed = f", in {r.data.typed:.0%} of the dialogues in small letters and without full stops" if r.data.typed else ""
    reads = f"the last {r.eval.turns} turns of a conversation, {m.length} tokens with the reply"
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}; a decoder of {m.depth} layers of {m.dim}, {m.heads} heads, rotary positions,
  {len(workshop.words):,} byte-pair pieces. Weights in int8 with one scale a row.
- It reads {reads}, and writes at most {r.eval.max_length} tokens.
{origin(card)}
- Data: {len(split.train):,} dialogues with {turns:,} replies to train on, {held}. {split.left_out:,} dialogues
  are in no part: near copies of held-out ones, or begun by the customer with the same five words or more.
- Only the replies are learnt; what customers say is read{typed}.
  Text is normalised: NFC, typewriter quotes, single spaces."""


def _scores(workshop: Shop, card: Card, scores: Sequence[Score]) -> str:
    about = """\
On turns of the test part, as the folder's settings write them, measured on the int8 weights as shipped. Perplexities are of the
replies that people gave; shares and distinct-n are in per cent; BLEU is against the one reply that was given and says little, for
most turns have many good ones:"""
    rows = ((s.name, s.value, _sure(s), s.signature.replace("|", " ")) for s in scores)
    return scored(workshop.recipe.name, card, about, rows)


def _sure(score: Score) -> str:
    return f"± {score.interval:.1f}" if score.interval else ""
