"""What every model shows: gradients everywhere, a plain state dict, one owner for a shared table, causality, dropout only in training."""

from __future__ import annotations

import io
import re

import pytest
import torch
from specs import DIM, ENCODERS, MODELS, STACKS, VOCAB, build, changed, decoder_only, encoder_decoder, stack, tokens
from torch import Tensor

from limelight.errors import InputError, SpecError, TaskError
from limelight.inputs import Batch, pad
from limelight.inputs.pairs import Pairs
from limelight.nn import Draws, Network
from limelight.spec import Attention, FeedForward, Learned, Model, Rotary, Sinusoid, Tokens, Words
from limelight.train.drawing import drawing_loss

ALL = {**MODELS, **ENCODERS}


def logits(model: Network, given: Tensor, source: Tensor | None = None) -> Tensor:
    if model.decoder is None:
        return model.logits(model.encode(Batch(given)).hidden)
    memory = None if model.encoder is None else model.encode(Batch(given if source is None else source))
    return model.logits(model.decode(given, memory=memory))


def loss(model: Network, given: Tensor) -> Tensor:
    """The next token's. No gradient goes through a draw: draws that are not straight-through learn by a loss of their own."""
    hard = model.spec.drawing
    if hard is not None:
        pairs = Pairs(Batch(given), Batch(given))
        return drawing_loss(model, pairs, hard=hard, start=1).total
    return torch.nn.functional.cross_entropy(logits(model, given).flatten(0, 1), given.roll(-1, 1).flatten())


@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = build(ALL[name]).train()
    loss(model, tokens(4, 12)).backward()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key
        if not re.search(r"\.k\.bias$", key):       # adds the same to all scores of a query, and softmax does not see that
            assert weight.grad.abs().max() > 1e-7, key


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].drawing])
def test_a_draw_lets_no_gradient_through(name: str) -> None:
    """Only its log-probability has one: what `draws` are for."""
    model, given, draws = build(MODELS[name]).train(), tokens(2, 6), Draws()
    model.decode(given, memory=model.encode(Batch(given)), draws=draws).sum().backward(retain_graph=True)
    asking = {key: weight for key, weight in model.named_parameters() if re.search(r"cross\.(q|k|score)", key)}
    assert asking
    assert all(weight.grad is None for weight in asking.values())
    draws.logprobs().sum().backward()
    assert all(weight.grad.abs().max() > 1e-7 for key, weight in asking.items() if not key.endswith("k.bias"))


@pytest.mark.parametrize("name", ALL)
def test_names_in_the_state_dict(name: str) -> None:
    """Our words only: history lives in the tables that read others' files."""
    linear = r"(q|k|v|o|up|down|gate)\.(weight|bias)"
    norms = r"norm\.(weight|bias)"
    attention = rf"({linear}|score|baseline|centres\.(bend|place)\.weight)"
    block = rf"blocks\.\d\.((attn|cross)\.{attention}|ff\.{linear}|ff\.{norms}|(attn|cross|ff)_add\.(again|norm)\.(weight|bias))"
    side = rf"(encoder|decoder)\.({block}|{norms}|embed\.((token|position|row|column)\.weight|{norms})|distance\.weight)"
    cell = r"((x|h)\.(weight|bias)|seen\.weight)"
    decoder = rf"decoder\.(cells\.\d\.{cell}|(bridge|readout)\.(weight|bias)|cross\.{attention})"
    recurrent = rf"encoder\.blocks\.\d\.(onward|back)\.{cell}|{decoder}"
    pattern = re.compile(rf"{side}|{recurrent}|heads\.lm\.(out\.(weight|bias)|bias)")
    keys = list(build(ALL[name]).state_dict())
    assert [key for key in keys if not pattern.fullmatch(key)] == []


@pytest.mark.parametrize("name", ALL)
def test_saved_and_read_back_it_is_the_same_model(name: str) -> None:
    model, given, file = build(ALL[name]), tokens(2, 5), io.BytesIO()
    torch.save(model.state_dict(), file)
    again = Network(ALL[name]).eval()
    again.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    with torch.no_grad():
        assert torch.equal(logits(again, given), logits(model, given))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_no_place_sees_what_comes_after_it(name: str) -> None:
    model, given, source = build(MODELS[name]), tokens(2, 8), tokens(2, 5)
    other = given.clone()
    other[:, 5:] = (other[:, 5:] + 1) % VOCAB
    before, after = logits(model, given, source), logits(model, other, source)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("name", ["encoder_plain", "encoder_alibi", "encoder_rotary"])
@torch.no_grad()
def test_an_encoder_sees_both_ways(name: str) -> None:
    model, given = build(ENCODERS[name]), tokens(1, 6)
    other = given.clone()
    other[0, -1] = (other[0, -1] + 1) % VOCAB
    assert not torch.allclose(logits(model, given)[:, 0], logits(model, other)[:, 0])


@torch.no_grad()
def test_a_window_hides_what_is_further() -> None:
    """One layer, window 3: place 6 sees 4 to 6, and an encoder sees 4 to 8."""
    one = changed(STACKS["window"], depth=1)
    lm, encoder = build(decoder_only(one)), build(Model(family="tiny", dim=DIM, encoder=one, heads=(Words(),)))
    given = tokens(1, 10)
    for model, seen in ((lm, range(4, 7)), (encoder, range(4, 9))):
        base, felt = logits(model, given)[0, 6], []
        for place in range(10):
            other = given.clone()
            other[0, place] = (other[0, place] + 1) % VOCAB
            if not torch.equal(logits(model, other)[0, 6], base):
                felt.append(place)
        assert felt == list(seen)


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_order_matters_where_there_are_positions(name: str) -> None:
    """Read backwards: without positions each token is what it was; ALiBi's penalty is the same on both sides, so it cannot tell."""
    model, given = build(ENCODERS[name]), tokens(1, 6)
    backwards = model.encode(Batch(given.flip(1))).hidden.flip(1)
    same = torch.allclose(backwards, model.encode(Batch(given)).hidden, atol=1e-4)
    assert same is (name in {"encoder_no_position", "encoder_alibi"})


def test_one_table_serves_both_sides_and_the_head() -> None:
    model = build(MODELS["both_plain"])
    keys = [key for key in model.state_dict() if "token" in key or key.startswith("heads")]
    assert keys == ["encoder.embed.token.weight"]
    assert model.decoder.embed.table is model.encoder.embed.table
    hidden = torch.randn(2, 3, DIM)
    assert torch.allclose(model.logits(hidden), hidden @ model.encoder.embed.token.weight.T, atol=1e-5)


def test_other_vocabularies_are_not_shared() -> None:
    source = stack(input=Tokens(vocab=7))
    target = stack(causal=True, cross=Attention(heads=2))
    model = Network(Model(family="tiny", dim=DIM, encoder=source, decoder=target, heads=(Words(),)))
    assert model.encoder.embed.table.num_embeddings == 7
    assert model.logits(torch.randn(1, 1, DIM)).shape == (1, 1, VOCAB)


def test_a_lent_table_follows_its_owner_to_another_type_and_copy() -> None:
    model = build(MODELS["both_plain"]).bfloat16()
    assert model.decoder.embed.table.weight.dtype == torch.bfloat16
    model.load_state_dict({key: torch.zeros_like(weight) for key, weight in model.state_dict().items()}, assign=True)
    assert (model.decoder.embed.table.weight == 0).all()
    assert (model.logits(torch.randn(1, 1, DIM).bfloat16()) == 0).all()


def test_heads_scale_and_add_as_the_spec_says() -> None:
    hidden = torch.randn(1, 2, DIM)
    tied, untied = build(MODELS["both_tied_bias"]), build(MODELS["both_untied"])
    table = tied.encoder.embed.token.weight
    assert torch.allclose(tied.logits(hidden), 0.25 * hidden @ table.T + tied.heads["lm"].bias, atol=1e-5)
    assert torch.allclose(untied.logits(hidden), hidden @ untied.heads["lm"].out.weight.T + untied.heads["lm"].out.bias, atol=1e-5)


def test_dropout_acts_in_training_only() -> None:
    for where in ("dropout", "attention", "ff"):
        changes = {
            "dropout": {"dropout": 0.5},
            "attention": {"attention": Attention(heads=4, dropout=0.5)},
            "ff": {"ff": FeedForward(hidden=24, dropout=0.5)},
        }[where]
        model, given = build(decoder_only(stack(**changes))), tokens(2, 6)
        quiet = model.decode(given)
        assert torch.equal(model.decode(given), quiet)
        model.train()
        assert not torch.allclose(model.decode(given), model.decode(given)), where
        assert torch.equal(model.eval().decode(given), quiet)


def test_a_model_made_without_memory_holds_its_waves_once_filled() -> None:
    with torch.device("meta"):
        model = Network(MODELS["both_halves"])
    full = build(MODELS["both_halves"])
    model.load_state_dict(full.state_dict(), assign=True)
    for each in (model.encoder, model.decoder):
        each.embed.fill_waves()
    with torch.no_grad():
        assert torch.equal(logits(model.eval(), tokens(2, 5)), logits(full, tokens(2, 5)))


def test_attentions_are_named_by_side_layer_and_kind() -> None:
    assert list(build(MODELS["both_plain"]).attentions()) == [
        "encoder.0.self",
        "encoder.1.self",
        "decoder.0.self",
        "decoder.0.cross",
        "decoder.1.self",
        "decoder.1.cross",
    ]
    model = build(MODELS["decoder_plain"])
    assert list(model.attentions().values()) == [block.attn for block in model.decoder.layers]


# --- refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("position", [Learned(length=6), Sinusoid(length=6), Rotary(length=6)], ids=lambda p: p.kind)
@torch.no_grad()
def test_more_tokens_than_positions_are_refused_with_the_numbers(position) -> None:
    model = build(encoder_decoder(stack(position=position)))
    memory = model.encode(Batch(tokens(1, 6)))
    with pytest.raises(InputError, match="7 tokens, the model has positions for 6") as caught:
        model.encode(Batch(tokens(1, 7)))
    assert "Split it" in caught.value.hint
    cache = model.new_cache()
    for step in range(6):
        model.decode(tokens(1, 1), memory=memory, cache=cache)
        assert cache.length == step + 1
    with pytest.raises(InputError, match="7 tokens, the model has positions for 6"):
        model.decode(tokens(1, 1), memory=memory, cache=cache)


@torch.no_grad()
def test_padding_takes_no_positions() -> None:
    """Six places hold a row of six beside any amount of padding."""
    model = build(decoder_only(stack(position=Learned(length=6))))
    given, keep = tokens(1, 9), torch.tensor([[False] * 3 + [True] * 6])
    assert torch.allclose(model.decode(given, keep=keep)[:, 3:], model.decode(given[:, 3:]), atol=1e-5)
    with pytest.raises(InputError, match="7 tokens"):
        model.decode(given, keep=torch.tensor([[False] * 2 + [True] * 7]))


@torch.no_grad()
def test_what_a_model_cannot_do_is_a_task_error() -> None:
    both, lm, encoder = build(MODELS["both_plain"]), build(MODELS["decoder_plain"]), build(ENCODERS["encoder_plain"])
    memory = both.encode(Batch(tokens(1, 3)))
    with pytest.raises(TaskError, match="tiny has no encoder"):
        lm.encode(Batch(tokens(1, 3)))
    with pytest.raises(TaskError, match="tiny has no decoder"):
        encoder.decode(tokens(1, 3))
    with pytest.raises(TaskError, match="looks at a memory and got none") as caught:
        both.decode(tokens(1, 3))
    assert caught.value.hint == "Give memory=model.encode(batch)."
    with pytest.raises(TaskError, match="looks at no memory and got one"):
        lm.decode(tokens(1, 3), memory=memory)
    with pytest.raises(TaskError, match='tiny has no head "classes"') as caught:
        lm.logits(torch.randn(1, 1, DIM), "classes")
    assert caught.value.hint == "It has: lm."


@torch.no_grad()
def test_rows_and_slots_that_do_not_fit_are_refused() -> None:
    model = build(MODELS["both_plain"])
    memory, cache = model.encode(pad([[1, 2], [3]])), model.new_cache()
    with pytest.raises(InputError, match="3 rows of tokens cannot share 2 of memory"):
        model.decode(tokens(3, 2), memory=memory)
    model.decode(tokens(2, 2), memory=memory, cache=cache)
    with pytest.raises(InputError, match=r"keep is \(2, 1\), the tokens so far are \(2, 3\)") as caught:
        model.decode(tokens(2, 1), memory=memory, cache=cache, keep=torch.ones(2, 1, dtype=torch.bool))
    assert "cached slots" in caught.value.hint


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(SpecError, match="heads must divide dim: dim=16, heads=3"):
        encoder_decoder(stack(attention=Attention(heads=3)))
