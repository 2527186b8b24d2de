"""On a GPU: training and greedy writing of GPT-2 (124 million parameters) and of a Llama-shaped model of a thousand million, beside
transformers, in turns in one run, each with its share of what the GPU does at most, which is measured first.

Training: target tokens a second; the share is of the products' peak (MFU). Writing: new tokens a second of the whole call; the share is
of the time in which the weights and the keys could be read.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limelight.decode import Ending, Greedy, generate
from limelight.errors import DeviceError
from limelight.hub import open_model
from limelight.inputs import Batch, pad
from limelight.inputs.pairs import Pairs
from limelight.look import trace
from limelight.measure import Turn
from limelight.nn import Network
from limelight.spec import Model
from limelight.spec.work import decoding_bytes, training_operations
from limelight.train import Plan, next_token
from limelight.train.losses import shifted

from .contest import contest
from .contestants import Contestant, Field, Rows, Writes, folders, gather, same, tried
from .contestants.folders import Causal, random_rows
from .language import Logits
from .limits import GIGA, Limits
from .loops import by_fit, by_hand
from .machine import installed

OURS, THEIRS, COMPILED = "limelight bf16", "transformers bf16", "transformers bf16, compiled"
START = 1


@dataclass(frozen=True)
class Setting:
    """How much to run: shapes with the rows of a training step; tokens of a row; prompts and answers; the side of the largest product and
    the bytes that are read to find the limits; `backend`: torch.compile's."""

    kinds: tuple[tuple[Causal, int], ...]
    block: int
    steps: int
    prompt: int
    new: int
    batches: tuple[int, ...]
    rounds: int
    side: int
    bytes: int
    backend: str


FULL = Setting(((folders.GPT2_CAUSAL, 16), (folders.LLAMA_1B, 4)), 1024, 4, 128, 128, (1, 8), 7, 8192, 1 << 32, "inductor")
SMOKE = Setting(((folders.TINY_GPT2, 2), (folders.TINY_LLAMA, 2)), 12, 1, 6, 4, (1, 2), 2, 64, 1 << 20, "eager")


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All of it -> the JSON of this page, less the machine. `smoke` runs where no GPU is, too. Raises DeviceError without one."""
    s, there = SMOKE if smoke else FULL, torch.cuda.is_available()
    if not there and not smoke:
        raise DeviceError("no CUDA device here: nothing is measured.", "Run it where one is, or see that it runs with --smoke.")
    device = torch.device("cuda" if there else "cpu")
    most = _limits(s, device)
    found: dict[str, Any] = {
        "what": "training and greedy decoding on a GPU, in turns on the same weights",
        "setting": {**asdict(s), "device": torch.cuda.get_device_name(device) if there else "cpu"},
        "limits": asdict(most),
        "training": [],
        "decoding": [],
    }
    if installed("transformers"):
        for kind, rows in s.kinds:
            with tempfile.TemporaryDirectory() as folder:
                at = folders.causal(kind, Path(folder))
                found["training"].append(_training(s, kind, rows, at, device, most))
                found["decoding"] += [_decoding(s, kind, batch, at, device, most) for batch in s.batches]
    return found


# --- limits ----------------------------------------------------------------------------------------------------------
def _limits(s: Setting, device: torch.device) -> Limits:
    """The best of some reads of a large tensor, and of some square products."""
    held = torch.ones(s.bytes // 4, device=device)
    into = torch.empty_like(held)
    square = torch.randn(s.side, s.side, device=device)
    half = square.bfloat16()
    operations = 2.0 * s.side**3
    read = max(_rate(device, held.nbytes, held.sum), _rate(device, 2 * held.nbytes, partial(into.copy_, held)))
    return Limits(
        read=read,
        fp32=_rate(device, operations, lambda: square @ square),
        bf16=_rate(device, operations, lambda: half @ half),
        int8=0.0,
    )


def _rate(device: torch.device, done: float, work: Callable[[], Tensor], repeats: int = 10) -> float:
    """Thousands of millions a second, the best of some, after one that does not count."""
    rates = []
    for _ in range(repeats + 1):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        rates.append(done / (time.perf_counter() - began) / GIGA)
    return max(rates[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# --- training --------------------------------------------------------------------------------------------------------
def _training(s: Setting, kind: Causal, rows: int, at: Path, device: torch.device, most: Limits) -> dict[str, Any]:
    random = torch.Generator().manual_seed(0)
    made = [torch.randint(len(folders.MARKS), kind.shape.vocab, (rows, s.block), generator=random) for _ in range(s.steps * (s.rounds + 2))]
    pairs = [Pairs(None, Batch(each)) for each in made]
    spec = _opened(at, device, "fp32").spec
    field = gather(
        [
            Contestant(OURS, "bf16", lambda: _fits(_opened(at, device, "fp32"), pairs, s.steps)),
            *(Contestant(name, "bf16", partial(_learns, at, device, pairs, s, name == COMPILED)) for name in (THEIRS, COMPILED)),
        ]
    )
    tried(field, lambda turn: turn(0))
    least = s.steps * rows * training_operations(spec, s.block) / (most.bf16 * GIGA)
    turns = {name: _waited(partial(_later, turn), device) for name, turn in field.ready.items()}
    return {
        "setting": {"model": kind.name, "rows": rows, "tokens": s.block, "parameters": _parameters(spec)},
        **contest(field, turns, rounds=s.rounds, unit="target tokens/s", least=lambda _: least),
    }


def _fits(model: Network, pairs: list[Pairs], steps: int) -> Turn:
    return by_fit(model.requires_grad_(), next_token(Plan(steps=1), start=START), pairs, steps)


def _learns(at: Path, device: torch.device, pairs: list[Pairs], s: Setting, compiled: bool) -> Turn:
    model = Logits(_theirs(at, device, torch.float32))
    form: nn.Module | Callable[..., Any] = torch.compile(model, backend=s.backend) if compiled else model

    def loss(p: Pairs) -> Tensor:
        p = p.to(device)
        return F.cross_entropy(form(shifted(p.target.values, START)).flatten(0, 1), p.target.values.flatten())

    return by_hand(model, loss, pairs, s.steps)


def _later(turn: Turn, number: int) -> float:
    """The first went to see who can."""
    return turn(number + 1)


def _waited(turn: Turn, device: torch.device) -> Turn:
    def whole(number: int) -> float:
        done = turn(number)
        _wait(device)
        return done

    return whole


# --- decoding --------------------------------------------------------------------------------------------------------
def _decoding(s: Setting, kind: Causal, batch: int, at: Path, device: torch.device, most: Limits) -> dict[str, Any]:
    prompts, model = random_rows(batch, s.prompt, kind.shape.vocab), _opened(at, device, "bf16")
    theirs = (THEIRS, COMPILED) if device.type == "cuda" else (THEIRS,)
    field: Field[Writes] = gather(
        [
            Contestant(OURS, "bf16", lambda: partial(_write, model, device)),
            *(Contestant(name, "bf16", partial(_writes, at, device, name == COMPILED)) for name in theirs),
        ]
    )
    answers = tried(field, lambda write: write(prompts, s.new))
    turns = {name: _waited(_turn(write, prompts, s.new), device) for name, write in field.ready.items()}
    least = sum(_seconds(model.spec, s, batch, i, most) for i in range(s.new))
    return {
        "setting": {"model": kind.name, "batch": batch, "prompt": s.prompt, "new": s.new},
        **contest(field, turns, rounds=s.rounds, unit="tokens/s", least=lambda _: least),
        "same_as_limelight": {name: same(answers[OURS], each) for name, each in answers.items()},
        "trace_changes_nothing": _traced(model, device, prompts, s.new) == _logprobs(model, device, prompts, s.new),
    }


def _turn(write: Writes, prompts: Rows, new: int) -> Turn:
    return lambda _: float(sum(map(len, write(prompts, new))))


def _seconds(spec: Model, s: Setting, batch: int, i: int, most: Limits) -> float:
    """The i-th new token: the first comes of reading the prompt."""
    read = decoding_bytes(spec, s.prompt + i, batch, number=2)
    weights = decoding_bytes(spec, 0, batch, number=1)
    tokens = s.prompt if i == 0 else 1
    return most.seconds("bf16", other_bytes=read, operations=2.0 * weights * batch * tokens)


def _write(model: Network, device: torch.device, prompts: Rows, new: int) -> Rows:
    found = generate(model, pad(prompts, side="left").to(device), Greedy(), ending=Ending(frozenset(), new))
    return [list(each[0].tokens) for each in found]


def _logprobs(model: Network, device: torch.device, prompts: Rows, new: int) -> list[tuple[float, ...]]:
    found = generate(model, pad(prompts, side="left").to(device), Greedy(), ending=Ending(frozenset(), new))
    return [each[0].logprobs for each in found]


def _traced(model: Network, device: torch.device, prompts: Rows, new: int) -> list[tuple[float, ...]]:
    with trace(model, budget="4GB"):
        return _logprobs(model, device, prompts, new)


def _writes(at: Path, device: torch.device, compiled: bool) -> Writes:
    model = _theirs(at, device, torch.bfloat16).eval()
    how = {"cache_implementation": "static"} if compiled else {}          # which generate compiles by itself on a GPU

    @torch.inference_mode()
    def write(prompts: Rows, new: int) -> Rows:
        given = torch.tensor(prompts, device=device)
        keep = torch.ones_like(given)
        found = model.generate(given, attention_mask=keep, do_sample=False, max_new_tokens=new, eos_token_id=None, **how)
        return found[:, given.shape[1] :].tolist()

    return write


# --- models ----------------------------------------------------------------------------------------------------------
def _opened(at: Path, device: torch.device, dtype: str) -> Network:
    return open_model(at, device=str(device), dtype=dtype, quant="none").model


def _theirs(at: Path, device: torch.device, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(at, dtype=dtype).to(device)


def _parameters(spec: Model) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in Network(spec).parameters())
