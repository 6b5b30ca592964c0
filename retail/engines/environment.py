"""The environment variables of the connection, checked before anything is done with them.

dbt reads the same ones through profiles.yml, and macros/settings/environment.sql says the same of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePath

from retail.errors import RetailError, one_line

TARGETS = ("postgres", "duckdb", "spark")


def _is_between(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch("[0-9]{1,5}", value)) and low <= int(value) <= high


def _is_schema(value: str) -> bool:
    """PostgreSQL cuts a name at 63 bytes, our longest suffix has 8, and dbt takes capitals for another name."""
    return len(value) <= 55 and bool(re.fullmatch("(?!pg_|information_schema$)[a-z_][a-z0-9_-]*", value))


def _is_duckdb_file(value: str) -> bool:
    """DuckDB names the database after the file, so that `retail.stores` would be ambiguous in retail.duckdb."""
    name = PurePath(value).name.split(".")[0]
    return bool(name) and ":" not in value and name.lower() != os.environ.get("RETAIL_SCHEMA", "retail")


_SCHEMA = "at most 55 lower-case letters, digits, _ and -, no digit first, and no schema of the database itself"

# variable: whether a value is allowed, and what is allowed in words; of any other, all but nothing
_ALLOWED: dict[str, tuple[Callable[[str], bool], str]] = {
    "RETAIL_TARGET": (TARGETS.__contains__, "postgres, duckdb or spark"),
    "RETAIL_SCHEMA": (_is_schema, _SCHEMA),
    "RETAIL_DUCKDB": (_is_duckdb_file, "a file whose name without its ending is not the name of the schema"),
    "PGPORT": (_is_between(1, 65535), "a port number from 1 to 65535"),
    "SPARK_PORT": (_is_between(1, 65535), "a port number from 1 to 65535"),
    "SPARK_SHUFFLE_PARTITIONS": (_is_between(1, 99999), "a whole number from 1 to 99999"),
}


def variable(name: str, default: str) -> str:
    """Return an environment variable.

    Raises:
        RetailError: Its value can't work.
    """
    value = os.environ.get(name, default)
    is_allowed, allowed = _ALLOWED.get(name, (bool, "a name, or unset it"))
    if not is_allowed(value):
        raise RetailError(f"{name} is '{one_line(value)}': use {allowed}")
    return value
