"""Replying: from conversations to a model that replies to a customer, its scores and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from ....data import Table, cell
from ....data.dialogues import DialogueSplit, Reply, read_dialogues, replies, split_dialogues, typed
from ....data.learnt import PartlyLearnt
from ....data.normalise import english
from ....devices import pick_device
from ....errors import InputError
from ....hub import Opened
from ....manifest import Generation, Manifest
from ....nn import Network
from ....train import Loss, ReplyRecipe, find_data, next_token
from ...asking import with_changes
from ...generate import GenerateOptions, going_on
from ...resolve.likelihood import Row, likelihoods
from ...writing import Part as Asked
from ...writing import Writer
from ..scores import Score
from ..trade import Measured, Part, Trade, Workshop, blank_card, pieces
from .card import markdown
from .scoring import Replied, score
from .turns import read, rows, spelled, template

GLANCE = 100                     # turns that are replied to for a score while training
BATCH = 32
Shop = Workshop[ReplyRecipe, DialogueSplit]


class Replying(Trade[ReplyRecipe, DialogueSplit, Reply, Replied]):
    """See Trade."""

    unit: ClassVar[str] = "turns"
    learns: ClassVar[str] = "reply tokens"
    doing: ClassVar[str] = "replying"
    columns: ClassVar[tuple[str, str]] = ("customer", "reply")
    tried: ClassVar[str] = "limelight chat --model {} MESSAGE"

    def needs(self, recipe: ReplyRecipe, beside: Path) -> list[Path]:
        """The dialogues."""
        return [find_data(each.path, beside) for each in recipe.data.files]

    def prepare(
        self, recipe: ReplyRecipe, beside: Path, *, folder: Path | None = None, device: str = "auto", few: int | None = None
    ) -> Shop:
        """See Trade. A rehearsal has `few` dialogues to train on, and a thirtieth as many in the other parts."""
        split = read_split(recipe, beside)
        if few is not None:
            held = max(1, few // 30)
            split = replace(split, train=split.train[:few], valid=split.valid[:held], test=split.test[:held])
        split = replace(split, train=typed(split.train, recipe.data.typed, seed=recipe.data.seed))
        text = pieces(lambda: spelled(split.train), recipe.tokenizer.vocab, folder)
        torch.manual_seed(recipe.plan.seed)
        model = Network(recipe.spec(len(text))).to(pick_device(device))
        ids, masks = zip(*rows(split.train, text, recipe.batches.max_length), strict=True)
        b = recipe.batches
        batches = PartlyLearnt(ids, masks, budget=b.tokens, seed=recipe.plan.seed, pad=text.pad, max_length=b.max_length)
        generation = Generation(
            pad=text.pad,
            start=None,
            end=(text.end,),
            never=((text.pad,), (text.start,)),
            never_first=(text.end,),
            beam=recipe.eval.beam,
            no_repeat=recipe.eval.no_repeat,
            repetition_penalty=recipe.eval.repetition_penalty,
            max_length=recipe.eval.max_length,
            max_source=recipe.model.length,
        )
        manifest = Manifest(name=recipe.name, task=recipe.task, spec=model.spec, generation=generation, card=blank_card(recipe))
        return Workshop(recipe, split, text, model, batches, manifest)

    def template(self, recipe: ReplyRecipe) -> str | None:
        """See Trade."""
        return template(recipe.eval.turns)

    def loss(self, workshop: Shop) -> Loss[Any]:
        """The replies' tokens; what a customer says is read only."""
        return next_token(workshop.recipe.plan, start=None)

    def glance(self, workshop: Shop) -> Mapping[str, float]:
        """See Trade."""
        some = sampled(workshop.recipe, workshop.split, "valid")[:GLANCE]
        return {each.name: round(each.value, 2) for each in self.scores(some, self.answers(workshop.opened(), some))}

    def measure(self, workshop: Shop, shipped: Opened, *, beside: Path, trained: str) -> Measured:
        """See Trade."""
        del beside
        found = self.examined(workshop, shipped, sampled(workshop.recipe, workshop.split, "test"), trained=trained)
        return Measured(replace(workshop.manifest, card=found.card), markdown(workshop, found.card, found.scores))

    def held_out(self, recipe: ReplyRecipe, beside: Path, part: Part) -> list[Reply]:
        """See Trade."""
        return sampled(recipe, read_split(recipe, beside), part)

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Reply]:
        """A message and the reply that it got a row, each the beginning of a conversation."""
        del opened
        names, found = [*map(table.column, columns)], list[Reply]()
        for number, row in enumerate(table.rows, 1):
            said, reply = (english(cell(row, column, where=table.where, number=number)) for column in names)
            if not said or not reply:
                raise InputError(f"{table.where}, row {number}: a turn or a reply with nothing in it cannot be scored.", "Leave it out.")
            found.append(Reply(f"{table.where}, row {number}", (said,), reply))
        return found

    def answers(self, opened: Opened, examples: Sequence[Reply], **options: object) -> list[Replied]:
        """Each turn is replied to as a user would have it, and the reply that a person gave is weighed."""
        asked = with_changes("reply", None, GenerateOptions, options)
        writer = Writer(opened, "generate")
        scribe = going_on(writer, asked)
        given = [read(each.turns, opened.text) for each in examples]
        found = scribe.all([Asked(i, 0, each.ids, writer.longest(len(each.ids), asked)) for i, each in enumerate(given)])
        people = [_weighed(each, len(before.ids), opened) for each, before in zip(examples, given, strict=True)]
        odds = likelihoods(opened, people, batch=BATCH)
        return [
            Replied(scribe.text(each.part, writer.said(each.hypotheses[0])).strip(), each.hypotheses[0].ended, -sum_, len(row.wanted))
            for each, (sum_, _), row in zip(found, odds, people, strict=True)
        ]

    def scores(self, examples: Sequence[Reply], answers: Sequence[Replied]) -> list[Score]:
        """See `scoring`."""
        return score(examples, answers)

    def kept(self) -> dict[str, Any]:
        """See Trade."""
        return {"dialogue": str, "turns": list[str], "reply": str, "answer": str, "complete": bool, "nll": float, "tokens": int}

    def row(self, example: Reply, answer: Replied) -> dict[str, Any]:
        """See Trade."""
        return {
            "dialogue": example.dialogue,
            "turns": list(example.turns),
            "reply": example.reply,
            "answer": answer.text,
            "complete": answer.ended,
            "nll": round(answer.nll, 4),
            "tokens": answer.tokens,
        }


def _weighed(example: Reply, before: int, opened: Opened) -> Row:
    """The tokens of a person's reply, after the `before` tokens of what was said."""
    whole = read([*example.turns, example.reply], opened.text)
    return Row(whole, tuple(range(before - 1, len(whole.ids) - 1)), whole.ids[before:])


def read_split(recipe: ReplyRecipe, beside: Path) -> DialogueSplit:
    """The recipe's dialogues, normalised and divided."""
    d = recipe.data
    files = [(find_data(each.path, beside), each) for each in d.files]
    found = [
        dialogue
        for path, each in files
        for dialogue in read_dialogues(path, dialogue=each.dialogue, customer=each.customer, agent=each.agent)
    ]
    return split_dialogues(found, test=d.test, valid=d.valid, seed=d.seed)


def sampled(recipe: ReplyRecipe, split: DialogueSplit, part: Part) -> list[Reply]:
    """The turns of a part that are scored, with as much of the conversation as the model is shown."""
    held = split.test if part == "test" else split.valid
    return replies(held, turns=recipe.eval.turns, count=recipe.eval.sample, seed=recipe.data.seed)
