"""A measurement in a process of its own, so that none finds room that another has left behind."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import torch

from limelight.measure import peak

PRELOADED = ("transformers.models.marian.modeling_marian", "transformers.models.gpt2.modeling_gpt2")


def apart(function: Callable[..., float], *given: Any) -> float:
    """What the function of a module gives; not a number where its process was killed, as by a system out of memory."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *PRELOADED])             # one that is absent is passed over
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_in_child, args=(theirs, torch.get_num_threads(), function, given))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return float("nan")
    finally:
        child.join()


def extra_mib(case: Callable[[int], object], n: int) -> float:
    """The most memory that one run of a case with n tokens takes on top of the loaded model, in MiB."""
    case(8)
    with peak() as extra:
        kept = case(n)
    del kept
    return extra()


def _in_child(pipe: Any, threads: int, function: Callable[..., float], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(threads)
    pipe.send(function(*given))
    pipe.close()
