"""`retail history purge` on the engines without a server."""

from __future__ import annotations

import duckdb
import pytest
from click.testing import CliRunner

from retail.quarantine.history import history, what_stays

ROWS = "select status, cast(resolved_at as varchar)[:10] from retail_history.quarantine_history order by all"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_TARGET", "duckdb")
    monkeypatch.setenv("RETAIL_DUCKDB", str(tmp_path / "warehouse.duckdb"))
    monkeypatch.delenv("RETAIL_SCHEMA", raising=False)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema retail_history")
        connection.execute(
            """
            create table retail_history.quarantine_history as
            select * from (values
                ('open', null), ('resolved', timestamptz '2025-05-31 23:59:59+00'),
                ('resolved', timestamptz '2025-06-01 00:00:00+00')
            ) as records (status, resolved_at)
            """
        )
    return tmp_path / "warehouse.duckdb"


def purged(*arguments: str):
    return CliRunner().invoke(history, ["purge", "--resolved-before", *arguments])


def rows(file):
    with duckdb.connect(file) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(ROWS).fetchall()


def test_duckdb_deletes_what_was_resolved_before_the_day(file):
    assert "1 record resolved before 2025-06-01 would be deleted" in purged("2025-06-01", "--dry-run").output
    assert len(rows(file)) == 3
    result = purged("2025-06-01")
    assert result.exit_code == 0
    assert result.output == (
        "1 record resolved before 2025-06-01 deleted from retail_history.quarantine_history; "
        "1 resolved and 1 open stay\n"
    )
    assert rows(file) == [("open", None), ("resolved", "2025-06-01")]
    with duckdb.connect(file) as connection:
        kept = what_stays(connection)
    assert kept.startswith("retail_history.quarantine_history keeps its 1 open and 1 resolved")
    assert "ledger_history" in kept


def test_without_a_history_nothing_is_purged(file):
    with duckdb.connect(file) as connection:
        connection.execute("drop schema retail_history cascade")
        assert what_stays(connection) == ""
    result = purged("2025-06-01")
    assert result.exit_code == 1
    assert "there is no retail_history.quarantine_history yet" in result.output
    file.unlink()
    assert purged("2025-06-01").output == result.output
    assert not file.exists()


def test_spark_says_that_it_can_not(monkeypatch):
    monkeypatch.setenv("RETAIL_TARGET", "spark")
    result = purged("2025-06-01")
    assert result.exit_code == 2
    assert "retail history purge works on postgres and duckdb" in result.output
