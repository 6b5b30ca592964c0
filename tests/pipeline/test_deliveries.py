"""Whatever is delivered in whatever order: a build that amends the last one leaves what a build of everything leaves.

RETAIL_DELIVERIES sets how many worlds are tried; the default is meant for `make test`.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from random import Random

import pytest

from support.comparison import what_is_left
from support.deliveries import deliveries, write_deliveries
from support.replay import connected
from support.worlds import CUTOFF

WORLDS = int(os.environ.get("RETAIL_DELIVERIES", "3"))
VARIABLES = {"raw_layer": "landing", "data_cutoff_date": str(CUTOFF), "max_rejected_share": 1}
FACTS = ("store_sales_header", "store_sales_line_items")


@pytest.fixture
def tables(query):
    """Everything that a build leaves in a database, in an order of its own."""

    return lambda database: what_is_left(query, database, "retail", "retail_staging")


def run(*options, **more):
    return ("dbt", "run", *options, "--vars", json.dumps(VARIABLES | more))


def build(run_program, database, *options, **more):
    return run_program(database, *run(*options, **more))


def differing(found, expected):
    return {
        name: {
            "amended": sorted(set(rows) - set(expected[name]))[:3],
            "anew": sorted(set(expected[name]) - set(rows))[:3],
        }
        for name, rows in found.items()
        if rows != expected[name]
    }


@pytest.mark.parametrize("seed", range(1, WORLDS + 1))
def test_amending_is_building_anew(landing_database, run_program, query, tables, tmp_path, seed):
    database = landing_database
    random = Random(seed)
    facts = {table: set() for table in FACTS}
    first, *others = write_deliveries(deliveries(seed), tmp_path)
    random.shuffle(others)
    builds = 0
    for folder in (first, *others):
        run_program(database, "retail", "load", str(folder))
        if folder != others[-1] and random.random() < 0.4:
            continue  # the next build finds several deliveries
        result = build(run_program, database)
        assert ("full rebuild" in result.stdout) == (builds == 0)
        builds += 1
        for table in FACTS:  # what was clean stays as it was
            rows = set(query(database, f"select row_to_json(clean)::text from retail.{table} as clean"))
            assert facts[table] <= rows
            facts[table] = rows
    amended = tables(database)
    assert len(amended) > 30
    assert "it was asked for" in build(run_program, database, "--full-refresh").stdout
    assert differing(amended, tables(database)) == {}
    assert run_program(
        database, "dbt", "test", "--vars", json.dumps(VARIABLES), "--exclude", "resource_type:unit_test", check=True
    )


def kill_at(database, start_program, table, *options):
    """Start a build, hold up whatever writes a table, and kill the build there, with all that it runs in the server."""
    with closing(connected(database)) as connection, connection.cursor() as cursor:
        cursor.execute(f"lock table {table} in share mode")
        build = start_program(database, *run(*options))
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        for _ in range(600):
            cursor.execute(f"select pg_stat_clear_snapshot(), count(*) {others} and wait_event_type = 'Lock'")
            if cursor.fetchone()[1]:
                break
            assert build.exitcode is None, f"the build ended and did not write {table}"
            time.sleep(0.1)
        build.kill()
        build.join()
        cursor.execute(f"select pg_terminate_backend(pid, 10000) {others}")


def test_a_build_that_is_killed_is_taken_up_by_the_next_one(
    landing_database, run_program, start_program, tables, tmp_path
):
    """At whatever table it was: the checked ones, the rejects, the ledger, the clean ones."""
    database = landing_database
    first, *others = write_deliveries(deliveries(1, count=6), tmp_path)
    run_program(database, "retail", "load", str(first))
    build(run_program, database)
    kill_at(database, start_program, "retail_staging.checked_products", "--full-refresh")
    assert "a table is not there yet" in build(run_program, database).stdout
    for folder, table in zip(
        others,
        (
            "retail_staging.checked_store_sales_header",
            "retail_staging.rejected_records",
            "retail.loyalty_ledger",
            "retail.store_sales_header",
            "retail.store_sales_line_items",
        ),
        strict=True,
    ):
        run_program(database, "retail", "load", str(folder))
        kill_at(database, start_program, table)
    assert "full rebuild" not in build(run_program, database).stdout
    amended = tables(database)
    build(run_program, database, "--full-refresh")
    assert differing(amended, tables(database)) == {}
