"""`retail load`: seven CSV files become the landing schema, all of them or none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from time import perf_counter

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import RAW_PREFIX, Table, tables
from retail.csv_files import CsvRows, listed, opened, raise_nul, read_header
from retail.database import connect, first_line, marts_schema
from retail.errors import RetailError

# What the loader knows about a row beside its cells; `raw_layer: landing` gives it on to the checks.
META_COLUMNS = {
    "source_file": "text not null",
    "loaded_at": "timestamp with time zone not null",
    "source_row_number": "bigint not null",
}
REPAIRS = "repairs"  # beside the landed tables: what --replace-rejected changed in them
NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

_ROWS_A_CHUNK = 5_000
_PROGRESS_FROM_BYTES = 2_000_000  # below, the load is over before a bar would be read
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
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--replace-rejected",
    "repairs",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Instead of DIR: repaired rows, as `retail rejects export` wrote them (a folder, a .zip or one of its files).",
)
@click.option("--dry-run", is_flag=True, help="With --replace-rejected: say what would change, and change nothing.")
def load(directory: Path | None, repairs: Path | None, dry_run: bool) -> None:
    """Load your own seven CSV files from DIR into the landing schema.

    The files are <table>.csv or <table>.csv.gz, in UTF-8; columns are found by name. What was loaded before is
    replaced as a whole, and when one file is bad nothing changes.

    With --replace-rejected only the rows that a steward repaired are replaced, and the others stay as they are.
    """
    if (directory is None) == (repairs is None):
        raise click.UsageError("give the folder of the seven files, or --replace-rejected and the repaired rows")
    if repairs is not None:
        from retail.repair import replace_rejected  # it needs this module

        replace_rejected(repairs, dry_run=dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run goes with --replace-rejected")
    _load_directory(directory)


def _load_directory(directory: Path) -> None:
    started = perf_counter()
    sources = find_sources(directory)
    for source in sources:
        if source.extra_columns:
            click.echo(f"note: {source.path.name}: not loaded: {listed(source.extra_columns)} (unknown)", err=True)
    with closing(connect()) as connection:
        counts = load_sources(connection, sources)
    _print_result(sources, counts, perf_counter() - started)


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return f"{marts_schema()}_landing"


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
            counts = [_load_source(cursor, source, loaded_at.isoformat(), report) for source in sources]
            undone = _mark_repairs_as_replaced(cursor)
    except psycopg2.Error as error:
        raise RetailError(f"the database refused the load, nothing was changed: {first_line(error)}") from error
    if undone:
        click.echo(
            f"note: rows that --replace-rejected had repaired ({undone}) are the files' again: "
            f"what they were is in {landing_schema()}.{REPAIRS}",
            err=True,
        )
    return counts


def _mark_repairs_as_replaced(cursor: Cursor) -> int:
    name = sql.Identifier(landing_schema(), REPAIRS)
    if not existing_columns(cursor, name):
        return 0
    cursor.execute(sql.SQL("update {} set replaced_at = now() where replaced_at is null").format(name))
    return cursor.rowcount


def _file_names(table: Table) -> list[str]:
    """The names under which a table's file is accepted; the prefixed ones are what the seeds are called."""
    return [f"{prefix}{table.name}.csv{suffix}" for prefix in ("", RAW_PREFIX) for suffix in ("", ".gz")]


def _checked_source(table: Table, path: Path) -> Source:
    header = read_header(path, table.columns)
    missing = [name for name in table.columns if name not in header]
    if missing:
        raise RetailError(f"{path} lacks {listed(missing)}: its header has {', '.join(filter(None, header))}")
    return Source(table, path, header)


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
        raise RetailError(f"{source.path}: the database refused it: {first_line(error)}") from error
    count = cursor.rowcount
    cursor.execute(sql.SQL("analyze {}").format(name))
    return count


def _prepare_table(cursor: Cursor, table: Table, name: sql.Identifier) -> None:
    """Leave an empty table of the contract's shape; an existing one stays, because views may be built on it.

    It is a logged table on purpose: an unlogged one is empty after a crash of the server, and the next build would
    then publish seven empty tables with all tests green.
    """
    wanted = dict.fromkeys(table.columns, "text") | META_COLUMNS
    existing = existing_columns(cursor, name)
    if existing:
        cursor.execute(sql.SQL("truncate {}").format(name))
        _reshape(cursor, table, name, existing, wanted)
    else:
        columns = sql.SQL(", ").join(_definition(*column) for column in wanted.items())
        cursor.execute(sql.SQL("create table {} ({})").format(name, columns))


def existing_columns(cursor: Cursor, name: sql.Identifier) -> dict[str, str]:
    """Return the columns of a table with their types, none where there is no such table."""
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
    with opened(source.path) as (raw, text):
        rows = iter(CsvRows(source.path, text))
        next(rows)  # the header
        while chunk := [pick(row) for row in islice(rows, _ROWS_A_CHUNK)]:
            lines = _copy_lines(chunk)
            body = "".join([f"{line}{constants}{number}\n" for number, line in enumerate(lines, sent + 1)])
            if "\0" in body:
                raise_nul(source.path)
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


def _print_result(sources: list[Source], counts: list[int], seconds: float) -> None:
    width = max(len(source.table.name) for source in sources)
    for source, count in zip(sources, counts, strict=True):
        remark = "" if count else "  (a header and no rows)"
        click.echo(f"{source.table.name:<{width}}  {count:>11,} rows  {source.path.name}{remark}")
    total = sum(counts)
    click.echo(f"{'total':<{width}}  {total:>11,} rows  in {seconds:.1f} s, into the schema {landing_schema()}")
    click.echo(f"next: {NEXT_COMMAND}")
