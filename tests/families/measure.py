"""Open folders one after the other, as a process of its own; a line of JSON for each: what was said, seconds of CPU, bytes at the peak.

    python measure.py GOOD-FOLDER JOBS.json
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import limelight


def status(key: str) -> int | None:
    """A number of bytes from /proc/self/status; None where there is none."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return None


def settled() -> int | None:
    """What the process holds, once what it held before is given back and its peak forgotten; None where the machine cannot tell."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return status("VmRSS")


def measured(folder: str, text: str) -> dict[str, object]:
    """Open a folder, cut a text with its tokenizer, and see what that says and costs."""
    before, began = settled(), time.process_time()
    kind, said = "", ""
    try:
        opened = limelight.open(folder, device="cpu", dtype="fp32")
        if text:
            opened.text.encode(text)
    except limelight.LimelightError as error:
        kind, said = type(error).__name__, str(error)
    except BaseException as error:
        kind, said = f"not ours: {type(error).__name__}", str(error)[:300]
    seconds, peak = time.process_time() - began, status("VmHWM")
    return {"kind": kind, "said": said, "seconds": seconds, "bytes": None if before is None or peak is None else peak - before}


if __name__ == "__main__":
    limelight.open(sys.argv[1], device="cpu", dtype="fp32").text.encode("Good morning.")
    gc.freeze()                                                      # else each collection looks through all of torch
    for name, folder, text in json.loads(Path(sys.argv[2]).read_text()):
        sys.stdout.write(json.dumps({"name": name, **measured(folder, text)}) + "\n")
        sys.stdout.flush()
