"""Whatever is delivered in whatever order: a build that amends the last one leaves what a full rebuild leaves."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from support.comparison import what_is_left
from support.deliveries import deliveries, story, write_deliveries
from support.graph import reads_without_an_edge
from support.programs import WITHOUT_MARKETING
from support.replay import connected
from support.shop import clean_shop, write_shop
from support.worlds import CUTOFF

VARIABLES = {"raw_layer": "landing", "data_cutoff_date": str(CUTOFF), "max_rejected_share": 1}
STORY = 0
FACTS = ("store_sales_header", "store_sales_line_items", "loyalty_redemptions", "inventory_levels")


@pytest.fixture
def tables(query):
    """Everything that a build leaves in a database, in an order of its own."""

    return lambda database: what_is_left(query, database, "retail", "retail_staging")


def run(*options, **more):
    return ("dbt", "run", *options, *WITHOUT_MARKETING, "--vars", json.dumps(VARIABLES | more))


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


@pytest.mark.parametrize(
    "seed",
    [
        STORY,
        1,
        pytest.param(2, marks=pytest.mark.extended),
        *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(3, 31)),
    ],
)
def test_amending_is_building_anew(
    landing_database, run_program, query, tables, dbt_files, tmp_path, record_property, seed
):
    database = landing_database
    random = Random(seed)
    facts = {table: set() for table in FACTS}
    first, *others = write_deliveries(story() if seed == STORY else deliveries(seed), tmp_path)
    if seed != STORY:
        random.shuffle(others)
    builds = 0
    for folder in (first, *others):
        run_program(database, "retail", "load", str(folder))
        if seed != STORY and folder != others[-1] and random.random() < 0.4:
            continue  # the next build finds several deliveries
        result = build(run_program, database | {"DBT_WRITE_JSON": "true"})
        assert ("full rebuild" in result.stdout) == (builds == 0)
        builds += 1
        for table in FACTS:  # what was clean stays as it was
            rows = set(query(database, f"select row_to_json(clean)::text from retail.{table} as clean"))
            assert facts[table] <= rows
            facts[table] = rows
    target = Path(dbt_files(database, *run())["DBT_TARGET_PATH"])
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    assert list(reads_without_an_edge(manifest)) == []
    amended = tables(database)
    assert len(amended) > 30
    assert "it was asked for" in build(run_program, database, "--full-refresh").stdout
    assert differing(amended, tables(database)) == {}
    run_program(
        database,
        *("dbt", "test", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", json.dumps(VARIABLES)),
    )
    record_property("proved", ("deliveries in any order", {"worlds": 1, "builds": builds, "tables": len(amended)}))


@pytest.mark.extended
def test_master_data_that_go_back_to_an_earlier_state_win(landing_database, run_program, query, tables, tmp_path):
    """Each delivery has all seven tables; the sales are the same, and their amounts are of the first price."""
    database = landing_database
    shop = clean_shop()
    for price in ("10.00", "12.00", "10.00"):
        shop["products"] = [f"P1,Cup,Kitchen,{price},5"]
        run_program(database, "retail", "load", str(write_shop(shop, tmp_path)))
        build(run_program, database)
        assert [str(row[0]) for row in query(database, "select unit_price from retail.products")] == [price]
        assert query(database, "select count(*) from retail_staging.rejected_records") == [(0,)]
    assert query(
        database,
        "select source_table, count(*) from retail_landing.loaded_files group by 1 having count(*) > 1",
    ) == [("products", 3)]
    amended = tables(database)
    build(run_program, database, "--full-refresh")
    assert differing(amended, tables(database)) == {}


def kill_at(database, start_program, table, *options):
    """Start a build, hold up whatever writes a table, and kill the build there, with all that it runs in the server."""
    with closing(connected(database)) as connection, connection.cursor() as cursor:
        cursor.execute(f"lock table {table} in share mode")
        build = start_program(database, *run(*options))
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        for _ in range(1800):
            cursor.execute(f"select pg_stat_clear_snapshot(), count(*) {others} and wait_event_type = 'Lock'")
            if cursor.fetchone()[1]:
                break
            assert build.exitcode is None, f"the build ended and did not write {table}"
            time.sleep(0.1)
        build.kill()
        build.join()
        cursor.execute(f"select pg_terminate_backend(pid, 10000) {others}")


ON_THE_WAY = (
    "retail_staging.checked_store_sales_header",
    "retail_staging.rejected_records",
    "retail.store_sales_line_items",
)


@pytest.mark.parametrize(
    "killed_at", [("retail.loyalty_ledger",), pytest.param(ON_THE_WAY, marks=pytest.mark.extended)], ids=len
)
def test_a_build_that_is_killed_is_taken_up_by_the_next_one(
    landing_database, run_program, start_program, tables, tmp_path, killed_at
):
    """At whatever table it was: the ledger; a checked one, the rejects, a clean one."""
    database = landing_database
    first, *others = write_deliveries(deliveries(1, count=4), tmp_path)
    run_program(database, "retail", "load", str(first))
    build(run_program, database)
    if killed_at == ON_THE_WAY:
        kill_at(database, start_program, "retail_staging.checked_products", "--full-refresh")
        assert "a table is not there yet" in build(run_program, database).stdout
    for folder, table in zip(others, killed_at, strict=False):
        run_program(database, "retail", "load", str(folder))
        kill_at(database, start_program, table)
    run_program(database, "retail", "load", str(others[-1]))
    assert "full rebuild" not in build(run_program, database).stdout
    amended = tables(database)
    build(run_program, database, "--full-refresh")
    assert differing(amended, tables(database)) == {}
