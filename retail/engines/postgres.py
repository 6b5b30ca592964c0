"""PostgreSQL: where the server is, and how to connect to it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import PROJECT_DIR
from retail.errors import RetailError, one_line

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
    """Return where to connect: PGHOST and its companions, by default the embedded server of this folder.

    Raises:
        RetailError: PGPORT is not a port number.
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


def is_embedded() -> bool:
    """Tell whether the embedded server is in use: it is unless PGHOST is set."""
    return "PGHOST" not in os.environ


def connect() -> Connection:
    """Open a connection to the database in use.

    Raises:
        RetailError: No server answers, or it rejects the user.
    """
    parameters = connection_parameters()
    try:
        connection: Connection = psycopg2.connect(**asdict(parameters), connect_timeout=10)
    except psycopg2.OperationalError as error:
        if is_embedded() and running_pid() is None:
            raise RetailError("the embedded PostgreSQL is not running: type `make up`") from error
        raise RetailError(f"no connection to PostgreSQL: {one_line(str(error))}") from error
    return connection


def running_pid() -> int | None:
    """Return the process id of the embedded server, or None if it does not run."""
    try:
        pid = int((DATA_DIR / "postmaster.pid").read_text().splitlines()[0])
        return pid if "postgres" in psutil.Process(pid).name() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def first_line(error: psycopg2.Error) -> str:
    """Return the message of the database, in one line."""
    message = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
    context = (error.diag.context or "").splitlines()
    return f"{message} ({context[0]})" if context else message
