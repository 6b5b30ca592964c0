"""The Makefile, as far as it goes before anything is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT_DIR / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def program(folder: Path, text: str) -> str:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return f"PYTHON={file}"


@pytest.mark.parametrize(
    "target", ["build", "check", "test", "test-all", "proof", "lint", "up", "psql", "deps", "docs"]
)
def test_an_old_python_is_named_and_nothing_is_made(folder, target):
    result = make(folder, target, program(folder, "exit 1"))
    assert result.returncode != 0
    assert "Python 3.10 or later is needed" in result.stderr.splitlines()[0]
    assert not (folder / ".venv").exists()


def test_no_python_at_all(folder):
    result = make(folder, "build", "PYTHON=no_such_python")
    assert result.returncode != 0
    assert "Python 3.10 or later is needed as no_such_python" in result.stderr


def test_an_environment_that_cannot_be_made(folder):
    result = make(folder, "build", program(folder, '[ "$1" = -c ]'))
    assert result.returncode != 0
    assert ".venv can't be made" in result.stderr


@pytest.mark.parametrize("target", ["build", "up", "down", "test", "docs"])
@pytest.mark.parametrize("name", ["copied", "a blank, $HOME and 'more'"])
def test_a_copied_folder_is_told_that_its_environment_is_anothers(folder, name, target):
    copied = folder / name
    (copied / ".venv").mkdir(parents=True)
    shutil.copy(folder / "Makefile", copied)
    for file in ("requirements.lock", "pyproject.toml"):
        shutil.copy(folder / file, copied)
    (copied / ".venv" / "installed").write_text(f"{folder}\n")
    result = make(copied, target)
    assert result.returncode != 0
    assert f"was made in {folder}, and this folder is a copy of it" in result.stderr.splitlines()[0]
    assert "make clean" in result.stderr
    assert make(copied, "clean").returncode == 0
    assert not (copied / ".venv").exists()


def test_an_environment_made_here_is_believed(folder):
    (folder / ".venv").mkdir()
    (folder / ".venv" / "installed").write_text(f"{folder.resolve()}\n")
    assert make(folder, "own_environment").returncode == 0


@pytest.mark.parametrize(("target", "starts_a_server"), [("postgres", True), ("duckdb", False)])
def test_lint_starts_a_server_only_for_postgres(folder, target, starts_a_server):
    (folder / "requirements-docs.lock").touch()
    commands = make(folder, "--dry-run", "lint", f"TARGET={target}").stdout
    assert f"sqlfluff lint --dialect {target} " in commands
    assert ("retail up" in commands) == starts_a_server


def test_clean_has_nothing_to_do_twice(folder):
    (folder / "target").mkdir()
    for _ in range(2):
        assert make(folder, "clean").returncode == 0
        assert not (folder / "target").exists()


def test_help_is_what_make_alone_says(folder):
    assert make(folder).stdout == make(folder, "help").stdout
    assert "make build" in make(folder).stdout
