"""Model folders: what is saved opens again, and a folder that is not whole is refused in one line."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

import tiny
from limelight import hub
from limelight.errors import DeviceError, InputError, LimelightError, TaskError, WeightError
from limelight.hub import bundled, find, open_model, read_manifest, save
from limelight.inputs import Text, pad
from limelight.manifest import Aligner
from limelight.nn import Network, pack_matrices
from limelight.weights import read_tensors, write_tensors

FILES = ("limelight.json", "model.safetensors", "tokenizer.json")
Bits = Literal["int8", "bf16", "fp32"]


@pytest.fixture(scope="module")
def made() -> tuple[Text, Network]:
    return tiny.untrained()


@pytest.fixture(scope="module")
def kept(made: tuple[Text, Network], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "tiny"
    text, model = made
    save(folder, model=model, text=text, manifest=tiny.manifest(text, model.spec), card="# tiny\n", bits="fp32")
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(kept, tmp_path / "tiny"))


def refused(folder: Path, kind: type[LimelightError] = WeightError) -> LimelightError:
    with pytest.raises(kind) as caught:
        open_model(folder, device="cpu")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value


def changed(folder: Path, **fields: object) -> None:
    """limelight.json with other values at the top, or one level down with "a__b"."""
    path = folder / "limelight.json"
    data = json.loads(path.read_text())
    for name, item in fields.items():
        *outer, last = name.split("__")
        here = data
        for part in outer:
            here = here[part]
        here[last] = item
    path.write_text(json.dumps(data))


def logits(model: Network, text: Text) -> torch.Tensor:
    rows = [text.encode(source).ids for source, _ in tiny.ALL[:8]]
    with torch.inference_mode():
        memory = model.encode(pad(rows, filler=text.pad))
        return model.logits(model.decode(torch.full((8, 3), text.start), memory=memory)).float()


# --- opening what was saved ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("bits", "most"), [("fp32", 0.0), ("bf16", 0.02), ("int8", 0.06)])
def test_a_saved_model_opens_with_the_same_answers(made: tuple[Text, Network], tmp_path: Path, bits: Bits, most: float) -> None:
    text, model = made
    pack_matrices(model)                                                 # as opening does
    save(tmp_path, model=model, text=text, manifest=tiny.manifest(text, model.spec), card="", bits=bits)
    opened = open_model(tmp_path, device="cpu", dtype="fp32")
    before, after = logits(model, text), logits(opened.model, opened.text)
    assert (after - before).abs().max() <= most * before.std()
    assert read_tensors(tmp_path / "model.safetensors")[1]["weights"] == bits
    assert opened.text.to_json() == text.to_json()
    assert opened.manifest == tiny.manifest(text, model.spec)


def test_fewer_bits_make_a_smaller_file(made: tuple[Text, Network], tmp_path: Path) -> None:
    text, model = made
    sizes = {}
    kinds: tuple[Bits, ...] = ("int8", "bf16", "fp32")
    for bits in kinds:
        save(tmp_path / bits, model=model, text=text, manifest=tiny.manifest(text, model.spec), card="", bits=bits)
        sizes[bits] = (tmp_path / bits / "model.safetensors").stat().st_size
    assert sizes["bf16"] < 0.65 * sizes["fp32"]
    assert sizes["int8"] < 0.65 * sizes["bf16"] + 20_000


def test_an_opened_model_is_ready_and_frozen(kept: Path) -> None:
    opened = open_model(str(kept), device="cpu", dtype="bf16")
    assert not opened.model.training
    assert not any(p.requires_grad for p in opened.model.parameters())
    assert (opened.dtype, opened.device.type, opened.folder) == (torch.bfloat16, "cpu", kept)
    assert not any(t.is_meta for t in (*opened.model.parameters(), *opened.model.buffers()))


def test_opening_draws_no_random_numbers(kept: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    open_model(kept, device="cpu", dtype="fp32")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_folder_opens_by_any_spelling_of_its_path(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept.parent)
    monkeypatch.setenv("HOME", str(kept.parent))
    for name in ("tiny", "./tiny/", "~/tiny", str(kept), kept):
        assert find(name).samefile(kept)


def test_a_bundled_model_opens_by_its_name(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(kept, tmp_path / "zoo" / "en-xx")
    (tmp_path / "zoo" / "unfinished").mkdir()
    monkeypatch.setattr(hub, "files", lambda _: tmp_path)
    assert bundled() == {"en-xx": tmp_path / "zoo" / "en-xx"}
    assert open_model("en-xx", device="cpu", dtype="fp32").manifest.name == "tiny"
    with pytest.raises(TaskError, match=r'no model "en-xy": neither a bundled name nor a folder\.   Did you mean "en-xx"\?'):
        open_model("en-xy")


@pytest.mark.parametrize("name", ["en-zz", "x" * 5_000, "null\0byte", "~nobody-of-that-name/model"])
def test_an_unknown_name_is_refused_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "bundled", lambda: {"en-fr": tmp_path})
    with pytest.raises(TaskError, match="no model") as caught:
        find(name)
    assert "Known: en-fr." in caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_where_nothing_is_bundled_the_hint_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "bundled", dict)
    with pytest.raises(TaskError) as caught:
        find("en-fr")
    assert caught.value.hint.endswith("Give the folder of a model.")


def test_a_device_or_dtype_that_is_not_there_is_refused(kept: Path) -> None:
    with pytest.raises(DeviceError, match=r'Did you mean "bf16"\?'):
        open_model(kept, device="cpu", dtype="bf61")
    with pytest.raises(DeviceError, match='no device "potato"'):
        open_model(kept, device="potato")


# --- folders that are not whole --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refused(folder).message
    (folder / name).mkdir()
    assert name in refused(folder).message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_file_that_was_cut_is_named(folder: Path, name: str, share: float) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * share)])
    assert name in refused(folder).message


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_other_bytes_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff\xfe\x00\x80" * 1000)
    assert name in refused(folder).message


@pytest.mark.parametrize("name", ["limelight.json", "tokenizer.json"])
def test_a_text_too_large_to_be_true_is_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(2**33)
    assert "8,589,934,592 bytes" in refused(folder).message


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    assert "limelight.json" in refused(tmp_path).message
    with pytest.raises(WeightError, match=r"limelight\.json is not there"):
        read_manifest(tmp_path)


def test_weights_of_another_depth_or_width_are_listed(folder: Path, tmp_path: Path) -> None:
    text, _ = tiny.untrained()
    for sizes, said in (({"depth": 3}, "not known"), ({"depth": 1}, "missing"), ({"dim": 16}, "of another shape")):
        spec = tiny.spec(len(text), **sizes)
        save(tmp_path / "other", model=Network(spec), text=text, manifest=tiny.manifest(text, spec, aligner=None), card="")
        shutil.copy(tmp_path / "other" / "model.safetensors", folder)
        error = refused(folder)
        assert said in error.message
        assert "different models" in error.hint


def test_weights_of_another_kind_are_listed(folder: Path) -> None:
    tensors, notes = read_tensors(folder / "model.safetensors")
    name = next(name for name, t in tensors.items() if t.ndim == 1)
    write_tensors(folder / "model.safetensors", tensors | {name: tensors[name].long()}, notes)
    assert f"1 of another kind ({name}: torch.int64)" in refused(folder).message


def test_one_weight_too_few_or_too_many_is_named(folder: Path) -> None:
    tensors, notes = read_tensors(folder / "model.safetensors")
    name, tensor = next(iter(tensors.items()))
    write_tensors(folder / "model.safetensors", {n: t for n, t in tensors.items() if n != name}, notes)
    assert f"1 missing ({name})" in refused(folder).message
    write_tensors(folder / "model.safetensors", tensors | {"extra.weight": tensor.clone()}, notes)
    assert "1 not known (extra.weight)" in refused(folder).message


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    other = Text.train(["quite other sentences that give other pieces"] * 9, vocab=300)
    (folder / "tokenizer.json").write_text(other.to_json())
    assert "were not saved together" in refused(folder).message


def test_a_tokenizer_larger_than_the_model_is_refused(folder: Path) -> None:
    other = Text.train((side for pair in tiny.ALL for side in pair), vocab=450)
    assert len(other) > 400
    (folder / "tokenizer.json").write_text(other.to_json())
    tensors, _ = read_tensors(folder / "model.safetensors")
    write_tensors(folder / "model.safetensors", tensors)                 # a file from elsewhere has no note to compare with
    assert f"up to token {other.highest}, the model has 400" in refused(folder).message


@pytest.mark.parametrize(("mark", "token"), [("end", [5]), ("end", [400]), ("end", [2, 400]), ("start", 400), ("pad", 10**12)])
def test_marks_that_are_not_the_tokenizers_are_refused(folder: Path, mark: str, token: object) -> None:
    changed(folder, **{f"generation__{mark}": token})
    assert f"{mark}={token}" in refused(folder).message


def test_unknown_keys_are_refused_with_the_nearest(folder: Path) -> None:
    changed(folder, generation__lenght_penalty=1.0)
    error = refused(folder)
    assert 'unknown key "generation.lenght_penalty"' in error.message
    assert 'Did you mean "length_penalty"?' in error.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"spec__encoder__depth": 10**9},
        {"spec__decoder__position__length": 10**12},
        {"spec__dim": 10**30},
        {"spec__dim": 4 * 10**17},
        {"spec__encoder__ff__hidden": 10**25},
    ],
    ids=str,
)
def test_sizes_that_cannot_be_are_refused_before_they_cost_anything(folder: Path, fields: dict[str, object]) -> None:
    changed(folder, **fields)
    assert "limelight.json" in refused(folder).message


@pytest.mark.parametrize(("attention", "heads"), [("decoder.2.cross", [0]), ("decoder.1.self", [0]), ("", [0]), ("decoder.1.cross", [4])])
def test_an_aligner_that_the_model_does_not_have_is_refused(folder: Path, attention: str, heads: list[int]) -> None:
    changed(folder, aligner__attention=attention, aligner__heads=heads)
    assert f'the aligner looks at "{attention}", heads {heads}' in refused(folder).message


# --- tokenizers that bite --------------------------------------------------------------------------------------------
def with_pattern(folder: Path, pattern: str) -> None:
    """A tokenizer with another pattern, and weights that do not know better."""
    data = json.loads((folder / "tokenizer.json").read_text())
    data["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern
    (folder / "tokenizer.json").write_text(json.dumps(data))
    write_tensors(folder / "model.safetensors", read_tensors(folder / "model.safetensors")[0])


@pytest.mark.parametrize("pattern", ["(", "[", r"\p{Nonsense}", "x(?<name", "*"])
def test_a_malformed_pattern_is_refused(folder: Path, pattern: str) -> None:
    with_pattern(folder, pattern)
    assert "tokenizer.json is not a tokenizer" in refused(folder).message


def test_a_pattern_that_runs_away_ends_as_an_error_of_ours(folder: Path) -> None:
    with_pattern(folder, "(a|aa)+$")
    text = open_model(folder, device="cpu", dtype="fp32").text
    with pytest.raises(InputError, match="cannot cut these texts") as caught:
        text.encode("a" * 60 + "c")
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_would_cut_or_pad_does_neither(folder: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    data["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    data["padding"] = {"strategy": {"Fixed": 50}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0}
    data["padding"]["pad_token"] = "<pad>"
    (folder / "tokenizer.json").write_text(json.dumps(data))
    write_tensors(folder / "model.safetensors", read_tensors(folder / "model.safetensors")[0])
    text = open_model(folder, device="cpu", dtype="fp32").text
    assert text.encode(tiny.ALL[0][0]).ids == tiny.text().encode(tiny.ALL[0][0]).ids


class Trap:
    """Unpickling this leaves a mark."""

    sprung = False

    def __reduce__(self) -> tuple[object, ...]:
        return setattr, (Trap, "sprung", True)


def test_nothing_in_a_folder_is_run_or_imported(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = pickle.dumps(Trap())
    for name in ("model.bin", "pytorch_model.bin", "model.pt", "tokenizer.pkl"):
        (folder / name).write_bytes(trap)
    for name in ("__init__.py", "modeling.py", "setup.py", "sitecustomize.py"):
        (folder / name).write_text("raise SystemExit('ran')")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(pickle, "loads", lambda *_: pytest.fail("unpickled"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch.load"))
    open_model(folder, device="cpu", dtype="fp32")
    before = set(sys.modules)
    open_model(folder, device="cpu", dtype="fp32")
    assert set(sys.modules) == before
    (folder / "model.safetensors").write_bytes(trap)
    refused(folder)
    (folder / "tokenizer.json").write_bytes(trap)
    refused(folder)
    assert not Trap.sprung


# --- saving ----------------------------------------------------------------------------------------------------------
def test_a_full_disk_leaves_the_old_folder_as_it_was(folder: Path, made: tuple[Text, Network], monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    text, model = made

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    changed_manifest = replace(tiny.manifest(text, model.spec), name="other")
    with pytest.raises(InputError, match="disk is full"):
        save(folder, model=model, text=text, manifest=changed_manifest, card="# other\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_place_that_cannot_be_made_is_said(tmp_path: Path, made: tuple[Text, Network]) -> None:
    (tmp_path / "file").write_text("")
    text, model = made
    with pytest.raises(InputError, match="file/model cannot be made"):
        save(tmp_path / "file" / "model", model=model, text=text, manifest=tiny.manifest(text, model.spec), card="")


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path, made: tuple[Text, Network]) -> None:
    text, _ = made
    model = Network(tiny.spec(len(text)))
    with torch.no_grad():
        next(model.parameters())[0, 0] = torch.nan
    with pytest.raises(WeightError, match="not finite"):
        save(tmp_path / "m", model=model, text=text, manifest=tiny.manifest(text, model.spec), card="")
    assert not (tmp_path / "m").exists()


def test_saving_over_a_model_replaces_all_of_it(folder: Path) -> None:
    text, model = tiny.untrained(seed=9)
    aligner = Aligner(attention="decoder.0.cross", heads=(1,), shift=0, aer=0.2, pairs=3, measured_on="x")
    save(folder, model=model, text=text, manifest=tiny.manifest(text, model.spec, aligner=aligner), card="# new\n")
    opened = open_model(folder, device="cpu", dtype="fp32")
    assert opened.manifest.aligner == aligner
    assert (folder / "README.md").read_text() == "# new\n"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", *FILES]
