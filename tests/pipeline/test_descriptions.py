"""Everything that dbt docs shows is described, and nothing is described that is not there."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture(scope="module")
def manifest(server, run_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parsed")
    run_program(server, "dbt", "parse", "--no-partial-parse", "--target-path", str(folder))
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def of_the_project(found: dict) -> list[dict]:
    return [entry for entry in found.values() if entry["package_name"] == "retail"]


def test_every_relation_is_described(manifest):
    described = ("model", "seed", "analysis")
    nodes = [node for node in of_the_project(manifest["nodes"]) if node["resource_type"] in described]
    assert len(nodes) > 40
    assert [node["name"] for node in [*nodes, *manifest["sources"].values()] if not node["description"]] == []


def test_every_column_is_described(manifest, sample, query):
    present = set(
        query(
            sample,
            "select table_name, column_name from information_schema.columns where table_schema like 'retail%'",
        )
    )
    documented = {
        (node["name"], column["name"])
        for node in of_the_project(manifest["nodes"])
        if node["resource_type"] in ("model", "seed")
        for column in node["columns"].values()
        if column["description"]
    }
    assert present == documented


def test_every_macro_and_argument_is_described(manifest):
    macros = [
        macro
        for macro in of_the_project(manifest["macros"])
        if not macro["name"].startswith(("postgres__", "test_", "materialization_"))
    ]
    assert len(macros) > 80
    for macro in macros:
        assert macro["description"], macro["name"]
        (signature,) = re.findall(rf"macro {macro['name']}\((.*?)\)", macro["macro_sql"], re.DOTALL)
        names = [argument.partition("=")[0].strip() for argument in signature.split(",") if argument.strip()]
        assert [argument["name"] for argument in macro["arguments"] if argument["description"]] == names, macro["name"]


def test_every_test_of_ours_is_described(manifest):
    tests = [
        node
        for node in of_the_project(manifest["nodes"])
        if node["resource_type"] == "test" and "test_metadata" not in node
    ]
    assert len(tests) >= 6
    assert [test["name"] for test in tests if not test["description"]] == []
    assert [test["name"] for test in manifest["unit_tests"].values() if not test["description"]] == []
