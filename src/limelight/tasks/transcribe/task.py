"""transcribe: recordings -> text with times, however long, from files or as they come."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import numpy as np

from ...errors import InputError, LimelightError
from ...hub import Opened
from ...inputs.sounds import Sound, open_sound
from ..asking import with_changes
from ..fitness import check_fit
from ..result import Columns, Cost
from .hearing import Ear, Heard
from .options import TranscribeOptions
from .pauses import quietest
from .recording import Recording
from .seams import parts
from .transcribed import Segment, Transcribed
from .wording import Stretch, segment

T = TypeVar("T")
FREE = 0.5                               # beyond this temperature what was said is no guide to what comes (as whisper's transcribe.py)
Tell = Callable[[int, float], None]
Given = str | os.PathLike[str] | bytes | np.ndarray | Sound


@dataclass(eq=False)
class _Listening:
    """One recording, and what was written of it so far. `told`: the tokens that the next stretch is told."""

    place: int
    recording: Recording
    language: str
    detected: float | None = None
    segments: list[Segment] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    whole: bool = True
    seconds: float = 0.0
    stretches: int = 0
    tokens: int = 0


class Transcribe:
    """The transcription task over one model; call it with a file or several.

        transcribe = limelight.task("transcribe", "openai/whisper-tiny")
        print(transcribe("speech.wav").srt())
    """

    Options = TranscribeOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "transcribe")
        self.opened = opened

    @overload
    def __call__(self, sound: Given, options: TranscribeOptions | None = None, **changes: Any) -> Transcribed: ...
    @overload
    def __call__(
        self, sound: list[Any] | tuple[Any, ...], options: TranscribeOptions | None = None, **changes: Any
    ) -> list[Transcribed]: ...
    def __call__(
        self, sound: Given | list[Any] | tuple[Any, ...], options: TranscribeOptions | None = None, **changes: Any
    ) -> Transcribed | list[Transcribed]:
        """A recording -> a result; several -> a list, in order. One is a file, its bytes, a Sound, or samples at the model's own rate.

        Raises InputError for what is no sound, and for a language that the model does not know; RecipeError for an option that is unknown.
        """
        sounds = list(sound) if isinstance(sound, list | tuple) else [sound]
        found: dict[int, Transcribed] = {}
        for place, result in self.each(sounds, options, **changes):
            if isinstance(result, LimelightError):
                raise result
            found[place] = result
        return [found[place] for place in range(len(sounds))] if isinstance(sound, list | tuple) else found[0]

    def columns(self, options: TranscribeOptions) -> Columns:
        """What a table gets."""
        return options.columns

    def each(
        self, sounds: Sequence[Given], options: TranscribeOptions | None = None, *, tell: Tell | None = None, **changes: Any
    ) -> Iterator[tuple[int, Transcribed | InputError]]:
        """Several recordings, some at a time -> the place of each with its result, or why there is none, as they are done. `tell`: is told
        how many seconds of a recording, by its place, have been heard."""
        options = with_changes("transcribe", options, TranscribeOptions, changes)
        ear, waiting, now = Ear(self.opened, options), iter(enumerate(sounds)), list[_Listening]()
        while True:
            while len(now) < options.batch and (following := next(waiting, None)) is not None:
                opened = _refusable(lambda one=following: self._listening(*one, options))
                if isinstance(opened, InputError):
                    yield following[0], opened
                else:
                    now.append(opened)
            if not now:
                return
            for each in list(now):
                refused = _refusable(lambda one=each: one.recording.read(self._room + 1))
                if isinstance(refused, InputError):
                    now.remove(each)
                    yield each.place, refused
            self._advance(ear, [each for each in now if not each.recording.done], settled=True)
            if tell is not None:
                for each in now:
                    tell(each.place, each.recording.at / self.opened.sounds.rate)
            for each in [each for each in now if each.recording.done]:
                now.remove(each)
                yield each.place, self._result(each)

    def stream(self, sound: Given, options: TranscribeOptions | None = None, **changes: Any) -> Iterator[Segment | Transcribed]:
        """Segments of one recording as soon as they are sure, while it goes on; the result comes last.

        The model hears the newest stretch again whenever `every` seconds have come; a segment is sure where two times meet, or where the
        stretch is full, which is all that there is without times. Raises what a call raises.
        """
        options = with_changes("transcribe", options, TranscribeOptions, changes)
        ear, one = Ear(self.opened, options), self._listening(0, sound, options)
        more = max(1, round(options.every * self.opened.sounds.rate))
        while not one.recording.done:
            recording, told = one.recording, len(one.segments)
            recording.read(min(self._room, len(recording.held) + more) + 1)
            settled = recording.ended or len(recording.held) > self._room
            if not recording.done and (settled or ear.timed):
                self._advance(ear, [one], settled=settled)
            yield from one.segments[told:]
        yield self._result(one)

    # --- stretch by stretch -------------------------------------------------------------------------------------------
    @property
    def _room(self) -> int:
        """Samples of a stretch."""
        return self.opened.sounds.rate * self.opened.sounds.seconds

    def _listening(self, place: int, given: Given, options: TranscribeOptions) -> _Listening:
        return _Listening(place, Recording(open_sound(given, self.opened.sounds.rate)), options.language or "")

    def _advance(self, ear: Ear, now: Sequence[_Listening], *, settled: bool) -> None:
        """Hear the next stretch of each."""
        began = time.perf_counter()
        windows = [self._stretch(ear, each.recording) for each in now]
        loud = [i for i, window in enumerate(windows) if window.any()]
        said = [now[i].told for i in loud]
        heard = dict(zip(loud, ear.hear([windows[i] for i in loud], [now[i].language for i in loud], said) if loud else [], strict=True))
        share = (time.perf_counter() - began) / max(1, len(now))
        for i, each in enumerate(now):
            each.seconds += share
            each.stretches += i in heard
            self._take(ear, each, heard.get(i), len(windows[i]), settled=settled)

    def _stretch(self, ear: Ear, recording: Recording) -> np.ndarray:
        """What is heard next. Who writes no times does not say where a word was cut: it is cut in a pause then."""
        held = recording.held[: self._room]
        return held[: quietest(held, self.opened.sounds.rate)] if len(recording.held) > self._room and not ear.timed else held

    def _take(self, ear: Ear, one: _Listening, heard: Heard | None, samples: int, *, settled: bool) -> None:
        """Segments out of what was heard, and how far the recording is heard by that."""
        if heard is None or heard.silent:
            one.recording.go_on(samples if settled else 0)
            return
        sure = settled or not ear.timed
        found, onward = parts(heard.tokens, ear.begin, settled=settled)
        rate = self.opened.sounds.rate
        stretch = Stretch(one.recording.at / rate, samples / rate, ear.step, ear.words_below)
        if found and not one.language:
            one.language, one.detected = heard.language, heard.chance
        made = [segment(self.opened.text, heard, part, stretch) for part in found]
        one.segments += [each for each in made if each is not None]
        if ear.options.follow:
            new = [token for part in found for token in heard.tokens[part.first : part.last]]
            one.told = one.told + new if heard.temperature <= FREE else []
        one.tokens += len(heard.tokens)
        one.whole = one.whole and (heard.whole or not sure)
        step = round(ear.step * rate)
        ahead = samples if onward is None else onward * step
        one.recording.go_on(samples if settled and not ahead else ahead)      # an answer that gets nowhere is not asked for again

    def _result(self, one: _Listening) -> Transcribed:
        o, sound = self.opened, one.recording.sound
        return Transcribed(
            task="transcribe",
            model=o.manifest.name,
            precision=o.precision,
            source=sound.name,
            segments=tuple(one.segments),
            duration=one.recording.at / o.sounds.rate,
            language=one.language,
            detected=one.detected,
            complete=one.whole,
            cost=Cost(one.seconds, one.stretches * (o.sounds.frames // 2), one.tokens),
        )


def _refusable(work: Callable[[], T]) -> T | InputError:
    """What it gives, or why it refuses what it was given."""
    try:
        return work()
    except InputError as error:
        return error
