"""Claim 6: without positions, order is lost; and what lies beyond the trained length.

An encoder that was never trained reads rows and the same rows in another order: without positions its states only change places. Then
decoders of each scheme learn letters; they are asked with their history in order and shuffled, and at lengths beyond those they learnt on.
"""

from __future__ import annotations

import torch

from ..inputs.batch import Batch
from ..measure.intervals import Estimate, difference, over_seeds
from ..nn import Network
from ..spec import Alibi, Buckets, Learned, Model, Position, Sinusoid
from ..values import plain, value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .language import LONGER, ROTARY, Small, held_out, losses
from .lessons import Trained, trained
from .letters import Letters, read_letters
from .verdicts import Check

ROUNDING = 1e-5                      # of float32, through a few layers, as a share of the states' size
NONE = "none"
TIMES = (1, 2, 4)                    # the trained length, and beyond
SHUFFLED, LAST = "history shuffled", "in order"


@value
class Setting:
    """The models that learn, and on how many held-out rows they are asked."""

    small: Small = Small()
    rows: int = 32


def schemes(length: int) -> dict[str, Position | None]:
    """Every scheme, with room for four times the length that is trained on."""
    most = TIMES[-1] * length
    return {
        "learned": Learned(length=most),
        "sinusoid": Sinusoid(length=most),
        "rotary": ROTARY,
        "ALiBi": Alibi(),
        "buckets": Buckets(),
        NONE: None,
    }


def measure(lab: Lab, setting: Setting) -> Found:
    """Encoders that were never trained, then decoders that were."""
    letters, small = read_letters(), setting.small
    found: dict[str, list[Figures]] = {}
    moved: dict[str, list[Figures]] = {}
    for name, position in schemes(small.length).items():
        moved[name] = [_moved(lab, name, small.spec(len(letters.alphabet), position=position, sees_all=True), seed) for seed in lab.seeds]
        found[name] = [_asked(lab, setting, letters, name, position, seed) for seed in lab.seeds]
    once, last = f"{TIMES[0]}x", f"{TIMES[-1]}x"
    told = [name for name in found if name != NONE]
    best = min(told, key=lambda name: over_seeds(_of(found[name], once)).mean)
    least = min(told, key=lambda name: over_seeds(_of(moved[name], "change")).mean)
    checks = [
        Check(
            says="encoder without positions: change of its states when letters change places, as a share", wanted="within", bound=ROUNDING,
            found=over_seeds(_of(moved[NONE], "change")),
        ),
        Check(
            says=f"the same with {least} positions, where it is least", wanted="above", bound=ROUNDING,
            found=over_seeds(_of(moved[least], "change")),
        ),
        Check(
            says="decoder without positions: loss with its history shuffled less in order", wanted="within", bound=0.01, unit="nats",
            found=difference(_of(found[NONE], SHUFFLED), _of(found[NONE], LAST)),
        ),
        Check(
            says=f"decoders: loss without positions less with {best} ones", wanted="above", unit="nats",
            found=difference(_of(found[NONE], once), _of(found[best], once)),
        ),
        *(
            Check(
                says=f"{name} positions: loss at {last} the trained length less at {once}", wanted="above", unit="nats",
                found=difference(_of(found[name], last), _of(found[name], once)),
            )
            for name in ("learned", "sinusoid")
        ),
        Check(
            says=f"ALiBi: loss at {last} the trained length less at {once}", wanted="below", bound=0.01, unit="nats",
            found=difference(_of(found["ALiBi"], last), _of(found["ALiBi"], once)),
        ),
    ]  # fmt: skip
    return Found(checks, [_order_table(moved, found), _length_table(found)], [_plot(found, small.length)])


def _moved(lab: Lab, name: str, spec: Model, seed: int) -> Figures:
    decides = {"order of letters": plain(spec), "seed": seed}
    return lab.cell(f"encoder, {name} positions, seed {seed}: letters change places", decides, lambda: _change(spec, seed))


@torch.no_grad()
def _change(spec: Model, seed: int) -> Figures:
    """By how much the states differ from the same states in the new places, by their size."""
    torch.manual_seed(seed)
    model = Network(spec).eval()
    vocab = spec.encoder.tokens.vocab if spec.encoder else 1
    rows, places = torch.randint(vocab, (8, 32)), torch.randperm(32)
    before, after = model.hidden(Batch(rows))[:, places], model.hidden(Batch(rows[:, places]))
    return {"change": float((after - before).norm() / before.norm())}


def _asked(lab: Lab, setting: Setting, letters: Letters, name: str, position: Position | None, seed: int) -> Figures:
    """A decoder that has learnt, and its loss at each length and with its history shuffled."""
    small = setting.small
    found = trained(lab, small.lesson(f"letters, {name}", small.spec(len(letters.alphabet), position=position), letters), seed)
    asked = {f"{times}x": _at_length(lab, found, letters, setting.rows, small.length * times) for times in TIMES}
    return {**asked, **_shuffled(lab, found, letters, setting.rows, small.length)}


def _at_length(lab: Lab, found: Trained, letters: Letters, rows: int, length: int) -> float:
    """The loss at the last quarter of rows of this length."""
    text = letters.held_out(rows, length)
    how = {**held_out(letters, rows=rows, length=length), "places": "last quarter"}
    figures = found.measured(
        lab, f"loss at {length} letters", how, lambda model: {"nats": float(losses(model, text)[:, -length // 4 :].mean())}
    )
    return figures["nats"]


def _shuffled(lab: Lab, found: Trained, letters: Letters, rows: int, length: int) -> Figures:
    """The loss of each row's last letter, with all letters but the newest in order and shuffled."""
    text = letters.held_out(8 * rows, length)
    draw = torch.Generator().manual_seed(0)
    places = torch.stack([torch.randperm(length - 1, generator=draw) for _ in text])
    other = torch.cat([text[:, : length - 1].gather(1, places), text[:, length - 1 :]], 1)

    def ask(model: Network) -> Figures:
        return {LAST: float(losses(model, text)[:, -1].mean()), SHUFFLED: float(losses(model, other)[:, -1].mean())}

    return found.measured(lab, "loss with the history shuffled", held_out(letters, rows=8 * rows, length=length), ask)


def _of(found: list[Figures], key: str) -> list[float]:
    return [each[key] for each in found]


def _mean(found: list[Figures], key: str) -> Estimate:
    return over_seeds(_of(found, key))


def _order_table(moved: dict[str, list[Figures]], found: dict[str, list[Figures]]) -> Table:
    return Table(
        title="When letters change places: the states of an untrained encoder, and the loss of a decoder after a shuffled history",
        columns=("positions", "change of the encoder's states", "nats, in order", "nats, shuffled"),
        rows=tuple((name, _mean(moved[name], "change"), _mean(found[name], LAST), _mean(found[name], SHUFFLED)) for name in found),
    )


def _length_table(found: dict[str, list[Figures]]) -> Table:
    return Table(
        title="Loss at the last quarter of texts as long as in training, and longer, in nats a letter",
        columns=("positions", *(f"{times}x" for times in TIMES)),
        rows=tuple((name, *(_mean(found[name], f"{times}x") for times in TIMES)) for name in found),
    )


def _plot(found: dict[str, list[Figures]], length: int) -> Plot:
    lines = [
        Line(label=name, x=tuple(length * t for t in TIMES), y=tuple(_mean(each, f"{t}x") for t in TIMES)) for name, each in found.items()
    ]
    return Plot(title=f"Trained on {length} letters, asked at more", x="letters", y="nats a letter", lines=tuple(lines), log_x=True)


CLAIM = Claim(
    number=6,
    name="order",
    statement="Without positions, order is lost; and most schemes end where the trained length does.",
    source="Vaswani et al. 2017, section 3.5; Press et al. 2022, figure 1; Haviv et al. 2022 for the contrary in decoders",
    refuted_by="States without positions that depend on order; models without positions that learn as well, or know a shuffled history.",
    sizes={"quick": Setting(), "full": Setting(small=LONGER, rows=64)},
    measure=measure,
)
