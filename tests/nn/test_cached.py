"""Cached decoding is whole decoding, however the tokens come: one by one, in chunks, in beams that fork and die."""

from __future__ import annotations

import pytest
import torch
from specs import MODELS, bound, build, tokens
from torch import Tensor

from limelight.errors import InputError
from limelight.inputs import Batch, pad
from limelight.nn import Cache, Memory, Network

DTYPES = [torch.float32, torch.bfloat16]


def remember(model: Network, rows: int) -> Memory | None:
    """A memory of sources of unequal lengths, where the model looks at one."""
    if model.encoder is None:
        return None
    return model.encode(pad([tokens(1, 3 + row)[0].tolist() for row in range(rows)]))


def close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() < bound(a.dtype))


def piecewise(model: Network, given: Tensor, sizes: list[int], cache: Cache | None = None, **how) -> Tensor:
    """Decode `given` in pieces of these sizes."""
    cache, keep, out = cache or model.new_cache(), how.pop("keep", None), []
    for piece in given.split(sizes, 1):
        now = cache.length + piece.shape[1]
        out.append(model.decode(piece, keep=None if keep is None else keep[:, :now], cache=cache, **how))
    assert cache.length == given.shape[1]
    return torch.cat(out, 1)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_step_by_step_and_in_chunks(name: str, dtype: torch.dtype) -> None:
    model, given = build(MODELS[name], dtype), tokens(2, 9)
    memory = remember(model, 2)
    whole = model.decode(given, memory=memory)
    for sizes in ([1] * 9, [4, 1, 3, 1], [9]):
        assert close(piecewise(model, given, sizes, memory=memory), whole), sizes


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_after_left_padding(name: str) -> None:
    """Prompts of unequal lengths, padded on the left, then new tokens one by one: each row as if alone."""
    model = build(MODELS[name])
    prompts, new = pad([tokens(1, 5)[0].tolist(), tokens(1, 2)[0].tolist()], side="left"), tokens(2, 4)
    keep = torch.cat((prompts.keep, torch.ones(2, 4, dtype=torch.bool)), 1)
    memory = remember(model, 2)
    found = piecewise(model, torch.cat((prompts.values, new), 1), [5, 1, 1, 1, 1], keep=keep, memory=memory)
    for row, n in enumerate((5, 2)):
        alone = torch.cat((tokens(1, n), new[row : row + 1]), 1)
        far = None if memory is None else memory.select(torch.tensor([row]))
        assert close(found[row : row + 1, 5 - n :], model.decode(alone, memory=far))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_beams_go_on_from_their_parents(name: str) -> None:
    """Two sources, one row each, fork to three rows each and swap parents at every step."""
    model, memory_rows = build(MODELS[name]), 2
    memory, cache = remember(model, memory_rows), model.new_cache()
    beams = tokens(2, 2)
    model.decode(beams, memory=memory, cache=cache)
    forks = [[0, 0, 0, 1, 1, 1], [2, 0, 0, 4, 3, 5], [1, 1, 2, 5, 5, 5]]
    for step, parents in enumerate(map(torch.tensor, forks)):
        cache.reorder(parents)
        beams = torch.cat((beams[parents], tokens(6, step + 1)[:, -1:]), 1)
        hidden = model.decode(beams[:, -1:], memory=memory, cache=cache)
        repeated = None if memory is None else memory.select(torch.arange(2).repeat_interleave(3))
        assert close(hidden, model.decode(beams, memory=repeated)[:, -1:])
    assert cache.reorders == 3


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.encoder])
@torch.no_grad()
def test_a_source_that_is_done_is_left_behind(name: str) -> None:
    model, cache, given = build(MODELS[name]), Cache(2, room=3), tokens(3, 4)
    memory = remember(model, 3)
    model.decode(given, memory=memory, cache=cache)
    left = torch.tensor([2, 0])
    cache.reorder(left)
    cache.select_memory(left)
    new = tokens(2, 1)
    hidden = model.decode(new, memory=memory.select(left), cache=cache)
    assert close(hidden, model.decode(torch.cat((given[left], new), 1), memory=memory.select(left))[:, -1:])


@pytest.mark.parametrize("name", ["both_plain", "decoder_rotary", "decoder_alibi", "decoder_window_buckets"])
@torch.no_grad()
def test_trimmed_tokens_are_forgotten(name: str) -> None:
    model = build(MODELS[name])
    memory, given, other = remember(model, 2), tokens(2, 8), tokens(2, 3)
    cache = model.new_cache()
    model.decode(given, memory=memory, cache=cache)
    cache.trim(20)
    assert cache.length == 8
    cache.trim(4)
    assert cache.length == 4
    hidden = model.decode(other, memory=memory, cache=cache)
    assert close(hidden, model.decode(torch.cat((given[:, :4], other), 1), memory=memory)[:, 4:])


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("recurrent")])
@torch.no_grad()
def test_a_recurrent_state_goes_nowhere_back(name: str) -> None:
    model, cache, given = build(MODELS[name]), build(MODELS[name]).new_cache(), tokens(2, 5)
    memory = remember(model, 2)
    whole = model.decode(given, memory=memory)
    model.decode(given[:, :4], memory=memory, cache=cache)
    cache.trim(4)
    cache.trim(9)
    with pytest.raises(InputError, match="a recurrent state cannot go back from 4 tokens to 3") as caught:
        cache.trim(3)
    assert caught.value.hint == "Begin again with a new cache."
    assert cache.length == 4
    assert close(model.decode(given[:, 4:], memory=memory, cache=cache), whole[:, 4:])       # and nothing was harmed


@torch.no_grad()
def test_the_cache_counts_a_recurrent_state() -> None:
    """Two layers of h and c, and what is fed; keys and values of six places, one head."""
    model = build(MODELS["recurrent_luong_fed"])
    cache, memory = model.new_cache(), model.encode(Batch(tokens(3, 6)))
    model.decode(tokens(3, 1), memory=memory, cache=cache)
    assert cache.state.shape == (3, 5, 16)
    assert cache.nbytes == (3 * 5 * 16 + 2 * 3 * 6 * 16) * 4


@pytest.mark.parametrize("room", [1, 4, 100])
@torch.no_grad()
def test_the_cache_grows_past_its_room(room: int) -> None:
    model, given = build(MODELS["decoder_grouped"]), tokens(2, 13)
    cache = Cache(2, room=room)
    assert close(piecewise(model, given, [3] + [1] * 10, cache), model.decode(given))
    slots = {1: 18, 4: 22, 100: 100}[room]      # 3 or the room at first; when full, twice what is needed: 4 -> 8, 9 -> 18
    assert cache.nbytes == 2 * 2 * (2 * 2 * slots * 6) * 4


@torch.no_grad()
def test_a_step_within_the_room_copies_nothing() -> None:
    cache = Cache(1, room=8)
    k, v = torch.randn(2, 3, 4, 5).unbind()
    k, v = k[None], v[None]
    first, _ = cache.extend(0, k, v)
    cache.advance(4)
    second, values = cache.extend(0, k[:, :, :1], v[:, :, :1])
    assert second.data_ptr() == first.data_ptr()
    assert torch.equal(second, torch.cat((k, k[:, :, :1]), 2))
    assert torch.equal(values, torch.cat((v, v[:, :, :1]), 2))


@torch.no_grad()
def test_the_cache_counts_the_memory_too() -> None:
    model = build(MODELS["both_plain"])
    cache, memory = Cache(2, room=4), model.encode(Batch(tokens(1, 6)))
    model.decode(tokens(1, 1), memory=memory, cache=cache)
    assert cache.nbytes == 2 * 2 * 16 * (4 + 6) * 4
    assert cache.far(0)[0].shape == (1, 4, 6, 4)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_two_streams_over_one_model_do_not_touch(name: str) -> None:
    model = build(MODELS[name])
    given = [tokens(1, 6), tokens(2, 6)]
    memory = [remember(model, 1), remember(model, 2)]
    alone = [piecewise(model, g, [1] * 6, memory=m) for g, m in zip(given, memory, strict=True)]
    caches, together = [model.new_cache(), model.new_cache()], [[], []]
    for step in range(6):
        for i in (0, 1):
            together[i].append(model.decode(given[i][:, step : step + 1], memory=memory[i], cache=caches[i]))
    for i in (0, 1):
        assert torch.equal(torch.cat(together[i], 1), alone[i])
