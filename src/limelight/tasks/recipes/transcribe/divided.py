"""The recordings of a recipe, read and divided: what an epoch has to learn from, and what is set aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ....data import read_table
from ....data.digits import by_speaker, by_take, read_digits, strings
from ....data.recordings import Recording, recordings
from ....data.shown import set_aside
from ....data.sound_lessons import Utterance, fits
from ....errors import InputError
from ....train import TranscribeRecipe, find_data
from ....train.recipes.transcribe import DigitsPart, RecordingsPart


class Heard(NamedTuple):
    """`learnt`: of an epoch, all of which fit into a stretch of sound; `told`: of the data, for a card."""

    learnt: Callable[[int], Sequence[Utterance]]
    valid: Sequence[Utterance]
    test: Sequence[Utterance]
    told: str


def divided(recipe: TranscribeRecipe, beside: Path, *, few: int | None = None) -> Heard:
    """In a rehearsal there are `few` recordings to learn from, and a few in the other parts. Raises InputError where nothing is left."""
    data = recipe.data
    return _joined(recipe, data, beside, few) if isinstance(data, DigitsPart) else _listed(recipe, data, beside, few)


def _joined(recipe: TranscribeRecipe, d: DigitsPart, beside: Path, few: int | None) -> Heard:
    """Strings of digits; each clip of the test part is in `eval.turns` of them."""
    clips = read_digits(find_data(d.path, beside))
    rest, test = by_speaker(clips, d.speaker) if d.speaker else by_take(clips, range(d.takes))
    learnt, valid = by_take(rest, range(d.takes, d.takes + d.valid))
    if few is not None:
        learnt, valid, test = learnt[:: max(1, len(learnt) // few)], valid[::10], test[::10]

    def epoch(turn: int) -> list[Utterance]:
        longest = min(d.longest, 1 + turn // d.growing) if d.growing else d.longest
        every = strings(learnt, seed=d.seed, turn=turn, longest=longest, pause=d.pause, close=d.close)
        return [each for each in every if fits(each, recipe.sounds, recipe.disturbed)]

    turns = 1 if few is not None else recipe.eval.turns
    joined = [each for turn in range(turns) for each in strings(test, seed=d.seed + 1, turn=turn, longest=d.longest)]
    first = strings(learnt, seed=d.seed, longest=d.longest, pause=d.pause, close=d.close)
    lost = sum(not fits(each, recipe.sounds, recipe.disturbed) for each in first)
    who = f"all takes of {d.speaker}" if d.speaker else f"takes 0 to {d.takes - 1} of each person and digit"
    told = f"""{len(learnt):,} recordings of single digits to learn from, joined anew to strings of one to {d.longest} in each epoch;
  strings that do not fit into {recipe.sounds.seconds} s are left out ({lost:,} in the first). Held out: {who},
  joined end to end to {len(joined):,} strings."""
    return Heard(epoch, strings(valid, seed=d.seed + 2, longest=d.longest), joined, told)


def _listed(recipe: TranscribeRecipe, d: RecordingsPart, beside: Path, few: int | None) -> Heard:
    """Recordings of a table, the same in every epoch."""
    path = find_data(d.path, beside)
    every = recordings(read_table(str(path)), path.parent / d.folder, file=d.file, text=d.text)
    for each in every:
        _check(each, path)
    valid, test = (d.valid, d.test) if few is None else (max(1, few // 10), max(1, few // 10))
    parts = set_aside(every if few is None else every[: few + valid + test], valid=valid, test=test, seed=d.seed)
    found = parts.learnt(0)
    learnt = [each for each in found if fits(each, recipe.sounds, recipe.disturbed)]
    told = f"""{len(learnt):,} recordings to learn from; {len(found) - len(learnt):,} more do not fit into {recipe.sounds.seconds} s.
  Held out: {len(parts.valid):,} and {len(parts.test):,}, drawn by chance."""
    return Heard(lambda _: learnt, parts.valid, parts.test, told)


def _check(each: Recording, path: Path) -> None:
    if not each.text.strip():
        raise InputError(f"{path}: nothing is said in {each.path.name}.", "Leave out rows without a text.")
    if not each.path.is_file():
        raise InputError(f"{path}: there is no recording {each.path}.", "Paths are counted from the folder of recordings.")
