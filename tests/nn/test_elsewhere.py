"""On a device that holds no numbers: a model makes what it needs where its weights are, and asks for none of it, there and back."""

from __future__ import annotations

import pytest
import torch
from specs import ENCODERS, MODELS, build

from limelight.inputs import Batch
from limelight.spec import Recurrent


@pytest.mark.parametrize("name", [*MODELS, *ENCODERS])
def test_training_passes(name: str) -> None:
    """With padding, but for recurrent encoders: they ask how long rows are, once a batch."""
    model = build({**MODELS, **ENCODERS}[name]).to("meta").train()
    rows = torch.ones(2, 6, dtype=torch.long, device="meta")
    batch = Batch(rows, torch.ones(2, 6, dtype=torch.bool, device="meta") if not isinstance(model.spec.encoder, Recurrent) else None)
    memory = None if model.encoder is None else model.encode(batch)
    hidden = memory.hidden if model.decoder is None else model.decode(rows, memory=memory)
    model.logits(hidden).sum().backward()
    assert hidden.device.type == "meta"
    assert any(weight.grad is not None for weight in model.parameters())


def test_float32_stays_float32() -> None:
    """TF32 is asked for nowhere."""
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.backends.cuda.matmul.allow_tf32
