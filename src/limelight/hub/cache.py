"""Models on huggingface.co, by name: from its cache where they are there, else fetched into it.

HF_HOME (and HF_HUB_CACHE) say where the cache is; with HF_HUB_OFFLINE=1 nothing is asked of the network. A name alone means the newest
version that the cache has; "org/name@revision" means that one.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import Any

from ..errors import TaskError
from ..weights.folder import NAMES as WEIGHTS

NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@(?P<revision>[\w./-]+))?")
LONGEST = 160                            # the hub allows 96, and a revision
FILES = ("*.json", "*.txt", "*.model", "*.spm", "*.jinja")
POOLING = "*_Pooling/config.json"        # how sentence-transformers makes one vector of a text


def called(folder: Path) -> str:
    """What a model is called by its folder: the folder's name, or in the cache, whose folders are named after versions, the model's."""
    held = folder.parent.parent.name
    return held.removeprefix("models--").replace("--", "/") if folder.parent.name == "snapshots" and "--" in held else folder.name


def snapshot(name: str) -> Path | None:
    """The folder of a model by its name there; None for what is no such name.

    Raises TaskError where it is neither in the cache nor to be had.
    """
    found = NAME.fullmatch(name) if len(name) <= LONGEST else None
    if found is None or ".." in name:
        return None
    import huggingface_hub
    from huggingface_hub import constants

    repo, revision = found["repo"], found["revision"]
    held = _held(huggingface_hub, repo, revision)
    if held is not None:
        return held
    if constants.HF_HUB_OFFLINE:
        raise TaskError(
            f'no model "{name[:80]}" in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE is set.', "Fetch it once without, or give a folder."
        )
    return _fetched(huggingface_hub, repo, revision)


def _held(library: Any, repo: str, revision: str | None) -> Path | None:
    """What the cache has, if that is a whole model."""
    try:
        folder = Path(library.snapshot_download(repo, revision=revision, local_files_only=True))
    except (OSError, ValueError):
        return None
    return folder if (folder / "config.json").exists() and any((folder / each).exists() for each in WEIGHTS) else None


def _fetched(library: Any, repo: str, revision: str | None) -> Path:
    """Its settings, its tokenizer, and its weights in the safest form that there is."""
    try:
        told = library.HfApi().model_info(repo, revision=revision, timeout=10)     # of all ways to ask, the one without long retries
        files = [each.rfilename for each in told.siblings or ()]
        safe = any(each.endswith(".safetensors") and "/" not in each for each in files)
        wanted = (*FILES, "*.safetensors" if safe else "pytorch_model*.bin")
        names = [each for each in files if fnmatch(each, POOLING) or ("/" not in each and any(fnmatch(each, kind) for kind in wanted))]
        return Path(library.snapshot_download(repo, revision=revision, allow_patterns=names))
    except Exception as error:                                      # its own, and those of the library that it asks the network with
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        hint = "Is the name right, and the network there? A folder needs neither."
        raise TaskError(f'no model "{repo}" to be had: {said}', hint) from None
