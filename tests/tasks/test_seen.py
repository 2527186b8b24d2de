"""classify and embed over pictures: the answers of transformers, from files; what does not go together is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import shown
import tiny
from limelight import task
from limelight.errors import InputError, LimelightError, TaskError
from limelight.hub import Opened, open_model
from limelight.inputs.files import gather
from limelight.inputs.pictures import ENDINGS, read
from limelight.tasks.files import answered_files
from shown import picture

LABELS = ["cat", "black mouse", "dog"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Path, Any]:
    vit, clip = tmp_path_factory.mktemp("vit"), tmp_path_factory.mktemp("clip")
    return vit, shown.vit(vit), clip, shown.clip(clip)


@pytest.fixture(scope="module")
def vit(made: tuple[Path, Any, Path, Any]) -> Opened:
    return open_model(made[0], dtype="fp32")


@pytest.fixture(scope="module")
def clip(made: tuple[Path, Any, Path, Any]) -> Opened:
    return open_model(made[2], dtype="fp32")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown.album(tmp_path_factory.mktemp("pictures") / "album")


def pixels(at: Path, *numbers: int) -> Any:
    ready = shown.hf.AutoImageProcessor.from_pretrained(at, backend="pil")
    return ready([picture(n) for n in numbers], return_tensors="pt")["pixel_values"]


def one_line(error: LimelightError, *parts: str) -> None:
    assert "\n" not in str(error)
    for part in parts:
        assert part in str(error)


# --- classify ---------------------------------------------------------------------------------------------------------
def test_a_picture_gets_the_labels_and_the_scores_of_transformers(made: Any, vit: Opened, album: Path) -> None:
    folder, theirs, *_ = made
    classify = task("classify", vit)
    found = classify([picture(0), picture(1), album / "b.png"], batch=2)
    with torch.no_grad():
        wanted = theirs(pixels(folder, 0, 1)).logits.softmax(-1)
    for result, row in zip(found, [*wanted, wanted[0]], strict=True):
        assert [each.label for each in result.labels] == [shown.LABELS[i] for i in row.argsort(descending=True).tolist()]
        scores = dict(zip(shown.LABELS.values(), row.tolist(), strict=True))
        assert {each.label: each.score for each in result.labels} == pytest.approx(scores, abs=1e-5)
    assert found[2].source == str(album / "b.png")
    assert found[0].to_json()["label"] == found[0].label
    assert found[0].cost.source_tokens == 10
    assert classify(str(album / "b.png"), top_k=1).labels == found[2].labels[:1]
    assert classify((album / "b.png").read_bytes()).label == found[2].label


def test_words_of_ones_own_are_compared_with_the_picture_as_transformers_does(made: Any, clip: Opened) -> None:
    folder, theirs = made[2:]
    labels = ("cat", "black mouse", "dog")
    found = task("classify", clip)([picture(0), picture(1)], labels=labels)
    rows = [clip.text.encode(f"a photo of a {label}.").ids for label in labels]
    assert len({len(row) for row in rows}) > 1                       # or nothing is padded
    longest = max(map(len, rows))
    ids = torch.tensor([[*row] + [clip.text.pad] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        wanted = theirs(input_ids=ids, attention_mask=mask, pixel_values=pixels(folder, 0, 1)).logits_per_image.softmax(-1)
    for result, row in zip(found, wanted, strict=True):
        assert {each.label: each.score for each in result.labels} == pytest.approx(dict(zip(labels, row.tolist(), strict=True)), abs=1e-5)
        assert result.zero_shot
    other = task("classify", clip)(picture(0), labels=labels, template="{}!")
    assert [each.score for each in other.labels] != [each.score for each in found[0].labels]


def test_answers_are_those_of_the_pipelines_of_transformers(made: Any, vit: Opened, clip: Opened) -> None:
    """With their own tokenizer and their own processor of the folder."""
    for number, opened, job, asked in (
        (0, vit, "image-classification", {"top_k": 3}),
        (2, clip, "zero-shot-image-classification", {"candidate_labels": LABELS, "hypothesis_template": "a photo of a {}."}),
    ):
        folder, theirs = made[number : number + 2]
        parts = {"image_processor": shown.hf.AutoImageProcessor.from_pretrained(folder, backend="pil")}
        parts |= {"tokenizer": shown.hf.AutoTokenizer.from_pretrained(folder)} if opened.tokenizer is not None else {}
        wanted = shown.hf.pipeline(job, model=theirs, device="cpu", **parts)(picture(2), **asked)
        found = task("classify", opened)(picture(2), labels=tuple(asked.get("candidate_labels", ())))
        assert [each.label for each in found.labels] == [each["label"] for each in wanted]
        assert [each.score for each in found.labels] == pytest.approx([each["score"] for each in wanted], abs=1e-5)


def test_what_does_not_go_together_is_refused(vit: Opened, clip: Opened, tiny_folder: Path, tmp_path: Path) -> None:
    words, labels = task("classify", clip), task("classify", vit)
    for call, parts in (
        (lambda: words(picture(0)), ("no labels", "cat")),
        (lambda: words(picture(0), labels=("cat",)), ("got 1 label.",)),
        (lambda: words(picture(0), labels=("cat", "dog"), several=True), ("several=True",)),
        (lambda: words(picture(0), labels=("cat", "dog " * 50)), ("more than the 40 tokens",)),
        (lambda: labels(picture(0), labels=("cat", "dog")), ("labels of its own",)),
        (lambda: labels(picture(0), why=True), ("which words decided",)),
        (lambda: labels("The black cat ate the mouse."), ("no such file",)),
        (lambda: labels([picture(0), tmp_path / "nowhere.png"]), ("2 of 2", "no such file")),
        (lambda: labels(("a", "b")), ("got tuple",)),
        (lambda: task("sense", vit), ("cannot sense", "classify, embed")),
        (lambda: task("translate", vit), ("cannot translate",)),
        (lambda: task("embed", tiny_folder)(picture(0)), ("text",)),
        (lambda: task("embed", vit)(picture(0), tokens=True), ("tokens",)),
    ):
        with pytest.raises(LimelightError) as caught:
            call()
        one_line(caught.value, *parts)


def test_a_model_that_was_saved_here_or_there_says_the_same(vit: Opened, clip: Opened, tmp_path: Path) -> None:
    for opened, options in ((vit, {}), (clip, {"labels": ("cat", "dog")})):
        before = task("classify", opened)(picture(3), **options)
        for form in ("limelight", "published")[opened.tokenizer is not None :]:      # a published tokenizer stays in its published form
            at = tmp_path / f"{opened.manifest.spec.family}-{form}"
            opened.save(at, form=form)                               # type: ignore[arg-type]
            again = task("classify", at, dtype="fp32")(picture(3), **options)
            assert again.labels == before.labels
    at = tmp_path / "small"
    vit.save(at, form="limelight", bits="int8")
    assert task("classify", at)(picture(3)).score == pytest.approx(task("classify", vit)(picture(3)).score, abs=0.05)


# --- embed ------------------------------------------------------------------------------------------------------------
def test_pictures_and_texts_lie_in_the_space_of_transformers(made: Any, clip: Opened, album: Path) -> None:
    folder, theirs = made[2:]
    seen, said, file = task("embed", clip)([picture(0), "a black cat", str(album / "b.png")])
    ids = torch.tensor([clip.text.encode("a black cat").ids])
    with torch.no_grad():
        out = theirs(input_ids=ids, pixel_values=pixels(folder, 0))
    torch.testing.assert_close(torch.from_numpy(seen.vector.copy()), out.image_embeds[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.from_numpy(said.vector.copy()), out.text_embeds[0], atol=1e-5, rtol=0)
    assert seen.similarity(said) * theirs.logit_scale.exp().item() == pytest.approx(out.logits_per_image.item(), abs=1e-4)
    assert file.vector.tolist() == seen.vector.tolist()
    assert (seen.pool, said.pool) == ("meeting", "meeting")
    assert task("embed", clip)("a black cat", pool="mean").vector.shape == (16,)


def test_a_picture_s_vector_is_that_of_the_place_that_its_class_is_read_at(made: Any, vit: Opened) -> None:
    folder, theirs, *_ = made
    with torch.no_grad():
        hidden = theirs.vit(pixels(folder, 0)).last_hidden_state[0]
    embed = task("embed", vit)
    for pool, wanted in ((None, hidden[0]), ("mean", hidden.mean(0)), ("last", hidden[-1])):
        found = embed(picture(0), pool=pool, normalised=False)
        torch.testing.assert_close(torch.from_numpy(found.vector.copy()), wanted, atol=1e-5, rtol=0)


# --- folders ----------------------------------------------------------------------------------------------------------
def test_a_folder_gives_its_pictures_in_the_order_of_their_paths(album: Path) -> None:
    found = gather([album, album / "notes.md", "nowhere.png"], ENDINGS)
    names = [str(path.relative_to(album)) if path.is_relative_to(album) else str(path) for path in found.files]
    assert names == ["a.jpg", "b.png", "broken.png", "c.PNG", "text.gif", str(Path("within") / "d.webp"), "notes.md", "nowhere.png"]
    assert found.passed == 1


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it holds no files\..*What is read ends in \.bmp"):
        gather([tmp_path], ENDINGS)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match="none of its 1 files ends in one"):
        gather([tmp_path], ENDINGS)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(gather([tmp_path], ENDINGS).files) == 1


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_a_file_that_cannot_be_read_does_not_stop_the_others(vit: Opened, album: Path, batch: int) -> None:
    classify = task("classify", vit)
    files = [*gather([album], ENDINGS).files, Path("nowhere.png")]
    said = [each for chunk in answered_files(classify, files, classify.Options(batch=batch), opening=read) for each in chunk]
    assert [path for path, _ in said] == files
    wrong = [path.name for path, found in said if isinstance(found, InputError)]
    assert wrong == ["broken.png", "text.gif", "nowhere.png"]
    assert all(found.label for _, found in said if not isinstance(found, InputError))


def test_what_only_the_task_can_refuse_is_said_of_its_own_file(vit: Opened, album: Path) -> None:
    classify = task("classify", vit)

    def some(items: list[Any], options: Any = None, /) -> list[Any]:
        if any(each.name.endswith("b.png") for each in items):
            raise InputError("not this one.")
        return classify(items, options)

    files = [album / "a.jpg", album / "b.png", album / "c.PNG"]
    ((_, a), (_, b), (_, c)) = [each for chunk in answered_files(some, files, classify.Options(), opening=read) for each in chunk]
    assert isinstance(b, InputError)
    assert a.source.endswith("a.jpg")                                # type: ignore[union-attr]
    assert c.source.endswith("c.PNG")                                # type: ignore[union-attr]


def test_the_words_are_there(clip: Opened) -> None:
    assert clip.text.highest == tiny.text().highest
    with pytest.raises(TaskError, match="cannot fill"):
        task("fill", clip)
