"""The tables of one engine against those of another, row by row."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

# what only an engine that amends tables has
OF_AMENDING = [
    *("build_lock", "build_plan", "build_state", "affected_customers", "affected_transactions"),
    "manual_changes",
]
SCHEMAS = ("retail", "retail_raw", "retail_staging", "retail_history")
# when it was built, and numbers that are only compared with those of the same engine
OF_A_BUILD = (
    *("built_at", "first_seen_at", "last_seen_at", "loaded_at", "new_loaded_at"),
    *("summary_fingerprint", "rejects_fingerprint", "fingerprint", "full_because"),
)


def _statements(query, database: dict[str, str], *more: str, without: Sequence[str] = ()) -> dict[str, str]:
    """What to read of each table and view that PostgreSQL has in SCHEMAS and more of them, but for the tables named."""
    columns = query(
        database,
        """
        select table_schema || '.' || table_name, column_name from information_schema.columns
        where table_schema = any (%s) and table_name <> all (%s)
        order by table_schema, table_name, ordinal_position
        """,
        [[*SCHEMAS, *more], [*OF_AMENDING, *without]],
    )
    tables: dict[str, list[str]] = {}
    for table, column in columns:
        if column not in OF_A_BUILD:
            tables.setdefault(table, []).append(column)
    assert len(tables) > 40
    return {table: f"select {', '.join(names)} from {table}" for table, names in tables.items()}


def compare_duckdb(query, database: dict[str, str], duckdb_file: str, *more: str) -> None:
    statements = _statements(query, database, *more)
    with duckdb.connect(duckdb_file, read_only=True) as connection:
        found = {table: connection.execute(statement).fetchall() for table, statement in statements.items()}
    assert not _different(found, {table: query(database, statement) for table, statement in statements.items()})


def compare_spark(
    query, database: dict[str, str], spark: dict[str, str], folder: Path, *more: str, without: Sequence[str] = ()
) -> None:
    """Compare what a session or a Thrift server shows, as the variables name it, with PostgreSQL."""
    statements = _statements(query, database, *more, without=without)
    rows_file = folder / "rows"
    subprocess.run(
        [sys.executable, Path(__file__).with_name("spark_rows.py"), rows_file],
        input=json.dumps(statements),
        env=os.environ | spark,
        check=True,
        capture_output=True,
        text=True,
    )
    found = pickle.loads(rows_file.read_bytes())
    assert not _different(found, {table: query(database, statement) for table, statement in statements.items()})


def _different(found: dict[str, list[tuple]], expected: dict[str, list[tuple]]) -> dict[str, tuple]:
    """The first rows of a table that are only on the one side, and only on the other."""
    different = {}
    for table in expected:
        here, there = _in_order(found[table]), _in_order(expected[table])
        if here != there:
            different[table] = (sorted(set(here) - set(there))[:3], sorted(set(there) - set(here))[:3])
    return different


def _in_order(rows: list[tuple]) -> list[str]:
    return sorted(repr([_plain(value) for value in row]) for row in rows)


def _plain(value: Any) -> Any:
    """Numbers by value, JSON by content."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    return value if value is None or isinstance(value, bool) else str(value)
