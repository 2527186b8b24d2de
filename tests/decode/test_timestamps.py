"""The rules of times against transformers' processor, on random answers and scores."""

import pytest
import torch

from limelight.decode import Timestamps

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
END, NEVER, BEGIN, VOCAB = 20, 25, 26, 60
PROMPT = [21, 22, 23]


def theirs(latest: int | None) -> object:
    from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor

    config = hf.GenerationConfig(eos_token_id=END, no_timestamps_token_id=NEVER, max_initial_timestamp_index=latest)
    return WhisperTimeStampLogitsProcessor(config, begin_index=len(PROMPT))


@pytest.mark.parametrize("latest", [None, 3])
@pytest.mark.parametrize("new", [0, 1, 2, 3, 6])
def test_they_are_theirs(latest: int | None, new: int) -> None:
    rule, processor = Timestamps(begin=BEGIN, end=END, never=NEVER, latest=latest), theirs(latest)
    for times in (0.1, 0.5, 0.9):
        answers = torch.where(torch.rand(300, new) < times, torch.randint(BEGIN, VOCAB, (300, new)), torch.randint(0, END, (300, new)))
        said = torch.cat((torch.tensor(PROMPT).expand(300, -1), answers), 1)
        scores = torch.randn(300, VOCAB) * 3
        torch.testing.assert_close(rule(scores, said, new), processor(said, scores))


def test_an_answer_keeps_them() -> None:
    """Drawn step by step: times first, in pairs, never falling."""
    rule = Timestamps(begin=BEGIN, end=END, never=NEVER, latest=2)
    said = torch.tensor(PROMPT).expand(200, -1)
    for new in range(12):
        scores = rule(torch.randn(200, VOCAB), said, new)
        said = torch.cat((said, torch.multinomial(scores.softmax(-1), 1)), 1)
    for row in said[:, len(PROMPT) :].tolist():
        row = row[: row.index(END)] if END in row else row
        times = [token for token in row if token >= BEGIN]
        assert times == sorted(times)
        assert not row or BEGIN <= row[0] <= BEGIN + 2
        assert NEVER not in row
