"""From a recipe to a model folder: data, pieces, model, training, alignment, scores, card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ...data import Example, Split, TokenBatches, read_pairs, split_by_source
from ...devices import pick_device
from ...errors import WeightError
from ...files import replaced
from ...hub import Opened
from ...inputs import Text
from ...manifest import Card, Generation, Manifest
from ...nn import Network
from ...train import Event, Recipe, find_data, fit, next_token, to_toml
from ...train.loop import Evaluate, Resume
from ..translate.task import Translate, TranslateOptions
from .scoring import Score, score

GLANCE = 200                     # sentences that are translated for a score while training


@dataclass(frozen=True, eq=False)
class Workshop:
    """All that a recipe makes before the first step. The same recipe gives the same workshop."""

    recipe: Recipe
    split: Split
    text: Text
    model: Network
    batches: TokenBatches

    @property
    def manifest(self) -> Manifest:
        """What the model would say of itself, without scores or an aligner yet."""
        r, t = self.recipe, self.text
        return Manifest(
            name=r.name,
            task=r.task,
            source_language=r.data.source,
            target_language=r.data.target,
            spec=self.model.spec,
            generation=Generation(
                pad=t.pad,
                start=t.start,
                end=(t.end,),
                never=((t.pad,), (t.start,)),
                beam=r.eval.beam,
                length_penalty=r.eval.length_penalty,
                max_length=2 * r.batches.max_length,
                max_source=r.batches.max_length,
            ),
            card=Card(summary="Not trained yet.", license="", attribution="", recipe=f"recipes/{r.name}.toml", trained=""),
        )

    def opened(self) -> Opened:
        """The model as it stands, ready for the task: without dropout, which the next step of a training switches on again."""
        return Opened(self.model.eval(), self.text, self.manifest, Path())


def read_split(recipe: Recipe, beside: Path) -> Split:
    """The recipe's pairs, normalised and divided."""
    d = recipe.data
    pairs = read_pairs(find_data(d.path, beside), languages=(d.source, d.target))
    return split_by_source(pairs, test=d.test, valid=d.valid, seed=d.seed)


def prepare(recipe: Recipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None) -> Workshop:
    """Read and divide the data, learn the pieces (or take those that `folder` has kept), build the model.

    `few`: only so many pairs of the training part, and a thirtieth as many sentences of the others, for a rehearsal.
    """
    split = read_split(recipe, beside)
    if few is not None:
        split = Split(train=split.train[:few], valid=split.valid[: few // 30], test=split.test[: few // 30])
    text = _pieces(recipe, split, folder)
    torch.manual_seed(recipe.plan.seed)
    model = Network(recipe.spec(len(text))).to(pick_device(device))
    batches = TokenBatches(
        [e.ids for e in text.encode_all([p.source for p in split.train])],
        [e.ids for e in text.encode_all([p.target for p in split.train])],
        budget=recipe.batches.tokens,
        seed=recipe.plan.seed,
        pad=text.pad,
        max_length=recipe.batches.max_length,
        join=recipe.batches.join,
    )
    return Workshop(recipe, split, text, model, batches)


def learn(workshop: Workshop, *, folder: Path | None, resume: Resume = "auto") -> Iterator[Event]:
    """Train, as a stream of events; a glance at held-out sentences goes with each evaluation."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("recipe.toml", to_toml(workshop.recipe)), ("tokenizer.json", workshop.text.to_json())):
            with replaced(folder / name) as draft:
                draft.write_text(content, encoding="utf-8")
    plan = workshop.recipe.plan
    loss = next_token(plan, start=workshop.text.start)
    return fit(workshop.model, workshop.batches, loss=loss, plan=plan, folder=folder, resume=resume, evaluate=_glance(workshop))


def translations(opened: Opened, examples: Sequence[Example], **options: object) -> list[str]:
    """The model's translations of held-out sentences, in their order, as a user would get them; but where a user would be told that
    a sentence is longer than those of the training, it is translated as far as the model's positions go."""
    encoder, m = opened.manifest.spec.encoder, opened.manifest
    room = encoder.room if encoder else None
    if room is not None:
        opened = replace(opened, manifest=replace(m, generation=replace(m.generation, max_source=room)))
    results = Translate(opened)([e.source for e in examples], TranslateOptions(align=False, batch=64), **options)
    return [r.text for r in results]


def evaluate(opened: Opened, examples: Sequence[Example], **options: object) -> list[Score]:
    """Translate held-out sentences and score them."""
    return score(translations(opened, examples, **options), [e.references for e in examples])


def _glance(workshop: Workshop) -> Evaluate:
    def look(_: nn.Module) -> Mapping[str, float]:
        some = workshop.split.valid[:GLANCE]
        scores = score(translations(workshop.opened(), some, beam=1), [e.references for e in some], resamples=1)
        return {s.name: round(s.value, 2) for s in scores}

    return look


def _pieces(recipe: Recipe, split: Split, folder: Path | None) -> Text:
    """The vocabulary of the training part; a run that goes on keeps the one it began with."""
    kept = folder / "tokenizer.json" if folder else None
    if kept is not None and kept.exists():
        try:
            return Text.from_json(kept.read_text(encoding="utf-8"), where=str(kept))
        except OSError as error:
            raise WeightError(f"{kept} cannot be read: {error.strerror}.") from None
    return Text.train((side for pair in split.train for side in pair), vocab=recipe.tokenizer.vocab)
