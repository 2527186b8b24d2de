"""Scenes: pictures of coloured shapes in relation to each other, made by rule, told in many ways, and checked without any network.

What a model says of such a picture, finds in it, or draws for such a text can be told right from wrong exactly.
"""

from .checking import Found, Right, agree, drawn
from .finding import find
from .making import Kinds, kinds, make
from .painting import paint
from .saying import Told, read, say
from .things import COLOURS, RELATIONS, SHAPES, SIZES, Kind, Scene, Thing, relation

__all__ = [
    "COLOURS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "Found",
    "Kind",
    "Kinds",
    "Right",
    "Scene",
    "Thing",
    "Told",
    "agree",
    "drawn",
    "find",
    "kinds",
    "make",
    "paint",
    "read",
    "relation",
    "say",
]
