"""`retail load`: CSV files become rows of the landing schema, all of them or none."""

from __future__ import annotations

import csv
import hashlib
import io
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import tables
from retail.csv_files import listed, opened_bytes
from retail.csv_rows import FastReader, RowReader, Unreadable
from retail.database import connect, first_line
from retail.drops import Source, find_sources, require_all_tables
from retail.errors import RetailError
from retail.landing import LOADED_FILES, UNREADABLE_LINES, landed, landing_schema, prepare_landing

NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

_FACTS = ("store_sales_header", "store_sales_line_items")
_PROGRESS_FROM_BYTES = 2_000_000  # below, the load is over before a bar would be read
_CHUNKS_AHEAD = 3  # read while the server is still busy with those before
_HASHED_AT_ONCE = 1_000_000  # bytes
_MEGABYTE = 1_000_000
_KEPT_IN_MEMORY = 5_000_000  # bytes of unreadable lines; more of them go to a temporary file
_ANALYZE_FROM = 0.1  # share of new rows from which the planner is told of them


@dataclass(frozen=True)
class Loaded:
    """What became of a file: its number and its rows, or, with number 0, as which file it was loaded before."""

    source: Source
    file_id: int
    rows: int = 0
    unreadable_lines: int = 0
    loaded_before_as: str = ""


@click.command()
@click.argument("places", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Load a file again though its content was loaded before.")
@click.option("--start-over", is_flag=True, help="Forget all that was loaded before, in the same transaction.")
@click.option(
    "--replace-rejected",
    "repairs",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Instead of PATH: repaired rows, as `retail rejects export` wrote them (a folder, a .zip or one file).",
)
@click.option("--dry-run", is_flag=True, help="With --replace-rejected: say what would change, and change nothing.")
def load(places: tuple[Path, ...], force: bool, start_over: bool, repairs: Path | None, dry_run: bool) -> None:
    """Load your own CSV files, or a day's more of them, into the landing schema.

    PATH is a folder or a file. The files are <table>.csv, <table>_<day>.csv or <day>/<table>.csv, any number a table,
    in UTF-8 and perhaps .gz; columns are found by name. They are added to what was loaded before, a file whose content
    is known is skipped, and when one file can't be read nothing changes. A line that is no CSV is kept as such.

    With --replace-rejected only the rows that a steward repaired are replaced, and the others stay as they are.
    """
    if bool(places) == (repairs is not None):
        raise click.UsageError("give the files or their folder, or --replace-rejected and the repaired rows")
    if repairs is not None:
        if force or start_over:
            raise click.UsageError("--force and --start-over go with files, not with --replace-rejected")
        from retail.repair import replace_rejected  # it needs this module

        replace_rejected(repairs, dry_run=dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run goes with --replace-rejected")
    _load_places(places, force=force, start_over=start_over)


def _load_places(places: tuple[Path, ...], *, force: bool, start_over: bool) -> None:
    started = perf_counter()
    sources = find_sources(*places)
    for source in sources:
        if source.extra_columns:
            click.echo(f"note: {source.name}: not loaded: {listed(source.extra_columns)} (unknown)", err=True)
    if start_over:
        require_all_tables(sources, places)
    with closing(connect()) as connection:
        loaded = load_sources(connection, sources, force=force, start_over=start_over, places=places)
    _print_result(loaded, perf_counter() - started)


def load_sources(
    connection: Connection,
    sources: list[Source],
    *,
    force: bool = False,
    start_over: bool = False,
    places: tuple[Path, ...] = (),
) -> list[Loaded]:
    """Add the files' rows to the landing tables, in one transaction.

    Args:
        connection: An open connection without a transaction under way.
        sources: What `find_sources` returned.
        force: Whether a file is loaded though its content was loaded before.
        start_over: Whether what was loaded before is forgotten.
        places: Where the sources were found, for the message about a first load that lacks tables.

    Returns:
        What became of each file, in the order of the sources.

    Raises:
        RetailError: A file or the database refused; the landing tables are as they were before.
    """
    total = sum(source.path.stat().st_size for source in sources)
    try:
        connection.set_client_encoding("UTF8")
        with connection, connection.cursor() as cursor, _progress(total) as report:
            prepare_landing(cursor, start_over=start_over)
            with closing(_Load(cursor, force=force, report=report)) as run:
                if not run.has_rows and places:
                    require_all_tables(sources, places)
                return run.add(sources)
    except psycopg2.Error as error:
        raise RetailError(f"the database refused the load, nothing was changed: {first_line(error)}") from error


class _Load:
    """One load, in the transaction of its cursor: what was loaded before it, and what is next."""

    def __init__(self, cursor: Cursor, *, force: bool, report: Callable[[int], None]) -> None:
        self._cursor = cursor
        self._force = force
        self._report = report
        self._fast = FastReader()
        cursor.execute(sql.SQL("select coalesce(max(file_id), 0), coalesce(max(batch_id), 0), max(batch_name) from {}")
                       .format(landed(LOADED_FILES)))  # fmt: skip
        self._file_id, self._batch_id, self._newest_day = cursor.fetchone()
        cursor.execute(
            sql.SQL(
                "select source_table, content_hash, batch_name, source_file from {} where first_row_number > 0 "
                "order by file_id"
            ).format(landed(LOADED_FILES))
        )
        self._known: dict[tuple[str, str], dict[str, str]] = {}
        for table, content_hash, batch_name, name in cursor.fetchall():
            self._known.setdefault((table, content_hash), {})[batch_name] = name
        cursor.execute(
            sql.SQL("select source_table, sum(rows) from {} where first_row_number > 0 group by source_table").format(
                landed(LOADED_FILES)
            )
        )
        self._rows_before = {table: int(rows) for table, rows in cursor.fetchall()}
        self._next_row = {table.name: self._rows_before.get(table.name, 0) + 1 for table in tables()}

    @property
    def has_rows(self) -> bool:
        """Whether anything was loaded before."""
        return self._file_id > 0

    def close(self) -> None:
        self._fast.close()

    def add(self, sources: list[Source]) -> list[Loaded]:
        loaded: list[Loaded] = []
        batch = None
        for source in sources:
            size, content_hash = _fingerprint(source.path)
            before = self._loaded_before_as(source, content_hash)
            if before:
                self._report(source.path.stat().st_size)
                loaded.append(Loaded(source, 0, loaded_before_as=before))
                continue
            if batch != source.batch_name:
                batch = source.batch_name
                self._batch_id += 1
                if self._newest_day and batch and batch < self._newest_day:
                    click.echo(
                        f"note: {batch} comes after {self._newest_day}: where both state the same master data, {batch} "
                        "stands now",
                        err=True,
                    )
            loaded.append(self._add_file(source, size, content_hash))
            self._known.setdefault((source.table.name, content_hash), {})[source.batch_name] = source.name
        self._finish({entry.source.table.name for entry in loaded if entry.rows})
        return loaded

    def _loaded_before_as(self, source: Source, content_hash: str) -> str:
        """The file that brought this content, unless that was yesterday's master data, which may hold again today."""
        known = {} if self._force else self._known.get((source.table.name, content_hash), {})
        if source.table.name not in _FACTS and source.batch_name not in known and source.batch_name:
            return ""
        return next(iter(known.values()), "")

    def _add_file(self, source: Source, size: int, content_hash: str) -> Loaded:
        self._file_id += 1
        table = source.table
        first_row = self._next_row[table.name]
        with tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY, "w+", encoding="utf-8", newline="") as unreadable:
            writer = csv.writer(unreadable, quoting=csv.QUOTE_ALL)

            def keep(line: Unreadable) -> None:
                writer.writerow((self._file_id, table.name, line.line_number, line.line, line.rule_id, line.detail))

            with opened_bytes(source.path) as (raw, data):
                reader = RowReader(
                    data,
                    source.positions,
                    len(source.header),
                    file_id=self._file_id,
                    first_row_number=first_row,
                    fast=self._fast,
                    unreadable=keep,
                )
                self._copy_rows(source, _reported(reader.chunks(), raw, self._report))
            self._copy_unreadable(unreadable)
        self._next_row[table.name] += reader.rows
        self._cursor.execute(
            sql.SQL("insert into {} values ({}, now())").format(
                landed(LOADED_FILES), sql.SQL(", ").join([sql.Placeholder()] * 10)
            ),
            [self._file_id, self._batch_id, source.batch_name, table.name, source.name, content_hash, size, reader.rows,
             reader.unreadable_lines, first_row],
        )  # fmt: skip
        return Loaded(source, self._file_id, reader.rows, reader.unreadable_lines)

    def _copy_rows(self, source: Source, chunks: Iterator[bytes]) -> None:
        table = source.table
        is_first = table.name not in self._rows_before
        if is_first and self._next_row[table.name] == 1:  # frozen rows: none of them has to be looked at again
            self._cursor.execute(sql.SQL("truncate {}").format(landed(table.raw_name)))
            self._cursor.execute(sql.SQL("drop index if exists {}").format(landed(_index_name(table.raw_name))))
        columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        statement = sql.SQL(
            "copy {} (file_id, source_row_number, {}) from stdin (format csv, force_null ({}), freeze {})"
        ).format(landed(table.raw_name), columns, columns, sql.SQL("true" if is_first else "false"))
        with _Feed(chunks) as feed:
            try:
                self._cursor.copy_expert(statement, feed)
            except psycopg2.Error as error:
                if feed.error is not None:
                    raise feed.error from None
                raise RetailError(f"{source.path}: the database refused it: {first_line(error)}") from error

    def _copy_unreadable(self, lines: IO[str]) -> None:
        lines.seek(0)
        self._cursor.copy_expert(
            sql.SQL(
                "copy {} (file_id, source_table, line_number, line, rule_id, detail) from stdin (format csv)"
            ).format(landed(UNREADABLE_LINES)),
            lines,
        )

    def _finish(self, names: set[str]) -> None:
        """Give the raw tables their index, and tell the planner of them where they grew much."""
        for table in tables():
            before, now = self._rows_before.get(table.name, 0), self._next_row[table.name] - 1
            self._cursor.execute(
                sql.SQL("create unique index if not exists {} on {} (source_row_number)").format(
                    sql.Identifier(_index_name(table.raw_name)), landed(table.raw_name)
                )
            )
            if table.name in names and now - before > now * _ANALYZE_FROM:
                self._cursor.execute(sql.SQL("analyze {}").format(landed(table.raw_name)))
        if names:
            self._cursor.execute(sql.SQL("analyze {}").format(landed(LOADED_FILES)))


def _index_name(raw_name: str) -> str:
    return f"{raw_name}_by_number"


def _fingerprint(path: Path) -> tuple[int, str]:
    """Return the size of a file's content in bytes, decompressed, and its hash."""
    digest, size = hashlib.sha256(), 0
    with opened_bytes(path) as (_, data):
        while part := data.read(_HASHED_AT_ONCE):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def _reported(chunks: Iterator[bytes], raw: IO[bytes], report: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        yield chunk
        report(raw.tell() - done)
        done = raw.tell()


@contextmanager
def _progress(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for a long load on a terminal; elsewhere, take the reports and say nothing."""
    if total_bytes < _PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total_bytes, label="loading", file=sys.stderr) as bar:
        yield bar.update


class _Feed(io.RawIOBase):
    """Hands the chunks to COPY as a file, and reads some ahead in a thread, while the server stores those before.

    It keeps the error that psycopg2 would wrap in one of its own.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._chunks = chunks
        self._queue: queue.Queue[bytes] = queue.Queue(_CHUNKS_AHEAD)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        while self._thread.is_alive():  # it may wait for room
            with self._queue.mutex:
                self._queue.queue.clear()
                self._queue.not_full.notify()
            self._thread.join(0.01)

    def read(self, _size: int = -1) -> bytes:
        chunk = self._queue.get()
        if self.error is not None:
            raise self.error
        return chunk

    def _run(self) -> None:
        try:
            for chunk in self._chunks:
                if self._is_over.is_set():
                    return
                self._queue.put(chunk)
        except BaseException as error:  # it is raised where the chunks are read
            self.error = error
        self._queue.put(b"")


def _print_result(loaded: list[Loaded], seconds: float) -> None:
    width = max(len(entry.source.table.name) for entry in loaded)
    for entry in loaded:
        remark = ""
        if entry.loaded_before_as:
            remark = f"  (loaded before as {entry.loaded_before_as}: skipped)"
        elif not entry.rows and not entry.unreadable_lines:
            remark = "  (a header and no rows)"
        elif entry.unreadable_lines:
            remark = f"  ({entry.unreadable_lines:,} lines are no CSV: see rejected_records)"
        click.echo(f"{entry.source.table.name:<{width}}  {entry.rows:>11,} rows  {entry.source.name}{remark}")
    if not any(entry.file_id for entry in loaded):
        click.echo("nothing new: every file was loaded before (--force loads them again)")
        return
    total = sum(entry.rows for entry in loaded)
    size = sum(entry.source.path.stat().st_size for entry in loaded if entry.file_id) / _MEGABYTE
    click.echo(
        f"{'total':<{width}}  {total:>11,} rows  in {seconds:.1f} s, {size / seconds:,.0f} MB/s, "
        f"into the schema {landing_schema()}"
    )
    click.echo(f"next: {NEXT_COMMAND}")
