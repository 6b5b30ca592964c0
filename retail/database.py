"""Where the database is, and how the commands reach it."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import PROJECT_DIR
from retail.errors import OtherEngine, RetailError

if TYPE_CHECKING:
    import duckdb

TARGETS = ("postgres", "duckdb", "spark")
DATA_DIR = PROJECT_DIR / ".postgres"


@dataclass(frozen=True)
class ConnectionParameters:
    """Where the database is: the same variables and defaults as in profiles.yml."""

    host: str
    port: int
    user: str
    password: str
    dbname: str

    def as_environment(self) -> dict[str, str]:
        """Return the variables that libpq, dbt and the `retail` commands read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.dbname,
        }


def connection_parameters() -> ConnectionParameters:
    """Return where to connect: what PGHOST and its companions say, else the embedded server of this folder.

    Raises:
        RetailError: PGPORT is no port.
    """
    port = os.environ.get("PGPORT", "5432")
    if not (port.isdecimal() and 0 < int(port) < 65536):
        raise RetailError(f"PGPORT is {port!r}: it must be a port number, such as 5432")
    return ConnectionParameters(
        host=os.environ.get("PGHOST", str(DATA_DIR)),
        port=int(port),
        user=os.environ.get("PGUSER", "postgres"),
        password=os.environ.get("PGPASSWORD", ""),
        dbname=os.environ.get("PGDATABASE", "postgres"),
    )


def marts_schema() -> str:
    """Return the schema of the marts; staging, seeds, history and landing stand beside it, under its name."""
    return os.environ.get("RETAIL_SCHEMA", "retail")


def target() -> str:
    """Return the engine in use, as profiles.yml names it: postgres, or what RETAIL_TARGET says.

    Raises:
        RetailError: RETAIL_TARGET names no engine.
    """
    name = os.environ.get("RETAIL_TARGET", "postgres")
    if name not in TARGETS:
        raise RetailError(f"RETAIL_TARGET is {name!r}: use {', '.join(TARGETS[:-1])} or {TARGETS[-1]}")
    return name


def check_target(command: str, engines: Collection[str], advice: str) -> str:
    """Return the engine in use, for a command that not every engine has.

    Args:
        command: What the user called.
        engines: Those that have it.
        advice: What to do with another one.

    Raises:
        OtherEngine: It is another one.
    """
    name = target()
    if name not in engines:
        raise OtherEngine(f"{command} is for {' and '.join(engines)}, and RETAIL_TARGET is {name}: {advice}")
    return name


def duckdb_file() -> Path:
    """Return where DuckDB keeps the tables: what RETAIL_DUCKDB says, else warehouse.duckdb in this folder."""
    return Path(os.environ.get("RETAIL_DUCKDB", PROJECT_DIR / "warehouse.duckdb"))


def connect_duckdb(*, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open DuckDB's file, to be read or to be written to as well.

    Raises:
        RetailError: There is none to be read, or another program holds it.
    """
    import duckdb  # the other commands do without

    try:
        return duckdb.connect(duckdb_file(), read_only=read_only)
    except duckdb.Error as error:
        raise RetailError(f"{duckdb_file()} can't be opened: {one_line(str(error))}") from error


class SparkConnection:
    """What dbt's Spark adapter connects to: a session in this process, or the Thrift server at SPARK_HOST."""

    def __init__(self) -> None:
        """Connect as the profile says.

        Raises:
            RetailError: Spark is not installed, or the server does not answer.
        """
        try:
            from dbt.adapters.spark.session import Connection as Session
            from pyhive import hive
        except ImportError as error:
            raise RetailError("Spark is not installed: type `make build TARGET=spark`") from error
        from dbt.config.runtime import load_profile
        from dbt.flags import set_from_args
        from dbt_common.context import set_invocation_context

        set_invocation_context(os.environ)
        set_from_args(Namespace(PROFILES_DIR=str(PROJECT_DIR)), None)
        credentials = load_profile(str(PROJECT_DIR), {}, target_override="spark").credentials
        if credentials.method == "session":
            self._connection = Session(server_side_parameters=credentials.server_side_parameters)
            return
        try:
            self._connection = hive.connect(
                credentials.host,
                credentials.port,
                credentials.user,
                configuration=credentials.server_side_parameters,
            )
        except Exception as error:  # Thrift's, Hive's and the socket's own have nothing in common
            where = f"{credentials.host}:{credentials.port}"
            raise RetailError(f"no Thrift server at {where}: {one_line(str(error))}") from error

    def fetch(self, statement: str) -> list[tuple]:
        """Return the rows of one statement.

        Raises:
            RetailError: Spark refuses it.
        """
        with self._refusals():
            cursor = self._connection.cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, statement: str) -> None:
        """Run a statement that has no rows to return.

        Raises:
            RetailError: Spark refuses it.
        """
        with self._refusals():
            self._connection.cursor().execute(statement)

    @staticmethod
    @contextmanager
    def _refusals() -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each way to connect has its own
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                raise RetailError("nothing is built yet: run `make build`") from error
            raise RetailError(f"Spark refused: {one_line(str(error))[:300]}") from error

    def close(self) -> None:
        """Let the server go; a session ends with the process."""
        if hasattr(self._connection, "close"):
            self._connection.close()


def is_embedded() -> bool:
    """Tell whether the embedded server is the one in use: it is where PGHOST is not set."""
    return "PGHOST" not in os.environ


def connect() -> Connection:
    """Open a connection to the database in use.

    Raises:
        RetailError: There is no server, or it does not let this user in.
    """
    parameters = connection_parameters()
    try:
        return psycopg2.connect(**asdict(parameters), connect_timeout=10)
    except psycopg2.OperationalError as error:
        if is_embedded() and running_pid() is None:
            raise RetailError("the embedded PostgreSQL is not running: type `make up`") from error
        raise RetailError(f"no connection to PostgreSQL: {one_line(str(error))}") from error


def running_pid() -> int | None:
    """Return the process of the embedded server, or None where it does not run."""
    try:
        pid = int((DATA_DIR / "postmaster.pid").read_text().splitlines()[0])
        return pid if "postgres" in psutil.Process(pid).name() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def one_line(text: str) -> str:
    """Return the text with its line breaks and runs of blanks as single blanks."""
    return " ".join(text.split())


def first_line(error: psycopg2.Error) -> str:
    """Return what the database said, in one line."""
    message = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
    context = (error.diag.context or "").splitlines()
    return f"{message} ({context[0]})" if context else message
