"""Keys and values in pages: what a model makes of them is what it makes of a cache, and no sequence touches another's."""

from __future__ import annotations

import pytest
import specs
import torch
from torch import Tensor

from limelight.errors import InputError, TaskError
from limelight.inputs import Batch
from limelight.look import trace
from limelight.nn import Network, PagedCache, PagedSequence, PagePool
from limelight.spec import Attention, Pruned, Rotary

KINDS = ["plain", "learned", "halves", "rotary", "rotary_pairs", "grouped", "multi_query", "alibi", "buckets", "window", "window_buckets"]
KINDS += ["sparsemax", "kernel", "hard", "additive"]


def text(n: int, seed: int = 0) -> list[int]:
    return torch.randint(1, specs.VOCAB, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


def made(kind: str = "plain") -> Network:
    return specs.build(specs.decoder_only(specs.STACKS[kind]))


def pool_of(model: Network, pages: int = 64, page: int = 4) -> PagePool:
    return PagePool.of(model.decoder, pages=pages, page=page)


@torch.inference_mode()
def passed(model: Network, rows: list[PagedSequence], ids: list[list[int]]) -> Tensor:
    for row, more in zip(rows, ids, strict=True):
        row.append(more)
    cache = PagedCache(rows)
    return model.decode(cache.tokens, keep=cache.keep, cache=cache)


@torch.inference_mode()
def whole(model: Network, ids: list[int]) -> Tensor:
    return model.decode(torch.tensor([ids]))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_different_lengths_give_what_each_gives_whole(kind: str):
    """Chunks of a prompt alone, then steps of all together, with rows that join late."""
    model = made(kind)
    pool = pool_of(model)
    texts = [text(11, 1), text(6, 2), text(9, 3)]
    wanted = [whole(model, each) for each in texts]
    rows = [pool.begin() for _ in texts]
    found = [passed(model, [rows[0]], [texts[0][:5]])[0]]
    found[0] = torch.cat((found[0], passed(model, [rows[0]], [texts[0][5:8]])[0]))
    found += [passed(model, [rows[1]], [texts[1][:3]])[0], passed(model, [rows[2]], [texts[2][:6]])[0]]
    while len(found[0]) < 11:
        step = passed(model, rows, [[t[len(f)]] for t, f in zip(texts, found, strict=True)])
        found = [torch.cat(pair) for pair in zip(found, step, strict=True)]
    for f, w in zip(found, wanted, strict=True):
        torch.testing.assert_close(f, w, atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_rows_with_different_numbers_of_new_tokens_are_read_together(kind: str):
    model = made(kind)
    pool = pool_of(model)
    texts = [text(11, 1), text(6, 2), text(9, 3)]
    rows = [pool.begin() for _ in texts]
    for stops in ((5, 1, 9), (6, 4, 9), (10, 5, 9), (11, 6, 9)):
        moved = [(row, ids, stop) for row, ids, stop in zip(rows, texts, stops, strict=True) if len(row.tokens) < stop]
        for row, ids, stop in moved:
            row.append(ids[len(row.tokens) : stop])
        found = model.go_on(PagedCache([row for row, _, _ in moved]))
        for each, (_, ids, stop) in zip(found, moved, strict=True):
            torch.testing.assert_close(each, whole(model, ids[:stop])[-1], atol=2e-5, rtol=0)


@pytest.mark.parametrize("chunk", [1, 3, 4, 7])
def test_chunks_of_any_size_fill_pages_alike(chunk: int):
    model, ids = made("grouped"), text(13)
    pool = pool_of(model)
    row = pool.begin()
    parts = [passed(model, [row], [ids[i : i + chunk]])[0] for i in range(0, len(ids), chunk)]
    torch.testing.assert_close(torch.cat(parts), whole(model, ids), atol=2e-5, rtol=0)
    assert len(row.pages) == 4
    assert pool.free == pool.pages - 4


def test_the_keys_stand_where_the_contract_says():
    """Page t // P, then 2·layer for keys and one more for values, head, t % P: read with bare strides, as a kernel does."""
    model, ids = made("rotary"), text(10)
    pool = pool_of(model)
    pool.begin().append(text(5))
    row = pool.begin()
    cache = model.new_cache()
    with torch.inference_mode():
        model.decode(torch.tensor([ids]), cache=cache)
        keys, values = cache.extend(1, torch.zeros(1, 4, 0, 4), torch.zeros(1, 4, 0, 4))
    passed(model, [row], [ids])
    (table,) = PagedCache([row]).tables().tolist()
    flat, (page, part, head, slot, one) = pool.tensor.flatten(), pool.tensor.stride()
    assert (slot, one) == (4, 1)
    for kv, wanted in enumerate((keys, values)):
        for t in range(10):
            for h in range(4):
                at = table[t // 4] * page + (2 * 1 + kv) * part + h * head + (t % 4) * slot
                torch.testing.assert_close(flat[at : at + 4], wanted[0, h, t], atol=2e-5, rtol=0)


def test_a_beginning_that_is_known_is_not_read_again():
    model, ids = made("learned"), text(14)
    pool = pool_of(model)
    first = pool.begin()
    wanted = passed(model, [first], [ids])[0]
    second = pool.begin()
    assert second.share(ids) == 12
    assert second.pages == first.pages[:3]
    found = passed(model, [second], [ids[12:]])[0]
    torch.testing.assert_close(found, wanted[12:], atol=2e-5, rtol=0)
    assert pool.free == pool.pages - 5


def test_at_least_one_token_is_left_to_be_read():
    model, ids = made(), text(12)
    pool = pool_of(model)
    passed(model, [pool.begin()], [ids])
    row = pool.begin()
    assert row.share(ids) == 8
    assert row.length == 8
    assert pool.begin().share(ids[:4]) == 0


def test_the_same_page_after_another_beginning_is_another_page():
    model, ids = made(), text(12)
    pool = pool_of(model)
    passed(model, [pool.begin()], [ids])
    assert pool.begin().share([22, *ids[1:]]) == 0
    assert pool.begin().share([*ids[:7], 22, *ids[8:]]) == 4
    assert pool.begin().share(ids[4:]) == 0


def test_pages_that_wait_for_their_keys_are_not_shared_yet():
    model, ids = made(), text(12)
    pool = pool_of(model)
    pool.begin().append(ids)
    assert pool.begin().share(ids) == 0


def test_a_known_page_outlives_its_sequence_until_its_room_is_needed():
    model, ids = made(), text(9)
    pool = pool_of(model, pages=5)
    row = pool.begin()
    passed(model, [row], [ids])
    row.release()
    assert pool.free == 4
    again = pool.begin()
    assert again.share(ids) == 8
    assert pool.free == 2
    again.release()
    pool.begin().append(text(10, 5))                              # one unused page, one that was only partly full, and then the oldest idle
    assert pool.begin().share(ids) == 4                           # the end of a beginning goes before its beginning


def test_forks_share_until_one_of_them_writes():
    model, ids = made("grouped"), text(6)
    pool = pool_of(model)
    row = pool.begin()
    passed(model, [row], [ids])
    other = row.fork()
    assert other.pages == row.pages
    assert pool.free == pool.pages - 2
    assert (row.needs(1), other.needs(1)) == (1, 1)
    both = passed(model, [row, other], [[3], [9]])
    assert pool.free == pool.pages - 3
    assert row.pages[0] == other.pages[0]
    assert row.pages[1] != other.pages[1]
    for found, last in zip(both, (3, 9), strict=True):
        torch.testing.assert_close(found[-1], whole(model, [*ids, last])[-1], atol=2e-5, rtol=0)


def test_a_trimmed_sequence_writes_over_nothing_that_others_read():
    model, ids = made(), text(12)
    pool = pool_of(model)
    row = pool.begin()
    passed(model, [row], [ids])
    other = pool.begin()
    other.share(ids)
    row.trim(6)
    passed(model, [row], [[1, 1, 1]])
    found = passed(model, [other], [ids[8:]])[0]
    torch.testing.assert_close(found, whole(model, ids)[8:], atol=2e-5, rtol=0)


def test_a_page_written_anew_is_no_longer_known_by_what_stood_there():
    model, ids = made(), text(9)
    pool = pool_of(model)
    row = pool.begin()
    passed(model, [row], [ids])
    row.trim(6)
    passed(model, [row], [[1, 1, 1]])
    assert pool.begin().share(ids) == 4
    assert pool.begin().share([*ids[:6], 1, 1, 1]) == 8


def test_release_gives_all_back():
    model = made()
    pool = pool_of(model)
    rows = [pool.begin() for _ in range(3)]
    for i, row in enumerate(rows):
        passed(model, [row], [text(9, i)])
    rows.append(rows[0].fork())
    for row in rows:
        row.release()
    assert pool.free == pool.pages
    assert [row.pages for row in rows] == [[]] * 4


def test_a_full_pool_says_so_and_changes_nothing():
    pool = pool_of(made(), pages=4)
    row = pool.begin()
    row.append(text(8))
    with pytest.raises(InputError, match=r"pool of 3 pages \(4 tokens each\) is full: got 1 free, wanted 2.*more pages"):
        row.append(text(5))
    assert (len(row.tokens), pool.free) == (8, 1)
    row.append(text(4))
    with pytest.raises(InputError, match="got 0 free, wanted 1"):
        pool.take()


def test_a_pool_of_no_pages_is_refused():
    with pytest.raises(InputError, match=r"2 pages at least.*got 1"):
        pool_of(made(), pages=1)


def test_rows_of_one_pass_have_as_many_new_tokens():
    pool = pool_of(made())
    rows = [pool.begin(), pool.begin()]
    rows[0].append([1])
    rows[1].append([1, 2])
    with pytest.raises(InputError, match=r"as many new tokens each: got \[1, 2\]"):
        passed(made(), rows, [[], []])


def test_pages_hold_no_memory():
    model = specs.build(specs.encoder_decoder(specs.STACKS["plain"]))
    row = PagePool.of(model.decoder, pages=8).begin()
    row.append([1])
    with pytest.raises(TaskError, match="does not write from pages alone"):
        model.go_on(PagedCache([row]))
    with pytest.raises(InputError, match="no memory of an encoder"):
        model.decode(torch.tensor([[1]]), memory=model.encode(Batch(torch.tensor([[1, 2]]))), cache=PagedCache([row]))


def test_a_pool_may_be_narrower_than_the_numbers_that_pass_through():
    model, ids = made("rotary"), text(9)
    row = PagePool.of(model.decoder, pages=8, page=4, dtype=torch.bfloat16).begin()
    passed(model, [row], [ids[:8]])
    found = passed(model, [row], [ids[8:]])[0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0], whole(model, ids)[-1], atol=0.05, rtol=0)


def test_what_others_left_in_their_pages_is_never_seen():
    """Not even where it is no number: padding points at a page that nobody writes."""
    model = made("grouped")
    pool = pool_of(model)
    spoilt = pool.begin()
    spoilt.append(text(12))
    pool.tensor[spoilt.pages] = torch.nan
    rows, texts = [pool.begin(), pool.begin()], [text(9, 4), text(2, 5)]
    for row, ids in zip(rows, texts, strict=True):
        passed(model, [row], [ids])
    both = passed(model, rows, [[3], [4]])
    for found, ids in zip(both, ([*texts[0], 3], [*texts[1], 4]), strict=True):
        torch.testing.assert_close(found[-1], whole(model, ids)[-1], atol=2e-5, rtol=0)


def test_a_trace_sees_one_sequence_through_its_pages():
    model, ids = made("window"), text(9)
    pool = pool_of(model)
    row = pool.begin()
    cache = PagedCache([row])
    with trace(model, layers="decoder.1.self") as seen, torch.inference_mode():
        for part in (ids[:5], ids[5:8], ids[8:]):
            row.append(part)
            model.decode(cache.tokens, keep=cache.keep, cache=cache)
    with trace(model, layers="decoder.1.self") as wanted:
        whole(model, ids)
    torch.testing.assert_close(seen["decoder.1.self"].weights(), wanted["decoder.1.self"].weights(), atol=2e-6, rtol=0)


def test_pruned_layers_take_as_much_of_a_page_as_they_need():
    lost = Pruned(layer=0, heads=(0, 1))
    made_of = specs.stack(attention=Attention(heads=4, kv_heads=2), position=Rotary(), pruned=(lost,))
    model, ids = specs.build(specs.decoder_only(made_of)), text(7)
    assert {block.attn.groups for block in model.decoder.layers} == {1, 2}
    row = pool_of(model).begin()
    parts = [passed(model, [row], [ids[:4]])[0], passed(model, [row], [ids[4:]])[0]]
    torch.testing.assert_close(torch.cat(parts), whole(model, ids), atol=2e-5, rtol=0)
