"""PostgreSQL: where the server is, and how to connect to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import PROJECT_DIR
from retail.engines.environment import variable
from retail.errors import RetailError, one_line

DATA_DIR = PROJECT_DIR / ".postgres"
LOCK_FILE = DATA_DIR / "retail.lock"
PID_FILE = DATA_DIR / "postmaster.pid"
_OLDEST_VERSION = 16  # as macros/adapters/tables/server_version.sql says
_LONGEST_SOCKET_FOLDER = (
    88  # bytes: macOS allows a socket's path 103, and its name takes up to 15, such as /.s.PGSQL.65432
)


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
    """Return where to connect: PGHOST and its companions, by default the embedded server of this folder."""
    return ConnectionParameters(
        host=variable("PGHOST", socket_folder()),
        port=int(variable("PGPORT", "5432")),
        user=variable("PGUSER", "postgres"),
        password=os.environ.get("PGPASSWORD", ""),
        dbname=variable("PGDATABASE", "postgres"),
    )


def socket_folder() -> str:
    """Return the folder in which libpq finds the embedded server's socket; profiles.yml has the same rule.

    It is the data folder, or a short link to it: libpq splits a path at commas, and the path of a socket has a limit.
    """
    folder = str(DATA_DIR)
    if "," in folder or len(os.fsencode(folder)) > _LONGEST_SOCKET_FOLDER:
        return "/tmp/retail-" + hashlib.md5(folder.encode(), usedforsecurity=False).hexdigest()  # noqa: S108 (`up` checks it)
    return folder


def is_embedded() -> bool:
    """Tell whether the embedded server is in use: it is unless PGHOST is set."""
    return "PGHOST" not in os.environ


def connect() -> Connection:
    """Open a connection to the database in use.

    Raises:
        RetailError: No server answers, it rejects the user, or it is too old.
    """
    parameters = connection_parameters()
    try:
        connection: Connection = psycopg2.connect(**asdict(parameters), connect_timeout=10)
    except psycopg2.OperationalError as error:
        if is_embedded() and running_pid() is None:
            raise RetailError("the embedded PostgreSQL is not running: type `make up`") from error
        variables = "PGPORT, PGUSER and PGDATABASE" if is_embedded() else ", ".join(parameters.as_environment())
        raise RetailError(f"no connection to PostgreSQL: {one_line(str(error))} (check {variables})") from error
    if (found := connection.server_version // 10000) < _OLDEST_VERSION:
        connection.close()
        raise RetailError(
            f"PostgreSQL {_OLDEST_VERSION} or later is needed, and this server is PostgreSQL {found}: "
            "set PGHOST to a newer one, or unset it to use the embedded one (make up). Nothing was written."
        )
    return connection


def running_pid() -> int | None:
    """Return the process id of the embedded server, or None if it does not run.

    The processes of a server hold a lock on the lock file until they end. A postmaster.pid that a killed server left,
    or that was copied with the folder, is ignored because nobody holds the lock.
    """
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        number, folder, *_ = PID_FILE.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        # a server that an earlier version started holds no lock
        if _is_locked() if LOCK_FILE.exists() else folder == str(DATA_DIR):
            process = psutil.Process(int(number))
            ended = process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE
            return None if ended else process.pid
    return None


def _is_locked() -> bool:
    with LOCK_FILE.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def first_line(error: psycopg2.Error) -> str:
    """Return the message of the database, in one line."""
    message = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
    context = (error.diag.context or "").splitlines()
    return f"{message} ({context[0]})" if context else message
