"""dbt's own commands on this project: in a second schema, with production's state, or with nothing built yet."""

from __future__ import annotations

import json

import pytest

from support.shop import clean_shop, write_shop

pytestmark = pytest.mark.extended
LANDING = "raw_layer: landing"


@pytest.fixture(scope="module")
def production(new_database, sample_template, run_program, dbt_files):
    """The sample as built in schema retail, and the manifest that it left."""
    database = new_database(sample_template)
    run_program(database | {"DBT_WRITE_JSON": "true"}, "dbt", "parse")
    return database, dbt_files(database)["DBT_TARGET_PATH"]


@pytest.fixture(scope="module")
def landed(new_database, landing, run_program, dbt_files, tmp_path_factory):
    """Two deliveries of a small shop, built one after the other, and the manifest that the second build left."""
    database = new_database(landing)
    shop = clean_shop()
    for day in ("2025-06-05", "2025-06-06"):
        run_program(database, "retail", "load", str(write_shop(shop, tmp_path_factory.mktemp("files") / day)))
        run_program(database | {"DBT_WRITE_JSON": "true"}, "dbt", "run", "--vars", LANDING)
        shop |= {
            "store_sales_header": ["T5,C1,S1,2025-06-05 10:00:00,10.00"],
            "store_sales_line_items": ["1,T5,P1,,1,10.00"],
        }
    return database, dbt_files(database, "--vars", LANDING)["DBT_TARGET_PATH"]


def test_defer_builds_one_model_beside_production(production, run_program, query):
    database, state = production
    dev = database | {"RETAIL_SCHEMA": "dev"}
    run_program(dev, "dbt", "run", "-s", "store_sales_line_items", "--defer", "--state", state)
    rows = [query(database, f"select count(*) from {schema}.store_sales_line_items") for schema in ("dev", "retail")]
    assert rows[0] == rows[1]
    keys = (
        "select count(*) from pg_constraint where contype = 'f' and conrelid = 'dev.store_sales_line_items'::regclass"
    )
    assert query(database, keys) == [(0,)]


def test_defer_with_landing_reads_productions_tables(landed, run_program, query):
    database, state = landed
    dev = database | {"RETAIL_SCHEMA": "dev"}
    run_program(dev, "dbt", "run", "-s", "store_sales_header", "--defer", "--state", state, "--vars", LANDING)
    assert query(database, "select count(*) from dev.store_sales_header") == [(5,)]


def test_clone_then_run(production, run_program, query):
    database, state = production
    dev = database | {"RETAIL_SCHEMA": "cloned"}
    run_program(dev, "dbt", "clone", "--state", state)
    run_program(dev, "dbt", "run")
    for table in ("retail.customer_details", "retail_history.quarantine_history"):
        both = [
            query(database, f"select count(*) from {name}") for name in (table, table.replace("retail", "cloned", 1))
        ]
        assert both[0] == both[1]
    run_program(dev, "dbt", "seed")  # the clones of the seeds are views, which dbt itself doesn't load


def test_warn_error_is_not_blocked(production, run_program):
    database, _ = production
    run_program(database, "dbt", "--warn-error", "run", "-s", "dq_summary")


def test_empty_is_a_dry_run_of_the_schemas(production, run_program):
    dev = production[0] | {"RETAIL_SCHEMA": "empty"}
    run_program(dev, "dbt", "seed")
    run_program(dev, "dbt", "build", "--empty", "--exclude-resource-type", "unit_test")


@pytest.mark.parametrize(("built", "variables"), [("production", "{}"), ("landed", LANDING)])
def test_state_modified_selects_nothing_where_nothing_changed(request, run_program, built, variables):
    database, state = request.getfixturevalue(built)
    found = run_program(
        database | {"RETAIL_SCHEMA": "ci"}, "dbt", "--quiet", "ls", "-s", "state:modified+", "--resource-type", "model",
        "--state", state, "--vars", variables,
    )  # fmt: skip
    assert [line for line in found.stdout.splitlines() if line.startswith("retail.")] == []


def test_source_freshness_knows_when_files_were_loaded(landed, run_program, tmp_path):
    database, _ = landed
    run_program(database, "dbt", "source", "freshness", "--vars", LANDING, "--target-path", str(tmp_path))
    results = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))["results"]
    assert {result["status"] for result in results} == {"pass"}
    assert {result["unique_id"].rpartition(".")[2] for result in results} >= {"raw_stores", "loaded_files"}


def test_retry_goes_on_where_the_last_command_failed(production, run_program, query, tmp_path):
    dev = production[0] | {"RETAIL_SCHEMA": "retried"}
    target = ("--target-path", str(tmp_path))
    run_program(dev, "dbt", "seed", *target)
    # a function in the way of a view's name
    query(dev, "create type retried_staging.stg_stores as enum ()")
    broken = run_program(dev, "dbt", "run", "-s", "+stores", *target, check=False)
    assert broken.returncode == 1
    query(dev, "drop type retried_staging.stg_stores")
    assert "Completed successfully" in run_program(dev, "dbt", "retry", *target).stdout
    assert query(dev, "select count(*) from retried.stores") == query(dev, "select count(*) from retail.stores")


@pytest.mark.parametrize(
    "options",
    [["--threads", "1", "--exclude", "tag:mart"], ["--threads", "16", "--store-failures"], ["--sample", "1 day"]],
    ids=" ".join,
)
def test_options_of_build_work(sample_copy, run_program, options):
    run_program(sample_copy, "dbt", "build", "--exclude-resource-type", "unit_test", *options)


@pytest.mark.parametrize("variables", ["{}", LANDING])
def test_run_on_a_fresh_database_says_what_comes_first(fresh_database, run_program, variables):
    result = run_program(fresh_database, "dbt", "run", "--vars", variables, check=False)
    assert result.returncode != 0
    assert "run `dbt seed` first, or `dbt build`" in result.stdout


def test_run_before_a_load_says_what_comes_first(landing_database, run_program):
    result = run_program(landing_database, "dbt", "run", "--vars", LANDING, check=False)
    assert result.returncode != 0
    assert "load your files first (retail load DIR)" in result.stdout


def test_a_schema_of_another_name_is_loaded_and_built_twice(fresh_database, run_program, query, tmp_path):
    """The longest name that fits, which SQL has to quote; which names are refused is in test_settings.py."""
    schema = "s-" + "s" * 53
    dev = fresh_database | {"RETAIL_SCHEMA": schema}
    run_program(dev, "retail", "load", str(write_shop(clean_shop(), tmp_path / "shop")))
    run_program(dev, "dbt", "build", "--vars", LANDING)
    run_program(dev, "dbt", "build", "--vars", LANDING, "--exclude-resource-type", "unit_test")
    run_program(dev, "dbt", "source", "freshness", "--vars", LANDING)
    assert "in = clean + rejected in every table" in run_program(dev, "retail", "summary").stdout
    assert query(dev, f'select count(*) from "{schema}".customer_details') == [(2,)]
    # PostgreSQL cuts a name without a word
    cut = "select relname from pg_class where length(relname) = 63 and relname like 's%'"
    assert query(dev, cut) == []
