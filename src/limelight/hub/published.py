"""Published folders: config.json, weights and a tokenizer as other libraries write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import SpecError, WeightError, did_you_mean
from ..families import FAMILIES, Config, Family
from ..files import believed_table
from ..inputs.pictures import read_settings
from ..inputs.published import read_text
from ..inputs.text import Text
from ..manifest import SILENT, Card, Generation, Manifest, Use
from ..nn import Network
from ..spec import OBJECTS, Classes, Labels, Meeting, Model, Words
from ..weights import Row, read_folder, to_ours, usual
from .cache import called
from .filling import blank, fill
from .fitting import check_files, check_sizes, fitted, within
from .losing import without
from .speech import frames_read, sounds_of, speech_of

MOST_CONFIG = 4 << 20
MOST_LENGTH = 1 << 20


def open_published(folder: Path) -> tuple[Network, Text | None, Manifest]:
    """A model, its tokenizer where it reads text, and what the folder says of how to use it. Raises WeightError in one line."""
    model, family, tensors, config = outline(folder)
    table = family.names(model.spec)
    ours = to_ours(table, tensors, prefix=family.prefix, where=str(folder), wanted=model.state_dict().keys())
    _nought(table, model, ours)
    fill(model, ours, folder, told="config.json")
    text = None
    if vocabularies := model.spec.vocabularies:
        check_sizes(folder, vocabularies[0])
        text = fitted(read_text(folder, family.habit), folder, vocabularies[0])
    manifest = _manifest(folder, model.spec, text, config, family)
    pictures = None if family.pictures is None else read_settings(folder, family.pictures)
    sounds = None if family.sounds is None else sounds_of(folder, model.spec, family.sounds)
    told = Config(config, where=str(folder / "config.json"))
    drawing = None if family.drawing is None else family.drawing(told, model.spec)
    return model, text, replace(manifest, pictures=pictures, sounds=sounds, drawing=drawing)


def outline(folder: Path) -> tuple[Network, Family, Mapping[str, Tensor], Mapping[str, Any]]:
    """A model without its numbers, its family, the file's tensors and its config.json."""
    where = folder / "config.json"
    check_files(folder)
    config = believed_table(where, MOST_CONFIG)
    family = family_of(config, where)
    tensors = read_folder(folder)
    try:
        spec = without(family.spec(Config(config, where=str(where), tensors=tensors.keys())), config, where)
    except SpecError as error:                                       # numbers that do not fit together are the file's fault
        raise WeightError(f"{where}: {error.message}", error.hint) from None
    return blank(spec, len(tensors), where), family, tensors, config


def family_of(config: Mapping[str, Any], where: Path) -> Family:
    """The family that a config.json names. Raises WeightError for one that is not known here, with those that are."""
    kind = str(config.get("model_type"))[:60]
    if kind not in FAMILIES:
        raise WeightError(f"{where}: model_type {kind!r} is not known here.", did_you_mean(kind, FAMILIES))
    return FAMILIES[kind]


def _nought(table: Sequence[Row], model: Network, ours: dict[str, Tensor]) -> None:
    """What files may lack, and is nought or 1 then."""
    want = model.state_dict()
    for name, number in usual(table, want.keys() - ours.keys()).items():
        ours[name] = torch.full(want[name].shape, number)


def _asked(where: Path, config: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """What generation_config.json asks for; where it is not there, config.json may, also in the part that is about what writes."""
    part = config.get(family.inner) if family.inner else None
    inner = {key: found for key, found in part.items() if found is not None} if isinstance(part, dict) else {}
    if family.drawing is not None:                                   # its settings are about pictures: they begin, and never end
        return {}
    told = {key: found for key in OLD_SETTINGS if (found := config.get(key)) is not None}
    asked = believed_table(where, MOST_CONFIG) if where.exists() else {key: inner[key] for key in OLD_SETTINGS if key in inner} | told
    return asked | {key: inner.get(theirs, usual) for key, (theirs, usual) in family.tokens.items()}


def _manifest(folder: Path, spec: Model, text: Text | None, config: Mapping[str, Any], family: Family) -> Manifest:
    where = folder / "generation_config.json"
    asked = _asked(where, config, family)
    longest = _longest(folder / "tokenizer_config.json")

    def read(settings: Mapping[str, Any], path: Path) -> Generation:
        if text is None:
            return SILENT
        c = Config({key: found for key, found in settings.items() if found is not None}, where=str(path))
        g = generation(c, spec, text)
        return replace(g, max_source=min(g.max_source, longest))

    uses: dict[str, Use] = {}
    specific = config.get("task_specific_params")
    for name, changes in specific.items() if isinstance(specific, dict) else ():
        if (ours := _use(str(name))) and isinstance(changes, dict):
            prefix = changes.get("prefix")
            settings = read({**asked, **changes}, folder / "config.json")
            uses[ours] = Use(prefix=prefix if isinstance(prefix, str) else "", generation=settings)
    return Manifest(
        name=called(folder),
        task=made_for(spec, config),
        spec=spec,
        generation=read(asked, where),
        uses=uses,
        speech=speech_of(Config(asked, where=str(where)), spec, text) if text is not None and frames_read(spec) else None,
        card=Card(summary="A published checkpoint.", license="see its own card", attribution="see its own card", recipe="", trained=""),
    )


def _use(name: str) -> str | None:
    """The name of a use in config.json's task_specific_params -> ours; None for one that no task here is for."""
    if found := re.fullmatch(r"translation_(\w+)_to_(\w+)", name):
        return f"translate {found[1]} {found[2]}"
    return {"summarization": "summarize", "text-generation": "generate", "text2text-generation": "generate"}.get(name)


def _longest(path: Path) -> int:
    """How many tokens the tokenizer's own settings allow; those that set no limit write an enormous number."""
    told = believed_table(path, MOST_CONFIG).get("model_max_length") if path.is_file() else None
    return min(int(told), MOST_LENGTH) if isinstance(told, int | float) and 1 <= told < math.inf else MOST_LENGTH


def made_for(spec: Model, config: Mapping[str, Any]) -> str:
    """The task that a published model was made for, by its config.json and its head."""
    if FAMILIES[spec.family].drawing is not None:
        return "draw"
    specific = config.get("task_specific_params")
    uses = {use for name in specific if (use := _use(str(name)))} if isinstance(specific, dict) else set()
    return "summarize" if uses == {"summarize"} else _task(spec)


def _task(spec: Model) -> str:
    """What a model with such a head is for."""
    match spec.heads:
        case (Words(), *_):
            if frames_read(spec):
                return "transcribe"
            if spec.reads != "tokens":
                return "caption"
            return "fill" if spec.decoder is None else "generate" if spec.encoder is None else "translate"
        case (Classes() | Meeting(), *_):
            return "classify"
        case (Labels(name=name), *_):
            return "detect" if name == OBJECTS else "answer" if name == "span" else "extract"
    return "embed"


# Where generation_config.json is not there, config.json may hold what it would.
OLD_SETTINGS = (
    "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "bad_words_ids",
    "begin_suppress_tokens", "suppress_tokens", "min_length", "no_repeat_ngram_size", "repetition_penalty", "num_beams", "early_stopping",
    "length_penalty", "do_sample", "temperature", "top_k", "top_p", "max_length", "max_new_tokens",
)  # fmt: skip


def generation(c: Config, spec: Model, text: Text) -> Generation:
    """What generation_config.json asks for, or where there is none the older keys of config.json.

    Lengths there count what stands before the first new token of an encoder-decoder; here they do not.
    """
    both = spec.encoder is not None and spec.decoder is not None
    ends = c.ids("eos_token_id") or tuple(each for each in (text.marks.end,) if each is not None) or (0,)
    start = next(iter(c.ids("decoder_start_token_id") or c.ids("bos_token_id")), text.marks.start)
    pad = next(iter(c.ids("pad_token_id")), text.pad)
    never = tuple((token,) for token in c.ids("suppress_tokens")) + tuple(tuple(run) for run in c.runs("bad_words_ids"))
    longest = c.count("max_new_tokens") if c.has("max_new_tokens") else max(1, c.count("max_length", 257 if both else 256) - both)
    top_k = c.whole("top_k", 50)
    asked = Generation(
        pad=pad,
        start=start,
        end=ends,
        first=next(iter(c.ids("forced_bos_token_id")), None),
        last=next(iter(c.ids("forced_eos_token_id")), None),
        never=never,
        never_first=c.ids("begin_suppress_tokens"),
        min_length=max(0, c.whole("min_length", 0) - both),
        no_repeat=c.whole("no_repeat_ngram_size", 0),
        repetition_penalty=c.number("repetition_penalty", 1.0),
        beam=c.count("num_beams", 1),
        until=_until(c.anything("early_stopping")),
        length_penalty=c.number("length_penalty", 1.0),
        sample=c.flag("do_sample", False),
        temperature=c.number("temperature", 1.0) or 1.0,
        top_k=top_k or None,
        top_p=c.number("top_p", 1.0),
        max_length=min(longest, MOST_LENGTH),
        max_source=(spec.encoder.room if spec.encoder else None) or MOST_LENGTH,
    )
    return asked if spec.decoder is None else within(asked, text, spec.decoder.tokens.vocab, c.where)


def _until(early_stopping: object) -> Literal["likely", "full", "certain"]:
    if early_stopping is True:
        return "full"
    return "certain" if early_stopping == "never" else "likely"
