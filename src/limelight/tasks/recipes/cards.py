"""What the cards of all models have in common, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ...manifest import Card


def size(model: nn.Module) -> str:
    """How many numbers it has learnt."""
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} million parameters"


def origin(card: Card) -> str:
    """Where it is from, as items of a list."""
    return f"""- Licence: {card.license}.
- Attribution: {card.attribution}
- Recipe: `{card.recipe}`. {card.trained}"""


def scored(name: str, card: Card, about: str, rows: Iterable[tuple[str, float, str, str]], *, how: str = "how") -> str:
    """The scores, each with its value, how sure it is, and how it was computed; `about`: what they were measured on."""
    table = "\n".join(f"| {score} | {value:.1f} | {sure} | {computed} |" for score, value, sure, computed in rows)
    return f"""## Scores

{about}

| score | value | 95 % interval | {how} |
|---|---:|---:|---|
{table}

Reproduce them with `limelight eval {name} --recipe {card.recipe}`."""


def limits(card: Card) -> str:
    """What it cannot do."""
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in card.limits)
