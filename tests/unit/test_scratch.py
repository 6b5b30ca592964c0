"""Folders for rows on their way: gone at the end, whatever the end is, and never another program's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retail import scratch
from retail.scratch import scratch_folder

PROGRAM = """
import sys, time
from retail.scratch import ending_cleanly, scratch_folder
with ending_cleanly(), scratch_folder() as folder:
    (folder / "rows.csv").write_text("a customer's")
    try:
        print(folder, flush=True)
        time.sleep(60)
    finally:
        print("ending", flush=True)
        time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """The temporary folder, of this process and of those that it starts."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start():
    """Start a program that works in a scratch folder."""
    programs = []

    def run(seconds_to_end: float = 0, *before: str) -> tuple[subprocess.Popen[str], Path]:
        command = [*before, sys.executable, "-c", PROGRAM, str(seconds_to_end)]
        programs.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        return programs[-1], Path(programs[-1].stdout.readline().strip())

    yield run
    for program in programs:
        program.kill()
        program.wait()


def test_a_folder_is_closed_to_others_and_deleted(temporary):
    with scratch_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "rows.csv").write_text("a,b")
    assert not list(temporary.iterdir())
    with pytest.raises(ZeroDivisionError), scratch_folder():
        raise ZeroDivisionError
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing(start, number):
    program, folder = start()
    assert folder.exists()
    program.send_signal(number)
    assert program.wait(10) == (-number if number == signal.SIGINT else 128 + number)
    assert not folder.exists()


def test_a_second_signal_does_not_interrupt_the_end(start):
    program, folder = start(0.5)
    program.terminate()
    assert program.stdout.readline() == "ending\n"
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        program.send_signal(number)
    assert program.wait(10) == 128 + signal.SIGTERM
    assert not folder.exists()


def test_a_signal_that_is_ignored_stays_ignored(start):
    program, folder = start(0, "nohup")
    program.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.3)
    assert folder.exists()


def test_what_a_killed_program_left_is_deleted_by_the_next_one(start):
    killed, left = start()
    living, used = start()
    killed.kill()
    killed.wait()
    assert left.exists()
    with scratch_folder():
        assert not left.exists()
        assert (used / "rows.csv").exists()
    living.terminate()
    living.wait(10)


def test_what_is_not_ours_stays(temporary, monkeypatch):
    folders = {name: temporary / f"{scratch._PREFIX}{name}" for name in ("anothers", "link", "file")}
    elsewhere = temporary / "elsewhere"
    for folder in (folders["anothers"], elsewhere):
        folder.mkdir()
        (folder / "rows.csv").write_text("a,b")
    folders["link"].symlink_to(elsewhere)
    folders["file"].write_text("a,b")
    with monkeypatch.context() as patch:
        patch.setattr(scratch.os, "geteuid", lambda: os.getuid() + 1)
        with scratch_folder():
            pass
    assert (folders["anothers"] / "rows.csv").exists()
    with scratch_folder():  # as its owner
        assert not folders["anothers"].exists()
    assert (elsewhere / "rows.csv").exists() and folders["link"].is_symlink() and folders["file"].exists()


def test_a_new_folder_that_another_program_took_for_abandoned_is_made_again(temporary, monkeypatch):
    make, lock = scratch.tempfile.mkdtemp, scratch.fcntl.flock
    made = []

    def make_and_lose(**options: str) -> str:
        made.append(Path(make(**options)))
        if len(made) == 1:
            made[-1].rmdir()
        return str(made[-1])

    def lose_and_lock(descriptor: int, kind: int) -> None:
        if len(made) == 2:
            made[-1].rmdir()
        lock(descriptor, kind)

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", make_and_lose)
    monkeypatch.setattr(scratch.fcntl, "flock", lose_and_lock)
    with scratch_folder() as folder:
        assert folder == made[2]
        assert folder.exists()
