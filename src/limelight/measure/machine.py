"""What a figure depends on besides the code: the machine, the versions of the packages, and who else is at work."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGES = ("limelight", "torch", "numpy")
SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Package -> version, of Python and of those that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


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


def busy() -> float | None:
    """How many processes have wanted a core, on average over the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError:
        return ""


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else None
