from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from limelight.data import cell, read_pairs, read_table
from limelight.errors import InputError

LONG = "x" * 10_000
EMOJI = "\U0001f469\u200d\U0001f680 ça va\u2028là"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", f'id\ttext\n1\t{EMOJI}\n2\t{LONG}\n3\ta "quoted" word\n'),
        ("a.tsv", f'\ufeffid\ttext\r\n1\t{EMOJI}\r\n2\t{LONG}\r\n3\ta "quoted" word'),
        ("a.csv", f'id,text\n1,{EMOJI}\n2,{LONG}\n3,"a ""quoted"" word"\n'),
        ("a.csv", f'\ufeffid,text\r\n\r\n1,{EMOJI}\r\n2,{LONG}\r\n3,"a ""quoted"" word"'),
    ],
)
def test_cells_come_as_they_are(tmp_path: Path, name: str, content: str) -> None:
    table = read_table(put(tmp_path, name, content))
    assert table.columns == ("id", "text")
    assert list(table.rows) == [{"id": "1", "text": EMOJI}, {"id": "2", "text": LONG}, {"id": "3", "text": 'a "quoted" word'}]


def test_csv_cells_hold_line_ends_and_longer_text_than_the_library_allows(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", f'id,text\n1,"two\r\nlines"\n2,{LONG * 20}\n')
    assert [row["text"] for row in read_table(path).rows] == ["two\r\nlines", LONG * 20]


def test_json_lines_keep_types_and_their_own_keys(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": EMOJI, "x": [1, {"y": None}]}, {"text": LONG, "z": True, "big": 2**70, "f": 1.5}]
    path = put(tmp_path, "a.jsonl", "\ufeff" + "\r\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    table = read_table(path)
    assert table.columns == ("id", "text", "x")
    assert list(table.rows) == rows


def test_without_a_header_columns_are_numbers(tmp_path: Path) -> None:
    path = put(tmp_path, "fra.txt", "Go.\tVa !\nHi.\tSalut !\n")
    table = read_table(path, header=False)
    assert (table.columns, table.column(1)) == (("0", "1"), "1")
    assert next(table.rows) == {"0": "Go.", "1": "Va !"}


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_one_column_keeps_its_empty_cells(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, "text\nOne.\n\nThree.\n")
    assert [row["text"] for row in read_table(path).rows] == ["One.", "", "Three."]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_header_only_and_empty(tmp_path: Path, name: str) -> None:
    table = read_table(put(tmp_path, name, "\ufeffid" + ("\t" if "t" in name[1:] else ",") + "text\r\n"))
    assert (table.columns, list(table.rows)) == (("id", "text"), [])
    empty = read_table(put(tmp_path, name, ""))
    assert list(empty.rows) == []
    with pytest.raises(InputError, match="is empty: it has no header"):
        empty.column("text")


def test_empty_json_lines_have_no_rows_and_any_column(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "a.jsonl", "\n"))
    assert (table.column("text"), list(table.rows)) == ("text", [])


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"text\nOne.\n")))
    assert list(read_table("-", format="csv").rows) == [{"text": "One."}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "a\tb\n1\t2\n1\n", r"a.tsv, line 3: 1 cell, but the table has 2 columns"),
        ("a.csv", "a,b\n1,2\n\"1\n1\",2,3\n", r"a.csv, line 3: 3 cells, but the table has 2 columns"),
        ("a.csv", 'a,b\n1,2\n1,"2\n', r"a.csv, line 3: unexpected end of data"),
        ("a.csv", 'a,b\n1,"2"x\n', r"a.csv, line 2: .*Is a quote left open"),
        ("a.tsv", "a\tb\ta\n", r"1 column name twice: a\."),
        ("a.tsv", b"a\tb\n1\t2\n1\tcaf\xe9\n", r"a.tsv, line 3: byte 6 \(0xe9\) is not UTF-8"),
        ("a.csv", b"a,b\n1,\xff\n", r"a.csv, line 2: byte 3 \(0xff\) is not UTF-8.*iconv"),
        ("a.jsonl", '{"a": 1}\n{"a": }\n', r"a.jsonl, line 2: not JSON: Expecting value"),
        ("a.jsonl", '{"a": 1}\n[1]\n', r"a.jsonl, line 2: a JSON list, not an object"),
        ("a.jsonl", "[" * 200_000, r"a.jsonl, line 1: not JSON"),
        ("a.parquet", b"PAR1 no", r"a.parquet cannot be read as Parquet.*Is it whole"),
        ("a.parquet", b"", r"a.parquet cannot be read as Parquet"),
        ("a.xlsx", "", r"not known from its ending '.xlsx'.*\.csv, \.jsonl"),
        ("folder/.", "", r"folder is a folder|ending ''"),
    ],
)
def test_broken_tables_are_told_by_place(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    if "/" in name:
        (tmp_path / "folder").mkdir()
        path = tmp_path / "folder"
    else:
        path = put(tmp_path, name, content)
    with pytest.raises(InputError, match=message):
        list(read_table(path).rows)


@pytest.mark.parametrize("format", ["tsv", "csv", "jsonl", "parquet"])
def test_missing_files_and_folders(tmp_path: Path, format: str) -> None:
    with pytest.raises(InputError, match=r"there is no file .*gone"):
        list(read_table(tmp_path / "gone", format=format).rows)
    with pytest.raises(InputError, match=r"is a folder"):
        list(read_table(tmp_path, format=format).rows)


@pytest.mark.parametrize(
    ("path", "format", "message"),
    [
        ("a.tsv", "xml", r'no table format "xml".*Known: csv, jsonl, parquet, tsv'),
        ("-", None, r"standard input or output.*Say csv"),
        ("-", "parquet", r"cannot go through a pipe"),
    ],
)
def test_formats_that_cannot_be(path: str, format: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(path, format=format)


def test_missing_columns_are_guessed(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "a.tsv", "id\tsentence\n1\tHi.\n"))
    assert table.column("sentence") == "sentence"
    with pytest.raises(InputError, match=r'no column "sentense".*Did you mean "sentence"\?.*Known: id, sentence'):
        table.column("sentense")
    with pytest.raises(InputError, match=r"no column 2: it has 2, counted from 0"):
        table.column(2)
    with pytest.raises(InputError, match=r"no column -1"):
        table.column(-1)


def test_cells_that_are_no_text() -> None:
    assert cell({"a": "b"}, "a", where="f", number=1) == "b"
    assert cell({"a": None}, "a", where="f", number=1) == ""
    with pytest.raises(InputError, match=r'f, row 7: "a" is int, not text: 5'):
        cell({"a": 5}, "a", where="f", number=7)
    with pytest.raises(InputError, match=r'f, row 7: no "text".*Did you mean "texts"'):
        cell({"texts": ""}, "text", where="f", number=7)


def test_pairs_by_name_and_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path, "a.csv", "fr,en\nVa!, Go.\n\u00a0,x\n")
    assert read_pairs(path, source_column="en", target_column="fr", languages=("en", "fr")) == [("Go.", "Va !")]
    assert "1 pairs with an empty side are left out" in caplog.text
    assert read_pairs(path, source_column=1, target_column=0, header=True) == [("Go.", "Va!")]
    assert read_pairs(path)[0] == ("fr", "en")
    with pytest.raises(InputError, match=r'the language "xx".*Known: en, fr, none'):
        read_pairs(path, languages=("xx", "fr"))
    with pytest.raises(InputError, match=r"has no pair of sentences"):
        read_pairs(put(tmp_path, "b.tsv", "a\tb\n\t\n"), header=True)


def test_reading_stays_small_and_needs_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "big.tsv"
    with path.open("w") as stream:
        stream.write("text\n")
        for _ in range(300):
            stream.write(("y" * 999 + "\n") * 200)
    code = f"""
import resource, sys
from limelight.data import read_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(1 for _ in read_table({str(path)!r}).rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, "torch" in sys.modules)
"""
    rows, grown, torch = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert (int(rows), torch) == (60_000, "False")
    assert int(grown) < 20_000     # KiB, for a file of 60 MB
