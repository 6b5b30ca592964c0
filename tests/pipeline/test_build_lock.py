"""One build at a time: a second one waits, a killed one is taken over, and who lost the lock writes nothing."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager

import pytest

from retail.engines import build_lock
from retail.errors import RetailError
from retail.loading import postgres
from support.comparison import what_is_left
from support.programs import WITHOUT_MARKETING
from support.replay import connected
from support.shop import clean_shop, write_shop

LANDING = "{raw_layer: landing, build_lock_timeout: %s}"
HOLDER = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def shop(new_database, landing, run_program, tmp_path_factory):
    """A small shop, loaded and built."""
    database = new_database(landing)
    folder = write_shop(clean_shop(), tmp_path_factory.mktemp("files"))
    run_program(database, "retail", "load", str(folder))
    run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", LANDING % 60)
    return database


@contextmanager
def another_build(database, query):
    """A build that holds the lock, with a backend that says so."""
    query(
        database,
        "update retail_staging.build_lock set invocation_id = %s, command = 'run', taken_at = now()",
        [HOLDER],
    )
    try:
        with closing(connected(database)) as connection, connection.cursor() as cursor:
            cursor.execute(f"/* {HOLDER} */ select 1")
            yield
    finally:
        query(database, "update retail_staging.build_lock set invocation_id = null, command = null, taken_at = null")


def test_a_build_waits_for_another_one_and_then_gives_up(shop, run_program, query):
    database = shop
    before = what_is_left(query, database, "retail", "retail_staging")
    with another_build(database, query):
        result = run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", LANDING % 1, check=False)
    assert result.returncode != 0
    assert "waiting up to 1 s for dbt run, begun at" in result.stdout
    assert "nothing was written" in result.stdout
    assert what_is_left(query, database, "retail", "retail_staging") == before


@pytest.mark.extended
def test_a_build_that_is_gone_is_taken_over(shop, run_program, query):
    database = shop
    query(database, "update retail_staging.build_lock set invocation_id = %s, command = 'run'", [HOLDER])
    result = run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", LANDING % 60)
    assert "that build is gone: this one goes on" in result.stdout
    assert query(database, "select invocation_id from retail_staging.build_lock") == [(None,)]


@pytest.mark.extended
def test_a_build_that_lost_the_lock_fails_at_its_next_write(shop, start_program, query):
    database = shop
    build = start_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", LANDING % 60)
    deadline = time.monotonic() + 120
    while query(database, "select invocation_id from retail_staging.build_lock") == [(None,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    query(database, "update retail_staging.build_lock set invocation_id = %s", [HOLDER])
    build.join(120)
    assert build.exitcode == 1
    query(database, "update retail_staging.build_lock set invocation_id = null, command = null, taken_at = null")


@pytest.mark.extended
def test_a_load_that_takes_rows_away_and_a_build_wait_for_each_other(shop, run_program, query, monkeypatch):
    """`retail load --start-over` and `--replace-rejected` ask for it so."""
    database = shop
    monkeypatch.setattr(build_lock, "_setting", {"build_lock_timeout": 1, "build_gone_after": 5}.get)
    with another_build(database, query), closing(connected(database)) as connection:
        landing = postgres.PostgresLanding(connection)
        with pytest.raises(RetailError, match="a build is still running"), landing.transaction():
            landing.wait_for_others(builds=True)
    with closing(connected(database)) as connection:
        landing = postgres.PostgresLanding(connection)
        with landing.transaction():
            landing.wait_for_others(builds=True)
            refused = run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", LANDING % 1, check=False)
    assert "a retail command is at work" in refused.stdout
