"""`python -m tools.evaluator`: dbt-project-evaluator on a copy of the project, with the exceptions that stand here.

The package is no dependency, because it would join every parse. It reads the project's graph alone, so nothing else is
built. Its warnings are errors here: 0 means that each is answered in dbt_project_evaluator_exceptions.csv. Only
fct_documentation_coverage and fct_test_coverage take no exceptions: both have to be 100 %.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import yaml

from retail.contract import PROJECT_DIR

PACKAGE = "dbt_project_evaluator"
EXCEPTIONS = Path(__file__).parent / f"{PACKAGE}_exceptions.csv"
# what dbt reads of a project
_PROJECT = ("dbt_project.yml", "packages.yml", "profiles.yml", "models", "macros", "seeds", "tests/data", "analyses")
_VERSIONS = [">=1.3.0", "<2.0.0"]
# all paths of the graph fill the memory
_VARS = {"max_depth_dag": 5}


@click.command()
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A dbt package to use instead of the Hub's, once for the evaluator and once for dbt_utils.",
)
def main(packages: tuple[Path, ...]) -> None:
    """Run dbt-project-evaluator on a copy of the project, and end with 0 if each of its warnings has an exception."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy_project(copy)
        failed = _take(copy, packages) if packages else _dbt(copy, "deps")
        sys.exit(failed or _dbt(copy, "build", "--select", f"package:{PACKAGE}", EXCEPTIONS.stem))


def _copy_project(copy: Path) -> None:
    """Copy what dbt reads, with the package, its vars and the exceptions in place of the package's own."""
    for name in _PROJECT:
        source, place = PROJECT_DIR / name, copy / name
        place.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy(source, place)
    shutil.copy(EXCEPTIONS, copy / "seeds")
    project = yaml.safe_load((copy / "dbt_project.yml").read_text(encoding="utf-8"))
    project["vars"][PACKAGE] = _VARS
    project["data_tests"][PACKAGE] = {"+severity": "error"}
    project["seeds"][PACKAGE] = {EXCEPTIONS.stem: {"+enabled": False}}
    # of the project itself nothing is built
    del project["on-run-start"]
    project["on-run-end"] = f"{{{{ {PACKAGE}.print_{PACKAGE}_issues() }}}}"
    (copy / "dbt_project.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    needed = yaml.safe_load((copy / "packages.yml").read_text(encoding="utf-8"))
    needed["packages"].append({"package": f"dbt-labs/{PACKAGE}", "version": _VERSIONS})
    (copy / "packages.yml").write_text(yaml.safe_dump(needed), encoding="utf-8")


def _take(copy: Path, packages: tuple[Path, ...]) -> int:
    """Install the given packages, and those of the project that none of them replaces; return 0."""
    installed = copy / "dbt_packages"
    shutil.copytree(PROJECT_DIR / "dbt_packages", installed)
    for package in packages:
        name = yaml.safe_load((package / "dbt_project.yml").read_text(encoding="utf-8"))["name"]
        shutil.rmtree(installed / name, ignore_errors=True)
        shutil.copytree(package, installed / name)
    return 0


def _dbt(project: Path, *arguments: str) -> int:
    """Run dbt on the copy, in a DuckDB file beside it; return its exit code."""
    command = [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", "dbt.cli.main"]
    places = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(project / "evaluator.duckdb")}
    return subprocess.run([*command, *arguments], cwd=project, env=os.environ | places).returncode


if __name__ == "__main__":
    main()
