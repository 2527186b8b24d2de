"""A picture's file, its header first: what it claims to be decides whether it is decoded at all."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import InputError

KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")      # by which folders are searched
MOST_PIXELS = 50_000_000                 # of a picture that is decoded: 150 MB as three bytes each
MOST_BYTES = 256 << 20
MOST_NAME = 200


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in three channels of bytes, turned as it was held; `name`: of its file, for messages."""

    image: Image.Image
    name: str = "the picture"

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.image.height, self.image.width


def is_picture(given: object) -> bool:
    """Whether this is meant for a picture and not for a text: bytes, a path, what is open already, or a name that ends as pictures' do."""
    return given.lower().endswith(ENDINGS) if isinstance(given, str) else isinstance(given, os.PathLike | bytes | Image.Image | Picture)


def read(given: object) -> Picture:
    """A file, its bytes, or a picture that is open already. Of several frames the first is taken, and transparency is laid on white.

    Raises InputError in one line for what is not there, is none of the usual kinds, is larger than MOST_PIXELS, or breaks off.
    """
    if isinstance(given, Picture):
        return given
    if isinstance(given, Image.Image):
        return Picture(_plain(given, "the picture"))
    if not isinstance(given, str | os.PathLike | bytes):
        raise InputError(f"a picture is a file, its bytes, or one that Pillow has opened: got {type(given).__name__}.", "Open it first.")
    name = "the picture" if isinstance(given, bytes) else _called(str(given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                              # Pillow warns of sizes and of odd tags: sizes are checked here
        with _opened(given, name) as image:
            return Picture(_plain(image, name), name)


def _called(path: str) -> str:
    return path if len(path) <= MOST_NAME else f"...{path[-MOST_NAME:]}"


def _opened(given: str | os.PathLike[str] | bytes, name: str) -> Image.Image:
    try:
        if not isinstance(given, bytes):
            path = Path(given)
            if not path.is_file():
                raise InputError(f"{name}: {'a folder' if path.is_dir() else 'no such file'}.", "Give the file of a picture.")
            if not (size := path.stat().st_size):
                raise InputError(f"{name} is empty.", "Is the file whole?")
            if size > MOST_BYTES:
                raise InputError(f"{name} has {size:,} bytes; at most {MOST_BYTES:,} are read.", "Make it smaller first.")
        image = Image.open(io.BytesIO(given) if isinstance(given, bytes) else given, formats=KINDS)
    except UnidentifiedImageError:
        raise InputError(f"{name} is no picture that is read here.", f"Kinds that are: {', '.join(KINDS)}.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.", "Is the file whole?") from None
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(name, error) from None
    pixels = image.width * image.height
    if pixels > MOST_PIXELS or not pixels:
        image.close()
        said = f"{name} is {image.width:,} x {image.height:,}: {pixels:,} pixels"
        raise InputError(f"{said}; at most {MOST_PIXELS:,} are decoded.", "Make it smaller first.")
    return image


def _plain(image: Image.Image, name: str) -> Image.Image:
    """Three channels of bytes."""
    try:
        image.seek(0)
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(("I", "F")):
            return _bytes(image).convert("RGB")
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            ground = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(ground, image).convert("RGB")
        return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, Image.DecompressionBombError) as error:
        raise _unreadable(name, error) from None


def _bytes(image: Image.Image) -> Image.Image:
    """Grey in more than 8 bits as bytes: whole numbers go up to 65,535, fractions to 1 where none is larger, or else to 255."""
    grey = np.asarray(image).astype(np.float32)
    most = 65_535.0 if not image.mode.startswith("F") else 1.0 if grey.max(initial=0.0) <= 1.0 else 255.0
    return Image.fromarray((grey * (255.0 / most)).clip(0.0, 255.0).round().astype(np.uint8))


def _unreadable(name: str, error: BaseException) -> InputError:
    said = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
    return InputError(f"{name} cannot be decoded: {said}.", "The file is damaged, or is no picture.")
