"""The bench that classifiers are compared on: encoders of several widths learn the same labelled texts, and judge the same others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean

from ..nn import Network
from ..tasks.recipes.classify.trade import Classifying, Shop, text_batches
from ..train import Batches, ClassifyRecipe, Plan, find_data, whole_texts
from ..train.recipes.classify import EncoderPart, SetPart, SetsPart, TextBatchPart, TextPiecesPart
from ..values import plain, value
from .corpus import digest
from .lab import Figures, Lab
from .lessons import Lesson, trained

HEAD = 32                        # width of a head, whatever the model's
TRADE = Classifying()


@value
class Opinions:
    """What is learnt, and how. `few`: so many texts of each set, a tenth as many held out; None for all."""

    recipe: ClassifyRecipe
    few: int | None = None


@dataclass(frozen=True, eq=False)
class Judging:
    """Opinions that models of several widths learn in a lab."""

    lab: Lab
    opinions: Opinions

    def figures(self, dim: int, seed: int) -> Figures:
        """How a model has learnt, and how good it is: {"balanced": accuracy of each held-out set in per cent, "mean": of the sets}, and all
        that `Trained.figures` says."""

        def measure(model: Network) -> Figures:
            test, manifest = self._shop.split.test, replace(self._shop.manifest, spec=model.spec)
            answers = TRADE.answers(replace(self._shop, model=model, manifest=manifest).opened(), test)
            balanced = {name: 100 * share for name, share in TRADE.found(test, answers).items()}
            return {"balanced": balanced, "mean": fmean(balanced.values())}

        found = trained(self.lab, self.lesson(dim), seed)
        return {**found.figures, **found.measured(self.lab, "balanced accuracy", {}, measure)}

    def lesson(self, dim: int) -> Lesson:
        """The training of a model of this width, in proportion to the recipe's; the learning rate falls with the root of the width."""
        recipe = self.opinions.recipe
        times = dim / recipe.model.dim
        part = replace(recipe.model, dim=dim, hidden=round(recipe.model.hidden * times), heads=max(1, dim // HEAD))
        plan = replace(recipe.plan, lr=recipe.plan.lr * times**-0.5)
        return Lesson(
            name=f"encoder of opinions, {dim} wide",
            spec=replace(recipe, model=part).spec(),
            plan=plan,
            data=self._data,
            batches=self._batches,
            loss=whole_texts(plan, leave_out=recipe.batches.leave_out),
            loss_name="class of whole texts",
        )

    def notes(self) -> list[str]:
        """What all sizes have in common."""
        r = self.opinions.recipe
        sets = ", ".join(each.name for each in r.data.sets)
        return [
            f"Opinions: {sets}; {r.tokenizer.vocab:,} byte-pair pieces, encoders of depth {r.model.depth} with heads of {HEAD}, "
            f"{r.plan.steps:,} steps of at most {r.batches.tokens:,} tokens in float32, the same in the same order for all sizes of a seed."
        ]

    def _batches(self, seed: int) -> Batches:
        recipe = self.opinions.recipe
        return text_batches(replace(recipe, plan=replace(recipe.plan, seed=seed)), self._shop.split.train, self._shop.words)

    @cached_property
    def _shop(self) -> Shop:
        """Texts and pieces, which are the same for all sizes."""
        return TRADE.prepare(self.opinions.recipe, Path(), device="cpu", few=self.opinions.few)

    @cached_property
    def _data(self) -> str:
        """What tells these texts from others: the files' own bytes, and all that is done with them."""
        r = self.opinions.recipe
        files = [digest(find_data(each.path, Path())) for each in r.data.sets]
        sets = [{key: x for key, x in each.items() if key != "path"} for each in plain(r.data)["sets"]]
        return f"{files}/{sets}/{r.data.labels}/{r.data.seed}/{plain(r.batches)}/{plain(r.tokenizer)}/{self.opinions.few}"


def _recipe(*, vocab: int, tokens: int, plan: Plan) -> ClassifyRecipe:
    """Opinions of things, clothes and films; rates keep the sets in balance, as in recipes/sentiment-en.toml."""
    sets = (
        SetPart(
            name="product sentences", path="$LIMELIGHT_DATA/uci_sentiment_sentences/amazon_cells_labelled.txt", form="marked lines",
            test=400, rate=5.0,
        ),
        SetPart(
            name="clothing reviews", path="$LIMELIGHT_DATA/womens_clothing_reviews/Womens Clothing E-Commerce Reviews.csv",
            form="starred rows", test=1500, rate=0.4, glimpse=0.5,
        ),
        SetPart(
            name="film reviews", path="$LIMELIGHT_DATA/nltk_reviews/movie_reviews.zip", form="two folders",
            test=400, rate=0.5, glimpse=0.5,
        ),
        SetPart(name="pros and cons", path="$LIMELIGHT_DATA/nltk_reviews/pros_cons.zip", form="pros and cons", test=1000, rate=0.4),
    )  # fmt: skip
    return ClassifyRecipe(
        name="opinions",
        tokenizer=TextPiecesPart(vocab=vocab),
        data=SetsPart(labels=("negative", "positive"), sets=sets),
        model=EncoderPart(dim=128, heads=4, depth=1, hidden=256, dropout=0.3),
        batches=TextBatchPart(tokens=tokens, max_length=256, leave_out=0.15),
        plan=plan,
    )


def _plan(steps: int) -> Plan:
    return Plan(steps=steps, lr=2e-3, warmup=steps // 10, schedule="linear", weight_decay=0.05, precision="fp32", label_smoothing=0.05)


QUICK = Opinions(recipe=_recipe(vocab=1000, tokens=1000, plan=_plan(150)), few=2000)
FULL = Opinions(recipe=_recipe(vocab=8000, tokens=4000, plan=_plan(1000)))
