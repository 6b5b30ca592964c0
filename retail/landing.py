"""The landing schema: what `retail load` keeps beside the rows, and in which shape."""

from __future__ import annotations

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a class, whatever its name)

from retail.contract import Table, tables
from retail.database import marts_schema
from retail.errors import RetailError

# What a raw row has beside its cells: where it came from, and its number among all rows of its table.
META_COLUMNS = {"file_id": "integer not null", "source_row_number": "bigint not null"}
LOADED_FILES = "loaded_files"
UNREADABLE_LINES = "unreadable_lines"
REPAIRS = "repairs"  # what --replace-rejected changed in the landed rows

_TABLES = {
    LOADED_FILES: """
        file_id integer primary key,
        batch_id integer not null,
        batch_name text not null,
        source_table text not null,
        source_file text not null,
        content_hash text not null,
        bytes bigint not null,
        rows bigint not null,
        unreadable_lines bigint not null,
        first_row_number bigint not null,
        loaded_at timestamp with time zone not null
    """,
    UNREADABLE_LINES: """
        file_id integer not null,
        source_table text not null,
        line_number bigint not null,
        line text not null,
        rule_id text not null,
        detail text not null
    """,
    REPAIRS: """
        repaired_at timestamp with time zone not null,
        source_table text not null,
        source_row_number bigint not null,
        rejected_record_id text not null,
        action text not null,
        cells_before jsonb not null,
        cells_after jsonb,
        repair_file text not null
    """,
}


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return f"{marts_schema()}_landing"


def landed(name: str) -> sql.Identifier:
    """Return a relation of the landing schema, to be put into a statement."""
    return sql.Identifier(landing_schema(), name)


def prepare_landing(cursor: Cursor, *, start_over: bool) -> None:
    """Leave a landing schema of today's shape, one load at a time; what others built on its tables stays.

    The tables are logged ones on purpose: an unlogged one is empty after a crash of the server, and the next build
    would then publish seven empty tables with all tests green.

    Args:
        cursor: In the transaction of the load, at whose end the next load may begin.
        start_over: Whether what was loaded before is forgotten.

    Raises:
        RetailError: A table is in the way, or something depends on a column that the contract has no more.
    """
    cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"retail load {landing_schema()}"])
    cursor.execute("select exists (select from pg_namespace where nspname = %s)", [landing_schema()])
    if not cursor.fetchone()[0]:  # `if not exists` would ask for the right to create one all the same
        cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(landing_schema())))
    is_known = bool(existing_columns(cursor, landed(LOADED_FILES)))
    for name, definition in _TABLES.items():
        cursor.execute(sql.SQL("create table if not exists {} ({})").format(landed(name), sql.SQL(definition)))
    cursor.execute(
        sql.SQL("alter table {} add column if not exists file_id integer not null default 0").format(landed(REPAIRS))
    )
    if start_over:
        cursor.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(map(landed, _TABLES))))
    for table in tables():
        _prepare_raw_table(cursor, table, empty=start_over or not is_known)


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


def _prepare_raw_table(cursor: Cursor, table: Table, *, empty: bool) -> None:
    name = landed(table.raw_name)
    wanted = dict.fromkeys(table.columns, "text") | META_COLUMNS
    existing = existing_columns(cursor, name)
    if not existing:
        columns = sql.SQL(", ").join(_definition(*column) for column in wanted.items())
        cursor.execute(sql.SQL("create table {} ({})").format(name, columns))
        return
    if empty:
        cursor.execute(sql.SQL("truncate {}").format(name))
    _reshape(cursor, table, name, existing, wanted)


def _definition(column: str, kind: str) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))


def _reshape(
    cursor: Cursor, table: Table, name: sql.Identifier, existing: dict[str, str], wanted: dict[str, str]
) -> None:
    """Give a table of another contract the columns of this one, and drop nothing that others built on it."""
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
