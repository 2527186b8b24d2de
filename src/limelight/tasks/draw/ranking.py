"""Ranking: drawings of one text, best first, by a model that did not draw them (Ramesh et al. 2021, section 2.6)."""

from __future__ import annotations

from dataclasses import replace

from ...errors import TaskError
from ...hub import Opened
from ...inputs.pictures import Picture
from ...spec import Meeting
from ..caption.matching import likelihoods
from ..embed import Embed
from ..fitness import check_fit
from .drawn import Drawn


def ranked(drawn: Drawn, judge: Opened) -> Drawn:
    """The same pictures, those that fit their text best first; of those that fit it alike, the first seed. Each has its `score`: the cosine
    of its vector and the text's by a model in which texts and pictures meet (CLIP), the mean log-probability of the text's tokens behind
    the picture, in nats, by a captioner. Raises TaskError for any other model."""
    check_judge(judge)
    found = sorted(zip(_scores(drawn, judge), drawn.pictures, strict=True), key=lambda each: (-each[0], each[1].seed))
    return replace(drawn, pictures=tuple(replace(picture, score=score) for score, picture in found), judge=judge.manifest.name)


def check_judge(judge: Opened) -> None:
    """Raises TaskError for a model that does not tell how well a picture fits a text."""
    if _meets(judge):
        return
    try:
        check_fit(judge, "caption")
    except TaskError as error:
        raise TaskError(f"{judge.manifest.name} cannot rank drawings: {error.message}", "Use a captioner, or one such as CLIP.") from None


def _scores(drawn: Drawn, judge: Opened) -> list[float]:
    images = [each.image for each in drawn.pictures]
    if not _meets(judge):
        return likelihoods(judge, [Picture(each) for each in images], [drawn.source])[:, 0].tolist()
    embed = Embed(judge)
    (text,) = embed.texts([drawn.source])
    return [text.similarity(each) for each in embed(images)]


def _meets(judge: Opened) -> bool:
    return any(isinstance(head, Meeting) for head in judge.manifest.spec.heads)
