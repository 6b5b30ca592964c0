"""DuckDB's reading of whole files against the reading that PostgreSQL gets, and what it hands over to that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retail.contract import Table
from retail.loading.csv_rows import Unreadable
from retail.loading.deliveries import Source
from retail.loading.duckdb import DuckdbLanding, _Look
from retail.loading.landing import ReadAnew
from support.csv_bytes import BOM, COLUMNS, QUIET, bodies, expected_rows, line_ends, with_ends

HEADERS = (b"h1,h2,h3", b'"h1",h2,h3', b"\nh1,h2,h3", b"h3,h1,more,h2,")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with an empty landing schema, in which a table has only three columns."""
    with duckdb.connect() as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr("retail.loading.landing.tables", lambda: (Table("stores", COLUMNS, ("h1",)),))
        DuckdbLanding(opened).make_empty()
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("files") / "stores.csv"


class UndoError(Exception):
    """Rolls back what a test has loaded."""


def load_whole(connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[list[tuple], list[Unreadable]] | None:
    """The rows and the unreadable lines that DuckDB finds; None where it leaves the file to the other reader."""
    landing = DuckdbLanding(connection)
    with pytest.raises(UndoError), landing.transaction():
        found = landing._read_whole(source, 7, 11)
        rows = connection.execute("select * from retail_landing.raw_stores order by source_row_number").fetchall()
        lines = connection.execute(
            "select line_number, line, rule_id, detail from retail_landing.unreadable_lines order by 1"
        ).fetchall()
        raise UndoError
    if found is None:
        assert (rows, lines) == ([], [])
        return None
    assert found == (len(rows), len(lines))
    return rows, [Unreadable(*line) for line in lines]


@settings(max_examples=400, **QUIET)
@given(
    parts=bodies,
    end=line_ends,
    mark=st.sampled_from((b"", b"", BOM)),
    header=st.sampled_from((HEADERS[0], *HEADERS)),
    quotes=st.booleans(),
)
@example([b"a,b,c,\n"], b"\n", b"", HEADERS[0], True)  # without a word from DuckDB
@example([b"a,b,c\n", b"\n", b"\n", b"a\n", b"a,b,c,d,e\n"], b"\r\n", BOM, HEADERS[0], True)
@example([b"a,b,c\n", b'"a,b,c\n', b"a,b,c\n"], b"\n", b"", HEADERS[0], True)
@example([b"a,b,c\n", b'"\n'], b"\n", b"", HEADERS[0], True)
@example([b' "a",b,c\n'], b"\n", b"", HEADERS[0], True)
@example([b"a,b,c,d,e\n", b'"a,b",,c,d,e\n'], b"\n", b"", HEADERS[3], True)
def test_a_file_is_read_as_for_postgresql_or_not_at_all(connection, file, parts, end, mark, header, quotes):
    body = b"".join(parts)
    if not quotes:
        body = body.replace(b'"', b"")
    data = mark + with_ends(header + b"\n" + body, end)
    file.write_bytes(data)
    names = header.decode().replace('"', "").strip().split(",")
    source = Source(Table("stores", COLUMNS, ("h1",)), file, tuple(names))

    found = load_whole(connection, source)

    assert found is None or found == expected_rows(data, source)


def test_most_files_are_read_whole(connection, file):
    """Those without a flaw, or with lines of another width alone."""
    source = Source(Table("stores", COLUMNS, ("h1",)), file, COLUMNS)
    for body in (b"", b"a,b,c\n" * 3, b'a,"b,""c""",\r\n', b'"a\nb",c,d\n', b"\n\na,b,c\n\nshort\na,b,c,d,e,,\n"):
        data = HEADERS[0] + (b"\r\n" if b"\r" in body else b"\n") + body
        file.write_bytes(data)
        assert load_whole(connection, source) == expected_rows(data, source)


def test_where_duckdb_breaks_off_the_file_is_read_by_rows(connection, file, monkeypatch):
    monkeypatch.setattr(
        "retail.loading.duckdb.look_at", lambda _: _Look(commas=0, lines=0, has_quotes=False)
    )  # line ends of two kinds would be seen by it
    data = b"h1,h2,h3\na,b,c\na,b,c\r\na,b,c\ra\n"
    file.write_bytes(data)
    source = Source(Table("stores", COLUMNS, ("h1",)), file, COLUMNS)
    landing = DuckdbLanding(connection)
    with pytest.raises(ReadAnew), landing.transaction():
        landing.add_rows(source, 7, 11, lambda _: None)

    with landing.transaction():
        assert landing.add_rows(source, 7, 11, lambda _: None) == (3, 1)
        connection.execute("delete from retail_landing.raw_stores")
        connection.execute("delete from retail_landing.unreadable_lines")
