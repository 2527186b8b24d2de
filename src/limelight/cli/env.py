"""limelight env: what a bug report needs."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from .options import AsJson
from .streams import say
from .table import as_command

PACKAGES = ("torch", "tokenizers", "safetensors", "numpy", "pyarrow", "pydantic", "sacrebleu", "rich", "typer", "jaxtyping")
VARIABLES = (
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "LIMELIGHT_CACHE",
    "LIMELIGHT_DATA",
    "LIMELIGHT_NATIVE",
    "NO_COLOR",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "PYTHONIOENCODING",
    "LANG",
)
INSTRUCTIONS = ("avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_vnni", "avx512_fp16", "amx_bf16", "amx_int8")
INSTRUCTIONS += ("neon", "asimd", "bf16", "i8mm", "sve")
GIB = 1 << 30


def env(as_json: AsJson = False) -> None:
    """Print versions, processor, memory, accelerators and the environment variables that matter."""
    found = gather()
    if as_json:
        say(json.dumps(found, ensure_ascii=False))
        return
    width = max(map(len, found))
    for name, value in found.items():
        say(f"{name:<{width}}  {_shown(value)}")


def gather() -> dict[str, Any]:
    """Everything, as plain JSON data. Whatever cannot be found out is left out or null; nothing here raises."""
    import torch

    from .. import __version__
    from ..devices import dtype_name, pick_dtype
    from ..hub import bundled
    from ..hub.quants import fastest
    from ..native import built

    cpu = torch.device("cpu")
    return {
        "limelight": __version__,
        "installed at": str(Path(__file__).parents[1]),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
        "cpu instructions": _instructions(),
        "native code": built().why,
        "products on the cpu": fastest(cpu) or dtype_name(pick_dtype("auto", cpu)),
        "cores": {"logical": os.cpu_count(), "usable": _usable(), "torch threads": torch.get_num_threads()},
        "memory": _memory(),
        "gpus": [_gpu(n) for n in range(torch.cuda.device_count())],
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "bundled models": {name: str(folder) for name, folder in bundled().items()},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _instructions() -> list[str]:
    there = set((_cpu_info("flags") or _cpu_info("Features")).split())
    return [name for name in INSTRUCTIONS if name in there]


def _cpu_info(key: str) -> str:
    """A field of the first processor in Linux's own list; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def _usable() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory() -> str | None:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIB:.1f} GiB"
    except (ValueError, OSError, AttributeError):
        return None


def _gpu(n: int) -> str:
    import torch

    p = torch.cuda.get_device_properties(n)
    return f"{p.name}, {p.total_memory / GIB:.1f} GiB, compute {p.major}.{p.minor}, CUDA {torch.version.cuda}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "not installed"
        case dict():
            return ", ".join(f"{name}={item}" for name, item in value.items()) or "none"
        case list():
            return ", ".join(value) or "none"
        case _:
            return str(value)


command = as_command(
    env,
    name="env",
    examples="""
        limelight env
        limelight env --json > env.json
    """,
)
