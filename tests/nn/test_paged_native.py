"""Pages that the native column reads in place: rows with any numbers of new tokens in one call, each with the bits that it has alone."""

from __future__ import annotations

import pytest
import specs
import torch
from torch import Tensor

from limelight.look import trace
from limelight.native import library
from limelight.native.matrix import Kind
from limelight.nn import Network, PagedCache, PagePool, pack_matrices
from limelight.nn.stack import Stack
from limelight.spec import Rotary
from limelight.spec.positions import Dynamic

pytestmark = pytest.mark.skipif(library() is None, reason="there are no native kernels here: limelight env says why")
NAMES = ("plain", "learned", "rotary_pairs", "grouped", "alibi", "buckets", "window", "window_buckets")
STACKS = {name: specs.STACKS[name] for name in NAMES}
STACKS["stretched"] = specs.stack(position=Rotary(stretch=Dynamic(factor=4.0, length=6)))
TEXTS = [torch.randint(1, specs.VOCAB, (n,), generator=torch.Generator().manual_seed(n)).tolist() for n in (23, 1, 9, 14)]
STOPS = [(5, 1, 9, 3), (6, 1, 9, 14), (22, 1, 9, 14), (23, 1, 9, 14)]       # how far each row has come after each pass


def packed(name: str, kind: Kind = "float32") -> Network:
    model = specs.build(specs.decoder_only(STACKS[name]))
    assert pack_matrices(model, kind)
    assert isinstance(model.decoder, Stack)
    assert model.decoder.at_once is not None
    return model


@torch.inference_mode()
def read(model: Network, texts: list[list[int]], stops: list[tuple[int, ...]]) -> list[Tensor]:
    """What is known of the last token of each row after the last pass that had something of it."""
    pool = PagePool.of(model.decoder, pages=64, page=4)
    rows, last = [pool.begin() for _ in texts], [torch.empty(0)] * len(texts)
    for ends in stops:
        moved = [i for i, end in enumerate(ends) if len(rows[i].tokens) < end]
        if not moved:
            continue
        for i in moved:
            rows[i].append(texts[i][len(rows[i].tokens) : ends[i]])
        for i, each in zip(moved, model.go_on(PagedCache([rows[i] for i in moved])), strict=True):
            last[i] = each
    return last


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "int8", "int4"])
@pytest.mark.parametrize("name", STACKS)
def test_a_row_has_the_bits_that_it_has_alone(name: str, kind: Kind) -> None:
    model = packed(name, kind)
    together = read(model, TEXTS, STOPS)
    for i, each in enumerate(together):
        (alone,) = read(model, [TEXTS[i]], [(ends[i],) for ends in STOPS])
        assert torch.equal(each, alone)


@pytest.mark.parametrize("name", [name for name in STACKS if name != "stretched"])
def test_pages_give_what_a_cache_gives(name: str) -> None:
    """A stretch by length is left out: chunks of a text are turned by what was there when they were read."""
    model = packed(name)
    for ids, found in zip(TEXTS, read(model, TEXTS, STOPS), strict=True):
        cache = model.new_cache()
        with torch.inference_mode():
            wanted = [model.decode(torch.tensor([part]), cache=cache) for part in (ids[:7], ids[7:]) if part][-1]
        assert torch.equal(found, wanted[0, -1])


@pytest.mark.parametrize("name", STACKS)
def test_its_modules_agree(name: str) -> None:
    model = packed(name)
    found = read(model, TEXTS, STOPS)
    model.decoder.at_once = None
    torch.testing.assert_close(found, read(model, TEXTS, STOPS), atol=2e-5, rtol=0)


def test_a_mix_is_one_pass_unless_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, passes = packed("grouped"), []
    plain = Stack.forward
    monkeypatch.setattr(Stack, "forward", lambda self, *given, **more: passes.append(1) or plain(self, *given, **more))
    alone = read(model, TEXTS, STOPS)
    assert not passes
    with trace(model):
        looked = read(model, TEXTS, STOPS)
    assert passes
    assert all(map(torch.equal, looked, alone))
    passes.clear()
    handle = model.decoder.register_forward_hook(lambda *_: None)
    read(model, TEXTS, STOPS)
    handle.remove()
    assert passes


def test_a_bias_that_was_learned_anew_is_read_anew() -> None:
    model = packed("buckets")
    before = read(model, TEXTS[:1], [(23,)])
    with torch.no_grad():
        model.decoder.distance.weight.mul_(3)
    after = read(model, TEXTS[:1], [(23,)])
    model.decoder.at_once = None
    torch.testing.assert_close(after, read(model, TEXTS[:1], [(23,)]), atol=2e-5, rtol=0)
    assert float((after[0] - before[0]).abs().max()) > 1e-3


def test_keys_are_kept_in_the_format_of_the_products() -> None:
    kinds: dict[Kind, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.bfloat16, "int4": torch.bfloat16}
    for kind, dtype in kinds.items():
        assert PagePool.of(packed("plain", kind).decoder, pages=4).tensor.dtype == dtype
    assert PagePool.of(specs.build(specs.decoder_only(STACKS["plain"])).decoder, pages=4).tensor.dtype == torch.float32
