"""Where the cheapest path goes, and when tokens were heard: against transformers' own, and a path that is known."""

import numpy as np
import pytest
import torch

from limelight.look.timing import path, smoothed, timed

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (5, 9), (9, 5), (20, 47)])
def test_the_path_is_theirs(shape: tuple[int, int]) -> None:
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping

    for costs in (np.random.default_rng(0).normal(size=shape), np.zeros(shape), np.random.default_rng(1).integers(0, 3, shape) * 1.0):
        wanted, found = _dynamic_time_warping(costs), path(costs)
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_array_equal(found[1], wanted[1])


@pytest.mark.parametrize("keys", [2, 3, 4, 30])
def test_the_median_is_theirs(keys: int) -> None:
    from transformers.models.whisper.generation_whisper import _median_filter

    x = torch.randn(2, 3, keys)
    torch.testing.assert_close(smoothed(x), _median_filter(x[None], 7)[0])


def test_times_are_theirs() -> None:
    """Their _extract_token_timestamps on the same weights; it leaves out the row that chose the first token."""
    weights = torch.randn(3, 12, 40).softmax(-1)
    config = hf.WhisperConfig(decoder_layers=1)
    owner = type("Owner", (), {"config": config})()
    outputs = hf.generation.utils.GenerateEncoderDecoderOutput(cross_attentions=[(weights[None],)], sequences=torch.zeros(1, 13))
    heads = [[0, head] for head in range(3)]
    theirs = hf.WhisperForConditionalGeneration._extract_token_timestamps(owner, outputs, heads, num_input_ids=1)[0]
    np.testing.assert_allclose(timed([weights[:, 1:]]).at * 0.02, theirs[1:-1].numpy(), atol=1e-6)


def test_a_known_path_is_found() -> None:
    """Eight tokens that look at ten places each, with one that looks everywhere, in noise."""
    weights = torch.rand(4, 8, 80) * 0.02
    for token in range(8):
        weights[:, token, token * 10 : token * 10 + 10] += 0.1
    weights /= weights.sum(-1, keepdim=True)
    found = timed([weights[:1], weights[1:]])
    assert np.abs(found.at - np.arange(8) * 10).max() <= 1
    np.testing.assert_array_equal(found.at, timed([weights]).at)
    sure, elsewhere = found.share([2, 3], 20, 40), found.share([2, 3], 50, 70)
    assert 0.6 < sure < 0.8
    assert elsewhere < 0.2 < sure
    assert found.share([2], -5, 200) == pytest.approx(1)


def test_nothing_to_align() -> None:
    assert timed([torch.zeros(2, 0, 10)]).at.tolist() == []
    assert timed([torch.zeros(2, 3, 0)]).at.tolist() == [0, 0, 0]
    assert timed([torch.zeros(2, 0, 10)]).share([], 0, 3) == 0
    even = timed([torch.full((2, 3, 5), 0.2)])                       # all alike: no spread, and no division by it
    assert even.at.tolist()[0] == 0
    assert even.share([0, 1], 1, 3) == pytest.approx(0.4)            # what chance gives
