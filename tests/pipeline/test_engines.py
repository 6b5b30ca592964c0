"""The same answers from every engine: what DuckDB builds of the sample is what PostgreSQL builds, row by row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import duckdb
import pytest

SCHEMAS = ("retail", "retail_raw", "retail_staging", "retail_history")
# when it was built, and numbers that are only compared with those of the same engine
OF_A_BUILD = ("built_at", "first_seen_at", "last_seen_at", "summary_fingerprint", "rejects_fingerprint")


@pytest.fixture(scope="module")
def duckdb_file(tmp_path_factory, run_program) -> str:
    """The sample, seeded, built and tested by dbt on DuckDB."""
    file = str(tmp_path_factory.mktemp("duckdb") / "warehouse.duckdb")
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": file}
    run_program(database, "dbt", "seed")
    run_program(database, "dbt", "build")
    return file


def test_duckdb_builds_what_postgresql_builds(sample, query, duckdb_file):
    columns = query(
        sample,
        """
        select table_schema || '.' || table_name, column_name from information_schema.columns
        where table_schema = any (%s) order by table_schema, table_name, ordinal_position
        """,
        [list(SCHEMAS)],
    )
    tables: dict[str, list[str]] = {}
    for table, column in columns:
        if column not in OF_A_BUILD:
            tables.setdefault(table, []).append(column)
    assert len(tables) > 40
    different = {}
    with duckdb.connect(duckdb_file, read_only=True) as connection:
        for table, names in tables.items():
            statement = f"select {', '.join(names)} from {table}"
            expected = _in_order(query(sample, statement))
            found = _in_order(connection.execute(statement).fetchall())
            if found != expected:
                different[table] = (sorted(set(found) - set(expected))[:3], sorted(set(expected) - set(found))[:3])
    assert not different


def test_summary_reads_duckdb(duckdb_file, run_program):
    said = run_program({"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": duckdb_file}, "retail", "summary").stdout
    assert "in = clean + rejected in every table, in rows and in money" in said


def test_an_unknown_engine_is_refused(run_program):
    result = run_program({"RETAIL_TARGET": "oracle"}, "retail", "summary", check=False)
    assert result.returncode != 0
    assert "use postgres or duckdb" in result.stderr


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
