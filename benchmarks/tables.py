"""From JSON to docs/benchmarks.md: every figure on that page comes from a file that a run has written."""

from __future__ import annotations

import json
from pathlib import Path

from . import speed_tables
from .cells import Record, conditions, milliseconds, rate, ratio, short, table
from .families import KINDS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
FAMILIES_PAGE = PAGE.with_name("families.md")

HEAD = """# Benchmarks

Limelight beside its peers. `make bench` measures (about an hour; nothing else should run on the machine) and writes
`benchmarks/results/*.json`; `python -m benchmarks --tables` makes this page from those files. Contestants take turns in one process, on
the same work; a ratio is that of each turn, given as its median and, in brackets, its least and most.
"""


def write(results: Path, page: Path) -> None:
    """Make the page from the results that are there, and that of the families beside it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(results), "utf-8")
    if (results / "families.json").exists():
        page.with_name(FAMILIES_PAGE.name).write_text(render_families(results), "utf-8")


def render_families(results: Path) -> str:
    """The page of families as text."""
    return families(json.loads((results / "families.json").read_text("utf-8")))


def render(results: Path) -> str:
    """The page as text."""
    sections = [HEAD]
    for name, section in SECTIONS.items():
        path = results / f"{name}.json"
        if path.exists():
            sections.append(section(json.loads(path.read_text("utf-8"))))
    return "\n".join(sections)


def families(r: Record) -> str:
    """The page of the kinds of models that open, whole."""
    s, kinds = r["setting"], r["families"]
    size = f"{s['layers']} layers (on each side), {s['width']} wide, a vocabulary of {s['vocab']:,}" if "layers" in s else "tiny sizes"
    head = ["model_type", "published", "heads", "tensors", "parity", "tokenizer", "does", "limelight", "transformers", "ratio"]
    return "\n".join(
        [
            "# Families\n",
            "Published kinds of models that open by their folder. `make families` makes this page out of the suite that every kind passes",
            "(`tests/families`). `limelight verify FOLDER` makes the same comparison for a folder of yours, and",
            "[add-a-family.md](add-a-family.md) shows what a new kind takes.\n",
            "*Heads*: words (a language model), classes, labels, span (where an answer starts and ends), objects, texts beside pictures,",
            "none. *Tensors*: in how many checkpoints of the suite; every one is used, or dropped on purpose. *Parity*: the greatest",
            "difference from transformers' logits over those checkpoints, by the largest of them, fp32, with padding on either side.",
            "*Tokenizer*: what is read where there is no tokenizer.json. *limelight* and *transformers*: tokens a second of a random model",
            f"with {size}; {s['rows']} rows of {s['tokens_in']} tokens in, and where it *writes*",
            f"{s['tokens_out']} new tokens each, greedily. *Ratio*: of each turn, its median and its least and most.\n",
            table(head, [_family(kind, each) for kind, each in kinds.items()]),
            conditions(r),
        ]
    )


def _family(kind: str, each: Record) -> list[str]:
    timed = "results" in each                # pictures and sound have pages of their own
    told, rates = KINDS[kind], [short(each["results"][name]["median"]) if timed else "" for name in ("limelight", "transformers")]
    held = [", ".join(each["heads"]), f"{each['tensors']:,} in {each['checkpoints']}", f"{each['apart']:.0e}" if each["apart"] else "0"]
    return [f"`{kind}`", told.models, *held, told.files, each["does"], *rates, ratio(each["limelight_by"]) if timed else ""]


def training(r: Record) -> str:
    """Target tokens a second."""
    s = r["setting"]
    return "\n".join(
        [
            "## Training\n",
            f"An encoder-decoder of {s['parameters']['limelight'] / 1e6:.1f} million parameters, batches of at most",
            f"{s['batch_tokens']:,} padded tokens, sentences as long as Tatoeba's ({s['mean_target_tokens']} target tokens on average),",
            f"{s['precision']}, dropout {s['dropout']} at the same places, label smoothing {s['label_smoothing']}, fused AdamW for all.\n",
            _faster(r),
            conditions(r),
        ]
    )


def gpt(r: Record) -> str:
    """Target tokens a second of a language model."""
    s = r["setting"]
    return "\n".join(
        [
            "## Training a language model\n",
            f"GPT-2's form, {s['layers']} layers of {s['width']}, {s['parameters']['limelight'] / 1e6:.1f} million parameters,",
            f"a vocabulary of {s['vocab']:,}, {s['batch']} rows of {s['block']} tokens a step, {s['precision']}, fused AdamW and clipping",
            "for all. Compiled peers have their loss compiled with them; Limelight is as it comes.\n",
            _faster(r),
            conditions(r),
        ]
    )


def _faster(r: Record) -> str:
    rows = [
        [name, rate(each), "" if name == "limelight" else ratio(r["limelight_by"][name])] for name, each in r["results"].items()
    ]
    return table(["", "target tokens/s", "limelight is faster by"], rows)


def tracing(r: Record) -> str:
    """Seconds and memory."""
    s = r["setting"]
    parts = [
        "## Looking\n",
        f"An encoder-decoder with {s['attentions']} attentions of {s['heads']} heads, float32, batch 1, n tokens in and n out.",
        "Memory is the peak on top of the loaded model, in a process of its own. *Traced* keeps what is needed to rebuild any weight;",
        "*read* has every weight of the traced attentions in hand, as `output_attentions=True` does; *streamed* goes through all weights",
        "and keeps their column sums.\n",
    ]
    for each in r["lengths"]:
        rows = [
            [name, milliseconds(x), f"{x['peak_extra_mib']:.0f}", "yes" if x["bit_equal_to_plain"] else "no"]
            for name, x in each["results"].items()
        ]
        parts += [f"**n = {each['n']:,}**\n", table(["", "ms", "peak MiB", "output bit-equal"], rows), ""]
    return "\n".join([*parts, conditions(r)])


def looking(r: Record) -> str:
    """Seconds, memory and bytes of seeing every head."""
    s = r["setting"]
    parts = [
        "## Seeing every head\n",
        f"A decoder of GPT-2's form, {s['layers']} layers of {s['heads']} heads, {s['width']} wide, float32, one text of n tokens.",
        "*Summaries*: the best keys of every query, entropy, distance, and what each key got, of every head, while the model runs.",
        "*Page*: one HTML file with the heads' rows. *Row*: one query's weights in one head of a traced text.\n",
    ]
    for each in r["lengths"]:
        rows = [
            [name, milliseconds(x), f"{x['peak_extra_mib']:,.0f}", f"{x['bytes'] / 1e6:.1f}" if "bytes" in x else ""]
            for name, x in each["results"].items()
        ]
        row, summed = each["row"], each["summaries_by_plain"]
        parts += [
            f"**n = {each['n']:,}**: all maps are {each['bytes_of_all_maps'] / 2**20:,.0f} MiB\n",
            table(["", "ms", "peak MiB", "MB of HTML"], rows),
            f"\nA row: {1000 * row['median']:.1f} ms ({1000 * row['min']:.1f}-{1000 * row['max']:.1f}, {row['rows']} of them); "
            f"summaries / plain: {ratio(summed)}\n",
        ]
    return "\n".join([*parts, conditions(r)])


def starting(r: Record) -> str:
    """Seconds of processor time."""
    rows = [[f"`{name}`" if name.startswith("limelight ") else name, milliseconds(each)] for name, each in r["results"].items()]
    head = "## Starting\n\nProcessor time, user and system, of a command from a cold shell.\n"
    return "\n".join([head, table(["", "ms"], rows), conditions(r)])


SECTIONS = {
    "limits": speed_tables.limits,
    "decoding": speed_tables.decoding,
    "steps": speed_tables.steps,
    "encoding": speed_tables.encoding,
    "translation": speed_tables.translation,
    "seeing": speed_tables.seeing,
    "hearing": speed_tables.hearing,
    "attention": speed_tables.attention,
    "growth": speed_tables.growth,
    "training": training,
    "gpt": gpt,
    "tracing": tracing,
    "looking": looking,
    "starting": starting,
    "quality": speed_tables.quality,
    "gpu": speed_tables.gpu,
}
