"""Texts that threads ask for side by side, over one engine: each is what it is alone."""

from __future__ import annotations

import threading

import pytest

import limelight
from limelight.errors import TaskError
from limelight.tasks.generate import Generate
from limelight.tasks.writing.generated import Generated
from published import published

TEXTS = ["the cat", "a mouse ate the", "b", "once upon a time there was", "no", "the"]


@pytest.fixture(scope="module")
def generate(tmp_path_factory: pytest.TempPathFactory) -> Generate:
    folder = tmp_path_factory.mktemp("together")
    published("gpt2-LMHeadModel", folder)
    return limelight.task("generate", folder, dtype="fp32", quant="none")


def test_each_is_what_it_is_alone_whoever_asks_beside_it(generate: Generate) -> None:
    how = [{"max_length": 4 + i, "beam": 1 + i % 2} for i in range(len(TEXTS))]
    alone = [generate(text, **each) for text, each in zip(TEXTS, how, strict=True)]
    found: dict[int, tuple[str, Generated]] = {}
    with generate.engine(rows=4) as engine:

        def ask(i: int) -> None:
            *pieces, whole = generate.stream(TEXTS[i], **how[i])
            found[i] = "".join(map(str, pieces)), whole

        askers = [threading.Thread(target=ask, args=(i,)) for i in range(len(TEXTS))]
        for each in askers:
            each.start()
        for each in askers:
            each.join(60)
        assert engine.load.read > 0
        assert generate(TEXTS[0], **how[0]).text == alone[0].text
    for i, each in enumerate(alone):
        pieces, whole = found[i]
        assert pieces == whole.text == each.text
        assert [step.piece for step in whole.steps] == [step.piece for step in each.steps]


def test_who_stops_listening_gives_the_room_back(generate: Generate) -> None:
    with generate.engine() as engine:
        stream = generate.stream(TEXTS[0], max_length=40)
        next(stream)
        stream.close()
    while engine.step():
        pass
    assert engine.pool.free == engine.pool.pages


def test_one_engine_at_a_time(generate: Generate) -> None:
    with generate.engine(), pytest.raises(TaskError, match="running already"), generate.engine():
        pass
    assert generate(TEXTS[0], max_length=3).text == generate(TEXTS[0], max_length=3).text
