"""CSV files that hypothesis soils, and the rows that PostgreSQL's loader reads from one."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing

from hypothesis import HealthCheck
from hypothesis import strategies as st

from retail.loading.csv_rows import FastReader, RowReader, Unreadable
from retail.loading.deliveries import Source

COLUMNS = ("h1", "h2", "h3")
BOM = b"\xef\xbb\xbf"
GOOD = (b"a,b,c\n", b"x,,\n", b'"q","r","s"\n', b'1,"a\nb",2\n', b'1,"a""b",\n', b"\n", b'a,5" b ,c\n', b'"","",""\n')
TOKENS = (
    *(b"a", b" ", b",", b",", b"\n", b'"', b'"', b'""', b',"', b'",', b"\\", b"\t", b";", b"'", b"#", b"null", b"\\."),
    *("é".encode(), "\u2028".encode(), "🛒".encode(), BOM, b"\xf6", b"\xed\xa0\x80", b"\0", b"\x0b"),
)
soiled = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8).map(b"".join)


def with_ends(text: bytes, end: bytes | None) -> bytes:
    """The text with other line ends; with all kinds of them for None."""
    ends = iter((b"\n", b"\r\n", b"\r") * (text.count(b"\n") + 1))
    return re.sub(rb"\n", lambda _: end or next(ends), text)


line_ends = st.sampled_from((b"\n", b"\r\n", b"\r", None))
bodies = st.lists(
    st.one_of(st.sampled_from(GOOD), st.sampled_from(GOOD), soiled.map(lambda line: line + b"\n"), soiled), max_size=14
)


QUIET = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": False,
}


def expected_rows(data: bytes, source: Source) -> tuple[list[tuple], list[Unreadable]]:
    told: list[Unreadable] = []
    with closing(FastReader()) as fast:
        reader = RowReader(
            io.BytesIO(data),
            source.positions,
            len(source.header),
            file_id=7,
            first_row_number=11,
            fast=fast,
            unreadable=told.append,
        )
        rows = list(csv.reader(io.StringIO(b"".join(reader.chunks()).decode(), newline="")))
    return [(*(cell or None for cell in row[2:]), int(row[0]), int(row[1])) for row in rows], told
