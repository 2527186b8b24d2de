"""What a folder says of how its vectors are made: the settings that sentence-transformers writes beside a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...errors import WeightError
from ...files import believed_table, believed_text

Pool = Literal["mean", "first", "last"]
MOST = 1 << 20
KNOWN: dict[str, Pool] = {"mean": "mean", "mean_tokens": "mean", "cls": "first", "cls_token": "first", "lasttoken": "last"}


@dataclass(frozen=True)
class Told:
    """`pool`: how a text's tokens become one vector; `normalised`: whether that has length 1; `longest`: tokens that it reads at once;
    `lower`: letters are made small first; `prompt`: what is put before a text. `odd`: what is asked for and not done here, if anything."""

    pool: Pool = "mean"
    normalised: bool = True
    longest: int | None = None
    lower: bool = False
    prompt: str = ""
    odd: str = ""


def told(folder: Path) -> Told:
    """What a model's folder asks for: the mean of all tokens, normalised, where it says nothing. Raises WeightError for broken files."""
    if not (folder / "modules.json").is_file():
        return Told()
    modules = _modules(folder / "modules.json")
    pooling = next((_table(folder / path / "config.json") for kind, path in modules if kind == "Pooling"), {})
    pool, odd = _pool(pooling)
    strange = [kind for kind, _ in modules if kind not in ("Transformer", "Pooling", "Normalize")]
    text, prompts = _table(folder / "sentence_bert_config.json"), _table(folder / "config_sentence_transformers.json")
    prompt = _prompt(prompts)
    if prompt and pooling.get("include_prompt") is False:
        strange.append("a mean without the prompt")
    longest = text.get("max_seq_length")
    return Told(
        pool=pool,
        normalised=any(kind == "Normalize" for kind, _ in modules),
        longest=longest if type(longest) is int and longest > 0 else None,
        lower=text.get("do_lower_case") is True,
        prompt=prompt,
        odd=odd or ", ".join(strange),
    )


def _pool(config: dict[str, Any]) -> tuple[Pool, str]:
    """How tokens are pooled, or what is asked for in its stead."""
    asked = [key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    single = config.get("pooling_mode")
    asked = [single] if isinstance(single, str) else asked or ["mean"]
    if len(asked) == 1 and asked[0] in KNOWN:
        return KNOWN[asked[0]], ""
    return "mean", f"pooling by {' and '.join(asked)}"[:80]


def _prompt(config: dict[str, Any]) -> str:
    prompts, name = config.get("prompts"), config.get("default_prompt_name")
    found = prompts.get(name) if isinstance(prompts, dict) and isinstance(name, str) else None
    return found if isinstance(found, str) else ""


def _modules(path: Path) -> list[tuple[str, str]]:
    """What is done to a text, in order: the kind of each step, and the folder that it is told in."""
    try:
        steps = json.loads(believed_text(path, MOST))
        found = [(str(step["type"]).rpartition(".")[2], str(step.get("path", ""))) for step in steps]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise WeightError(f"{path} is no list of modules.", "The file is damaged: get it again.") from None
    if wrong := next((inner for _, inner in found if inner in (".", "..") or "/" in inner or "\\" in inner), None):
        raise WeightError(f"{path} points at {wrong[:60]!r}, outside of its folder.", "Do not trust this folder.")
    return found


def _table(path: Path) -> dict[str, Any]:
    return believed_table(path, MOST) if path.is_file() else {}
