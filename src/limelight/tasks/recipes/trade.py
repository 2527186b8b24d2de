"""Trade: what is done with the recipes of a task. The command line knows no more of a task than this."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from torch import nn

from ...codecs import Codec
from ...errors import RecipeError, WeightError
from ...files import replaced
from ...hub import Opened, open_model, save, save_codec
from ...inputs import Text
from ...manifest import Card, Manifest
from ...nn import Network
from ...train import Batches, Event, Loss, Recipe, fit, to_toml
from ...train.loop import Resume
from ...train.recipes.begun import RECIPE, check_begun_by
from .scorer import A, E, Scorer
from .scores import Aside, Score

R = TypeVar("R", bound=Recipe)
S = TypeVar("S")                         # the parts that its data were divided into
Part = Literal["test", "valid"]


@dataclass(frozen=True, eq=False)
class Workshop(Generic[R, S]):
    """All that a recipe makes before the first step. The same recipe gives the same workshop. `text`: None for a model without words;
    `manifest`: what the model would say of itself, without anything that is measured; `codec`: of a model that draws."""

    recipe: R
    split: S
    text: Text | None
    model: Network
    batches: Batches[Any]
    manifest: Manifest
    codec: Codec | None = None

    @property
    def words(self) -> Text:
        """Its vocabulary. Raises TaskError for a model without words."""
        return self._opened().text

    def opened(self) -> Opened:
        """The model as it stands, ready for the task: without dropout, which the next step of a training switches on again."""
        self.model.eval()
        if self.codec is not None:
            self.codec.eval()
        return self._opened()

    def _opened(self) -> Opened:
        return Opened(self.model, self.text, self.manifest, Path(), codec=self.codec)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found out about a model as it is shipped. `manifest`: with what was chosen by measuring, its card included; `card`: the
    whole card as Markdown."""

    manifest: Manifest
    card: str


@dataclass(frozen=True, eq=False)
class Examined(Generic[A]):
    """What a shipped model made of its test part: its answers, how good they are, and a card that says so."""

    answers: list[A]
    scores: list[Score]
    card: Card


class Trade(Scorer[E, A], Generic[R, S, E, A]):
    """What is done with the recipes of one task: the same verbs for all.

        workshop = trade.prepare(recipe, beside);  events = trade.learn(workshop, folder=...);  trade.finish(workshop, target, ...)
        examples = trade.held_out(recipe, beside, "test");  trade.scores(examples, trade.answers(opened, examples))

    See Scorer for what is done without a recipe. `learns`: what a training counts; `tried`: a command that shows what a new model can do.
    """

    learns: ClassVar[str] = "target tokens"
    tried: ClassVar[str]

    # --- from a recipe to a model --------------------------------------------------------------------------------------
    @abstractmethod
    def needs(self, recipe: R, beside: Path) -> list[Path]:
        """The files that the recipe reads, at its beginning and at its end. Raises RecipeError for one that is not there."""

    @abstractmethod
    def prepare(
        self, recipe: R, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Workshop[R, S]:
        """Read and divide the data, learn the pieces (or take those that `folder` has kept), build the model.

        `beside`: the recipe's folder; `few`: only about so many examples, for a rehearsal.
        """

    @abstractmethod
    def loss(self, workshop: Workshop[R, S]) -> Loss[Any]:
        """What it learns by."""

    @abstractmethod
    def glance(self, workshop: Workshop[R, S]) -> Mapping[str, float]:
        """A few scores on held-out examples, while it learns."""

    @abstractmethod
    def measure(self, workshop: Workshop[R, S], shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """All that is to be known of a trained model, measured on the folder that is shipped."""

    def template(self, recipe: R) -> str | None:
        """How a conversation is written for its models; None where they hold none."""
        del recipe
        return None

    def learn(self, workshop: Workshop[R, S], *, folder: Path | None, resume: Resume = "auto") -> Iterator[Event]:
        """Train, as a stream of events; a glance at held-out examples goes with each evaluation.

        Raises RecipeError where the folder's training was begun by a recipe that says otherwise what is learnt, unless `resume` is "must".
        """
        if folder is not None and resume == "auto":
            check_begun_by(workshop.recipe, folder)
        return self._learn(workshop, folder, resume)

    def _learn(self, workshop: Workshop[R, S], folder: Path | None, resume: Resume) -> Iterator[Event]:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            pieces = {} if workshop.text is None else {"tokenizer.json": workshop.text.to_json()}
            for name, content in {RECIPE: to_toml(workshop.recipe), **pieces}.items():
                with replaced(folder / name) as draft:
                    draft.write_text(content, encoding="utf-8")

        def evaluate(_: nn.Module) -> Mapping[str, float]:
            return self.glance(workshop)

        loss, plan = self.loss(workshop), workshop.recipe.plan
        return fit(workshop.model, workshop.batches, loss=loss, plan=plan, folder=folder, resume=resume, evaluate=evaluate)

    def finish(self, workshop: Workshop[R, S], folder: Path, *, beside: Path, trained: str) -> Path:
        """Write FOLDER as a model folder that anyone can open, and say in its card what was measured.

        Everything is measured on the model as it is shipped (int8 weights, opened again from the folder), not on the one that was
        trained. `beside`: the recipe's folder; `trained`: where and how long, for the card. Raises RecipeError without a [card].
        """
        card_of(workshop.recipe)
        template = self.template(workshop.recipe)
        save(folder, model=workshop.model, text=workshop.text, manifest=workshop.manifest, card="", template=template)
        save_codec(folder, workshop.codec)
        shipped = open_model(folder, device=str(next(workshop.model.parameters()).device), dtype="fp32")
        found = self.measure(workshop, shipped, beside=beside, trained=trained)
        save(folder, model=workshop.model, text=workshop.text, manifest=found.manifest, card=found.card, template=template)
        return folder

    def examined(
        self, workshop: Workshop[R, S], shipped: Opened, test: Sequence[E], *, trained: str, digits: int = 1
    ) -> Examined[A]:
        """Answer the test part by the clock. `digits`: that the card has of each score."""
        answers, pace = self.paced(shipped, test)
        scores = self.scores(test, answers)
        found: dict[str, float | str] = {each.name: round(each.value, digits) for each in scores}
        found |= {f"test {self.unit}": float(len(test)), f"{self.unit} a second": round(pace, 1)}
        return Examined(answers, scores, card_of(workshop.recipe, trained=trained, scores=found))

    # --- what is held out -----------------------------------------------------------------------------------------------
    @abstractmethod
    def held_out(self, recipe: R, beside: Path, part: Part) -> list[E]:
        """The examples that the recipe sets aside."""

    def alignment(self, recipe: R, beside: Path) -> Callable[[Opened], Aside]:
        """What `--align` asks for, once its gold is read. Raises RecipeError where there is none: only translations are aligned."""
        del beside
        raise RecipeError(f"--align is about translations; the recipe {recipe.name} is for the task {recipe.task}.", "Leave --align out.")


def card_of(recipe: Recipe, *, trained: str = "", scores: Mapping[str, float | str] | None = None) -> Card:
    """The recipe's [card] with what was measured. Raises RecipeError where it has none."""
    part = recipe.card
    if part is None:
        raise RecipeError(f"the recipe {recipe.name} has no [card], and no model leaves without one.", "Add [card] to it.")
    return Card(
        summary=part.summary,
        license=part.license,
        attribution=part.attribution,
        recipe=f"recipes/{recipe.name}.toml",
        trained=trained,
        scores=dict(scores or {}),
        limits=part.limits,
    )


def blank_card(recipe: Recipe) -> Card:
    """The card of a model that is not trained yet."""
    return Card(summary="Not trained yet.", license="", attribution="", recipe=f"recipes/{recipe.name}.toml", trained="")


def pieces(texts: Callable[[], Iterable[str]], vocab: int, folder: Path | None, *, lower: bool = False) -> Text:
    """The vocabulary of the training part; a run that goes on keeps the one it began with."""
    kept = folder / "tokenizer.json" if folder else None
    if kept is not None and kept.exists():
        try:
            return Text.from_json(kept.read_text(encoding="utf-8"), where=str(kept))
        except OSError as error:
            raise WeightError(f"{kept} cannot be read: {error.strerror}.") from None
    return Text.train(texts(), vocab=vocab, lower=lower)
