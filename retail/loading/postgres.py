"""The landing schema of PostgreSQL: `RowReader` makes rows ready in a thread while COPY stores those before them.

More threads would wait for the one COPY that a transaction can have at a time.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from datetime import datetime
from queue import Full, Queue
from threading import Event, Thread
from time import sleep

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import Table, tables
from retail.engines.build_lock import wait_for_build
from retail.engines.postgres import first_line
from retail.errors import RetailError
from retail.loading.csv_files import InputFile, opened_bytes
from retail.loading.csv_rows import FastReader, RowReader, Unreadable, reported
from retail.loading.deliveries import Source
from retail.loading.landing import (
    BOOKKEEPING,
    LOADED_FILES,
    META_COLUMNS,
    UNREADABLE_LINES,
    Landing,
    LoadedFile,
    landing_schema,
)
from retail.loading.manual_changes import begin_loading, record_manual_changes

_LOOK_AGAIN = 0.5  # seconds


class PostgresLanding(Landing):
    """The landing schema of a PostgreSQL database; repairs use its `cursor` too."""

    def __init__(self, connection: Connection) -> None:
        """Take an open connection without a transaction under way."""
        self.cursor: Cursor = connection.cursor()
        self._connection: Connection = connection
        self._fast = FastReader()
        self._is_empty = False
        self._new_tables: set[str] = set()  # made or emptied by this load

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or roll all of it back if anything fails."""
        try:
            self._connection.set_client_encoding("UTF8")
            with self._connection, closing(self._fast), self.cursor:
                begin_loading(self.cursor)
                yield
        except psycopg2.Error as error:
            raise RetailError(f"the database refused, nothing was changed: {first_line(error)}") from error

    def wait_for_others(self, *, builds: bool = False) -> datetime:
        """Lock other loads and repairs out until the transaction ends, and builds too if asked."""
        keys = ["retail load", landing_schema()]
        is_told = False
        # a statement that waits in the database would not let a signal end this program
        while not self._is_true("select pg_try_advisory_xact_lock(hashtext(%s), hashtext(%s))", keys):
            if not is_told:
                click.echo("note: another load is running; this one starts after it", err=True)
            is_told = True
            sleep(_LOOK_AGAIN)
        if builds:
            wait_for_build(self.cursor)
        self.cursor.execute("select clock_timestamp()")
        now: datetime
        ((now,),) = self.cursor.fetchall()
        return now

    def make_empty(self) -> None:
        """Empty all tables, give them the columns of the contract, and drop the indexes of the raw tables.

        Existing tables stay, because views may be built on them.
        """
        # `if not exists` would need the right to create a schema even if it exists
        if not self._is_true("select exists (select from pg_namespace where nspname = %s)", [landing_schema()]):
            self.cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(landing_schema())))
        is_outdated = not self.columns(LOADED_FILES) and self._has_rows()
        for table in tables():
            self.cursor.execute(sql.SQL("drop index if exists {}").format(landed(_index(table))))
        for name, columns in self.wanted_columns().items():
            self._make_table_empty(name, columns)
            self._new_tables.add(name)
        self._is_empty = True
        if is_outdated:
            click.echo(
                f"note: {landing_schema()} was filled by an earlier version of `retail load`: its rows are replaced",
                err=True,
            )

    def create(self, name: str, columns: dict[str, str]) -> None:
        """Create a table.

        It must be a logged table: an unlogged one is empty after a crash, and the next build would publish empty tables
        with all tests green.
        """
        definitions = [_definition(*column) for column in columns.items()]
        if name == LOADED_FILES:
            definitions.append(sql.SQL("primary key (file_id)"))
        self.cursor.execute(sql.SQL("create table {} ({})").format(landed(name), sql.SQL(", ").join(definitions)))
        self._new_tables.add(name)

    def next_row_number(self, table: Table, expected: int) -> int:
        """Return the number of the next row, beyond rows that were inserted by hand."""
        if self._is_empty:
            return expected
        self.cursor.execute(sql.SQL("select max(source_row_number) from {}").format(landed(table.raw_name)))
        ((last,),) = self.cursor.fetchall()
        return max(expected, (last or 0) + 1)

    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""
        columns = BOOKKEEPING[LOADED_FILES]
        self.cursor.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                landed(LOADED_FILES), identifiers(columns), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            ),
            astuple(file),
        )

    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return how many there are of each."""
        table = source.table
        columns = identifiers(table.columns)
        statement = sql.SQL("copy {} ({}, {}) from stdin (format csv, null '', force_null ({}), freeze {})").format(
            landed(table.raw_name),
            identifiers(META_COLUMNS),
            columns,
            columns,
            sql.SQL(str(self._is_empty)),
        )
        with (
            opened_bytes(source.path) as (raw, data),
            # unreadable lines wait for the end: a connection runs one COPY at a time
            tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as aside,
        ):
            writer = csv.writer(aside, quoting=csv.QUOTE_ALL, lineterminator="\n")

            def put_aside(found: Unreadable) -> None:
                writer.writerow((file_id, table.name, found.line_number, found.line, found.rule_id, found.detail))

            reader = RowReader(
                data,
                source.positions,
                len(source.header),
                file_id=file_id,
                first_row_number=first_row_number,
                fast=self._fast,
                unreadable=put_aside,
            )
            copy_rows(self.cursor, source.path, statement, reported(reader.chunks(), raw.tell, report))
            if self.cursor.rowcount != reader.rows:
                raise RetailError(f"{source.path}: the database took {self.cursor.rowcount:,} of {reader.rows:,} rows")
            if reader.unreadable_lines:
                aside.seek(0)
                self.cursor.copy_expert(
                    sql.SQL("copy {} ({}) from stdin (format csv)").format(
                        landed(UNREADABLE_LINES), identifiers(BOOKKEEPING[UNREADABLE_LINES])
                    ),
                    aside,
                )
        return reader.rows, reader.unreadable_lines

    def finish(self, filled: Collection[Table]) -> None:
        """Index the row numbers of new tables, analyze tables with new rows, have changes by hand recorded."""
        for table in tables():
            if table.raw_name in self._new_tables:
                self.cursor.execute(
                    sql.SQL("create unique index {} on {} (source_row_number)").format(
                        sql.Identifier(_index(table)), landed(table.raw_name)
                    )
                )
            if table in filled:
                self.cursor.execute(sql.SQL("analyze {}").format(landed(table.raw_name)))
        record_manual_changes(self.cursor, self._new_tables)

    def columns(self, name: str) -> dict[str, str]:
        """Return the columns of a table with their types, none if the table does not exist."""
        self.cursor.execute(
            """
            select attname, format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
            from pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
            """,
            [landed(name).as_string(self.cursor)],
        )
        return dict(self.cursor.fetchall())

    def _is_true(self, query: str | sql.Composed, values: Sequence[str] = ()) -> bool:
        """Return the result of a query with one boolean."""
        self.cursor.execute(query, values)
        ((value,),) = self.cursor.fetchall()
        return bool(value)

    def _has_rows(self) -> bool:
        return any(
            self._is_true(sql.SQL("select exists (select from {})").format(landed(table.raw_name)))
            for table in tables()
            if self.columns(table.raw_name)
        )

    def _make_table_empty(self, name: str, wanted: dict[str, str]) -> None:
        """Empty a table, or create it, with the wanted columns."""
        if existing := self.columns(name):
            self.cursor.execute(sql.SQL("truncate {}").format(landed(name)))
            self._reshape(name, existing, wanted)
        else:
            self.create(name, wanted)

    def _reshape(self, name: str, existing: dict[str, str], wanted: dict[str, str]) -> None:
        """Change an emptied table of another contract to the wanted columns; dependent objects stay."""
        shown = f"{landing_schema()}.{name}"
        outdated = [column for column, kind in existing.items() if wanted.get(column) != kind]
        new = [(column, kind) for column, kind in wanted.items() if existing.get(column) != kind]
        changes = [sql.SQL("drop column {}").format(sql.Identifier(column)) for column in outdated]
        changes += [sql.SQL("add column {}").format(_definition(*column)) for column in new]
        if not changes:
            return
        try:
            self.cursor.execute(sql.SQL("alter table {} {}").format(landed(name), sql.SQL(", ").join(changes)))
        except psycopg2.errors.DependentObjectsStillExist as error:
            dependents = "; ".join((error.diag.message_detail or "").splitlines())
            raise RetailError(
                f"{shown} has columns that are no longer in the contract, and objects depend on them: drop these and "
                f"load again ({dependents})"
            ) from error
        click.echo(f"note: {shown} had other columns than the contract; they were changed", err=True)


def landed(name: str) -> sql.Identifier:
    """Return a table of the landing schema, for a statement composed by psycopg2."""
    return sql.Identifier(landing_schema(), name)


def identifiers(names: Iterable[str]) -> sql.Composed:
    """Return the names, quoted, with commas between them."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _index(table: Table) -> str:
    return f"{table.raw_name}_source_row_number"


def _definition(column: str, kind: str) -> sql.Composable:
    return sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))


def copy_rows(cursor: Cursor, path: InputFile, statement: sql.Composed, chunks: Iterator[bytes]) -> None:
    """Run COPY on the rows of a file, while a thread makes the next ones ready.

    Raises:
        RetailError: The database refused a row.
    """
    with closing(_Feed(chunks)) as feed:
        try:
            cursor.copy_expert(statement, feed)  # type: ignore[arg-type] # COPY calls no readline
        except psycopg2.Error as error:
            if feed.error is not None:
                raise feed.error from None
            raise RetailError(f"{path}: the database refused it: {first_line(error)}") from error


class _Feed:
    """A file for COPY to read: a thread makes the next chunk ahead; ``error`` is the error that psycopg2 would wrap.

    Close it, even after an incomplete read.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._queue: Queue[bytes | BaseException] = Queue(maxsize=1)
        self._is_closed = Event()
        self._thread = Thread(target=self._make, args=(chunks,), daemon=True)
        self._thread.start()

    def read(self, _size: int = -1) -> bytes:
        try:
            chunk = self._queue.get()
            if isinstance(chunk, BaseException):
                raise chunk
            return chunk
        except BaseException as error:
            self.error = error
            raise

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join()

    def _make(self, chunks: Iterator[bytes]) -> None:
        try:
            for chunk in chunks:
                self._put(chunk)
                if self._is_closed.is_set():
                    return
            self._put(b"")
        except BaseException as error:
            self._put(error)

    def _put(self, chunk: bytes | BaseException) -> None:
        while not self._is_closed.is_set():
            with suppress(Full):
                self._queue.put(chunk, timeout=0.1)
                return
