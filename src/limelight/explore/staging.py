"""Staging: a reading as a scene."""

from __future__ import annotations

from ..nn import Attention
from ..spec import Additive, Dot, Entmax, General, Hard, Kernel, Monotonic, Predicted, ScaledDot, Sparsemax
from ..spec import Attention as AttentionSpec
from .aligned import aligned
from .reading import Reading
from .scene import Attended, Live, Scene, Start
from .trust import trust

SCORES = {ScaledDot: "scaled dot", Dot: "dot", General: "general", Additive: "additive"}
WEIGHTS = {Sparsemax: "sparsemax", Entmax: "entmax", Hard: "hard"}
TASKS = {"judges": "classify", "guesses": "fill", "reads": "read", "goes on": "generate", "answers": "answer"}


def scene(reading: Reading, live: Live) -> Scene:
    """All that a page is told first."""
    opened = reading.opened
    attentions = tuple(_attended(reading, name, each) for name, each in opened.model.attentions().items() if name in reading.passed.seen)
    align = aligned(reading)
    return Scene(
        model=opened.manifest.name,
        family=opened.manifest.spec.family,
        parameters=sum(each.numel() for each in opened.model.parameters()),
        task=opened.manifest.task or TASKS[reading.subject.manner],
        title=next(iter(reading.tracks.values())).text[:400],
        seconds=reading.seconds,
        tracks=reading.tracks,
        attentions=attentions,
        steps=reading.steps,
        choice=reading.choice,
        beams=None if reading.written is None else reading.written.beams,
        align=align,
        trust=trust(reading, align),
        live=live,
        start=_start(reading, attentions),
    )


def _attended(reading: Reading, name: str, attention: Attention) -> Attended:
    side, layer, kind = name.split(".")
    queries = reading.track(side)
    spec = reading.opened.manifest.spec.encoder if side == "encoder" else reading.opened.manifest.spec.decoder
    return Attended(
        name=name,
        side="encoder" if side == "encoder" else "decoder",
        layer=int(layer),
        kind="cross" if kind == "cross" else "self",
        heads=reading.view(name).heads,
        queries=queries,
        keys="source" if kind == "cross" else queries,
        causal=kind == "self" and (side == "decoder" or bool(spec and getattr(spec, "causal", False))),
        mechanism=_mechanism(attention.spec),
        note=_note(attention.spec, reading.silent.get(name, ())),
    )


def _mechanism(spec: AttentionSpec) -> str:
    if isinstance(spec.weights, Kernel):
        return "linear (kernel)"
    weights = WEIGHTS.get(type(spec.weights))
    return SCORES[type(spec.score)] + (f", {weights}" if weights else "")


def _note(spec: AttentionSpec, silent: object) -> str | None:
    """What a reader of the weights must know."""
    said = [f"heads switched off: {', '.join(map(str, silent))}"] if silent else []  # pyright: ignore[reportArgumentType]
    match spec.local:
        case Predicted(width=width):
            said.append(f"fades away from a predicted place within {width} keys: rows sum to 1 or less")
        case Monotonic(width=width):
            said.append(f"sees {width} keys on either side of its step")
    if isinstance(spec.weights, Hard):
        said.append("all weight on one key")
    if spec.groups < spec.heads:
        said.append(f"{spec.heads} heads share {spec.groups} of keys and values")
    return "; ".join(said) or None


def _start(reading: Reading, attentions: tuple[Attended, ...]) -> Start:
    """The head that aligns, or else one in the middle; and the place that chose the answer's first word, or the last word of a text."""
    aligner, names = reading.opened.manifest.aligner, [each.name for each in attentions]
    crossing = [each.name for each in attentions if each.kind == "cross"]
    name = aligner.attention if aligner is not None and aligner.attention in names else (crossing or names)[len(crossing or names) // 2]
    head = aligner.heads[0] if aligner is not None and aligner.attention == name else 0
    track = reading.tracks[reading.track(name.split(".")[0])]
    words = [i for i, token in enumerate(track.tokens) if token.word is not None]
    own = [i for i in words if i >= track.prompt] if reading.steps else words
    return Start(name, head, (own or words or [len(track.tokens) - 1])[0 if reading.steps and own else -1])
