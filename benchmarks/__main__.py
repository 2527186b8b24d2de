"""`python -m benchmarks`: run them all, or some, and write JSON; then make docs/benchmarks.md and its pictures from it with `--tables`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from limelight.errors import DeviceError

from . import (
    attention,
    decoding,
    encoding,
    families,
    gpu,
    growth,
    growth_plots,
    hearing,
    language,
    limits,
    looking,
    quality,
    readme_table,
    seeing,
    starting,
    steps,
    tables,
    tracing,
    training,
    translation,
)
from .machine import conditions

RESULTS = Path(__file__).parent / "results"
BENCHMARKS: dict[str, Callable[..., dict[str, Any]]] = {
    "limits": limits.measure,
    "decoding": decoding.measure,
    "steps": steps.measure,
    "encoding": encoding.measure,
    "attention": attention.measure,
    "growth": growth.measure,
    "training": training.measure,
    "gpt": language.measure,
    "translation": translation.measure,
    "seeing": seeing.measure,
    "hearing": hearing.measure,
    "tracing": tracing.measure,
    "looking": looking.measure,
    "starting": starting.measure,
    "families": families.measure,
    "quality": quality.measure,
    "gpu": gpu.measure,
}


def main() -> None:
    """The command line."""
    options = _options()
    if options.tables:
        tables.write(options.out, tables.PAGE)
        growth_plots.write(options.out, tables.PAGE.parent)
        readme_table.write(options.out, readme_table.README)
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or BENCHMARKS:
        began, around = time.perf_counter(), conditions()
        try:
            found = BENCHMARKS[name](smoke=options.smoke)
        except DeviceError as error:                                     # of another machine's benchmark, nothing is to be written
            print(f"{name}: {error.message}", flush=True)
            continue
        record = {"benchmark": name, "smoke": options.smoke, **around, "took_seconds": round(time.perf_counter() - began, 1), **found}
        path = options.out / f"{name}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        print(f"{path}   {record['took_seconds']} s", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Limelight side by side with its peers; writes JSON.")
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; none for all")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, only to see that everything runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder for the JSON (default: benchmarks/results)")
    parser.add_argument("--threads", type=int, help="threads of every contestant (default: what torch takes)")
    parser.add_argument("--tables", action="store_true", help="measure nothing: write the page, its curves and the README's table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
