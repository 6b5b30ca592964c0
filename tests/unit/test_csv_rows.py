"""The reader of CSV files against Python's csv module, whatever is in the file and wherever a piece of it ends."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retail.loading import csv_rows
from retail.loading.csv_rows import FastReader, RowReader, Unreadable, read_first_row
from support.csv_bytes import BOM, QUIET, bodies, line_ends, with_ends

HEADER = b"h1,h2,h3\n"
WIDTH = 3
# A record whose quotes all stand around a cell or are doubled, read from the left a cell at a time
WELL_QUOTED = re.compile(r'(?:(?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,|[\r\n]+|$))*')


@pytest.fixture(scope="module")
def fast() -> Iterator[FastReader]:
    with closing(FastReader()) as reader:
        yield reader


def read(
    data: bytes, fast: FastReader, positions: tuple[int, ...] = (0, 1, 2)
) -> tuple[list[list[str]], list[Unreadable]]:
    """The rows, without what the reader adds, and the lines that are none."""
    told: list[Unreadable] = []
    reader = RowReader(
        io.BytesIO(data), positions, WIDTH, file_id=7, first_row_number=11, fast=fast, unreadable=told.append
    )
    text = b"".join(reader.chunks()).decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [row[:2] for row in rows] == [["7", str(number)] for number in range(11, 11 + reader.rows)]
    assert reader.unreadable_lines == len(told)
    return [row[2:] for row in rows], told


def expected(data: bytes) -> tuple[list[list[str]], list[tuple[int, str]]]:
    """The same by a reader of its own for every record, which is simple and quadratic."""
    lines = data.removeprefix(BOM).splitlines(keepends=True)
    texts = [line.decode("utf-8", "surrogateescape").replace("\0", "\udc00") for line in lines]
    flaws = [bool(re.search("[\udc00-\udcff]", text)) for text in texts]
    rows: list[list[str]] = []
    refused: list[tuple[int, str]] = []
    place, has_header, in_doubt = 0, False, False
    while place < len(lines):
        reader = csv.reader(iter(texts[place:]), strict=True)
        first = "line_encoding_invalid" if flaws[place] else ""
        try:
            row = next(reader)
        except csv.Error:
            refused.append((place + 1, first or "line_quote_invalid"))
            place, in_doubt = place + 1, True
            continue
        count = reader.line_num
        if not row or not has_header:
            has_header = has_header or bool(row)
        elif len(row) != WIDTH:
            refused.append((place + 1, first or f"line_too_{'few' if len(row) < WIDTH else 'many'}_fields"))
            in_doubt = in_doubt or count > 1
            count = 1
        elif any(flaws[place : place + count]):
            refused.append((place + 1, "line_encoding_invalid"))
        elif in_doubt and not WELL_QUOTED.fullmatch("".join(texts[place : place + count])):
            refused.append((place + 1, "line_quote_invalid"))
            in_doubt = count > 1
            count = 1
        else:
            rows.append(row)
            in_doubt = False
        place += count
    return rows, refused


@settings(max_examples=400, **QUIET)
@given(
    parts=bodies,
    end=line_ends,
    mark=st.sampled_from((b"", BOM)),
    positions=st.sampled_from(((0, 1, 2), (2, 0, 1), (1, 2))),
    piece=st.sampled_from((20, 60, 200, 4_000_000)),
    small=st.sampled_from((8, 16, 25)),
    few=st.sampled_from((1, 10, 30, 250_000)),
)
@example([b' "",b,c\n'], b"\n", b"", (0, 1, 2), 200, 25, 30)  # DuckDB takes the blank for nothing
@example([b'"" ,b,c\n'], b"\n", b"", (0, 1, 2), 200, 25, 30)
@example([b'a,b,c,""\n'], b"\n", b"", (1, 2), 200, 25, 30)  # and this for three cells
@example([b"a,b,c,\n"], b"\n", b"", (0, 1, 2), 200, 25, 30)
@example([BOM + b"a,b,c\n"], b"\n", b"", (0, 1, 2), 200, 25, 30)
@example([b"a,b,c\n", b'x,"y\n', b"a,b,c\n" * 9], b"\n", b"", (0, 1, 2), 20, 8, 10)
def test_rows_and_refused_lines_are_all_of_the_file(fast, parts, end, mark, positions, piece, small, few):
    body = with_ends(b"".join(parts), end)
    data = mark + HEADER + body

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_PIECE": piece, "_SMALL_PIECE": small, "_FEW_LINES": few, "_SMALLEST_PIECE": 1}.items():
            patch.setattr(csv_rows, name, value)
        rows, told = read(data, fast, positions)

    wanted, refused = expected(data)
    assert rows == [[row[place] for place in positions] for row in wanted]
    assert [(line.line_number, line.rule_id) for line in told] == refused
    if b'"' not in body:
        lines = data.splitlines()
        assert len(rows) + len(told) + sum(not line for line in lines) + 1 == len(lines)


def test_duckdb_reads_what_is_good_and_python_only_what_is_near_a_flaw(fast, monkeypatch):
    sizes: list[int] = []
    records = RowReader._records
    monkeypatch.setattr(
        RowReader, "_records", lambda self, size, **more: (sizes.append(size), records(self, size, **more))[1]
    )
    good = b'some,"good, and quoted",row\r\n'
    data = HEADER + good * 150_000 + b"a,b\n" + good * 150_000

    rows, told = read(data, fast)

    assert (len(rows), len(told)) == (300_000, 1)
    assert sum(sizes[1:]) < len(data) / 20


def test_lines_without_an_end_do_not_fill_the_memory(fast):
    class Endless(io.RawIOBase):
        """Half a gigabyte of one line, and what was asked for at most."""

        left, most = 500_000_000, 0

        def read(self, size: int = -1) -> bytes:
            self.most = max(self.most, size)
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    stream = Endless()
    stream_read = stream.read
    first = [HEADER]
    stream.read = lambda size=-1: first.pop() if first else stream_read(size)
    told: list[Unreadable] = []
    reader = RowReader(stream, (0, 1, 2), WIDTH, file_id=1, first_row_number=1, fast=fast, unreadable=told.append)

    assert list(reader.chunks()) == []

    assert [(line.line_number, line.rule_id, len(line.line)) for line in told] == [(2, "line_too_long", 1000)]
    assert told[0].detail == "500,000,000 bytes, of which the first 1,000 are kept"
    assert stream.most <= csv_rows.LONGEST_RECORD


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (b"", None),
        (BOM, None),
        (b"\r\n\n\r", None),
        (BOM + b"\n\na,b\nc\n", ["a", "b"]),
        (b'"a\nb",c', ["a\nb", "c"]),
        (b"a\0,\xf6", ["a\udc00", "\udcf6"]),
    ],
)
def test_the_first_row(data, row):
    assert read_first_row(io.BytesIO(data)) == row


@pytest.mark.parametrize("data", [b'"a,b\n', b'"a"b,c\n', b"x" * 6_000_000, b'"a' + b"\n" * 6_000_000])
def test_a_first_row_that_is_none(data):
    with pytest.raises(csv.Error):
        read_first_row(io.BytesIO(data))


def test_the_files_of_the_fast_reader_go_with_it():
    with closing(FastReader()) as reader:
        assert reader.read(b"a,b,c\n", (0, 1, 2), 3, 1, 5) == (1, b"1,5,a,b,c\n")
        place: Path = reader._folder
        assert sorted(file.name for file in place.iterdir()) == ["piece.csv", "rows.csv"]
    assert not place.exists()
