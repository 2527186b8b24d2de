"""The spec: every member of every union goes to JSON and back; every illegal mixture is refused with a hint."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight import spec
from limelight.errors import SpecError
from limelight.spec import (
    Additive,
    Alibi,
    Attention,
    Buckets,
    Classes,
    Dot,
    Entmax,
    FeedForward,
    General,
    Hard,
    Kernel,
    Learned,
    Model,
    Monotonic,
    Norm,
    Predicted,
    Recurrent,
    Rotary,
    ScaledDot,
    Sinusoid,
    Soft,
    Sparsemax,
    Stack,
    Tokens,
    Words,
    decoder_only,
    encoder_decoder,
    from_json,
    to_json,
)

POSITIONS = [
    None,
    Learned(length=9, offset=2),
    Sinusoid(length=9, offset=2, halves=True, shifted=True),
    Rotary(base=500.0, pairs=True, length=7),
    Alibi(),
    Buckets(count=8, furthest=20),
]
SCORES = [Dot(), ScaledDot(), ScaledDot(scale=0.25), General(), Additive()]


def stack(**changes: object) -> Stack:
    return Stack(**{"depth": 1, "attention": Attention(heads=2), "ff": FeedForward(hidden=8), "input": Tokens(vocab=11), **changes})


def model(**changes: object) -> Model:
    return Model(**{"family": "tiny", "dim": 8, "heads": (Words(),), **changes})


def lm(**changes: object) -> Model:
    return model(decoder=stack(causal=True, **changes))


LEGAL = [(p, s) for p in POSITIONS for s in SCORES if not (isinstance(p, Rotary) and isinstance(s, General | Additive))]


@pytest.mark.parametrize(("position", "score"), LEGAL, ids=repr)
def test_every_member_goes_to_json_and_back(position, score) -> None:
    made = lm(position=position, attention=Attention(heads=2, score=score))
    back = from_json(to_json(made))
    assert back == made
    assert hash(back) == hash(made)
    assert type(back.decoder.position) is type(position)
    assert back.decoder.attention.score == score


def test_json_spells_every_field_out() -> None:
    def fields(item: object) -> object:
        if dataclasses.is_dataclass(item):
            return {f.name: fields(getattr(item, f.name)) for f in dataclasses.fields(item)}
        return [fields(each) for each in item] if isinstance(item, tuple) else item

    made = encoder_decoder(vocab=11, dim=8, heads=2, encoder_depth=1, decoder_depth=2)
    assert json.loads(to_json(made)) == fields(made)


def test_a_spec_differs_by_any_of_its_fields() -> None:
    made = {lm(position=position) for position in POSITIONS} | {lm(position=position) for position in POSITIONS}
    assert len(made) == len(POSITIONS)
    assert lm() != lm(norm_at="post")


ATTENTIONS = st.builds(
    Attention,
    heads=st.just(4),
    kv_heads=st.sampled_from([None, 1, 2, 4]),
    head_dim=st.sampled_from([None, 2, 6]),
    bias=st.sampled_from(["", "qkvo", "v"]),
    score=st.sampled_from([Dot(), ScaledDot(), ScaledDot(scale=0.3)]),
    weights=st.sampled_from([Soft(), Sparsemax(), Entmax(), Hard(estimator="gumbel", temperature=0.5)]),
    dropout=st.floats(0, 0.9),
)
STACKS = st.fixed_dictionaries(
    {
        "depth": st.integers(1, 99),
        "attention": ATTENTIONS,
        "ff": st.builds(
            FeedForward,
            hidden=st.integers(1, 99),
            activation=st.sampled_from(["relu", "gelu", "gelu_tanh", "silu"]),
            gated=st.booleans(),
            bias=st.booleans(),
            dropout=st.floats(0, 0.9),
        ),
        "norm": st.builds(Norm, kind=st.sampled_from(["layer", "rms"]), eps=st.floats(1e-9, 1)),
        "input": st.builds(Tokens, vocab=st.integers(1, 10**6), scaled=st.booleans()),
        "position": st.sampled_from(POSITIONS),
        "norm_at": st.sampled_from(["pre", "post"]),
        "norm_input": st.booleans(),
        "norm_output": st.booleans(),
        "dropout": st.floats(0, 0.9),
    }
)
LOOKS = st.sampled_from(
    [
        *((weights, local) for weights in (Soft(), Sparsemax(), Hard(baseline=0.5, entropy=0.2)) for local in (None, Monotonic(width=3))),
        (Soft(), Predicted(width=4)),
        (Kernel(), None),
    ]
)
CROSSES = st.builds(
    lambda maps, look, score: Attention(
        heads=1, maps=maps, bias=maps[:1], weights=look[0], local=look[1], score=Dot() if look[0] == Kernel() else score
    ),
    maps=st.sampled_from(["", "qk", "qkvo"]),
    look=LOOKS,
    score=st.sampled_from(SCORES),
)
RECURRENTS = st.builds(
    lambda how, **fields: Recurrent(**fields, asks=how[0], feeding=how[1]),
    depth=st.integers(1, 99),
    cell=st.sampled_from(["lstm", "gru"]),
    norm=st.builds(Norm, eps=st.floats(1e-9, 1)),
    input=st.builds(Tokens, vocab=st.integers(1, 10**6), scaled=st.booleans()),
    how=st.sampled_from([("current", False), ("current", True), ("previous", False)]),
    cross=CROSSES,
    dropout=st.floats(0, 0.9),
)
HEADS = st.builds(Words, name=st.text(), tied=st.booleans(), bias=st.booleans(), scale=st.floats(1e-9, 1e9)).map(lambda head: (head,))


@given(encoder=STACKS, decoder=STACKS, cross=ATTENTIONS, heads=HEADS, parts=st.sampled_from(["encoder", "decoder", "both"]))
def test_any_model_goes_to_json_and_back(encoder, decoder, cross, heads, parts: str) -> None:
    made = model(
        dim=16,
        heads=heads,
        encoder=None if parts == "decoder" else Stack(**encoder),
        decoder=None if parts == "encoder" else Stack(**decoder, causal=True, cross=cross if parts == "both" else None),
    )
    assert from_json(to_json(made)) == made


@given(decoder=RECURRENTS, encoder=STACKS, ways=st.sampled_from([None, False, True]), heads=HEADS)
def test_any_recurrent_model_goes_to_json_and_back(decoder: Recurrent, encoder, ways: bool | None, heads) -> None:
    """Over a recurrent encoder that reads one way or both, or over a Transformer's."""
    under = Stack(**encoder) if ways is None else Recurrent(depth=2, bidirectional=ways, input=Tokens(vocab=7))
    made = model(dim=16, heads=heads, encoder=under, decoder=decoder)
    back = from_json(to_json(made))
    assert back == made
    assert hash(back) == hash(made)


ILLEGAL = {
    "nothing": (lambda: model(), "needs an encoder, a decoder or both", "encoder=Stack"),
    "rotary_general": (lambda: lm(position=Rotary(), attention=Attention(heads=2, score=General())), "the score is general", "ScaledDot"),
    "rotary_additive": (
        lambda: lm(position=Rotary(), attention=Attention(heads=2, score=Additive())),
        "the score is additive",
        "ScaledDot",
    ),
    "rotary_odd": (lambda: lm(position=Rotary(), attention=Attention(heads=2, head_dim=3)), "a head has 3, an odd number", "even head_dim"),
    "sinusoid_odd": (
        lambda: model(dim=9, encoder=stack(attention=Attention(heads=3), position=Sinusoid(length=4))),
        "dim=9 is odd",
        "even dim",
    ),
    "heads": (lambda: lm(attention=Attention(heads=3)), "heads must divide dim: dim=8, heads=3", "heads=2 or heads=4, or head_dim=2"),
    "kv_heads": (lambda: Attention(heads=12, kv_heads=5), "heads=12, kv_heads=5", "[1, 2, 3, 4, 6, 12]"),
    "bias": (lambda: Attention(heads=2, bias="qkz"), "unknown 'z'", ""),
    "buckets_count": (lambda: Buckets(count=6), "count=6 must be a multiple of 4", "count=32"),
    "buckets_furthest": (lambda: Buckets(count=32, furthest=16), "furthest=16 must be more than count / 2 = 16", "furthest=128"),
    "encoder_cross": (lambda: model(encoder=stack(cross=Attention(heads=2))), "encoder.cross", "into the decoder"),
    "encoder_causal": (
        lambda: model(encoder=stack(causal=True), decoder=stack(causal=True, cross=Attention(heads=2))),
        "encoder.causal=True",
        "Drop causal",
    ),
    "decoder_sees_all": (lambda: model(decoder=stack()), "decoder.causal=False", "causal=True"),
    "no_cross": (lambda: model(encoder=stack(), decoder=stack(causal=True)), "cross is unset, with an encoder", "both, or neither"),
    "no_encoder": (lambda: lm(cross=Attention(heads=2)), "cross is set, with no encoder", "both, or neither"),
    "cross_heads": (lambda: model(encoder=stack(), decoder=stack(causal=True, cross=Attention(heads=3))), "dim=8, heads=3", "heads=2"),
    "cross_window": (
        lambda: model(encoder=stack(), decoder=stack(causal=True, cross=Attention(heads=2, window=4))),
        "cross.window=4",
        "Drop window",
    ),
    "two_heads": (lambda: model(encoder=stack(), heads=(Words(name="a"), Words(name="a"))), "two heads have one name", "differently"),
    "quantity": (lambda: Classes(labels=("mood",), several=True, quantity=True), "several=True and quantity=True", "one of them"),
    "zero_depth": (lambda: stack(depth=0), "depth: .*greater than or equal to 1; got 0", ""),
    "dropout_one": (lambda: stack(dropout=1.0), "dropout: .*less than 1; got 1.0", ""),
    "activation": (lambda: FeedForward(hidden=4, activation="swish"), "activation: .*got 'swish'", ""),
    "scale": (lambda: ScaledDot(scale=-1.0), "scale: .*greater than 0", ""),
    "misspelt": (lambda: Attention(heads=2, kv_head=1), 'unknown key "kv_head"', 'Did you mean "kv_heads"'),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_mixture_is_refused(name: str) -> None:
    make, message, hint = ILLEGAL[name]
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint


def damaged(path: str, new: object) -> str:
    """A good spec's JSON with one entry (dots go down) set to `new`."""
    data = json.loads(to_json(lm(position=Rotary())))
    *way, last = path.split(".")
    place = data
    for step in way:
        place = place[step]
    place[last] = new
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{", "model.json: not JSON", ""),
        ("[1]", r"model.json: .*got \[1\]", ""),
        (damaged("famly", "x"), 'unknown key "famly"', 'Did you mean "family"'),
        (damaged("decoder.depht", 2), 'unknown key "decoder.depht"', 'Did you mean "depth"'),
        (damaged("decoder.attention.widow", 2), "widow", 'Did you mean "window"'),
        (damaged("decoder.position.bas", 2), "bas", 'Did you mean "base"'),
        (damaged("decoder.position.kind", "spiral"), "spiral", ""),
        (damaged("decoder.attention.score", {"kind": "general"}), "model.json: rotary positions work through dot", "ScaledDot"),
        (damaged("decoder.causal", False), "causal=False", "causal=True"),
        (damaged("dim", "wide"), "dim: .*got 'wide'", ""),
        (json.dumps({"family": "x", "dim": 8}), '"heads" is missing', "Give it a value"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(text: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        from_json(text, where="model.json")
    assert caught.value.message.startswith("model.json")
    assert hint in caught.value.hint


def test_widths() -> None:
    assert Attention(heads=4).width(32) == 8
    assert Attention(heads=3, head_dim=5).width(32) == 5
    assert Attention(heads=96).width(12_288) == 128
    assert (Attention(heads=8).groups, Attention(heads=8, kv_heads=2).groups) == (8, 2)


def test_the_ready_made_transformer_shares_all_but_what_a_decoder_adds() -> None:
    made = encoder_decoder(vocab=11, dim=8, heads=2, encoder_depth=3, decoder_depth=2, dropout=0.1, norm_at="post")
    assert (made.encoder.depth, made.decoder.depth) == (3, 2)
    assert dataclasses.replace(made.encoder, depth=2, causal=True, cross=made.encoder.attention) == made.decoder
    assert made.encoder.ff.hidden == 32
    assert not made.encoder.norm_output
    assert encoder_decoder(vocab=11, dim=8, heads=2, encoder_depth=1, decoder_depth=1).encoder.norm_output


def test_the_ready_made_language_model_is_a_decoder_alone() -> None:
    made = decoder_only(vocab=11, dim=12, heads=2, depth=3, length=40, dropout=0.1)
    assert made.encoder is None
    assert (made.decoder.depth, made.decoder.causal, made.room) == (3, True, 40)
    assert (made.decoder.ff.hidden, made.decoder.ff.gated, made.decoder.norm.kind) == (32, True, "rms")
    assert made.decoder.dropout == made.decoder.ff.dropout == 0.1
    assert decoder_only(vocab=11, dim=12, heads=2, depth=1, hidden=20).decoder.ff.hidden == 20
    assert from_json(to_json(made)) == made


def test_every_value_says_what_it_is() -> None:
    values = [kind for kind in vars(spec).values() if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")]
    assert len(values) > 15
    assert all((kind.__doc__ or "").strip() and not kind.__doc__.startswith(f"{kind.__name__}(") for kind in values)
