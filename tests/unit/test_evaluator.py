"""dbt-project-evaluator's exceptions: what the command puts into its copy, and that none outlives its model."""

from __future__ import annotations

import csv

import yaml

from retail.contract import PROJECT_DIR
from tools.evaluator import __main__ as evaluator


def test_each_exception_has_a_reason_and_names_what_exists():
    with evaluator.EXCEPTIONS.open(encoding="utf-8", newline="") as file:
        exceptions = list(csv.DictReader(file))
    files = [*PROJECT_DIR.glob("models/**/*.sql"), *PROJECT_DIR.glob("seeds/**/*.csv")]
    names = {file.stem for file in files} | {"marts", "landing.manual_changes"}
    assert all(exception["comment"].endswith(".") for exception in exceptions)
    exact = {exception["id_to_exclude"] for exception in exceptions if "%" not in exception["id_to_exclude"]}
    assert exact - names == set()


def test_the_copy_has_the_package_with_our_exceptions(tmp_path):
    evaluator._copy_project(tmp_path)
    project = yaml.safe_load((tmp_path / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["seeds"][evaluator.PACKAGE] == {evaluator.EXCEPTIONS.stem: {"+enabled": False}}
    assert (tmp_path / "seeds" / evaluator.EXCEPTIONS.name).read_bytes() == evaluator.EXCEPTIONS.read_bytes()
    packages = yaml.safe_load((tmp_path / "packages.yml").read_text(encoding="utf-8"))["packages"]
    assert [package["package"].partition("/")[2] for package in packages] == [
        "dbt_utils",
        "dbt_expectations",
        evaluator.PACKAGE,
    ]
