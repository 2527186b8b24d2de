"""Weight files: what was written is read; whatever lies is refused in a line, at once and in little memory."""

from __future__ import annotations

import errno
import json
import os
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
import torch

from limelight.errors import InputError, WeightError
from limelight.weights import read_tensors, write_tensors
from limelight.weights.safe import MOST_HEADER, MOST_TENSORS


def spelled(path: Path, header: object, data: bytes = b"", *, length: int | None = None) -> Path:
    """A file with any header (JSON data, or bytes as they are) and any claim of its length."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def claim(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "x.safetensors", {"a": torch.arange(12.0).view(3, 4), "b": torch.ones(5)}, {"note": "kept"})
    return tmp_path / "x.safetensors"


def refused(path: Path, *, most_megabytes: float = 32) -> WeightError:
    """The one line with which a file is refused, within a second and a little memory."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(WeightError) as caught:
            read_tensors(path)
        seconds, peak = time.perf_counter() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 1
    assert peak < most_megabytes * 2**20
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    assert str(path) in said
    return caught.value


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int8, torch.int64, torch.bool])
def test_what_was_written_is_read(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {"one": torch.arange(6).view(2, 3).to(dtype), "none": torch.zeros(0, 4).to(dtype), "scalar": torch.tensor(1).to(dtype)}
    write_tensors(tmp_path / "x", tensors, {"weights": "any"})
    found, notes = read_tensors(tmp_path / "x")
    assert notes == {"weights": "any"}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype is dtype
        assert torch.equal(found[name], tensor)


def test_a_slice_or_a_transpose_is_written_as_it_looks(tmp_path: Path) -> None:
    table = torch.arange(12.0).view(3, 4)
    write_tensors(tmp_path / "x", {"t": table.T, "s": table[:, 1]})
    found, notes = read_tensors(tmp_path / "x")
    assert torch.equal(found["t"], table.T)
    assert torch.equal(found["s"], table[:, 1])
    assert notes == {}


def test_tensors_that_learn_are_written_without_their_graph(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", {"w": torch.ones(2, requires_grad=True) * 2})
    assert not read_tensors(tmp_path / "x")[0]["w"].requires_grad


def test_a_file_cut_anywhere_is_refused(whole: Path) -> None:
    data = whole.read_bytes()
    for size in [*range(12), len(data) // 3, len(data) // 2, len(data) - 1]:
        whole.write_bytes(data[:size])
        refused(whole)


def test_a_file_with_something_after_its_end_is_refused(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes() + b"more")
    assert "cannot be read" in refused(whole).message


@pytest.mark.parametrize("length", [0, 1, MOST_HEADER + 1, 2**32, 2**63, 2**64 - 1])
def test_a_header_of_an_impossible_length_is_not_read(tmp_path: Path, length: int) -> None:
    assert f"header of {length:,}" in refused(spelled(tmp_path / "x", b"{}", b"\0" * 64, length=length), most_megabytes=1).message


def test_a_header_too_long_is_not_read_even_where_the_file_has_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2**40))
        file.truncate(2**41)                              # a sparse file: it costs no disk
    refused(path, most_megabytes=1)


@pytest.mark.parametrize(
    "header",
    [b"\x80\x02}q\x00.", b"not JSON", b"{" * 50_000, b'{"a": ' + b"[" * 5_000, b"\xff\xfe", b'{"a":' + b"9" * 10_000 + b"}", b"{}x"],
    ids=["pickle", "words", "deep", "deeper", "bytes", "digits", "more"],
)
def test_a_header_that_is_not_json_is_refused(tmp_path: Path, header: bytes) -> None:
    assert "not JSON" in refused(spelled(tmp_path / "x", header)).message


@pytest.mark.parametrize("header", [55, [], "text", None, True])
def test_json_that_is_no_table_is_refused(tmp_path: Path, header: object) -> None:
    assert "no table" in refused(spelled(tmp_path / "x", header)).message


LIES = {
    "beyond the end": {"a": claim([100], [0, 400])},
    "shape and bytes differ": {"a": claim([3], [0, 16])},
    "backwards": {"a": claim([4], [16, 0])},
    "below zero": {"a": claim([4], [-16, 0])},
    "negative size": {"a": claim([-4], [0, 16])},
    "overflow": {"a": claim([2**62, 4], [0, 16])},
    "huge": {"a": claim([10**30], [0, 16])},
    "a hole": {"a": claim([2], [8, 16])},
    "overlap": {"a": claim([4], [0, 16]), "b": claim([2], [8, 16])},
    "unknown kind": {"a": claim([4], [0, 16], "F33")},
    "six bits": {"a": claim([4], [0, 3], "F6_E2M3")},
    "no shape": {"a": {"dtype": "F32", "data_offsets": [0, 16]}},
    "no dict": {"a": 5},
    "notes that are none": {"__metadata__": 5, "a": claim([4], [0, 16])},
    "notes of numbers": {"__metadata__": {"a": 5}, "a": claim([4], [0, 16])},
}


@pytest.mark.parametrize("header", LIES.values(), ids=LIES)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: object) -> None:
    data = b"\0" * (3 if header == LIES["six bits"] else 16)
    assert "cannot be read" in refused(spelled(tmp_path / "x", header, data)).message


def test_a_tensor_named_twice_is_refused(tmp_path: Path) -> None:
    one = json.dumps(claim([4], [0, 16]))
    assert "twice" in refused(spelled(tmp_path / "x", f'{{"a":{one},"a":{one}}}'.encode(), b"\0" * 16)).message


def test_many_tensors_are_refused_and_as_many_as_allowed_are_not_refused_for_their_number(tmp_path: Path) -> None:
    empty = json.dumps(claim([0], [0, 0]))
    for count in (MOST_TENSORS + 1, 90_000):
        header = ("{" + ",".join(f'"{i}":{empty}' for i in range(count)) + "}").encode()
        assert len(header) < MOST_HEADER
        assert f"names {count:,} tensors" in refused(spelled(tmp_path / "x", header)).message
    header = ("{" + ",".join(f'"{i}":{empty}' for i in range(1_000)) + "}").encode()
    assert len(read_tensors(spelled(tmp_path / "x", header))[0]) == 1_000


def test_a_header_of_nothing_but_brackets_is_not_even_parsed(tmp_path: Path) -> None:
    header = b'{"a":[' + b"[]," * 2_600_000 + b"[]]}"
    assert len(header) < MOST_HEADER
    assert "2,600,003 parts" in refused(spelled(tmp_path / "x", header)).message


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent").message
    assert "not a file" in refused(tmp_path).message
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in refused(tmp_path / "pipe").message


def test_a_file_that_may_not_be_read_is_refused(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    assert "Permission denied" in refused(whole).message


def test_writing_is_whole_or_not_at_all(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = whole.read_bytes()

    def full(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="disk is full"):
        write_tensors(whole, {"a": torch.zeros(1000)})
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]
