"""From traced cross-attention to the words of a sentence pair, and to a picture of them."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from ...decode import Hypothesis
from ...hub import Opened
from ...inputs import Encoded, Text, words
from ...inputs.words import without_lead
from ...look.align import Alignment, Span, align, unfaded
from ...look.picture import Picture, Subwords
from ...manifest import Aligner, Manifest
from ..writing.scribe import Part, Sight


class Aligning:
    """Looks at the attention that a model's folder names as its aligner, while a translation is written. See scribe.Looker."""

    def __init__(self, opened: Opened):
        if opened.manifest.aligner is None:
            raise ValueError("aligning needs a measured aligner")
        self._aligner, self._text = opened.manifest.aligner, opened.text
        self._spec = opened.model.attentions()[self._aligner.attention].spec

    @property
    def attention(self) -> str:
        """Its name."""
        return self._aligner.attention

    def see(self, part: Part, best: Hypothesis, weights: Float[Tensor, "h q k"]) -> Sight:
        """The words and pieces of a sentence and its translation, aligned."""
        if part.source is None:
            raise ValueError("a part that is aligned needs its characters")
        a, heads = self._aligner, list(self._aligner.heads)
        return Sight(
            aligned(unfaded(weights[heads], self._spec), part.source, best.tokens, self._text, shift=a.shift),
            subwords(weights, part.source, best.tokens, self._text, shift=a.shift),
        )


def aligned(weights: Float[Tensor, "h q k"], source: Encoded, tokens: Sequence[int], text: Text, *, shift: int) -> Alignment:
    """Weights of the chosen heads over the steps of one translation -> words aligned to words.

    `tokens`: what each step chose. With `shift` 1 a token is aligned by the next step, which has it as input; the last token, which
    no step follows, by its own.
    """
    mean = weights.mean(0)                                                       # (q k)
    rows = [min(i + shift, len(mean) - 1) for i in range(len(tokens))]
    target, spans = spelled(text, tokens)
    into = (words(source.text), words(target))
    return align(mean[rows].cpu(), source=source.text, target=target, source_pieces=source.offsets, target_pieces=spans, words=into)


def spelled(text: Text, tokens: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of generated tokens, and which of its characters each stands for; marks such as the end stand for none.

    A letter that is spelled by several pieces belongs to the first that completes it.
    """
    said = text.decode(tokens)
    whole, before = said.strip(" "), len(said) - len(said.lstrip(" "))
    ends = [len(text.decode(tokens[: n + 1]).rstrip("�")) - before for n in range(len(tokens))]
    ends = [min(max(0, e), len(whole)) for e in ends]
    starts = [0, *ends[:-1]]
    return whole, [without_lead(whole, a, max(a, b)) for a, b in zip(starts, ends, strict=True)]


def subwords(weights: Float[Tensor, "h q k"], source: Encoded, tokens: Sequence[int], text: Text, *, shift: int) -> Subwords:
    """The same before pieces were merged, for each head: rows are the tokens that were chosen, columns the source's."""
    rows = [min(i + shift, weights.shape[1] - 1) for i in range(len(tokens))]
    shown = weights[:, rows].cpu().tolist()
    return Subwords(
        source=tuple(text.pieces(source.ids)),
        target=tuple(text.pieces(tokens)),
        weights={f"head {i}": tuple(tuple(row) for row in head) for i, head in enumerate(shown)},
    )


def picture(title: str, alignment: Alignment, manifest: Manifest, seconds: float, tokens: Subwords | None = None) -> Picture:
    """The alignment as a picture, with the number that says how far it can be trusted."""
    aligner = manifest.aligner
    if aligner is None:
        raise ValueError("a picture needs a measured aligner")
    return Picture(
        title=title,
        source=alignment.source,
        target=alignment.target,
        weights=alignment.weights,
        links=alignment.links,
        how=described(aligner),
        trust=trusted(aligner),
        model=manifest.name,
        seconds=seconds,
        tokens=tokens,
    )


def described(aligner: Aligner) -> str:
    """Which attention is shown."""
    heads = "head " + str(aligner.heads[0]) if len(aligner.heads) == 1 else "heads " + ", ".join(map(str, aligner.heads))
    step = "by the step after it was chosen" if aligner.shift else "by the step that chose it"
    return f"{aligner.attention}, {heads}; each word {step}; sub-words merged"


def trusted(aligner: Aligner) -> str:
    """How far to trust it."""
    return f"alignment error rate {aligner.aer:.2f} on {aligner.pairs} {aligner.measured_on} pairs not used to choose it (0 is perfect)"
