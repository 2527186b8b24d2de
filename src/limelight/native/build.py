"""Our C++ compiled where it runs: once for each processor and each state of the sources, then only loaded.

The folder is $LIMELIGHT_CACHE, else $XDG_CACHE_HOME/limelight, else ~/.cache/limelight. LIMELIGHT_NATIVE=0 turns native code off.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import first_line

SOURCES = Path(__file__).parent / "csrc"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fPIC", "-pthread", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden")
NEEDED = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni")
COMPILERS = ("c++", "g++", "clang++")
DIGEST = hashlib.sha256().digest_size
PATIENCE = 300                           # seconds that a compiler may take


@dataclass(frozen=True)
class Built:
    """The loaded library, or None and why."""

    library: ctypes.CDLL | None
    why: str


class _NotBuilt(Exception):              # noqa: N818  it never leaves this file
    pass


def library() -> ctypes.CDLL | None:
    """The compiled kernels; None where this machine cannot have them, or LIMELIGHT_NATIVE=0."""
    return built().library


@functools.cache
def built() -> Built:
    """Compile what is not compiled yet, and load it. Nothing here raises: `why` says what stood in the way."""
    try:
        return Built(*_load())
    except (_NotBuilt, OSError) as error:
        return Built(None, first_line(error, 400))


def _load() -> tuple[ctypes.CDLL, str]:
    if os.environ.get("LIMELIGHT_NATIVE", "1") == "0":
        raise _NotBuilt("LIMELIGHT_NATIVE=0.")
    missing = [name for name in NEEDED if name not in processor()]
    if missing:
        raise _NotBuilt(f"this processor has no {', '.join(missing)}.")
    compiler = _compiler()
    path = cache_folder() / f"native-{_key(compiler)}.so"
    if not _sound(path):
        try:
            _compile(compiler, path)
        except PermissionError:                                     # a home that nobody may write to: for this process alone
            path = Path(tempfile.mkdtemp(prefix="limelight-")) / path.name
            _compile(compiler, path)
    return _joined(ctypes.CDLL(str(path))), str(path)


def _joined(native: ctypes.CDLL) -> ctypes.CDLL:
    """With torch's own threads for its work, where torch has some by OpenMP; csrc/pool.h says why."""
    theirs = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if theirs.exists() and (join := getattr(native, "limelight_team", None)) is not None:
        join(ctypes.c_void_p(ctypes.CDLL(str(theirs))._handle))
    return native


@functools.cache
def processor() -> frozenset[str]:
    """What the processor says that it can do, in Linux's words; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def cache_folder() -> Path:
    """Where compiled code is kept."""
    told = os.environ.get("LIMELIGHT_CACHE")
    if told:
        return Path(told)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "limelight"


def _compiler() -> str:
    told = os.environ.get("CXX")
    found = next(filter(None, map(shutil.which, (told,) if told else COMPILERS)), None)
    if found is None:
        raise _NotBuilt(f"no C++ compiler ({told or ', '.join(COMPILERS)}).")
    return found


def _key(compiler: str) -> str:
    """Of everything that the compiled code depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False, timeout=PATIENCE).stdout
    parts = [version, " ".join(FLAGS).encode(), platform.machine().encode(), " ".join(sorted(processor())).encode()]
    parts += [part for path in sorted(SOURCES.iterdir()) for part in (path.name.encode(), path.read_bytes())]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:24]


def _sound(path: Path) -> bool:
    """Whether a file is whole: its last bytes are the digest of all others. A damaged library would take the process down with it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    return len(data) > DIGEST and hashlib.sha256(data[:-DIGEST]).digest() == data[-DIGEST:]


def _compile(compiler: str, path: Path) -> None:
    """All sources at once, each by a process of its own; the finished file takes its name in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="build-", dir=path.parent) as folder:
        work = Path(folder)
        sources = sorted(SOURCES.glob("*.cpp"))
        objects = [str(work / f"{source.stem}.o") for source in sources]
        _run(*([compiler, *FLAGS, "-c", str(source), "-o", made] for source, made in zip(sources, objects, strict=True)))
        _run([compiler, "-shared", "-pthread", *objects, "-o", str(work / "linked.so")])
        data = (work / "linked.so").read_bytes()
        (work / "whole.so").write_bytes(data + hashlib.sha256(data).digest())
        (work / "whole.so").replace(path)


def _run(*commands: list[str]) -> None:
    """Side by side; all have ended when this returns or raises."""
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") for each in commands]
    said = [_said(each) for each in running]
    wrong = next((words for words, process in zip(said, running, strict=True) if process.returncode), None)
    if wrong is not None:
        line = next((line for line in wrong.splitlines() if "error" in line), wrong)
        raise _NotBuilt(f"the compiler failed: {line.strip()[:300]}")


def _said(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return f"error: no end after {PATIENCE} s\n{process.communicate()[0]}"
