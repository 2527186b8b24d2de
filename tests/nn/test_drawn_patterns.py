"""Patterns of a grid behind a text against loops over its places; looking that way changes no number, whole, cached or traced."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from specs import DIM, HEADS, build, decoder_only, stack, tokens

from limelight import ops
from limelight.errors import InputError, SpecError
from limelight.inputs import pad
from limelight.look import trace
from limelight.spec import AlongRows, Around, Attention, Captioned, DownColumns, Kernel, Learned, Pattern, Slots, alternating
from limelight.spec.costs import cost

TEXT, ROWS, COLUMNS = 6, 4, 4                            # as in figure 11 of Ramesh et al. 2021
N = TEXT + ROWS * COLUMNS
Sees = Callable[[int, int], bool]


def along_rows(query: int, key: int) -> bool:
    return query - COLUMNS <= key <= query


def down_columns(query: int, key: int) -> bool:
    return key <= query and key % COLUMNS == query % COLUMNS


def around(size: int) -> Sees:
    """Shifted copies of the grid laid out as one line: so many rows up, so many columns aside, past the ends of rows."""
    far = size // 2

    def sees(query: int, key: int) -> bool:
        shifts = [up * COLUMNS + aside for up in range(far + 1) for aside in range(-far, far + 1)]
        return key <= query and query - key in shifts

    return sees


PATTERNS: dict[str, tuple[Pattern, Sees]] = {
    "along_rows": (AlongRows(), along_rows),
    "down_columns": (DownColumns(), down_columns),
    **{f"around_{size}": (Around(size=size), around(size)) for size in (1, 3, 5, 11)},
}


def dense(sees: Sees) -> torch.Tensor:
    """The whole mask, pair by pair: all see the text that came, places of the grid what the pattern says."""

    def may(query: int, key: int) -> bool:
        if key > query:
            return False
        return key < TEXT or query < TEXT or sees(query - TEXT, key - TEXT)

    return torch.tensor([[may(i, j) for j in range(N)] for i in range(N)])


def model(*patterns: Pattern | None):
    position = Captioned(text=TEXT, rows=ROWS, columns=COLUMNS)
    return build(decoder_only(stack(depth=len(patterns), position=position, causal=True, patterns=patterns)))


@pytest.mark.parametrize("name", PATTERNS)
@torch.no_grad()
def test_a_pattern_is_what_loops_say(name: str) -> None:
    pattern, sees = PATTERNS[name]
    net = model(pattern)
    with trace(net) as seen:
        net.decode(tokens(2, N))
    weights = seen["decoder.0.self"].weights()
    assert torch.equal(weights > 0, dense(sees).expand(2, HEADS, N, N))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, HEADS, N))


def test_the_figure_of_the_paper() -> None:
    """Figure 11: along rows, five places with its own, the last right above; a square of three about the place in row 2, column 1."""
    slots = torch.arange(16)
    assert ops.along_rows(4).dense(slots, slots)[0, 0, 9].nonzero()[:, 0].tolist() == [5, 6, 7, 8, 9]
    assert ops.down_columns(4).dense(slots, slots)[0, 0, 9].nonzero()[:, 0].tolist() == [1, 5, 9]
    assert ops.around(4, 3).dense(slots, slots)[0, 0, 9].nonzero()[:, 0].tolist() == [4, 5, 6, 8, 9]
    assert ops.around(4, 3).dense(slots, slots)[0, 0, 8].nonzero()[:, 0].tolist() == [3, 4, 5, 7, 8]       # 3 and 7 end the rows above


@torch.no_grad()
def test_the_slow_twin_gives_the_same_numbers() -> None:
    """One layer, its attention written out under the dense mask."""
    net, given = model(Around(size=3)), tokens(2, N)
    block = net.decoder.layers[0]
    with trace(net) as seen:
        found = net.decode(given)
    look = seen["decoder.0.self"]
    x = net.decoder.embed(given, torch.arange(N)[None], N)
    maps = (block.attn.q, block.attn.k, block.attn.v)
    q, k, v = (each(block.attn_add.norm(x)).unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in maps)
    scores = (q @ k.mT * (DIM // HEADS) ** -0.5).masked_fill(~dense(around(3)), -torch.inf)
    torch.testing.assert_close(look.weights(), scores.softmax(-1))
    x = x + block.attn.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
    x = net.decoder.norm(x + block.ff(block.ff_add.norm(x)))
    torch.testing.assert_close(found, x, atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_looking_changes_no_bit_and_steps_are_the_whole() -> None:
    net, given = model(*alternating(4, size=3)), tokens(2, N)
    whole, cache = net.decode(given), net.new_cache()
    with trace(net) as seen:
        watched = net.decode(given)
    assert torch.equal(whole, watched)
    with trace(net) as stepped:
        parts = [net.decode(piece, cache=cache) for piece in given.split([TEXT, *[1] * (N - TEXT)], 1)]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=2e-5, rtol=2e-5)
    for name in seen:
        torch.testing.assert_close(stepped[name].weights(), seen[name].weights(), atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_padding_takes_slots_and_no_places() -> None:
    """A row that begins later sees from each of its places what it sees alone."""
    net, given = model(AlongRows(), DownColumns(), Around(size=3)), tokens(2, N)
    both = pad([given[0].tolist(), given[1, :-5].tolist()], side="left")
    found = net.decode(both.values, keep=both.keep)
    torch.testing.assert_close(found[1, 5:], net.decode(given[1:, :-5])[0], atol=2e-5, rtol=2e-5)
    torch.testing.assert_close(found[0], net.decode(given[:1])[0], atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_positions_of_a_text_and_of_a_grid() -> None:
    embed = model(None).decoder.embed
    assert embed.position.weight.shape == (TEXT, DIM)
    at = embed.at(torch.arange(N)[None])
    assert at is not None
    assert torch.equal(at[0, :TEXT], embed.position.weight)
    grid = embed.row.weight[:, None] + embed.column.weight
    assert torch.equal(at[0, TEXT:], grid.flatten(0, 1))
    with pytest.raises(InputError, match="23 tokens, the model has positions for 22"):
        model(None).decode(tokens(1, N + 1))


def test_the_layers_of_the_paper() -> None:
    """Row, column, row, row, and so on; the last is a convolution of 11 x 11."""
    kinds = [each.kind for each in alternating(8)]
    assert kinds == ["along_rows", "down_columns", "along_rows", "along_rows", "along_rows", "down_columns", "along_rows", "around"]
    assert alternating(1) == (Around(size=11),)


def test_a_mask_of_pairs_is_counted() -> None:
    spec = model(None, AlongRows()).spec
    assert cost(spec, 16).pairs == 16 * 16
    assert cost(model(None).spec, 16).pairs == 0


GRID = Captioned(text=TEXT, rows=ROWS, columns=COLUMNS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"position": GRID, "causal": True, "patterns": (AlongRows(),)}, "for each of 2 layers: got 1"),
        ({"position": Learned(length=9), "causal": True, "patterns": (AlongRows(), None)}, "got position=learned"),
        ({"position": GRID}, "causal=False"),
        ({"position": GRID, "causal": True, "input": Slots(count=4)}, "input=slots"),
        ({"position": GRID, "causal": True, "patterns": (AlongRows(), None), "windows": (3, None)}, "got them with windows"),
        (
            {"position": GRID, "causal": True, "patterns": (AlongRows(), None), "attention": Attention(heads=HEADS, weights=Kernel())},
            "got them with linear attention",
        ),
    ],
)
def test_mixtures_that_make_no_sense_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        stack(**changes)


def test_a_square_has_a_middle() -> None:
    with pytest.raises(SpecError, match="got size=4"):
        Around(size=4)
