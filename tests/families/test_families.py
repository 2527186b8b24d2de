"""The suite that every family passes: the same numbers from the same files, and the same files back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from saying import Side, alone, apart, batch, counted, fair_to_theirs, ours_says, real, shown, target, theirs_says, translates
from torch import Tensor

from limelight.errors import WeightError
from limelight.families import Config
from limelight.hub.losing import told, without
from limelight.inputs import Batch
from limelight.look import ablate, prune, trace
from limelight.nn import Network, pack_matrices
from limelight.spec import Classes, Meeting, Slots, from_json, to_json
from limelight.weights.names import to_ours, to_theirs
from published import ALL, VOCAB, Pair, hf, opened, pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(params=ALL)
def both(request: pytest.FixtureRequest, folder: Path) -> Pair:
    return pair(request.param, folder)


def assert_close(found: Tensor, wanted: Tensor, most: float = 2e-5) -> None:
    assert found.shape == wanted.shape
    assert wanted.std() > 0.05                                # something to be wrong about
    assert apart(found, wanted) <= most


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_same_file_gives_the_same_answers(both: Pair, side: Side) -> None:
    """With padding on either side; theirs have it where they can, and else on the right."""
    given = batch(both, side)
    fair = given if fair_to_theirs(both, side) else batch(both)
    assert_close(real(both, given, ours_says(both, given)), real(both, fair, theirs_says(both, fair)))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_batch_says_what_each_row_says_alone(both: Pair, side: Side) -> None:
    given = batch(both, side)
    together = ours_says(both, given)
    for row, one in enumerate(alone(given)):
        if translates(both):                                  # a target of its own for each row
            hidden = both.ours.decode(target()[row][None], memory=both.ours.encode(one))
            single = both.ours.logits(hidden)[0] if both.ours.spec.heads else hidden[0]
        else:
            single = ours_says(both, one)[0]
        where = counted(both, given)
        said = together[row] if where is None else together[row][where[row]]
        assert apart(said, single) <= 2e-5
        assert torch.equal(said.argmax(-1), single.argmax(-1))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_trace_changes_no_bit(both: Pair, side: Side) -> None:
    given = batch(both, side)
    before = ours_says(both, given)
    with trace(both.ours) as seen:
        watched = ours_says(both, given)
    assert torch.equal(before, watched)
    assert set(seen) == set(both.ours.attentions())


@pytest.mark.parametrize("side", ["right", "left"])
def test_any_head_can_be_switched_off_and_is_back_afterwards(both: Pair, side: Side) -> None:
    """Against the same model with the columns that read the head set to zero."""
    given = batch(both, side)
    before, name = ours_says(both, given), list(both.ours.attentions())[-1]
    attention = both.ours.attentions()[name]
    with ablate(both.ours, {name: [0]}):
        off = ours_says(both, given)
    assert torch.equal(ours_says(both, given), before)
    columns = attention.o.weight.data.unflatten(1, (attention.heads, -1))
    kept = columns[:, 0].clone()
    try:
        columns[:, 0] = 0.0
        without = ours_says(both, given)
    finally:
        columns[:, 0] = kept
    assert apart(off, without) <= 2e-5
    assert apart(off, before) > 1e-4


def test_a_pruned_model_says_what_it_says_with_those_heads_off_and_so_it_does_reopened(both: Pair) -> None:
    """The first head of one attention, or all that share its keys; half of those of another."""
    given, known = batch(both), both.ours.attentions()
    first, *_, last = known
    size = known[first].heads // known[first].groups
    heads = {first: list(range(size if known[first].groups > 1 else 1)), last: list(range(0, known[last].heads, 2))}
    pruned = prune(both.ours, heads)
    with ablate(both.ours, heads):
        off = real(both, given, ours_says(both, given))
    before, smaller = real(both, given, ours_says(both, given)), replace(both, ours=pruned)
    said = ours_says(smaller, given)
    assert apart(real(both, given, said), off) <= 2e-5
    assert apart(real(both, given, said), before) > 1e-4
    assert sum(p.numel() for p in pruned.parameters()) < sum(p.numel() for p in both.ours.parameters())
    prefix = "" if pruned.spec.heads else both.family.prefix
    file = to_theirs(both.family.names(pruned.spec), pruned.state_dict(), prefix=prefix)
    config = json.loads(json.dumps({"model_type": both.config["model_type"], **both.family.config(pruned.spec), **told(pruned.spec)}))
    spec = without(both.family.spec(Config(config, tensors=file.keys())), config, Path("config.json"))
    assert spec == pruned.spec == from_json(to_json(spec))
    again = Network(spec)
    again.load_state_dict(to_ours(both.family.names(spec), file, prefix=prefix))
    pack_matrices(again.eval())
    assert torch.equal(ours_says(replace(both, ours=again), given), said)


def test_segments(folder: Path) -> None:
    both = pair("bert-ForSequenceClassification", folder)
    plain = batch(both)
    given = Batch(plain.values, plain.keep, (torch.arange(9) > 3).long().expand(3, 9) * plain.keep)
    assert_close(ours_says(both, given), theirs_says(both, given))
    assert not torch.allclose(ours_says(both, given), ours_says(both, plain), atol=1e-3)


def test_the_way_back_gives_the_same_file(both: Pair) -> None:
    state = both.ours.state_dict()
    back = to_theirs(both.family.names(both.ours.spec), state, prefix="" if both.ours.spec.heads else both.family.prefix)
    unused = ("pooler", "seq_relationship", "decoder.bias", "predictions.bias", "lm_head.bias")     # copies, and what no head reads
    assert [name for name in both.file.keys() - back.keys() if not any(part in name for part in unused)] == []
    assert back.keys() <= both.file.keys()
    for name, tensor in back.items():
        assert torch.equal(tensor, both.file[name]), name


def test_what_is_too_much_and_what_is_missing_is_named_in_one_error(both: Pair) -> None:
    """Whichever tensor of a layer it is; one that is a second copy of another is not missed."""
    table, have = both.family.names(both.ours.spec), both.ours.state_dict().keys()
    nought = {each for rule in table if rule.zero for each in rule.ours}
    each_alone = {name: to_ours(table, {name: tensor}, prefix=both.family.prefix).keys() for name, tensor in both.file.items()}
    assert set().union(*each_alone.values()) == have
    for name in {re.sub(r"\d+", "0", name): name for name in both.file}.values():
        rest = {each: tensor for each, tensor in both.file.items() if each != name} | {"stray": torch.ones(1)}
        gone = sorted(have - set().union(*(found for each, found in each_alone.items() if each != name)) - nought)
        with pytest.raises(WeightError, match="does not have: stray") as error:
            to_ours(table, rest, prefix=both.family.prefix, wanted=have)
        said = f"stray, and lacks {len(gone)}: {', '.join(gone[:3])}." if gone else "stray."
        assert said in str(error.value)


def test_config_spec_config(both: Pair) -> None:
    spec = both.ours.spec
    written = json.loads(json.dumps({"model_type": both.config["model_type"], **both.family.config(spec)}))
    assert both.family.spec(Config(written, tensors=both.file.keys())) == spec
    assert from_json(to_json(spec)) == spec


@torch.no_grad()
def test_what_is_written_opens_here_and_in_transformers(both: Pair, tmp_path: Path) -> None:
    spec = both.ours.spec
    back = to_theirs(both.family.names(spec), both.ours.state_dict(), prefix="" if spec.heads else both.family.prefix)
    marks = {key: found for key, found in both.config.items() if key.endswith("token_id")}
    config = {"model_type": both.config["model_type"], **marks, **both.family.config(spec)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(back, tmp_path / "model.safetensors", {"format": "pt"})
    reopened = opened(both.family, config, load_file(tmp_path / "model.safetensors")).state_dict()
    assert reopened.keys() == both.ours.state_dict().keys()
    assert all(torch.equal(weight, reopened[name]) for name, weight in both.ours.state_dict().items())
    theirs = getattr(hf, config["architectures"][0]).from_pretrained(tmp_path).eval()
    again = Pair(both.made, theirs, both.ours, both.family, config, both.file)
    assert_close(real(again, batch(both), ours_says(again, batch(both))), real(again, batch(both), theirs_says(again, batch(both))))


def test_gradients_reach_every_parameter(both: Pair) -> None:
    model = opened(both.family, both.config, both.file).train()
    given = batch(both)
    led = translates(both) and model.spec.reads != "tokens"
    hidden = model.decode(target(), memory=model.encode(given)) if led else model.hidden(given, start=0)
    loss = hidden.square().sum()
    for head in model.spec.heads:
        if isinstance(head, Classes | Meeting):
            two = isinstance(head, Meeting)
            said = model.match(model.picture_vectors(shown(both)), model.text_vectors(given)) if two else model.classify(given)
        else:
            said = model.logits(hidden, head.name)
        loss = loss + said.square().sum()
    loss.backward()
    missed = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    asleep = ("attn.k.bias", "cross.k.bias")                  # a shift of all scores changes nothing
    if isinstance(getattr(model.spec.decoder, "input", None), Slots):
        first = "decoder.blocks.0.attn."                      # empty slots have nothing to tell one another yet, so who looks where is idle
        asleep += (f"{first}q.weight", f"{first}q.bias", f"{first}k.weight", f"{first}v.weight")
    assert [name for name in missed if not name.endswith(asleep)] == []


def test_vocabulary_is_used(folder: Path) -> None:
    assert pair("marian_two-MTModel", folder).ours.decoder.embed.table.num_embeddings == 37 < VOCAB
