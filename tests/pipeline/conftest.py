"""A real PostgreSQL for every test that asks: databases of its own, dbt and `retail` run as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg2
import pytest

from retail.contract import PROJECT_DIR
from retail.engines.postgres import connection_parameters
from retail.errors import RetailError
from support import programs
from support.databases import Database, Databases, drop_all
from support.programs import PROGRAMS
from support.replay import connected

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LANDING = "raw_layer: landing"
LONGEST_FIRST = (
    *("cluster", "engines", "dbt_commands", "recipes", "steward", "deliveries", "manual_changes", "documents"),
    *("properties", "interleavings", "sample", "docs"),
)
WHAT_DBT_PARSES_FOR = ("PGDATABASE", "RETAIL_", "SPARK_")
# Spark's processes end before their code is worth the JVM's second compiler: without it they take half the time. But
# then the JVM keeps 48 MB for compiled code, and a build of dirty deliveries fills them: 240 is what it keeps for both
# compilers
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m")


@pytest.fixture(scope="session")
def server() -> Database:
    """The server in use (PGHOST's, else the embedded one, started if need be) as the variables that name it."""
    subprocess.run([PROGRAMS / "retail", "up"], check=True, cwd=PROJECT_DIR, capture_output=True, text=True)
    return connection_parameters().as_environment()


@pytest.fixture(scope="session")
def databases(server, worker_id) -> Databases:
    """The databases of this worker; the last to end drops all."""
    return Databases(server, worker_id)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one."""
    files = [f"test_{name}" for name in LONGEST_FIRST]
    items.sort(key=lambda item: files.index(item.path.stem) if item.path.stem in files else len(files))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # not a worker, but who started them
        with suppress(RetailError, psycopg2.Error):  # where no test needed a server, there may be none
            drop_all()


@pytest.fixture(scope="module")
def new_database(databases) -> Iterator[Callable[..., Database]]:
    """Make an empty database, or a copy of a template, for the tests of a module."""
    taken: list[Database] = []

    def make(template: str | None = None) -> Database:
        taken.append(databases.take(template))
        return taken[-1]

    yield make
    for database in taken:
        databases.give_back(database)


@pytest.fixture
def fresh_database(databases) -> Iterator[Database]:
    """An empty database of the test's own, as the variables that name it."""
    database = databases.take()
    yield database
    databases.give_back(database)


@pytest.fixture(scope="session")
def landing(databases, run_program) -> str:
    """The template of a database for files: the reference seeds are there, and nothing else."""
    return databases.template("landing", lambda database: run_program(database, "dbt", "seed", "--vars", LANDING))


@pytest.fixture
def landing_database(databases, landing) -> Iterator[Database]:
    """The same as a database of the test's own."""
    database = databases.take(landing)
    yield database
    databases.give_back(database)


@pytest.fixture(scope="session")
def query() -> Callable[..., list[tuple]]:
    """Run one statement in a database and return its rows."""

    def run(database: dict[str, str], statement: str, arguments: list | None = None) -> list[tuple]:
        with (
            closing(connected(database)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture(scope="session")
def dbt_files(tmp_path_factory) -> Callable[..., dict[str, str]]:
    """A temporary folder for dbt's own files, as the variables that name it.

    One for each database, engine and set of vars: dbt parses all files anew when it finds there what another one left.
    """
    scratch = tmp_path_factory.mktemp("dbt")

    def files(database: Database, *arguments: str) -> dict[str, str]:
        parsed_for = [f"{name}={database[name]}" for name in sorted(database) if name.startswith(WHAT_DBT_PARSES_FOR)]
        if "--vars" in arguments:
            parsed_for.append(arguments[arguments.index("--vars") + 1])
        folder = scratch / hashlib.sha256("\n".join(parsed_for).encode()).hexdigest()[:12]
        files = {"DBT_TARGET_PATH": str(folder), "DBT_LOG_PATH": str(folder / "logs")}
        # only who asks for a manifest reads one
        return files if "--target-path" in arguments else files | {"DBT_WRITE_JSON": "false"}

    return files


@pytest.fixture(scope="session")
def run_program(dbt_files) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `dbt` or `retail` in the project folder and on a database."""

    def run(
        database: Database, program: str, *arguments: str, check: bool = True, cwd: Path = PROJECT_DIR
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | dbt_files(database, *arguments) | database
        result = programs.run(program, *arguments, environment=environment, folder=cwd)
        assert not check or result.returncode == 0, f"{program} {' '.join(arguments)}\n{result.stdout}{result.stderr}"
        return result

    return run


@pytest.fixture(scope="session")
def start_program(dbt_files, tmp_path_factory) -> Callable[..., BaseProcess]:
    """Start what `run_program` runs, and do not wait for it."""

    def start(database: Database, program: str, *arguments: str) -> BaseProcess:
        environment = os.environ | dbt_files(database, *arguments) | database
        output = tmp_path_factory.mktemp("output")
        return programs.start(program, *arguments, environment=environment, folder=PROJECT_DIR, output=output)

    return start


@pytest.fixture(scope="session")
def sample_template(databases, run_program) -> str:
    """The sample data, seeded, built and tested by dbt once for all workers."""

    def fill(database: Database) -> None:
        run_program(database, "dbt", "seed")
        run_program(database, "dbt", "build")

    return databases.template("sample", fill)


@pytest.fixture(scope="session")
def sample(databases, sample_template) -> Database:
    """The sample; the tests only read it."""
    return databases.take(sample_template)


@pytest.fixture
def sample_copy(databases, sample_template) -> Iterator[Database]:
    """The sample, to be changed."""
    database = databases.take(sample_template)
    yield database
    databases.give_back(database)


@pytest.fixture(scope="session")
def manifest(server, run_program, tmp_path_factory) -> dict:
    """What dbt reads of the project, with the defaults of its vars."""
    folder = tmp_path_factory.mktemp("parsed")
    run_program(server, "dbt", "parse", "--no-partial-parse", "--target-path", str(folder))
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """The machine's own Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: `make test-all` does it"
    )
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=as_root)
        yield chromium
        chromium.close()
