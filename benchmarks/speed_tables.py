"""The sections of contests: rates beside peers, with the share of the machine's limit that each reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import growth_plots
from .cells import Record, conditions, rate, ratio, table

TOLD = ("BLEU", "accuracy", "perplexity a token")                   # of the scores of a model
PARTS = ("layers", "scores", "rest")                                # of a token's time
Column = tuple[str, str, str]                                       # one more of a table: its head, its key in the record, and its form
NOTHING: Column = ("", "", "")


def translation(r: Record) -> str:
    """Sentences a second."""
    head = [
        "## Translation\n",
        "Beam 4, the same weights and so the same function for all, every answer forced to one length.\n",
    ]
    return _section(head, r, _beams, ("same answers", "same_answers_as_limelight_fp32", "{:.0%}"))


def _beams(s: Record) -> str:
    return f"**{s['model'].capitalize()} size, batch {s['batch']}**, {s['source_and_answer_tokens']} tokens in and out\n"


def limits(r: Record) -> str:
    """What the machine does at most."""
    most = r["limits"]
    products = ", ".join(f"{most[name]:,.0f} {name}" for name in ("fp32", "bf16", "int8"))
    return "\n".join(
        [
            "## The machine's limits\n",
            f"{most['read']:.0f} GB/s read from memory; thousands of millions of operations a second: {products}.",
            "Each is the better of loops that never leave the registers and of torch's products. *Share of the limit*, further on:",
            "the time in which these would let the work be done (weights read once a step, products at the peak of their format), by the",
            "time that it took.",
            conditions(r),
        ]
    )


def decoding(r: Record) -> str:
    """Tokens a second."""
    s = r["setting"]
    head = [
        "## Writing\n",
        f"A random GPT-2 of {s['layers']} layers, {s['dim']} wide, {s['vocab']:,} tokens: a prompt of {s['prompt']} and {s['new']} new",
        "ones, greedily, the whole call. *Same tokens*: as Limelight's in fp32; one that differs changes all that follow.\n",
    ]
    return _section(head, r, lambda held: f"**Batch {held['batch']}**\n", ("same tokens", "same_as_limelight_fp32", "{:.0%}"))


def steps(r: Record) -> str:
    """Milliseconds of each part."""
    s = r["setting"]
    rows = [
        [
            f"{case['setting']['precision']}, batch {case['setting']['rows']}",
            _part(case["prompt"]),
            *(_part(case["token"][name]) for name in PARTS),
        ]
        for case in r["cases"]
    ]
    return "\n".join(
        [
            "## Where the time of writing goes\n",
            f"The same GPT-2: ms of a prompt of {s['prompt']} tokens, and of each of {s['new']} further ones (layers, the scores of all",
            "words, and all else: choosing, the cache, Python), with the share of the machine's limit in brackets.\n",
            table(["", "prompt", *PARTS], rows),
            conditions(r),
        ]
    )


def _part(each: Record) -> str:
    share = f" ({each['least'] / each['median']:.0%})" if "least" in each else ""
    return f"{1000 * each['median']:.3g}{share}"


def encoding(r: Record) -> str:
    """Sequences a second."""
    s, real = r["setting"], r["real"]
    head = [
        "## Reading\n",
        f"A random DistilBERT of {s['layers']} layers, {s['dim']} wide, with a head for two classes. *Apart*: the norm of the",
        "difference of logits from Limelight's in fp32, by theirs.\n",
    ]
    last = [] if real is None else [_real(real["setting"]), *_contest(real, ("same classes", "same_classes_as_limelight_fp32", "{:.0%}"))]
    return _section(head, r, _rectangle, ("apart", "apart_from_limelight_fp32", "{:.1e}"), last)


def _rectangle(s: Record) -> str:
    return f"**{s['rows']} x {s['tokens']} tokens**\n"


def _real(s: Record) -> str:
    return f"**{s['texts']} paragraphs and reviews**, from text, of {s['shortest']} to {s['longest']} tokens\n"


def seeing(r: Record) -> str:
    """Pictures a second."""
    s = r["setting"]
    head = [
        "## Pictures\n",
        f"A random ViT of {s['layers']} layers, {s['dim']} wide, on pictures of {s['side']} x {s['side']} pixels in squares of",
        f"{s['square']}. *Apart*: the norm of the difference of logits from Limelight's in fp32, by theirs.\n",
    ]
    return _section(head, r, lambda s: f"**{s['pictures']} at once**\n", ("apart", "apart_from_limelight_fp32", "{:.1e}"))


def hearing(r: Record) -> str:
    """Tokens a second."""
    s = r["setting"]
    head = [
        "## Sound\n",
        f"A random Whisper of {s['layers']} and {s['layers']} layers, {s['dim']} wide: {s['frames']:,} frames are read, {s['new']}",
        "tokens written, greedily. *Same*: the share of tokens that are Limelight's in fp32.\n",
    ]
    return _section(head, r, lambda s: f"**{s['recordings']} at once**\n", ("same", "same_as_limelight_fp32", "{:.0%}"))


def attention(r: Record) -> str:
    """Calls a second."""
    s = r["setting"]
    head = ["## Attention itself\n", f"{s['heads']} heads of {s['width']}; causal where there are as many queries as keys.\n"]
    return _section(head, r, _lengths, ("apart from exact", "apart_from_exact", "{:.1e}"))


def _lengths(s: Record) -> str:
    return f"**{s['queries']:,} queries, {s['keys']:,} keys, {s['format']}**\n"


def growth(r: Record) -> str:
    """Milliseconds a token."""
    cases = r["cases"]
    names = dict.fromkeys(name for case in cases for name in case["results"])
    heads = [f"{case['setting']['rows']} x {case['setting']['context']:,}" for case in cases]
    rows = [[name, *(_each_token(case["results"].get(name)) for case in cases)] for name in names]
    return "\n".join(
        [
            "## Growth\n",
            "What a further token of a random GPT-2 costs, in ms, by rows at once and by what stands before.\n",
            table(["rows x context", *heads], rows),
            *(f"\n![{plot.title}]({growth_plots.NAME.format(number)})" for number, plot in enumerate(growth_plots.plots(r), 1)),
            conditions(r),
        ]
    )


def gpu(r: Record) -> str:
    """Training and writing on a GPU."""
    s, most = r["setting"], r["limits"]
    trained = [line for case in r["training"] for line in (_step(case["setting"]), *_contest(case, NOTHING))]
    told = ("same tokens", "same_as_limelight", "{:.0%}")
    written = [line for case in r["decoding"] for line in (_prompted(case["setting"]), *_contest(case, told))]
    exact = all(case["trace_changes_nothing"] for case in r["decoding"])
    return "\n".join(
        [
            "## On a GPU\n",
            f"{s['device']}: {most['read']:,.0f} GB/s read; thousands of millions of operations a second: {most['fp32']:,.0f} fp32,",
            f"{most['bf16']:,.0f} bf16, measured first. The share of the limit is that of the products in training (MFU), and of reading",
            f"weights and keys where tokens are written. A trace {'changed no bit' if exact else 'CHANGED the answers'}.\n",
            *trained,
            *written,
            conditions(r),
        ]
    )


def _step(s: Record) -> str:
    size = f"{s['parameters'] / 1e6:,.0f} million parameters"
    return f"**Training {s['model']}**, {size}, {s['rows']} rows of {s['tokens']:,} tokens a step\n"


def _prompted(s: Record) -> str:
    return f"**Writing with {s['model']}, batch {s['batch']}**, {s['prompt']} tokens in and {s['new']} out\n"


def quality(r: Record) -> str:
    """What a precision costs in scores."""
    rows = [
        [each["model"], precision, f"{score['name']} {score['value']:.2f}", f"{score['drop']:.2f}", *_apart(found)]
        for each in r["models"]
        for precision, found in each["precisions"].items()
        for score in found["scores"]
        if score["name"].startswith(TOLD)
    ]
    return "\n".join(
        [
            "## Quality by precision\n",
            "The bundled models on what their recipes set aside. *KL*: of the fp32 model's distribution to this one's, a place, in nats.\n",
            table(["model", "precision", "score", "worse than fp32 by", "KL", "places with another best"], rows),
            conditions(r),
        ]
    )


def _apart(found: Record) -> list[str]:
    return [f"{found['kl']:.1e}", f"{found['other_best']:.2%}"]


def _each_token(each: Record | None) -> str:
    return "" if each is None else f"{1000 / each['median']:.2f}"


def _section(head: list[str], r: Record, title: Callable[[Record], str], told: Column, last: Sequence[str] = ()) -> str:
    """All cases of a contest; `title`: of one, by its setting."""
    cases = [line for case in r["cases"] for line in (title(case["setting"]), *_contest(case, told))]
    return "\n".join([*head, *cases, *last, conditions(r)])


def _contest(case: Record, told: Column) -> list[str]:
    """A case as a table: rates, shares of the limit, and one more column."""
    head, key, form = told
    more = case.get(key, {})
    rows = [
        [name, rate(each), _share(each), form.format(more[name]) if name in more else ""]
        for name, each in case["results"].items()
    ]
    unit = next(iter(case["results"].values()))["unit"]
    left = [f"Left out: {'; '.join(f'{name} ({why})' for name, why in case['left_out'].items())}.\n"] if case.get("left_out") else []
    ratios = "; ".join(f"{name}: {ratio(each)}" for name, each in case["limelight_by"].items())
    return [table(["", unit, "share of the limit", head], rows), f"\n{ratios}\n", *left]


def _share(each: Record) -> str:
    return f"{each['share_of_limit']:.0%}" if "share_of_limit" in each else ""
