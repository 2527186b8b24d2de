"""Texts out of a zip file, without unpacking anything to the disk and without believing what it claims."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError

MOST_TEXTS, MOST_BYTES = 20_000, 256 << 20


def texts_in(path: Path, *, suffix: str = ".txt") -> Iterator[tuple[str, str]]:
    """The text files of an archive in the order of their names, each with its name: UTF-8, marks and line ends as they are.

    Raises InputError for a file that is no zip, is damaged or locked, holds more than 20,000 texts or 256 MB of them, or one that is not
    UTF-8. Folders, links and other files are passed over.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((m for m in archive.infolist() if m.filename.endswith(suffix)), key=lambda m: m.filename)
            size = sum(m.file_size for m in members)
            if len(members) > MOST_TEXTS or size > MOST_BYTES:
                raise InputError(f"{path} claims to hold {len(members):,} texts of {size:,} bytes.", "Is it a data set?")
            for member in members:
                yield member.filename, _text(archive, member, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:   # RuntimeError: it wants a password
        raise InputError(f"{path} is no zip file that can be read: {str(error)[:80]}.", "Get it again.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Is the name right?") from None


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> str:
    with archive.open(member) as file:
        data = file.read(member.file_size + 1)           # never more than was claimed, whatever it unpacks to
    if len(data) > member.file_size:
        raise InputError(f"{path}: {member.filename[:80]} is longer than it claims.", "Do not trust this file.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: {member.filename[:80]} is not UTF-8 text.", "Is it the right file?") from None
