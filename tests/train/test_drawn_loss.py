"""What drawing is learnt by: the sums against the definitions, and a few steps that make tiny models better."""

from __future__ import annotations

import math

import pytest
import torch

from limelight.codecs import Codec, build
from limelight.inputs import Batch
from limelight.manifest import Drawing
from limelight.nn import Network
from limelight.spec import Codec as CodecSpec
from limelight.spec import DiscreteVAE, Quantised, drawing_decoder
from limelight.train.drawn_loss import codec_loss, drawn_loss

DISCRETE = DiscreteVAE(count=6, rows=4, columns=4, width=4, stages=(1, 2), blocks=1, narrow=4)
TABLE = Quantised(count=6, rows=4, columns=4, width=4, stages=(1, 2), blocks=1, dim=3, groups=2)
WORDS, TEXT = 9, 5
DRAWING = Drawing.behind(words=WORDS, text=TEXT, codec=DISCRETE)


def made(s: CodecSpec) -> Codec:
    torch.manual_seed(1)
    return build(s)


def pictures() -> Batch:
    return Batch(torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(2)))


def artist() -> Network:
    torch.manual_seed(1)
    return Network(drawing_decoder(words=WORDS, text=TEXT, codec=DISCRETE, dim=16, heads=2, depth=2))


def rows() -> Batch:
    codes = torch.randint(0, 6, (3, 4), generator=torch.Generator().manual_seed(3)) + DRAWING.first
    texts = [DRAWING.caption(ids, TEXT) for ids in ([3, 4, 5], [7], [1, 8])]
    return Batch(torch.cat((torch.tensor(texts), codes), 1))


def test_a_caption_is_filled_up_and_ends_with_the_start() -> None:
    assert DRAWING.caption([3, 4], TEXT) == (3, 4, WORDS + 2, WORDS + 3, WORDS + TEXT)
    assert DRAWING.first == WORDS + TEXT + 1
    assert artist().spec.decoder.input.vocab == DRAWING.first + DISCRETE.count


@torch.no_grad()
def test_words_and_codes_are_weighed_as_the_paper_says() -> None:
    """One position after the other: an eighth of the mean over words, seven of the mean over codes; what fills a text is not learnt."""
    model, given = artist().eval(), rows()
    found = drawn_loss(model, given, drawing=DRAWING, text=TEXT)
    words, codes = [], []
    for row in given.values:
        for place in range(1, len(row)):
            scores = model.logits(model.decode(row[None, :place]))[0, -1].log_softmax(-1)
            if place >= TEXT:
                codes.append(-scores[row[place]].item())
            elif row[place] < WORDS:
                words.append(-scores[row[place]].item())
    assert (len(words), len(codes)) == (2 + 0 + 1, 12)
    mean = sum(words) / len(words) / 8 + sum(codes) / len(codes) * 7 / 8
    assert found.total.item() / found.tokens == pytest.approx(mean, rel=1e-4)
    assert found.nll.item() == pytest.approx(sum(codes), rel=1e-4)
    assert found.tokens == 12


@torch.no_grad()
def test_while_it_learns_a_share_of_the_codes_before_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    model, codes, seen = artist(), torch.full((400, 4), DRAWING.first), []
    given = Batch(torch.cat((torch.tensor([DRAWING.caption([3, 4], TEXT)] * 400), codes), 1))
    monkeypatch.setattr(model, "decode", lambda before: seen.append(before) or Network.decode(model, before))
    for forgetting in (0.0, 0.8):
        for learning in (True, False):
            found = drawn_loss(model.train(learning), given, drawing=DRAWING, text=TEXT, forgetting=forgetting)
            assert found.tokens == 1600
    whole = given.values[:, :-1]
    assert [bool((each == whole).all()) for each in seen] == [True, True, False, True]
    assert (seen[2][:, :TEXT] == whole[:, :TEXT]).all()
    gone = seen[2] != whole
    assert (seen[2][gone] == DRAWING.start).all()
    shares = gone[:, TEXT:].float().mean(1)
    assert shares.mean().item() == pytest.approx(0.4, abs=0.05)
    assert shares.std() > 0.3                                           # a share of its own for each picture


@torch.no_grad()
def test_a_codecs_loss_is_its_terms() -> None:
    codec, given = made(DISCRETE), pictures()
    torch.manual_seed(5)
    found = codec_loss(codec, given, temperature=0.5, far=6.6)
    torch.manual_seed(5)
    terms = codec.relaxed(given.values, 0.5)
    assert found.total.item() == pytest.approx((terms.unlikely + 6.6 * terms.far).sum().item())
    assert found.nll.item() == pytest.approx(terms.unlikely.sum().item())
    assert 0 <= terms.far.min() <= terms.far.max() <= 4 * math.log(6)


@pytest.mark.parametrize("kind", ["discrete", "table", "artist"])
def test_a_few_steps_make_it_better(kind: str) -> None:
    model = artist() if kind == "artist" else made(DISCRETE if kind == "discrete" else TABLE)
    optimiser, losses = torch.optim.Adam(model.parameters(), 5e-3), []
    for _ in range(15):
        torch.manual_seed(0)
        found = drawn_loss(model, rows(), drawing=DRAWING, text=TEXT) if kind == "artist" else codec_loss(model, pictures())
        optimiser.zero_grad()
        (found.total / found.tokens).backward()
        optimiser.step()
        losses.append(found.total.item() / found.tokens)
    assert losses[-1] < 0.97 * losses[0]
