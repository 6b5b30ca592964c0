"""Copies of the package in folders of their own, each with an embedded server of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from retail.contract import PROJECT_DIR

Run = Callable[..., subprocess.CompletedProcess[str]]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def copy_of_the_package(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(PROJECT_DIR / "retail", folder / "retail", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT_DIR / "seeds", folder / "seeds", ignore=shutil.ignore_patterns("*.csv", "*.json"))
    return folder


def retail_in(folder: Path, user: str | None = None) -> Run:
    """Run `retail` from a copy, so that the embedded server is the copy's own; root can run it as another user."""
    as_user = {"user": user, "group": "nogroup", "extra_groups": []} if user else {}
    environment = ENVIRONMENT | {"PYTHONPATH": sysconfig.get_path("purelib")}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python_of(user) if user else sys.executable, "-m", "retail", *arguments],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            **as_user,
        )

    return run


def python_of(user: str) -> str | None:
    """Find a Python like this one that another user may run, if there is one."""
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        tried = subprocess.run(["test", "-x", program], user=user, group="nogroup", extra_groups=[])
        if tried.returncode == 0:
            return program
    return None


def start_in(folder: Path, *arguments: str, **options) -> subprocess.Popen[str]:
    """Start what `retail_in` runs, and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "retail", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line, exit code 1, and the words in it."""
    assert result.returncode == 1, result.stdout
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr
