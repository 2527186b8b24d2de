"""How a model that writes is to choose its words: the options of the command line that several commands share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..decode import Sample
from ..errors import RecipeError
from ..tasks.writing.writer import Writer


@dataclass(frozen=True)
class Search:
    """As asked for; None where nothing was."""

    beam: int | None = None
    nbest: int = 1
    length_penalty: float | None = None
    max_length: int | None = None
    min_length: int | None = None
    no_repeat: int | None = None
    repetition_penalty: float | None = None
    batch: int = 32
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None

    def options(self, writer: Writer) -> dict[str, Any]:
        """As the fields of a Writing, for this model. Raises RecipeError for mixtures in which something would not be heard."""
        names = ("temperature", "top_k", "top_p", "min_p")
        drawn: dict[str, Any] = {name: value for name in names if (value := getattr(self, name)) is not None}
        draws = bool(drawn) or (writer.generation.sample and self.beam is None)
        if self.seed is not None and not draws:
            raise RecipeError("--seed is for drawing, and a beam search draws nothing.", "Add --temperature, --top-k, --top-p or --min-p.")
        if self.length_penalty is not None and drawn:
            raise RecipeError("--length-penalty is for beams, and this draws.", "Leave it out, or leave out the options that draw.")
        wanted = {name: value for name, value in vars(self).items() if name not in (*names, "seed")}
        if drawn or (draws and self.seed is not None):
            start = writer.sample() if writer.generation.sample else Sample()
            wanted["sample"] = replace(start, **drawn, seed=self.seed or 0)
        return wanted
