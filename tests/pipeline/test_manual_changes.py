"""Landing tables that anyone but `retail load` changes, by whatever means: the next build rebuilds everything."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from retail.contract import tables
from retail.loading.deliveries import find_sources
from retail.loading.landing import BOOKKEEPING
from retail.loading.load import load_sources
from support.comparison import what_is_left
from support.programs import WITHOUT_MARKETING
from support.replay import connected
from support.shop import clean_shop, read_export, write_export, write_shop

PRODUCT = "(product_id, product_name, product_category, unit_price, current_stock_level, file_id, source_row_number)"
CHANGES = "select table_name, action from retail_landing.manual_changes order by changed_at"
VARIABLES = json.dumps({"raw_layer": "landing", "max_rejected_share": 1})
BY_HAND = "full rebuild: landing tables were changed by hand"


def load(database, folder, **options):
    with closing(connected(database)) as connection:
        load_sources(connection, find_sources(folder), **options)


@pytest.fixture(scope="module")
def loaded(new_database, tmp_path_factory):
    database = new_database()
    load(database, write_shop(clean_shop(), tmp_path_factory.mktemp("shop")))
    return database


@pytest.mark.parametrize(
    ("statement", "recorded"),
    [
        ("delete from {}.raw_customer_details where customer_id = 'C1'", [("raw_customer_details", "delete")]),
        ("update {}.raw_products set unit_price = '11'", [("raw_products", "update")]),
        ("truncate {0}.raw_products, {0}.raw_stores", [("raw_products", "truncate"), ("raw_stores", "truncate")]),
        (
            "delete from {0}.raw_products; "
            f"insert into {{0}}.raw_products {PRODUCT} values ('P1', 'Cup', 'Kitchen', '10.00', '5', 2, 1)",
            [("raw_products", "delete"), ("raw_products", "insert")],
        ),
        ("copy {}.raw_products from program 'true'", [("raw_products", "insert")]),
        ("with gone as (delete from {}.raw_stores returning 1) select count(*) from gone", [("raw_stores", "delete")]),
        (
            "merge into {0}.raw_stores as s using {0}.raw_stores as t on s.store_id = t.store_id "
            "when matched then delete",
            [("raw_stores", "delete")],
        ),
        ("set session_replication_role = replica; delete from {}.raw_stores", [("raw_stores", "delete")]),
        ("set retail.is_loading = 'off'; delete from {}.loaded_files", [("loaded_files", "delete")]),
        ("select count(*) from {}.raw_stores", []),
        ("vacuum full {}.raw_stores", []),
    ],
)
def test_whatever_changes_a_table_is_recorded_in_its_own_transaction(loaded, statement, recorded):
    with closing(connected(loaded)) as connection, connection.cursor() as cursor:
        connection.autocommit = statement.startswith("vacuum")
        cursor.execute(statement.format("retail_landing"))
        cursor.execute(CHANGES)
        assert cursor.fetchall() == recorded
        connection.rollback()
        cursor.execute(CHANGES)
        assert cursor.fetchall() == []


def test_who_may_not_read_the_records_may_change_the_tables(loaded, query):
    with closing(connected(loaded)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create role retail_test_clerk; grant usage on schema retail_landing to retail_test_clerk; "
            "grant select, delete on retail_landing.raw_stores to retail_test_clerk; "
            "set local role retail_test_clerk; delete from retail_landing.raw_stores; reset role"
        )
        cursor.execute(CHANGES)
        assert cursor.fetchall() == [("raw_stores", "delete")]
        connection.rollback()


def test_loads_are_not_recorded_and_an_older_landing_is_from_the_next_load_on(fresh_database, query, tmp_path):
    shop = write_shop(clean_shop(), tmp_path / "first")
    load(fresh_database, shop)
    query(fresh_database, "drop function retail_landing.record_manual_change cascade")
    query(fresh_database, "drop table retail_landing.manual_changes")
    more = {"stores": ["S2,Side,Linz,North,2020-01-01"]}
    load(fresh_database, write_shop(more, tmp_path / "2025-06-05"))
    unknown = query(fresh_database, CHANGES)
    assert len(unknown) == len(tables()) + len(BOOKKEEPING)
    assert {action for _, action in unknown} == {"not recorded before"}
    load(fresh_database, write_shop(more, tmp_path / "2025-06-06"))
    load(fresh_database, shop, start_over=True)
    load(fresh_database, shop, force=True)
    assert query(fresh_database, CHANGES) == unknown
    query(fresh_database, "delete from retail_landing.repairs")
    assert len(query(fresh_database, CHANGES)) == len(unknown) + 1


def test_rows_inserted_by_hand_do_not_stop_the_next_load(fresh_database, query, tmp_path):
    load(fresh_database, write_shop(clean_shop(), tmp_path / "first"))
    query(
        fresh_database,
        f"insert into retail_landing.raw_products {PRODUCT} values ('P9', 'Pot', 'Kitchen', '5', '1', 9, 2)",
    )
    load(fresh_database, write_shop({"products": ["P2,Mug,Kitchen,4.00,1"]}, tmp_path / "2025-06-05"))
    found = query(fresh_database, "select product_id, source_row_number from retail_landing.raw_products order by 2")
    assert found == [("P1", 1), ("P9", 2), ("P2", 3)]


# ------------------------------------------------------------------------------------------------------ the next build


@pytest.fixture(scope="module")
def built(new_database, landing, run_program, tmp_path_factory):
    """The small shop, loaded and built."""
    database = new_database(landing)
    run_program(database, "retail", "load", str(write_shop(clean_shop(), tmp_path_factory.mktemp("shop"))))
    run(run_program, database)
    return database


def run(run_program, database, *options):
    return run_program(database, "dbt", "run", *options, *WITHOUT_MARKETING, "--vars", VARIABLES).stdout


@pytest.mark.parametrize(
    "statement",
    [
        "delete from {}.raw_customer_details where customer_id = 'C1'",
        *(
            pytest.param(statement, marks=pytest.mark.extended)
            for statement in (
                "drop view retail_staging.dq_conservation; "
                "alter table {}.raw_products alter product_name type text using upper(product_name)",
                # another price of P1, one more in a file that was never loaded, a reject, and another key
                "update {0}.raw_products set unit_price = '11.00'; "
                f"insert into {{0}}.raw_products {PRODUCT} values ('P1', 'Cup', 'Kitchen', '12.00', '5', 900, 1000), "
                "('P2', 'Mug', 'Kitchen', 'dear', '5', 900, 1001); "
                "with gone as (delete from {0}.raw_stores returning *) "
                "insert into {0}.raw_stores "
                "select 'S3', store_name, store_city, store_region, opening_date, file_id, 1001 from gone",
                "truncate {}.raw_products",
            )
        ),
    ],
    ids=lambda statement: " ".join(statement.split()[:3]),
)
def test_a_change_by_hand_reaches_the_marts(built, run_program, query, statement):
    database = built
    with closing(connected(database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("delete from retail_landing.raw_stores where store_id = 'S3'")
        cursor.execute(statement.format("retail_landing"))
    assert BY_HAND in run(run_program, database)
    noticed = what_is_left(query, database, "retail", "retail_staging")
    if "C1" in statement:
        assert query(database, "select customer_id from retail.customer_details") == [("C2",)]
    if "12.00" in statement:
        assert query(database, "select unit_price::text from retail.products") == [("12.00",)]
    run_program(
        database, "dbt", "test", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", VARIABLES
    )
    run(run_program, database, "--full-refresh")
    assert what_is_left(query, database, "retail", "retail_staging") == noticed
    assert "full rebuild" not in run(run_program, database)


@pytest.mark.extended
def test_an_untouched_landing_is_never_rebuilt(landing_database, run_program, query, tmp_path):
    """After a load, a load of nothing new, a repair, a start from the beginning, and what an administrator does."""
    database = landing_database
    shop = clean_shop()
    shop["store_sales_line_items"][0] = "1,T1,P1,,none,10.00"
    folder = write_shop(shop, tmp_path / "shop")
    run_program(database, "retail", "load", str(folder))
    assert "full rebuild: a table is not there yet" in run(run_program, database)
    assert "full rebuild" not in run(run_program, database)
    more = {
        "store_sales_header": ["T5,C1,S1,2025-06-05 10:00:00,10.00"],
        "store_sales_line_items": ["1,T5,P1,,1,10.00"],
    }
    for _ in range(2):
        run_program(database, "retail", "load", str(write_shop(more, tmp_path / "2025-06-05")))
        assert "full rebuild" not in run(run_program, database)
    run_program(database, "retail", "rejects", "export", "--out", str(tmp_path / "rejects"))
    rows = read_export(tmp_path / "rejects", "store_sales_line_items")
    write_export(tmp_path / "rejects", "store_sales_line_items", [row | {"quantity": "1"} for row in rows])
    run_program(database, "retail", "load", "--replace-rejected", str(tmp_path / "rejects"))
    with closing(connected(database)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("vacuum analyze retail_landing.raw_stores")
        cursor.execute("reindex table retail_landing.raw_stores")
    assert "full rebuild" not in run(run_program, database)
    assert query(database, "select count(*) from retail.store_sales_header") == [(5,)]
    run_program(database, "retail", "load", "--start-over", str(folder))
    assert "full rebuild: the files were loaded again" in run(run_program, database)
    assert "full rebuild" not in run(run_program, database)
    assert query(database, CHANGES) == []


@pytest.mark.extended
def test_a_landing_that_records_nothing_is_rebuilt_until_the_next_load(landing_database, run_program, query, tmp_path):
    """An earlier version made it, and its build remembered no such state; or somebody switched the triggers off."""
    database = landing_database
    run_program(database, "retail", "load", str(write_shop(clean_shop(), tmp_path / "shop")))
    run(run_program, database)
    query(database, "drop function retail_landing.record_manual_change cascade")
    query(database, "drop table retail_landing.manual_changes")
    query(database, "alter table retail_staging.build_state drop column landing_state")
    assert "the next retail load sees to it" in run(run_program, database)
    run_program(database, "retail", "load", str(tmp_path / "shop"))  # brings nothing new
    assert BY_HAND in run(run_program, database)
    assert "full rebuild" not in run(run_program, database)
    query(database, "alter table retail_landing.raw_products disable trigger all")
    query(database, "delete from retail_landing.raw_products")
    query(database, "alter table retail_landing.raw_products enable trigger all")
    assert "the next retail load sees to it" in run(run_program, database)
    assert query(database, "select count(*) from retail.products") == [(0,)]
