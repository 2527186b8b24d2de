"""From a scene to a picture."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from .things import COLOURS, Scene, Thing

FINER = 4                                # painted so many times larger and then made smaller, which makes edges smooth
GROUND = (228, 255)                      # channels of the background
SHADES = 12                              # by how much a channel of a colour differs from thing to thing
ARM = 1 / 3                              # half the width of a cross's arm, as a share of its reach


def paint(scene: Scene, side: int, *, seed: int, index: int) -> UInt8[np.ndarray, "side side 3"]:
    """The picture of a scene; shades and background are drawn by the number."""
    random = np.random.default_rng([seed, index, 2])
    ground = tuple(int(each) for each in random.integers(*GROUND, 3, endpoint=True))
    large = side * FINER
    image = Image.new("RGB", (large, large), ground)
    pen = ImageDraw.Draw(image)
    for thing in scene.things:
        shade = np.array(COLOURS[thing.kind.colour]) + random.integers(-SHADES, SHADES, 3, endpoint=True)
        _draw(pen, thing, large, tuple(int(each) for each in shade.clip(0, 255)))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _draw(pen: ImageDraw.ImageDraw, thing: Thing, side: int, colour: tuple[int, ...]) -> None:
    left, top, right, bottom = (each * side for each in thing.box)
    match thing.kind.shape:
        case "circle":
            pen.ellipse((left, top, right, bottom), fill=colour)
        case "square":
            pen.rectangle((left, top, right, bottom), fill=colour)
        case "triangle":
            pen.polygon((((left + right) / 2, top), (right, bottom), (left, bottom)), fill=colour)
        case "cross":
            x, y, arm = thing.x * side, thing.y * side, thing.reach * side * ARM
            pen.rectangle((left, y - arm, right, y + arm), fill=colour)
            pen.rectangle((x - arm, top, x + arm, bottom), fill=colour)
