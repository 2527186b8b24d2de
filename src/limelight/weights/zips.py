"""What a zip file says of its parts, read before any of them is: torch's reader unpacks whatever size a part claims.

torch writes parts as they are, one behind the other, then their list, then where that list begins. Whatever is another way round is
refused, so that no two readers can find two lists in one file.
"""

from __future__ import annotations

import struct
from pathlib import Path

from ..errors import WeightError

END, END64, FINDER, PART = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
MOST_LIST = 16 << 20
MANY, MANY64 = 0xFFFF, 0xFFFFFFFF        # "the number is in the wider record"


def check_zip(path: Path, most_parts: int) -> None:
    """Raises WeightError for a zip whose parts are packed, or claim more bytes than the file has, or cannot be listed."""
    try:
        claimed, size = _claimed(path, most_parts), path.stat().st_size
    except (struct.error, ValueError, OSError) as error:
        raise WeightError(f"{path} cannot be read: {str(error)[:120]}", "The file is damaged: get it again.") from None
    if claimed > size:
        raise WeightError(f"{path} has {size:,} bytes and claims to hold {claimed:,}.", "Do not trust this file.")


def _claimed(path: Path, most_parts: int) -> int:
    """The sum of what the parts claim."""
    at, length, count = _list(path)
    if length > MOST_LIST or count > most_parts:
        raise ValueError(f"{count:,} parts, listed in {length:,} bytes; at most {most_parts:,} are believed.")
    with path.open("rb") as file:
        file.seek(at)
        raw = file.read(length)
    total = seen = place = 0
    while place < length:
        sign, packed, size, wide, place = _part(raw, place)
        if sign != PART or packed:
            raise ValueError("its parts are packed, which torch's are not." if sign == PART else "its list of parts is broken.")
        total, seen = total + (wide if size == MANY64 else size), seen + 1
    if seen != count:
        raise ValueError(f"its list has {seen:,} parts, not {count:,}.")
    return total


def _part(raw: bytes, at: int) -> tuple[bytes, int, int, int, int]:
    """One part of the list: its sign, how it is packed, its size, its size in the wider record, and where the next begins."""
    sign, packed, _, size, name, extra, note = struct.unpack_from("<4s6xH8xLLHHH", raw, at)
    tail = raw[at + 46 + name : at + 46 + name + extra]
    wide = MANY64
    if size == MANY64 and len(tail) >= 12:
        kind, _, wide = struct.unpack_from("<HHQ", tail)
        if kind != 1:
            raise ValueError("a part's size is nowhere to be found.")
    return sign, packed, size, wide, at + 46 + name + extra + note


def _list(path: Path) -> tuple[int, int, int]:
    """Where the list of parts begins, its length and its number of parts."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 98))
        tail = file.read(98)
    end = len(tail) - 22
    sign, count, length, at, note = struct.unpack_from("<4s6xHLLH", tail, end)
    if sign != END or note:
        raise ValueError("it does not end as torch's files do.")
    if end >= 76 and tail[end - 20 : end - 16] == FINDER:
        wide, count, length, at = struct.unpack_from("<4s28xQQQ", tail, end - 76)
        begins = size - 98
        if wide != END64 or struct.unpack_from("<Q", tail, end - 12)[0] != begins:
            raise ValueError("its wider record is not where it should be.")
    else:
        begins = size - 22
        if MANY64 in (length, at) or count == MANY:
            raise ValueError("its wider record is missing.")
    if at + length != begins:
        raise ValueError("something stands between its list and its end.")
    return at, length, count
