"""Mistakes seen in other projects of this kind, each in a small shop of its own that is loaded from files and built."""

from __future__ import annotations

import pytest

from support.programs import WITHOUT_MARKETING

CUTOFF = "2025-12-31"

FILES = {
    "stores": "store_id,store_name,store_city,store_region,opening_date\nS1,Main,Graz,South,2020-01-01\n",
    "products": "product_id,product_name,product_category,unit_price,current_stock_level\nP1,Cup,Kitchen,10.00,5\n",
    "promotion_details": (
        "promotion_id,promotion_name,start_date,end_date,discount_percentage,applicable_category\n"
        "PR1,Sale,2025-01-01,2025-12-31,0.10,ALL\n"
    ),
    "loyalty_rules": "rule_id,rule_name,points_per_unit_spend,min_spend_threshold,bonus_points\n1,Base,1.00,0.00,0\n",
}
CUSTOMERS = "customer_id,first_name,email,loyalty_status,total_loyalty_points,last_purchase_date,segment_id\n"
HEADERS = "transaction_id,customer_id,store_id,transaction_date,total_amount\n"
LINES = "line_item_id,transaction_id,product_id,promotion_id,quantity,line_item_amount\n"

# customer: (date of the one purchase, total of its header, total of its line)
PURCHASES = {
    "same-1": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "same-2": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "same-3": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "same-4": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "same-5": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "year-2030": ("2030-01-01 10:00:00", "20.00", "20.00"),
    "off-by-1": ("2025-06-29 10:00:00", "20.01", "20.00"),
    "off-by-2": ("2025-06-29 10:00:00", "20.02", "20.00"),
    "": ("2025-06-29 10:00:00", "20.00", "20.00"),
    "59-days": ("2025-05-02 10:00:00", "20.00", "20.00"),
    "60-days": ("2025-05-01 10:00:00", "20.00", "20.00"),
    "day-of": ("2025-06-30 23:59:59", "20.00", "20.00"),
}


@pytest.fixture(scope="module")
def shop(new_database, run_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    customers, headers, lines = CUSTOMERS, HEADERS, LINES
    for number, (customer, (moment, total, line)) in enumerate(PURCHASES.items(), 1):
        customers += f"{customer},Ana,ana@example.org,Gold,0,,\n"
        headers += f"T{number},{customer},S1,{moment},{total}\n"
        lines += f"1,T{number},P1,,2,{line}\n"
    headers += f",{next(iter(PURCHASES))},S1,2025-06-29,5.00\n"  # a header without its key ...
    lines += "1,,P1,,2,5.00\n"  # ... and a line without its own
    for name, text in (FILES | {"customer_details": customers, "store_sales_header": headers}).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "store_sales_line_items.csv").write_text(lines, encoding="utf-8")
    database = new_database()
    variables = f"{{raw_layer: landing, data_cutoff_date: '{CUTOFF}'}}"
    run_program(database, "retail", "load", str(folder))
    run_program(
        database, *("dbt", "build", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", variables)
    )
    return database


@pytest.fixture
def rows(shop, query):
    return lambda statement: query(shop, statement)


def rejected(rows, customer: str) -> list[tuple]:
    number = list(PURCHASES).index(customer) + 1
    return rows(
        f"""
        select source_table, failed_rules, caused_by from retail_staging.rejected_records
        where record_key in ('T{number}', 'T{number}|1') order by 1
        """
    )


def test_a_row_dated_2030_is_rejected_and_moves_nothing(rows):
    assert rejected(rows, "year-2030") == [
        ("store_sales_header", "transaction_date_in_future", None),
        ("store_sales_line_items", "transaction_rejected", "store_sales_header:T6"),
    ]
    assert rows("select as_of_date::text from retail.as_of") == [("2025-06-30",)]
    assert rows(
        "select segment_id, last_purchase_date from retail.customer_details where customer_id = 'year-2030'"
    ) == [("PR", None)]


def test_a_null_key_is_rejected_alone(rows):
    found = rows(
        """
        select source_table, failed_rules from retail_staging.rejected_records
        where failed_rules like '%\\_missing%' order by 1, 2
        """
    )
    assert found == [
        ("customer_details", "customer_id_missing"),
        ("store_sales_header", "customer_id_missing"),
        ("store_sales_header", "transaction_id_missing"),
        ("store_sales_line_items", "transaction_id_missing"),
    ]
    assert rows("select count(*) from retail.store_sales_header") == [(len(PURCHASES) - 3,)]
    assert rows("select count(*) from retail.store_sales_line_items") == [(len(PURCHASES) - 3,)]


def test_five_identical_customers_have_the_same_scores(rows):
    found = rows("select r_score, f_score, m_score from retail.customer_rfm where customer_id like 'same-%'")
    assert len(found) == 5
    assert len(set(found)) == 1


def test_a_header_may_be_off_by_a_cent_and_not_by_two(rows):
    assert rejected(rows, "off-by-1") == []
    assert rejected(rows, "off-by-2") == [
        ("store_sales_header", "total_amount_mismatch", None),
        ("store_sales_line_items", "transaction_rejected", "store_sales_header:T8"),
    ]


def test_a_customer_is_at_risk_from_60_days_on(rows):
    found = rows(
        """
        select customer_id, days_since_last_purchase, segment_id from retail.customer_segments
        where customer_id like '%-days' order by 1
        """
    )
    assert found == [("59-days", 59, "RG"), ("60-days", 60, "AR")]


def test_the_marketers_table_has_one_row_a_customer(rows):
    assert rows("select count(*), count(distinct customer_id) from retail.customer_details") == [(11, 11)]
    assert rows("select sum(total_loyalty_points) from retail.customer_details") == [(9 * 20,)]


@pytest.mark.extended
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("{raw_layer: landing}", "retail_landing.loaded_files is not there: load your files first (retail load DIR)"),
        ("{raw_layer: files}", "var raw_layer is 'files': use seeds or landing"),
        ("{data_cutoff_date: '2025-02-30'}", "var data_cutoff_date is '2025-02-30': use a day, written as YYYY-MM-DD"),
        ("{as_of_date: today}", "var as_of_date is 'today': use a day, written as YYYY-MM-DD"),
        ("{loyalty_rule_policy: worst}", "var loyalty_rule_policy is 'worst': use best, highest_threshold or stack"),
    ],
)
def test_a_setting_that_does_not_do_is_named(fresh_database, run_program, variables, words):
    selected = ("checked_stores", "checked_customer_details", "as_of", "loyalty_points")
    result = run_program(fresh_database, "dbt", "run", "--vars", variables, "-s", *selected, check=False)
    assert result.returncode != 0
    assert words in result.stdout
