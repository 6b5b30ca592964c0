"""DuckDB: where its file is, and how to open it."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from retail.contract import PROJECT_DIR
from retail.errors import RetailError, one_line


def duckdb_file() -> Path:
    """Return DuckDB's file: RETAIL_DUCKDB, by default warehouse.duckdb in this folder."""
    return Path(os.environ.get("RETAIL_DUCKDB", PROJECT_DIR / "warehouse.duckdb"))


def connect_duckdb(*, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open DuckDB's file.

    Raises:
        RetailError: The file does not exist, or another program has it open.
    """
    try:
        return duckdb.connect(duckdb_file(), read_only=read_only)
    except duckdb.Error as error:
        raise RetailError(f"{duckdb_file()} can't be opened: {one_line(str(error))}") from error
