"""A small shop's conversations, as a recipe's data, so that replies in tests mean something."""

from __future__ import annotations

import gzip
from pathlib import Path

THINGS = ("mug", "lamp", "chair", "clock", "fork", "bench", "vase", "rug")
PLACES = ("Paris", "Rome", "Lima", "Oslo", "Cairo", "Delhi")
NUMBERS = ("One", "Two", "Three", "Four", "Five")
RECIPE = """
name = "shop"
task = "reply"
[data]
test = 6
valid = 4
[[data.files]]
path = "talk.tsv.gz"
customer = 2
agent = 3
[tokenizer]
vocab = 330
[model]
dim = 32
heads = 2
depth = 2
length = 96
[batches]
tokens = 500
max_length = 90
[plan]
steps = 200
lr = 8e-3
warmup = 10
schedule = "linear"
precision = "fp32"
log_every = 20
save_every = 50
eval_every = 60
[eval]
turns = 3
max_length = 20
sample = 12
[card]
summary = "Replies in a shop."
license = "none"
attribution = "made up"
limits = ["It sells nothing."]
"""


def dialogues() -> list[list[tuple[str, str]]]:
    """Each thing to each place: what is asked for is said again a turn later."""
    found = []
    for i, (thing, place) in enumerate((thing, place) for thing in THINGS for place in PLACES):
        many = NUMBERS[i % len(NUMBERS)]
        asked, told = (f"A {thing} to {place}.", f"How many {thing}s?"), (f"{many} {thing}s.", f"{many} {thing}s to {place}.")
        found.append([asked, told, ("Thanks.", "Good bye!")])
    return found


def written(folder: Path) -> Path:
    """The data and the recipe in a folder."""
    rows = [f"{name}\t{i}\t{c}\t{a}\n" for name, each in enumerate(dialogues()) for i, (c, a) in enumerate(each)]
    (folder / "talk.tsv.gz").write_bytes(gzip.compress("".join(rows).encode()))
    (folder / "shop.toml").write_text(RECIPE, encoding="utf-8")
    return folder
