"""The same answers from every engine: what DuckDB and Spark build of the sample is what PostgreSQL builds."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
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


@pytest.fixture(scope="module")
def spark_files(tmp_path_factory, run_program) -> dict[str, str]:
    """The sample, seeded, built and tested by dbt on Spark (no unit tests: minutes), as the variables that name it."""
    pytest.importorskip("pyspark", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    database = {"RETAIL_TARGET": "spark", "RETAIL_SPARK": str(tmp_path_factory.mktemp("spark"))}
    run_program(database, "dbt", "seed")
    run_program(database, "dbt", "build", "--exclude-resource-type", "seed", "unit_test")
    return database


@pytest.fixture(scope="module")
def built_tables(sample, query) -> dict[str, list[str]]:
    """The tables and views of PostgreSQL, with the columns to compare."""
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
    return tables


def test_duckdb_builds_what_postgresql_builds(sample, query, duckdb_file, built_tables):
    statements = {table: f"select {', '.join(columns)} from {table}" for table, columns in built_tables.items()}
    with duckdb.connect(duckdb_file, read_only=True) as connection:
        found = {table: connection.execute(statement).fetchall() for table, statement in statements.items()}
    assert not _different(found, {table: query(sample, statement) for table, statement in statements.items()})


def test_spark_builds_what_postgresql_builds(sample, query, spark_files, built_tables, tmp_path):
    statements = {table: f"select {', '.join(columns)} from {table}" for table, columns in built_tables.items()}
    rows_file = tmp_path / "rows"
    subprocess.run(
        [sys.executable, Path(__file__).with_name("spark_rows.py"), rows_file],
        input=json.dumps(statements),
        env=os.environ | spark_files,
        check=True,
        capture_output=True,
        text=True,
    )
    found = pickle.loads(rows_file.read_bytes())
    assert not _different(found, {table: query(sample, statement) for table, statement in statements.items()})


def test_summary_reads_duckdb(duckdb_file, run_program):
    said = run_program({"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": duckdb_file}, "retail", "summary").stdout
    assert "in = clean + rejected in every table, in rows and in money" in said


def test_summary_reads_spark(spark_files, run_program):
    said = run_program(spark_files, "retail", "summary").stdout
    assert "in = clean + rejected in every table, in rows and in money" in said


def test_an_unknown_engine_is_refused(run_program):
    result = run_program({"RETAIL_TARGET": "oracle"}, "retail", "summary", check=False)
    assert result.returncode != 0
    assert "use postgres, duckdb or spark" in result.stderr


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
