"""CTranslate2: fp32 and int8, converted by its own converter; ids are written "t17"."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limelight.inputs import pad

from . import Contestant, Grows, Hears, Reads, Rows, Standing, Writes
from .exporting import theirs
from .folders import END, MARKS, PAD, START, tokens, untimed, words

NEEDS = ("ctranslate2", "transformers")
HEARD, UNTIMED = ("<|startoftranscript|>", "<|endoftext|>"), "<|notimestamps|>"        # by these names it knows START, END and the last
COMPUTES = {"fp32": "float32", "int8": "int8"}


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers."""
    return _each(lambda compute: _writes(folder, compute))


def growers(folder: Path) -> list[Contestant[Grows]]:
    """Those who go on from a context, which it keeps as the prompt of every call; one for all rows."""
    return _each(lambda compute: _grows(folder, compute))


def readers(folder: Path) -> list[Contestant[Reads]]:
    """Classifiers of rows: the encoder, and the head in torch, for it has none."""
    return _each(lambda compute: _reads(folder, compute))


def hearers(folder: Path) -> list[Contestant[Hears]]:
    """Greedy writers of what they hear."""
    return _each(lambda compute: _hears(folder, compute))


def _each(opens: Callable[[str], Any]) -> list[Contestant[Any]]:
    return [Contestant(f"CTranslate2 {name}", name, lambda told=told: opens(told), NEEDS) for name, told in COMPUTES.items()]


def _converted(loader: str, model: Any, folder: Path, compute: str) -> str:
    import ctranslate2.converters.transformers as converters

    where = folder / f"ctranslate2-{compute}"
    if not where.exists():
        spec = getattr(converters, loader)().get_model_spec(model)
        if hears := loader == "WhisperLoader":
            spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.lang_ids, spec.config.alignment_heads = [], [], [], []
        else:
            spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = MARKS[PAD], MARKS[START], MARKS[END]
        vocab = tokens(model.config.vocab_size)
        spec.register_vocabulary([vocab[PAD], *HEARD, *vocab[3:-1], UNTIMED] if hears else vocab)
        spec.validate()
        spec.optimize(quantization=None if compute == "float32" else compute)
        where.mkdir()
        spec.save(str(where))
    return str(where)


def _opened(kind: str, where: str, compute: str) -> Any:
    import ctranslate2

    threads = torch.get_num_threads()
    return operator.attrgetter(kind)(ctranslate2)(where, device="cpu", compute_type=compute, inter_threads=1, intra_threads=threads)


def _generator(folder: Path, compute: str) -> tuple[Any, list[str]]:
    """It, and the words that it knows ids by."""
    model = theirs(folder, "AutoModelForCausalLM")
    return _opened("Generator", _converted("GPT2Loader", model, folder, compute), compute), tokens(model.config.vocab_size)


def _grows(folder: Path, compute: str) -> Grows:
    generator, vocab = _generator(folder, compute)

    def grow(contexts: Rows) -> Standing:
        (*before, last), rows = words(contexts, vocab)[0], len(contexts)

        def write(new: int) -> None:
            how = {"min_length": new, "max_length": new, "include_prompt_in_result": False, "max_batch_size": rows}
            generator.generate_batch([[last]] * rows, static_prompt=before, sampling_topk=1, end_token=[], **how)

        write(1)                                                         # the first call reads the context
        return Standing(write)

    return grow


def _writes(folder: Path, compute: str) -> Writes:
    generator, vocab = _generator(folder, compute)

    def write(prompts: Rows, new: int) -> Rows:
        how = {"min_length": new, "max_length": new, "include_prompt_in_result": False, "max_batch_size": len(prompts)}
        return [each.sequences_ids[0] for each in generator.generate_batch(words(prompts, vocab), sampling_topk=1, end_token=[], **how)]

    return write


def _hears(folder: Path, compute: str) -> Hears:
    import ctranslate2

    model = theirs(folder, "AutoModelForSpeechSeq2Seq")
    hearer = _opened("models.Whisper", _converted("WhisperLoader", model, folder, compute), compute)
    begun = list(untimed(model.config.vocab_size))

    def hear(frames: Tensor, new: int) -> Rows:
        given = ctranslate2.StorageView.from_array(np.ascontiguousarray(frames.numpy()))
        how = {"beam_size": 1, "max_length": 2 * new, "suppress_tokens": [END], "suppress_blank": False}     # it writes half as many
        return [each.sequences_ids[0] for each in hearer.generate(given, [begun] * len(frames), **how)]

    return hear


def _reads(folder: Path, compute: str) -> Reads:
    import ctranslate2

    model = theirs(folder, "AutoModelForSequenceClassification")
    before, last = model.pre_classifier, model.classifier
    encoder = _opened("Encoder", _converted("DistilBertLoader", model.distilbert, folder, compute), compute)

    @torch.inference_mode()
    def read(rows: Rows) -> Tensor:
        given = ctranslate2.StorageView.from_array(pad(rows).values.int().numpy())
        lengths = ctranslate2.StorageView.from_array(np.array([len(row) for row in rows], np.int32))
        hidden = np.array(encoder.forward_batch(given, lengths).last_hidden_state)
        return last(torch.relu(before(torch.from_numpy(hidden[:, 0]))))

    return read
