"""That every benchmark runs, in a tiny form, and writes JSON of the right shape, from which the page is made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks import growth_plots, readme_table, tables
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.contestants import Contestant, gather, tried
from benchmarks.limits import Limits
from benchmarks.machine import installed
from benchmarks.sentences import lengths

from limelight.claims.plots import digest
from limelight.hub import bundled

ROOT = Path(__file__).parents[1]
# nothing to set beside, or weights that they make
PEERLESS = ("decoding", "encoding", "growth", "translation", "seeing", "hearing", "looking", "families", "gpu")
SPREAD = {"median", "min", "max", "samples"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All benchmarks as a person runs them, in one process; those that stand on peers where these are."""
    folder = tmp_path_factory.mktemp("benchmarks")
    names = [name for name in BENCHMARKS if installed("transformers") or name not in PEERLESS]
    command = [sys.executable, "-m", "benchmarks", *names, "--smoke", "--threads", "1", "--out", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def read(name: str, out: Path) -> dict[str, Any]:
    """What one of them has measured."""
    if not (out / f"{name}.json").exists():
        pytest.skip("transformers is not installed: pip install 'limelight[peers]'")
    return json.loads((out / f"{name}.json").read_text("utf-8"))


def check_conditions(record: dict[str, Any], name: str) -> None:
    assert record["benchmark"] == name
    assert record["smoke"] is True
    assert record["threads"] == 1
    assert record["command"].startswith("python -m benchmarks limits ")
    assert record["machine"]["cpu"]
    assert record["machine"]["cores"] >= 1
    assert {"python", "torch", "limelight"} <= record["versions"].keys()


def check_spread(found: dict[str, Any]) -> None:
    assert found.keys() >= SPREAD
    assert 0 < found["min"] <= found["median"] <= found["max"]
    assert len(found["samples"]) == 2
    assert min(found["samples"]) == found["min"]


def test_training(out: Path) -> None:
    record = read("training", out)
    check_conditions(record, "training")
    expected = {"limelight", "nn.Transformer"} | ({"Marian (transformers)"} if installed("transformers") else set())
    assert record["results"].keys() == expected
    sizes = record["setting"]["parameters"]
    assert sizes["nn.Transformer"] == sizes["limelight"]
    if installed("transformers"):                            # post-norm has no norm at the end of its two stacks
        assert sizes["limelight"] - sizes["Marian (transformers)"] == 2 * 2 * 32
    for each in record["results"].values():
        check_spread(each)
    assert record["limelight_by"].keys() == expected - {"limelight"}
    best = record["limelight_by_the_best_peer"]
    assert best["median"] == record["limelight_by"][best["peer"]]["median"]
    assert "## Training" in tables.render(out)


def test_gpt(out: Path) -> None:
    record = read("gpt", out)
    check_conditions(record, "gpt")
    peers = ["PyTorch", *(["transformers"] if installed("transformers") else [])]
    expected = {form for name in peers for form in (name, f"{name}, compiled")}
    assert record["results"].keys() == {"limelight"} | expected
    assert record["limelight_by"].keys() == expected
    assert len(set(record["setting"]["parameters"].values())) == 1          # they are one function
    for each in (*record["results"].values(), *record["limelight_by"].values()):
        check_spread(each)
    best = record["limelight_by_the_best_peer"]
    assert best["median"] == record["limelight_by"][best["peer"]]["median"]
    assert "| PyTorch, compiled |" in tables.render(out)


def test_translation(out: Path) -> None:
    record = read("translation", out)
    check_conditions(record, "translation")
    assert [case["setting"]["batch"] for case in record["cases"]] == [1, 3]
    for case in record["cases"]:
        for each in (*case["results"].values(), *case["limelight_by"].values()):
            check_spread(each)
        same = case["same_answers_as_limelight_fp32"]
        assert same.keys() == case["results"].keys()
        assert all(share == 1.0 for name, share in same.items() if "fp32" in name)        # they are one function
        assert ("CTranslate2 int8" in same) == installed("ctranslate2")
        check_against(case)
    assert "| limelight fp32 |" in tables.render(out)


def check_contest(case: dict[str, Any], told: str) -> None:
    """Rates, shares of the limit, ratios, and who is missing."""
    for each in (*case["results"].values(), *case["limelight_by"].values()):
        check_spread(each)
    assert all(each["share_of_limit"] > 0 for each in case["results"].values())
    assert {"limelight fp32", "limelight bf16"} <= case["results"].keys()
    assert case[told].keys() <= case["results"].keys()
    check_against(case)


def check_against(case: dict[str, Any]) -> None:
    """Each of ours beside the fastest other of its precision; and the fastest of ours beside the fastest of all others."""
    results = case["results"]
    others = {name: each for name, each in results.items() if not name.startswith("limelight")}
    for name, each in results.items():
        rivals = [other for other, one in others.items() if one["precision"] == each["precision"]]
        if name.startswith("limelight") and rivals:
            assert f"{name} / {max(rivals, key=lambda other: results[other]['median'])}" in case["limelight_by"]
    best = [max(some, key=lambda name: results[name]["median"]) for some in (results.keys() - others.keys(), others.keys())]
    assert " / ".join(best) in case["limelight_by"]


def test_limits(out: Path) -> None:
    record = read("limits", out)
    check_conditions(record, "limits")
    for name, most in record["limits"].items():
        assert most == max(rates[name] for rates in record["by"].values()) > 0
    assert "GB/s read from memory" in tables.render(out)


def test_least_time_is_the_longer_of_reading_and_computing() -> None:
    machine = Limits(read=10.0, fp32=100.0, bf16=200.0, int8=400.0)
    assert machine.seconds("fp32", weights=1e9) == pytest.approx(0.4)
    assert machine.seconds("int4", weights=1e9) == pytest.approx(4.5 / 8 / 10)
    assert machine.seconds("bf16", weights=1e9, operations=1e11) == pytest.approx(0.5)
    assert machine.seconds("int4", operations=1e12) == machine.seconds("int8", operations=1e12) == pytest.approx(2.5)


def test_decoding(out: Path) -> None:
    record = read("decoding", out)
    check_conditions(record, "decoding")
    assert [case["setting"]["batch"] for case in record["cases"]] == [1, 2]
    for case in record["cases"]:
        check_contest(case, "same_as_limelight_fp32")
        same = case["same_as_limelight_fp32"]
        assert all(share == 1.0 for name, share in same.items() if "fp32" in name or "f32" in name)        # they are one function
        assert ("llama.cpp q4_0" in same) == (installed("llama-cpp-python") and installed("gguf"))
    assert "## Writing" in tables.render(out)


def test_steps(out: Path) -> None:
    record = read("steps", out)
    check_conditions(record, "steps")
    precisions = [case["setting"]["precision"] for case in record["cases"]]
    assert precisions[:2] == ["fp32", "bf16"]
    for case in record["cases"]:
        token = case["token"]
        assert token.keys() == {"layers", "scores", "rest"}
        for each in (case["prompt"], token["layers"], token["scores"]):
            check_spread(each)
            assert each["least"] > 0
    assert "| fp32, batch 1 |" in tables.render(out)


def test_encoding(out: Path) -> None:
    record = read("encoding", out)
    check_conditions(record, "encoding")
    for case in record["cases"]:
        check_contest(case, "apart_from_limelight_fp32")
        apart = case["apart_from_limelight_fp32"]
        assert all(each < 2e-3 for name, each in apart.items() if "fp32" in name)
        assert ("OpenVINO bf16" in apart) == (installed("openvino") and installed("onnx"))
    if (real := record["real"]) is not None:
        check_contest(real, "same_classes_as_limelight_fp32")
        assert real["same_classes_as_limelight_fp32"]["transformers fp32, pipeline"] == 1.0
        assert real["setting"]["texts"] >= 4
    assert "**3 x 6 tokens**" in tables.render(out)


def test_attention(out: Path) -> None:
    record = read("attention", out)
    check_conditions(record, "attention")
    assert [(case["setting"]["queries"], case["setting"]["format"]) for case in record["cases"]] == [
        (16, "fp32"), (16, "bf16"), (1, "fp32"), (1, "bf16"),
    ]  # fmt: skip
    for case in record["cases"]:
        check_against(case)
        assert all(each < {"fp32": 1e-5, "bf16": 3e-2}[case["setting"]["format"]] for each in case["apart_from_exact"].values())
    assert "**1 queries, 16 keys, bf16**" in tables.render(out)


def test_growth(out: Path) -> None:
    record = read("growth", out)
    check_conditions(record, "growth")
    assert [tuple(case["setting"].values()) for case in record["cases"]] == [(1, 4), (1, 8), (3, 4)]
    for case in record["cases"]:
        check_contest(case, "bytes_of_cache")
        held = case["bytes_of_cache"]
        tokens = case["setting"]["rows"] * case["setting"]["context"]
        assert held["transformers fp32"] == 2 * held["transformers bf16"] == tokens * 2 * 2 * 32 * 4
        assert held["limelight fp32"] >= held["transformers fp32"]          # room is taken ahead
    assert "| rows x context | 1 x 4 | 1 x 8 | 3 x 4 |" in tables.render(out)
    by_context, by_rows = growth_plots.plots(record)
    ours = {line.label: line for line in by_context.lines}["limelight fp32"]
    assert ours.x == (4.0, 8.0)
    assert [point.mean for point in ours.y] == [1000 / case["results"]["limelight fp32"]["median"] for case in record["cases"][:2]]
    assert {line.x for line in by_rows.lines} == {(1.0, 3.0)}


def test_growths_curves_are_ours_and_each_librarys_fastest_where_most_is_asked() -> None:
    def case(context: int, **rates: float) -> dict[str, Any]:
        results = {name.replace("_", " "): {"median": rate, "min": rate, "max": rate} for name, rate in rates.items()}
        return {"setting": {"rows": 1, "context": context}, "results": results}

    first = case(4, limelight_fp32=1.0, limelight_int8=2.0, other_a=9.0, other_b=3.0, gone_a=4.0, gone_b=5.0)
    last = case(8, limelight_fp32=1.0, limelight_int8=2.0, other_a=3.0, other_b=4.0)
    by_context, _ = growth_plots.plots({"cases": [first, last]})
    assert {line.label: line.x for line in by_context.lines} == {
        "limelight fp32": (4.0, 8.0), "limelight int8": (4.0, 8.0), "other b": (4.0, 8.0), "gone b": (4.0,),
    }  # fmt: skip


def test_gpu(out: Path) -> None:
    """On a CPU where there is none."""
    record = read("gpu", out)
    check_conditions(record, "gpu")
    assert [case["setting"]["model"] for case in record["training"]] == ["tiny GPT-2", "tiny Llama"]
    assert [(case["setting"]["model"], case["setting"]["batch"]) for case in record["decoding"]] == [
        ("tiny GPT-2", 1), ("tiny GPT-2", 2), ("tiny Llama", 1), ("tiny Llama", 2),
    ]  # fmt: skip
    for case in (*record["training"], *record["decoding"]):
        for each in (*case["results"].values(), *case["limelight_by"].values()):
            check_spread(each)
        assert all(each["share_of_limit"] > 0 for each in case["results"].values())
        assert {"limelight bf16", "transformers bf16"} <= case["results"].keys()
        check_against(case)
    assert all("transformers bf16, compiled" in case["results"] for case in record["training"])
    assert all(case["trace_changes_nothing"] is True for case in record["decoding"])
    assert "## On a GPU" in tables.render(out)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one here")
def test_without_a_gpu_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gpu", "--out", str(tmp_path)])
    main()
    assert capsys.readouterr().out == "gpu: no CUDA device here: nothing is measured.\n"
    assert list(tmp_path.iterdir()) == []


def test_quality(out: Path) -> None:
    record = read("quality", out)
    check_conditions(record, "quality")
    assert {each["model"] for each in record["models"]} | record["left_out"].keys() == set(bundled())
    for each in record["models"]:
        assert each["precisions"]["limelight fp32"]["kl"] == 0
        for found in each["precisions"].values():
            assert 0 <= found["kl"] <= found["kl_most"] < 1
            assert found["places"] > 1
            assert found["scores"]
    if record["models"]:
        assert "## Quality by precision" in tables.render(out)


def test_who_cannot_take_part_is_left_out_and_named() -> None:
    def breaks() -> int:
        raise ValueError("a peer's own fault")

    three = Contestant("three", "fp32", int, ("no-such",))
    field = gather([Contestant("one", "fp32", lambda: 1), Contestant("two", "fp32", breaks), three])
    assert field.ready == {"one": 1}
    assert field.left_out == {"two": "ValueError: a peer's own fault", "three": "not installed: no-such"}
    assert tried(field, lambda each: 1 // (each - 1)) == {}
    assert field.left_out["one"].startswith("ZeroDivisionError")
    with pytest.raises(ValueError, match="own fault"):                      # ours is a fault
        gather([Contestant("limelight fp32", "fp32", breaks)])


def test_tracing(out: Path) -> None:
    record = read("tracing", out)
    check_conditions(record, "tracing")
    (found,) = record["lengths"]
    ours = {name: each for name, each in found["results"].items() if name.startswith("limelight")}
    assert len(ours) == 6
    assert len(found["results"]) == (8 if installed("transformers") else 6)
    for each in found["results"].values():
        check_spread(each)
        assert each["peak_extra_mib"] >= 0
    assert all(each["bit_equal_to_plain"] is True for each in ours.values())
    assert found["by_plain"]["limelight: one layer traced"].keys() == SPREAD
    assert "| limelight: all layers traced and read |" in tables.render(out)


def test_looking(out: Path) -> None:
    record = read("looking", out)
    check_conditions(record, "looking")
    (found,) = record["lengths"]
    expected = {"limelight", "limelight: summaries of all maps", "limelight: page", "transformers", "transformers: output_attentions"}
    assert found["results"].keys() == expected | ({"BertViz: model view"} if installed("bertviz") else set())
    for each in found["results"].values():
        check_spread(each)
        assert each["peak_extra_mib"] >= 0
    assert found["results"]["limelight: page"]["bytes"] > 10_000
    assert found["bytes_of_all_maps"] == 4 * 2 * 4 * 16 * 16
    assert 0 < found["row"]["min"] <= found["row"]["max"]
    assert "| limelight: summaries of all maps |" in tables.render(out)


def test_starting(out: Path) -> None:
    record = read("starting", out)
    check_conditions(record, "starting")
    assert record["results"].keys() == {"python", "limelight --help"}
    for each in record["results"].values():
        check_spread(each)
    assert "| `limelight --help` |" in tables.render(out)


def test_families(out: Path) -> None:
    record = read("families", out)
    check_conditions(record, "families")
    assert {kind: each["does"] for kind, each in record["families"].items()} == {"distilbert": "reads", "gpt2": "writes", "t5": "writes"}
    for each in record["families"].values():
        assert 0 <= each["apart"] < 1e-5
        assert each["tensors"] > each["checkpoints"] > 1
        assert each["results"].keys() == {"limelight", "transformers"}
        for found in (*each["results"].values(), each["limelight_by"]):
            check_spread(found)
    page = tables.render_families(out)
    assert "| `distilbert` | DistilBERT | words, classes, labels, span, none |" in page
    assert "tiny sizes; 2 rows of 5 tokens in" in page


def test_sentences_are_as_long_as_those_of_the_training_data() -> None:
    source, target = lengths(20_000).T
    assert source.mean() == pytest.approx(9.2, abs=0.2)
    assert target.mean() == pytest.approx(10.4, abs=0.2)


def test_the_page_is_that_of_the_results() -> None:
    """Whoever measures anew makes the page anew: python -m benchmarks --tables."""
    results = ROOT / "benchmarks" / "results"
    if not any(results.glob("*.json")):
        pytest.skip("no results yet: make bench")
    assert tables.PAGE.read_text("utf-8") == tables.render(results)
    readme = readme_table.README.read_text("utf-8")
    assert readme == readme_table.filled(readme, readme_table.render(results))
    assert readme_table.render(results) in readme
    for number, plot in enumerate(growth_plots.plots(json.loads((results / "growth.json").read_text("utf-8"))), 1):
        assert digest(plot) in (tables.PAGE.parent / growth_plots.NAME.format(number)).read_text("utf-8")


def test_the_table_of_the_readme_has_the_fastest_of_both_sides(tmp_path: Path) -> None:
    rates = {"limelight fp32": 7, "limelight int8": 90, "a": 30, "b": 45}
    results = {name: {"unit": "tokens/s", "median": rate} for name, rate in rates.items()}
    by = {"limelight int8 / b": {"median": 2.0, "min": 1.5, "max": 2.5}, "limelight fp32 / a": {"median": 0.2, "min": 0.2, "max": 0.3}}
    case = {"setting": {"batch": 8}, "results": results, "limelight_by": by}
    (tmp_path / "decoding.json").write_text(json.dumps({"setting": {"prompt": 4, "new": 3}, "cases": [case]}), "utf-8")
    wanted = "| GPT-2 124M, 4 + 3 tokens, batch 8, tokens/s | 90 (int8) | 45 (b) | 2.00 (1.50-2.50) |"
    assert readme_table.render(tmp_path).endswith(wanted)
