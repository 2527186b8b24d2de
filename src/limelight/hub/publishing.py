"""A model -> a published folder, which other libraries open: config.json, weights under their names, and the tokenizer as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import TaskError
from ..families import FAMILIES
from ..files import inside, made, replaced
from ..inputs import Text
from ..inputs.pictures import FILES, write_settings
from ..manifest import Generation, Manifest
from ..nn import Network
from ..weights import to_theirs, write_tensors
from .fitting import TOKENIZER
from .folder import Bits, numbers
from .losing import told
from .speech import written


def publish(folder: Path, *, model: Network, text: Text | None, manifest: Manifest, tokenizer: Path, bits: Bits = "fp32") -> None:
    """Write `folder` so that other libraries open it with the same logits; one that has lost heads opens in limelight alone.

    `tokenizer`: the folder whose tokenizer's files are copied, the one that the model came from. Nothing that is there is touched
    before all is written. Raises TaskError for a model of no published family and for int8 and int4, which are limelight's own; InputError
    where it cannot be written.
    """
    spec = model.spec
    family = FAMILIES.get(spec.family)
    if family is None:
        raise TaskError(f"{spec.family} is no published kind of model.", f"Kinds that are: {', '.join(FAMILIES)}.")
    if bits in ("int8", "int4"):
        raise TaskError(f"other libraries do not read limelight's {bits} weights.", "Choose bf16 or fp32, or a limelight folder.")
    tensors = to_theirs(family.names(spec), numbers(model, bits), prefix="" if spec.heads else family.prefix)
    marks = {} if text is None else {"pad_token_id": text.marks.pad, "bos_token_id": text.marks.start, "eos_token_id": text.marks.end}
    config = {"model_type": spec.family, **{key: found for key, found in marks.items() if found is not None}}
    config |= {**family.config(spec), **told(spec)}
    both = spec.encoder is not None and spec.decoder is not None
    if both:
        config |= {"is_encoder_decoder": True, "decoder_start_token_id": manifest.generation.start}
    if manifest.drawing is not None and family.codec is not None:
        config |= {"decoder_start_token_id": manifest.drawing.start, **family.codec.config(manifest.drawing.codec)}
    writing = {} if text is None else asked(manifest.generation, both=both)
    if family.tokens:                                                # of some, this part alone is believed
        config[family.inner] |= {theirs: writing[key] for key, (theirs, _) in family.tokens.items() if key in writing}
    made(folder)
    with ExitStack() as drafts:
        speech = {} if manifest.speech is None else written(manifest.speech)
        settings = {} if text is None else {"generation_config.json": {**writing, **speech}}
        if manifest.pictures is not None:
            settings[FILES[0]] = write_settings(manifest.pictures, family.processor)
        if manifest.sounds is not None:
            from ..inputs import sounds

            settings[FILES[0]] = sounds.write_settings(manifest.sounds, family.processor)
        for name, content in {"config.json": config, **settings}.items():
            drafts.enter_context(replaced(folder / name)).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        for name in TOKENIZER:
            if (tokenizer / name).is_file():
                shutil.copyfile(inside(tokenizer, name), drafts.enter_context(replaced(folder / name)))
        write_tensors(drafts.enter_context(replaced(folder / "model.safetensors")), tensors, {"format": "pt"})


def asked(g: Generation, *, both: bool) -> Mapping[str, Any]:
    """The settings of generation under their published keys; see hub.published.generation for what they mean."""
    single = [run[0] for run in g.never if len(run) == 1]
    longer = [list(run) for run in g.never if len(run) > 1]
    said = {
        "pad_token_id": g.pad,
        "eos_token_id": g.end[0] if len(g.end) == 1 else list(g.end),
        "decoder_start_token_id" if both else "bos_token_id": g.start,
        "forced_bos_token_id": g.first,
        "forced_eos_token_id": g.last,
        "suppress_tokens": single or None,
        "bad_words_ids": longer or None,
        "begin_suppress_tokens": list(g.never_first) or None,
        "min_length": g.min_length + both if g.min_length else None,
        "no_repeat_ngram_size": g.no_repeat or None,
        "repetition_penalty": g.repetition_penalty if g.repetition_penalty != 1.0 else None,
        "num_beams": g.beam,
        "early_stopping": {"full": True, "certain": "never"}.get(g.until) if g.beam > 1 else None,
        "length_penalty": g.length_penalty if g.beam > 1 else None,
        "do_sample": g.sample or None,
        **({"temperature": g.temperature, "top_k": g.top_k or 0, "top_p": g.top_p} if g.sample else {}),
        "max_length" if both else "max_new_tokens": g.max_length + both,
    }
    return {key: found for key, found in said.items() if found is not None}
