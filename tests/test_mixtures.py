"""Mechanisms that do not go together are refused with the reason, and what the hint says is legal: it can be built."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from limelight.errors import SpecError
from limelight.nn import Network
from limelight.spec import (
    Additive,
    Alibi,
    Attention,
    Buckets,
    Dot,
    Entmax,
    FeedForward,
    General,
    Hard,
    Kernel,
    Model,
    Monotonic,
    Predicted,
    Recurrent,
    Rotary,
    Sinusoid,
    Soft,
    Sparsemax,
    Stack,
    Tokens,
    Words,
    from_json,
    to_json,
)

VOCAB, DIM = 11, 8


def stack(**changes: object) -> Stack:
    usual = {"depth": 1, "attention": Attention(heads=2), "ff": FeedForward(hidden=8), "input": Tokens(vocab=VOCAB)}
    return Stack(**{**usual, **changes})


def column(**changes: object) -> Recurrent:
    return Recurrent(**{"depth": 1, "input": Tokens(vocab=VOCAB), **changes})


def model(**changes: object) -> Model:
    return Model(**{"family": "tiny", "dim": DIM, "heads": (Words(),), **changes})


def lm(**changes: object) -> Model:
    return model(decoder=stack(causal=True, **changes))


def crossed(cross: Attention, **changes: object) -> Model:
    """A Transformer's decoder that looks so."""
    return model(encoder=stack(), decoder=stack(causal=True, cross=cross, **changes))


def recurrent(cross: Attention | None = None, **changes: object) -> Model:
    return model(encoder=column(bidirectional=True), decoder=column(cross=cross, **changes))


def bare(**changes: object) -> Attention:
    return Attention(**{"heads": 1, "maps": "", "bias": "", "score": Dot(), **changes})


def own(**changes: object) -> Model:
    """A language model whose one attention, to itself, is so."""
    return lm(attention=Attention(**{"heads": 2, **changes}))


TRIED = Hard(estimator="enumerate")
Make = Callable[[], Model]
MIXTURES: dict[str, tuple[Make, str, str, tuple[Make, ...]]] = {
    # --- linear attention
    "kernel_score": (
        lambda: own(weights=Kernel(), score=Additive()),
        r"linear attention has a score of its own, phi\(q\) \. phi\(k\): got score=additive\.",
        "Use score=ScaledDot(), or weights=Soft().",
        (lambda: own(weights=Kernel()), lambda: own(score=Additive())),
    ),
    "kernel_window": (
        lambda: own(weights=Kernel(), window=3),
        "never makes the weights one by one, so it cannot change some of them: got window",
        "Leave window out, or use weights=Soft().",
        (lambda: own(weights=Kernel()), lambda: own(window=3)),
    ),
    "kernel_local": (
        lambda: recurrent(bare(weights=Kernel(), local=Predicted(width=2))),
        "cannot change some of them: got local",
        "Leave local out, or use weights=Soft().",
        (lambda: recurrent(bare(weights=Kernel())), lambda: recurrent(bare(local=Predicted(width=2)))),
    ),
    "kernel_dropout": (
        lambda: own(weights=Kernel(), dropout=0.1),
        "cannot change some of them: got dropout",
        "Leave dropout out, or use weights=Soft().",
        (lambda: own(weights=Kernel()), lambda: own(dropout=0.1)),
    ),
    "kernel_alibi": (
        lambda: lm(attention=Attention(heads=2, weights=Kernel()), position=Alibi()),
        "cannot change some of them: got position=alibi",
        "Use position=Sinusoid(...) or Rotary(), without windows; or weights=Soft().",
        (
            lambda: lm(attention=Attention(heads=2, weights=Kernel()), position=Rotary()),
            lambda: lm(attention=Attention(heads=2, weights=Kernel()), position=Sinusoid(length=9)),
            lambda: lm(position=Alibi()),
        ),
    ),
    "kernel_buckets": (
        lambda: lm(attention=Attention(heads=2, weights=Kernel()), position=Buckets()),
        "cannot change some of them: got position=buckets",
        "weights=Soft()",
        (lambda: lm(position=Buckets()),),
    ),
    "kernel_windows": (
        lambda: lm(attention=Attention(heads=2, weights=Kernel()), windows=(3,)),
        "cannot change some of them: got windows",
        "without windows; or weights=Soft()",
        (lambda: lm(attention=Attention(heads=2, weights=Kernel()), windows=(None,)), lambda: lm(windows=(3,))),
    ),
    # --- local attention
    "local_own": (
        lambda: own(local=Monotonic(width=2)),
        "local attention looks into another sequence; this one looks at itself: got attention.local=monotonic",
        "Use window=3, or put local into cross.",
        (lambda: own(window=3), lambda: crossed(Attention(heads=2, local=Monotonic(width=2)))),
    ),
    "local_faded": (
        lambda: recurrent(bare(weights=Sparsemax(), local=Predicted(width=2))),
        r"weights that fade from a predicted place are softmax's \(Luong et al. 2015\): got weights=sparsemax",
        "Use weights=Soft(), or local=Monotonic(width=2).",
        (lambda: recurrent(bare(local=Predicted(width=2))), lambda: recurrent(bare(weights=Sparsemax(), local=Monotonic(width=2)))),
    ),
    "cross_window": (
        lambda: recurrent(bare(window=4)),
        "slots of two sequences have no distance: got decoder.cross.window=4",
        "Drop window from cross, or say where to look: local=Monotonic(width=4).",
        (lambda: recurrent(bare()), lambda: recurrent(bare(local=Monotonic(width=4)))),
    ),
    # --- hard attention
    "hard_own": (
        lambda: own(weights=Hard()),
        'draws of self-attention change all that follows, and "reinforce" learns from single steps',
        'Use estimator="gumbel", or put hard attention into cross.',
        (lambda: own(weights=Hard(estimator="gumbel")), lambda: crossed(Attention(heads=2, weights=Hard()))),
    ),
    "tried_heads": (
        lambda: crossed(Attention(heads=2, weights=TRIED)),
        "every key is tried, and 2 heads would try every combination: got heads=2",
        'Use heads=1, or estimator="reinforce".',
        (lambda: crossed(Attention(heads=1, weights=TRIED)), lambda: crossed(Attention(heads=2, weights=Hard()))),
    ),
    "tried_depth": (
        lambda: crossed(Attention(heads=1, weights=TRIED), depth=2),
        "a draw of the first of 2 layers changes all that the others see: got estimator='enumerate'",
        "Use depth=1, or estimator='reinforce'.",
        (lambda: crossed(Attention(heads=1, weights=TRIED)), lambda: crossed(Attention(heads=1, weights=Hard()), depth=2)),
    ),
    "tried_feeding": (
        lambda: recurrent(bare(weights=TRIED), feeding=True),
        "every key of every step would have to be tried in every combination: a draw goes into the next cell",
        "Use asks='current' without feeding, or estimator='reinforce'.",
        (lambda: recurrent(bare(weights=TRIED)), lambda: recurrent(bare(weights=Hard()), feeding=True)),
    ),
    "tried_previous": (
        lambda: recurrent(bare(weights=TRIED), asks="previous"),
        "a draw goes into the next cell",
        "Use asks='current'",
        (lambda: recurrent(bare(weights=TRIED)), lambda: recurrent(bare(weights=Hard()), asks="previous")),
    ),
    # --- maps
    "maps_unknown": (
        lambda: recurrent(bare(maps="qx")),
        "maps names projections among \"qkvo\": got 'qx', unknown 'x'",
        'Set maps="q".',
        (lambda: recurrent(bare(maps="q")),),
    ),
    "maps_bias": (
        lambda: recurrent(bare(maps="qk", bias="ko")),
        "bias='ko' wants maps that are not there: 'o' is not in maps='qk'",
        'Set bias="k".',
        (lambda: recurrent(bare(maps="qk", bias="k")),),
    ),
    "maps_width": (
        lambda: recurrent(bare(heads=2, head_dim=3, maps="q")),
        "without a map, k, v, o must be as wide as the model: dim=8, heads of 3",
        'Add them: maps="qkvo".',
        (lambda: recurrent(bare(heads=2, head_dim=3, maps="qkvo")),),
    ),
    "maps_groups": (
        lambda: recurrent(bare(heads=2, kv_heads=1, maps="q")),
        "without a map, k, v must be as wide as the model: dim=8, heads of 4",
        'Add them: maps="qkv".',
        (lambda: recurrent(bare(heads=2, kv_heads=1, maps="qkv")),),
    ),
    # --- recurrent columns
    "feeding_nothing": (
        lambda: recurrent(feeding=True),
        "feeding=True is about what attention saw, and there is none",
        r"Give cross=Attention(...), or leave it out.",
        (lambda: recurrent(bare(), feeding=True), lambda: recurrent()),
    ),
    "asks_nothing": (
        lambda: recurrent(asks="previous"),
        "asks='previous' is about what attention saw, and there is none",
        r"Give cross=Attention(...), or leave it out.",
        (lambda: recurrent(bare(), asks="previous"), lambda: recurrent()),
    ),
    "feeding_previous": (
        lambda: recurrent(bare(), asks="previous", feeding=True),
        "what the previous state saw goes into the cell as it is: got asks='previous' with feeding=True",
        "Drop feeding, or use asks='current'.",
        (lambda: recurrent(bare(), asks="previous"), lambda: recurrent(bare(), feeding=True)),
    ),
    "segments": (
        lambda: model(encoder=column(input=Tokens(vocab=VOCAB, segments=2))),
        "a recurrent column reads plain tables of tokens: got input.segments",
        "Leave segments out.",
        (lambda: model(encoder=column()),),
    ),
    "table_width": (
        lambda: model(encoder=column(input=Tokens(vocab=VOCAB, width=4))),
        "a recurrent column reads plain tables of tokens: got input.width",
        "Leave width out.",
        (lambda: model(encoder=column()),),
    ),
    "two_ways_odd": (
        lambda: model(dim=7, encoder=column(bidirectional=True)),
        "encoder: two directions share its width; dim=7 is odd",
        "Use an even dim.",
        (lambda: model(dim=6, encoder=column(bidirectional=True)),),
    ),
    "two_ways_decoder": (
        lambda: model(decoder=column(bidirectional=True)),
        "a decoder may not see the tokens that it is to predict: got decoder.bidirectional=True",
        "Set bidirectional=False; the encoder may read both ways.",
        (lambda: model(decoder=column()), lambda: model(encoder=column(bidirectional=True), decoder=column())),
    ),
    "no_encoder": (
        lambda: model(decoder=column(cross=bare())),
        "decoder.cross is set, with no encoder to look at",
        "Give an encoder, or leave cross out.",
        (lambda: model(encoder=column(), decoder=column(cross=bare())), lambda: model(decoder=column())),
    ),
    "encoder_cross": (
        lambda: model(encoder=column(cross=bare()), decoder=column()),
        "an encoder has nothing to cross-attend to: got encoder.cross",
        r"Put cross=Attention(...) into the decoder.",
        (lambda: model(encoder=column(), decoder=column(cross=bare())),),
    ),
    # --- Transformers
    "causal_encoder": (
        lambda: model(encoder=stack(causal=True), decoder=stack(causal=True, cross=Attention(heads=2))),
        "an encoder beside a decoder must see its whole input: got encoder.causal=True",
        "Drop causal from the encoder, or give a decoder alone for a causal language model.",
        (lambda: crossed(Attention(heads=2)), lambda: lm()),
    ),
    "windows_count": (
        lambda: lm(windows=(3, None)),
        "windows are for each of 1 layers: got 2, and attention.window=None",
        r"Give one window (or None) a layer, and no attention.window.",
        (lambda: lm(windows=(3,)),),
    ),
    "rotary_score": (
        lambda: lm(position=Rotary(), attention=Attention(heads=2, score=General())),
        "rotary positions work through dot products; the score is general",
        "Use score=ScaledDot(), or position=Sinusoid(...).",
        (lambda: lm(position=Rotary()), lambda: lm(position=Sinusoid(length=9), attention=Attention(heads=2, score=General()))),
    ),
    "heads": (
        lambda: own(heads=3),
        "heads must divide dim: dim=8, heads=3",
        "Try heads=2 or heads=4, or head_dim=2.",
        (lambda: own(heads=2), lambda: own(heads=4), lambda: own(heads=3, head_dim=2)),
    ),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_is_refused_and_its_hint_can_be_followed(name: str) -> None:
    make, message, hint, mended = MIXTURES[name]
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    for spec in (each() for each in mended):
        assert from_json(to_json(spec)) == spec
        Network(spec)


# --- as a file has them ------------------------------------------------------------------------------------------------
GOOD = recurrent(Attention(heads=1, weights=Hard(), local=Monotonic(width=2)), feeding=True)


def damaged(spec: Model, path: str, new: object) -> str:
    """A good spec's JSON with one entry (dots go down) set to `new`, or left out where that is None."""
    data = json.loads(to_json(spec))
    *way, last = path.split(".")
    place = data
    for step in way:
        place = place[step]
    place[last] = new
    if new is None:
        del place[last]
    return json.dumps(data)


@pytest.mark.parametrize(
    ("path", "new", "message", "hint"),
    [
        ("decoder.feding", True, 'unknown key "decoder.feding"', 'Did you mean "feeding"'),
        ("decoder.cell", "lsmt", "decoder.cell: .*got 'lsmt'", 'Did you mean "lstm"?   Known: gru, lstm.'),
        ("decoder.asks", "now", "decoder.asks: .*got 'now'", "Known: current, previous."),
        ("encoder.kind", "recurent", 'encoder: unknown kind "recurent"', 'Did you mean "recurrent"?   Known: recurrent, stack.'),
        ("decoder.cross.weights.kind", "hrad", 'decoder.cross.weights: unknown kind "hrad"', 'Did you mean "hard"'),
        ("decoder.cross.weights.kind", None, '"decoder.cross.weights.kind" is missing', "Say which kind it is."),
        ("decoder.cross.weights.estimatr", "gumbel", 'unknown key "decoder.cross.weights.estimatr"', 'Did you mean "estimator"'),
        ("decoder.cross.weights.estimator", "reinforced", "decoder.cross.weights.estimator: .*'reinforced'", 'mean "reinforce"'),
        ("decoder.cross.weights.baseline", 1.0, "decoder.cross.weights.baseline: .*less than 1; got 1.0", ""),
        ("decoder.cross.weights.entropy", -1, "decoder.cross.weights.entropy: .*greater than or equal to 0; got -1", ""),
        ("decoder.cross.weights.temperature", 0, "decoder.cross.weights.temperature: .*greater than 0; got 0", ""),
        ("decoder.cross.local.widht", 3, 'unknown key "decoder.cross.local.widht"', 'Did you mean "width"'),
        ("decoder.cross.local.width", 0, "decoder.cross.local.width: .*greater than or equal to 1; got 0", ""),
        ("decoder.cross.local.kind", "predict", 'decoder.cross.local: unknown kind "predict"', 'Did you mean "predicted"'),
        ("decoder.attention", {"heads": 2}, "decoder.attention is of a stack: .* does not look at itself", "Give it to cross"),
        ("decoder.causal", True, "decoder.causal is of a stack: a recurrent column only knows what came before", "Drop causal"),
        ("decoder.norm_at", "pre", 'unknown key "decoder.norm_at"', "Did you mean \"norm\"?   Known: asks, bidirectional, cell"),
        ("decoder.cross", {"heads": 1, "window": 3}, "model.json: slots of two sequences", "local=Monotonic(width=3)"),
    ],
)
def test_a_file_is_told_the_place_and_the_nearest_that_is_legal(path: str, new: object, message: str, hint: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        from_json(damaged(GOOD, path, new), where="model.json")
    assert caught.value.message.startswith("model.json: ")
    assert "_kind" not in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(("key", "new"), [("feeding", True), ("asks", "previous"), ("cell", "gru"), ("bidirectional", True)])
def test_what_only_steps_have_is_refused_in_a_transformer_with_the_reason(key: str, new: object) -> None:
    why = f"{key} is about the steps of a recurrent column, and a Transformer's"
    made = vars(lm().decoder)
    for make in (lambda: from_json(damaged(lm(), f"decoder.{key}", new), where="model.json"), lambda: Stack(**{**made, key: new})):
        with pytest.raises(SpecError, match=why) as caught:
            make()
        assert caught.value.hint == 'Use Recurrent (kind="recurrent"), or drop it.'
    from_json(damaged(lm(), "decoder.norm_input", True))                           # and what it does have is not


def test_folders_from_before_there_were_two_kinds_hold_stacks() -> None:
    assert from_json(damaged(lm(), "decoder.kind", None)) == lm()


# --- what a spec knows of itself ----------------------------------------------------------------------------------------
def test_which_models_must_go_step_by_step() -> None:
    assert not recurrent().decoder.steps
    assert not recurrent(bare()).decoder.steps
    assert recurrent(bare(), feeding=True).decoder.steps
    assert recurrent(bare(), asks="previous").decoder.steps


def test_which_draws_a_loss_has_to_know_of_and_which_of_them_last() -> None:
    assert recurrent().drawing is lm().drawing is crossed(Attention(heads=2)).drawing is None
    assert recurrent(bare(weights=Hard(estimator="gumbel"))).drawing is None
    assert recurrent(bare(weights=Entmax())).drawing is None
    assert recurrent(bare(weights=Hard(entropy=0.5))).drawing == Hard(entropy=0.5)
    assert crossed(Attention(heads=1, weights=TRIED)).drawing == TRIED
    assert not recurrent(bare(weights=Soft())).lasting
    assert recurrent(bare(), feeding=True).lasting
    assert crossed(Attention(heads=2), depth=2).lasting
    assert not crossed(Attention(heads=2)).lasting
    assert not model(encoder=stack()).lasting


def test_a_recurrent_side_bounds_no_length() -> None:
    assert recurrent(bare()).room is None
    mixed = model(encoder=stack(position=Sinusoid(length=9)), decoder=column(cross=bare()))
    assert mixed.room == 9
    assert (mixed.decoder.position, mixed.decoder.norm_input) == (None, False)
