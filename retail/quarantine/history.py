"""`retail history`: what happened to rejected records in earlier builds, and how to forget it."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

import click
import duckdb
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.engines.build_lock import wait_for_build
from retail.engines.connections import AnyConnection, connect_to, fetch
from retail.engines.duckdb import duckdb_file
from retail.engines.postgres import first_line
from retail.engines.spark import SparkConnection
from retail.engines.target import check_target, marts_schema, quoted, target
from retail.errors import RetailError, one_line

_ENGINES = ("postgres", "duckdb")  # Spark's tables take no deletes


@dataclass(frozen=True)
class Records:
    """How many records the history has: open ones, and resolved ones."""

    open: int
    resolved: int


@click.group()
def history() -> None:
    """Delete resolved records from the history of rejects."""


@history.command()
@click.option(
    "--resolved-before",
    "day",
    required=True,
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Records resolved before this day, YYYY-MM-DD in UTC.",
)
@click.option("--dry-run", is_flag=True, help="Print how many records that are, without deleting them.")
def purge(day: datetime, dry_run: bool) -> None:
    """Delete records from quarantine_history that were resolved before a day.

    Open records stay, and a purged record that is rejected again opens as a new one. The counts of dq_trend stay, and
    so do ledger_history, segment_history and campaign_members.
    """
    engine = check_target("retail history purge", _ENGINES, f"write {_shown()} anew there, without these records")
    if engine == "duckdb" and not duckdb_file().exists():  # opening it to write would make it
        raise RetailError(f"there is no {_shown()} yet: the first dbt build makes it")
    with closing(connect_to(engine, read_only=False)) as connection:
        deleted, left = purge_history(connection, day.replace(tzinfo=timezone.utc), dry_run=dry_run)
    would_be = "would be " if dry_run else ""
    click.echo(
        f"{_counted(deleted)} resolved before {day:%Y-%m-%d} {would_be}deleted from {_shown()}; "
        f"{left.resolved:,} resolved and {left.open:,} open {'would stay' if dry_run else 'stay'}"
    )


def purge_history(connection: AnyConnection, before: datetime, *, dry_run: bool = False) -> tuple[int, Records]:
    """Delete the records that were resolved before a moment, while no build runs.

    Args:
        connection: An open connection to PostgreSQL or DuckDB, without a transaction under way.
        before: The moment.
        dry_run: Whether to roll back at the end.

    Returns:
        The number of deleted records, and what the history has left.

    Raises:
        RetailError: There is no history yet, a build is running, or the database refused.
    """
    is_old = f"status = 'resolved' and resolved_at < '{before.isoformat()}'"
    statement = f"delete from {_table()} where {is_old}"  # noqa: S608 (our own names, and a time)
    try:
        if isinstance(connection, Connection):
            with connection, connection.cursor() as cursor:
                wait_for_build(cursor)
                cursor.execute(statement)
                deleted, left = cursor.rowcount, records(connection)
                if dry_run:
                    connection.rollback()
            return deleted, left
        assert not isinstance(connection, SparkConnection)  # noqa: S101 (the command refuses it)
        connection.begin()
        ((deleted,),) = connection.execute(statement).fetchall()
        left = records(connection)
        connection.rollback() if dry_run else connection.commit()
        return deleted, left
    except (psycopg2.errors.UndefinedTable, duckdb.CatalogException) as error:
        raise RetailError(f"there is no {_shown()} yet: the first dbt build makes it") from error
    except psycopg2.Error as error:
        raise RetailError(f"the database refused, nothing was deleted: {first_line(error)}") from error
    except duckdb.Error as error:
        raise RetailError(f"the database refused, nothing was deleted: {one_line(str(error))}") from error


def records(connection: AnyConnection) -> Records:
    """Count the records of the history; the database's own error says that there is none."""
    query = f"select status, count(*) from {_table()} group by status"  # noqa: S608 (our own names)
    counts: Counter[str] = Counter(dict(fetch(connection, query)))
    return Records(counts["open"], counts["resolved"])


def what_stays(connection: AnyConnection) -> str:
    """Return in a line what the history keeps when all loaded rows are deleted; blank if there is none."""
    try:
        kept = records(connection)
    except (psycopg2.errors.UndefinedTable, duckdb.CatalogException, RetailError):
        return ""
    advice = "; retail history purge deletes resolved ones" if target() in _ENGINES else ""
    return (
        f"{_shown()} keeps its {kept.open:,} open and {kept.resolved:,} resolved records{advice}. "
        "What was published stays too, whatever is loaded next: ledger_history, segment_history, campaign_members"
    )


def _table() -> str:
    mark = "`" if target() == "spark" else '"'
    return f"{quoted(f'{marts_schema()}_history', mark)}.quarantine_history"


def _shown() -> str:
    return f"{marts_schema()}_history.quarantine_history"


def _counted(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
