"""What a figure depends on besides the code: the machine, the versions, the threads."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("limelight", "torch", "numpy", "transformers", "ctranslate2")
SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")


def installed(package: str) -> bool:
    """Whether a peer is there to be compared with."""
    return package in versions()


def versions() -> dict[str, str]:
    """Package -> version, of those that are there."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def conditions() -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions()},
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def machine() -> dict[str, Any]:
    """Processor, cores, instruction sets and memory."""
    info = _read("/proc/cpuinfo")
    flags = set((_first(r"^(?:flags|Features)\s*:\s*(.*)$", info) or "").split())
    memory = _first(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    family, model = _first(r"^cpu family\s*:\s*(.*)$", info), _first(r"^model\s*:\s*(.*)$", info)
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu": _first(r"^model name\s*:\s*(.*)$", info) or platform.processor() or "unknown",
        "cpu_family_model": f"{family}/{model}" if family and model else None,
        "cores": os.cpu_count(),
        "instruction_sets": [name for name in SETS if name in flags],
        "memory_gib": round(int(memory) / 2**20, 1) if memory else None,
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError:
        return ""


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else None
