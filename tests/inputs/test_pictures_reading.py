"""Pictures' files: read right whatever their kind, and refused in one line, soon and cheaply, where they are none."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limelight.errors import InputError
from limelight.inputs.pictures import read

KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def two_halves(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right; 6 rows of 8 pixels."""
    whole = Image.new("RGB", (8, 6), (255, 0, 0))
    whole.paste((0, 0, 255), (4, 0, 8, 6))
    return whole.convert(mode)


def stored(image: Image.Image, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def at(given: Any, row: int, column: int) -> tuple[int, ...]:
    found = read(given).image
    assert found.mode == "RGB"
    return tuple(np.asarray(found)[row, column].tolist())


def near(found: tuple[int, ...], wanted: tuple[int, ...], most: int = 12) -> bool:
    return all(abs(a - b) <= most for a, b in zip(found, wanted, strict=True))


def refused(given: Any, *parts: str) -> str:
    with pytest.raises(InputError) as caught:
        read(given)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 300
    for part in parts:
        assert part in said
    return said


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def header(columns: int, rows: int, bits: int = 1) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, 0, 0, 0, 0)


# --- what is read -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_from_a_file_and_from_its_bytes_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    data = stored(two_halves(), kind, **({"quality": 100, "subsampling": 0} if kind == "JPEG" else {}))
    path = tmp_path / "mislabelled.png"
    path.write_bytes(data)
    for given in (data, path, str(path)):
        assert read(given).size == (6, 8)
        assert near(at(given, 3, 1), (255, 0, 0))
        assert near(at(given, 3, 6), (0, 0, 255))
    assert read(path).name == str(path)


def test_grey_in_16_bits_keeps_its_shades() -> None:
    shades = np.array([[0, 32_768, 65_535], [257, 514, 25_700]], np.uint16)
    for kind in ("PNG", "TIFF"):
        found = np.asarray(read(stored(Image.fromarray(shades), kind)).image)
        assert found[..., 0].tolist() == [[0, 128, 255], [1, 2, 100]]
        assert (found == found[..., :1]).all()


def test_fractions_are_shades_too() -> None:
    shades = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert np.asarray(read(stored(Image.fromarray(shades), "TIFF")).image)[0, :, 0].tolist() == [0, 128, 255]
    assert np.asarray(read(stored(Image.fromarray(shades * 255), "TIFF")).image)[0, :, 0].tolist() == [0, 128, 255]


def test_what_is_transparent_is_white() -> None:
    clear = two_halves("RGBA")
    clear.putpixel((1, 1), (0, 0, 0, 0))
    clear.putpixel((6, 1), (0, 0, 0, 128))
    assert at(stored(clear, "PNG"), 1, 1) == (255, 255, 255)
    assert near(at(stored(clear, "PNG"), 1, 6), (127, 127, 127), 1)
    palette = two_halves().quantize(2)
    index = palette.getpixel((1, 1))
    assert at(stored(palette, "PNG", transparency=index), 1, 1) == (255, 255, 255)
    assert at(stored(palette, "PNG", transparency=index), 1, 6) == (0, 0, 255)
    assert at(stored(palette, "GIF", transparency=index), 1, 1) == (255, 255, 255)
    grey = Image.new("LA", (2, 2), (0, 0))
    assert at(stored(grey, "PNG"), 0, 0) == (255, 255, 255)


def test_palettes_inks_and_single_bits_become_colours() -> None:
    assert at(stored(two_halves().quantize(2), "PNG"), 2, 6) == (0, 0, 255)
    assert near(at(stored(two_halves("CMYK"), "JPEG", quality=100), 2, 1), (255, 0, 0), 40)
    assert near(at(stored(two_halves("CMYK"), "TIFF"), 2, 1), (255, 0, 0))
    assert at(stored(Image.new("1", (3, 3), 1), "PNG"), 1, 1) == (255, 255, 255)
    assert at(stored(Image.new("1", (3, 3), 0), "TIFF"), 1, 1) == (0, 0, 0)


@pytest.mark.parametrize(("turn", "size", "red"), [(1, (6, 8), (3, 1)), (3, (6, 8), (3, 6)), (6, (8, 6), (1, 3)), (8, (8, 6), (6, 3))])
def test_a_picture_is_turned_as_it_was_held(turn: int, size: tuple[int, int], red: tuple[int, int]) -> None:
    tags = Image.Exif()
    tags[0x0112] = turn
    for kind in ("JPEG", "PNG", "WEBP"):
        data = stored(two_halves(), kind, exif=tags)
        assert read(data).size == size
        assert near(at(data, *red), (255, 0, 0), 60)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("lime", "red", "blue")]
    data = stored(frames[0], kind, save_all=True, append_images=frames[1:])
    assert near(at(data, 2, 2), (0, 255, 0), 3)


def test_one_pixel_is_a_picture() -> None:
    assert at(stored(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"), 0, 0) == (1, 2, 3)


# --- what is refused --------------------------------------------------------------------------------------------------
def test_eighty_million_pixels_in_ten_thousand_bytes_are_refused_by_their_header(tmp_path: Path) -> None:
    data = png(header(10_000, 8_000), (b"IDAT", zlib.compress(bytes(8_000 * 1_251), 9)), (b"IEND", b""))
    path = tmp_path / "bomb.png"
    path.write_bytes(data)
    assert len(data) < 11_000
    with pytest.raises(InputError):                                  # the libraries' own first use is not what is timed
        read(path)
    tracemalloc.start()
    began = time.perf_counter()
    refused(path, "bomb.png is 10,000 x 8,000: 80,000,000 pixels; at most 50,000,000 are decoded.")
    took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 0.1
    assert peak < 5e6
    refused(png(header(100_000, 100_000), (b"IDAT", b""), (b"IEND", b"")), "pixels")


def test_a_picture_of_no_pixels_is_refused() -> None:
    refused(png(header(0, 5), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")))
    refused(png(header(5, 0), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_breaks_off_is_refused(kind: str, tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    data = stored(noise, kind)
    for share in (0.02, 0.3, 0.6):
        path = tmp_path / f"short.{kind.lower()}"
        path.write_bytes(data[: max(4, int(len(data) * share))])
        refused(path, path.name)


def test_damaged_files_never_raise_anything_else() -> None:
    dice = np.random.default_rng(1)
    noise = Image.fromarray(dice.integers(0, 256, (20, 20, 3), np.uint8))
    tags = Image.Exif()
    tags[0x0112], tags[0x010E] = 6, "what it shows"
    opened = wrong = 0
    for kind in KINDS:
        whole = stored(noise, kind, **({} if kind in ("BMP", "GIF", "PPM") else {"exif": tags}))
        for _ in range(120):
            data = bytearray(whole)
            for place in dice.integers(0, min(len(data), 400), int(dice.integers(1, 12))):
                data[place] = int(dice.integers(0, 256))
            try:
                read(bytes(data))
                opened += 1
            except InputError as error:
                wrong += "\n" not in str(error)
    assert min(opened, wrong) > 50
    assert opened + wrong == 120 * len(KINDS)


def test_what_is_no_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    def made(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    refused(made("text.png", b"The black cat ate the mouse.\n" * 9), "text.png is no picture that is read here.", "PNG")
    refused(made("empty.png", b""), "empty.png is empty.")
    refused(made("page.pdf", b"%PDF-1.4\n%%EOF"), "no picture")
    refused(made("draws.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"), "no picture")
    refused(tmp_path, "a folder.")
    refused(tmp_path / "nowhere.png", "nowhere.png: no such file.")
    refused("\0", "no such file")
    refused("x" * 5000)
    refused(b"", "no picture")


@pytest.mark.parametrize("given", [3, None, ["a.png"], np.zeros((4, 4, 3), np.uint8)])
def test_what_is_neither_file_nor_bytes_is_refused_by_its_kind(given: Any) -> None:
    refused(given, f"got {type(given).__name__}.")


def test_a_locked_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "locked.png"
    path.write_bytes(stored(two_halves(), "PNG"))
    monkeypatch.setattr(Image, "open", locked)
    refused(path, "locked.png cannot be read: Permission denied.")
