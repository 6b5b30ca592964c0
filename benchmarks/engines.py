"""The engines that build the same tables: a new database on each, and its results."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import duckdb

from benchmarks.sides import Database, new_database
from retail.contract import PROJECT_DIR
from retail.engines.environment import TARGETS

POSTGRES, DUCKDB, SPARK = TARGETS
_FETCH = """
import json, sys
from retail.engines.spark import SparkConnection
print(json.dumps(SparkConnection().fetch(sys.stdin.read()), default=str))
"""


class _EngineDatabase(Database):
    """An empty database of an engine without a server."""

    def has(self, table: str) -> bool:
        """Tell whether the table exists: dbt has built all of them."""
        return True


class DuckdbDatabase(_EngineDatabase):
    """A DuckDB file."""

    def execute(self, statement: str) -> list[tuple]:
        """Run one statement that reads."""
        with duckdb.connect(self.environment["RETAIL_DUCKDB"], read_only=True) as connection:
            return connection.execute(statement).fetchall()


class SparkDatabase(_EngineDatabase):
    """A Spark warehouse; each statement gets its own process, because a process can have only one session."""

    def execute(self, statement: str) -> list[tuple]:
        """Run one statement that reads."""
        found = subprocess.run(
            [sys.executable, "-c", _FETCH],
            input=statement,
            env=os.environ | self.environment,
            cwd=PROJECT_DIR,
            check=True,
            capture_output=True,
            text=True,
        )
        return [tuple(row) for row in json.loads(found.stdout.splitlines()[-1])]


def engines_here() -> list[str]:
    """Return the engines that can be measured here; Spark only if it is installed and finds a Java."""
    has_spark = find_spec("pyspark") is not None and shutil.which("java") is not None
    return [POSTGRES, DUCKDB, *([SPARK] if has_spark else [])]


@contextmanager
def engine_database(engine: str, scratch: Path) -> Iterator[Database]:
    """Create a database on an engine; delete it at the end.

    Args:
        engine: One of TARGETS.
        scratch: Folder for dbt's own files and for the tables of DuckDB and Spark.
    """
    files = scratch / engine  # dbt parses the project again for another engine
    if engine == POSTGRES:
        with new_database(files) as database:
            yield database
        return
    with tempfile.TemporaryDirectory(dir=scratch, prefix=f"{engine}_") as name:
        environment = {
            "RETAIL_TARGET": engine,
            "RETAIL_SCHEMA": "retail",
            "RETAIL_DUCKDB": str(Path(name) / "warehouse.duckdb"),
            "RETAIL_SPARK": name,
            "DBT_TARGET_PATH": str(files / "target"),
            "DBT_LOG_PATH": str(files / "logs"),
        }
        yield (DuckdbDatabase if engine == DUCKDB else SparkDatabase)(environment)
