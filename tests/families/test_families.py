"""The suite that every family passes: the same numbers from the same files, and the same files back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from published import ALL, VOCAB, Pair, hf, opened, pair
from safetensors.torch import save_file
from torch import Tensor

from limelight.families import Config
from limelight.inputs import Batch
from limelight.spec import Classes, Labels, Words, from_json, to_json
from limelight.weights.names import to_theirs

POSITIONED = {"gpt2", "gpt_neo", "llama", "mistral", "qwen2", "qwen3", "xglm"}     # what must be told of positions under left padding


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(params=ALL)
def both(request: pytest.FixtureRequest, folder: Path) -> Pair:
    return pair(request.param, folder)


def batch(side: str = "right") -> Batch:
    """Three rows of different lengths."""
    values = torch.randint(3, 36, (3, 9), generator=torch.Generator().manual_seed(1))
    keep = torch.ones(3, 9, dtype=torch.bool)
    for row, short in ((1, 2), (2, 5)):
        gap = slice(9 - short, 9) if side == "right" else slice(0, short)
        keep[row, gap] = False
    values[~keep] = 1
    ends = keep & (keep.cumsum(1) == keep.sum(1, keepdim=True))
    values[ends] = 2                                          # an end token each, where BART reads a text
    return Batch(values, keep)


def places(given: Batch) -> Tensor:
    """Position ids as published models are given them under left padding."""
    return (given.keep.cumsum(1) - 1).clamp(min=0)


@torch.no_grad()
def answers(both: Pair, given: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
    """What ours and theirs say of a batch, and where it counts."""
    ours, theirs = both.ours, both.theirs
    asked: dict[str, Any] = {"input_ids": given.values, "attention_mask": given.keep.long()}
    start = both.config.get("decoder_start_token_id") or 0
    head = next(iter(ours.spec.heads), None)
    seq2seq = ours.encoder is not None and ours.decoder is not None
    if seq2seq and isinstance(head, Words | None):
        target = torch.randint(3, 36, (3, 6), generator=torch.Generator().manual_seed(2))
        hidden = ours.decode(target, memory=ours.encode(given))
        out = theirs(**asked, decoder_input_ids=target)
        return (hidden, out.last_hidden_state, None) if head is None else (ours.logits(hidden), out.logits, None)
    if given.segments is not None:
        asked["token_type_ids"] = given.segments
    if ours.encoder is None and not given.keep[:, 0].all() and both.made.kind in POSITIONED:
        asked["position_ids"] = places(given)
    out = theirs(**asked)
    if isinstance(head, Classes):
        return ours.classify(given, start=start), out.logits, None
    hidden = ours.hidden(given, start=start)
    match head:
        case None:
            return hidden, out.last_hidden_state, given.keep
        case Labels(name="span"):
            return ours.logits(hidden, "span"), torch.stack((out.start_logits, out.end_logits), -1), given.keep
        case Labels():
            return ours.logits(hidden, "labels"), out.logits, given.keep
        case _:
            found = out.prediction_logits if hasattr(out, "prediction_logits") else out.logits
            return ours.logits(hidden), found, given.keep


def assert_close(found: Tensor, wanted: Tensor, where: Tensor | None, most: float = 2e-5) -> None:
    if where is not None:
        found, wanted = found[where], wanted[where]
    assert found.shape == wanted.shape
    assert wanted.std() > 0.05                                # something to be wrong about
    assert (found - wanted).abs().max() <= most * max(1.0, wanted.abs().max().item())


def test_the_same_file_gives_the_same_answers(both: Pair) -> None:
    assert_close(*answers(both, batch()))


def test_with_padding_on_the_left(both: Pair) -> None:
    if both.ours.encoder is not None and both.ours.decoder is not None:
        pytest.skip("encoder-decoders are padded on the right")
    if both.made.kind in {"bert", "distilbert"}:
        pytest.skip("transformers counts padding as positions there")
    if both.made.kind in {"roberta", "xlm-roberta", "camembert"} and both.made.end == "ForSequenceClassification":
        pytest.skip("transformers reads the padding there")
    assert_close(*answers(both, batch("left")))


def test_segments(folder: Path) -> None:
    both, plain = pair("bert-ForSequenceClassification", folder), batch()
    given = Batch(plain.values, plain.keep, (torch.arange(9) > 3).long().expand(3, 9) * plain.keep)
    assert_close(*answers(both, given))
    assert not torch.allclose(answers(both, given)[0], answers(both, plain)[0], atol=1e-3)


def test_the_way_back_gives_the_same_file(both: Pair) -> None:
    state = both.ours.state_dict()
    back = to_theirs(both.family.names(both.ours.spec), state, prefix="" if both.ours.spec.heads else both.family.prefix)
    unused = ("pooler", "seq_relationship", "decoder.bias", "predictions.bias", "lm_head.bias")     # copies, and what no head reads
    assert [name for name in both.file.keys() - back.keys() if not any(part in name for part in unused)] == []
    assert back.keys() <= both.file.keys()
    for name, tensor in back.items():
        assert torch.equal(tensor, both.file[name]), name


def test_config_spec_config(both: Pair) -> None:
    spec = both.ours.spec
    written = json.loads(json.dumps({"model_type": both.config["model_type"], **both.family.config(spec)}))
    assert both.family.spec(Config(written, tensors=both.file.keys())) == spec
    assert from_json(to_json(spec)) == spec


@torch.no_grad()
def test_transformers_opens_what_is_written(both: Pair, tmp_path: Path) -> None:
    spec = both.ours.spec
    back = to_theirs(both.family.names(spec), both.ours.state_dict(), prefix="" if spec.heads else both.family.prefix)
    marks = {key: found for key, found in both.config.items() if key.endswith("token_id")}
    config = {"model_type": both.config["model_type"], **marks, **both.family.config(spec)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(back, tmp_path / "model.safetensors", {"format": "pt"})
    theirs = getattr(hf, config["architectures"][0]).from_pretrained(tmp_path).eval()
    again = Pair(both.made, theirs, both.ours, both.family, config, both.file)
    assert_close(*answers(again, batch()))


def test_gradients_reach_every_parameter(both: Pair) -> None:
    model = opened(both.family, both.config, both.file).train()
    given = batch()
    hidden = model.hidden(given, start=0)
    loss = hidden.square().sum()
    for head in model.spec.heads:
        loss = loss + (model.classify(given) if isinstance(head, Classes) else model.logits(hidden, head.name)).square().sum()
    loss.backward()
    missed = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert [name for name in missed if not name.endswith(("attn.k.bias", "cross.k.bias"))] == []    # a shift of all scores changes nothing


def test_vocabulary_is_used(folder: Path) -> None:
    assert pair("marian_two-MTModel", folder).ours.decoder.embed.table.num_embeddings == 37 < VOCAB
