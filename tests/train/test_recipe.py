from __future__ import annotations

from pathlib import Path

import pytest

from limelight.errors import RecipeError
from limelight.spec import Alibi, Classes
from limelight.train import ClassifyRecipe, Ema, LastSaved, find_data, read_recipe, to_toml

TEXT = """
name = "en-fr"

[data]
path = "$LIMELIGHT_DATA/tatoeba_eng_fra/fra.txt"

[model]
dim = 128   # small
heads = 4

[plan]
steps = 100
average = {kind = "ema", decay = 0.99}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "en-fr.toml"
    path.write_text(TEXT)
    return path


def test_reads_and_makes_a_spec(recipe: Path):
    found = read_recipe(recipe)
    assert (found.name, found.data.target, found.plan.average) == ("en-fr", "fr", Ema(decay=0.99))
    spec = found.spec(vocab=7000)
    assert (spec.dim, spec.encoder.depth, spec.decoder.input.vocab) == (128, 4, 7000)
    assert found.spec().decoder.input.vocab == found.tokenizer.vocab


def test_overrides_are_toml_or_bare_words(recipe: Path):
    words = ["plan.lr=3e-4", "model.dim = 256", "plan.schedule=cosine", 'name="a = b"']
    found = read_recipe(recipe, [*words, "plan.betas=[0.9, 0.99]", "plan.average.decay=0.5", "eval.beam=1"])
    assert (found.plan.lr, found.model.dim, found.plan.schedule, found.name) == (3e-4, 256, "cosine", "a = b")
    assert (found.plan.betas, found.plan.average, found.eval.beam) == ((0.9, 0.99), Ema(decay=0.5), 1)
    assert read_recipe(recipe, ['plan.average={kind="last", count=2}']).plan.average == LastSaved(count=2)


def test_a_mechanism_is_built_with_the_sizes_and_choices_of_the_recipe(recipe: Path, tmp_path: Path):
    words = ["model.mechanism=general", "model.feeding=true", "model.cell=gru", "model.decoder_depth=2"]
    found = read_recipe(recipe, words)
    spec = found.spec(vocab=70)
    assert (spec.dim, spec.decoder.depth, spec.decoder.cell, spec.decoder.feeding) == (128, 2, "gru", True)
    assert spec.encoder.input.vocab == 70
    again = tmp_path / "again.toml"
    again.write_text(to_toml(found), encoding="utf-8")
    assert read_recipe(again) == found
    assert "window" not in to_toml(found)


def test_printed_in_full_it_reads_back(recipe: Path, tmp_path: Path):
    found = read_recipe(recipe, ['name=quotes "and" \\ and é'])
    again = tmp_path / "again.toml"
    again.write_text(to_toml(found), encoding="utf-8")
    assert read_recipe(again) == found
    for field in ("length_penalty", "max_length", "weight_decay", "norm_at"):
        assert f"{field} = " in to_toml(found)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("plan.stepz=3", 'unknown key "plan.stepz".*Did you mean "steps"'),
        ("plam.steps=3", 'unknown key "plam".*Did you mean "plan"'),
        ("plan.steps=many", "plan.steps: .*got 'many'"),
        ("plan.schedule=slow", "plan.schedule: .*got 'slow'"),
        ("plan.average.kind=median", "plan.average"),
        ("model.mechanism=genral", 'model: no mechanism "genral".*Did you mean "general"'),
        ("model.mechanism=causal", 'model: a translation has a source to look at.*Use mechanism="multi-head"'),
        ("model.feeding=true", 'model: a Transformer has no cell.*mechanism="multi-head".*Use mechanism="general", or drop feeding'),
        ("model.windw=3", 'unknown key "model.windw".*Did you mean "window"'),
        ("model.cell=rnn", "model.cell: .*got 'rnn'"),
        ("model.heads=7", "model: heads must divide dim: dim=128, heads=7.*Try heads=4"),
        ("plan.steps", "an override is written key=value: got 'plan.steps'"),
        ("=3", "an override is written key=value"),
        ("name.first=3", "name is a value, not a table"),
        ("plan.keep=0", "plan.keep"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(override: str, message: str, recipe: Path):
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(recipe, [override])
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(recipe: Path):
    recipe.write_text(TEXT.replace("steps = 100", ""))
    with pytest.raises(RecipeError, match=r'en-fr.toml: "plan.steps" is missing'):
        read_recipe(recipe)


def test_files_that_are_not_recipes(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"there is no recipe .*nothing.toml.*recipes/en-fr.toml"):
        read_recipe(tmp_path / "nothing.toml")
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        read_recipe(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = 'x'\ndata = fr\n")
    with pytest.raises(RecipeError, match=r"broken.toml is not TOML: .*line 2"):
        read_recipe(broken)
    broken.write_bytes(b"name = '\xff'")
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        read_recipe(broken)


def test_where_data_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.tsv").write_text("x")
    monkeypatch.setenv("LIMELIGHT_DATA", str(tmp_path / "sets"))
    assert find_data("$LIMELIGHT_DATA/a.tsv", tmp_path) == tmp_path / "sets" / "a.tsv"
    assert find_data("sets/a.tsv", tmp_path) == tmp_path / "sets" / "a.tsv"
    assert find_data(str(tmp_path / "sets" / "a.tsv"), Path("/")) == tmp_path / "sets" / "a.tsv"
    with pytest.raises(RecipeError, match=r"there is no data at .*b.tsv.*Set LIMELIGHT_DATA"):
        find_data("$LIMELIGHT_DATA/b.tsv", tmp_path)
    with pytest.raises(RecipeError, match=r"there is no data at .*b.tsv.*relative to the recipe"):
        find_data("b.tsv", tmp_path)
    monkeypatch.delenv("LIMELIGHT_DATA")
    with pytest.raises(RecipeError, match="shared/data/none"):
        find_data("$LIMELIGHT_DATA/none", tmp_path)


CLASSES = """
name = "mood"
task = "classify"

[data]
labels = ["bad", "good"]
[[data.sets]]
name = "lines"
path = "lines.txt"
form = "marked lines"

[plan]
steps = 100
"""


def test_a_task_has_recipes_of_its_own(tmp_path: Path):
    path = tmp_path / "mood.toml"
    path.write_text(CLASSES)
    found = read_recipe(path, ["model.position.kind=alibi", "batches.leave_out=0.2"])
    assert isinstance(found, ClassifyRecipe)
    assert (found.task, found.data.sets[0].form, found.batches.leave_out) == ("classify", "marked lines", 0.2)
    spec = found.spec(vocab=900)
    assert (spec.decoder, spec.heads) == (None, (Classes(labels=("bad", "good"), at="mean"),))
    assert (spec.encoder.input.vocab, spec.encoder.position) == (900, Alibi())
    again = tmp_path / "again.toml"
    again.write_text(to_toml(found))
    assert read_recipe(again) == found
    assert [line for line in to_toml(found).splitlines() if line.startswith("[")][:2] == ["[data]", "[[data.sets]]"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task=clasify", "no recipe is for the task 'clasify'.*Did you mean \"classify\".*translate"),
        ("task=3", "no recipe is for the task 3"),
        ("task=translate", 'unknown key "data.(labels|sets)"'),
        ("eval.beam=4", 'unknown key "eval"'),
        ("batches.join=0.1", 'unknown key "batches.join"'),
        ("data.target=fr", 'unknown key "data.target".*Known: labels, seed, sets'),
        ("data.labels=[\"a\", \"a\"]", "data: two labels have one name: a, a"),
        ("data.sets=[]", "data.sets"),
        ("model.heads=3", "model: heads must divide dim: dim=128, heads=3"),
    ],
)
def test_keys_of_another_task_are_refused(override: str, message: str, tmp_path: Path):
    path = tmp_path / "mood.toml"
    path.write_text(CLASSES)
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(path, [override])
    assert "\n" not in str(caught.value)


def test_a_set_says_what_its_other_labels_count_as(tmp_path: Path):
    path = tmp_path / "mood.toml"
    path.write_text(CLASSES.replace('form = "marked lines"', 'form = "marked lines"\nalso = {neutral = "bad"}'))
    assert read_recipe(path).data.sets[0].also == {"neutral": "bad"}
    path.write_text(CLASSES.replace('form = "marked lines"', 'form = "marked lines"\nalso = {neutral = "worse"}'))
    with pytest.raises(RecipeError, match=r"the set lines has texts that also count as 'worse', which is no label.*Known: bad, good"):
        read_recipe(path)


def test_all_recipes_that_come_with_the_package_can_be_read():
    for path in (Path(__file__).parents[2] / "recipes").glob("*.toml"):
        assert read_recipe(path).name == path.stem
