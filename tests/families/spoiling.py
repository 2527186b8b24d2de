"""Ways to spoil a good published folder; see spoiled for what they are used for."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceTrainer
from torch import Tensor

Spoil = Callable[[Path], None]


def write(name: str, content: str | bytes) -> Spoil:
    """A file with other content."""
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode()) and None


def config(name: str = "config.json", /, **changes: Any) -> Spoil:
    """A table with other values."""

    def spoil(folder: Path) -> None:
        path = folder / name
        table = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(table | changes))

    return spoil


def told(key: str, number: str) -> Spoil:
    """config.json with a number as it is spelt here, which JSON's writers would not."""

    def spoil(folder: Path) -> None:
        table = json.loads((folder / "config.json").read_text())
        table.pop(key, None)
        (folder / "config.json").write_text(f'{{"{key}": {number}, {json.dumps(table)[1:]}')

    return spoil


# --- safetensors ------------------------------------------------------------------------------------------------------
WEIGHTS = "model.safetensors"


def claim(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def header(table: object, data: bytes = b"\0" * 16, *, length: int | None = None) -> Spoil:
    """A file of weights with any header, and any claim of its length."""
    raw = table if isinstance(table, bytes) else json.dumps(table).encode()
    return write(WEIGHTS, struct.pack("<Q", len(raw) if length is None else length) + raw + data)


def empties(count: int) -> bytes:
    return ("{" + ",".join(f'"{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(count)) + "}").encode()


def cut(name: str, part: float) -> Spoil:
    """What a broken download leaves."""

    def spoil(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * part)])

    return spoil


def sparse(name: str, size: int, first: bytes = b"") -> Spoil:
    """A file of any size, which costs no disk."""

    def spoil(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.write(first)
            file.truncate(size)

    return spoil


def tensors(change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> Spoil:
    """Sound files of other tensors."""

    def spoil(folder: Path) -> None:
        save_file(change(load_file(folder / WEIGHTS)), folder / "new")
        (folder / "new").rename(folder / WEIGHTS)

    return spoil


def first_as(make: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda found: {name: make(tensor) if i == 0 else tensor for i, (name, tensor) in enumerate(sorted(found.items()))}


# --- several files ----------------------------------------------------------------------------------------------------
INDEX = "model.safetensors.index.json"


def index(change: Callable[[Path, dict[str, str]], Any]) -> Spoil:
    """Two shards, and an index that `change` makes another."""

    def spoil(folder: Path) -> None:
        whole = load_file(folder / WEIGHTS)
        half = sorted(whole)[: len(whole) // 2]
        names = {name: f"model-{1 if name in half else 2}.safetensors" for name in whole}
        for shard in set(names.values()):
            save_file({name: whole[name] for name in whole if names[name] == shard}, folder / shard)
        (folder / WEIGHTS).unlink()
        (folder / INDEX).write_text(json.dumps({"weight_map": change(folder, names)}))

    return spoil


def lost(folder: Path, names: dict[str, str]) -> dict[str, str]:
    (folder / "model-2.safetensors").unlink()
    return names


def short(folder: Path, names: dict[str, str]) -> dict[str, str]:
    kept = dict(load_file(folder / "model-2.safetensors"))
    kept.popitem()
    save_file(kept, folder / "model-2.safetensors")
    return names


def same_twice(folder: Path, names: dict[str, str]) -> dict[str, str]:
    """A tensor in two shards, the second of which nobody says it is in."""
    first = load_file(folder / "model-1.safetensors")
    name, tensor = next(iter(first.items()))
    save_file(load_file(folder / "model-2.safetensors") | {name: tensor + 1}, folder / "model-2.safetensors")
    return names


def leads(to: str) -> Callable[[Path, dict[str, str]], dict[str, str]]:
    return lambda _, names: names | {next(iter(names)): to}


def circle(folder: Path, names: dict[str, str]) -> dict[str, str]:
    (folder / "model-1.safetensors").unlink()
    (folder / "model-1.safetensors").symlink_to("model-1.safetensors")
    return names


def outside(name: str) -> Spoil:
    """The same file, behind a link that leaves the folder."""

    def spoil(folder: Path) -> None:
        away = folder.parent / f"{folder.name}-{name}"
        (folder / name).rename(away)
        (folder / name).symlink_to(away)

    return spoil


def gone(name: str) -> Spoil:
    """No such file."""
    return lambda folder: (folder / name).unlink(missing_ok=True)


def instead(name: str, make: Callable[[Path], object]) -> Spoil:
    """No file, but something else of that name."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return spoil


# --- torch's own format -----------------------------------------------------------------------------------------------
BIN = "pytorch_model.bin"


class Code:
    """What a pickle can carry: a call."""

    def __init__(self, *call: Any):
        self.call = call

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call[0], self.call[1:]


def saved(make: Callable[[dict[str, Tensor]], object], *, zipped: bool = True) -> Spoil:
    """The weights in torch's format, or what `make` makes of them."""

    def spoil(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        (folder / WEIGHTS).unlink()
        torch.save(make(found), folder / BIN, _use_new_zipfile_serialization=zipped)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(folder: Path) -> None:
        for each in spoils:
            each(folder)

    return spoil


def rezipped(swap: Callable[[str, bytes], bytes], kind: int = zipfile.ZIP_DEFLATED) -> Spoil:
    """The same parts packed again by another hand."""

    def spoil(folder: Path) -> None:
        saved(dict)(folder)
        with zipfile.ZipFile(folder / BIN) as old, zipfile.ZipFile(folder / "new", "w", kind, compresslevel=1) as new:
            for name in old.namelist():
                new.writestr(name, swap(name, old.read(name)))
        (folder / "new").rename(folder / BIN)

    return spoil


def claims_more(folder: Path) -> None:
    """A part that is listed with 3 GB, where the file has some thousand bytes."""
    saved(dict)(folder)
    data = bytearray((folder / BIN).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 3 << 30)
    (folder / BIN).write_bytes(data)


def zeros(name: str, data: bytes) -> bytes:
    return bytes(64 << 20) if name.endswith("data.pkl") else data


def swapped(old: bytes, new: bytes) -> Spoil:
    """A file of weights with some bytes replaced."""
    return lambda folder: (folder / BIN).write_bytes((folder / BIN).read_bytes().replace(old, new)) and None


# --- tokenizers -------------------------------------------------------------------------------------------------------
def tokenizer(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """tokenizer.json with something changed in it."""

    def spoil(folder: Path) -> None:
        table = json.loads((folder / "tokenizer.json").read_text())
        change(table)
        (folder / "tokenizer.json").write_text(json.dumps(table))

    return spoil


def pattern(regex: str) -> Spoil:
    cutter = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return tokenizer(lambda t: t.update(pre_tokenizer=cutter))


def added(token: int, name: str = "<new>", *, special: bool) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": name, "special": special, **flags}


def only(**files: str | bytes | Callable[[], bytes]) -> Spoil:
    """Other files in the tokenizer's place; `a__b` is the file a.b."""

    def spoil(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        for name, content in files.items():
            write(name.replace("__", "."), content() if callable(content) else content)(folder)

    return spoil


def marked(highest: int) -> Callable[[dict[str, Any]], object]:
    """A mark around every text that no table of embeddings has a row for."""

    def change(table: dict[str, Any]) -> None:
        table["post_processor"]["special_tokens"]["</s>"]["ids"] = [highest]

    return change


def pieces() -> bytes:
    """A sound sentencepiece model."""
    made = io.BytesIO()
    sentences = iter(["the cat sees the black mouse"] * 9)
    SentencePieceTrainer.train(sentence_iterator=sentences, model_writer=made, vocab_size=16, minloglevel=2)
    return made.getvalue()
