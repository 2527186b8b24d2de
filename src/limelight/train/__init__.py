"""Training: a plan in, a stream of events out, checkpoints that are whole, and resumption that is exact.

    for event in fit(model, batches, loss=next_token(plan, start=1), plan=Plan(steps=2000, lr=1e-3), folder=Path("run")):
        match event:
            case Stepped(step=s, loss=x): print(s, x)
            case Saved(path=p): print("kept", p)
"""

from .checkpoint import latest, read
from .class_loss import whole_texts
from .events import Evaluated, Event, Finished, Saved, Started, Stepped, Stopped
from .feed import Batches
from .guided import Guide, guided
from .loop import fit
from .losses import Forgetting, Loss, LossSum, next_token, translation_loss
from .metrics import to_tensorboard
from .plan import Ema, LastSaved, NoAverage, Plan
from .recipes import (
    CaptionRecipe,
    ClassifyRecipe,
    DetectRecipe,
    DrawRecipe,
    Recipe,
    ReplyRecipe,
    TranscribeRecipe,
    TranslateRecipe,
    find_data,
    read_recipe,
    to_toml,
)
from .schedule import learning_rate

__all__ = [
    "Batches",
    "CaptionRecipe",
    "ClassifyRecipe",
    "DetectRecipe",
    "DrawRecipe",
    "Ema",
    "Evaluated",
    "Event",
    "Finished",
    "Forgetting",
    "Guide",
    "LastSaved",
    "Loss",
    "LossSum",
    "NoAverage",
    "Plan",
    "Recipe",
    "ReplyRecipe",
    "Saved",
    "Started",
    "Stepped",
    "Stopped",
    "TranscribeRecipe",
    "TranslateRecipe",
    "find_data",
    "fit",
    "guided",
    "latest",
    "learning_rate",
    "next_token",
    "read",
    "read_recipe",
    "to_tensorboard",
    "to_toml",
    "translation_loss",
    "whole_texts",
]
