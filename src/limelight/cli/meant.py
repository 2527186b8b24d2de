"""What is meant by the options of `limelight look`: attentions, perhaps a head, perhaps a word that looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..errors import InputError, RecipeError, TraceError, did_you_mean
from ..explore import Explorer
from ..explore.scene import Attended, Track
from ..values import shortened
from .look import Where

KNOWN = 60                               # words that a hint tells


class Meant:
    """`names`: the attentions, one alone where somebody looks or one head is named; `query`: who looks, by the number of the word.

    Raises TraceError, InputError and RecipeError for what is not there, with what is.
    """

    def __init__(self, explorer: Explorer, where: Where):
        self.explorer, self.scene, self.where = explorer, explorer.scene, where
        self.tracks = self.scene.tracks
        if where.head is not None and where.layer is None and where.attention is None:
            raise RecipeError(f"--head {where.head} is of a layer, and none was named.", "Say --layer N, or --attention NAME.")
        self.names = self._names()
        self.query = None if where.start is None else self._place(self.track(self.names[0], "queries"), where.start)
        if where.head is not None and where.head >= (count := self.attended(self.names[0]).heads):
            raise TraceError(f"{self.names[0]} has {count} heads, 0 to {count - 1}: got {where.head}.", "Name one that is there.")

    @property
    def asked(self) -> bool:
        """Whether anything was asked for besides the whole."""
        w = self.where
        return any(each is not None for each in (w.layer, w.head, w.start, w.attention))

    def _names(self) -> list[str]:
        """The attentions: by name, or those of a layer; one alone where somebody looks."""
        known, where = [each.name for each in self.scene.attentions], self.where
        if where.attention is not None:
            if where.attention not in known:
                raise TraceError(f'no attention is named "{where.attention[:60]}".', did_you_mean(where.attention[:60], known))
            return [where.attention]
        if where.layer is None:
            return known if where.start is None else [self.scene.start.name]
        mine = [each for each in self.scene.attentions if each.layer == where.layer]
        if not mine:
            last = max(each.layer for each in self.scene.attentions)
            raise TraceError(f"there is no layer {where.layer}: the layers are 0 to {last}.", "Name one that is there.")
        if where.start is None and where.head is None:
            return [each.name for each in mine]
        return [self._likeliest(mine)]

    def _likeliest(self, mine: Sequence[Attended]) -> str:
        """Of a layer's attentions the one that is meant: the text's own where the word stands in it, else that from the answer to it."""
        if self.where.start is not None:
            for each in mine:
                if each.kind == "self" and each.side == "encoder" and self._places(self.tracks[each.queries], self.where.start):
                    return each.name
        return next((each.name for each in mine if each.kind == "cross"), mine[-1].name)

    def attended(self, name: str) -> Attended:
        """What the scene says of an attention."""
        return next(each for each in self.scene.attentions if each.name == name)

    def track(self, name: str, side: Literal["queries", "keys"]) -> Track:
        """What its queries or keys are of."""
        return self.tracks[getattr(self.attended(name), side)]

    def labels(self, track: Track) -> list[str]:
        """The words of a track, those of no word as tokens; or all tokens."""
        if self.where.tokens:
            return [token.text for token in track.tokens]
        words = (track.tokens[a].word for a, _ in track.groups)
        return [track.tokens[a].text if word is None else track.text[slice(*track.words[word])]
                for (a, _), word in zip(track.groups, words, strict=True)]

    def _places(self, track: Track, word: str) -> list[int]:
        """Where a word stands: as it is written, else whatever its letters are, else by its number."""
        labels = self.labels(track)
        for same in (lambda label: label == word, lambda label: label.casefold() == word.casefold()):
            if found := [i for i, label in enumerate(labels) if same(label)]:
                return found
        return [int(word)] if word.isdecimal() and int(word) < len(labels) else []

    def _place(self, track: Track, word: str) -> int:
        """The one place that is meant. Raises InputError where there is none, or several."""
        places, labels = self._places(track, word), self.labels(track)
        if len(places) == 1:
            return places[0]
        if places:
            which = ", ".join(map(str, places[:12]))
            raise InputError(f'"{word[:40]}" stands at {which}: which is meant was not said.', f"Say --from {places[0]}, its number.")
        all_words = labels if self.where.attention is not None else [each for one in self.tracks.values() for each in self.labels(one)]
        hint = did_you_mean(word[:60], dict.fromkeys(all_words[:KNOWN]))
        raise InputError(f"{shortened(word, 40)} is no word of it, nor a number from 0 to {len(labels) - 1}.", hint)
