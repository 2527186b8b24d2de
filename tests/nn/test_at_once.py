"""A stack in one native call is its modules one by one: the same numbers, and the same bits beside others, from a cache, and looked at."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from specs import ENCODERS, HEADS, MODELS, VOCAB, build, encoder_decoder, stack, tokens
from torch import Tensor

from limelight.inputs import Batch
from limelight.look import trace
from limelight.native import library
from limelight.native.matrix import Kind
from limelight.nn import Network, pack_matrices
from limelight.nn.stack import Stack
from limelight.spec import Attention, Norm

pytestmark = pytest.mark.skipif(library() is None, reason="there are no native kernels here: limelight env says why")
NEAR: dict[Kind, float] = {"float32": 2e-6, "bfloat16": 2e-2, "int8": 6e-2, "int4": 0.5}
KEEPS = {
    "right": [[1] * 9, [1] * 6 + [0] * 3, [1] * 2 + [0] * 7],
    "left": [[1] * 9, [0] * 4 + [1] * 5, [0] * 8 + [1]],
    "gaps": [[1] * 9, [1, 0, 1, 1, 0, 1, 1, 1, 1], [0, 1, 1, 0, 1, 1, 1, 1, 1]],
}
SPECS = MODELS | ENCODERS


def columns(model: Network) -> list[Stack]:
    return [each for each in (model.encoder, model.decoder) if isinstance(each, Stack) and each.at_once is not None]


def packed(name: str, kind: Kind = "float32") -> Network:
    model = build(SPECS[name])
    assert pack_matrices(model, kind)
    return model


def served(model: Network) -> bool:
    """Whether all that it is made of runs so."""
    return len(columns(model)) == sum(each is not None for each in (model.encoder, model.decoder))


SERVED = [name for name in SPECS if library() is not None and served(packed(name))]


@contextmanager
def one_by_one(model: Network) -> Iterator[None]:
    """Its modules, with the same packed matrices."""
    held = [(each, each.at_once) for each in columns(model)]
    for each, _ in held:
        each.at_once = None
    yield
    for each, at_once in held:
        each.at_once = at_once


def says(model: Network, keep: Tensor | None = None) -> Tensor:
    with torch.inference_mode():
        return model.hidden(Batch(tokens(3, 9), keep))


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def test_most_of_what_can_be_built_is_served() -> None:
    assert {"encoder_plain", "decoder_rotary", "decoder_alibi", "both_plain", "both_grouped"} <= set(SERVED)
    not_yet = ("sparse", "hard", "kernel", "additive", "general", "recurrent", "drawing", "normed")
    assert not [name for name in SERVED if any(word in name for word in not_yet)]


@pytest.mark.parametrize("side", [None, *KEEPS])
@pytest.mark.parametrize("name", SERVED)
def test_it_is_the_same_function(name: str, side: str | None) -> None:
    model, keep = packed(name), None if side is None else torch.tensor(KEEPS[side], dtype=torch.bool)
    found = says(model, keep)
    with one_by_one(model):
        wanted = says(model, keep)
    real = torch.ones(3, 9, dtype=torch.bool) if keep is None else keep
    assert error(found[real], wanted[real]) < NEAR["float32"]
    assert not found[~real].any()


@pytest.mark.parametrize("kind", NEAR)
@pytest.mark.parametrize("name", ["decoder_plain", "both_plain"])
def test_every_kind_of_product_is_near_the_numbers_themselves(name: str, kind: Kind) -> None:
    model = build(SPECS[name])
    plain = copy.deepcopy(model)
    pack_matrices(model, kind)
    assert error(says(model), says(plain)) < NEAR[kind]


@pytest.mark.parametrize("kind", NEAR)
@pytest.mark.parametrize("name", SERVED)
def test_a_row_has_the_same_bits_alone_and_with_any_number_of_threads(name: str, kind: Kind) -> None:
    model, threads = packed(name, kind), torch.get_num_threads()
    with torch.inference_mode():
        together = says(model)
        alone = torch.cat([model.hidden(Batch(row[None])) for row in tokens(3, 9)])
        torch.set_num_threads(2)
        try:
            others = says(model)
        finally:
            torch.set_num_threads(threads)
    assert torch.equal(together, alone)
    assert torch.equal(together, others)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", SERVED)
def test_padding_changes_no_bit(name: str, side: str) -> None:
    model, keep = packed(name), torch.tensor(KEEPS[side], dtype=torch.bool)
    found = says(model, keep)
    if model.encoder is not None and model.decoder is not None:      # what the decoder reads begins one place later
        pytest.skip("Network.hidden moves the rows by one")
    with torch.inference_mode():
        for row, real, said in zip(tokens(3, 9), keep, found, strict=True):
            assert torch.equal(said[real], model.hidden(Batch(row[real][None]))[0])


@pytest.mark.parametrize("kind", ["float32", "int8"])
@pytest.mark.parametrize("name", [name for name in SERVED if SPECS[name].decoder is not None])
def test_what_is_cached_is_what_is_read_at_once(name: str, kind: Kind) -> None:
    model, given = packed(name, kind), tokens(2, 9)
    with torch.inference_mode():
        memory = None if model.encoder is None else model.encode(Batch(tokens(2, 5)))
        whole, cache = model.decode(given, memory=memory), model.new_cache()
        parts = [model.decode(given[:, a:b], memory=memory, cache=cache) for a, b in ((0, 4), (4, 5), (5, 8), (8, 9))]
    if kind == "float32":
        assert torch.equal(torch.cat(parts, 1), whole)
    assert error(torch.cat(parts, 1), whole) < 1e-6


@pytest.mark.parametrize("kind", NEAR)
@pytest.mark.parametrize("name", SERVED)
def test_who_looks_changes_no_bit_and_sees_what_was_computed(name: str, kind: Kind) -> None:
    model, keep = packed(name, kind), torch.tensor(KEEPS["right"], dtype=torch.bool)
    alone = says(model, keep)
    with trace(model) as seen:
        assert torch.equal(says(model, keep), alone)
    with one_by_one(model), trace(model) as plain:
        says(model, keep)
    for each in seen:
        found, wanted = seen[each].weights(), plain[each].weights()
        rows = keep[:, None, :, None].expand_as(found) if found.shape[2] == 9 else torch.ones_like(found, dtype=torch.bool)
        assert float((found - wanted)[rows].abs().max()) < {"float32": 1e-5, "bfloat16": 0.05, "int8": 0.1, "int4": 0.1}[kind]


@pytest.mark.parametrize("pairs", [True, False])
def test_queries_are_seen_as_the_keys_met_them(pairs: bool) -> None:
    """Rounded to bfloat16 where the kernel multiplies it in pairs, and as they are where it widens the keys instead."""
    model, lib = packed("decoder_plain", "bfloat16"), library()
    assert lib is not None
    lib.limelight_pairs(int(pairs))
    try:
        with trace(model) as seen:
            says(model)
    finally:
        lib.limelight_pairs(-1)                                              # whichever is faster here
    for look in (seen[each].looks[0] for each in seen):
        assert torch.equal(look.k, look.k.bfloat16().float())
        assert torch.equal(look.q, look.q.bfloat16().float()) is pairs


def test_changed_weights_hooks_gradients_and_training_go_through_the_modules() -> None:
    model = packed("decoder_plain")
    before, (stack,) = says(model), columns(model)
    with torch.no_grad():
        stack.layers[0].ff_add.norm.weight.mul_(2)
    changed = says(model)
    assert error(changed, before) > 1e-3
    with one_by_one(model):
        assert torch.equal(says(model), changed)
    pack_matrices(model)
    seen: list[Tensor] = []
    handle = stack.layers[1].ff.register_forward_hook(lambda *given: seen.append(given[2]))
    assert error(says(model), changed) < 1e-5
    handle.remove()
    assert len(seen) == 1
    assert model.decode(tokens(1, 4)).requires_grad
    assert len(seen) == 1


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_memory_that_modules_have_kept_is_read_as_it_is(kind: Kind) -> None:
    """Normed keys lie otherwise than values: the kernel is not to take the strides of one for those of the other."""
    normed = Attention(heads=HEADS, norm=Norm(kind="rms"))
    model = build(encoder_decoder(stack(attention=normed), cross=normed))
    assert pack_matrices(model, kind)
    assert served(model)
    given = tokens(2, 5)
    with torch.inference_mode():
        memory = model.encode(Batch(tokens(2, 7)))
        usual, mixed = model.new_cache(), model.new_cache()
        wanted = [model.decode(given[:, i : i + 1], memory=memory, cache=usual) for i in range(5)]
        with one_by_one(model):
            found = [model.decode(given[:, :1], memory=memory, cache=mixed)]
        found += [model.decode(given[:, i : i + 1], memory=memory, cache=mixed) for i in range(1, 5)]
    assert error(torch.cat(found, 1), torch.cat(wanted, 1)) < NEAR[kind]


@pytest.mark.parametrize("name", [name for name in SERVED if name in MODELS])
def test_rows_that_change_places_are_read_where_they_were_written(name: str) -> None:
    """Nothing is copied; they may be left out, go back, outgrow their room, and go on through the modules."""
    model, beams = packed(name), tokens(4, 3)
    both = model.encoder is not None
    with torch.inference_mode():
        memory = model.encode(Batch(tokens(1, 5))) if both else None
        cache = model.new_cache()
        model.decode(beams, memory=memory, cache=cache)
        for step, parents in enumerate(map(torch.tensor, ([2, 0, 0, 3], [1, 1, 3, 2], [3, 0, 1], [2, 2, 0]))):
            cache.reorder(parents)
            if step == 2:
                cache.trim(cache.length - 1)
            beams = torch.cat((beams[parents, : cache.length], tokens(len(parents), 30)[:, step : step + 1]), 1)
            found = model.decode(beams[:, -1:], memory=memory, cache=cache)
            assert cache.writers is not None
            assert torch.equal(found, model.decode(beams, memory=memory)[:, -1:])
        more = tokens(3, 40)
        found = model.decode(more, memory=memory, cache=cache)
        assert cache.writers is None                                        # all that was there has moved to more room
        assert torch.equal(found, model.decode(torch.cat((beams, more), 1), memory=memory)[:, -40:])
        cache.reorder(torch.tensor([1, 0, 2]))
        last = torch.cat((beams, more), 1)[[1, 0, 2]]
        with one_by_one(model):
            found = model.decode(more[:, :1], memory=memory, cache=cache)
        assert error(found, model.decode(torch.cat((last, more[:, :1]), 1), memory=memory)[:, -1:]) < NEAR["float32"]


def test_what_may_be_seen_is_worked_out_once_for_all_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = packed("decoder_window"), []
    see = Stack._nears
    monkeypatch.setattr(Stack, "_nears", lambda self, *given, **how: made.append(1) or see(self, *given, **how))
    says(model)
    assert not made
    with trace(model):
        says(model)
    assert len(made) == 1


@pytest.mark.parametrize("name", SERVED)
def test_more_rows_than_go_through_a_matrix_together(name: str) -> None:
    """Chunks of rows meet at barriers, also where norms come last."""
    model, given, threads = packed(name), tokens(14, 64), torch.get_num_threads()
    with torch.inference_mode():
        found = model.hidden(Batch(given))
        torch.set_num_threads(2)
        try:
            others = model.hidden(Batch(given))
        finally:
            torch.set_num_threads(threads)
        with one_by_one(model):
            wanted = model.hidden(Batch(given))
    assert torch.equal(found, others)
    assert error(found, wanted) < NEAR["float32"]


def test_copies_go_without() -> None:
    model = packed("decoder_plain")
    assert all(each.at_once is None for each in copy.deepcopy(model).modules() if isinstance(each, Stack))


def test_long_and_short_texts_go_in_turns() -> None:
    """More tokens than go through all layers together."""
    model = packed("encoder_plain")
    lengths = torch.tensor([60, 3, 41] * 20)
    keep = torch.arange(60) < lengths[:, None]
    given = torch.randint(1, VOCAB, (60, 60))
    with torch.inference_mode():
        found = model.encode(Batch(given, keep)).hidden
        for row, real, said in zip(given[:6], keep[:6], found[:6], strict=True):
            assert torch.equal(said[real], model.encode(Batch(row[real][None])).hidden[0])
