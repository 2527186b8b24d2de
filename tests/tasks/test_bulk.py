"""Many texts: chunks that lose nothing, columns that are found, and answers that can be taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from limelight.data.rows import Row
from limelight.errors import InputError
from limelight.tasks.bulk import answer_file, answered, count_rows, in_chunks, open_answers, open_texts
from limelight.tasks.result import Cells, Columns, Cost
from limelight.tasks.writing.generated import Candidate, Generated


@dataclass(frozen=True)
class Options:
    """As much of a task's options as bulk work looks at."""

    batch: int = 2
    several: bool = False


@dataclass
class Shout:
    """A task that answers at once; it refuses texts with a question mark. `asked`: how many texts came at a time."""

    asked: list[int] = field(default_factory=list)

    def columns(self, options: Options) -> Columns:
        return {"": list[str] if options.several else str, "length": int} if options.several else {"": str}

    def check(self, text: str, options: Any = None) -> None:
        del options
        if "?" in text:
            raise InputError("a question.", "Say it plainly.")

    def __call__(self, text: list[str], options: Any = None) -> list[Generated]:
        self.asked.append(len(text))
        return [_result(each, options) for each in text]


class BrokenOff(Shout):
    """One that hears a Ctrl-C in its third chunk."""

    def __call__(self, text: list[str], options: Any = None) -> list[Generated]:
        if len(self.asked) == 2:
            raise KeyboardInterrupt
        return super().__call__(text, options)


class Loud(Generated):
    """An answer of two columns where several are wanted."""

    def cells(self) -> Cells:
        return {**super().cells(), "length": len(self.text)} if self.several else super().cells()


def _result(text: str, options: Options) -> Generated:
    said = text.upper()
    return Loud(
        several=options.several,
        task="shout",
        model="none",
        source=text,
        text=said,
        nbest=(Candidate(said, -0.5), Candidate(said + "!", -1.0)),
        complete=text != "cut",
        steps=(),
        cost=Cost(0.0, 1, 1),
    )


def test_chunks_keep_the_order_and_the_first_is_small() -> None:
    assert list(in_chunks(iter(range(10)), 4, first=1)) == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert list(in_chunks(iter(range(4)), 2, first=2)) == [[0, 1], [2, 3]]
    assert list(in_chunks(iter(()), 2, first=2)) == []


def test_what_came_before_an_error_is_given_before_it_is_raised() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise InputError("torn.")

    found = []
    with pytest.raises(InputError, match="torn"):
        found.extend(chunk for chunk in in_chunks(items(), 4, first=1))
    assert found == [[0], [1, 2, 3, 4]]


def test_only_as_much_is_read_as_a_chunk_needs() -> None:
    """So a pipe of a million lines needs the memory of a chunk."""
    read = 0

    def endless() -> Iterator[tuple[int, str]]:
        nonlocal read
        while True:
            read += 1
            yield read, f"text {read}"

    task = Shout()
    chunks = answered(task, endless(), Options(batch=2), where="line")
    assert [key for key, _ in next(chunks)] == [1, 2]
    assert read == 2
    next(chunks)
    assert read == 2 + 32
    assert task.asked == [2, 32]
    assert [len(chunk) for chunk, _ in zip(answered(task, endless(), Options(batch=1), where="line"), range(5), strict=False)] == [1] * 5


def test_a_text_that_is_refused_is_named_after_the_others_are_answered() -> None:
    texts = [(n, text) for n, text in enumerate(["a", "b", "c", "why?", "d"])]
    found: list[tuple[int, Generated]] = []
    with pytest.raises(InputError, match=r"^line 4: a question\.   Say it plainly\.$"):
        found.extend(pair for chunk in answered(Shout(), iter(texts), Options(), where="line") for pair in chunk)
    assert [(key, result.text) for key, result in found] == [(0, "A"), (1, "B"), (2, "C")]
    with pytest.raises(InputError, match=r"^a question"):
        list(answered(Shout(), iter([(0, "why?")]), Options(), where=None))


def test_which_column_is_read(tmp_path: Path) -> None:
    def column(name: str, content: str, **how: Any) -> str:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return open_texts(tmp_path / name, **how).column

    assert column("one.csv", "phrase\nhello\n") == "phrase"
    assert column("some.csv", "id,text\n1,hello\n") == "text"
    assert column("some.csv", "id,text\n1,hello\n", column="id") == "id"
    assert column("plain.txt", "hello\n") == "text"
    assert column("rows.jsonl", '{"id": 1, "text": "x"}\n') == "text"
    with pytest.raises(InputError, match=r"has 2 columns.*--column: id, body"):
        column("other.csv", "id,body\n1,hello\n")
    with pytest.raises(InputError, match=r'no column "bod".*Did you mean "body"'):
        column("other.csv", "id,body\n1,hello\n", column="bod")
    with pytest.raises(InputError, match=r'plain text.*no column "x"'):
        column("plain.txt", "hello\n", column="x")
    with pytest.raises(InputError, match="there is no file"):
        open_texts(tmp_path / "nothing.txt")


def test_rows_are_counted(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "a.txt").write_text("a\nb\n\n")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"] * 7}), tmp_path / "a.parquet")
    assert count_rows(tmp_path / "a.txt") == 3
    assert count_rows(tmp_path / "a.parquet") == 7
    assert count_rows("-") is None


CELLS = [{"id": 3, "text": "a\tb", "more": None}, {"id": 1, "text": "", "more": [1]}, {"id": 2, "text": "cut", "more": []}]


def _file(folder: Path, name: str) -> Path:
    """The same three rows in any format; text formats have no tab in a cell."""
    path = folder / name
    if name.endswith("jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in CELLS))
    elif name.endswith("parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"id": [3, 1, 2], "text": ["a\tb", "", "cut"]}), path)
    else:
        path.write_text('id,text\n3,"a\tb"\n1,\n2,cut\n' if name.endswith("csv") else "id\ttext\n3\ta b\n1\t\n2\tcut\n")
    return path


def _run(source: Path, target: Path, *, several: bool = False) -> tuple[list[int], int]:
    texts, options = open_texts(source), Options(several=several)
    answers = open_answers(target, texts, column="loud", columns=Shout().columns(options), made_with={})
    return list(answer_file(Shout(), texts, answers, options, item=_text)), answers.cut


def _text(row: Row, text: str) -> str:
    assert row["text"] == text
    return text


@pytest.mark.parametrize("source", ["in.csv", "in.tsv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
def test_columns_and_order_are_kept_from_any_table_to_any(tmp_path: Path, source: str, target: str) -> None:
    if target == "out.tsv" and source != "in.tsv":
        with pytest.raises(InputError, match="holds a tab"):
            _run(_file(tmp_path, source), tmp_path / target)
        return
    assert _run(_file(tmp_path, source), tmp_path / target) == ([0, 2, 3], 1)
    from limelight.data import read_table

    rows = list(read_table(tmp_path / target).rows)
    assert [str(row["id"]) for row in rows] == ["3", "1", "2"]
    assert [row["loud"] for row in rows] == ["A B" if source == "in.tsv" else "A\tB", "", "CUT"]
    assert list(rows[0])[:2] == ["id", "text"]
    if source == target.replace("out", "in") == "in.jsonl":
        assert [{k: v for k, v in row.items() if k != "loud"} for row in rows] == CELLS


def test_plain_text_gives_an_answer_a_line(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\tb\n\nc\n")
    _run(tmp_path / "in.txt", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "A B\n\nC\n"
    _run(tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0]) == {"text": "a\tb", "loud": "A\tB"}
    with pytest.raises(InputError, match="one text a line, and no more"):
        _run(tmp_path / "in.txt", tmp_path / "more.txt", several=True)


def test_several_answers_are_a_list(tmp_path: Path) -> None:
    _run(_file(tmp_path, "in.jsonl"), tmp_path / "out.jsonl", several=True)
    last = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[2])
    assert (last["loud"], last["loud_length"]) == (["CUT", "CUT!"], 3)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet", "out.txt"])
def test_what_was_done_before_a_break_is_not_done_again(tmp_path: Path, name: str) -> None:
    source = tmp_path / "in.jsonl"
    texts = [f"line {n}" for n in range(100)]
    source.write_text("".join(json.dumps({"n": n, "text": text}) + "\n" for n, text in enumerate(texts)))
    opened = open_texts(source)
    answers = open_answers(tmp_path / name, opened, column="loud", columns={"": str}, made_with={"beam": 4})
    with pytest.raises(KeyboardInterrupt):
        list(answer_file(BrokenOff(), opened, answers, Options(), item=_text))
    assert not (tmp_path / name).exists()
    opened, task = open_texts(source), Shout()
    answers = open_answers(tmp_path / name, opened, column="loud", columns={"": str}, made_with={"beam": 4}, resume=True)
    counts = list(answer_file(task, opened, answers, Options(), item=_text))
    assert counts[0] == 2 + 32
    assert sum(task.asked) == 100 - counts[0]
    whole = tmp_path / f"whole{Path(name).suffix}"
    _run(source, whole)
    if name == "out.parquet":
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(tmp_path / name).equals(pyarrow.parquet.read_table(whole))
    else:
        assert (tmp_path / name).read_bytes() == whole.read_bytes()


def test_a_row_that_is_refused_leaves_those_before_it_in_the_part(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\nb\nc\nwhy?\nd\n")
    with pytest.raises(InputError, match=r"in\.txt, row 4: a question"):
        _run(tmp_path / "in.txt", tmp_path / "out.txt")
    assert (tmp_path / "out.txt.part").read_text() == "A\nB\nC\n"
    assert not (tmp_path / "out.txt").exists()


def test_a_cell_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": 5}\n')
    with pytest.raises(InputError, match=r"row 2: .*int, not text"):
        _run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_a_file_may_be_answered_in_its_place(tmp_path: Path) -> None:
    path = _file(tmp_path, "in.csv")
    _run(path, path)
    assert path.read_text().splitlines()[0] == "id,text,loud"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv"]
