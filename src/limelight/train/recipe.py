"""Recipes: everything that makes a trained model, in one TOML file, with dotted overrides from the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field

from ..errors import RecipeError, SpecError
from ..spec import Model, encoder_decoder
from ..values import parse, plain, value
from .plan import Count, Factor, Natural, Plan

ROOT = "LIMELIGHT_DATA"


@value
class DataPart:
    """Which pairs to learn from. `path`: see `find_data`. `valid`, `test`: unique source sentences set aside, drawn by `seed`."""

    path: str
    source: str = "en"
    target: str = "fr"
    valid: Natural = 1000
    test: Natural = 2000
    seed: Natural = 0


@value
class TokenizerPart:
    """One byte-pair vocabulary for both sides."""

    vocab: Count = 8000


@value
class ModelPart:
    """The size of the Transformer; what each field means is said at `limelight.spec`."""

    dim: Count = 256
    heads: Count = 4
    encoder_depth: Count = 4
    decoder_depth: Count = 4
    hidden: Count = 1024
    length: Count = 512
    dropout: Factor = 0.1
    norm_at: Literal["pre", "post"] = "pre"


@value
class BatchPart:
    """`tokens`: slots of the longer side of a batch, padding included, at most. `max_length`: longer pairs are left out of training.

    `join`: the share of pairs that are trained on as one long pair with others, so that the model knows more than one sentence.
    """

    tokens: Count = 4096
    max_length: Count = 128
    join: Factor = 0.0


@value
class EvalPart:
    """How held-out sentences are translated: `beam` width, `length_penalty` (the exponent of Wu et al. 2016, equation 14)."""

    beam: Count = 4
    length_penalty: Annotated[float, Field(ge=0)] = 0.6


@value
class AlignPart:
    """Gold alignments to choose the aligner by: `pairs` ("source ||| target") and `links`, see `find_data`.

    It is chosen on the first `choose_on` pairs and measured on the others; `name` is what the set is called.
    """

    pairs: str
    links: str
    name: str
    choose_on: Count = 100


@value
class CardPart:
    """What the model's card says of it besides its scores."""

    summary: str
    license: str
    attribution: str
    limits: tuple[str, ...] = ()


@value
class Recipe:
    """A model from data to scores."""

    name: str
    task: Literal["translate"] = "translate"
    data: DataPart
    tokenizer: TokenizerPart = TokenizerPart()
    model: ModelPart = ModelPart()
    batches: BatchPart = BatchPart()
    plan: Plan
    eval: EvalPart = EvalPart()
    align: AlignPart | None = None
    card: CardPart | None = None

    def spec(self, vocab: int | None = None) -> Model:
        """The model to build; `vocab`: the size that the trained tokenizer really has."""
        return encoder_decoder(vocab=vocab or self.tokenizer.vocab, **plain(self.model))


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, then put "plan.lr=3e-4"-like overrides in; a value is TOML, or a bare word for text.

    Raises RecipeError (one line) for a missing or broken file, an unknown key or a value out of range.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}.", "Give the path of a .toml file, for instance recipes/en-fr.toml.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}", "Text values want quotes; see recipes/ for examples.") from None
    for override in overrides:
        _put(data, override)
    recipe = parse(Recipe, data, where=str(path), error=RecipeError)
    try:
        recipe.spec()
    except SpecError as error:      # sizes that do not fit together are the recipe's fault, and are said before the data are read
        raise RecipeError(f"{path}: model: {error.message}", error.hint) from None
    return recipe


def to_toml(recipe: Recipe) -> str:
    """The recipe with every field spelt out; reads back as the same recipe."""
    return tomli_w.dumps(_without_none(plain(recipe)))


def _without_none(data: Any) -> Any:
    """TOML has no word for nothing: what is not there is left out."""
    return {key: _without_none(item) for key, item in data.items() if item is not None} if isinstance(data, dict) else data


def find_data(path: str, beside: Path) -> Path:
    """The file that a recipe in the folder `beside` means by `path`.

    An absolute path is itself; "$LIMELIGHT_DATA/set/file" is looked for under that environment variable, or where it is not set in
    shared/data beside the repository; anything else is relative to the recipe's folder. Raises RecipeError where nothing is there.
    """
    if path.startswith(f"${ROOT}/"):
        found = data_root() / path.removeprefix(f"${ROOT}/")
        hint = f"Set {ROOT} to the folder that holds the data sets."
    else:
        found = beside / Path(path).expanduser()
        hint = f'The path is relative to the recipe; "${ROOT}/..." is relative to the folder of data sets.'
    if not found.exists():
        raise RecipeError(f"there is no data at {found}.", hint)
    return found


def data_root() -> Path:
    """Where data sets are kept: LIMELIGHT_DATA, or shared/data beside a clone of the repository."""
    return Path(os.environ[ROOT]) if os.environ.get(ROOT) else Path(__file__).resolve().parents[4] / "shared" / "data"


def _put(data: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not sign or not all((*tables, last)):
        raise RecipeError(f"an override is written key=value: got {override!r}.", "For instance plan.lr=3e-4.")
    for at, table in enumerate(tables):
        data = data.setdefault(table, {})
        if not isinstance(data, dict):
            raise RecipeError(f"{override!r}: {'.'.join(tables[: at + 1])} is a value, not a table.")
    data[last] = _literal(text.strip())


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
