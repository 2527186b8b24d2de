"""detect: a picture -> what there is to see in it, and where."""

from .detected import Detected, Found, Looked
from .drawing import drawn, enlarged, overlay, sheet
from .task import Detect, DetectOptions

__all__ = ["Detect", "DetectOptions", "Detected", "Found", "Looked", "drawn", "enlarged", "overlay", "sheet"]
