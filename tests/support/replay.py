"""The build without dbt: the SQL that dbt compiled once, run again on other rows.

A build by dbt takes seconds before its first statement; a property needs hundreds of builds. So dbt makes the tables
once, compiles the models and the data tests under each set of vars, and here their statements are run in dbt's order.
The tables keep their constraints. What is left out: the history, which is about several builds of dbt itself.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from retail.loading.deliveries import find_sources
from retail.loading.load import load_sources

Contents = dict[str, list[tuple]]


def connected(database: dict[str, str]) -> Connection:
    return psycopg2.connect(
        host=database["PGHOST"],
        port=database["PGPORT"],
        user=database["PGUSER"],
        password=database["PGPASSWORD"],
        dbname=database["PGDATABASE"],
    )


class Replay:
    """The models and data tests of one compilation, in the order of their dependencies."""

    def __init__(self, database: dict[str, str], manifest: Path) -> None:
        self._database = database
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
        models = {
            name: node
            for name, node in nodes.items()
            if node["resource_type"] == "model" and node["package_name"] == "retail" and "compiled_code" in node
            if node["config"]["materialized"] != "incremental"  # a memory of what dbt has built
        }
        self.models = _in_order(models)
        self.tests = [
            node
            for node in nodes.values()
            if node["resource_type"] == "test"
            and node["config"]["severity"].lower() == "error"
            and all(parent in models or parent.startswith("seed.") for parent in node["depends_on"]["nodes"])
            and any(parent in models for parent in node["depends_on"]["nodes"])
        ]
        self._tables = [node["relation_name"] for node in self.models if node["config"]["materialized"] != "view"]

    def load(self, folder: Path) -> None:
        """Put the files into the landing schema, as `retail load` does."""
        with closing(connected(self._database)) as connection:
            load_sources(connection, find_sources(folder), start_over=True)

    def build(self) -> None:
        """Build every model anew; a row that breaks a constraint ends it."""
        with closing(connected(self._database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"truncate {', '.join(self._tables)}")
            for node in self.models:
                relation, code = node["relation_name"], node["compiled_code"]
                if node["config"]["materialized"] == "view":
                    cursor.execute(f"create or replace view {relation} as {code}")
                    continue
                cursor.execute(
                    """
                    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
                    where attrelid = %s::regclass and attnum > 0 and not attisdropped
                    """,
                    [relation],
                )
                ((columns,),) = cursor.fetchall()
                cursor.execute(f"insert into {relation} ({columns}) select {columns} from ({code}\n) as built")

    def failed_tests(self) -> list[str]:
        """Return the data tests that fail, without those that only warn; names as dbt shows them."""
        with closing(connected(self._database)) as connection, connection.cursor() as cursor:
            failed = []
            for node in self.tests:
                cursor.execute(f"select {node['config']['fail_calc']} from ({node['compiled_code']}\n) as found")
                ((count,),) = cursor.fetchall()
                if count:
                    failed.append(node["name"])
            return failed

    def contents(self) -> Contents:
        """All rows of all tables, in an order of their own."""
        with closing(connected(self._database)) as connection, connection.cursor() as cursor:
            found: Contents = {}
            for relation in self._tables:
                cursor.execute(f'select found::text from {relation} as found order by found::text collate "C"')
                found[relation] = cursor.fetchall()
            return found


def _in_order(models: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    ordered: dict[str, dict[str, Any]] = {}

    def add(name: str) -> None:
        if name in models and name not in ordered:
            for parent in models[name]["depends_on"]["nodes"]:
                add(parent)
            ordered[name] = models[name]

    for name in models:
        add(name)
    return list(ordered.values())
