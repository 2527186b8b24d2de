from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from limelight.data import Layout, Output, Table, drafts, open_output, read_table
from limelight.errors import InputError

FORMATS = ["csv", "jsonl", "parquet", "tsv"]
EMOJI = "\U0001f469\u200d\U0001f680 ça va"
LONG = "x" * 10_000


def table_of(folder: Path, format: str, count: int = 30) -> Path:
    """A table with an id and a text, of any format."""
    path = folder / f"in.{format}"
    rows = [{"id": str(n), "text": (EMOJI, LONG, "", 'a "b", c')[n % 4]} for n in range(count)]
    if format == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        from limelight.data.cells import header_line, line_writer

        line = line_writer(format, ("id", "text"))
        path.write_bytes(header_line(format, ("id", "text")) + b"".join(map(line, rows)))
    return path


def run(source: Path, target: Path, *, resume: bool = False, stop_after: int | None = None, options: dict | None = None) -> int:
    """The job of a command: a new column beside the others. Returns how many rows were there already."""
    table = read_table(source)
    layout = Layout(table, {"length": int})
    with open_output(target, layout=layout, options=options or {"beam": 4}, resume=resume) as output:
        for number, row in enumerate(output.skip(table.rows), output.done):
            if number == stop_after:
                raise KeyboardInterrupt
            output.write({**row, "length": len(row["text"])})
    return output.done


def stopped(source: Path, target: Path, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(source, target, stop_after=after)


def rows_of(path: Path) -> list[dict]:
    return [{**row, "length": int(row["length"])} for row in read_table(path).rows]


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_any_format_to_any_other(tmp_path: Path, source: str, target: str) -> None:
    read, written = table_of(tmp_path, source), tmp_path / f"out.{target}"
    run(read, written)
    rows = rows_of(written)
    assert [list(row) for row in rows] == [["id", "text", "length"]] * 30
    assert [row["id"] for row in rows] == [str(n) for n in range(30)]
    assert [row["text"] for row in rows] == [row["text"] for row in read_table(read).rows]
    assert [row["length"] for row in rows] == [len(row["text"]) for row in rows]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([read.name, written.name])


@pytest.mark.parametrize("format", FORMATS)
def test_until_it_is_finished_the_old_file_stands(tmp_path: Path, format: str) -> None:
    read, written = table_of(tmp_path, format), tmp_path / f"out.{format}"
    written.write_text("old")
    stopped(read, written, after=7)
    assert written.read_text() == "old"
    with pytest.raises(InputError, match=r"out\.\w+\.part is there from a run that did not end.*--resume, or delete"):
        run(read, written)
    assert run(read, written, resume=True) == 7
    assert [row["id"] for row in rows_of(written)] == [str(n) for n in range(30)]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("format", FORMATS)
def test_resume_without_a_part_begins(tmp_path: Path, format: str) -> None:
    assert run(table_of(tmp_path, format), tmp_path / f"out.{format}", resume=True) == 0
    assert len(rows_of(tmp_path / f"out.{format}")) == 30


@pytest.mark.parametrize("format", ["csv", "jsonl", "tsv"])
def test_a_torn_last_row_is_dropped_wherever_it_is_torn(tmp_path: Path, format: str) -> None:
    read, whole = table_of(tmp_path, format, count=3), tmp_path / f"whole.{format}"
    run(read, whole)
    content, part, done = whole.read_bytes(), tmp_path / f"out.{format}.part", set()
    stopped(read, tmp_path / f"out.{format}", after=2)
    mark = Path(f"{part}.json").read_bytes()
    for cut in [*range(60), *range(10_050, len(content) + 1)]:
        part.write_bytes(content[:cut])
        Path(f"{part}.json").write_bytes(mark)
        done.add(run(read, tmp_path / f"out.{format}", resume=True))
        assert (tmp_path / f"out.{format}").read_bytes() == content
    assert done == {0, 1, 2, 3}


def test_a_torn_csv_row_with_line_ends_in_it_is_dropped_whole(tmp_path: Path) -> None:
    read, written = tmp_path / "in.csv", tmp_path / "out.csv"
    read.write_bytes(b'text\n"one\ntwo\n"\n"three\n\nfour"\n')
    stopped(read, written, after=1)
    part = tmp_path / "out.csv.part"
    assert part.read_bytes() == b'text,length\n"one\ntwo\n",8\n'
    part.write_bytes(part.read_bytes() + b'"three\n\n')
    assert run(read, written, resume=True) == 1
    assert [row["text"] for row in rows_of(written)] == ["one\ntwo\n", "three\n\nfour"]


CHILD = """
import sys, time
from pathlib import Path
from limelight.data import Layout, drafts, open_output, read_table
drafts.KEPT_EVERY = 0.02
source, target = map(Path, sys.argv[1:])
table = read_table(source)
with open_output(target, layout=Layout(table, {"length": int}), options={"beam": 4}, resume=True) as output:
    for row in output.skip(table.rows):
        output.write({**row, "length": len(row["text"])})
        time.sleep(0.003)
        print(row["id"], flush=True)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_kills_lose_nothing_that_was_done(tmp_path: Path, format: str) -> None:
    read, written = table_of(tmp_path, format, count=120), tmp_path / f"out.{format}"
    for wait in (13, 41):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(read), str(written)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        told = list(itertools.islice(child.stdout, wait))
        assert len(told) == wait, "the child ended before it was killed"
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert not written.exists()
    done = run(read, written, resume=True)
    assert 13 + 41 - 20 < done < 120      # Parquet may lose the rows of the last moment, twice
    if format != "parquet":
        assert done >= 13 + 41
    assert [row["id"] for row in rows_of(written)] == [str(n) for n in range(120)]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("format", FORMATS)
def test_another_input_or_other_options_are_refused(tmp_path: Path, format: str) -> None:
    read, written = table_of(tmp_path, format), tmp_path / f"out.{format}"
    stopped(read, written, after=7)
    with pytest.raises(InputError, match=r"was begun with option beam 4: got 5\..*--resume, or delete"):
        run(read, written, resume=True, options={"beam": 5})
    with pytest.raises(InputError, match=r"was begun with option dtype None: got 'bf16'"):
        run(read, written, resume=True, options={"beam": 4, "dtype": "bf16"})
    other = tmp_path / f"other.{format}"
    read.rename(other)
    with pytest.raises(InputError, match=r"was begun with input '.*in\.\w+': got '.*other"):
        run(other, written, resume=True)
    table_of(tmp_path, format, count=31)
    with pytest.raises(InputError, match=r"was begun with size \d+: got \d+"):
        run(read, written, resume=True)
    other.rename(read)
    assert run(read, written, resume=True) == 7


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("row", [0, 6])
def test_an_input_that_changed_inside_is_refused(tmp_path: Path, format: str, row: int) -> None:
    read, written = table_of(tmp_path, format), tmp_path / f"out.{format}"
    stopped(read, written, after=7)
    table = read_table(read)
    changed = [{**each, "id": f"{n}x" if n == row else each["id"]} for n, each in enumerate(table.rows)]
    with open_output(written, layout=Layout(table, {"length": int}), options={"beam": 4}, resume=True) as output:
        with pytest.raises(InputError, match=rf'part, row {row + 1}: "id" is \'{row}\', in the input \'{row}x\''):
            output.skip(iter(changed))
        with pytest.raises(InputError, match=r"holds 7 rows, but the input has only 3"):
            output.skip(read_rows(read, 3))


def read_rows(path: Path, count: int) -> Iterator[dict]:
    return itertools.islice(read_table(path).rows, count)


@pytest.mark.parametrize("format", FORMATS)
def test_a_part_without_its_mark_is_refused(tmp_path: Path, format: str) -> None:
    read, written = table_of(tmp_path, format), tmp_path / f"out.{format}"
    stopped(read, written, after=7)
    Path(f"{written}.part.json").write_text("{")
    with pytest.raises(InputError, match=r"part\.json cannot be read.*Delete both"):
        run(read, written, resume=True)


@pytest.mark.parametrize("format", ["csv", "jsonl", "tsv"])
def test_a_full_disk_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    read, written = table_of(tmp_path, format), tmp_path / f"out.{format}"
    room, real = [25_000], os.write

    def write(handle: int, data: memoryview) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real(handle, data[: room[0]])       # as a disk does: first a part of what was asked for, then nothing
        room[0] -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr(drafts.os, "write", write)
        with pytest.raises(InputError, match=r"the disk is full: the 9 rows that are done are kept in .*part\..*--resume"):
            run(read, written)
    assert not written.exists()
    assert (tmp_path / f"out.{format}.part").read_bytes().endswith(b"\n")
    assert run(read, written, resume=True) == 9
    assert len(rows_of(written)) == 30


def test_a_full_disk_keeps_the_parts_of_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.data import parquet

    read, written = table_of(tmp_path, "parquet"), tmp_path / "out.parquet"
    monkeypatch.setattr(drafts, "PART_ROWS", 10)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name, done in (("write_part", 0), ("merge", 30)):
        with monkeypatch.context() as patch:
            patch.setattr(parquet, name, full)
            with pytest.raises(InputError, match=rf"the disk is full: the {done} rows .* kept .*--resume"):
                run(read, written, resume=True)
        assert not written.exists()
    assert run(read, written, resume=True) == 30
    assert len(rows_of(written)) == 30


LIMITED = """
import resource, sys
from limelight.errors import InputError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.argv = ["-", *sys.argv[1:]]
try:
    exec(sys.stdin.read())
except InputError as error:
    print("SAID", error)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_the_system_lets_grow_no_further(tmp_path: Path, format: str) -> None:
    if format == "parquet":
        rows = [{"id": str(n), "text": os.urandom(2000).hex()} for n in range(30)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    else:
        table_of(tmp_path, format)
    read, written = tmp_path / f"in.{format}", tmp_path / f"out.{format}"
    command = [sys.executable, "-c", LIMITED, str(read), str(written)]
    said = subprocess.run(command, input=CHILD, capture_output=True, text=True, check=True).stdout
    assert "SAID the disk is full" in said
    assert not written.exists()
    run(read, written, resume=True)
    assert len(rows_of(written)) == 30


def test_parquet_keeps_its_schema(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", None, "c"], pa.large_string()),
        "count": pa.array([1, None, 3], pa.int8()),
        "when": pa.array([1, 10**18 + 1, None], pa.timestamp("ns", "Europe/Paris")),
        "long": pa.array([5, None, 7], pa.duration("ns")),
        "day": pa.array([1, 2, None], pa.date32()),
        "sort": pa.array(["x", "y", "x"]).dictionary_encode(),
        "many": pa.array([[1, None], None, []], pa.list_(pa.float32())),
        "deep": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
        "raw": pa.array([b"\x00\xff", None, b""]),
        "none": pa.nulls(3),
    }
    table = pa.table(columns).replace_schema_metadata({"author": "somebody"})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    source = read_table(tmp_path / "in.parquet")
    layout = Layout(source, {"translation": str, "nbest": list[str], "score": float})
    with open_output(tmp_path / "out.parquet", layout=layout, options={}) as output:
        for row in source.rows:
            output.write({**row, "translation": "t", "nbest": ["t", "u"], "score": None})
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata[b"author"] == b"somebody"
    assert found.schema.field("nbest").type == pa.list_(pa.string())
    assert found["score"].to_pylist() == [None] * 3
    with open_output(tmp_path / "out.jsonl", layout=Layout(source, {}), options={}) as output:
        for row in read_table(tmp_path / "in.parquet").rows:
            output.write(row)
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first["day"] == "1970-01-02"
    assert first["raw"] == "AP8="
    assert first["count"] == 1
    assert first["when"].startswith("1970-01-01 01:00:00.000000001")


def test_json_lines_become_one_parquet_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PART_ROWS", 1)
    rows = [{"text": "a", "x": None}, {"text": "b", "x": 1}, {"text": "c", "x": 1.5, "y": ["z"]}, {"text": "d", "w": None}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run(tmp_path / "in.jsonl", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["x"].to_pylist() == [None, 1.0, 1.5, None]
    assert found["y"].to_pylist() == [None, None, ["z"], None]
    assert found.schema.field("w").type == pa.string()
    assert found["length"].to_pylist() == [1] * 4


def test_rows_that_do_not_fit_parquet_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PART_ROWS", 1)
    (tmp_path / "in.jsonl").write_text('{"text": "a", "x": "one"}\n{"text": "b", "x": 1}\n')
    with pytest.raises(InputError, match=r"rows do not fit each other: .*x.*Write JSON lines"):
        run(tmp_path / "in.jsonl", tmp_path / "out.parquet")
    monkeypatch.setattr(drafts, "PART_ROWS", 10)
    with pytest.raises(InputError, match=r"rows do not fit Parquet's columns.*Write JSON lines"):
        run(tmp_path / "in.jsonl", tmp_path / "other.parquet")


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_table_stays_one(tmp_path: Path, format: str) -> None:
    read, written = table_of(tmp_path, format, count=0), tmp_path / f"out.{format}"
    if format == "parquet":
        pq.write_table(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), read)
    run(read, written)
    assert list(read_table(written).rows) == []
    assert read_table(written).columns == (() if format == "jsonl" else ("id", "text", "length"))


def test_a_table_without_a_header_stays_one(tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("Go.\tVa !\nHi.\tSalut !\n")
    for resume in (False, True):
        table = read_table(tmp_path / "in.tsv", header=False)
        with suppress(KeyboardInterrupt), opened_for(table, tmp_path / "out.tsv", {"new": str}, resume=resume) as output:
            for row in output.skip(table.rows):
                output.write({**row, "new": "x"})
                if not resume:
                    stop()
    assert output.done == 1
    assert (tmp_path / "out.tsv").read_text() == "Go.\tVa !\tx\nHi.\tSalut !\tx\n"


def test_an_added_column_takes_the_place_of_one_of_its_name(tmp_path: Path) -> None:
    read, written = table_of(tmp_path, "csv", count=4), tmp_path / "out.csv"
    for resume in (False, True):
        table = read_table(read)
        with suppress(KeyboardInterrupt), opened_for(table, written, {"text": str}, resume=resume) as output:
            for number, row in enumerate(output.skip(table.rows), output.done):
                output.write({**row, "text": f"new {number}"})
                if not resume and number == 1:
                    stop()
    assert output.done == 2
    assert list(read_table(written).rows) == [{"id": str(n), "text": f"new {n}"} for n in range(4)]


def opened_for(table: Table, path: Path, added: dict, *, resume: bool) -> Output:
    return open_output(path, layout=Layout(table, added), options={}, resume=resume)


def stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("format", "row", "message"),
    [
        ("tsv", {"id": "1", "text": "a\tb"}, r'cell of "text" holds a tab or a line end.*Write CSV or JSON lines'),
        ("tsv", {"id": "1", "text": "a\nb"}, r'cell of "text" holds a tab or a line end'),
        ("tsv", {"id": "1", "text": "a\r"}, r'cell of "text" holds a tab or a line end'),
        ("csv", {"id": "1", "texts": ""}, r'column "texts" that the table has not'),
    ],
)
def test_cells_that_a_format_cannot_hold(tmp_path: Path, format: str, row: dict, message: str) -> None:
    table = read_table(table_of(tmp_path, "csv"))
    with (
        open_output(tmp_path / f"out.{format}", layout=Layout(table, {}), options={}) as output,
        pytest.raises(InputError, match=message),
    ):
        output.write(row)


def test_values_that_are_no_text(tmp_path: Path) -> None:
    row = {"id": None, "text": "half \ud83d", "a": True, "b": 1.5, "c": {"d": [1, "é"]}, "e": "cr\rlf\n"}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    table = read_table(tmp_path / "in.jsonl")
    for format in ("csv", "jsonl"):
        with open_output(tmp_path / f"out.{format}", layout=Layout(table, {}), options={}) as output:
            output.write(row)
    assert list(read_table(tmp_path / "out.jsonl").rows) == [row]
    assert list(read_table(tmp_path / "out.csv").rows) == [
        {"id": "", "text": "half \ufffd", "a": "true", "b": "1.5", "c": '{"d": [1, "é"]}', "e": "cr\rlf\n"}
    ]


def opened(path: Path | str, folder: Path, **options: object) -> Output:
    return open_output(path, layout=Layout(read_table(table_of(folder, "csv")), {}), options={}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("no/such/folder/out.csv", {}, r"cannot be written: No such file or directory"),
        (".", {"format": "csv"}, r"is a folder"),
        ("out.doc", {}, r"not known from its ending"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, path: str, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path / path, tmp_path, **options)


def test_pipes_and_devices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no going on where - was"):
        opened("-", tmp_path, format="csv", resume=True)
    with pytest.raises(InputError, match=r"Parquet cannot go to /dev/null"):
        opened("/dev/null", tmp_path, format="parquet")
    with pytest.raises(InputError, match=r"the disk is full: the output is cut short"), opened("/dev/full", tmp_path, format="tsv"):
        pass
    with opened("/dev/null", tmp_path, format="csv") as output:
        output.write({"id": "1"})
    assert not Path("/dev/null").is_file()
    assert not list(Path("/dev").glob("*.part*"))


def test_standard_output_is_told_at_once_and_a_closed_pipe_passes_through(tmp_path: Path) -> None:
    code = f"""
import sys
from limelight.data import Layout, open_output, read_table
table = read_table({str(table_of(tmp_path, "csv"))!r})
try:
    with open_output("-", layout=Layout(table, {{"n": int}}), options={{}}, format="tsv") as output:
        for row in table.rows:
            output.write({{**row, "n": 1}})
            sys.stdin.readline()
except BrokenPipeError:
    print("BROKEN", file=sys.stderr)
    import os
    os._exit(0)
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "id\ttext\tn\n"
        assert child.stdout.readline() == f"0\t{EMOJI}\t1\n"       # though the child waits for us
        child.stdout.close()
        child.stdin.write("\n" * 40)
        child.stdin.close()
        assert child.stderr.read() == "BROKEN\n"
