"""`dbt` and `retail` as a user runs them, each in a process of its own, without the seconds that imports take.

The process is forked from one that has imported everything (`preloaded.py`); there the entry point of the installed
script is called with these arguments, variables and folder. So exit codes, output and kills are those of a program.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
# nothing else reads these models: a build of anything else is quicker without them
WITHOUT_MARKETING = ("--exclude", "tag:marketing")
_forks = get_context("forkserver")


def start(program: str, *arguments: str, environment: dict[str, str], folder: Path, output: Path) -> BaseProcess:
    """Start a program and don't wait for it; what it prints goes to the files `out` and `err` of a folder."""
    _start_server()
    process = _forks.Process(target=_become, args=(program, arguments, environment, folder, output))
    process.start()
    return process


def run(program: str, *arguments: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name)
        process = start(program, *arguments, environment=environment, folder=folder, output=output)
        process.join()
        said = [(output / name).read_text(encoding="utf-8") for name in ("out", "err")]
    assert process.exitcode is not None
    return subprocess.CompletedProcess([program, *arguments], process.exitcode, *said)


def _start_server() -> None:
    """It finds the modules of the tests where pytest finds them."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), before)))
    try:
        _forks.set_forkserver_preload(["support.preloaded"])
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _become(program: str, arguments: tuple[str, ...], environment: dict[str, str], folder: Path, output: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    for name, descriptor in (("out", 1), ("err", 2)):
        file = os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    gc.disable()  # a tenth of the time of a start of dbt, which ends before its garbage matters
    sys.argv = [str(PROGRAMS / program), *arguments]
    [script] = entry_points(group="console_scripts", name=program)
    sys.exit(script.load()())
