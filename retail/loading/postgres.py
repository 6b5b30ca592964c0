"""Rows into PostgreSQL: `RowReader` makes them ready in a thread of its own while COPY stores those before them.

More threads would wait for the one COPY that a transaction can have at a time.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from queue import Full, Queue
from threading import Event, Thread

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import Table, tables
from retail.engines.postgres import first_line
from retail.errors import RetailError
from retail.loading import landing
from retail.loading.csv_files import opened_bytes
from retail.loading.csv_rows import FastReader, RowReader, Unreadable, reported
from retail.loading.deliveries import Source
from retail.loading.landing import META_COLUMNS, UNREADABLE_LINES, LoadedFile, named


class PostgresLanding:
    """The landing schema of a PostgreSQL database, as `Landing` says."""

    def __init__(self, connection: Connection) -> None:
        """Take an open connection without a transaction under way."""
        self._connection = connection
        self._cursor: Cursor = connection.cursor()
        self._fast = FastReader()
        self._is_empty = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is kept, or, where anything fails, none of it."""
        try:
            self._connection.set_client_encoding("UTF8")
            with self._connection, closing(self._fast), self._cursor:
                yield
        except psycopg2.Error as error:
            raise RetailError(f"the database refused the load, nothing was changed: {first_line(error)}") from error

    def wait_for_others(self) -> datetime:
        """Keep other loads out, and return the time at which that succeeded."""
        return landing.wait_for_others(self._cursor)

    def loaded_files(self) -> list[LoadedFile] | None:
        """Return what was loaded so far; None where nothing was."""
        return landing.loaded_files(self._cursor)

    def make_empty(self) -> None:
        """Leave all tables empty, in the contract's shape."""
        landing.make_empty(self._cursor)
        self._is_empty = True

    def check_shape(self) -> None:
        """Refuse tables of another contract."""
        landing.check_shape(self._cursor)

    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""
        landing.register(self._cursor, file)

    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return the number of each."""
        table = source.table
        columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        statement = sql.SQL("copy {} ({}, {}) from stdin (format csv, null '', force_null ({}), freeze {})").format(
            named(table.raw_name),
            sql.SQL(", ").join(map(sql.Identifier, META_COLUMNS)),
            columns,
            columns,
            sql.SQL(str(self._is_empty)),
        )
        with (
            opened_bytes(source.path) as (raw, data),
            # they come between the rows, and a connection takes one COPY at a time
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
            with closing(_Feed(reported(reader.chunks(), raw.tell, report))) as feed:
                _copy(self._cursor, source, statement, feed)
            if self._cursor.rowcount != reader.rows:
                raise RetailError(f"{source.path}: the database took {self._cursor.rowcount:,} of {reader.rows:,} rows")
            if reader.unreadable_lines:
                aside.seek(0)
                self._cursor.copy_expert(sql.SQL("copy {} from stdin (format csv)").format(_unreadable_lines()), aside)
        return reader.rows, reader.unreadable_lines

    def finish(self, touched: Collection[Table]) -> None:
        """Index the tables that were made empty, and tell the planner of those that got rows."""
        for table in tables():
            if self._is_empty:
                landing.make_index(self._cursor, table)
            if table in touched:
                self._cursor.execute(sql.SQL("analyze {}").format(named(table.raw_name)))


def _unreadable_lines() -> sql.Composed:
    columns = ("file_id", "source_table", "line_number", "line", "rule_id", "detail")
    return sql.SQL("{} ({})").format(named(UNREADABLE_LINES), sql.SQL(", ").join(map(sql.Identifier, columns)))


def _copy(cursor: Cursor, source: Source, statement: sql.Composed, feed: _Feed) -> None:
    try:
        cursor.copy_expert(statement, feed)
    except psycopg2.Error as error:
        if feed.error is not None:
            raise feed.error from None
        raise RetailError(f"{source.path}: the database refused it: {first_line(error)}") from error


class _Feed:
    """Hands chunks to COPY as a file, made in a thread one ahead; keeps the error that psycopg2 would wrap.

    To be closed, also when not all was read.
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
