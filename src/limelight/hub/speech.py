"""generation_config.json of a model that hears: how it is told what to write, read and written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import WeightError
from ..families import Config
from ..inputs.text import Text
from ..manifest import Speech
from ..spec import Frames, Model, Sounds, Stack

PREVIOUS, SILENCE = ("<|startofprev|>",), ("<|nospeech|>", "<|nocaptions|>")
KEYS = {"languages": "lang_to_id", "tasks": "task_to_id"}
NUMBERS = {"untimed": "no_timestamps_token_id", "latest": "max_initial_timestamp_index", "previous": "prev_sot_token_id"}


def frames_read(spec: Model) -> Frames | None:
    """The frames of sound that a model reads; None for one that hears nothing."""
    return next((each.input for each in spec.columns.values() if isinstance(each.input, Frames)), None)


def sounds_of(folder: Path, spec: Model, usual: Sounds) -> Sounds:
    """How sound is made ready. Raises WeightError where the frames of a stretch are not those that the model reads."""
    reads = frames_read(spec)
    if reads is None:
        return usual
    from ..inputs.sounds import read_settings  # decoders of sound are loaded where there is some

    found = read_settings(folder, replace(usual, mels=reads.mels))
    if (found.mels, found.frames) != (reads.mels, reads.length):
        said = f"{folder}: sound is made into {found.frames:,} frames of {found.mels}; the model reads {reads.length:,} of {reads.mels}."
        raise WeightError(said, "They are of different models.")
    return found


def speech_of(c: Config, spec: Model, text: Text) -> Speech:
    """What the settings say, and where they are silent the names in the tokenizer. Raises WeightError for what the model does not have."""
    names, vocab = text.mark_names, min(spec.vocabularies)
    tables = {ours: _table(c, theirs, vocab) for ours, theirs in KEYS.items()}
    numbers = {ours: c.whole(theirs) if c.has(theirs) else None for ours, theirs in NUMBERS.items()}
    previous, silence = (next((names[name] for name in known if name in names), None) for known in (PREVIOUS, SILENCE))
    found = {**numbers, "previous": previous if numbers["previous"] is None else numbers["previous"]}
    for name in ("untimed", "previous"):
        if (token := found[name]) is not None and token >= vocab:
            raise WeightError(f"{c.where}: {NUMBERS[name]} is {token:,}; the model has {vocab:,} tokens.", "They are of different models.")
    return Speech(languages=tables["languages"], tasks=tables["tasks"], **found, silence=silence, heads=_heads(c, spec))


def _table(c: Config, key: str, vocab: int) -> dict[str, int]:
    """Names -> tokens. Languages stand there as they are spelled as marks: <|en|>."""
    found = c.anything(key)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(type(token) is int and 0 <= token < vocab for token in found.values()):
        raise c.wrong(key, found, f"names and tokens below {vocab:,}")
    return {str(name).removeprefix("<|").removesuffix("|>")[:60]: token for name, token in found.items()}


def _heads(c: Config, spec: Model) -> tuple[tuple[int, int], ...]:
    found, decoder = c.anything("alignment_heads") or [], spec.decoder
    cross = decoder.cross.heads if isinstance(decoder, Stack) and decoder.cross is not None else 0
    depth = decoder.depth if decoder is not None else 0

    def there(each: object) -> bool:
        match each:
            case [int(layer), int(head)]:
                return 0 <= layer < depth and 0 <= head < cross
        return False

    if not isinstance(found, list) or not all(map(there, found)):
        raise c.wrong("alignment_heads", found, f"layers below {depth} with heads below {cross}")
    return tuple((layer, head) for layer, head in found)


def written(speech: Speech) -> dict[str, Any]:
    """The same under the published keys."""
    said = {
        "lang_to_id": {f"<|{name}|>": token for name, token in speech.languages.items()} or None,
        "task_to_id": dict(speech.tasks) or None,
        "is_multilingual": bool(speech.languages),
        **{theirs: getattr(speech, ours) for ours, theirs in NUMBERS.items()},
        "alignment_heads": [list(each) for each in speech.heads] or None,
    }
    return {key: found for key, found in said.items() if found is not None}
