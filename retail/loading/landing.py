"""The landing schema: what `retail load` fills, what it keeps about each file, and one load at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a class, whatever its name)

from retail.contract import Table, tables
from retail.engines.target import marts_schema
from retail.errors import RetailError

LOADED_FILES = "loaded_files"
UNREADABLE_LINES = "unreadable_lines"
REPAIRS = "repairs"  # what --replace-rejected changed in the raw tables

# Types are PostgreSQL's. What the loader knows about a row beside its cells; the rest is in loaded_files.
META_COLUMNS = {"file_id": "integer not null", "source_row_number": "bigint not null"}
BOOKS = {
    LOADED_FILES: {
        "file_id": "integer not null",
        "batch_id": "integer not null",
        "batch_name": "text not null",
        "source_table": "text not null",
        "source_file": "text not null",
        "content_hash": "text not null",
        "bytes": "bigint not null",
        "rows": "bigint not null",
        "unreadable_lines": "bigint not null",
        "first_row_number": "bigint not null",
        "loaded_at": "timestamp with time zone not null",
    },
    UNREADABLE_LINES: {
        "file_id": "integer not null",
        "source_table": "text not null",
        "line_number": "bigint not null",
        "line": "text not null",
        "rule_id": "text not null",
        "detail": "text not null",
    },
    REPAIRS: {
        "repaired_at": "timestamp with time zone not null",
        "source_table": "text not null",
        "source_row_number": "bigint not null",
        "rejected_record_id": "text not null",
        "action": "text not null",
        "cells_before": "jsonb not null",
        "cells_after": "jsonb",
        "repair_file": "text not null",
        "file_id": "integer not null",
    },
}


@dataclass(frozen=True)
class LoadedFile:
    """A row of loaded_files: a file that was loaded, or whose repairs were."""

    file_id: int
    batch_id: int
    batch_name: str
    source_table: str
    source_file: str
    content_hash: str
    bytes: int
    rows: int
    unreadable_lines: int
    first_row_number: int
    loaded_at: datetime

    @property
    def shown(self) -> str:
        """The file's name, and before it the batch where the name does not say it."""
        return self.source_file if self.batch_name in self.source_file else f"{self.batch_name}/{self.source_file}"


class ReadAnew(Exception):  # noqa: N818 (no error)
    """A way to read files failed half way: the transaction is rolled back, and the load begins anew without it."""


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return f"{marts_schema()}_landing"


def named(name: str) -> sql.Identifier:
    """Return a table of the landing schema, quoted."""
    return sql.Identifier(landing_schema(), name)


def wait_for_others(cursor: Cursor) -> datetime:
    """Keep other loads and repairs out until the transaction ends, and return the time at which that succeeded."""
    keys = ["retail load", landing_schema()]
    cursor.execute("select pg_try_advisory_xact_lock(hashtext(%s), hashtext(%s))", keys)
    if not cursor.fetchone()[0]:
        click.echo("note: another load is under way; this one begins when that is over", err=True)
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", keys)
    cursor.execute("select clock_timestamp()")
    return cursor.fetchone()[0]


def loaded_files(cursor: Cursor) -> list[LoadedFile] | None:
    """Return what was loaded so far, in the order of the file_id; None where nothing was."""
    if not existing_columns(cursor, named(LOADED_FILES)):
        return None
    columns = sql.SQL(", ").join(map(sql.Identifier, BOOKS[LOADED_FILES]))
    cursor.execute(sql.SQL("select {} from {} order by file_id").format(columns, named(LOADED_FILES)))
    return [LoadedFile(*row) for row in cursor.fetchall()] or None


def register(cursor: Cursor, file: LoadedFile) -> None:
    """Add a row to loaded_files."""
    columns = list(BOOKS[LOADED_FILES])
    cursor.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            named(LOADED_FILES),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        ),
        [getattr(file, column) for column in columns],
    )


def make_empty(cursor: Cursor) -> None:
    """Leave all tables of the landing schema empty, in the contract's shape, and the raw ones without their index.

    Existing tables stay, because views may be built on them.
    """
    cursor.execute("select exists (select from pg_namespace where nspname = %s)", [landing_schema()])
    if not cursor.fetchone()[0]:  # `if not exists` would ask for the right to create one all the same
        cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(landing_schema())))
    is_outdated = not existing_columns(cursor, named(LOADED_FILES)) and _has_rows(cursor)
    for table in tables():
        cursor.execute(sql.SQL("drop index if exists {}").format(named(_index(table))))
        _make_table_empty(cursor, table.raw_name, raw_columns(table))
    for name, columns in BOOKS.items():
        _make_table_empty(cursor, name, columns)
    if is_outdated:
        click.echo(
            f"note: {landing_schema()} was filled by an earlier version of `retail load`: its rows are replaced",
            err=True,
        )


def check_shape(cursor: Cursor) -> None:
    """Refuse to add rows to tables of another contract.

    Raises:
        RetailError: A table has not the columns that it must have.
    """
    wanted = {table.raw_name: raw_columns(table) for table in tables()} | BOOKS
    for name, columns in wanted.items():
        if existing_columns(cursor, named(name)) != columns:
            raise RetailError(
                f"{landing_schema()}.{name} has other columns than the contract, so nothing can be added to it: load "
                "all your files again with --start-over"
            )


def make_index(cursor: Cursor, table: Table) -> None:
    """Index the row numbers of a raw table, which are unique."""
    cursor.execute(
        sql.SQL("create unique index {} on {} (source_row_number)").format(
            sql.Identifier(_index(table)), named(table.raw_name)
        )
    )


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


def raw_columns(table: Table) -> dict[str, str]:
    """Return the columns of a raw table with their types, the cells first."""
    return dict.fromkeys(table.columns, "text") | META_COLUMNS


def _index(table: Table) -> str:
    return f"{table.raw_name}_source_row_number"


def _has_rows(cursor: Cursor) -> bool:
    for table in tables():
        if existing_columns(cursor, named(table.raw_name)):
            cursor.execute(sql.SQL("select exists (select from {})").format(named(table.raw_name)))
            if cursor.fetchone()[0]:
                return True
    return False


def _make_table_empty(cursor: Cursor, name: str, wanted: dict[str, str]) -> None:
    """Leave an empty table of the wanted shape.

    It is a logged table on purpose: an unlogged one is empty after a crash of the server, and the next build would
    then publish seven empty tables with all tests green.
    """
    existing = existing_columns(cursor, named(name))
    if existing:
        cursor.execute(sql.SQL("truncate {}").format(named(name)))
        _reshape(cursor, name, existing, wanted)
        return
    columns = [_definition(*column) for column in wanted.items()]
    if name == LOADED_FILES:
        columns.append(sql.SQL("primary key (file_id)"))
    cursor.execute(sql.SQL("create table {} ({})").format(named(name), sql.SQL(", ").join(columns)))


def _definition(column: str, kind: str) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))


def _reshape(cursor: Cursor, name: str, existing: dict[str, str], wanted: dict[str, str]) -> None:
    """Give an emptied table of another contract the columns of this one, and drop nothing that others built on it."""
    shown = f"{landing_schema()}.{name}"
    outdated = [column for column, kind in existing.items() if wanted.get(column) != kind]
    new = [(column, kind) for column, kind in wanted.items() if existing.get(column) != kind]
    changes = [sql.SQL("drop column {}").format(sql.Identifier(column)) for column in outdated]
    changes += [sql.SQL("add column {}").format(_definition(*column)) for column in new]
    if not changes:
        return
    try:
        cursor.execute(sql.SQL("alter table {} {}").format(named(name), sql.SQL(", ").join(changes)))
    except psycopg2.errors.DependentObjectsStillExist as error:
        dependents = "; ".join((error.diag.message_detail or "").splitlines())
        raise RetailError(
            f"{shown} has columns that the contract has no more, and others depend on them: drop those and load again "
            f"({dependents})"
        ) from error
    click.echo(f"note: {shown} had other columns than the contract, and has been changed to it", err=True)
