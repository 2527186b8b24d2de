"""attend: queries ask, keys answer, values are summed. A fused kernel where it serves, and its plain twin always.

Vaswani et al. 2017, equation 1: softmax(q k^T / sqrt(d)) v, here with any score, an additive bias, and a mask.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import InputError
from .dropout import dropout as drop
from .flex import flex, flex_serves
from .linear import linear
from .masks import hide
from .products import attend_products
from .scores import ScoreFn, dot, kernel
from .weigh import WeighFn, argmax, best, positions, shares, softmax

# Measured on a CPU with AVX512-BF16: queries x keys up to which the plain form beats the fused kernel.
LEARNING = {torch.float32: 32 * 32, torch.bfloat16: 512 * 512}     # there and back
LOOKING = {torch.bfloat16: 160 * 160}                              # forward only; in float32 the fused kernel always wins
FEW = 2048                                                         # weights in all: below, what counts is how many kernels are called


def attend(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    v: Float[Tensor, "b g k e"],
    *,
    allow: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    score: ScoreFn = dot,
    weigh: WeighFn = softmax,
    dropout: float = 0.0,
) -> Float[Tensor, "b h q e"]:
    """The weighted sum of values for each query; heads share keys in groups where g < h.

    `allow` broadcasts to (b h q k), True = may attend; a query that may see nothing gets zeros. `causal` hides later keys
    (slots counted from the lower right corner) without a mask in memory. `scale` None is 1 / sqrt(d) for dot products and 1
    for other scores. `weigh` makes weights of scores (see weigh.py); hard ones pick values without a product, and `kernel` with
    `shares` takes memory that grows with queries plus keys. Raises InputError where heads are not a multiple of kv-groups.
    """
    if q.shape[1] % k.shape[1]:
        raise InputError(f"{q.shape[1]} heads cannot share {k.shape[1]} kv-groups evenly.", "Make heads a multiple of kv_heads.")
    if dropout == 0 and weigh is not softmax:
        if (at := positions(weigh)) is not None:
            return _picked(v, at.expand(q.shape[:3]))
        if weigh is argmax:
            return _picked(v, best(attention_scores(q, k, allow=allow, bias=bias, causal=causal, scale=scale, score=score)))
        if score is kernel and weigh is shares and _by_key_alone(allow, bias, scale) and _linear_is_less(q, k, v):
            return linear(q, k, v, keep=allow, causal=causal)
    usual = score is dot and weigh is softmax
    if usual and bias is None and _learns(q, k, v) and _products_serve(q, k, causal, dropout):
        factor = q.shape[-1] ** -0.5 if scale is None else scale
        shared = (_share(x, q.shape[1]) for x in (k, v))
        return attend_products(q, *shared, scale=factor, allow=allow, causal=causal, dropout=dropout)
    if not usual or _plain_is_faster(q, k, v, dropout):
        return attend_plain(q, k, v, allow=allow, bias=bias, causal=causal, scale=scale, score=score, weigh=weigh, dropout=dropout)
    if q.device.type != "cpu" and not dropout and _one_for_all(q, k, allow, bias):
        return _together(q, k, v, allow, scale)
    square = q.shape[2] == k.shape[2]
    if causal and (allow is not None or bias is not None or not square) and not dropout and flex_serves(q, k, v, bias):
        return flex(q, k, v, allow=allow, bias=bias, causal=True, scale=scale)
    if causal and (allow is not None or bias is not None or not square):
        allow, causal = _later_hidden(allow, q, k), False
    extra = allow
    if bias is not None:
        extra = hide(bias.to(q.dtype), allow)
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=extra, dropout_p=dropout, is_causal=causal, scale=scale, enable_gqa=q.shape[1] != k.shape[1]
    )


def attend_plain(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    v: Float[Tensor, "b g k e"],
    *,
    allow: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    score: ScoreFn = dot,
    weigh: WeighFn = softmax,
    dropout: float = 0.0,
) -> Float[Tensor, "b h q e"]:
    """`attend`, written out: the weights exist, then they sum the values."""
    weights = attention_weights(q, k, allow=allow, bias=bias, causal=causal, scale=scale, score=score, weigh=weigh)
    weights = drop(weights, dropout)
    return weights.to(v.dtype) @ _share(v, q.shape[1])


def attention_weights(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    *,
    allow: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    score: ScoreFn = dot,
    weigh: WeighFn = softmax,
) -> Float[Tensor, "b h q k"]:
    """How much each query takes from each key: what `weigh` makes of the scores, all 0 where a query may see nothing."""
    return weigh(attention_scores(q, k, allow=allow, bias=bias, causal=causal, scale=scale, score=score))


def attention_scores(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    *,
    allow: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    score: ScoreFn = dot,
) -> Float[Tensor, "b h q k"]:
    """How well each key answers each query, scaled and biased: -inf where a query may not see a key."""
    usual = q.shape[-1] ** -0.5 if score is dot else 1.0
    factor = usual if scale is None else scale
    shared = _share(k, q.shape[1])
    scores = dot(q * factor, shared) if score is dot else score(q, shared) * factor       # queries are fewer than scores
    if bias is not None:
        scores = scores + bias
    rows, slots = scores.shape[2:]
    if causal and allow is None and rows <= slots and not scores.requires_grad:           # all before the newest rows is seen
        hidden = torch.ones(rows, rows, dtype=torch.bool, device=scores.device).triu_(1)
        scores[..., slots - rows :].masked_fill_(hidden, -torch.inf)
        return scores
    if causal:
        allow = _later_hidden(allow, q, k)
    if allow is None or scores.requires_grad:
        return hide(scores, allow)
    return scores.masked_fill_(~allow, -torch.inf)                                        # in place: these maps are large


def _one_for_all(q: Tensor, k: Tensor, allow: Tensor | None, bias: Tensor | None) -> bool:
    """Whether one query of each head sees what all heads see, and heads share keys."""
    same = bias is None and (allow is None or (allow.ndim == 4 and allow.shape[1] == allow.shape[2] == 1))
    return same and q.shape[2] == 1 and k.shape[1] < q.shape[1]


def _together(q: Tensor, k: Tensor, v: Tensor, allow: Tensor | None, scale: float | None) -> Tensor:
    """Heads of one group as queries of one head: kernels with masks know no groups, and would be given a copy of the keys for each."""
    asks = q.reshape(len(q), k.shape[1], -1, q.shape[3])                                  # (b h 1 d) -> (b g h/g d)
    return F.scaled_dot_product_attention(asks, k, v, attn_mask=allow, scale=scale).reshape(*q.shape[:3], v.shape[3])


def _picked(v: Tensor, at: Tensor) -> Tensor:
    """The values (b g k e) at slots (b h q), zeros where a slot is -1 -> (b h q e)."""
    (b, h, n), (g, e) = at.shape, v.shape[1::2]
    if not v.shape[2]:
        return v.new_zeros(b, h, n, e)
    slots = at.clamp(min=0).reshape(b, g, -1, 1).expand(-1, -1, -1, e)                    # heads that share a group are just more queries
    return v.gather(2, slots).reshape(b, h, n, e).masked_fill(at[..., None] < 0, 0.0)


def _by_key_alone(allow: Tensor | None, bias: Tensor | None, scale: float | None) -> bool:
    """Nothing is said of single pairs of a query and a key; a scale is lost in the sum that shares are divided by."""
    keys_only = allow is None or (allow.ndim == 4 and allow.shape[1] == allow.shape[2] == 1)
    return keys_only and bias is None and (scale is None or scale > 0)


def _linear_is_less(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether summing before asking takes fewer products than all pairs of `q` and `k`: not for one query at a time."""
    (queries, d), (keys, e) = q.shape[2:], (k.shape[2], v.shape[3])
    return queries * keys * (d + e) > (queries + keys) * d * e


def _plain_is_faster(q: Tensor, k: Tensor, v: Tensor, dropout: float) -> bool:
    """On a CPU the fused kernel wants long rows: for sentences of ten tokens in bfloat16 its way there takes twice as long as
    two plain products, and its way back ten times. With dropout there is none, and torch's own draws a number for each weight."""
    if q.device.type != "cpu":
        return False
    if dropout:
        return True
    size = q.shape[2] * k.shape[2]
    if _learns(q, k, v):
        return size <= LEARNING.get(q.dtype, 0)
    most = LOOKING.get(q.dtype, 0)
    return most > 0 and (q.shape[2] == 1 or size <= most) and q.shape[0] * q.shape[1] * size > FEW


def _learns(q: Tensor, k: Tensor, v: Tensor) -> bool:
    return torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad)


def _products_serve(q: Tensor, k: Tensor, causal: bool, dropout: float) -> bool:
    """Whether products written out by hand are the fastest way there and back: on a CPU, for short rows in the format they run in, and
    with dropout for all."""
    if q.device.type != "cpu" or not q.numel() or not k.numel() or (causal and q.shape[2] != k.shape[2]):
        return False
    low = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else q.dtype
    return dropout > 0 or q.shape[2] * k.shape[2] <= LEARNING.get(low, 0)


def _later_hidden(allow: Tensor | None, q: Tensor, k: Tensor) -> Tensor:
    """`allow` and not later than the query, the last query facing the last key."""
    queries, keys = q.shape[2], k.shape[2]
    before = torch.ones(queries, keys, dtype=torch.bool, device=q.device).tril(keys - queries)
    return before if allow is None else allow & before


def _share(x: Tensor, heads: int) -> Tensor:
    """(b g n d) -> (b h n d): each group serves the heads beside it."""
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], 1)
