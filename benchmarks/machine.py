"""What a benchmark's figures depend on besides the code, with the command that made them and the peers that are installed."""

from __future__ import annotations

import datetime
import shlex
import sys
from typing import Any

import torch

from limelight.measure import busy, machine, versions

PEERS = ("transformers", "ctranslate2", "onnxruntime", "onnx", "openvino", "llama-cpp-python", "gguf", "bertviz")
PACKAGES = ("limelight", "torch", "numpy", *PEERS)


def installed(package: str) -> bool:
    """Whether a peer is there to be compared with."""
    return package in versions(PACKAGES)


def conditions() -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(PACKAGES),
        "threads": torch.get_num_threads(),
        "load_before": busy(),
    }
