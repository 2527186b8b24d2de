"""Drawing: seeds, several at once, guidance, a grid, and words behind patches, of both kinds of models that draw."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

import limelight
from drawers import LONGEST, of_kind
from limelight.decode import Ending, Guide, Sample, generate
from limelight.errors import InputError, RecipeError, TaskError
from limelight.hub import open_model
from limelight.tasks.draw import Draw, Drawn, Underway
from limelight.tasks.draw.task import runs

KINDS = ["reads", "alone"]
TEXT = "A red cat."


@pytest.fixture(scope="module", params=KINDS)
def draw(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Draw:
    at = of_kind(request.param, tmp_path_factory.mktemp(request.param))
    return limelight.task("draw", at, dtype="fp32")


def test_a_seed_draws_the_same_picture_alone_and_beside_others(draw: Draw) -> None:
    several, one = draw(TEXT, seeds=(3, 4, 5, 9), guidance=2.0), draw(TEXT, seeds=(4,), guidance=2.0)
    assert [each.seed for each in several.pictures] == [3, 4, 5, 9]
    assert several.pictures[1].codes == one.pictures[0].codes
    assert len({each.codes for each in several.pictures}) == 4
    assert draw(TEXT, seeds=range(3, 6), batch=1, guidance=2.0).pictures[1].codes == one.pictures[0].codes


def test_codes_are_the_codecs_and_pictures_what_it_makes_of_them(draw: Draw) -> None:
    result = draw(TEXT, seeds=(1,), top_k=None)
    (picture,) = result.pictures
    codec = draw.prompts.codec
    assert len(picture.codes) == codec.spec.slots
    assert 0 <= min(picture.codes) <= max(picture.codes) < codec.spec.count
    made = (codec.decode(torch.tensor([picture.codes]))[0].movedim(0, -1) * 255).round().to(torch.uint8)
    assert picture.image.tobytes() == bytes(made.flatten().tolist())
    assert picture.logprob < 0
    assert result.cost.target_tokens == codec.spec.slots


@torch.no_grad()
def test_guidance_is_the_equation(draw: Draw) -> None:
    """Codes drawn step by step with a weight of 3 are those of both passes put together, code by code."""
    (picture,) = draw(TEXT, seeds=(7,), guidance=3.0, temperature=1.0, top_k=4).pictures
    prompts, codes, d = draw.prompts, torch.tensor([picture.codes]), draw.prompts.drawing
    asked, away = (prompts.logits(prompts.source([ids]), codes) for ids in (prompts.read(TEXT).ids, prompts.read("").ids))
    mixed, dice = away + 3.0 * (asked - away), torch.Generator().manual_seed(7)
    choice = Sample(temperature=1.0, top_k=4)
    for place, code in enumerate(picture.codes):
        everything = torch.full((1, draw.opened.manifest.spec.decoder.input.vocab), -torch.inf)
        everything[:, d.first : d.first + d.codec.count] = mixed[:, place]
        assert torch.multinomial(choice.narrowed(everything).softmax(-1), 1, generator=dice).item() == code + d.first


def test_a_weight_of_one_is_no_guidance(draw: Draw) -> None:
    prompts = draw.prompts
    source, away = prompts.source([prompts.read(TEXT).ids]), prompts.source([prompts.read("").ids])
    d, ending = prompts.drawing, Ending(frozenset(), 4)
    plain = generate(draw.opened.model, source, Sample(seed=2), ending=ending, start=d.start)
    found = list(limelight.decode.stream(draw.opened.model, source, Sample(seed=2), ending=ending, start=d.start, guide=Guide(away, 1.0)))
    assert found[-1].done[0][0].tokens == plain[0][0].tokens
    strong = list(limelight.decode.stream(draw.opened.model, source, Sample(seed=2), ending=ending, start=d.start, guide=Guide(away, 0.0)))
    alone = generate(draw.opened.model, away, Sample(seed=2), ending=ending, start=d.start)
    assert strong[-1].done[0][0].tokens == alone[0][0].tokens


def test_progress_code_by_code(draw: Draw) -> None:
    *steps, last = draw.stream(TEXT, seeds=(2, 3))
    slots = draw.prompts.codec.spec.slots
    assert isinstance(last, Drawn)
    told = [step for step in steps if isinstance(step, Underway)]
    assert [step.done for step in told] == [2 * n for n in range(1, slots)]
    assert {step.of for step in told} == {2 * slots}
    assert all(last.pictures[0].codes[: len(step.codes[0])] == step.codes[0] for step in told)
    assert draw.picture(told[0].codes[0]).size == last.pictures[0].image.size


def test_a_grid_holds_them_in_order(draw: Draw) -> None:
    result = draw(TEXT, seeds=(0, 1, 2))
    sheet, (w, h) = result.grid(), result.pictures[0].image.size
    assert sheet.size == (2 * w + 2, 2 * h + 2)
    assert sheet.crop((w + 2, 0, 2 * w + 2, h)).tobytes() == result.pictures[1].image.tobytes()
    assert sheet.crop((0, h + 2, w, 2 * h + 2)).tobytes() == result.pictures[2].image.tobytes()
    assert result.grid(3).size == (3 * w + 4, h)
    assert "data:image/png;base64" in result._repr_html_()


def test_words_behind_patches(draw: Draw) -> None:
    (picture,) = draw(TEXT, seeds=(1,), words=True).pictures
    told, (rows, columns) = picture.patches, draw.prompts.codec.spec.grid
    assert told is not None
    assert told.words == ("A", "red", "cat", ".")
    weights, lost = torch.tensor(told.weights), torch.tensor(told.lost)
    assert weights.shape == lost.shape == (4, rows, columns)
    torch.testing.assert_close(weights.sum(0), torch.ones(rows, columns))
    assert told.trust is not None
    assert -1 <= told.trust <= 1
    prompts, codes = draw.prompts, torch.tensor([picture.codes])
    without = [i for i, piece in zip(prompts.read(TEXT).ids, prompts.read(TEXT).offsets, strict=True) if piece[1] <= 1 or piece[0] >= 5]
    with torch.no_grad():
        whole, less = (
            prompts.logits(prompts.source([ids]), codes).gather(-1, codes[..., None]).flatten()
            for ids in (prompts.read(TEXT).ids, without)
        )
    torch.testing.assert_close(lost[1].flatten(), whole - less, atol=1e-4, rtol=1e-4)
    assert picture.to_json()["patches"]["words"] == ["A", "red", "cat", "."]
    assert draw("", seeds=(1,), words=True).pictures[0].patches.words == ()


def test_a_text_that_is_too_long_is_refused_with_the_numbers(draw: Draw) -> None:
    with pytest.raises(InputError, match=rf"text 2 of 2: the text has \d+ tokens; .* has room for {LONGEST}"):
        draw(["cat", "cat " * 40])
    with pytest.raises(InputError, match="got int"):
        draw.check(5)


def test_options_that_make_no_sense(draw: Draw) -> None:
    with pytest.raises(RecipeError, match="the same picture twice"):
        draw(TEXT, seeds=(1, 1))
    with pytest.raises(RecipeError, match='no option "seed"'):
        draw(TEXT, seed=1)
    with pytest.raises(RecipeError, match="top_k"):
        draw(TEXT, top_k=0)


def test_saved_it_draws_the_same(draw: Draw, tmp_path: Path) -> None:
    draw.opened.save(tmp_path / "again")
    again = limelight.task("draw", tmp_path / "again", dtype="fp32")
    assert again.opened.manifest.drawing == draw.opened.manifest.drawing
    assert again(TEXT, seeds=(5,)).pictures[0].image.tobytes() == draw(TEXT, seeds=(5,)).pictures[0].image.tobytes()


def test_it_does_nothing_else(draw: Draw) -> None:
    for task in ("translate", "generate"):
        with pytest.raises(TaskError, match=f"cannot {task}: it was made to draw"):
            limelight.task(task, draw.opened)
    with pytest.raises(TaskError, match="cannot draw"):
        limelight.task("draw", "sentiment-en")


def test_a_folder_without_its_codec(tmp_path: Path) -> None:
    at = of_kind("reads", tmp_path)
    (at / "detoker.pt").unlink()
    with pytest.raises(TaskError, match=r"detoker\.pt"):
        limelight.task("draw", open_model(at))


def test_runs_of_seeds() -> None:
    assert runs((5, 3, 4, 9), 16) == [(3, 4, 5), (9,)]
    assert runs(range(5), 2) == [(0, 1), (2, 3), (4,)]


def test_a_picture_is_a_file(draw: Draw) -> None:
    file = io.BytesIO()
    draw(TEXT).pictures[0].image.save(file, "PNG")
    assert Image.open(io.BytesIO(file.getvalue())).mode == "RGB"
