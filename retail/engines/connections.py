"""A connection to the engine in use; `postgres`, `duckdb` and `spark` say how each is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from retail.engines.postgres import Connection, connect

if TYPE_CHECKING:
    import duckdb

    from retail.engines.spark import SparkConnection

    AnyConnection: TypeAlias = Connection | duckdb.DuckDBPyConnection | SparkConnection


def connect_to(engine: str, *, read_only: bool) -> AnyConnection:
    """Open a connection to an engine; each import waits for its engine, because DuckDB's takes a sixth of a second.

    Args:
        engine: One of TARGETS.
        read_only: Whether DuckDB's file, which one program at a time can write to, is only read.

    Raises:
        RetailError: There is no database, or it refuses.
    """
    if engine == "duckdb":
        from retail.engines.duckdb import connect_duckdb

        return connect_duckdb(read_only=read_only)
    if engine == "spark":
        from retail.engines.spark import SparkConnection

        return SparkConnection()
    return connect()
