"""Squares: a picture small enough for a page, and what was looked at on it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from ..packing import number, packed

SIDE, SMALL, QUALITY = 1_200, 256, 88    # pixels of the longer side at most; up to which nothing is lost; of a JPEG

Edges = tuple[int | float, int | float, int | float, int | float]


def as_uri(image: Image.Image) -> str:
    """A picture as a data: address, made smaller where its longer side is more than SIDE."""
    shown = image.copy()
    shown.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    small, file = max(shown.size) <= SMALL, io.BytesIO()
    shown.save(file, "PNG" if small else "JPEG", **({} if small else {"quality": QUALITY}))
    return f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(file.getvalue()).decode()}"


def about(image: Image.Image) -> dict[str, Any]:
    """A picture, and its rows and columns."""
    return {"image": as_uri(image), "size": [image.height, image.width]}


def as_map(grid: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Shares on a grid, row by row, in bytes; 255 is `max`."""
    shares = torch.tensor(grid)
    most = float(shares.max())
    return {"height": shares.shape[0], "width": shares.shape[1], "max": number(most), "data": packed(shares, most)}


def as_shares(edges: Edges, size: tuple[int, int]) -> list[float]:
    """Left, top, right and bottom in pixels of a picture of so many rows and columns, as shares of it."""
    rows, columns = size
    return [round(edge / side, 6) for edge, side in zip(edges, (columns, rows, columns, rows), strict=True)]
