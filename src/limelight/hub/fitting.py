"""Whether what stands beside a published model's weights is of that model: files that are its own, of a size that it can account for,
and ids that its table of embeddings has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import WeightError
from ..files import inside
from ..inputs.text import Marks, Text
from ..manifest import Generation

SETTINGS = ("config.json", "generation_config.json")
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
    "source.spm", "target.spm", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "chat_template.jinja",
)  # fmt: skip
LEAST_ROOM, ROOM = 1 << 20, 512          # bytes of a tokenizer's file: for its rules, and a token. Published ones need 140 a token at most
MOST_BEAM = 1000


def check_files(folder: Path) -> None:
    """Raises WeightError for a file of settings or of the tokenizer that is none, or a link that leaves the folder."""
    for name in (*SETTINGS, *TOKENIZER):
        if (folder / name).exists() or (folder / name).is_symlink():
            inside(folder, name)


def check_sizes(folder: Path, vocab: int) -> None:
    """Raises WeightError for a tokenizer that is far too large for a model of `vocab` tokens: what reading costs is many times that."""
    most = LEAST_ROOM + ROOM * vocab
    for name in TOKENIZER:
        path = folder / name
        if path.is_file() and (size := path.stat().st_size) > most:
            said = f"{path} has {size:,} bytes; for {vocab:,} tokens at most {most:,} are believed."
            raise WeightError(said, "They are of different models.")


def fitted(text: Text, folder: Path, vocab: int) -> Text:
    """The tokenizer without the marks that the model has no row for. Raises WeightError where a text may get ids that it has not."""
    around = [token for cut in (*text.engine.cut([""]), *text.engine.cut([""], [""])) for token in cut.ids]
    if (highest := max(text.highest, *around, 0)) >= vocab:
        said = f"{folder}: the tokenizer goes up to token {highest:,}, the model has {vocab:,}."
        raise WeightError(said, "They are of different models.")
    text.marks = Marks(**{name: token for name, token in asdict(text.marks).items() if token is not None and token < vocab})
    return text


def within(asked: Generation, text: Text, vocab: int, where: str) -> Generation:
    """Settings of generation for a model of `vocab` tokens: what can never be said need not be forbidden.

    Raises WeightError for tokens that it should begin or end with and does not have, and for more beams than anyone has.
    """
    named: Mapping[str, int | None] = {"start": asked.start, "first": asked.first, "last": asked.last, "end": max(asked.end)}
    for name, token in named.items():
        if token is not None and token >= vocab:
            raise WeightError(f"{where}: the {name} token is {token:,}; the model has {vocab:,}.", "They are of different models.")
    if asked.beam > MOST_BEAM:
        raise WeightError(f"{where}: num_beams is {asked.beam:,}; at most {MOST_BEAM:,} are believed.", "Is the file whole?")
    return replace(
        asked,
        pad=asked.pad if asked.pad < vocab else text.pad,
        never=tuple(run for run in asked.never if max(run, default=0) < vocab),
        never_first=tuple(token for token in asked.never_first if token < vocab),
    )
