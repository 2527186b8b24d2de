"""From traced cross-attention to the words of a sentence pair, and to a picture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ...decode import Hypothesis
from ...hub import Opened
from ...inputs import Encoded, Text, words
from ...inputs.words import without_lead
from ...look.align import PLAIN, Alignment, Linking, Span, align, unfaded
from ...look.picture import Picture, Subwords
from ...manifest import Aligner
from ..writing.scribe import Part, Sight
from .ways import Way, by_norm, shifted, way_of


class Aligning:
    """Looks at the attention that aligns while a translation is written. See scribe.Looker."""

    def __init__(self, opened: Opened, *, before: int = 0):
        """`before`: how many characters of a source stand before what is to be translated. The model must have a measured aligner."""
        if opened.manifest.aligner is None:
            raise ValueError("aligning needs a measured aligner")
        self._way, self._text, self._before = way_of(opened.manifest.aligner), opened.text, before
        self._spec = opened.model.attentions()[self._way.attention].spec

    @property
    def attention(self) -> str:
        """Its name."""
        return self._way.attention

    @property
    def normed(self) -> bool:
        """Whether it needs to know how much each key brings."""
        return self._way.normed

    def see(self, part: Part, best: Hypothesis, weights: Float[Tensor, "h q k"], norms: Float[Tensor, "h k"] | None) -> Sight:
        """The words and pieces of a sentence and its translation, aligned."""
        if part.source is None:
            raise ValueError("a part that is aligned needs its characters")
        heads, taken = list(self._way.heads), unfaded(weights, self._spec)
        chosen = taken[heads] if norms is None else by_norm(taken[heads], norms[heads])
        said, shift = (part.source, best.tokens, self._text), self._way.shift
        return Sight(
            aligned(chosen, *said, shift=shift, linking=self._way.linking, before=self._before), subwords(weights, *said, shift=shift)
        )


def aligned(
    weights: Float[Tensor, "h q k"],
    source: Encoded,
    tokens: Sequence[int],
    text: Text,
    *,
    shift: int,
    linking: Linking = PLAIN,
    before: int = 0,
) -> Alignment:
    """Weights of the chosen heads over the steps of one translation -> words aligned to words.

    `tokens`: what each step chose. With `shift` 1 a token is aligned by the next step, which has it as input; the last token, which
    no step follows, by its own. `before`: characters of the source that ask for the translation, and are no words of it.
    """
    target, spans = spelled(text, tokens)
    into = ([(a, b) for a, b in words(source.text) if a >= before], words(target))
    taken = shifted(weights, shift)[:, : len(tokens)].mean(0).cpu()
    return align(taken, texts=(source.text, target), pieces=(source.offsets, spans), words=into, linking=linking)


def spelled(text: Text, tokens: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of generated tokens, and which of its characters each stands for; marks such as the end stand for none.

    A letter that is spelled by several pieces belongs to the first that completes it.
    """
    said = text.decode(tokens)
    whole, before = said.strip(" "), len(said) - len(said.lstrip(" "))
    ends = [len(text.decode(tokens[: n + 1]).rstrip("�")) - before for n in range(len(tokens))]
    ends = [min(max(0, e), len(whole)) for e in ends]
    starts = [0, *ends][: len(ends)]
    return whole, [without_lead(whole, a, max(a, b)) for a, b in zip(starts, ends, strict=True)]


def subwords(weights: Float[Tensor, "h q k"], source: Encoded, tokens: Sequence[int], text: Text, *, shift: int) -> Subwords:
    """The same before pieces were merged, for each head: rows are the tokens that were chosen, columns the source's."""
    shown = shifted(weights, shift)[:, : len(tokens)].cpu().tolist()
    return Subwords(
        source=tuple(text.pieces(source.ids)),
        target=tuple(text.pieces(tokens)),
        weights={f"head {i}": tuple(tuple(row) for row in head) for i, head in enumerate(shown)},
    )


@dataclass(frozen=True)
class Told:
    """How words were aligned, and how far to trust it: what a picture says beside what it shows."""

    way: Way
    trust: str
    model: str

    def picture(self, title: str, alignment: Alignment, seconds: float, tokens: Subwords | None = None) -> Picture:
        """The alignment as a picture."""
        return Picture(
            title=title,
            source=alignment.source,
            target=alignment.target,
            weights=alignment.weights,
            links=alignment.links,
            how=described(self.way),
            trust=self.trust,
            model=self.model,
            seconds=seconds,
            tokens=tokens,
        )


def told(opened: Opened) -> Told:
    """Of a model with a measured aligner."""
    if opened.manifest.aligner is None:
        raise ValueError("a picture needs a measured aligner")
    return Told(way_of(opened.manifest.aligner), trusted(opened.manifest.aligner), opened.manifest.name)


def described(way: Way) -> str:
    """Which attention is shown, and how it became links."""
    heads = "head " + str(way.heads[0]) if len(way.heads) == 1 else "heads " + ", ".join(map(str, way.heads))
    step = "by the step after it was chosen" if way.shift else "by the step that chose it"
    more = (
        (way.normed, "weights counted by the norm of what they bring"),
        (way.even, "linked by the share of what a source word gives to all"),
        (way.signs, "signs linked to signs alone"),
        (way.share < 1, f"and to all words that reach {way.share:.0%} of the best"),
    )
    return "; ".join([f"{way.attention}, {heads}", f"each word {step}", "sub-words merged", *(text for so, text in more if so)])


def trusted(aligner: Aligner) -> str:
    """How far to trust it."""
    sure = "" if aligner.low is None or aligner.high is None else f" ({aligner.low:.2f} to {aligner.high:.2f})"
    on = f"on {aligner.pairs} {aligner.measured_on} pairs not used to choose it"
    return f"alignment error rate {aligner.aer:.2f}{sure} {on} (0 is perfect)"
