"""The DAG and what changes with it: a model names its rule book, so dbt knows what a changed rule changes."""

from __future__ import annotations

import json
import shutil

import pytest

from retail.contract import PROJECT_DIR, tables
from support.graph import macros_behind

pytestmark = pytest.mark.extended

BOOKS = {f"{table.name}_rules" for table in tables()} - {"store_sales_line_items_rules"}


@pytest.mark.parametrize("table", ["stores", "products", "customer_details", "promotion_details", "loyalty_rules"])
def test_a_checked_master_depends_on_its_own_rule_book_alone(manifest, table):
    assert macros_behind(manifest, f"checked_{table}") & BOOKS == {f"{table}_rules"}


def test_what_lists_all_rules_depends_on_all_rule_books(manifest):
    for model in ("dq_rules", "rejected_records"):
        assert macros_behind(manifest, model) >= BOOKS | {"line_item_rules_of_row", "line_item_rules_of_transaction"}


def test_state_modified_follows_a_changed_rule(server, run_program, tmp_path):
    """On a copy of the project, a warning of one table becomes an error."""
    copy = tmp_path / "project"
    for folder in ("analyses", "dbt_packages", "docs", "macros", "models", "seeds", "tests/data"):
        shutil.copytree(PROJECT_DIR / folder, copy / folder)
    for file in ("dbt_project.yml", "packages.yml", "profiles.yml"):
        shutil.copy(PROJECT_DIR / file, copy)
    before, after = tmp_path / "before", tmp_path / "after"

    def run(*arguments):
        return run_program(server | {"DBT_PROFILES_DIR": str(copy)}, "dbt", "--quiet", *arguments, cwd=copy)

    run("parse", "--target-path", str(before))
    shutil.copytree(before, after)
    book = copy / "macros" / "rule_books" / "stores.sql"
    rule = "rule_too_long(columns, 'store_city', 'warn')"
    text = book.read_text(encoding="utf-8")
    assert rule in text
    book.write_text(text.replace(rule, rule.replace(", 'warn'", "")), encoding="utf-8")
    changed = run(
        "ls", "--select", "state:modified", "--resource-type", "model", "--state", str(before), "--output", "json",
        "--output-keys", "name", "--target-path", str(after),
    )  # fmt: skip
    names = {json.loads(line)["name"] for line in changed.stdout.splitlines() if line.startswith("{")}
    assert names == {"checked_stores", "dq_rules", "rejected_records"}
