"""Limelight: attention and transformer models, built, trained, run and looked into.

    import limelight
    translate = limelight.task("translate", "en-fr")
    print(translate("The black cat ate the mouse."))

Every name here is loaded when it is first used, so that importing the package costs nothing and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decode import Engine
    from .errors import (
        DeviceError,
        InputError,
        LimelightError,
        RecipeError,
        SpecError,
        TaskError,
        TraceError,
        TrainError,
        WeightError,
    )
    from .explore import Explorer, explorer
    from .hub import Opened, bundled
    from .hub import open_model as open
    from .look import Trace, trace
    from .pipelines import pipeline
    from .spec.mechanisms import mechanisms
    from .tasks import task
    from .tasks.result import Result
    from .tasks.translate.task import Translate, TranslateOptions

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "Engine",
    "Explorer",
    "InputError",
    "LimelightError",
    "Opened",
    "RecipeError",
    "Result",
    "SpecError",
    "TaskError",
    "Trace",
    "TraceError",
    "TrainError",
    "Translate",
    "TranslateOptions",
    "WeightError",
    "__version__",
    "bundled",
    "explorer",
    "mechanisms",
    "open",
    "pipeline",
    "task",
    "trace",
]

_HOMES = {"Opened": "hub", "Result": "tasks.result", "Trace": "look", "Translate": "tasks.translate", "TranslateOptions": "tasks.translate"}
_HOMES |= {"mechanisms": "spec.mechanisms", "Explorer": "explore", "explorer": "explore", "Engine": "decode"}
_HOMES |= {"bundled": "hub", "open": "hub", "pipeline": "pipelines", "task": "tasks", "trace": "look"}
_HOMES |= {name: "errors" for name in __all__ if name.endswith("Error")}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), "open_model" if name == "open" else name)


def __dir__() -> list[str]:
    return __all__
