"""A cluster of processes on this machine: dbt builds over its Thrift server, also when a worker dies on the way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.spark_metrics import costs, read_events
from retail.contract import PROJECT_DIR
from support.parity import compare_spark
from support.programs import PROGRAMS

pytestmark = pytest.mark.extended

HOST = "127.0.0.1"
# the worker dies when a task of this one starts, which joins headers with what their lines are
ON_THE_WAY = "START sql amended_table model retail_staging.checked_store_sales_header"


@pytest.fixture
def place(tmp_path) -> dict[str, str]:
    """A folder and a port for a cluster, as the variables that name it."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
    return {
        "RETAIL_TARGET": "spark",
        "RETAIL_SPARK": str(tmp_path / "spark"),
        "SPARK_HOST": HOST,
        "SPARK_PORT": str(port),
    }


@pytest.fixture
def cluster(place, run_program) -> Iterator[dict[str, str]]:
    """A cluster that runs, and at the end does not."""
    pytest.importorskip("pyspark", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    try:
        run_program(place, "retail", "cluster", "up", "--memory", "1024", "--wait", "300")
        yield place
    finally:
        run_program(place, "retail", "cluster", "down")
    assert not _processes_of(place["RETAIL_SPARK"])


def test_a_build_ends_right_without_the_worker_that_dies(cluster, sample, query, run_program, dbt_files, tmp_path):
    run_program(cluster, "dbt", "seed")
    driver_log = Path(cluster["RETAIL_SPARK"], "logs", "thrift.log")
    said = []
    with subprocess.Popen(
        [PROGRAMS / "dbt", "--no-use-colors", "build", "--resource-type", "model"],
        cwd=PROJECT_DIR,
        env=os.environ | dbt_files(cluster) | cluster,
        stdout=subprocess.PIPE,
        text=True,
    ) as dbt:
        for line in dbt.stdout:
            said.append(line)
            if ON_THE_WAY in line:
                _wait_for("Starting task", driver_log)
                killed = run_program(cluster, "retail", "cluster", "kill-worker").stdout
                assert "worker-1 is killed" in killed
    assert dbt.returncode == 0, "".join(said)
    assert "Lost executor" in driver_log.read_text(encoding="utf-8")
    status = run_program(cluster, "retail", "cluster", "status", check=False)
    assert status.returncode == 1
    assert [line.split()[0] for line in status.stdout.splitlines() if "does not run" in line] == ["worker-1"]

    compare_spark(query, sample, cluster, tmp_path)
    summary = run_program(cluster, "retail", "summary").stdout
    assert "in = clean + rejected in every table, in rows and in money" in summary
    [log] = Path(cluster["RETAIL_SPARK"], "events").iterdir()
    [cost] = [cost for cost in costs(read_events(log)) if cost.node == "model.retail.int_transactions_line_totals"]
    assert cost.tasks > 0
    assert cost.shuffle_bytes > 0

    refused = run_program(cluster, "retail", "cluster", "up", "--memory", "2048", check=False)
    assert refused.stderr == "Error: the cluster runs with 1024 megabytes: `retail cluster down` first\n"
    assert "is up" in run_program(cluster, "retail", "cluster", "up").stdout
    master_log = Path(cluster["RETAIL_SPARK"], "logs", "master.log")
    deadline = time.monotonic() + 60
    while master_log.read_text(encoding="utf-8").count("Launching executor") < 3:  # one for the worker that is back
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert run_program(cluster, "retail", "cluster", "status").stdout.count("runs, process") == 4


def test_what_does_not_run_can_not_be_killed(place, run_program):
    assert "not running" in run_program(place, "retail", "cluster", "down").stdout
    assert run_program(place, "retail", "cluster", "status", check=False).stdout.count("does not run") == 4
    refused = run_program(place, "retail", "cluster", "kill-worker", check=False)
    assert refused.returncode == 1
    assert refused.stderr == "Error: no worker runs: start it with `retail cluster up`\n"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"JAVA_HOME": "/nowhere"}, "Error: Spark needs Java 17 or later"),
        ({"SPARK_PORT": "thrift"}, "Error: SPARK_PORT is 'thrift': use a port number"),
    ],
)
def test_a_cluster_that_can_not_start_says_why_in_one_line(place, run_program, setting, message):
    pytest.importorskip("pyspark", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None and "JAVA_HOME" not in setting:
        pytest.skip("Spark needs Java")
    refused = run_program(place | setting, "retail", "cluster", "up", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(message)
    assert refused.stderr.count("\n") == 1


def _wait_for(text: str, log: Path) -> None:
    """Wait until a new line of the log has that text, a minute at most."""
    with log.open(encoding="utf-8") as lines:
        lines.seek(0, os.SEEK_END)
        deadline = time.monotonic() + 60
        while text not in lines.readline():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _processes_of(folder: str) -> list[str]:
    """What runs with that folder in its command line or as a place to work in."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(folder in word for word in words):
            found.append(" ".join(words))
    return found
