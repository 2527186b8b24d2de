"""Weights, rebuilt: against loops in float64 over what the projections gave, against the output, and against forced decoding."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import opinionated as tiny
from limelight import ops
from limelight.decode import Beam, Choice, Ending, Greedy, Hypothesis, NoRepeat, Sample, generate
from limelight.errors import TraceError
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look import Trace, trace
from limelight.nn import Attention as AttentionModule
from limelight.nn import Network
from limelight.spec import Additive, Alibi, Attention, Buckets, Dot, Entmax, General, Hard, Rotary, ScaledDot, Soft
from opinionated import END, START

ENDING = Ending(frozenset([END]), 8)
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "grouped": {"attention": Attention(heads=4, kv_heads=2)},
    "multi-query": {"attention": Attention(heads=4, kv_heads=1)},
    "rotary": {"position": Rotary()},
    "rotary in pairs": {"position": Rotary(pairs=True), "attention": Attention(heads=4, kv_heads=2)},
    "alibi": {"position": Alibi()},
    "buckets": {"position": Buckets()},
    "dot": {"attention": Attention(heads=2, score=Dot())},
    "scaled": {"attention": Attention(heads=2, score=ScaledDot(scale=0.2))},
    "general": {"attention": Attention(heads=2, score=General())},
    "additive": {"attention": Attention(heads=2, score=Additive())},
    "window": {"attention": Attention(heads=2, window=3)},
}
LONG = torch.arange(70)[None] % 9 + 3                          # 70 x 70 is more than attend takes the plain way


class Projected:
    """What the projections of every attention gave, caught by hooks of torch's own: the trace has no part in it."""

    def __init__(self, model: Network):
        self.given: dict[str, dict[str, Tensor]] = {name: {} for name in model.attentions()}
        for name, attention in model.attentions().items():
            for part in ("q", "k", "v"):
                getattr(attention, part).register_forward_hook(lambda _, __, out, n=name, p=part: self.given[n].update({p: out}))
            attention.o.register_forward_pre_hook(lambda _, args, n=name: self.given[n].update({"o": args[0]}))


def turned(x: list[float], at: int, pairs: bool) -> list[float]:
    """Rotary positions as the paper has them: pairs of channels as complex numbers, turned."""
    d, out = len(x), list(x)
    for i in range(d // 2):
        a, b = (2 * i, 2 * i + 1) if pairs else (i, i + d // 2)
        turn = complex(x[a], x[b]) * complex(math.cos(at * 10_000 ** (-2 * i / d)), math.sin(at * 10_000 ** (-2 * i / d)))
        out[a], out[b] = turn.real, turn.imag
    return out


def compared(q: list[float], k: list[float], module: AttentionModule, head: int) -> float:
    product = sum(a * b for a, b in zip(q, k, strict=True))
    match module.spec.score:
        case Dot():
            return product
        case ScaledDot(scale=scale):
            return product * (len(q) ** -0.5 if scale is None else scale)
        case General():
            w = module.score[head].tolist()
            return sum(q[i] * w[i][j] * k[j] for i in range(len(q)) for j in range(len(k)))
        case _:
            v = module.score[head].tolist()
            return sum(v[i] * math.tanh(q[i] + k[i]) for i in range(len(q)))


def rebuilt(model: Network, name: str, given: dict[str, Tensor], keep: Tensor, *, own: bool = True) -> Tensor:
    """All weights of one attention, number by number. `keep`: real keys; `own`: self-attention."""
    module = model.attentions()[name]
    stack = model.encoder if name.startswith("encoder") else model.decoder
    assert stack is not None
    position, window, heads = stack.spec.position, module.spec.window, module.heads
    q = given["q"].double().unflatten(-1, (heads, -1)).tolist()                          # b n h d
    k = given["k"].double().unflatten(-1, (module.groups, -1)).tolist()
    out = torch.zeros(len(q), heads, len(q[0]), len(k[0]), dtype=torch.float64)
    for b in range(len(q)):
        places = (keep[b].cumsum(0) - 1).clamp(min=0).tolist()
        for h in range(heads):
            group = h * module.groups // heads
            for i in range(len(q[0])):
                scores = {}
                for j in range(len(k[0])):
                    later, far = own and stack.spec.causal and j > i, window is not None and abs(i - j) >= window
                    if not keep[b, j] or later or far:
                        continue
                    query, key = q[b][i][h], k[b][j][group]
                    if own and isinstance(position, Rotary):
                        query, key = turned(query, places[i], position.pairs), turned(key, places[j], position.pairs)
                    scores[j] = compared(query, key, module, h) + (biased(stack, h, i, j) if own else 0.0)
                total = sum(math.exp(s) for s in scores.values())
                for j, s in scores.items():
                    out[b, h, i, j] = math.exp(s) / total
    return out


def biased(stack: object, head: int, i: int, j: int) -> float:
    match stack.spec.position:
        case Alibi():
            return -abs(i - j) * 2 ** (-8 * (head + 1) / stack.spec.attention.heads)
        case Buckets(count=count):
            assert abs(i - j) < 8                                                    # near ones have a bucket each
            ahead = count // 2 if j > i else 0
            return float(stack.distance.weight[ahead + abs(i - j), head])
    return 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_rebuilt_weights_are_those_of_float64_loops(kind: str):
    both, alone = tiny.seq2seq(0, **KINDS[kind]), tiny.lm(0, **KINDS[kind])
    rows, said = tiny.sources(0, rows=3, longest=6), torch.tensor([[START, 3, 4, 5]] * 3)
    source, given = pad(rows), Projected(both).given
    assert source.keep is not None
    with trace(both) as seen:
        both.decode(said, memory=both.encode(source))
    keeps = {"encoder": source.keep, "cross": source.keep, "decoder": torch.ones_like(said, dtype=torch.bool)}
    for name in seen:
        keep = keeps["cross" if name.endswith("cross") else name.split(".")[0]]
        check(seen, name, rebuilt(both, name, given[name], keep, own=not name.endswith("cross")))
    prompts, given = tiny.left(rows), Projected(alone).given
    assert prompts.keep is not None
    with trace(alone) as seen:
        alone.decode(prompts.values, keep=prompts.keep)
    for name in seen:
        wanted = rebuilt(alone, name, given[name], prompts.keep)
        check(seen, name, wanted)
        assert not seen[name].weights()[~prompts.keep[:, None].expand(-1, wanted.shape[1], -1)].any()   # padding sees nothing


def check(seen: Trace, name: str, wanted: Tensor) -> None:
    found = seen[name].weights()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[name].weights(exact=True), wanted, atol=5e-7, rtol=0)           # the projections are float32's
    sums = found.sum(-1)
    assert bool((((sums - 1).abs() < 1e-6) | (sums == 0)).all())
    assert torch.equal(sums == 0, wanted.sum(-1) == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_times_values_are_what_the_attention_gave(kind: str):
    """The kernel itself confirms the weights; long rows go through the fused one."""
    for rows in (torch.tensor([[3, 4, 5, 6, 7]] * 2), LONG):
        model = tiny.seq2seq(0, **KINDS[kind])
        given = Projected(model).given
        with trace(model) as seen:
            model.decode(rows, memory=model.encode(Batch(rows)))
        for name in seen:
            module = model.attentions()[name]
            v = given[name]["v"].unflatten(-1, (module.groups, -1)).transpose(1, 2)
            out = seen[name].weights() @ v.repeat_interleave(module.heads // module.groups, 1)
            torch.testing.assert_close(out.transpose(1, 2).flatten(2), given[name]["o"], atol=1e-5, rtol=1e-5)


def test_a_model_in_bf16_is_rebuilt_in_fp32_from_what_it_had():
    model = tiny.seq2seq(0).to(torch.bfloat16)
    given, source = Projected(model).given, pad(tiny.sources(0, rows=3, longest=6))
    assert source.keep is not None
    with trace(model) as seen:
        model.decode(torch.tensor([[START, 3]] * 3), memory=model.encode(source))
    for name in ("encoder.0.self", "decoder.1.cross"):
        check(seen, name, rebuilt(model, name, given[name], source.keep, own=name.startswith("encoder")))


# --- the attention of an answer is its own -----------------------------------------------------------------------------
def forced(model: Network, source: Sequence[int] | None, before: Sequence[int], tokens: Sequence[int]) -> dict[str, Tensor]:
    """The model led through an answer in one pass, alone."""
    with trace(model, layers="decoder.*") as seen, torch.no_grad():
        memory = None if source is None else model.encode(Batch(torch.tensor([list(source)])))
        model.decode(torch.tensor([[*before, *tokens[:-1]]]), memory=memory)
    return {name: seen[name].weights(exact=next(model.parameters()).dtype == torch.float64) for name in seen}


CHOICES = [Greedy(), Sample(nbest=3, seed=1), Beam(width=3, nbest=3)]
CLOSE = {torch.float32: 1e-6, torch.float64: 1e-12}
SOME = ["plain", "grouped", "rotary in pairs", "alibi", "buckets", "general", "additive", "window"]


def whims(scores: Tensor, said: Tensor, new: int) -> Tensor:
    """A liking to end that comes and goes with what was said, so that rows end at all sorts of steps."""
    scores[:, END] += 8.0 * (said.sum(1) % 3 == 0)
    return scores


CASES = [(choice, torch.float32) for choice in CHOICES] + [(CHOICES[-1], torch.float64)]


@pytest.mark.parametrize(("choice", "dtype"), CASES, ids=str)
@pytest.mark.parametrize("kind", SOME)
def test_the_attention_of_every_answer_is_that_of_forced_decoding(kind: str, choice: Choice, dtype: torch.dtype):
    """In a batch whose sentences finish at different steps, for the winner and for every other answer."""
    model, rows = tiny.seq2seq(7, end=-1.0, bold=1.2, **KINDS[kind]).to(dtype), tiny.sources(1, rows=4)
    with trace(model, layers="decoder.*") as seen:
        found = generate(model, pad(rows), choice, ending=ENDING, start=START, filters=[NoRepeat(size=1), whims])
    assert len({len(h.tokens) for answers in found for h in answers}) > 1
    for row, answers in zip(rows, found, strict=True):
        for h in answers:
            wanted = forced(model, row, [START], h.tokens)
            for name, weights in wanted.items():
                mine = seen[name].weights(path=h.rows, exact=dtype == torch.float64)
                torch.testing.assert_close(mine[..., : weights.shape[3]], weights, atol=CLOSE[dtype], rtol=0)
                assert not mine[..., weights.shape[3] :].any()                       # the padding of the memory
                assert seen[name].shape(h.rows) == mine.shape


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("kind", ["plain", "grouped", "rotary", "general", "window"])
def test_so_it_is_after_a_prompt_that_was_padded(kind: str, choice: Choice):
    model, rows = tiny.lm(1, bold=1.0, **KINDS[kind]), tiny.sources(1)
    with trace(model) as seen:
        found = generate(model, tiny.left(rows), choice, ending=ENDING)
    longest = max(map(len, rows))
    for row, answers in zip(rows, found, strict=True):
        gap = longest - len(row)
        for h in answers:
            for name, weights in forced(model, None, row, h.tokens).items():
                mine = seen[name].weights(path=h.rows)
                torch.testing.assert_close(mine[..., gap:, gap:], weights, atol=1e-6, rtol=0)
                assert not mine[..., gap:, :gap].any()


@pytest.mark.parametrize("kind", ["plain", "grouped"])
def test_without_a_path_a_generation_whose_rows_kept_their_order_is_shown_whole(kind: str):
    model, rows = tiny.seq2seq(0, end=-30, bold=1.0, **KINDS[kind]), tiny.sources(0)
    with trace(model, layers="decoder.*") as seen:
        found = generate(model, pad(rows), Greedy(), ending=ENDING, start=START)
    for i, (row, (h,)) in enumerate(zip(rows, found, strict=True)):
        for name, weights in forced(model, row, [START], h.tokens).items():
            torch.testing.assert_close(seen[name].weights()[i : i + 1, ..., : weights.shape[3]], weights, atol=1e-6, rtol=0)


def test_rows_that_share_a_memory_each_show_their_own_map():
    model, rows = tiny.seq2seq(0, bold=1.0), tiny.sources(0, rows=3)
    said = torch.tensor([[START, 3, 4], [START, 5, 6]] * 3)
    with trace(model) as seen, torch.no_grad():
        model.decode(said, memory=model.encode(pad(rows)))
    for i in range(6):
        for name, weights in forced(model, rows[i // 2], said[i].tolist(), [END]).items():
            torch.testing.assert_close(seen[name].weights()[i : i + 1, ..., : weights.shape[3]], weights, atol=1e-6, rtol=0)


# --- parts of a map --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def winner() -> tuple[Trace, Hypothesis]:
    model = tiny.seq2seq(1, end=-30, heads=4)
    with trace(model, layers="decoder.*") as seen:
        found = generate(model, pad(tiny.sources(1)), Beam(width=3), ending=ENDING, start=START)
    return seen, found[0][0]


PARTS = [slice(0, 3), slice(5, None), slice(-2, None), slice(None, None, 3), slice(None, None, -1), slice(6, 1, -2), slice(3, 3)]


@pytest.mark.parametrize("name", ["decoder.1.self", "decoder.1.cross"])
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_part_is_that_part_of_the_whole(winner: tuple[Trace, Hypothesis], name: str, part: slice):
    seen, h = winner
    whole = seen[name].weights(path=h.rows)
    found = seen[name].weights(path=h.rows, heads=[2, 0, -1], queries=part)
    torch.testing.assert_close(found, whole[:, [2, 0, 3]][:, :, list(range(8))[part]], atol=1e-7, rtol=0)


@pytest.mark.parametrize("name", ["decoder.1.self", "decoder.1.cross"])
@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
def test_chunks_of_rows_are_the_whole(winner: tuple[Trace, Hypothesis], name: str, chunk: int):
    seen, h = winner
    chunks = list(seen[name].rows(path=h.rows, chunk=chunk, heads=[1, 3]))
    assert [c.shape[2] for c in chunks] == [min(chunk, 8 - i) for i in range(0, 8, chunk)]
    torch.testing.assert_close(torch.cat(chunks, 2), seen[name].weights(path=h.rows, heads=[1, 3]), atol=1e-7, rtol=0)


@pytest.mark.parametrize("kind", ["plain", "buckets", "alibi", "window", "general"])
def test_chunks_of_one_long_pass_are_the_whole(kind: str):
    model = tiny.lm(0, **KINDS[kind])
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    whole = seen["decoder.1.self"].weights()
    torch.testing.assert_close(torch.cat(list(seen["decoder.1.self"].rows(chunk=16)), 2), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(seen["decoder.1.self"].weights(queries=slice(60, 3, -7)), whole[:, :, range(60, 3, -7)], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["plain", "grouped", "alibi", "buckets", "general", "gumbel", "entmax"])
def test_strips_leave_out_the_keys_that_none_of_their_queries_may_see(kind: str):
    weights = {"gumbel": Hard(estimator="gumbel"), "entmax": Entmax()}.get(kind, Soft())
    model = tiny.lm(0, **KINDS.get(kind, {"attention": Attention(heads=2, weights=weights)}))
    model.train(kind == "gumbel")                                                    # then noise was drawn for each pair
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG.expand(2, -1))
    view = seen["decoder.1.self"]
    for heads in (None, [1]):
        strips = list(view.strips(chunk=16, heads=heads))
        assert [each.shape[3] for each in strips] == [16, 32, 48, 64, 70]
        for i, each in enumerate(strips):
            whole = view.weights(queries=slice(16 * i, 16 * i + 16), heads=heads)
            torch.testing.assert_close(F.pad(each, (0, 70 - each.shape[3])), whole, atol=1e-6, rtol=0)


def test_strips_of_what_is_not_causal_are_as_wide_as_it_is(winner: tuple[Trace, Hypothesis]):
    seen, h = winner
    for name in ("decoder.1.self", "decoder.1.cross"):
        width = seen[name].shape(h.rows)[3]
        assert {each.shape[3] for each in seen[name].strips(path=h.rows, chunk=3)} == {width}


def test_chunks_need_room_for_a_chunk_only():
    """70 x 70 numbers for two heads are 39,200 bytes."""
    model = tiny.lm(0, depth=1)
    with trace(model, budget=20_000) as seen, torch.no_grad():
        model.decode(LONG)
    view = seen["decoder.0.self"]
    with pytest.raises(TraceError, match=r"1 rows x 2 heads x 70 queries x 70 keys are 39,200 bytes, the budget is 20,000") as raised:
        view.weights()
    assert raised.value.hint == "Narrow heads=[...] or queries=slice(...), go through rows(), or give trace(..., budget=...) more."
    assert view.weights(heads=[1]).shape == (1, 1, 70, 70)
    assert view.weights(queries=slice(0, 30)).shape == (1, 2, 30, 70)
    assert sum(chunk.shape[2] for chunk in view.rows(chunk=32)) == 70
    with pytest.raises(TraceError, match="39,200 bytes"):
        view.weights(heads=[1], exact=True)                                          # float64 takes twice as much


# --- what cannot be shown --------------------------------------------------------------------------------------------
def test_a_head_that_is_not_there_is_named(winner: tuple[Trace, Hypothesis]):
    seen, h = winner
    for wrong in (4, -5):
        with pytest.raises(TraceError, match=rf"decoder.1.cross has 4 heads, 0 to 3: got {wrong}"):
            seen["decoder.1.cross"].weights(heads=[wrong], path=h.rows)


@pytest.mark.parametrize("name", ["decoder.1.self", "decoder.1.cross"])
def test_beams_want_a_path(winner: tuple[Trace, Hypothesis], name: str):
    seen, h = winner
    with pytest.raises(TraceError, match=rf"the rows of {name} changed places while generating.*path=hypothesis.rows"):
        seen[name].weights()
    with pytest.raises(TraceError, match=r"the path has 9 steps, .* saw 8.*Trace the whole generation"):
        seen[name].weights(path=(*h.rows, 0))
    with pytest.raises(TraceError, match="the path has 0 steps"):
        seen[name].weights(path=())
    with pytest.raises(TraceError, match=rf"the path is in row 15 at step 3, where {name} saw 15 rows.*Give the rows of a hypothesis"):
        seen[name].weights(path=[*h.rows[:3], 15])


def test_strips_of_some_queries_are_those_of_all() -> None:
    model = tiny.lm()
    with trace(model) as seen, torch.no_grad():
        model.decode(torch.tensor([[3, 4, 5, 6, 7, 8, 9]]))
    view = seen["decoder.0.self"]
    weights = view.weights()
    for queries in (slice(2, 6), slice(None, None, 3), slice(1, None, 2), [0, 3, 6], []):
        found = list(view.strips(queries=queries, chunk=2))
        wanted = weights[:, :, queries] if isinstance(queries, slice) else weights[:, :, torch.tensor(queries, dtype=torch.long)]
        at = 0
        for strip in found:
            rows = wanted[:, :, at : at + strip.shape[2]]
            assert torch.allclose(strip, rows[..., : strip.shape[3]], atol=1e-6)
            assert not rows[..., strip.shape[3] :].any()
            at += strip.shape[2]
        assert at == wanted.shape[2]


def test_terms_are_what_weights_are_made_of() -> None:
    model, tokens = tiny.lm(), torch.tensor([[3, 4, 5, 6, 7]])
    with trace(model) as seen, torch.no_grad():
        model.decode(tokens)
        with trace(model) as stepped:
            cache = model.new_cache()
            for token in tokens[0]:
                model.decode(token.view(1, 1), cache=cache)
    for view in (seen["decoder.0.self"], stepped["decoder.0.self"]):
        weights, values = view.weights(exact=True), view.values()
        for head, query in ((0, 0), (1, 3), (-1, -1)):
            terms = view.terms(head=head, query=query, exact=True)
            how = {"allow": terms.allow, "bias": terms.bias, "scale": terms.scale, "score": terms.score, "weigh": terms.weigh}
            made = ops.attention_weights(terms.q, terms.k, **how)[0, 0, 0]
            assert torch.equal(made, weights[0, head, query, : len(made)])
            assert not weights[0, head, query, len(made) :].any()
            assert torch.equal(terms.v[0, 0].float(), values[0, head, : terms.v.shape[2]])
    with pytest.raises(TraceError, match="has 5 queries, 0 to 4: got 5"):
        view.terms(head=0, query=5)
