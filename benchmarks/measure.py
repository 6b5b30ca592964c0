"""Run a program and measure its time, and the memory of the program and the server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from retail.contract import PROJECT_DIR
from retail.engines.postgres import running_pid
from retail.errors import RetailError, one_line

SAMPLED_EVERY = 0.1  # seconds
MOST_OF_A_CORE = 0.05  # limit for the sampling itself: a sample takes long if much memory is shared
_MEGABYTE = 1024 * 1024
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes
_LAST_WORDS = 400


@dataclass(frozen=True)
class Cost:
    """Cost of one or several runs: wall-clock and processor seconds, and peak memory in MB (2^20 bytes).

    ``server_memory`` includes the server's shared buffers, which stay filled from one run to the next;
    ``server_private`` doesn't. Both are None unless the server is the embedded one.
    """

    seconds: float
    client_cpu: float
    server_cpu: float | None
    client_memory: float
    server_memory: float | None
    server_private: float | None

    def __add__(self, later: Cost) -> Cost:
        """Return the cost of both, one after the other."""
        return Cost(
            seconds=self.seconds + later.seconds,
            client_cpu=self.client_cpu + later.client_cpu,
            server_cpu=_both(self.server_cpu, later.server_cpu, lambda one, other: one + other),
            client_memory=max(self.client_memory, later.client_memory),
            server_memory=_both(self.server_memory, later.server_memory, max),
            server_private=_both(self.server_private, later.server_private, max),
        )


def measured(command: Sequence[str | Path], environment: dict[str, str], folder: Path = PROJECT_DIR) -> Cost:
    """Run a program to its end and measure it.

    Args:
        command: The program and its arguments.
        environment: Variables in addition to those of this process.
        folder: Working directory.

    Returns:
        Its cost. The client's peak memory is that of its largest process. The server's is that of all its processes
        at one moment, with each shared page counted once.

    Raises:
        RetailError: The program failed; the message ends with its last output.
    """
    with tempfile.TemporaryFile() as output, _ServerWatch() as watch:
        started = perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, env=os.environ | environment, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            words = one_line(output.read().decode(errors="replace"))[-_LAST_WORDS:]
            raise RetailError(f"{Path(command[0]).name} failed with {process.returncode}: {words}")
    return Cost(
        seconds=seconds,
        client_cpu=usage.ru_utime + usage.ru_stime,
        server_cpu=watch.cpu,
        client_memory=usage.ru_maxrss * _MAXRSS_UNIT / _MEGABYTE,
        server_memory=watch.peak,
        server_private=watch.private_peak,
    )


class _ServerWatch:
    """Samples the embedded server's processes while a program runs.

    ``peak`` and ``private_peak`` are their memory in MB, with and without shared pages; ``cpu`` is their processor
    seconds.
    """

    def __init__(self) -> None:
        pid = running_pid() if "PGHOST" not in os.environ else None
        self._server = psutil.Process(pid) if pid else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._cpu_before = 0.0
        self.peak: float | None = None
        self.private_peak: float | None = None
        self.cpu: float | None = None

    def __enter__(self) -> _ServerWatch:
        if self._server:
            self._cpu_before = self._used_cpu()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._stop.set()
            self._thread.join()
            self.cpu = self._used_cpu() - self._cpu_before

    def _watch(self) -> None:
        while not self._stop.is_set():
            started = perf_counter()
            memory, private = self._memory()
            self.peak = max(self.peak or 0, memory)
            self.private_peak = max(self.private_peak or 0, private)
            self._stop.wait(max(SAMPLED_EVERY, (perf_counter() - started) / MOST_OF_A_CORE))

    def _memory(self) -> tuple[float, float]:
        """Return the processes' memory in MB, each shared page counted once, and their unshared memory."""
        total = private = 0
        for process in [self._server, *self._server.children()]:
            try:
                memory = process.memory_full_info()
            except psutil.Error:  # it has ended, or may not be read
                continue
            total += getattr(memory, "pss", memory.uss)
            private += memory.uss
        return total / _MEGABYTE, private / _MEGABYTE

    def _used_cpu(self) -> float:
        """Return the processor seconds of all processes, ended and running."""
        times = self._server.cpu_times()
        total = times.children_user + times.children_system
        for process in self._server.children():
            try:
                times = process.cpu_times()
            except psutil.Error:  # it has just ended
                continue
            total += times.user + times.system
        return total


def _both(one: float | None, other: float | None, combine: Callable[[float, float], float]) -> float | None:
    return None if one is None or other is None else combine(one, other)
