"""Lines of UTF-8 text out of a file or standard input, each with its number."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .formats import STANDARD

BOM = b"\xef\xbb\xbf"


@contextmanager
def opened(path: Path | str) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked where its name ends in ".gz", or of standard input for "-".

    Raises InputError for a file that is missing, may not be read, or cannot be unpacked.
    """
    if str(path) == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        stream = Path(path).open("rb")      # noqa: SIM115 - closed below; an error of the reader must not pass for one of opening
    except OSError as error:
        raise unreadable(path, error) from None
    with stream:
        if Path(path).suffix.lower() != ".gz":
            yield stream
            return
        try:
            with gzip.open(stream) as unpacked:
                yield unpacked  # pyright: ignore[reportReturnType] - it reads as any other stream does
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"{path} cannot be unpacked: {error}.", "Is it gzip, and whole?") from None


def unreadable(path: Path | str, error: OSError) -> InputError:
    """What to say about a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {path}.", "Check the name and the folder.")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{path} is a folder.", "Give a file.")
    return InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.")


def lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of every line, as it is read; Windows ends and a byte order mark are taken off.

    Only a line feed ends a line. Raises InputError for a file that cannot be read, or a line that is not UTF-8 (with line and byte).
    """
    for number, text in raw_lines(path):
        yield number, text.removesuffix("\n").removesuffix("\r")


def raw_lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """As `lines`, with the ends left on: a CSV cell may hold line ends of its own."""
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            yield number, _text(line.removeprefix(BOM) if number == 1 else line, path, number)


def _text(line: bytes, path: Path | str, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8.",
            "Convert the file first, for instance: iconv -f latin1 -t utf-8.",
        ) from None
