"""llama.cpp, through its Python package's plain C functions: f32, bf16, q8_0 and q4_0, from a GGUF file that is written here.

Its own quantiser makes the others from the f32 file. Rows are sequences of one context, as its server runs them.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import Contestant, Grows, Rows, Standing, Writes
from .exporting import theirs

PIECE, ROOM = 512, 64                    # tokens of a context at once, and places for what comes after one
NEEDS = ("llama-cpp-python", "gguf", "transformers")
FORMATS = {"f32": ("fp32", None), "bf16": ("bf16", "BF16"), "q8_0": ("int8", "Q8_0"), "q4_0": ("int4", "Q4_0")}
NAMES = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output"}
NAMES |= {"ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers."""
    return _each(lambda name: _writes(*_opened(folder, name)))


def growers(folder: Path) -> list[Contestant[Grows]]:
    """Those who go on from a context, with places taken out of its memory afterwards."""
    return _each(lambda name: _grows(*_opened(folder, name)))


def _each(opens: Callable[[str], Any]) -> list[Contestant[Any]]:
    return [
        Contestant(f"llama.cpp {name}", precision, lambda name=name: opens(name), NEEDS) for name, (precision, _) in FORMATS.items()
    ]


def _f32(folder: Path) -> Path:
    """GPT-2 as a GGUF file. It has ids for tokens and no text."""
    import gguf

    made = folder / "gpt2-f32.gguf"
    if made.exists():
        return made
    model = theirs(folder, "AutoModelForCausalLM")
    c, file = model.config, gguf.GGUFWriter(str(made), "gpt2")
    file.add_context_length(c.n_positions)
    file.add_embedding_length(c.n_embd)
    file.add_block_count(c.n_layer)
    file.add_feed_forward_length(4 * c.n_embd)
    file.add_head_count(c.n_head)
    file.add_layer_norm_eps(c.layer_norm_epsilon)
    file.add_file_type(gguf.LlamaFileType.ALL_F32)
    file.add_tokenizer_model("none")
    file.add_vocab_size(c.vocab_size)
    for name, tensor in _tensors(model).items():
        file.add_tensor(name, tensor)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return made


def _tensors(model: Any) -> dict[str, np.ndarray]:
    state = {name.removeprefix("transformer."): tensor for name, tensor in model.state_dict().items()}
    found = {"token_embd.weight": state["wte.weight"], "position_embd.weight": state["wpe.weight"], "output.weight": state["wte.weight"]}
    found |= {f"output_norm.{part}": state[f"ln_f.{part}"] for part in ("weight", "bias")}
    for layer in range(model.config.n_layer):
        for theirs_name, name in NAMES.items():
            for part in ("weight", "bias"):
                tensor = state[f"h.{layer}.{theirs_name}.{part}"]
                found[f"blk.{layer}.{name}.{part}"] = tensor.T if tensor.ndim == 2 else tensor
    return {name: tensor.contiguous().float().numpy() for name, tensor in found.items()}


def _file(folder: Path, name: str) -> Path:
    import llama_cpp as lib

    whole, kind = _f32(folder), FORMATS[name][1]
    made = folder / f"gpt2-{name}.gguf"
    if kind is None or made.exists():
        return whole if kind is None else made
    asked = lib.llama_model_quantize_default_params()
    asked.ftype, asked.nthread = getattr(lib, f"LLAMA_FTYPE_MOSTLY_{kind}"), torch.get_num_threads()
    if lib.llama_model_quantize(str(whole).encode(), str(made).encode(), ctypes.byref(asked)):
        raise RuntimeError(f"llama.cpp could not write {name}")
    return made


@functools.cache
def _silent() -> Any:
    """Who hears what it has to say: nobody. Kept, for C keeps no hold of it."""
    import llama_cpp as lib

    return lib.llama_log_callback(lambda *_: None)


def _opened(folder: Path, name: str) -> tuple[Any, int]:
    """A model, and how many words it knows."""
    import llama_cpp as lib

    lib.llama_log_set(_silent(), ctypes.c_void_p(0))
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(str(_file(folder, name)).encode(), lib.llama_model_default_params())
    if not model:
        raise RuntimeError(f"llama.cpp does not open {name}")
    return model, lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))


def _writes(model: Any, vocab: int) -> Writes:
    contexts: dict[tuple[int, int], Any] = {}

    def write(prompts: Rows, new: int) -> Rows:
        size = (len(prompts), len(prompts[0]) + new)
        if size not in contexts:
            contexts[size] = _context(model, *size, at_once=max(512, math.prod(size)))
        return _answers(contexts[size], prompts, new, vocab)

    return write


def _grows(model: Any, vocab: int) -> Grows:
    import llama_cpp as lib

    made: list[Any] = []

    def grow(contexts: Rows) -> Standing:
        rows, length = len(contexts), len(contexts[0])
        for old in made:
            lib.llama_free(old)
        made[:] = [context := _context(model, rows, length + ROOM, at_once=max(PIECE, rows))]
        memory, piece = lib.llama_get_memory(context), max(1, PIECE // rows)
        for at in range(0, length, piece):
            _step(context, [row[at : at + piece] for row in contexts], at, vocab)

        def write(new: int) -> None:
            given = [row[-1:] for row in contexts]
            for past in range(length, length + new):
                given = _step(context, given, past, vocab)
            for row in range(rows):
                lib.llama_memory_seq_rm(memory, row, length, -1)

        return Standing(write, sum(lib.llama_state_seq_get_size(context, row) for row in range(rows)))

    return grow


def _context(model: Any, rows: int, length: int, *, at_once: int) -> Any:
    import llama_cpp as lib

    asked = lib.llama_context_default_params()
    asked.n_seq_max, asked.n_ctx = rows, rows * (-(-length // 256) * 256)
    asked.n_batch = asked.n_ubatch = at_once
    asked.n_threads = asked.n_threads_batch = torch.get_num_threads()
    context = lib.llama_init_from_model(model, asked)
    if not context:
        raise RuntimeError("llama.cpp makes no context")
    return context


def _answers(context: Any, prompts: Rows, new: int, vocab: int) -> Rows:
    import llama_cpp as lib

    lib.llama_memory_clear(lib.llama_get_memory(context), True)
    said: Rows = [[] for _ in prompts]
    given, past = prompts, 0
    for _ in range(new):
        past, given = past + len(given[0]), _step(context, given, past, vocab)
        for row, answer in zip(given, said, strict=True):
            answer += row
    return said


def _step(context: Any, rows: Rows, past: int, vocab: int) -> Rows:
    """Tokens of all rows, from place `past` on -> the next of each."""
    import llama_cpp as lib

    batch = lib.llama_batch_init(sum(map(len, rows)), 0, 1)
    try:
        last = _fill(batch, rows, past)
        if lib.llama_decode(context, batch):
            raise RuntimeError("llama.cpp could not compute a step")
        return [[int(np.ctypeslib.as_array(lib.llama_get_logits_ith(context, i), (vocab,)).argmax())] for i in last]
    finally:
        lib.llama_batch_free(batch)


def _fill(batch: Any, rows: Rows, past: int) -> list[int]:
    """Tokens of all rows, from place `past` on -> where the last of each row stands."""
    at, last = 0, []
    for number, row in enumerate(rows):
        for place, token in enumerate(row):
            batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.seq_id[at][0] = token, past + place, 1, number
            batch.logits[at] = place == len(row) - 1
            at += 1
        last.append(at - 1)
    batch.n_tokens = at
    return last

