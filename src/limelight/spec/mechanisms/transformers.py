"""Transformers: one encoder-decoder (`encoder_decoder`), and the heads, positions and masks that it has been given since.

All are edits of that one model, so that what differs between two of them is the mechanism and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..attention import Attention
from ..model import Model
from ..ready import encoder_decoder
from ..scores import Dot
from ..weights import Entmax, Hard, Kernel
from .mechanism import Mechanism, Refusal
from .sizes import PositionName, Sizes, position

HEADS, PLACES, MASKS = "Transformer: heads", "Transformer: positions", "Transformer: what may be seen"
WINDOW = 32

NO_RECURRENT = {
    "cell": Refusal("a Transformer has no recurrent cell", "general"),
    "bidirectional": Refusal("a Transformer reads all places at once", "general"),
    "feeding": Refusal("a Transformer has no cell to feed the last step to", "general"),
    "width": Refusal("self-attention has a window, not a width", "multi-head", "window"),
}
PLACED = NO_RECURRENT | {"position": Refusal("this mechanism is a position", "multi-head")}


def _transformer(s: Sizes, *, at: PositionName = "sinusoid", window: int | None = None, heads: int | None = None, **changes: Any) -> Model:
    """The base model with `changes` in all of its attentions, and `window` where it attends to itself."""
    base = encoder_decoder(
        vocab=s.vocab,
        dim=s.dim,
        heads=heads or s.heads,
        encoder_depth=s.encoder_depth,
        decoder_depth=s.decoder_depth,
        hidden=s.hidden,
        length=s.length,
        dropout=s.dropout,
        norm_at=s.norm_at,
    )
    if s.scaled is False:
        changes["score"] = Dot()
    if s.kv_heads is not None:
        changes["kv_heads"] = s.kv_heads
    cross = Attention(heads=heads or s.heads, **changes)
    same = {"attention": replace(cross, window=s.window or window), "position": position(s.position or at, s.length)}
    encoder = base.encoder and replace(base.encoder, **same)
    return replace(base, encoder=encoder, decoder=base.decoder and replace(base.decoder, **same, cross=cross))


def decoder_alone(model: Model) -> Model:
    """The same model without an encoder to look at: a language model, whose past is all that it sees."""
    return replace(model, encoder=None, decoder=model.decoder and replace(model.decoder, cross=None))


def _grouped(s: Sizes) -> Model:
    return _transformer(s, kv_heads=max((n for n in range(1, s.heads) if s.heads % n == 0), default=1))


TRANSFORMERS = (
    Mechanism(
        name="multi-head",
        group=HEADS,
        title="Vaswani's: several heads of scaled dot products",
        equation="head_i = softmax(Q_i K_i^T / sqrt(d)) V_i;  out = [head_1; ...; head_h] W_o, with Q_i, K_i, V_i = x W_qi, x W_ki, x W_vi",
        shapes="q, k, v (b h n d), d = m / h -> scores (b h q k) -> out (b q m)",
        source="Vaswani et al. 2017, sections 3.2.1 and 3.2.2, equation 1",
        about="Each head compares in a space of its own, so one layer can look at several places for several reasons. Operations grow "
        "with the square of the length; a fused kernel keeps memory from doing so. The default.",
        make=_transformer,
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="single-head",
        group=HEADS,
        title="one head as wide as the model",
        equation="out = softmax(Q K^T / sqrt(m)) V W_o",
        shapes="q, k, v (b 1 n m) -> scores (b 1 q k) -> out (b q m)",
        source="Vaswani et al. 2017, section 3.2.1; table 3, row A",
        about="As many operations as with many heads, and as many parameters, but one pattern of weights for each layer. Take it to see "
        "what heads are for.",
        make=lambda s: _transformer(s, heads=1),
        refuses=NO_RECURRENT | {"kv_heads": Refusal("one head has no others to share its keys with", "grouped-query")},
    ),
    Mechanism(
        name="multi-query",
        group=HEADS,
        title="all heads share one head of keys and values",
        equation="head_i = softmax(Q_i K^T / sqrt(d)) V",
        shapes="q (b h n d), k, v (b 1 n d) -> scores (b h q k) -> out (b q m)",
        source="Shazeer 2019, section 3",
        about="The cache of a generation is heads times smaller, and so is what each step has to read; in the paper quality falls a "
        "little. Comparing costs as much as ever. Take it where many long texts are written at once.",
        make=lambda s: _transformer(s, kv_heads=1),
        refuses=NO_RECURRENT | {"kv_heads": Refusal("this mechanism is one head of keys and values", "grouped-query")},
    ),
    Mechanism(
        name="grouped-query",
        group=HEADS,
        title="heads share keys and values in groups",
        equation="head_i = softmax(Q_i K_g(i)^T / sqrt(d)) V_g(i)",
        shapes="q (b h n d), k, v (b g n d) -> scores (b h q k) -> out (b q m)",
        source="Ainslie et al. 2023, section 2.2",
        about="Between multi-head and multi-query: nearly the quality of the one for nearly the cache of the other. What most language "
        "models have today. kv_heads says how many groups; by default half of the heads, or the largest share that divides them.",
        make=_grouped,
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="unscaled",
        group=HEADS,
        title="dot products that are not divided by sqrt(d)",
        equation="head_i = softmax(Q_i K_i^T) V_i",
        shapes="q, k, v (b h n d) -> scores (b h q k) -> out (b q m)",
        source="Luong et al. 2015, equation 8; Vaswani et al. 2017, section 3.2.1, footnote 4",
        about="With wide heads scores grow as sqrt(d), softmax saturates and its gradients fade. Costs the same. Take it to see what "
        "the scale is for; T5 does without, and begins with smaller weights instead.",
        make=lambda s: _transformer(s, score=Dot()),
        refuses=NO_RECURRENT | {"scaled": Refusal("this mechanism is not to scale", "multi-head")},
    ),
    Mechanism(
        name="sparse-heads",
        group=HEADS,
        title="heads that leave most keys out",
        equation="head_i = entmax(Q_i K_i^T / sqrt(d)) V_i, alpha = 1.5",
        shapes="q, k, v (b h n d) -> scores (b h q k), mostly 0 -> out (b q m)",
        source="Correia et al. 2019, section 3, with alpha fixed at 1.5",
        about="Heads whose weights are exactly 0 for most keys: easier to read, and in the paper as good. No fused kernel knows them, "
        "so scores and weights exist whole, and each row is sorted.",
        make=lambda s: _transformer(s, weights=Entmax()),
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="hard-heads",
        group=HEADS,
        title="heads that take one key each",
        equation="head_i = V_i[argmax(Q_i K_i^T / sqrt(d) + g)], g ~ Gumbel while it learns, 0 when it reads",
        shapes="q, k, v (b h n d) -> scores (b h q k) -> slots (b h q) -> out (b q m)",
        source="Jang et al. 2017, section 2.2, in every head",
        about="Every head picks. Learnt straight through, because a draw in one layer changes all the layers above. Harder to train "
        "than it is to read.",
        make=lambda s: _transformer(s, weights=Hard(estimator="gumbel")),
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="sinusoidal",
        group=PLACES,
        title="waves added to the tokens",
        equation="x_t + [sin(t w_i), cos(t w_i)], w_i from 1 to 1 / 10,000",
        shapes="x (b n m) + waves (n m)",
        source="Vaswani et al. 2017, section 3.5",
        about="Nothing to learn; places beyond the training have waves as well, if untried ones. What multi-head has here anyway.",
        make=lambda s: _transformer(s, at="sinusoid"),
        refuses=PLACED,
    ),
    Mechanism(
        name="learned",
        group=PLACES,
        title="a trained vector for each place",
        equation="x_t + P_t",
        shapes="x (b n m) + P (length m)",
        source="Gehring et al. 2017, section 3.1; Vaswani et al. 2017, table 3, row E",
        about="As good as waves within the lengths that were trained on, and nothing at all beyond `length`. BERT and GPT-2 have it.",
        make=lambda s: _transformer(s, at="learned"),
        refuses=PLACED,
    ),
    Mechanism(
        name="rotary",
        group=PLACES,
        title="queries and keys are turned by their places",
        equation="score_ts = (R_t q_t) . (R_s k_s) / sqrt(d) = q_t . R_{s-t} k_s / sqrt(d)",
        shapes="q, k (b h n d), pairs of channels turned by (n d/2) angles",
        source="Su et al. 2021, section 3.2, equations 15, 16 and 34",
        about="Scores know the distance, in every layer, for a few products a token. Not between two sequences: cross-attention goes "
        "unturned. What most language models have today; stretches to longer texts with care.",
        make=lambda s: _transformer(s, at="rotary"),
        refuses=PLACED,
    ),
    Mechanism(
        name="alibi",
        group=PLACES,
        title="far keys are penalised, each head by a slope of its own",
        equation="score_ts = q_t . k_s / sqrt(d) - slope_h |t - s|, slopes a geometric series",
        shapes="scores (b h q k) + bias (1 h q k)",
        source="Press et al. 2022, section 3",
        about="Nothing is added to tokens, nothing is learnt, and in the paper no scheme does better on texts longer than those of the "
        "training. The bias is a map of heads x queries x keys, so memory grows with the square of the length.",
        make=lambda s: _transformer(s, at="alibi"),
        refuses=PLACED,
    ),
    Mechanism(
        name="no-positions",
        group=PLACES,
        title="nothing says where a token stands",
        equation="x_t",
        shapes="x (b n m)",
        source="Vaswani et al. 2017, section 3.5; Haviv et al. 2022, section 3",
        about="An encoder sees a bag of tokens: swap two and their states are swapped, no more. A causal decoder can still count what "
        "it may see. Take it to see what positions are for.",
        make=lambda s: _transformer(s, at="none"),
        refuses=PLACED,
    ),
    Mechanism(
        name="causal",
        group=MASKS,
        title="a decoder alone: no place sees what comes after it",
        equation="head_i = softmax(Q_i K_i^T / sqrt(d), with s > t hidden) V_i",
        shapes="q, k, v (b h n d) -> scores (b h n n), upper triangle hidden -> out (b n m)",
        source="Vaswani et al. 2017, section 3.2.3; Liu et al. 2018, section 4.2.3",
        about="Masked self-attention: a whole text is learnt from in one pass, each place from those before it, and what is written "
        "goes on from a cache. A language model: it has no source to look at, so it cannot be a translation's.",
        make=lambda s: decoder_alone(_transformer(s)),
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="windowed",
        group=MASKS,
        title="self-attention sees its neighbours only",
        equation="head_i = softmax(Q_i K_i^T / sqrt(d), with |t - s| >= w hidden) V_i",
        shapes="q, k, v (b h n d) -> scores (b h n w) -> out (b n m)",
        source="Beltagy et al. 2020, section 3.1",
        about="What is far is reached through layers. Long texts are gone through in chunks, and operations grow with length x window; "
        "while it writes, its cache keeps all keys all the same. Cross-attention sees all. window says how near; 32 by default.",
        make=lambda s: _transformer(s, window=WINDOW),
        refuses=NO_RECURRENT,
    ),
    Mechanism(
        name="linear",
        group=MASKS,
        title="a kernel for a score: keys and values are summed first",
        equation="out_t = phi(q_t) . sum_s phi(k_s) v_s^T / phi(q_t) . sum_s phi(k_s), phi = elu + 1",
        shapes="phi(q), phi(k) (b h n d), sums (b h d d) -> out (b q m)",
        source="Katharopoulos et al. 2020, equations 4, 5, 7 and 9",
        about="No map of queries and keys is ever made: operations and memory grow with the length. It cannot single out one key as "
        "softmax does, so recall suffers. Weights are still there to be looked at, rebuilt from queries and keys.",
        make=lambda s: _transformer(s, weights=Kernel()),
        refuses=NO_RECURRENT
        | {
            "window": Refusal("linear attention never makes the weights one by one, so it cannot hide some of them", "windowed"),
            "scaled": Refusal("a scale is lost in the sum that a kernel's shares are divided by", "multi-head"),
        },
    ),
)
