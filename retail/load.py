"""`retail load`: seven CSV files become the landing schema, all of them or none."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO, NoReturn, TextIO

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import RAW_PREFIX, Table, tables
from retail.database import connect
from retail.errors import RetailError

# What the loader knows about a row beside its cells; `raw_layer: landing` gives it on to the checks.
META_COLUMNS = {
    "source_file": "text not null",
    "loaded_at": "timestamp with time zone not null",
    "source_row_number": "bigint not null",
}
NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

_ROWS_A_CHUNK = 5_000
csv.field_size_limit(10_000_000)  # characters in a cell; what is longer is a quote left open, and memory stays flat
_PROGRESS_FROM_BYTES = 2_000_000  # below, the load is over before a bar would be read
_SAVE_AS_UTF8 = "save it as CSV in UTF-8 and load again"
_FOREIGN_STARTS = {
    b"\xff\xfe": f"is UTF-16 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\xfe\xff": f"is UTF-16 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\x1f\x8b": "is gzip data under the name of a plain file: rename it to end in .csv.gz",
    b"PK\x03\x04": f"is a ZIP archive or an Excel workbook, not CSV: {_SAVE_AS_UTF8}",
}
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True)
class Source:
    """One input file, its header read and found good.

    ``header`` holds the column names as the file has them, trimmed and in lower case.
    """

    table: Table
    path: Path
    header: tuple[str, ...]

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """The file's named columns that the contract does not know."""
        return tuple(name for name in self.header if name and name not in self.table.columns)

    @property
    def positions(self) -> tuple[int, ...]:
        """Where in the file the contract's columns stand, in the contract's order."""
        return tuple(self.header.index(name) for name in self.table.columns)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def load(directory: Path) -> None:
    """Load your own seven CSV files from DIR into the landing schema.

    The files are <table>.csv or <table>.csv.gz, in UTF-8; columns are found by name. What was loaded before is
    replaced as a whole, and when one file is bad nothing changes.
    """
    started = perf_counter()
    sources = find_sources(directory)
    for source in sources:
        if source.extra_columns:
            click.echo(f"note: {source.path.name}: not loaded: {_columns(source.extra_columns)} (unknown)", err=True)
    with closing(connect()) as connection:
        counts = load_sources(connection, sources)
    _print_result(sources, counts, perf_counter() - started)


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return os.environ.get("RETAIL_SCHEMA", "retail") + "_landing"


def find_sources(directory: Path) -> list[Source]:
    """Find the seven files in a folder and check their headers, before anything is sent.

    Args:
        directory: The folder that holds `<table>.csv` or `<table>.csv.gz` for every table of the contract.

    Returns:
        One source a table, in the contract's order.

    Raises:
        RetailError: The folder, one of the files or one of the headers is not what it must be.
    """
    try:
        present = {path.name for path in directory.iterdir()}
    except OSError as error:
        raise RetailError(f"{directory} can't be read: {error.strerror}; give the folder of the seven files") from error
    found = {table: [name for name in _file_names(table) if name in present] for table in tables()}
    missing = [f"{table.name}.csv" for table, names in found.items() if not names]
    if missing:
        raise RetailError(f"{directory} lacks {', '.join(missing)} (or the same as .csv.gz)")
    for table, names in found.items():
        if len(names) > 1:
            raise RetailError(f"{directory} holds {' and '.join(names)} for {table.name}: leave one of them")
    return [_checked_source(table, directory / names[0]) for table, names in found.items()]


def load_sources(connection: Connection, sources: list[Source]) -> list[int]:
    """Replace the landing tables by the files' rows, in one transaction.

    Args:
        connection: An open connection without a transaction under way.
        sources: What `find_sources` returned.

    Returns:
        The number of rows a source.

    Raises:
        RetailError: A file or the database refused; the landing tables are as they were before.
    """
    total = sum(source.path.stat().st_size for source in sources)
    try:
        connection.set_client_encoding("UTF8")
        with connection, connection.cursor() as cursor, _progress(total) as report:
            cursor.execute("select now(), exists (select from pg_namespace where nspname = %s)", [landing_schema()])
            loaded_at, has_schema = cursor.fetchone()
            if not has_schema:  # `if not exists` would ask for the right to create one all the same
                cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(landing_schema())))
            return [_load_source(cursor, source, loaded_at.isoformat(), report) for source in sources]
    except psycopg2.Error as error:
        raise RetailError(f"the database refused the load, nothing was changed: {_first_line(error)}") from error


def _file_names(table: Table) -> list[str]:
    """The names under which a table's file is accepted; the prefixed ones are what the seeds are called."""
    return [f"{prefix}{table.name}.csv{suffix}" for prefix in ("", RAW_PREFIX) for suffix in ("", ".gz")]


def _columns(names: Iterable[str]) -> str:
    listed = list(names)
    return f"column{'s' if len(listed) > 1 else ''} {', '.join(listed)}"


def _checked_source(table: Table, path: Path) -> Source:
    with _opened(path) as (_, text):
        first_row = next(_rows(path, text), None)
    if first_row is None:
        raise RetailError(f"{path} is empty: it needs a header line with {_columns(table.columns)}")
    if any("\0" in name for name in first_row):
        _raise_nul(path)
    header = tuple(name.strip().lower() for name in first_row)
    _check_header(table, path, header)
    return Source(table, path, header)


def _check_header(table: Table, path: Path, header: tuple[str, ...]) -> None:
    doubled = [name for name, times in Counter(header).items() if name and times > 1]
    if doubled:
        raise RetailError(f"{path} names {_columns(doubled)} more than once in its header: keep or rename one")
    missing = [name for name in table.columns if name not in header]
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise RetailError(f"{path} separates its columns by {other!r}: save it with commas and load again")
    if missing:
        raise RetailError(f"{path} lacks {_columns(missing)}: its header has {', '.join(filter(None, header))}")


@contextmanager
def _opened(path: Path, errors: str = "strict") -> Iterator[tuple[BinaryIO, TextIO]]:
    """Open a plain or compressed file; whatever goes wrong while it is read becomes a `RetailError`.

    Yields:
        The file on disk, whose position tells the progress, and its decoded text.
    """
    try:
        with path.open("rb") as raw:
            data: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            start = data.peek(4)
            for mark, message in _FOREIGN_STARTS.items():
                if start.startswith(mark):
                    raise RetailError(f"{path} {message}")
            with io.TextIOWrapper(data, encoding="utf-8-sig", errors=errors, newline="") as text:
                yield raw, text
    except UnicodeDecodeError as error:
        line = _line_that_holds(path, "[\udc80-\udcff]")
        byte = error.object[error.start]
        raise RetailError(f"{path}, line {line}: byte 0x{byte:02X} is not UTF-8; {_SAVE_AS_UTF8}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RetailError(f"{path} is not a whole gzip file: compress or copy it again") from error
    except OSError as error:
        raise RetailError(f"{path} can't be read: {error.strerror}") from error


def _line_that_holds(path: Path, pattern: str) -> int:
    """The number of the first line with the pattern; only read when the file is known to be bad."""
    search = re.compile(pattern).search
    with _opened(path, errors="surrogateescape") as (_, text):
        return next(number for number, line in enumerate(text, start=1) if search(line))


def _rows(path: Path, text: TextIO) -> Iterator[list[str]]:
    """Yield the header and the rows of a file; wholly empty lines are none.

    Raises:
        RetailError: A row has not as many fields as the header, or its quotes do not match.
    """
    reader = csv.reader(text, strict=True)
    width = 0
    line = 1
    try:
        for row in reader:
            if row:
                if len(row) != width:
                    if width:
                        _raise_ragged(path, (line, reader.line_num), row, width)
                    width = len(row)
                yield row
            line = reader.line_num + 1
    except csv.Error as error:
        if "NUL" in str(error):  # Python 3.10; later ones let it pass, and it is found when the rows are sent
            _raise_nul(path)
        raise RetailError(
            f"{path}, line {line}: a quoted cell that begins here does not end properly ({error}): "
            'close it, or double the quotes inside it ("")'
        ) from error


def _raise_ragged(path: Path, lines: tuple[int, int], row: list[str], width: int) -> NoReturn:
    first, last = lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    fields = f"{len(row)} field{'s' if len(row) > 1 else ''} where the header has {width}"
    if first != last:
        advice = "check whether a quoted cell is left open"
    elif not "".join(row).strip():
        advice = "delete the line if it is meant to be empty"
    elif len(row) > width:
        advice = 'put a cell that holds a comma in quotes ("")'
    else:
        advice = "complete it"
    raise RetailError(f"{path}, {where}: {fields}; {advice}")


def _raise_nul(path: Path) -> NoReturn:
    line = _line_that_holds(path, "\0")
    raise RetailError(f"{path}, line {line}: a NUL byte, so this is damaged or not UTF-8; {_SAVE_AS_UTF8}")


@contextmanager
def _progress(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for a long load on a terminal; elsewhere, take the reports and say nothing."""
    if total_bytes < _PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total_bytes, label="loading", file=sys.stderr) as bar:
        yield bar.update


def _load_source(cursor: Cursor, source: Source, loaded_at: str, report: Callable[[int], None]) -> int:
    name = sql.Identifier(landing_schema(), source.table.raw_name)
    _prepare_table(cursor, source.table, name)
    feed = _Feed(_copy_chunks(source, loaded_at, report))
    statement = sql.SQL("copy {} ({}) from stdin (format text, null '', freeze)").format(
        name, sql.SQL(", ").join(map(sql.Identifier, (*source.table.columns, *META_COLUMNS)))
    )
    try:
        cursor.copy_expert(statement, feed)
    except psycopg2.Error as error:
        if feed.error is not None:
            raise feed.error from None
        raise RetailError(f"{source.path}: the database refused it: {_first_line(error)}") from error
    count = cursor.rowcount
    cursor.execute(sql.SQL("analyze {}").format(name))
    return count


def _prepare_table(cursor: Cursor, table: Table, name: sql.Identifier) -> None:
    """Leave an empty table of the contract's shape; an existing one stays, because views may be built on it.

    It is a logged table on purpose: an unlogged one is empty after a crash of the server, and the next build would
    then publish seven empty tables with all tests green.
    """
    wanted = dict.fromkeys(table.columns, "text") | META_COLUMNS
    existing = _existing_columns(cursor, name)
    if existing:
        cursor.execute(sql.SQL("truncate {}").format(name))
        _reshape(cursor, table, name, existing, wanted)
    else:
        columns = sql.SQL(", ").join(_definition(*column) for column in wanted.items())
        cursor.execute(sql.SQL("create table {} ({})").format(name, columns))


def _existing_columns(cursor: Cursor, name: sql.Identifier) -> dict[str, str]:
    cursor.execute(
        """
        select attname, format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
        from pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
        """,
        [name.as_string(cursor)],
    )
    return dict(cursor.fetchall())


def _definition(column: str, kind: str) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))


def _reshape(
    cursor: Cursor, table: Table, name: sql.Identifier, existing: dict[str, str], wanted: dict[str, str]
) -> None:
    """Give an emptied table of another contract the columns of this one, and drop nothing that others built on it."""
    shown = f"{landing_schema()}.{table.raw_name}"
    outdated = [column for column, kind in existing.items() if wanted.get(column) != kind]
    new = [(column, kind) for column, kind in wanted.items() if existing.get(column) != kind]
    changes = [sql.SQL("drop column {}").format(sql.Identifier(column)) for column in outdated]
    changes += [sql.SQL("add column {}").format(_definition(*column)) for column in new]
    if not changes:
        return
    try:
        cursor.execute(sql.SQL("alter table {} {}").format(name, sql.SQL(", ").join(changes)))
    except psycopg2.errors.DependentObjectsStillExist as error:
        dependents = "; ".join((error.diag.message_detail or "").splitlines())
        raise RetailError(
            f"{shown} has columns that the contract has no more, and others depend on them: drop those and load again "
            f"({dependents})"
        ) from error
    click.echo(f"note: {shown} had other columns than the contract, and has been changed to it", err=True)


class _Feed:
    """Hands the chunks to COPY as a file, and keeps the error that psycopg2 would wrap in one of its own."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.error: BaseException | None = None

    def read(self, _size: int = -1) -> bytes:
        try:
            return next(self._chunks, b"")
        except BaseException as error:
            self.error = error
            raise


def _copy_chunks(source: Source, loaded_at: str, report: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a file's rows in COPY's text format, a chunk at a time, so that memory stays flat."""
    pick = itemgetter(*source.positions)
    constants = f"\t{source.path.name}\t{loaded_at}\t"
    sent = done = 0
    with _opened(source.path) as (raw, text):
        rows = _rows(source.path, text)
        next(rows)  # the header
        while chunk := [pick(row) for row in islice(rows, _ROWS_A_CHUNK)]:
            lines = _copy_lines(chunk)
            body = "".join([f"{line}{constants}{number}\n" for number, line in enumerate(lines, sent + 1)])
            if "\0" in body:
                _raise_nul(source.path)
            yield body.encode()
            sent += len(chunk)
            report(raw.tell() - done)
            done = raw.tell()


def _copy_lines(rows: list[tuple[str, ...]]) -> list[str]:
    """Join the cells by tabs. Escaping is the dearest step, so a chunk that needs none (most do not) skips it."""
    lines = ["\t".join(row) for row in rows]
    body = "\n".join(lines)
    tabs = len(rows) * (len(rows[0]) - 1)
    if "\\" in body or "\r" in body or body.count("\n") != len(rows) - 1 or body.count("\t") != tabs:
        return ["\t".join([cell.translate(_ESCAPES) for cell in row]) for row in rows]
    return lines


def _first_line(error: psycopg2.Error) -> str:
    message = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
    context = (error.diag.context or "").splitlines()
    return f"{message} ({context[0]})" if context else message


def _print_result(sources: list[Source], counts: list[int], seconds: float) -> None:
    width = max(len(source.table.name) for source in sources)
    for source, count in zip(sources, counts, strict=True):
        remark = "" if count else "  (a header and no rows)"
        click.echo(f"{source.table.name:<{width}}  {count:>11,} rows  {source.path.name}{remark}")
    total = sum(counts)
    click.echo(f"{'total':<{width}}  {total:>11,} rows  in {seconds:.1f} s, into the schema {landing_schema()}")
    click.echo(f"next: {NEXT_COMMAND}")
