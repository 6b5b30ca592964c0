"""The embedded PostgreSQL: `retail up`, `down` and `psql`."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from retail.engines import embedded
from retail.engines.postgres import DATA_DIR, connect, connection_parameters, is_embedded
from retail.engines.target import check_target, marts_schema

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
    """Start the embedded PostgreSQL, or check the one of PGHOST."""
    if not is_embedded():
        with connect() as connection:
            version = connection.get_parameter_status("server_version")
        click.echo(f"PGHOST is set: using PostgreSQL {version} at {connection_parameters().host}, nothing to start")
        return
    parameters = connection_parameters()
    lines = [f"{name} = {value}  # {why}\n" for name, value, why in settings(parameters.port, this_machine())]
    embedded.start("".join(lines))
    with connect() as connection:
        version = connection.get_parameter_status("server_version")
    click.echo(f"PostgreSQL {version} is up, its data and socket are in {DATA_DIR}")


@click.command()
def down() -> None:
    """Stop the embedded PostgreSQL and keep its data."""
    if not is_embedded():
        click.echo("PGHOST is set: stop that server yourself")
    elif embedded.stop():
        click.echo("the embedded PostgreSQL is stopped; its data are in .postgres/")
    else:
        click.echo("the embedded PostgreSQL is not running")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS go to psql.

    PGOPTIONS, if set, replaces the search path of the marts.
    """
    check_target("retail psql", ["postgres"], "open its tables in that engine's own shell")
    connect().close()
    parameters = connection_parameters()
    search_path = f"-c search_path={marts_schema()},public"
    os.environ.update(parameters.as_environment() | {"PGOPTIONS": os.environ.get("PGOPTIONS", search_path)})
    program = shutil.which("psql") or str(embedded.programs() / "psql")
    os.execv(program, [program, *arguments])  # noqa: S606 (psql takes over, with the user's own arguments)


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
        ("listen_addresses", "''", "no network listener"),
        ("unix_socket_directories", "'.'", "the data folder, which is closed to others"),
        ("port", str(port), "part of the socket's name"),
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
        ("jit", "off", "compiling costs more than these queries gain"),
    ]
