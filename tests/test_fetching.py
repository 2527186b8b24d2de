"""Which files of a model on huggingface.co are fetched."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = ["config.json", "tokenizer.json", "modules.json", "vocab.txt", "README.md"]
ASIDE = ["1_Pooling/config.json", "onnx/model.onnx", "onnx/config.json", "2_Dense/pytorch_model.bin"]
WANTED = {*ROOT, "1_Pooling/config.json"} - {"README.md"}


@pytest.mark.parametrize(
    ("there", "weights"),
    [
        (["model.safetensors", "pytorch_model.bin"], {"model.safetensors"}),
        (["pytorch_model.bin", "tf_model.h5", "2_Dense/model.safetensors"], {"pytorch_model.bin"}),
    ],
)
def test_settings_tokenizer_and_the_safest_weights(there: list[str], weights: set[str], tmp_path: Path) -> None:
    from limelight.hub.cache import _fetched

    asked: dict[str, Any] = {}

    class Api:
        def model_info(self, *_: object, **__: object) -> SimpleNamespace:
            return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in [*ROOT, *ASIDE, *there]])

    def download(repo: str, **how: Any) -> str:
        asked.update(how)
        return str(tmp_path)

    assert _fetched(SimpleNamespace(HfApi=Api, snapshot_download=download), "org/name", "main") == tmp_path
    assert set(asked["allow_patterns"]) == WANTED | weights
    assert asked["revision"] == "main"
