"""The sides, each in a database of its own, and the facts they must agree on."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.data import CUTOFF
from benchmarks.measure import Cost, measured
from retail.contract import PROJECT_DIR, required_tables
from retail.engines.postgres import connect, connection_parameters

PROGRAMS = Path(sys.executable).parent
HERE = Path(__file__).resolve().parent
REFERENCE = PROJECT_DIR / "seeds" / "reference"
LOAD = ("load", "--start-over")  # arguments of `retail` that load a folder and forget earlier loads
LOAD_MORE = ("load",)  # those that add a day
BUILD = (
    *("--quiet", "build", "--exclude-resource-type", "test", "unit_test"),
    *("--vars", f'{{raw_layer: landing, data_cutoff_date: "{CUTOFF}"}}'),
)

OURS, FLOOR, PANDAS, PANDAS_COPY = "ours", "floor", "pandas", "pandas with COPY"
Costs = dict[str, Cost]
Facts = dict[str, Any]


@dataclass(frozen=True)
class Database:
    """An empty database for the benchmark, and the variables that name it for libpq and dbt."""

    environment: dict[str, str]

    def has(self, table: str) -> bool:
        """Tell whether the table exists."""
        return self.execute(f"select to_regclass('{table}') is not null") == [(True,)]

    def execute(self, statement: str) -> list[tuple]:
        """Run one statement, outside of a transaction, and return its rows."""
        with closing(psycopg2.connect(**_keywords(self.environment))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []


def _keywords(environment: dict[str, str]) -> dict[str, str]:
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    return {keyword: environment[name] for name, keyword in names.items()}


@contextmanager
def new_database(scratch: Path) -> Iterator[Database]:
    """Create a database on a freshly checkpointed server; drop it at the end.

    Args:
        scratch: Folder for dbt's own files; one for all, so that the project is parsed only once.
    """
    name = f"retail_bench_{uuid.uuid4().hex[:12]}"
    _administer(f'create database "{name}" template template0')
    try:
        _administer("checkpoint")
        yield Database(
            connection_parameters().as_environment()
            | {"PGDATABASE": name, "RETAIL_SCHEMA": "retail", "RETAIL_TARGET": "postgres"}
            | {"DBT_TARGET_PATH": str(scratch / "target"), "DBT_LOG_PATH": str(scratch / "logs")}
        )
    finally:
        _administer(f'drop database if exists "{name}" with (force)')


def _administer(statement: str) -> None:
    with closing(connect()) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


def load(database: Database, folder: Path, arguments: tuple[str, ...] = LOAD) -> Cost:
    """Load a folder into the landing schema with `retail load`."""
    return measured([PROGRAMS / "retail", *arguments, folder], database.environment)


def build(database: Database, *options: str) -> Cost:
    """Run `dbt build` on the landing schema, without tests."""
    return measured([PROGRAMS / "dbt", *BUILD, *options], database.environment)


def parse(database: Database) -> None:
    """Let dbt parse the project, which happens only after a change of the project."""
    measured([PROGRAMS / "dbt", "--quiet", "parse", *BUILD[-2:]], database.environment)


def run_ours(database: Database, folder: Path) -> Costs:
    """Load a sample and build everything; then build again with nothing new."""
    return {"load": load(database, folder), "build": build(database), "nothing to do": build(database)}


def run_floor(database: Database, folder: Path) -> Costs:
    """Run the hand-written script."""
    variables = {"data": folder, "reference": REFERENCE, "cutoff": CUTOFF}
    settings = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    script = HERE / "floor.sql"
    return {"script": measured([PROGRAMS / "retail", "psql", "-Xq", *settings, "-f", script], database.environment)}


def run_pandas(database: Database, folder: Path, method: str = "insert") -> Costs:
    """Run the pandas pipeline, with rows written by plain `to_sql` or by COPY."""
    command = [sys.executable, "-m", "benchmarks.pandas_pipeline", folder, "--reference", REFERENCE, "--cutoff", CUTOFF]
    return {"pipeline": measured([*command, "--method", method], database.environment)}


SIDES: dict[str, Callable[[Database, Path], Costs]] = {
    OURS: run_ours,
    FLOOR: run_floor,
    PANDAS: run_pandas,
    PANDAS_COPY: partial(run_pandas, method="copy"),
}
# the steps that make up the work
WHOLE = {OURS: ("load", "build"), FLOOR: ("script",), PANDAS: ("pipeline",), PANDAS_COPY: ("pipeline",)}


def whole(side: str, costs: Costs) -> Cost:
    """Return the cost of all work of a side."""
    first, *others = (costs[step] for step in WHOLE[side])
    return sum(others, start=first)


def facts(database: Database) -> Facts:
    """Return what the sides must agree on: counts and sums of the results."""
    rejected = "retail_staging.rejected_records"
    if not database.has(rejected):
        rejected = "retail.rejected_records"  # pandas knows one schema
    counts = " union all ".join(
        f"select '{table.name}', count(*) from retail.{table.name}"  # noqa: S608 (our own names)
        for table in required_tables()
    )
    rejects = _pairs(database, f"select source_table, count(*) from {rejected} group by 1")  # noqa: S608
    found = [
        ("clean", dict(database.execute(counts))),
        # the other sides know no optional input
        ("rejected", {table.name: rejects[table.name] for table in required_tables() if table.name in rejects}),
        ("segments", _pairs(database, "select segment_id, count(*) from retail.customer_details group by 1")),
        ("points", _number(database, "select sum(total_loyalty_points) from retail.customer_details")),
        ("money", _number(database, "select sum(total_amount) from retail.store_sales_header")),
    ]
    return {
        (f"{name}.{key}" if key else name): value
        for name, values in found
        for key, value in (values.items() if isinstance(values, dict) else [("", values)])
    }


def _pairs(database: Database, statement: str) -> dict[str, int]:
    return dict(database.execute(statement))


def _number(database: Database, statement: str) -> str:
    return str(Decimal(database.execute(statement)[0][0] or 0))


def disagreements(found: dict[str, Facts]) -> list[str]:
    """Return the facts on which the sides differ, in words; an empty list if they agree."""
    names = sorted({name for of_side in found.values() for name in of_side})
    result = []
    for name in names:
        values = {side: of_side.get(name) for side, of_side in found.items()}
        if len(set(values.values())) > 1:
            result.append(f"{name}: " + ", ".join(f"{side} {value}" for side, value in values.items()))
    return result


def server_version() -> str:
    """Return the version of the server in use."""
    with closing(connect()) as connection:
        return connection.get_parameter_status("server_version")


def is_pandas_here() -> bool:
    """Tell whether the packages for pandas are installed."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("pandas", "sqlalchemy", "matplotlib"))


def machine() -> dict[str, Any]:
    """Return the machine: processor, cores, memory in MB and system."""
    import platform

    import psutil

    return {
        "processor": _processor() or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
