"""Starting: the processor time of a command from a cold shell, beside that of Python and of importing torch alone."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import Any

from limelight.measure import Turn, alternate, rounded, spread

SENTENCE = "The committee has not yet decided."
LIGHT = {"python": ["-c", "pass"], "limelight --help": ["-m", "limelight", "--help"]}
HEAVY = {
    "python, torch imported": ["-c", "import torch"],
    "limelight translate, one sentence": ["-m", "limelight", "translate", SENTENCE],
}
ROUNDS, FEW = 7, 2


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All commands in turns -> the JSON of this benchmark, less the machine."""
    commands = LIGHT if smoke else LIGHT | HEAVY
    samples = alternate({name: _turn(args) for name, args in commands.items()}, rounds=FEW if smoke else ROUNDS, clock=of_children)
    return {
        "what": "processor time of a command from a cold shell, user and system",
        "setting": {"sentence": SENTENCE},
        "results": {
            name: {"unit": "s", **spread(found.seconds), "samples": rounded(found.seconds)} for name, found in samples.items()
        },
    }  # fmt: skip


def of_children() -> float:
    """Seconds of processor time that ended children have taken."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _turn(args: list[str]) -> Turn:
    def turn(_: int) -> float:
        subprocess.run([sys.executable, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return 1.0

    return turn
