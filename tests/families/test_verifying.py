"""limelight verify: folders that say the same in both libraries, and what it says of one that does not."""

from __future__ import annotations

import builtins
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from limelight.cli import main
from limelight.decode import Hypothesis
from limelight.errors import InputError, TaskError
from limelight.hub import Opened
from limelight.tasks.verify import twin, verifying
from limelight.tasks.verify.verifying import LINES, MOST_APART, verify
from published import hf, published

WRITES = ("token ids", "logits", "logits, padded", "greedy", "beam 4")
READS = WRITES[:3]
FOLDERS = {
    "bert-ForMaskedLM": READS,
    "camembert-ForTokenClassification": READS,
    "distilbert-ForSequenceClassification": READS,
    "roberta-ForQuestionAnswering": READS,
    "gpt2-LMHeadModel": WRITES,
    "xglm-ForCausalLM": WRITES,
    "llama-ForCausalLM": WRITES,
    "mistral-ForSequenceClassification": READS,
    "t5-ForConditionalGeneration": WRITES,
    "t5-EncoderModel": ("token ids", "hidden states", "hidden states, padded"),
    "bart-ForSequenceClassification": READS,
    "bart-Model": ("token ids", "hidden states", "hidden states, padded"),
    "marian_two-MTModel": WRITES,
    "m2m_100-ForConditionalGeneration": WRITES,
}
RULES = {"num_beams": 3, "no_repeat_ngram_size": 3, "forced_eos_token_id": 2, "bad_words_ids": [[7], [5, 6]], "repetition_penalty": 1.2}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_says_the_same_in_both(name: str, tmp_path: Path) -> None:
    published(name, tmp_path, **(RULES if FOLDERS[name] is WRITES else {}))
    found = verify(tmp_path)
    assert tuple(check.what for check in found.checks) == FOLDERS[name]
    assert [check.what for check in found.checks if not check.agrees] == []
    assert [0 <= check.apart < MOST_APART / 10 for check in found.checks if check.apart is not None] == [True, True]
    assert found.family == name.partition("-")[0].partition("_two")[0]
    assert bool(found.notes) == (name.startswith(("t5-ForC", "marian", "m2m")))


def spoiled(change: Callable[[Opened], object]) -> Callable[..., Opened]:
    """open_model, and something done to what it opened."""
    whole = verifying.open_model

    def opened(*args: Any, **how: Any) -> Opened:
        found = whole(*args, **how)
        return changed if isinstance(changed := change(found), Opened) else found

    return opened


def nudged(opened: Opened) -> None:
    opened.model.decoder.norm.weight[0] += 0.05
    for module in opened.model.modules():
        if getattr(module, "packed", None) is not None:
            module.packed = None


def other_rules(opened: Opened) -> Opened:
    g = dataclasses.replace(opened.manifest.generation, no_repeat=1)
    return dataclasses.replace(opened, manifest=dataclasses.replace(opened.manifest, generation=g))


def other_pieces(opened: Opened) -> None:
    whole = opened.text.engine.cut
    opened.text.engine.cut = lambda *args, **how: [dataclasses.replace(each, ids=each.ids[::-1]) for each in whole(*args, **how)]


SPOILED: dict[str, tuple[Callable[[Opened], object], str]] = {
    "a_weight": (nudged, "logits"),
    "a_setting": (other_rules, "greedy"),
    "the_pieces": (other_pieces, "token ids"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_differs_is_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change, what = SPOILED[kind]
    published("gpt2-LMHeadModel", tmp_path / "it")
    capsys.readouterr()
    monkeypatch.setattr(verifying, "open_model", spoiled(change))
    found = verify(tmp_path / "it")
    assert not found.agrees
    assert what in [check.what for check in found.checks if not check.agrees]
    assert main(["verify", str(tmp_path / "it")]) == 2
    said = capsys.readouterr()
    assert "DIFFERS" in said.out
    assert said.err.startswith("limelight: error: not the same as transformers")
    assert what in said.err
    assert said.err.count("\n") == 1


def test_several_folders_a_json_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("bert-Model", "gpt2-LMHeadModel"):
        published(name, tmp_path / name)
    capsys.readouterr()
    folders = [str(tmp_path / name) for name in ("bert-Model", "gpt2-LMHeadModel")]
    assert main(["verify", *folders, "--text", "The black cat.", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    first, second = map(json.loads, said.out.splitlines())
    assert (first["family"], first["head"], second["head"]) == ("bert", "none", "tokens")
    assert first["agrees"] is second["agrees"] is True
    assert first["transformers"] == hf.__version__
    assert second["checks"][0] == {"what": "token ids", "agrees": True, "apart": None, "said": "1 of 1 texts"}
    assert main(["verify", folders[0], str(tmp_path), "--json"]) == 2
    said = capsys.readouterr()
    assert "holds no config.json" in json.loads(said.out.splitlines()[1])["error"]
    assert "could not be compared" in said.err


def test_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published("t5-ForConditionalGeneration", tmp_path / "it")
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "it")]) == 0
    said = capsys.readouterr().out
    assert f"t5, head: tokens; beside transformers {hf.__version__}" in said
    assert f"token ids       agrees   {len(LINES)} of {len(LINES)} texts" in said
    assert "note: transformers wrote without a cache" in said


def test_without_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    published("bert-Model", tmp_path)
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "transformers":
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.delitem(sys.modules, "transformers")
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["verify", str(tmp_path)]) == 2
    assert "transformers is not installed, and there is nothing to compare with.   pip install transformers" in capsys.readouterr().err


def test_what_cannot_be_compared(tmp_path: Path, tiny_folder: Path) -> None:
    with pytest.raises(TaskError, match=r"holds no config\.json.*limelight convert"):
        verify(tiny_folder)
    published("bert-Model", tmp_path)
    (tmp_path / "tokenizer.json").write_text(bare(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="all that were given are empty"):
        verify(tmp_path, [""])


def bare(path: Path) -> str:
    """A tokenizer that puts nothing around a text."""
    return json.dumps(json.loads(path.read_text()) | {"post_processor": None})


def test_a_folder_whose_tokenizer_does_not_open_there_is_compared_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published("bert-Model", tmp_path)

    def broken(*args: object, **how: object) -> None:
        raise ValueError("no\nsuch tokenizer")

    monkeypatch.setattr(hf.AutoTokenizer, "from_pretrained", broken)
    found = verify(tmp_path)
    assert found.agrees
    assert [check.what for check in found.checks] == ["hidden states", "hidden states, padded"]
    assert "no such tokenizer" in found.notes[0]
    with pytest.raises(TaskError, match="no such tokenizer"):
        twin.Twin(tmp_path, verifying.open_model(tmp_path).manifest.spec).ids("x")


def wrote(*tokens: int, score: float | None = None, steps: Sequence[Tensor] = ()) -> twin.Written:
    return twin.Written(list(tokens), score, [*steps] or [torch.arange(5.0)] * len(tokens))


def said(*tokens: int, score: float = 0.0, ended: bool = True) -> Hypothesis:
    return Hypothesis(tokens=tokens, logprobs=(), rows=(), score=score, ended=ended)


END = 2
EQUAL = [torch.tensor([0.0, 0.0, 0.0, 5.0, 5.0 - 1e-4])] * 3
CASES: dict[str, tuple[list[Hypothesis], twin.Written, str]] = {
    "what_stands_after_the_end_is_nothing": ([said(3, END)], wrote(3, END, 0, 0), "same"),
    "another_token": ([said(3, END)], wrote(4, END), "other"),
    "shorter": ([said(3)], wrote(3, 3), "other"),
    "a_tie": ([said(4, END)], wrote(3, END, steps=EQUAL), "tie"),
    "beams_that_score_alike": ([said(4, END, score=-1.00001)], wrote(3, END, score=-1.0), "tie"),
    "beams_that_do_not": ([said(4, END, score=-1.1)], wrote(3, END, score=-1.0), "other"),
    "the_best_is_not_whole": ([said(4, END, score=-1.1), said(3, 3, score=-1.0, ended=False)], wrote(3, 3, score=-1.0), "same"),
    "theirs_is_cut_off": ([said(4, END, score=-1.1)], wrote(3, 3, score=-1.0), "cut"),
    "both_are_cut_off": ([said(4, 4, score=-1.1, ended=False)], wrote(3, 3, score=-1.0), "other"),
}


@pytest.mark.parametrize("name", CASES)
def test_which_answers_are_the_same(name: str) -> None:
    found, theirs, wanted = CASES[name]
    assert verifying.alike(found, theirs, frozenset([END])) == wanted
