"""The exam of align: which attention of a model aligns words, chosen and measured on gold alignments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, cast

from ...errors import InputError
from ...hub import Opened
from ...values import plain
from ..align.choosing import choose_aligner
from ..align.gold import Gold, read_gold
from ..align.measuring import own_aligner, scored
from ..fitness import check_fit
from ..translate.alignments import described
from ..translate.languages import asked_for
from ..translate.ways import way_of
from .exam import Asking, Report

CHOOSE_ON = 100                          # pairs, where there are twice as many; else half of them
PAIRS, LINKS = (".src-tgt", ".pairs"), (".gold", ".links", ".align", ".wa")


class Aligning:
    """See Exam."""

    hears: ClassVar[tuple[str, ...]] = ("choose_on", "languages", "first")

    def take(self, opened: Opened, asked: Asking) -> Report:
        """Choose on some pairs, measure on the others, and measure the model's own aligner beside."""
        check_fit(opened, "align")
        gold, name = gold_of(asked.data, cast(Literal[0, 1] | None, asked.first))
        gold = gold[: asked.limit]
        choose_on = asked.choose_on or max(1, min(CHOOSE_ON, len(gold) // 2))
        which = asked_for(opened, *asked.languages)
        found = choose_aligner(opened, gold, measured_on=name, choose_on=choose_on, asked=which)
        lines = [scored(found), described(way_of(found)), f"chosen on {choose_on} pairs of {name}, measured on the {found.pairs} others"]
        more = {}
        if opened.manifest.aligner is not None:
            own = own_aligner(opened, gold[choose_on:], which)
            lines.append(f"the model's own aligner on those: {scored(own)}")
            more = {"own": plain(own)}
        return Report(tuple(lines), {"data": name, "pairs": len(gold), "choose_on": choose_on, **more}, aligner=found)


def gold_of(data: Sequence[Path], first: Literal[0, 1] | None) -> tuple[list[Gold], str]:
    """Gold pairs and what they are called: of a folder, or of files, the links last. Raises InputError where those are not there."""
    if len(data) == 1:
        pairs, links = (_only(data[0], endings) for endings in (PAIRS, LINKS))
        return read_gold(pairs, links, first=first), data[0].resolve().name
    if len(data) not in (2, 3):
        raise InputError(
            f"gold alignments are a folder, or files of pairs and links: got {len(data)} of --data.",
            "Say --data PAIRS --data LINKS, or --data SOURCE --data TARGET --data LINKS.",
        )
    return read_gold(data[:-1], data[-1], first=first), data[0].stem


def _only(folder: Path, endings: Sequence[str]) -> Path:
    """The one file of a folder with one of these endings."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}.", "Give a folder with gold alignments, or the files of pairs and of links.")
    found = sorted(path for path in folder.iterdir() if path.name.endswith(tuple(endings)))
    if len(found) != 1:
        said = f"{folder} has {len(found)} files that end in {' or '.join(endings)}, wanted one."
        raise InputError(said, "Name the files: --data PAIRS --data LINKS.")
    return found[0]
