"""The SQL against the oracle: on small spoiled worlds both must say the same of every row, point and customer."""

from __future__ import annotations

import json
from random import Random

import pytest

from support.comparison import differences, facts_of_database, facts_of_oracle
from support.oracle import Settings, compute, read_directory
from support.programs import WITHOUT_MARKETING
from support.worlds import CUTOFF, World, clean_world, dirty_world, write_world

POLICIES = ("best", "highest_threshold", "stack")


@pytest.fixture(scope="module")
def database(new_database, landing):
    """One database for all worlds: each load and build has to replace the one before it entirely."""
    return new_database(landing)


@pytest.fixture
def disagreement(database, run_program, query, tmp_path):
    """Load a world, build it, and return what database and oracle say differently of it."""

    def compare(world: World, policy: str = "best") -> dict:
        write_world(world, tmp_path)
        run_program(database, "retail", "load", "--start-over", str(tmp_path))
        variables = {
            "raw_layer": "landing",
            "data_cutoff_date": str(CUTOFF),
            "loyalty_rule_policy": policy,
            "max_rejected_share": 1,  # a world may be spoiled through and through
        }
        run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", json.dumps(variables))
        raw = read_directory(tmp_path)
        result = compute(raw, Settings(data_cutoff_date=CUTOFF, loyalty_rule_policy=policy))
        return differences(facts_of_database(query, database), facts_of_oracle(result, raw))

    return compare


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(3, 7))])
def test_database_and_oracle_agree(disagreement, seed):
    assert disagreement(dirty_world(seed), POLICIES[seed % len(POLICIES)]) == {}


def test_they_agree_on_cells_of_any_size(disagreement):
    """Cells that no index, no number and no small buffer has room for are data like any other."""
    random = Random(1)
    long = ["".join(random.choices("abcdefgh0123456789ÄÖÜß🛍", k=20_000)) for _ in range(6)]  # not to be compressed
    world = clean_world(Random(3))
    world["stores"][0]["store_id"] = long[0]
    world["products"][0]["unit_price"] = "1." + "".join(random.choices("0123456789", k=20_000))
    world["products"][1]["unit_price"] = "0" * 20_000 + "7.5"
    world["products"][2]["product_name"] = long[1] * 50
    world["customer_details"][0]["email"] = "a" * 100_000 + "@" + "b." * 100_000
    world["customer_details"][1]["email"] = "a@" * 100_000
    world["loyalty_rules"][0]["rule_name"] = "monday " * 10_000
    world["loyalty_rules"][1]["rule_id"] = long[2]
    world["store_sales_header"][0]["transaction_id"] = long[3]
    world["store_sales_header"][1]["transaction_date"] = "2025-01-01 10:00:00." + "0" * 100_000
    world["store_sales_header"][2]["customer_id"] = long[4]
    world["store_sales_line_items"][5]["line_item_id"] = long[5]
    assert disagreement(world) == {}
