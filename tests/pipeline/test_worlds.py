"""The SQL against the oracle: on small spoiled worlds both must say the same of every row, point and customer."""

from __future__ import annotations

import pytest
from comparison import differences, facts_of_database, facts_of_oracle
from oracle import Settings, compute, read_directory
from worlds import CUTOFF, dirty_world, write_world

POLICIES = ("best", "highest_threshold", "stack")


@pytest.fixture(scope="module")
def database(new_database, run_program):
    """One database for all worlds: each load and build has to replace the one before it entirely."""
    database = new_database()
    run_program(database, "dbt", "seed", "--vars", "raw_layer: landing")
    return database


@pytest.mark.parametrize("seed", range(1, 7))
def test_database_and_oracle_agree(database, run_program, query, tmp_path, seed):
    policy = POLICIES[seed % len(POLICIES)]
    write_world(dirty_world(seed), tmp_path)
    run_program(database, "retail", "load", str(tmp_path))
    variables = f"{{raw_layer: landing, data_cutoff_date: '{CUTOFF}', loyalty_rule_policy: {policy}}}"
    run_program(database, "dbt", "run", "--vars", variables)

    raw = read_directory(tmp_path)
    result = compute(raw, Settings(data_cutoff_date=CUTOFF, loyalty_rule_policy=policy))

    assert differences(facts_of_database(query, database), facts_of_oracle(result, raw)) == {}
