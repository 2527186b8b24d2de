"""Modules for weights from a file: without numbers, and without what torch would load to draw them."""

from __future__ import annotations

import subprocess
import sys

import torch
from specs import MODELS, build

from limelight.nn import Network
from limelight.nn.unfilled import unfilled


def test_nothing_is_filled_and_everything_is_there() -> None:
    for spec in MODELS.values():
        with unfilled():
            model = Network(spec)
        filled = build(spec)
        assert all(each.is_meta for each in model.parameters())
        assert {name: each.shape for name, each in model.state_dict().items()} == {n: x.shape for n, x in filled.state_dict().items()}
        model.take({name: each.clone() for name, each in filled.state_dict().items()})
        assert not any(each.is_meta for each in (*model.parameters(), *model.buffers()))


def test_what_is_made_outside_is_drawn() -> None:
    with unfilled():
        pass
    assert float(torch.nn.Linear(8, 8).weight.detach().std()) > 0


def test_opening_a_model_loads_no_compiler() -> None:
    """Seconds of every command."""
    code = "import sys, limelight; limelight.task('translate', 'en-fr')('Hello.'); print('torch._dynamo' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout
    assert said == "False\n"
