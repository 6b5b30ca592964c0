"""A real PostgreSQL for every test that asks: databases of its own, dbt and `retail` run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from replay import connected

from retail.contract import PROJECT_DIR
from retail.engines.postgres import connect, connection_parameters

PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="session")
def server() -> dict[str, str]:
    """The server in use (PGHOST's, else the embedded one, started if need be) as the variables that name it."""
    subprocess.run([PROGRAMS / "retail", "up"], check=True, cwd=PROJECT_DIR, capture_output=True, text=True)
    return connection_parameters().as_environment()


@pytest.fixture(scope="session")
def new_database(server) -> Iterator[Callable[[], dict[str, str]]]:
    """Make an empty database; all of them are dropped at the end."""
    names: list[str] = []

    def make() -> dict[str, str]:
        names.append(f"retail_test_{uuid.uuid4().hex[:12]}")
        _administer(f'create database "{names[-1]}" template template0')
        return server | {"PGDATABASE": names[-1]}

    yield make
    for name in names:
        _administer(f'drop database if exists "{name}" with (force)')


def _administer(statement: str) -> None:
    with closing(connect()) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


@pytest.fixture
def fresh_database(new_database) -> dict[str, str]:
    """An empty database of the test's own, as the variables that name it."""
    return new_database()


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
def dbt_files(tmp_path_factory) -> dict[str, str]:
    """A temporary folder for dbt's own files, as the variables that name it."""
    scratch = tmp_path_factory.mktemp("dbt")
    return {"DBT_TARGET_PATH": str(scratch / "target"), "DBT_LOG_PATH": str(scratch / "logs")}


@pytest.fixture(scope="session")
def run_program(dbt_files) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `dbt` or `retail` in the project folder and on a database."""

    def run(
        database: dict[str, str], program: str, *arguments: str, check: bool = True, cwd: Path = PROJECT_DIR
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=cwd,
            env=os.environ | dbt_files | database,
            capture_output=True,
            text=True,
        )
        assert not check or result.returncode == 0, f"{program} {' '.join(arguments)}\n{result.stdout}{result.stderr}"
        return result

    return run


@pytest.fixture(scope="session")
def start_program(dbt_files) -> Callable[..., subprocess.Popen]:
    """Start what `run_program` runs, and do not wait for it."""

    def start(database: dict[str, str], program: str, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [PROGRAMS / program, *arguments],
            cwd=PROJECT_DIR,
            env=os.environ | dbt_files | database,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return start


@pytest.fixture(scope="session")
def sample(new_database, run_program) -> dict[str, str]:
    """The sample data, seeded, built and tested by dbt once; the tests only read it."""
    database = new_database()
    run_program(database, "dbt", "seed")
    run_program(database, "dbt", "build")
    return database


@pytest.fixture(scope="session")
def manifest(server, run_program, tmp_path_factory) -> dict:
    """What dbt reads of the project, with the defaults of its vars."""
    folder = tmp_path_factory.mktemp("parsed")
    run_program(server, "dbt", "parse", "--no-partial-parse", "--target-path", str(folder))
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
