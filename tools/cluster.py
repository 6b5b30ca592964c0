"""A Spark cluster on this machine: `retail cluster up`, `status`, `kill-worker` and `down`.

A standalone master, two workers and the Thrift server for dbt, from the pyspark package. Each is a process that listens
on loopback only. Use it to try what only a cluster does: rows travel between processes, and a worker may die.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import psutil
import requests

from retail.contract import PROJECT_DIR
from retail.engines.environment import variable
from retail.errors import RetailError

HOST = "127.0.0.1"
MASTER, THRIFT = "master", "thrift"
WORKERS = ("worker-1", "worker-2")
EVENTS = "events"
_RECOVERY = "scratch/recovery"
_MEMORY = 2048  # megabytes
_POLL = 0.2  # seconds
_SECONDS_TO_STOP = 20
_DERBY_IN_USE = "Another instance of Derby may have already booted the database"


@dataclass(frozen=True)
class Process:
    """A process of the cluster, leader of its group; ``started`` tells it from a later process with the same id."""

    pid: int
    started: float

    def is_running(self) -> bool:
        """Tell whether the process runs; a zombie does not."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._is_ours() and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False

    def _is_ours(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        return False

    def members(self) -> list[psutil.Process]:
        """Return the running processes of the group: a worker's executors belong to it."""
        if psutil.pid_exists(self.pid) and not self._is_ours():
            return []
        return [process for process in psutil.process_iter() if _group(process) == self.pid]

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the group."""
        for process in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class State:
    """The folder of the cluster, and its running processes.

    Spark's session mode uses the same tables (`warehouse`) and catalogue (`metastore`).
    """

    def __init__(self) -> None:
        """Read the state that an earlier command saved."""
        self.folder = Path(os.environ.get("RETAIL_SPARK") or PROJECT_DIR / ".spark").absolute()
        self._file = self.folder / "cluster.json"
        self.ports: dict[str, int] = {}
        self.memory = _MEMORY
        self.processes: dict[str, Process] = {}
        with contextlib.suppress(FileNotFoundError):
            found = json.loads(self._file.read_text(encoding="utf-8"))
            self.ports, self.memory = found["ports"], found["memory"]
            self.processes = {name: Process(**process) for name, process in found["processes"].items()}

    def save(self) -> None:
        """Write the state to its file."""
        processes = {name: asdict(process) for name, process in self.processes.items()}
        self._file.write_text(
            json.dumps({"ports": self.ports, "memory": self.memory, "processes": processes}), encoding="utf-8"
        )

    def forget(self) -> None:
        """Delete the state of a stopped cluster; logs, events and tables stay."""
        self._file.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)

    def is_running(self, name: str) -> bool:
        """Tell whether the process of that name runs."""
        return name in self.processes and self.processes[name].is_running()

    def running(self) -> list[str]:
        """Return the names of the running processes."""
        return [name for name in (MASTER, *WORKERS, THRIFT) if self.is_running(name)]

    def log(self, name: str) -> Path:
        """Return the log file of the process of that name."""
        return self.folder / "logs" / f"{name}.log"


@click.group()
def cluster() -> None:
    """Run a Spark cluster on this machine.

    It has a master, two workers and the Thrift server. RETAIL_SPARK sets its folder (by default .spark in the project),
    SPARK_PORT the port of the Thrift server.
    """


@cluster.command()
@click.option(
    "--memory",
    type=click.IntRange(min=512),
    help=f"Megabytes for each worker and for the driver. [default: {_MEMORY}, or those of the running cluster]",
)
@click.option("--wait", "seconds", default=120, show_default=True, help="Seconds that the start may take.")
def up(memory: int | None, seconds: int) -> None:
    """Start the processes that do not run yet."""
    home, state = _spark_home(), State()
    for name in ("logs", EVENTS, _RECOVERY):
        (state.folder / name).mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    if not state.running():
        state.ports = {"master": _free_port(), "master_ui": _free_port()}
        state.memory = memory or _MEMORY
    elif memory not in (None, state.memory):
        raise RetailError(f"the cluster runs with {state.memory} megabytes: `retail cluster down` first")
    if not state.is_running(THRIFT):
        state.ports["thrift"] = _thrift_port()
    if not state.is_running(MASTER):
        _start(state, home, MASTER)
        _wait(state, MASTER, lambda: _answers(state.ports["master"]), deadline)
    for name in WORKERS:
        if not state.is_running(name):
            _start(state, home, name)
    _wait(state, MASTER, lambda: _alive_workers(state) >= len(WORKERS), deadline)
    if not state.is_running(THRIFT):
        _start(state, home, THRIFT)
    _wait(state, THRIFT, lambda: _answers(state.ports["thrift"]), deadline)
    click.echo(
        f"the cluster is up, in {state.folder}: "
        f"RETAIL_TARGET=spark SPARK_HOST={HOST} SPARK_PORT={state.ports['thrift']} dbt build"
    )


@cluster.command()
def status() -> None:
    """Print which processes run; the exit code is 1 unless all of them do."""
    state = State()
    for name in (MASTER, *WORKERS, THRIFT):
        runs = f"runs, process {state.processes[name].pid}" if state.is_running(name) else "does not run"
        click.echo(f"{name:9} {runs}")
    if len(state.running()) < len(WORKERS) + 2:
        raise SystemExit(1)


@cluster.command()
@click.argument("worker", type=click.Choice(WORKERS), required=False)
def kill_worker(worker: str | None) -> None:
    """Kill WORKER, or the first running one, with its executor, as if its machine failed."""
    state = State()
    running = [name for name in WORKERS if state.is_running(name) and worker in (None, name)]
    if not running:
        raise RetailError(
            f"{worker + ' does not run' if worker else 'no worker runs'}: start it with `retail cluster up`"
        )
    process = state.processes[running[0]]
    process.signal_group(signal.SIGKILL)
    click.echo(f"{running[0]} is killed, process {process.pid}")


@cluster.command()
def down() -> None:
    """Stop the cluster and keep its tables, logs and event log."""
    state = State()
    was_running = bool(state.running())
    _stop(state)
    state.forget()
    click.echo("the cluster is stopped; its tables and logs stay" if was_running else "the cluster is not running")


def _spark_home() -> Path:
    """Return the folder of the pyspark package."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise RetailError("Spark is not installed: type `make build TARGET=spark`")
    java_home = os.environ.get("JAVA_HOME")
    if not (Path(java_home, "bin", "java").exists() if java_home else shutil.which("java")):
        raise RetailError("Spark needs Java 17 or later: install it, on Debian as openjdk-17-jre-headless")
    return Path(spec.origin).parent


def _start(state: State, home: Path, name: str) -> None:
    """Start the process of that name and save its id; its previous log is kept."""
    master = f"spark://{HOST}:{state.ports['master']}"
    scratch = state.folder / "scratch" / name
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "hive").mkdir(parents=True)
    program = [str(home / "bin" / "spark-class")]
    if name == MASTER:
        port, ui = str(state.ports["master"]), str(state.ports["master_ui"])
        program += ["org.apache.spark.deploy.master.Master", "--host", HOST, "--port", port, "--webui-port", ui]
    elif name in WORKERS:
        options = ["--host", _address(name), "--webui-port", "0", "--cores", "1", "--memory", f"{state.memory}M"]
        program += ["org.apache.spark.deploy.worker.Worker", *options, "--work-dir", str(scratch), master]
    else:
        program = [str(home / "bin" / "spark-submit"), "--master", master, "--name", "retail"]
        for key, value in _driver_settings(state, scratch).items():
            program += ["--conf", f"{key}={value}"]
        program += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "spark-internal"]
    environment = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": _address(name),
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_MASTER_OPTS": " ".join(f"-D{key}={value}" for key, value in _master_settings(state).items()),
    }
    if state.log(name).exists():
        state.log(name).replace(state.log(name).with_suffix(".before.log"))
    with state.log(name).open("wb") as log:
        process = subprocess.Popen(
            program,
            cwd=scratch,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    state.processes[name] = Process(process.pid, psutil.Process(process.pid).create_time())
    state.save()


def _master_settings(state: State) -> dict[str, str]:
    """A restarted master knows its workers and application; lost executors never end an application."""
    return {
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": str(state.folder / _RECOVERY),
        "spark.deploy.maxExecutorRetries": "-1",
        "spark.master.rest.enabled": "false",
    }


def _driver_settings(state: State, scratch: Path) -> dict[str, str]:
    """The settings that a session can't change; profiles.yml has the others."""
    return {
        "spark.driver.memory": f"{state.memory}m",
        "spark.executor.memory": f"{state.memory}m",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.hadoop.parquet.hadoop.vectored.io.enabled": "false",  # the event log lacks its reads
        "spark.eventLog.dir": (state.folder / EVENTS).as_uri(),
        "spark.sql.warehouse.dir": str(state.folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={state.folder}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={scratch} -Djava.io.tmpdir={scratch}",
        "spark.hadoop.hive.server2.thrift.bind.host": HOST,
        "spark.hadoop.hive.server2.thrift.port": str(state.ports["thrift"]),
        "spark.hadoop.hive.exec.scratchdir": str(scratch / "hive"),
        "spark.hadoop.hive.exec.local.scratchdir": str(scratch / "hive"),
        "spark.hadoop.hive.server2.logging.operation.enabled": "false",
    }


def _wait(state: State, name: str, is_ready: Callable[[], bool], deadline: float) -> None:
    """Wait for a process; if it ends or the time is over, name its log."""
    while not is_ready():
        if not state.is_running(name):
            problem = "ended"
        elif time.monotonic() > deadline:
            problem = "did not answer in time"
        else:
            time.sleep(_POLL)
            continue
        in_use = _DERBY_IN_USE in state.log(name).read_text(encoding="utf-8", errors="replace")
        why = (
            " (the metastore is in use: another Spark session, such as a dbt without SPARK_HOST, runs)"
            if in_use
            else ""
        )
        raise RetailError(
            f"the cluster's {name} {problem}{why}: see {state.log(name)}; `retail cluster down` stops the rest"
        )


def _stop(state: State) -> None:
    """Stop all processes and those they started, and wait for their end."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in state.processes.values():
            process.signal_group(number)
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while any(process.members() for process in state.processes.values()) and time.monotonic() < deadline:
            time.sleep(_POLL)
    state.processes.clear()


def _group(process: psutil.Process) -> int | None:
    """Return the group of a process, None if it has ended."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def _address(name: str) -> str:
    """An address for each worker, as machines have: what is lost with one is not taken for the other's, too.

    Only Linux has more than one address on loopback.
    """
    return f"127.0.0.{WORKERS.index(name) + 2}" if name in WORKERS and sys.platform == "linux" else HOST


def _alive_workers(state: State) -> int:
    """Return the number of workers that the master knows, 0 while it does not answer."""
    with contextlib.suppress(requests.RequestException):
        answer = requests.get(f"http://{HOST}:{state.ports['master_ui']}/json/", timeout=2).json()
        return int(answer["aliveworkers"])
    return 0


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _thrift_port() -> int:
    """Return the port that dbt connects to, as in profiles.yml."""
    port = int(variable("SPARK_PORT", "10000"))
    if _answers(port):
        raise RetailError(f"port {port} is in use: set SPARK_PORT to another one")
    return port
