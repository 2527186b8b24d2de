"""limelight generate, summarize and chat: texts, pipes, whole files, tables, words as they come, and a conversation at a terminal."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import Ran

from published import published

Run = Callable[..., Ran]
READY = "\x1b[?2004h"                 # pastes are told apart from keys: a message can be typed
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2") / "gpt2"
    published("gpt2-LMHeadModel", folder)
    return folder


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bart") / "bart"
    published("bart-ForConditionalGeneration", folder)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama") / "llama"
    published("llama-ForCausalLM", folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def test_a_text_goes_on_and_only_what_is_new_is_printed(limelight: Run, gpt2: Path) -> None:
    ran = limelight("generate", "-m", gpt2, "Tom sees", "--max-length", "5", "--json")
    told = json.loads(ran.out)
    assert told["generated_text"] == "Tom sees" + told["continuation"]
    plain = limelight("generate", "-m", gpt2, "Tom sees", "--max-length", "5")
    assert (plain.code, plain.out, plain.err) == (0, told["continuation"] + "\n", "")
    assert limelight("generate", "-m", gpt2, "Tom sees", "--max-length", "5", "--stream").out == plain.out


def test_a_draft_changes_no_word_and_tells_how_many_of_its_tokens_stood(limelight: Run, gpt2: Path) -> None:
    plain = limelight("generate", "-m", gpt2, "Tom sees", "Mary", "--max-length", "12")
    ran = limelight("generate", "-m", gpt2, "Tom sees", "Mary", "--max-length", "12", "--draft", gpt2)
    assert (ran.code, ran.out) == (0, plain.out)
    assert re.fullmatch(r"limelight: note: (\d+) of \1 drafted tokens were accepted \(100%\)\.\n", ran.err)
    told = json.loads(limelight("generate", "-m", gpt2, "Tom sees", "--max-length", "12", "--draft", "lookup", "--json").out)
    assert set(told["drafts"]) == {"drafted", "accepted", "share"}
    refused = limelight("generate", "-m", gpt2, "Tom sees", "--draft", "lookup", "--beam", "2")
    assert refused.code == 2
    assert "a beam of 2" in refused.err


def test_prompts_come_through_a_pipe_and_out_of_a_table(limelight: Run, gpt2: Path, tmp_path: Path) -> None:
    ran = limelight("generate", "-m", gpt2, "--max-length", "4", given="Tom\nMary sees\n")
    assert len(ran.out.splitlines()) == 2
    (tmp_path / "in.csv").write_text("id,prompt\n1,Tom\n2,Mary sees\n")
    ran = limelight("generate", "-m", gpt2, "--file", "in.csv", "--column", "prompt", "--max-length", "4", "-o", "out.jsonl")
    assert ran.code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [[*row] for row in rows] == [["id", "prompt", "generated"]] * 2


def test_drawing_and_several_answers(limelight: Run, gpt2: Path) -> None:
    ran = limelight("generate", "-m", gpt2, "Tom", "--max-length", "6", "--temperature", "1", "--seed", "3", "--nbest", "3")
    assert len(ran.out.splitlines()) == 3
    assert ran.out == limelight("generate", "-m", gpt2, "Tom", "--max-length", "6", "--temperature", "1", "--seed", "3", "--nbest", "3").out
    assert "--seed is for drawing" in limelight("generate", "-m", gpt2, "Tom", "--seed", "3").err


def test_whole_files_are_summarized_and_parts_are_said(limelight: Run, bart: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The black cat sees the mouse.\nMary has an apple. " * 12)
    (tmp_path / "b.txt").write_text("Tom.")
    ran = limelight("summarize", "-m", bart, "--in", "a.txt", "--in", "b.txt", "--max-length", "6", "--json")
    long, short = (json.loads(line) for line in ran.out.splitlines())
    assert long["parts"] > 2
    assert "parts" not in short
    assert f"it was read in {long['parts']} parts" in ran.err
    refused = limelight("summarize", "-m", bart, "--in", "a.txt", "--refuse-long")
    assert (refused.code, refused.out) == (2, "")
    assert "tokens; bart reads at most 60" in refused.err
    assert "absent.txt cannot be read" in limelight("summarize", "-m", bart, "--in", "absent.txt").err
    (tmp_path / "c.txt").write_bytes(b"ab\xff")
    assert "c.txt is not UTF-8 text: byte 2 is 0xff" in limelight("summarize", "-m", bart, "--in", "c.txt").err
    assert "--in and TEXT were both given" in limelight("summarize", "-m", bart, "x", "--in", "b.txt").err


def test_a_conversation_through_a_pipe(limelight: Run, llama: Path) -> None:
    lines = '{"content": "Tom"}\n"Mary"\n'
    ran = limelight("chat", "-m", llama, "--max-length", "4", "--json", given=lines)
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert (first["source"], second["source"]) == ("Tom", "Mary")
    assert second["cost"]["source_tokens"] > first["cost"]["source_tokens"]          # it remembers
    plain = limelight("chat", "-m", llama, "--max-length", "4", given="Tom\nMary\n")
    assert len(plain.out.rstrip("\n").split("\n")) >= 2
    assert plain.out == limelight("chat", "-m", llama, "--max-length", "4", "Tom", "Mary").out


def test_replies_to_a_table_of_messages(limelight: Run, llama: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("message\nTom\nMary\n")
    ran = limelight("chat", "-m", llama, "--file", "in.csv", "--max-length", "4", "-o", "out.csv", "--system", "Be kind.")
    assert ran.code == 0
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        assert [[*row] for row in csv.DictReader(stream)] == [["message", "reply"]] * 2


def test_a_message_that_leaves_no_room_is_named_after_those_before_it_are_answered(limelight: Run, llama: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n,message\n1,Tom\n2," + "The mouse. " * 40 + "\n3,Mary\n")
    ran = limelight("chat", "-m", llama, "--file", "in.csv", "--column", "message", "--max-length", "4", "-o", "out.csv")
    assert (ran.code, ran.err.count("in.csv, row 2: a prompt has")) == (2, 1)
    assert [row["n"] for row in csv.DictReader((tmp_path / "out.csv.part").read_text().splitlines())] == ["1"]


def test_replies_of_one_template_are_not_gone_on_with_by_another(limelight: Run, llama: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n,message\n1,Tom\n2," + "The mouse. " * 40 + "\n")
    for name in ("one", "other"):
        (tmp_path / f"{name}.jinja").write_text("{{ messages[0].content }} " + name)
    ask = ("chat", "-m", llama, "--file", "in.csv", "--column", "message", "--max-length", "4", "-o", "out.csv", "--resume", "--template")
    assert "row 2: a prompt has" in limelight(*ask, "one.jinja").err
    assert "row 2: a prompt has" in limelight(*ask, "one.jinja").err
    assert "template" in limelight(*ask, "other.jinja").err


def test_a_model_without_a_template_is_refused_and_one_can_be_given(limelight: Run, gpt2: Path, tmp_path: Path) -> None:
    assert '"gpt2" has no chat template' in limelight("chat", "-m", gpt2, "Tom").err
    (tmp_path / "my.jinja").write_text(TEMPLATE)
    assert limelight("chat", "-m", gpt2, "Tom", "--template", "my.jinja", "--max-length", "3").code == 0


class Terminal:
    """The command at a terminal of its own: what is typed goes in, what is shown comes out."""

    def __init__(self, start: Callable[..., Any], *args: object, home: Path):
        self._ours, theirs = pty.openpty()
        self.process = start(*args, stdin=theirs, stdout=theirs, stderr=theirs, env={"XDG_STATE_HOME": str(home), "TERM": "xterm"})
        os.close(theirs)
        self.shown = ""

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode())

    def until(self, wanted: str, *, times: int = 1, within: float = 30.0) -> None:
        """Wait until a text was shown so often."""
        ends = time.monotonic() + within
        while self.shown.count(wanted) < times:
            assert time.monotonic() < ends, f"{wanted!r} was not shown {times} times in: {self.shown!r}"
            self.read()

    def read(self) -> None:
        """What is shown within half a second."""
        if select.select([self._ours], [], [], 0.5)[0]:
            try:
                self.shown += os.read(self._ours, 1 << 16).decode(errors="replace")
            except OSError:
                pytest.fail(f"the command ended: {self.shown!r}")

    def end(self, *, prompts: int) -> int:
        """Ctrl-D once the last of so many prompts is there, and the exit code."""
        self.until(READY, times=prompts)
        self.type("\x04")
        code = self.process.wait(30)
        os.close(self._ours)
        return code


def test_at_a_terminal_a_conversation_is_cleared_broken_off_and_remembered(start: Callable[..., Any], llama: Path, tmp_path: Path) -> None:
    here = Terminal(start, "chat", "-m", llama, "--max-length", "30", "--temperature", "1", home=tmp_path)
    here.until("llama listens")
    here.until(READY)
    here.type("Tom\r")
    here.until(READY, times=2)
    here.type("/clear\r")
    here.until("Forgotten.")
    here.type("/help\r")
    here.until("forget what was said")
    here.type("/cler\r")
    here.until('Did you mean "clear"')
    assert here.end(prompts=5) == 0
    assert "Tom" in (tmp_path / "limelight" / "chat").read_text()


def test_ctrl_c_ends_a_reply_and_not_the_conversation(start: Callable[..., Any], llama: Path, tmp_path: Path) -> None:
    config = json.loads((llama / "config.json").read_text())
    slow = tmp_path / "slow"
    slow.mkdir()
    for each in llama.iterdir():
        (slow / each.name).write_bytes(each.read_bytes())
    (slow / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 100_000, "eos_token_id": 0}))
    (slow / "generation_config.json").write_text(json.dumps({"eos_token_id": 0, "bad_words_ids": [[0]], "max_length": 100_000}))
    here = Terminal(start, "chat", "-m", slow, "--max-length", "90000", home=tmp_path)
    here.until("slow listens")
    here.until(READY)
    here.type("Tom\r")
    here.until("\x1b[?2004l")
    shown = len(here.shown)
    while len(here.shown) < shown + 200:                             # words come
        here.read()
    here.process.send_signal(signal.SIGINT)
    here.until("The reply was ended there")
    here.type("/clear\r")
    here.until("Forgotten.")
    assert here.end(prompts=3) == 0
