"""One way to connect to the engine in use and to query it, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, Union

from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.engines.postgres import connect
from retail.engines.spark import SparkConnection
from retail.engines.target import marts_schema

if TYPE_CHECKING:
    import duckdb

AnyConnection: TypeAlias = Union[Connection, "duckdb.DuckDBPyConnection", SparkConnection]
Row: TypeAlias = tuple[Any, ...]


def connect_to(engine: str, *, read_only: bool) -> AnyConnection:
    """Open a connection to an engine.

    Args:
        engine: One of TARGETS.
        read_only: Whether DuckDB's file is only read; one program at a time can write to it.

    Raises:
        RetailError: The database does not exist, does not answer, or rejects the user; or a variable has a wrong value.
    """
    marts_schema()  # before anything is written
    if engine == "duckdb":
        from retail.engines.duckdb import connect_duckdb  # its import takes a sixth of a second

        return connect_duckdb(read_only=read_only)
    if engine == "spark":
        return SparkConnection()
    return connect()


def fetch(connection: AnyConnection, statement: str) -> list[Row]:
    """Return the rows of a query.

    Raises:
        RetailError: Spark refuses the statement; the other engines raise their own errors.
    """
    if isinstance(connection, SparkConnection):
        return connection.fetch(statement)
    if isinstance(connection, Connection):
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    return connection.execute(statement).fetchall()
