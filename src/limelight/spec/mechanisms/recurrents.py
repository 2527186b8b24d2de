"""Recurrent encoder-decoders: the net that attention was invented for, and the ways to look back that were tried on it.

All are edits of one model (`_recurrent`), so that what differs between two of them is the mechanism and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from ..attention import Attention
from ..heads import Words
from ..inputs import Tokens
from ..model import Model
from ..scores import Additive, Dot, General
from ..stack import Recurrent
from ..weights import Entmax, Hard, Local, Monotonic, Predicted, Sparsemax
from .mechanism import Mechanism, Refusal
from .sizes import Sizes

GROUP = "recurrent encoder-decoders"
WIDTH = 10                                       # Luong et al. 2015, section 4.1
ASKING: dict[str, Any] = {"maps": "qk", "bias": "k", "score": Additive()}

NO_TRANSFORMER = {
    "position": Refusal("a recurrent net reads in order, and nothing marks places", "multi-head"),
    "kv_heads": Refusal("one head has no others to share its keys with", "grouped-query"),
    "window": Refusal("slots of two sequences have no distance", "local-m", "width"),
    "scaled": Refusal("it is the Transformer's dot product that is divided by sqrt(d)", "multi-head"),
}
NOT_LOCAL = {"width": Refusal("attention that looks everywhere has no width", "local-m")}
GLOBAL = NO_TRANSFORMER | NOT_LOCAL
FED = {"feeding": Refusal("this mechanism is input feeding", "general")}
UNFED = {
    "nothing": {"feeding": Refusal("nothing is looked at that could be fed to the next step", "general")},
    "previous": {"feeding": Refusal("what the previous state saw goes into the cell already", "concat")},
    "single": {"feeding": Refusal("with what a draw saw fed on, every combination of draws would have to be tried", "hard-reinforce")},
}


def _recurrent(
    s: Sizes,
    cross: Attention | None,
    *,
    cell: Literal["lstm", "gru"] = "lstm",
    asks: Literal["previous", "current"] = "current",
) -> Model:
    """An encoder that reads both ways and a decoder with this attention.

    Embeddings are scaled as a Transformer's are: without that, states begin so near to zero that attention learns nothing for hundreds of
    steps.
    """
    cell, tokens = s.cell or cell, Tokens(vocab=s.vocab, scaled=True)
    ways = s.bidirectional is None or s.bidirectional
    encoder = Recurrent(depth=s.encoder_depth, cell=cell, bidirectional=ways, input=tokens, dropout=s.dropout)
    decoder = Recurrent(
        depth=s.decoder_depth,
        cell=cell,
        input=tokens,
        cross=cross,
        asks=asks,
        feeding=bool(s.feeding),
        dropout=s.dropout,
    )
    return Model(family="recurrent", dim=s.dim, encoder=encoder, decoder=decoder, heads=(Words(),))


def _luong(s: Sizes, **changes: Any) -> Model:
    """One head that compares states as they are; the current state asks."""
    return _recurrent(s, Attention(**{"heads": 1, "maps": "", "bias": "", "score": General(), **changes}))


def _local(s: Sizes, kind: type[Monotonic | Predicted]) -> Model:
    local: Local = kind(width=s.width or WIDTH)
    return _luong(s, local=local)


RECURRENT = (
    Mechanism(
        name="fixed-vector",
        group=GROUP,
        title="no attention: one vector between the two sides",
        equation="s_0 = tanh(W h_last);  s_t = f(s_{t-1}, y_{t-1})",
        shapes="h_last (b m), s (b n m)",
        source="Sutskever et al. 2014, section 2; Cho et al. 2014, section 2.2",
        about="All that the decoder ever knows of the source is what the encoder was left with at its ends. It costs least and its "
        "memory does not grow, but whatever does not fit into the vector is lost: long sentences suffer first. Take it as the "
        "baseline that attention was invented against.",
        make=lambda s: _recurrent(s, None),
        refuses=GLOBAL | UNFED["nothing"],
    ),
    Mechanism(
        name="additive",
        group=GROUP,
        title="Bahdanau's: a small net compares, the previous state asks",
        equation="e_ts = v . tanh(W s_{t-1} + U h_s);  a_t = softmax(e_t);  c_t = sum_s a_ts h_s;  s_t = f(s_{t-1}, y_{t-1}, c_t)",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m); tanh holds (b 1 q k m)",
        source="Bahdanau et al. 2015, section 3.1, equations 5 and 6, and appendix A.1.2",
        about="The first attention: before a word is chosen, the state that chose the last one looks at the source, and what it sees "
        "goes into the cell. It bends queries x keys x width numbers, the most of all scores, and must go step by step. Take it "
        "where queries and keys differ in kind, or as the historical reference; a GRU as in the paper.",
        make=lambda s: _recurrent(s, Attention(heads=1, **ASKING), cell="gru", asks="previous"),
        refuses=GLOBAL | UNFED["previous"],
    ),
    Mechanism(
        name="dot",
        group=GROUP,
        title="Luong's dot: states are compared as they are",
        equation="e_ts = s_t . h_s;  a_t = softmax(e_t);  c_t = sum_s a_ts h_s;  out_t = tanh(W [c_t; s_t])",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Luong et al. 2015, section 3.1, equations 5, 7 and 8",
        about="No parameters of its own: encoder and decoder must learn to speak one language. The current state asks, after the cell, "
        "so all steps of a training are compared in one product. Take it where parameters or time are dear.",
        make=lambda s: _luong(s, score=Dot()),
        refuses=GLOBAL,
    ),
    Mechanism(
        name="general",
        group=GROUP,
        title="Luong's general: a matrix between the two sides",
        equation="e_ts = s_t W h_s;  a_t = softmax(e_t);  c_t = sum_s a_ts h_s;  out_t = tanh(W_c [c_t; s_t])",
        shapes="s (b q m), W (m m), h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Luong et al. 2015, section 3.1, equations 5, 7 and 8",
        about="As dot, with one matrix that translates what the decoder asks into what the encoder knows. It costs one product of a "
        "step's state more, and was Luong's best score with local attention. The default among the recurrent ones, and what the "
        "local, hard and sparse mechanisms here are edits of.",
        make=_luong,
        refuses=GLOBAL,
    ),
    Mechanism(
        name="concat",
        group=GROUP,
        title="Luong's concat: a small net compares, the current state asks",
        equation="e_ts = v . tanh(W [s_t; h_s]);  a_t = softmax(e_t);  c_t = sum_s a_ts h_s;  out_t = tanh(W_c [c_t; s_t])",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m); tanh holds (b 1 q k m)",
        source="Luong et al. 2015, section 3.1, equation 8",
        about="The additive score with W split in two, asked by the current state: no step waits for the last one's attention, but all "
        "queries x keys x width numbers exist at once while it trains. Take it to tell the additive score's worth from that of "
        "who asks.",
        make=lambda s: _luong(s, **ASKING),
        refuses=GLOBAL,
    ),
    Mechanism(
        name="general-fed",
        group=GROUP,
        title="Luong's general with input feeding",
        equation="s_t = f(s_{t-1}, [y_{t-1}; out_{t-1}]);  out_t = tanh(W_c [c_t; s_t]), with e, a and c as in general",
        shapes="s, out (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Luong et al. 2015, section 3.3",
        about="What was made of a step goes into the next one, so that the decoder knows what has been looked at. Better alignments for "
        "a training that must go step by step. feeding = true gives dot, concat and the others the same.",
        make=lambda s: _luong(replace(s, feeding=True)),
        refuses=GLOBAL | FED,
    ),
    Mechanism(
        name="local-m",
        group=GROUP,
        title="Luong's local attention, monotonic",
        equation="e_ts = s_t W h_s where |s - t| <= D, else nothing;  a_t = softmax(e_t);  c_t = sum_s a_ts h_s",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k), of which 2 D + 1 a row are not 0 -> c (b q m)",
        source="Luong et al. 2015, section 3.2, local-m",
        about="Step t looks around the source's token t, D = width tokens on either side: it trusts both languages to run in one order. "
        "Here all scores are computed and those outside hidden, so it saves nothing. Take it to see what a window costs in "
        "quality.",
        make=lambda s: _local(s, Monotonic),
        refuses=NO_TRANSFORMER,
    ),
    Mechanism(
        name="local-p",
        group=GROUP,
        title="Luong's local attention, predictive",
        equation="p_t = S sigmoid(v . tanh(W_p s_t));  a_ts = softmax(e_t)_s exp(-2 (s - p_t)^2 / D^2) where |s - p_t| <= D",
        shapes="s (b q m) -> p (b q); h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Luong et al. 2015, section 3.2, equations 9 and 10",
        about="Each step says where it looks, and weights fade like a bell around that place: rows sum to 1 or less. A differentiable "
        "relative of hard attention. All scores are computed here, so it saves nothing.",
        make=lambda s: _local(s, Predicted),
        refuses=NO_TRANSFORMER,
    ),
    Mechanism(
        name="hard-reinforce",
        group=GROUP,
        title="hard: one key is drawn, learnt by reward",
        equation="s ~ softmax(e_t);  c_t = h_s;  gradient of e: (log p(y) - baseline) d log a_s + entropy term",
        shapes="e (b 1 q k) -> drawn slots (b 1 q) -> c (b q m)",
        source="Xu et al. 2015, section 4.1, equations 11 and 12; Williams 1992",
        about="Reading, each query takes the one value with the highest score: no sum of values. Learning, a key is drawn and the "
        "log-likelihood that follows is its reward, less a moving baseline: without bias, but noisy, so it learns slowly. Take it "
        "where a choice must be a choice.",
        make=lambda s: _luong(s, weights=Hard(estimator="reinforce")),
        refuses=GLOBAL,
    ),
    Mechanism(
        name="hard-gumbel",
        group=GROUP,
        title="hard: one key is drawn, learnt straight through",
        equation="s = argmax(e_t + g), g ~ Gumbel;  c_t = h_s;  backwards as softmax((e_t + g) / T)",
        shapes="e, g (b 1 q k) -> a (b 1 q k), one 1 a row -> c (b q m)",
        source="Jang et al. 2017, section 2.2; Maddison et al. 2017",
        about="Forwards a draw, backwards a softmax: little noise and an ordinary loss, for a gradient that is not quite that of what "
        "was done. The easiest hard attention to train.",
        make=lambda s: _luong(s, weights=Hard(estimator="gumbel")),
        refuses=GLOBAL,
    ),
    Mechanism(
        name="hard-enumerated",
        group=GROUP,
        title="hard: every key is tried",
        equation="loss_t = sum_s softmax(e_t)_s (-log p(y_t | c_t = h_s))",
        shapes="e (b 1 q k); the decoder's output (b q m) once for each of k keys",
        source="Xu et al. 2015, section 4.1, equation 10, summed exactly",
        about="What hard-reinforce estimates, exactly: no noise at all, for a training that is as many times as dear as there are keys. "
        "Only where a draw changes nothing but its own step. Take it for short inputs, and to judge the estimators by.",
        make=lambda s: _luong(s, weights=Hard(estimator="enumerate")),
        refuses=GLOBAL | UNFED["single"],
    ),
    Mechanism(
        name="sparsemax",
        group=GROUP,
        title="sparse: most keys get exactly nothing",
        equation="a_t = argmin_p |p - e_t|^2 over the simplex = max(e_t - tau, 0)",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Martins and Astudillo 2016, equation 2 and algorithm 1",
        about="The nearest point of the simplex to the scores: differentiable as softmax is, with exact zeros as hard attention has. "
        "Costs a sort of each row more. Take it where one wants to read off what was left out.",
        make=lambda s: _luong(s, weights=Sparsemax()),
        refuses=GLOBAL,
    ),
    Mechanism(
        name="entmax",
        group=GROUP,
        title="sparse: half-way between softmax and sparsemax",
        equation="a_t = max(e_t / 2 - tau, 0)^2",
        shapes="s (b q m), h (b k m) -> e, a (b 1 q k) -> c (b q m)",
        source="Peters et al. 2019, equation 7 with alpha = 1.5, and algorithm 2",
        about="1.5-entmax: exact zeros, yet a smooth way to them. Costs a sort of each row more than softmax. The sparse mechanism to "
        "try first.",
        make=lambda s: _luong(s, weights=Entmax()),
        refuses=GLOBAL,
    ),
)
