"""config.json as published models have it, with all the keys that old and new libraries have left in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from limelight.families import FAMILIES, Config
from limelight.spec import Classes, Labels, Words

WILD: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "wild.json").read_text())
TOPS = {"SequenceClassification": Classes, "TokenClassification": Labels, "QuestionAnswering": Labels, "MTModel": Words}
TOPS |= {"CausalLM": Words, "MaskedLM": Words, "ConditionalGeneration": Words}


@pytest.mark.parametrize("name", WILD)
def test_it_is_read_as_what_it_is(name: str) -> None:
    config = WILD[name]
    family = FAMILIES[config["model_type"]]
    spec = family.spec(Config(config, where=name))
    wanted = [kind for end, kind in TOPS.items() if config["architectures"][0].endswith(end)]
    assert [type(head) for head in spec.heads] == wanted
    assert spec.dim == config.get("hidden_size", config.get("d_model", config.get("n_embd")))
    stack = spec.encoder or spec.decoder
    assert stack is not None
    assert stack.input.vocab == config["vocab_size"]
    assert stack.depth == next(config[key] for key in ("num_hidden_layers", "num_layers", "encoder_layers") if key in config)
    assert family.names(spec)
