"""Whatever is delivered in whatever order: a build that amends the last one leaves what a build of everything leaves.

RETAIL_DELIVERIES sets how many worlds are tried; the default is meant for `make test`.
"""

from __future__ import annotations

import json
import os
from random import Random

import pytest
from comparison import what_is_left
from deliveries import deliveries, write_deliveries
from worlds import CUTOFF

WORLDS = int(os.environ.get("RETAIL_DELIVERIES", "3"))
VARIABLES = {"raw_layer": "landing", "data_cutoff_date": str(CUTOFF), "max_rejected_share": 1}
FACTS = ("store_sales_header", "store_sales_line_items")


@pytest.fixture
def tables(query):
    """Everything that a build leaves in a database, in an order of its own."""

    return lambda database: what_is_left(query, database, "retail", "retail_staging")


def build(run_program, database, *options, **more):
    return run_program(database, "dbt", "run", *options, "--vars", json.dumps(VARIABLES | more))


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
def test_amending_is_building_anew(new_database, run_program, query, tables, tmp_path, seed):
    database = new_database()
    random = Random(seed)
    run_program(database, "dbt", "seed", "--vars", "raw_layer: landing")
    facts = {table: set() for table in FACTS}
    first, *others = write_deliveries(deliveries(seed), tmp_path)
    random.shuffle(others)
    builds = 0
    for folder in (first, *others):
        run_program(database, "retail", "load", str(folder))
        if folder != others[-1] and random.random() < 0.4:
            continue  # the next build finds several deliveries
        result = build(run_program, database)
        assert ("built anew" in result.stdout) == (builds == 0)
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
