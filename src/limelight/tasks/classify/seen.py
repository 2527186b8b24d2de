"""Seen: what a picture is told apart by: the labels of a head of its own, or a caller's words (Radford et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import RecipeError, TaskError
from ...hub import Opened
from ...inputs import Batch
from ...inputs import pictures as files
from ...spec import Meeting
from ..reading.rows import read
from ..reading.shown import Looked, look_at
from ..reading.windows import room_of
from .judging import BLANK, Judge, class_logits, own_labels

PHOTO = "a photo of a {}."               # what a label is put into, of pictures (Radford et al. 2021, section 3.1.4)


class Seen:
    """A model that tells pictures apart. `places`: how many vectors it makes of one."""

    def __init__(self, opened: Opened):
        spec = opened.manifest.spec
        self.opened = opened
        self.meets = any(isinstance(head, Meeting) for head in spec.heads)
        column = spec.pictures if self.meets else spec.encoder
        self.places: int = getattr(getattr(column, "input", None), "slots", 0)
        self._known: tuple[tuple[str, ...], Tensor] | None = None

    def judge(self, labels: Sequence[str], template: str, several: bool | None) -> Judge:
        """What labels are told apart. Raises TaskError for labels that the model has no words for, or needs and was not given."""
        name = self.opened.manifest.name
        if not self.meets:
            if labels:
                raise TaskError(f"{name} knows labels of its own, and no words: got labels.", "Leave them out, or use one such as CLIP.")
            return own_labels(self.opened, several)
        if len(labels) < 2:
            raise TaskError(f"{name} compares a picture with words: got {len(labels) or 'no'} label{'s' * (len(labels) != 1)}.",
                            'Give at least two, for instance labels=("cat", "dog").')
        if several:
            raise TaskError(f"{name} shares one picture out among the labels: got several=True.", "Leave it out.")
        return Judge(tuple(labels), "softmax", tuple(template.replace(BLANK, label) for label in labels))

    def check(self, item: object) -> None:
        """Raises InputError for what is no picture that can be read."""
        files.read(item)

    def read(self, items: Sequence[object], judge: Judge, batch: int) -> list[Looked]:
        """The logits of each label for each picture."""
        if not judge.hypotheses:
            return look_at(self.opened, items, lambda given: class_logits(self.opened, given), batch=batch)
        words, model = self._words(judge.hypotheses, batch), self.opened.model

        def match(given: Batch) -> Float[Tensor, "b t"]:
            return model.match(model.picture_vectors(given), words)

        return look_at(self.opened, items, match, batch=batch)

    def _words(self, texts: tuple[str, ...], batch: int) -> Float[Tensor, "t d"]:
        """The vectors of some texts; those of the last time are not computed again."""
        if self._known is None or self._known[0] != texts:
            rows, most = [self.opened.text.encode(text) for text in texts], room_of(self.opened)
            if long := next((text for text, row in zip(texts, rows, strict=True) if len(row.ids) > most), None):
                raise RecipeError(f"a label has more than the {most:,} tokens that are read at once: {long!r:.60}.", "Shorten it.")
            found = read(self.opened, rows, self.opened.model.text_vectors, batch=batch)
            vectors = torch.stack([each.values for each in found])
            self._known = texts, vectors.to(device=self.opened.device, dtype=self.opened.dtype)
        return self._known[1]
