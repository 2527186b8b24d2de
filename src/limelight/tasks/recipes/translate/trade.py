"""Translating: from sentence pairs to a model that translates, its aligner, its scores and its card."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import torch

from ....data import NORMALISERS, Example, Split, Table, TokenBatches, cell, read_pairs, split_by_source
from ....devices import pick_device
from ....errors import InputError, RecipeError
from ....hub import Opened
from ....manifest import Generation, Manifest
from ....nn import Network
from ....train import Loss, TranslateRecipe, find_data
from ....train.drawing import next_token_of
from ...align.choosing import choose_aligner
from ...align.gold import Gold, read_gold
from ...align.measuring import own_aligner, rates, scored
from ...translate.task import Translate, TranslateOptions
from ..scores import Aside, Score
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .card import markdown
from .scoring import score

GLANCE = 200                     # sentences that are translated for a score while training
Shop = Workshop[TranslateRecipe, Split]


class Translating(Trade[TranslateRecipe, Split, Example, str]):
    """See Trade."""

    unit: ClassVar[str] = "sentences"
    doing: ClassVar[str] = "translating"
    columns: ClassVar[tuple[str, str]] = ("source", "target")
    tried: ClassVar[str] = "limelight translate --model {} --look TEXT"

    def needs(self, recipe: TranslateRecipe, beside: Path) -> list[Path]:
        """The pairs, and the gold alignments."""
        align = () if recipe.align is None else (recipe.align.pairs, recipe.align.links)
        return [find_data(path, beside) for path in (recipe.data.path, *align)]

    def prepare(
        self, recipe: TranslateRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` pairs to train on, and a thirtieth as many sentences in the other parts."""
        split = read_split(recipe, beside)
        if few is not None:
            split = Split(train=split.train[:few], valid=split.valid[: few // 30], test=split.test[: few // 30])
        text = pieces(lambda: chain.from_iterable(split.train), recipe.tokenizer.vocab, folder)
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
        generation = Generation(
            pad=text.pad,
            start=text.start,
            end=(text.end,),
            never=((text.pad,), (text.start,)),
            beam=recipe.eval.beam,
            length_penalty=recipe.eval.length_penalty,
            max_length=2 * recipe.batches.max_length,
            max_source=recipe.batches.max_length,
        )
        manifest = Manifest(
            name=recipe.name,
            task=recipe.task,
            source_language=recipe.data.source,
            target_language=recipe.data.target,
            spec=model.spec,
            generation=generation,
            card=blank_card(recipe),
        )
        return Workshop(recipe, split, text, model, batches, manifest)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """See Trade."""
        return next_token_of(workshop.model, workshop.recipe.plan, start=workshop.words.start)

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        some = workshop.split.valid[:GLANCE]
        found = score(self.answers(workshop.opened(), some, beam=1), [e.references for e in some], resamples=1)
        return {s.name: round(s.value, 2) for s in found}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """The aligner is chosen on gold alignments, where the decoder looks at its source, and the test part is translated."""
        align, test, decoder = workshop.recipe.align, workshop.split.test, shipped.manifest.spec.decoder
        aligner = None
        if align is not None and decoder is not None and decoder.cross is not None:
            gold = self._gold(workshop.recipe, beside)
            aligner = choose_aligner(shipped, gold, measured_on=align.name, choose_on=align.choose_on)
        found = self.examined(workshop, shipped, test, trained=trained)
        manifest = replace(workshop.manifest, aligner=aligner, card=found.card)
        return Measured(manifest, markdown(workshop, found.card, found.scores, aligner))

    def held_out(self, recipe: TranslateRecipe, beside: Path, part: Part) -> list[Example]:
        """See Trade."""
        split = read_split(recipe, beside)
        return split.test if part == "test" else split.valid

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Example]:
        """Pairs, those with one source together. Both sides are normalised as training data are, for the model writes so."""
        source, target = map(table.column, columns)
        m = opened.manifest
        tidy, clean = (NORMALISERS.get(language or "none", NORMALISERS["none"]) for language in (m.source_language, m.target_language))
        found: dict[str, list[str]] = {}
        for number, row in enumerate(table.rows, 1):
            sides = (cell(row, column, where=table.where, number=number) for column in (source, target))
            text, reference = (side(each) for side, each in zip((tidy, clean), sides, strict=True))
            if not text or not reference:
                raise InputError(f"{table.where}, row {number}: a pair with an empty side cannot be scored.", "Leave such rows out.")
            found.setdefault(text, []).append(reference)
        return [Example(text, tuple(dict.fromkeys(references))) for text, references in found.items()]

    def answers(self, opened: Opened, examples: Sequence[Example], **options: object) -> list[str]:
        """Translations; but where a user would be told that a sentence is longer than those of the training, it is translated as far as the
        model's positions go, which may be without end."""
        encoder, m = opened.manifest.spec.encoder, opened.manifest
        room = (encoder.room if encoder else None) or sys.maxsize
        opened = replace(opened, manifest=replace(m, generation=replace(m.generation, max_source=room)))
        results = Translate(opened)([e.source for e in examples], TranslateOptions(align=False, batch=64), **options)
        return [r.text for r in results]

    def scores(self, examples: Sequence[Example], answers: Sequence[str]) -> list[Score]:
        """BLEU and chrF."""
        return score(answers, [e.references for e in examples])

    def kept(self) -> dict[str, Any]:
        """See Trade."""
        return {"source": str, "references": list[str], "translation": str}

    def row(self, example: Example, answer: str) -> dict[str, Any]:
        """See Trade."""
        return {"source": example.source, "references": list(example.references), "translation": answer}

    def alignment(self, recipe: TranslateRecipe, beside: Path) -> Callable[[Opened], Aside]:
        """The error of the model's own aligner on the gold pairs that it was not chosen on."""
        if recipe.align is None:
            raise RecipeError("--align needs gold alignments, and the recipe has no [align] part.", "See recipes/en-fr.toml.")
        gold = self._gold(recipe, beside)[recipe.align.choose_on :]

        def measure(opened: Opened) -> Aside:
            found = own_aligner(opened, gold)
            return Aside(scored(found), {**rates(found), "gold_pairs": found.pairs})

        return measure

    def _gold(self, recipe: TranslateRecipe, beside: Path) -> list[Gold]:
        align = recipe.align
        return [] if align is None else read_gold(find_data(align.pairs, beside), find_data(align.links, beside))


def read_split(recipe: TranslateRecipe, beside: Path) -> Split:
    """The recipe's pairs, normalised and divided."""
    d = recipe.data
    pairs = read_pairs(find_data(d.path, beside), languages=(d.source, d.target))
    return split_by_source(pairs, test=d.test, valid=d.valid, seed=d.seed)
