"""DuckDB: where its file is, and how to open it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from retail.contract import PROJECT_DIR
from retail.engines.environment import variable
from retail.errors import RetailError, one_line


def duckdb_file() -> Path:
    """Return DuckDB's file: RETAIL_DUCKDB, by default warehouse.duckdb in this folder."""
    return Path(variable("RETAIL_DUCKDB", str(PROJECT_DIR / "warehouse.duckdb")))


def connect_duckdb(*, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open DuckDB's file.

    Raises:
        RetailError: The file does not exist, or another program has it open.
    """
    try:
        return duckdb.connect(duckdb_file(), read_only=read_only)
    except duckdb.Error as error:
        raise RetailError(f"{duckdb_file()} (RETAIL_DUCKDB) can't be opened: {one_line(str(error))}") from error
