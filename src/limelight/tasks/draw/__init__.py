"""draw: a text -> pictures, and which of its words stand behind each patch."""

from .drawn import Drawn, Patches, Picture
from .task import Draw, DrawOptions, Underway

__all__ = ["Draw", "DrawOptions", "Drawn", "Patches", "Picture", "Underway"]
