"""Everything that dbt docs shows is described, and nothing is described that is not there."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml

from retail.contract import PROJECT_DIR

pytestmark = pytest.mark.extended


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
            """
            select table_name, column_name from information_schema.columns
            where table_schema like 'retail%' and table_name <> 'build_lock'
            """,
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


def test_every_test_of_ours_is_described(manifest):
    tests = [
        node
        for node in of_the_project(manifest["nodes"])
        if node["resource_type"] == "test" and "test_metadata" not in node
    ]
    assert len(tests) >= 6
    assert [test["name"] for test in tests if not test["description"]] == []
    assert [test["name"] for test in manifest["unit_tests"].values() if not test["description"]] == []


def test_a_models_first_sentence_gives_its_grain_and_its_key(manifest):
    keys = {}
    for test in manifest["nodes"].values():
        name = test.get("test_metadata", {}).get("name")
        if name in ("unique", "unique_combination_of_columns"):
            asked = test["test_metadata"]["kwargs"].get("combination_of_columns") or [test["column_name"]]
            keys.setdefault(test["attached_node"], []).append(asked)
    models = [node for node in of_the_project(manifest["nodes"]) if node["resource_type"] == "model"]
    for model in models:
        primary = [constraint["columns"] for constraint in model["constraints"] if constraint["type"] == "primary_key"]
        sentence = re.split(r"[.:;]\s", model["description"] + " ")[0]
        assert sentence.startswith("One row"), model["name"]
        known = primary or keys.get(model["unique_id"], [])
        named = [key for key in known if all(re.search(rf"\b{column}\b", sentence) for column in key)]
        # one row alone, and a view whose every test is a pass over all rows
        assert named or model["name"] in ("as_of", "dq_conservation"), f"{model['name']}: {known} in {sentence}"


def test_a_description_that_columns_share_is_written_once():
    written = Counter()
    for file in [*(PROJECT_DIR / "models").rglob("*.yml"), *(PROJECT_DIR / "seeds").rglob("*.yml")]:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        tables = [*content.get("models", []), *content.get("seeds", [])]
        tables += [table for source in content.get("sources", []) for table in source["tables"]]
        written.update(column["description"].strip() for table in tables for column in table.get("columns", []))
    assert [text for text, times in written.items() if times > 1 and "doc(" not in text] == []
