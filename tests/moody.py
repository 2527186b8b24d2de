"""Small opinions about small things, as files, and a recipe that learns them in a second."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

from limelight.tasks.result import Cost

COST = Cost(0.0, 0)
THINGS = ("phone", "camera", "case", "screen", "battery", "charger", "strap", "lens", "cable", "box")
GOOD, BAD = ("good", "great", "lovely", "amazing"), ("bad", "awful", "terrible", "poor")
WHEN = ("today", "at home", "in may", "on the train", "for my aunt", "with my friends", "all day long", "once a week")
RECIPE = """
name = "mood"
task = "classify"

[data]
labels = ["negative", "positive"]

[[data.sets]]
name = "lines"
path = "lines.txt"
form = "marked lines"
test = 30
valid = 20
rate = 2.0

[[data.sets]]
name = "folders"
path = "folders.zip"
form = "two folders"
test = 8
valid = 8
rate = 0.5
even = false

[tokenizer]
vocab = 330

[model]
dim = 16
heads = 2
depth = 1
hidden = 16

[batches]
tokens = 300
max_length = 24
leave_out = 0.1

[plan]
steps = 60
lr = 1e-2
warmup = 5
schedule = "cosine"
precision = "fp32"
label_smoothing = 0.05
average = { kind = "ema", decay = 0.8 }
save_every = 6
eval_every = 30
log_every = 4

[card]
summary = "A toy."
license = "none"
attribution = "nobody"
limits = ["It is a toy."]
"""


def sentence(good: bool, draw: random.Random) -> str:
    return f"the {draw.choice(THINGS)} is {draw.choice(GOOD if good else BAD)} {draw.choice(WHEN)} {draw.randrange(1000)}"


def written(folder: Path) -> Path:
    """The data and the recipe in a folder."""
    draw = random.Random(0)
    sides = [i % 3 > 0 for i in range(240)]
    (folder / "lines.txt").write_text("".join(f"{sentence(good, draw)}.\t{int(good)}\n" for good in sides))
    with zipfile.ZipFile(folder / "folders.zip", "w") as archive:
        for i in range(40):
            side = ("neg", "pos")[i % 2]
            archive.writestr(f"r/{side}/{i}.txt", " . ".join(sentence(bool(i % 2), draw) for _ in range(6)))
    (folder / "mood.toml").write_text(RECIPE)
    return folder
