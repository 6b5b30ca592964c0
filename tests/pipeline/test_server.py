"""`retail up`, `down` and `psql` in a folder of their own, and servers that will not do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from retail.engines.server import Machine, settings, this_machine
from support.copies import Run, copy_of_the_package, refused, retail_in

pytestmark = pytest.mark.extended

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="retail") as name:  # short: the socket's path has a limit
        yield copy_of_the_package(Path(name))


@pytest.fixture
def retail(folder) -> Iterator[Run]:
    run = retail_in(folder)
    yield run
    run("down")


def test_up_psql_down_each_twice(retail, folder):
    for _ in range(2):
        up = retail("up")
        assert up.returncode == 0, up.stderr
        assert "is up, its data and socket are in" in up.stdout
        assert retail("psql", "-Atc", "select current_user").stdout == "postgres\n"
        assert (folder / ".postgres" / ".s.PGSQL.5432").is_socket()
    retail("psql", "-c", "create table kept as select 42 as answer")

    assert "stopped" in retail("down").stdout
    assert "not running" in retail("down").stdout
    refused(retail("psql", "-c", "select 1"), "not running: type `make up`")

    retail("up")
    assert retail("psql", "-Atc", "select answer from kept").stdout == "42\n"


def test_the_server_outlives_its_starter_and_listens_on_no_network(retail):
    retail("up")
    assert retail("psql", "-Atc", "show listen_addresses").stdout == "\n"
    assert retail("psql", "-Atc", "show search_path").stdout == "retail,public\n"


def test_the_settings_are_its_own(retail):
    retail("up")
    shown = retail("psql", "-Atc", "select count(*) from pg_settings where sourcefile like '%retail.conf'").stdout
    assert int(shown) == len(settings(5432, this_machine()))
    assert retail("psql", "-Atc", "select error from pg_file_settings where error is not null").stdout == ""


def test_reading_a_new_table_writes_no_log(retail):
    """With checksums, which are the server's default, the first reader logs every page of a table."""
    retail("up")
    assert retail("psql", "-Atc", "show data_checksums").stdout == "off\n"
    retail("psql", "-c", "create table many as select generate_series(1, 200000) as number")
    pages = "select count(*) from many; select pg_stat_force_next_flush()"
    retail("psql", "-c", "checkpoint", "-c", "select pg_stat_reset_shared('wal')", "-c", pages)
    assert int(retail("psql", "-Atc", "select wal_fpi from pg_stat_wal").stdout) < 100


def test_a_new_folder_sorts_texts_by_their_bytes(retail):
    """Whatever the user's language: PostgreSQL builds a key of texts in half the time."""
    retail("up")
    assert retail("psql", "-Atc", "select distinct datcollate from pg_database").stdout == "C\n"


def megabytes(values: dict[str, str], name: str) -> int:
    return int(values[name].removesuffix("MB"))


MACHINES = {
    "the smallest container": Machine(cores=1, memory=2048, shared_memory=64),
    "a container": Machine(cores=2, memory=4096, shared_memory=64),
    "a laptop": Machine(cores=8, memory=16384, shared_memory=8192),
    "a server": Machine(cores=64, memory=262144, shared_memory=131072),
}


@pytest.mark.parametrize(
    ("machine", "shared_buffers", "work_mem", "maintenance_work_mem", "workers", "workers_of_one"),
    [
        ("the smallest container", 256, 32, 64, 1, 0),
        ("a container", 512, 64, 128, 2, 1),
        ("a laptop", 1024, 256, 256, 8, 4),
        ("a server", 1024, 256, 256, 64, 4),
    ],
)
def test_the_settings_fit_the_machine(machine, shared_buffers, work_mem, maintenance_work_mem, workers, workers_of_one):
    values = {name: value for name, value, _ in settings(5432, MACHINES[machine])}
    assert megabytes(values, "shared_buffers") == shared_buffers
    assert megabytes(values, "work_mem") == work_mem
    assert megabytes(values, "maintenance_work_mem") == maintenance_work_mem
    assert int(values["max_parallel_workers"]) == workers
    assert int(values["max_worker_processes"]) >= workers
    assert int(values["max_parallel_workers_per_gather"]) == workers_of_one
    assert int(values["max_parallel_maintenance_workers"]) == workers_of_one


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_four_statements_fit_into_the_memory(machine):
    """Each of dbt's four threads sorts and hashes in its own process and its workers, a hash in twice the work_mem."""
    values = {name: value for name, value, _ in settings(5432, machine)}
    processes = 4 + int(values["max_parallel_workers"])
    used = megabytes(values, "shared_buffers") + processes * 2 * megabytes(values, "work_mem")
    assert used < 0.75 * machine.memory


@pytest.mark.parametrize(("shared_memory", "kind"), [(64, "mmap"), (1024, "mmap"), (1025, "posix")])
def test_parallel_hashes_need_room(shared_memory, kind):
    values = {name: value for name, value, _ in settings(5432, Machine(4, 8192, shared_memory))}
    assert values["dynamic_shared_memory_type"] == kind


def test_every_setting_has_its_reason():
    assert all(why for _, _, why in settings(5432, MACHINES["a laptop"]))


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        ({"memory.max": "536870912\n", "cpu.max": "150000 100000\n"}, 1, 512),
        ({"memory/memory.limit_in_bytes": "1073741824\n", "cpu.max": "10000 100000\n"}, 1, 1024),
        ({"memory.max": "max\n", "cpu.max": "max 100000\n"}, None, None),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None, None),
        ({}, None, None),
    ],
)
def test_a_containers_limits_count(tmp_path, files, cores, memory):
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    machine = this_machine(tmp_path)
    whole = this_machine(tmp_path / "none")
    assert (machine.cores, machine.memory) == (cores or whole.cores, memory or whole.memory)


def test_another_port_is_another_socket(retail, folder):
    assert retail("up", PGPORT="6543").returncode == 0
    assert (folder / ".postgres" / ".s.PGSQL.6543").exists()
    assert retail("psql", "-Atc", "select 1", PGPORT="6543").stdout == "1\n"


@pytest.mark.parametrize("port", ["0", "65536", "five", ""])
def test_a_port_that_is_none(retail, port):
    refused(retail("up", PGPORT=port), "PGPORT")


def test_a_file_in_the_place_of_the_data(retail, folder):
    (folder / ".postgres").write_text("")
    refused(retail("up"), ".postgres can't be used")


def test_a_folder_of_something_else(retail, folder):
    (folder / ".postgres").mkdir()
    (folder / ".postgres" / "holiday.jpg").write_text("")
    refused(retail("up"), "not a PostgreSQL data folder")


def test_data_of_another_version(retail, folder):
    (folder / ".postgres").mkdir()
    (folder / ".postgres" / "PG_VERSION").write_text("15\n")
    refused(retail("up"), "made by PostgreSQL 15", "make clean")


def test_data_that_are_damaged(retail, folder):
    retail("up")
    retail("down")
    (folder / ".postgres" / "global" / "pg_control").unlink()
    refused(retail("up"), "did not start", "log:")


def test_pghost_names_another_server(retail, server):
    up = retail("up", **server)
    assert up.returncode == 0, up.stderr
    assert "PGHOST is set" in up.stdout
    assert "stop that server yourself" in retail("down", **server).stdout
    assert retail("psql", "-Atc", "select 1", **server).stdout == "1\n"


def test_pghost_names_nobody(retail):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        refused(retail("up", PGHOST="127.0.0.1", PGPORT=port), "no connection to PostgreSQL", port)


def test_a_user_that_does_not_exist(retail, server):
    refused(retail("up", **server | {"PGUSER": "nobody_of_that_name"}), "nobody_of_that_name")


def test_help_names_every_command(retail):
    shown = retail("--help").stdout
    for command in ("up", "down", "psql", "deps", "generate", "load", "summary", "rules", "cluster"):
        assert f"\n  {command} " in shown
        assert retail(command, "--help").returncode == 0


# ------------------------------------------------------------------------------------------------- a server too old


@pytest.mark.parametrize(("number", "code"), [("150018", 2), ("159999", 2), ("160000", 0), ("180004", 0)])
def test_the_oldest_server_is_16(fresh_database, run_program, number, code):
    arguments = f"{{number: '{number}'}}"
    result = run_program(
        fresh_database, "dbt", "run-operation", "require_server_version", "--args", arguments, check=False
    )
    assert result.returncode == code or (result.returncode != 0 and code), result.stdout
    assert ("PostgreSQL 16 or later is needed, and this server is PostgreSQL 15" in result.stdout) == bool(code)


@pytest.fixture
def old_server(folder) -> Iterator[dict[str, str]]:
    """A PostgreSQL 15 of Debian's; it does not run as root."""
    data = folder / "15"
    data.mkdir()
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(data, "postgres")
        folder.chmod(0o755)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([POSTGRESQL_15 / program, "-D", data, *arguments], check=True, capture_output=True, **as_user)

    run("initdb", "-U", "postgres", "--auth=trust")
    run("pg_ctl", "-w", "-l", str(data / "log"), "-o", f"-c listen_addresses= -k {data}", "start")
    yield {"PGHOST": str(data), "PGPORT": "5432", "PGUSER": "postgres", "PGPASSWORD": "", "PGDATABASE": "postgres"}
    run("pg_ctl", "-m", "immediate", "stop")


@pytest.mark.skipif(not POSTGRESQL_15.is_dir(), reason="needs Debian's postgresql-15, which .ci/run installs")
def test_a_real_15_is_refused_before_anything_is_written(old_server, run_program, query, tmp_path):
    reason = "PostgreSQL 16 or later is needed, and this server is PostgreSQL 15"
    for command in ("seed", "run", "build"):
        result = run_program(old_server, "dbt", command, check=False)
        assert result.returncode != 0
        assert reason in result.stdout
    export = ["rejects", "export", "--out", str(tmp_path / "rejects")]
    for command in (["up"], ["load", "seeds/raw/raw_stores.csv"], ["psql"], ["summary"], export):
        refused(run_program(old_server, "retail", *command, check=False), reason)
    schemas = query(old_server, "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)'")
    assert schemas == [("public",)]
