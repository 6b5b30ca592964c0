"""`retail deps`: the dbt packages, from the dbt Hub or, if it is not reachable, from offline_packages/."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import Any

import click
import requests
import yaml
from dbt.clients.registry import DEFAULT_REGISTRY_BASE_URL

from retail.contract import PROJECT_DIR
from retail.errors import RetailError, one_line

INSTALLED = PROJECT_DIR / "dbt_packages"
STAND_INS = PROJECT_DIR / "offline_packages"
_TIMEOUTS = (3, 5)  # seconds to connect, and between two bytes; dbt itself tries for minutes
_NOT_REACHED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


@click.command()
@click.option("--offline", is_flag=True, help="Install the stand-ins without asking the Hub.")
def deps(offline: bool) -> None:
    """Install the dbt packages of packages.yml.

    They come from the dbt Hub or, if it is not reachable, from their stand-ins in offline_packages/.
    DBT_PACKAGE_HUB_URL names a mirror of the Hub. Only a failed connection leads to the stand-ins; any other
    problem, such as a version that does not exist, is an error.
    """
    obstacle = "--offline" if offline else _obstacle()
    if obstacle:
        _install_stand_ins()
        origin = f"the stand-ins of offline_packages/ ({obstacle})"
    else:
        _install_from_hub()
        origin = "the dbt Hub"
    click.echo(f"dbt packages: {', '.join(_installed())}, from {origin}")


def _obstacle() -> str | None:
    """Return why the Hub is not reachable; None if all its hosts answer, whatever the answer is."""
    try:
        for name in _packages():
            _probe(name)
    except _NOT_REACHED as error:
        reason = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        return f"the dbt Hub is not reachable: {reason}"
    return None


def _probe(name: str) -> None:
    """Request what dbt requests of a package: its index, then an archive, perhaps from another host."""
    index = requests.get(f"{DEFAULT_REGISTRY_BASE_URL}api/v1/{name}.json", timeout=_TIMEOUTS)
    try:
        *_, last = index.json()["versions"].values()
        archive = last["downloads"]["tarball"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # the Hub answered, and dbt will report a wrong answer
    requests.get(archive, timeout=_TIMEOUTS, stream=True).close()


def _packages() -> list[str]:
    listed = yaml.safe_load((PROJECT_DIR / "packages.yml").read_text(encoding="utf-8"))
    try:
        return [entry["package"] for entry in listed["packages"]]
    except (KeyError, TypeError) as error:
        raise RetailError("packages.yml must list packages, each with `package:` and `version:`") from error


def _install_from_hub() -> None:
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--log-format", "text", "deps"]
    result = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True)
    if result.returncode:
        reason = re.split("Encountered an error:", result.stdout)[-1] or result.stderr
        reason = re.split(r"[0-9:]* *Traceback ", reason)[0]
        raise RetailError(f"dbt deps failed: {one_line(reason)}")


def _install_stand_ins() -> None:
    try:
        shutil.rmtree(INSTALLED, ignore_errors=True)
        for package in sorted(path.parent for path in STAND_INS.glob("*/dbt_project.yml")):
            shutil.copytree(package, INSTALLED / package.name)
    except OSError as error:
        raise RetailError(f"{INSTALLED} can't be written: {one_line(str(error))}") from error


def _installed() -> list[str]:
    projects: list[dict[str, Any]] = [
        yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(INSTALLED.glob("*/dbt_project.yml"))
    ]
    return [f"{project['name']} {project['version']}" for project in projects]
