"""Golden cases for the oracle, written by hand from the design; and the real data, where its folder is named."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support import oracle
from support.oracle import (
    CUSTOMERS,
    HEADERS,
    LINES,
    LOYALTY_RULES,
    OPTIONAL,
    PRODUCTS,
    PROMOTIONS,
    REDEMPTIONS,
    STOCK,
    STORES,
    Result,
    Settings,
    compute,
)
from support.worlds import CUTOFF, World, dirty_world, write_world

Cells = dict[str, "str | None"]

GOOD: dict[str, Cells] = {
    STORES: {
        "store_id": "S1",
        "store_name": "Main street",
        "store_city": "Leeds",
        "store_region": "North",
        "opening_date": "2020-01-01",
    },
    PRODUCTS: {
        "product_id": "P1",
        "product_name": "Tea",
        "product_category": "Drinks",
        "unit_price": "5.00",
        "current_stock_level": "10",
    },
    CUSTOMERS: {
        "customer_id": "C1",
        "first_name": "Ada",
        "email": "ada@example.com",
        "loyalty_status": "Gold",
        "total_loyalty_points": "100",
        "last_purchase_date": "2025-01-31",
        "segment_id": "HS",
    },
    PROMOTIONS: {
        "promotion_id": "PR1",
        "promotion_name": "January",
        "start_date": "2025-01-01",
        "end_date": "2025-01-31",
        "discount_percentage": "0.10",
        "applicable_category": "ALL",
    },
    LOYALTY_RULES: {
        "rule_id": "1",
        "rule_name": "Base",
        "points_per_unit_spend": "1",
        "min_spend_threshold": "0",
        "bonus_points": "0",
    },
    HEADERS: {
        "transaction_id": "T1",
        "customer_id": "C1",
        "store_id": "S1",
        "transaction_date": "2025-01-15 10:00:00",
        "total_amount": "10.00",
    },
    LINES: {
        "line_item_id": "1",
        "transaction_id": "T1",
        "product_id": "P1",
        "promotion_id": None,
        "quantity": "2",
        "line_item_amount": "10.00",
    },
    REDEMPTIONS: {
        "redemption_id": "R1",
        "customer_id": "C1",
        "redeemed_at": "2025-01-16 09:00",
        "points": "50",
        "transaction_id": "T1",
    },
    STOCK: {"stock_date": "2025-01-15", "store_id": "S1", "product_id": "P1", "stock_level": "0"},
}


def row(table: str, **cells: str | None) -> Cells:
    return {**GOOD[table], **cells}


def world(**rows: list[Cells]) -> World:
    """One clean row a table, none in an optional one; the tables that are named have these rows instead."""
    return {table: rows.get(table, [] if table in OPTIONAL else [dict(GOOD[table])]) for table in oracle.COLUMNS}


def run(tables: World | None = None, **settings: Any) -> Result:
    return compute(
        world() if tables is None else tables, Settings(**{"data_cutoff_date": date(2025, 6, 30), **settings})
    )


def failures(result: Result, table: str) -> list[list[str]]:
    return [verdict.failed_rules for verdict in result.verdicts[table]]


def judge(table: str, **cells: str | None) -> oracle.Verdict:
    """The verdict on one row of the table, all else being clean."""
    return run(world(**{table: [row(table, **cells)]})).verdicts[table][0]


def sales(*totals: str, customers: list[str] | None = None, dates: list[str] | None = None) -> World:
    """One transaction of one line for each total, each by its own customer unless told."""
    customers = customers or [f"C{number}" for number, _ in enumerate(totals)]
    dates = dates or ["2025-01-15"] * len(totals)
    return world(
        customer_details=[row(CUSTOMERS, customer_id=customer) for customer in dict.fromkeys(customers)],
        store_sales_header=[
            row(HEADERS, transaction_id=f"T{number}", customer_id=customer, transaction_date=day, total_amount=total)
            for number, (total, customer, day) in enumerate(zip(totals, customers, dates, strict=True))
        ],
        store_sales_line_items=[
            row(LINES, transaction_id=f"T{number}", line_item_amount=total) for number, total in enumerate(totals)
        ],
    )


def test_clean_world_is_clean_and_typed() -> None:
    result = run(world(loyalty_redemptions=[row(REDEMPTIONS)], inventory_levels=[row(STOCK)]))
    assert {table: failures(result, table) for table in oracle.COLUMNS} == {table: [[]] for table in oracle.COLUMNS}
    assert result.clean_rows(HEADERS) == [
        {
            "transaction_id": "T1",
            "customer_id": "C1",
            "store_id": "S1",
            "transaction_date": datetime(2025, 1, 15, 10),
            "total_amount": Decimal("10.00"),
        }
    ]
    assert result.clean_rows(LINES)[0]["quantity"] == 2
    assert result.clean_rows(REDEMPTIONS)[0] == {
        "redemption_id": "R1",
        "customer_id": "C1",
        "redeemed_at": datetime(2025, 1, 16, 9),
        "points": 50,
        "transaction_id": "T1",
    }
    assert result.clean_rows(STOCK) == [
        {"stock_date": date(2025, 1, 15), "store_id": "S1", "product_id": "P1", "stock_level": 0}
    ]
    assert result.customer_details == [
        {
            "customer_id": "C1",
            "first_name": "Ada",
            "email": "ada@example.com",
            "loyalty_status": "Gold",
            "total_loyalty_points": 60,  # 100, 10 earned, 50 redeemed
            "last_purchase_date": date(2025, 1, 31),  # the source knows a later one than the sales
            "segment_id": "HS",
        }
    ]


def test_columns_and_keys_are_those_of_the_contract() -> None:
    contract = pytest.importorskip("retail.contract")
    tables = {table.name: table for table in contract.tables()}
    assert {name: table.columns for name, table in tables.items()} == oracle.COLUMNS
    assert {name: set(table.key) for name, table in tables.items()} == {
        name: set(key) for name, key in oracle.KEYS.items()
    }


# One row, one column -------------------------------------------------------------------------------------------------

ONE_CELL_ERRORS = [
    (STORES, "store_id", "", "store_id_missing"),
    (STORES, "store_id", " \t\r\n\v\f", "store_id_missing"),
    (STORES, "store_id", None, "store_id_missing"),
    (STORES, "opening_date", "2025-02-30", "opening_date_invalid"),
    (PRODUCTS, "product_id", "", "product_id_missing"),
    (PRODUCTS, "unit_price", "", "unit_price_missing"),
    (PRODUCTS, "unit_price", "free", "unit_price_invalid"),
    (PRODUCTS, "unit_price", "-0.001", "unit_price_negative"),
    (PRODUCTS, "current_stock_level", "3.5", "current_stock_level_invalid"),
    (PRODUCTS, "current_stock_level", "-1", "current_stock_level_negative"),
    (CUSTOMERS, "customer_id", "", "customer_id_missing"),
    (PROMOTIONS, "promotion_id", "", "promotion_id_missing"),
    (PROMOTIONS, "start_date", "", "start_date_missing"),
    (PROMOTIONS, "start_date", "01/01/2025", "start_date_invalid"),
    (PROMOTIONS, "end_date", "", "end_date_missing"),
    (PROMOTIONS, "end_date", "2025-13-01", "end_date_invalid"),
    (PROMOTIONS, "end_date", "2024-12-31", "end_date_before_start_date"),
    (PROMOTIONS, "discount_percentage", "", "discount_percentage_missing"),
    (PROMOTIONS, "discount_percentage", "10%", "discount_percentage_invalid"),
    (PROMOTIONS, "discount_percentage", "1000", "discount_percentage_invalid"),
    (PROMOTIONS, "discount_percentage", "1.001", "discount_percentage_out_of_range"),
    (PROMOTIONS, "discount_percentage", "-0.001", "discount_percentage_out_of_range"),
    (LOYALTY_RULES, "rule_id", "", "rule_id_missing"),
    (LOYALTY_RULES, "points_per_unit_spend", "", "points_per_unit_spend_missing"),
    (LOYALTY_RULES, "points_per_unit_spend", "1000000", "points_per_unit_spend_invalid"),
    (LOYALTY_RULES, "points_per_unit_spend", "0.0000001", "points_per_unit_spend_invalid"),
    (LOYALTY_RULES, "points_per_unit_spend", "-1", "points_per_unit_spend_negative"),
    (LOYALTY_RULES, "min_spend_threshold", "", "min_spend_threshold_missing"),
    (LOYALTY_RULES, "min_spend_threshold", "1e2", "min_spend_threshold_invalid"),
    (LOYALTY_RULES, "min_spend_threshold", "-0.01", "min_spend_threshold_negative"),
    (LOYALTY_RULES, "bonus_points", "", "bonus_points_missing"),
    (LOYALTY_RULES, "bonus_points", "2147483648", "bonus_points_invalid"),
    (LOYALTY_RULES, "bonus_points", "-1.0", "bonus_points_negative"),
    (HEADERS, "transaction_id", "", "transaction_id_missing"),
    (HEADERS, "customer_id", "", "customer_id_missing"),
    (HEADERS, "customer_id", "c1", "customer_id_unknown"),
    (HEADERS, "store_id", "", "store_id_missing"),
    (HEADERS, "store_id", "S1\u00a0", "store_id_unknown"),
    (HEADERS, "transaction_date", "", "transaction_date_missing"),
    (HEADERS, "transaction_date", "2025-01-15 24:00", "transaction_date_invalid"),
    (HEADERS, "transaction_date", "2030-01-01", "transaction_date_in_future"),
    (HEADERS, "total_amount", "", "total_amount_missing"),
    (HEADERS, "total_amount", "NaN", "total_amount_invalid"),
    (HEADERS, "total_amount", "10.02", "total_amount_mismatch"),
    (HEADERS, "total_amount", "9.98", "total_amount_mismatch"),
    (HEADERS, "total_amount", "10.0100000000000000000000000000000001", "total_amount_mismatch"),
    (HEADERS, "transaction_id", "T2", "no_line_items"),
]


@pytest.mark.parametrize(("table", "column", "cell", "rule"), ONE_CELL_ERRORS)
def test_one_cell_breaks_one_rule(table: str, column: str, cell: str | None, rule: str) -> None:
    verdict = judge(table, **{column: cell})
    assert verdict.failed_rules == [rule]
    assert verdict.clean is None


LINE_ERRORS = [
    ("line_item_id", "", "line_item_id_missing"),
    ("product_id", "", "product_id_missing"),
    ("product_id", "P9", "product_id_unknown"),
    ("promotion_id", "PR9", "promotion_id_unknown"),
    ("quantity", "", "quantity_missing"),
    ("quantity", "1.5", "quantity_invalid"),
    ("quantity", "0", "quantity_not_positive"),
    ("quantity", "-2.0", "quantity_not_positive"),
    ("line_item_amount", "", "line_item_amount_missing"),
    ("line_item_amount", "100000000", "line_item_amount_invalid"),
]


@pytest.mark.parametrize(("column", "cell", "rule"), LINE_ERRORS)
def test_a_spoiled_line_takes_its_transaction_along(column: str, cell: str, rule: str) -> None:
    good = row(LINES, line_item_id="2", line_item_amount="0")
    result = run(world(store_sales_line_items=[row(LINES, **{column: cell}), good]))
    assert failures(result, LINES) == [[rule, "transaction_rejected"], ["transaction_rejected"]]
    assert failures(result, HEADERS) == [["line_item_rejected"]]
    assert result.verdicts[HEADERS][0].caused_by == [f"{LINES}:T1|{'' if column == 'line_item_id' else '1'}"]
    assert result.verdicts[LINES][1].caused_by == [f"{HEADERS}:T1"]


def test_a_negative_line_amount_is_judged_as_read_and_counts_in_the_sum() -> None:
    lines = [row(LINES, line_item_amount="10.004"), row(LINES, line_item_id="2", line_item_amount="-0.004")]
    result = run(world(store_sales_line_items=lines))
    assert failures(result, LINES)[1] == ["line_item_amount_negative", "transaction_rejected"]
    assert failures(result, HEADERS) == [["line_item_rejected"]]


def test_transaction_id_of_a_line() -> None:
    lines = [row(LINES), row(LINES, line_item_id="2", transaction_id="T9"), row(LINES, transaction_id=" ")]
    result = run(world(store_sales_line_items=lines))
    assert failures(result, LINES) == [[], ["transaction_id_unknown"], ["transaction_id_missing"]]
    assert [verdict.caused_by for verdict in result.verdicts[LINES]] == [[], [f"{HEADERS}:T9"], []]
    assert [verdict.record_key for verdict in result.verdicts[LINES]] == ["T1|1", "T9|2", "|1"]
    assert failures(result, HEADERS) == [[]]


@pytest.mark.parametrize(
    ("table", "column", "length"),
    [
        (STORES, "store_id", 10),
        (PRODUCTS, "product_id", 20),
        (CUSTOMERS, "customer_id", 20),
        (PROMOTIONS, "promotion_id", 10),
        (HEADERS, "transaction_id", 30),
    ],
)
def test_keys_are_bounded_in_characters(table: str, column: str, length: int) -> None:
    rule = f"{column}_too_long"
    assert rule not in judge(table, **{column: " " + "é" * length + " "}).failed_rules
    assert rule in judge(table, **{column: "é" * (length + 1)}).failed_rules


def test_rule_ids_have_a_bound_of_their_own() -> None:
    assert judge(LOYALTY_RULES, rule_id="R" * 100).failed_rules == []
    assert judge(LOYALTY_RULES, rule_id="R" * 101).failed_rules == ["rule_id_too_long"]


def test_numbers_have_as_many_decimals_as_the_database_holds() -> None:
    assert judge(PRODUCTS, unit_price="1." + "0" * 16_383).failed_rules == []
    assert judge(PRODUCTS, unit_price="1." + "0" * 16_384).failed_rules == ["unit_price_invalid"]


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        (STORES, {"opening_date": " "}),
        (PRODUCTS, {"current_stock_level": ""}),
        (LINES, {"promotion_id": "\t"}),
        (CUSTOMERS, {"last_purchase_date": "", "email": "", "loyalty_status": ""}),
    ],
)
def test_a_blank_in_an_optional_column_is_a_clean_null(table: str, cells: Cells) -> None:
    verdict = judge(table, **cells)
    assert verdict.failed_rules == verdict.warnings == []
    assert verdict.clean is not None
    assert all(verdict.clean[column] is None for column in cells)


def test_all_reasons_of_a_row_are_given_in_the_order_of_the_rule_book() -> None:
    cells = dict.fromkeys(oracle.COLUMNS[HEADERS])
    assert judge(HEADERS, **cells).failed_rules == [
        "transaction_id_missing",
        "customer_id_missing",
        "store_id_missing",
        "transaction_date_missing",
        "total_amount_missing",
    ]
    assert judge(LINES, **dict.fromkeys(oracle.COLUMNS[LINES])).failed_rules == [
        "line_item_id_missing",
        "transaction_id_missing",
        "product_id_missing",
        "quantity_missing",
        "line_item_amount_missing",
    ]


WARNINGS = [
    (STORES, "store_name", "", "store_name_missing"),
    (STORES, "store_name", "x" * 101, "store_name_too_long"),
    (STORES, "store_city", "x" * 51, "store_city_too_long"),
    (STORES, "store_region", "x" * 51, "store_region_too_long"),
    (PRODUCTS, "product_name", "", "product_name_missing"),
    (PRODUCTS, "product_name", "x" * 101, "product_name_too_long"),
    (PRODUCTS, "product_category", "", "product_category_missing"),
    (PRODUCTS, "product_category", "x" * 51, "product_category_too_long"),
    (PRODUCTS, "unit_price", "0.004", "unit_price_rounded"),
    (PRODUCTS, "unit_price", "-0.00", "unit_price_zero"),
    (CUSTOMERS, "first_name", "", "first_name_missing"),
    (CUSTOMERS, "first_name", "x" * 51, "first_name_too_long"),
    (CUSTOMERS, "email", "a@b", "email_invalid"),
    (CUSTOMERS, "email", "a b@example.com", "email_invalid"),
    (CUSTOMERS, "email", "a@@example.com", "email_invalid"),
    (CUSTOMERS, "email", "x" * 94 + "@example.com", "email_too_long"),
    (CUSTOMERS, "loyalty_status", "x" * 21, "loyalty_status_too_long"),
    (CUSTOMERS, "total_loyalty_points", "", "total_loyalty_points_missing"),
    (CUSTOMERS, "total_loyalty_points", "many", "total_loyalty_points_invalid"),
    (CUSTOMERS, "total_loyalty_points", "-5", "total_loyalty_points_negative"),
    (CUSTOMERS, "last_purchase_date", "2025-02-29", "last_purchase_date_invalid"),
    (CUSTOMERS, "last_purchase_date", "2025-07-01", "last_purchase_date_in_future"),
    (PROMOTIONS, "promotion_name", "", "promotion_name_missing"),
    (PROMOTIONS, "promotion_name", "x" * 101, "promotion_name_too_long"),
    (PROMOTIONS, "discount_percentage", "0.125", "discount_percentage_rounded"),
    (PROMOTIONS, "applicable_category", "", "applicable_category_missing"),
    (PROMOTIONS, "applicable_category", "x" * 51, "applicable_category_too_long"),
    (LOYALTY_RULES, "rule_name", "", "rule_name_missing"),
    (LOYALTY_RULES, "rule_name", "x" * 101, "rule_name_too_long"),
    (LOYALTY_RULES, "rule_name", "WEEKEND bonus", "rule_name_conditional"),
    (LOYALTY_RULES, "min_spend_threshold", "49.995", "min_spend_threshold_rounded"),
    (HEADERS, "total_amount", "10.004", "total_amount_rounded"),
    (HEADERS, "transaction_date", "2019-12-31 23:59:59", "transaction_date_before_opening"),
    (LINES, "line_item_amount", "10.001", "line_item_amount_rounded"),
]


@pytest.mark.parametrize(("table", "column", "cell", "warning"), WARNINGS)
def test_one_cell_gives_one_warning_and_the_row_stays(table: str, column: str, cell: str, warning: str) -> None:
    verdict = judge(table, **{column: cell})
    assert (verdict.failed_rules, verdict.warnings) == ([], [warning])


@pytest.mark.parametrize("name", ["Falling prices", "Sundays", "Seasoned", "Holidaymaker"])
def test_a_word_within_a_word_is_no_condition(name: str) -> None:
    assert judge(LOYALTY_RULES, rule_name=name).warnings == []


def test_a_free_item_is_a_warning() -> None:
    lines = [row(LINES), row(LINES, line_item_id="2", line_item_amount="0.00")]
    result = run(world(store_sales_line_items=lines))
    assert [verdict.warnings for verdict in result.verdicts[LINES]] == [[], ["line_item_amount_zero"]]
    assert result.rule_counts(LINES)["line_item_amount_zero"] == 1


@pytest.mark.parametrize(
    ("promotion", "product", "warnings"),
    [
        ({}, {}, []),
        ({"start_date": "2025-01-15", "end_date": "2025-01-15"}, {}, []),
        ({"end_date": "2025-01-14"}, {}, ["promotion_id_outside_dates"]),
        ({"start_date": "2025-01-16"}, {}, ["promotion_id_outside_dates"]),
        ({"applicable_category": "Drinks"}, {}, []),
        ({"applicable_category": "drinks"}, {}, ["promotion_id_other_category"]),
        ({"applicable_category": ""}, {}, []),
        ({"applicable_category": "Toys"}, {"product_category": ""}, ["promotion_id_other_category"]),
        ({"applicable_category": "ALL"}, {"product_category": ""}, []),
    ],
)
def test_promotion_warnings(promotion: Cells, product: Cells, warnings: list[str]) -> None:
    tables = world(
        promotion_details=[row(PROMOTIONS, **promotion)],
        products=[row(PRODUCTS, **product)],
        store_sales_line_items=[row(LINES, promotion_id="PR1")],
    )
    assert run(tables).verdicts[LINES][0].warnings == warnings


def test_promotion_warnings_are_not_judged_in_a_rejected_transaction() -> None:
    tables = world(
        promotion_details=[row(PROMOTIONS, end_date="2025-01-14")],
        store_sales_line_items=[row(LINES, promotion_id="PR1", quantity="0")],
    )
    assert run(tables).verdicts[LINES][0].warnings == []


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "clean"),
    [
        ("12.50", "12.50", "12.50"),
        ("+7", "7", "7.00"),
        ("007", "7", "7.00"),
        ("000000000000000000000012.50", "12.50", "12.50"),
        ("0.005", "0.005", "0.01"),
        ("-0.005", "-0.005", "-0.01"),
        ("0.00499999999999999999999999999999", "0.00499999999999999999999999999999", "0.00"),
        ("2.675", "2.675", "2.68"),
        ("99999999.994", "99999999.994", "99999999.99"),
    ],
)
def test_numbers(text: str, value: str, clean: str) -> None:
    read = oracle.read_number(text, 10, 2)
    assert read == Decimal(value)
    assert str(oracle.rounded(read, 2)) == clean


NOT_NUMBERS = [
    "NaN",
    "infinity",
    "-inf",
    "1e5",
    "0x1F",
    "1_000",
    "1,000",
    ".5",
    "5.",
    "",
    "+",
    "--1",
    "1 2",
    "$5",
    "\u0661",
]


@pytest.mark.parametrize("text", [*NOT_NUMBERS, "99999999.995", "100000000", "-99999999.995", "5\u00a0", "5\n"])
def test_not_numbers(text: str) -> None:
    assert oracle.read_number(text, 10, 2) is None


def test_minus_zero_is_cleaned_to_zero() -> None:
    assert str(oracle.rounded(Decimal("-0.004"), 2)) == "0.00"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("3.0", 3), ("+3.000", 3), ("-0", 0), ("2147483647.0", 2**31 - 1), ("-2147483648", -(2**31))],
)
def test_integers(text: str, value: int) -> None:
    assert oracle.read_integer(text) == value


@pytest.mark.parametrize("text", [*NOT_NUMBERS, "3.5", "3.01", "2147483648", "-2147483649", "9" * 30])
def test_not_integers(text: str) -> None:
    assert oracle.read_integer(text) is None


def test_cells_of_ten_thousand_digits_are_read_exactly() -> None:
    tail = "0." + "0" * 10_000 + "1"
    assert oracle.read_number("9" * 10_000, 10, 2) is oracle.read_integer("9" * 10_000) is None
    assert oracle.read_integer("0" * 10_000 + "7") == oracle.read_integer("7." + "0" * 10_000) == 7
    assert judge(PRODUCTS, unit_price=f"-{tail}").failed_rules == ["unit_price_negative"]
    assert judge(HEADERS, total_amount="10.01" + "0" * 10_000).failed_rules == []
    assert judge(HEADERS, total_amount="10.01" + "0" * 10_000 + "1").failed_rules == ["total_amount_mismatch"]


@pytest.mark.parametrize("text", ["2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"])
def test_dates(text: str) -> None:
    assert str(oracle.read_date(text)) == text
    assert str(oracle.read_timestamp(text)) == f"{text} 00:00:00"


NOT_DATES = ["2025-02-30", "2025-02-29", "1900-02-29", "0000-01-01", "10000-01-01", "2025-1-5", "25-01-05", "20250105"]
NOT_DATES += [
    "05/01/2025",
    "today",
    "now",
    "infinity",
    "epoch",
    "2025-01-05Z",
    "2025-01-05 BC",
    "2025-00-01",
    "2025-01-00",
]


@pytest.mark.parametrize("text", [*NOT_DATES, "2025-01-05 10:00"])
def test_not_dates(text: str) -> None:
    assert oracle.read_date(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-03-05 10:11", datetime(2025, 3, 5, 10, 11)),
        ("2025-03-05T10:11:12", datetime(2025, 3, 5, 10, 11, 12)),
        ("2025-03-05 10:11:12.5", datetime(2025, 3, 5, 10, 11, 12, 500_000)),
        ("2025-03-05 23:59:59.999999", datetime(2025, 3, 5, 23, 59, 59, 999_999)),
    ],
)
def test_timestamps(text: str, value: datetime) -> None:
    assert oracle.read_timestamp(text) == value


NOT_TIMESTAMPS = [
    "2025-03-05 10",
    "2025-03-05  10:11",
    "2025-03-05t10:11",
    "2025-03-05 24:00",
    "2025-03-05 23:60",
    "2025-03-05 23:59:60",
    "2025-03-05 10:11:12.",
    "2025-03-05 10:11:12.1234567",
    "2025-03-05 10:11.5",
    "2025-03-05 10:11:12Z",
    "2025-03-05 10:11:12+01",
    "2025-02-30 10:11",
]


@pytest.mark.parametrize("text", [*NOT_DATES, *NOT_TIMESTAMPS])
def test_not_timestamps(text: str) -> None:
    assert oracle.read_timestamp(text) is None


def test_only_ascii_white_space_is_trimmed() -> None:
    assert oracle.trimmed(" \t\n\r\f\va b\v") == "a b"
    assert oracle.trimmed("\u00a0") == "\u00a0"
    assert oracle.trimmed("\x1f") == "\x1f"
    assert oracle.trimmed(" \t\n\r\f\v") is oracle.trimmed("") is oracle.trimmed(None) is None


# Keys -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [STORES, PRODUCTS, PROMOTIONS, LOYALTY_RULES])
def test_copies_and_conflicts_of_master_data(table: str) -> None:
    key = oracle.KEYS[table][0]
    name = oracle.COLUMNS[table][1]
    padded = row(table, **{key: f" {GOOD[table][key]}\t"})
    result = run(world(**{table: [padded, row(table)]}))
    assert failures(result, table) == [[], [f"{key}_duplicate"]]
    assert failures(result, LINES) == [[]]  # the kept copy is a valid parent

    result = run(world(**{table: [row(table), row(table), row(table, **{name: "another"})]}))
    assert failures(result, table) == [[f"{key}_conflict"]] * 3

    result = run(world(**{table: [row(table, **{key: ""}), row(table, **{key: None}), row(table)]}))
    assert failures(result, table) == [[f"{key}_missing"]] * 2 + [[]]


def test_the_copy_with_the_lowest_row_number_is_kept() -> None:
    rows = [{**row(STORES), "row_number": "7"}, {**row(STORES), "row_number": "3"}]
    result = run(world(stores=rows))
    assert [(v.row_number, v.failed_rules) for v in result.verdicts[STORES]] == [(7, ["store_id_duplicate"]), (3, [])]


def test_segment_id_of_the_input_is_no_content() -> None:
    customers = [row(CUSTOMERS), row(CUSTOMERS, segment_id="AR")]
    assert failures(run(world(customer_details=customers)), CUSTOMERS) == [[], ["customer_id_duplicate"]]
    customers[1]["email"] = "other@example.com"
    assert failures(run(world(customer_details=customers)), CUSTOMERS) == [["customer_id_conflict"]] * 2


def test_rejected_and_absent_parents_are_told_apart() -> None:
    tables = world(
        customer_details=[row(CUSTOMERS), row(CUSTOMERS, first_name="Bob")],
        store_sales_header=[row(HEADERS, store_id="S9")],
        products=[row(PRODUCTS, unit_price="")],
        promotion_details=[row(PROMOTIONS, discount_percentage="2")],
        store_sales_line_items=[row(LINES, promotion_id="PR1")],
    )
    result = run(tables)
    header, line = result.verdicts[HEADERS][0], result.verdicts[LINES][0]
    assert header.failed_rules == ["customer_id_parent_rejected", "store_id_unknown", "line_item_rejected"]
    assert header.caused_by == [f"{CUSTOMERS}:C1", f"{STORES}:S9", f"{LINES}:T1|1"]
    assert line.failed_rules == ["product_id_parent_rejected", "promotion_id_parent_rejected", "transaction_rejected"]
    assert line.caused_by == [f"{PRODUCTS}:P1", f"{PROMOTIONS}:PR1", f"{HEADERS}:T1"]
    assert header.amount_at_stake == line.amount_at_stake == Decimal("10.00")


# Redemptions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "failed", "caused_by"),
    [
        ({"transaction_id": " "}, [], []),
        ({"redemption_id": "r" * 31}, ["redemption_id_too_long"], []),
        ({"customer_id": None}, ["customer_id_missing"], []),
        ({"customer_id": "C9", "transaction_id": None}, ["customer_id_unknown"], ["customer_details:C9"]),
        ({"customer_id": "C2", "points": "0"}, ["points_not_positive", "transaction_id_other_customer"], []),
        ({"redeemed_at": "2025-07-01", "points": "1.5"}, ["redeemed_at_in_future", "points_invalid"], []),
        ({"transaction_id": "T9"}, ["transaction_id_unknown"], ["store_sales_header:T9"]),
        (
            {"customer_id": "C2", "transaction_id": "T2"},
            ["transaction_id_parent_rejected"],
            ["store_sales_header:T2"],
        ),
    ],
)
def test_a_redemption_names_its_customer_and_a_clean_transaction_of_that_customer(cells, failed, caused_by) -> None:
    result = run(
        world(
            customer_details=[row(CUSTOMERS), row(CUSTOMERS, customer_id="C2")],
            store_sales_header=[row(HEADERS), row(HEADERS, transaction_id="T2")],  # T2 has no lines
            loyalty_redemptions=[row(REDEMPTIONS, **cells)],
        )
    )
    (verdict,) = result.verdicts[REDEMPTIONS]
    assert (verdict.failed_rules, verdict.caused_by) == (failed, caused_by)


def test_a_redemption_is_covered_by_the_balance_at_its_moment() -> None:
    """100 points, 10 more on 15 January; what is not covered takes nothing."""
    redemptions = [
        row(REDEMPTIONS, redemption_id=name, redeemed_at=moment, points=points, transaction_id=None)
        for name, moment, points in (
            ("early", "2025-01-14", "101"),
            ("more", "2025-01-16", "111"),
            ("rest", "2025-01-18", "10"),
            ("most", "2025-01-17", "100"),
            ("nothing left", "2025-01-19", "1"),
        )
    ]
    uncovered = ["points_exceed_balance"]
    assert failures(run(world(loyalty_redemptions=redemptions)), REDEMPTIONS) == [
        uncovered,
        uncovered,
        [],
        [],
        uncovered,
    ]


# Stock counts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "failed", "caused_by"),
    [
        ({"stock_date": None}, ["stock_date_missing"], []),
        ({"stock_date": "2025-02-30", "stock_level": "1.5"}, ["stock_date_invalid", "stock_level_invalid"], []),
        ({"stock_date": "2025-07-01", "stock_level": "-1"}, ["stock_date_in_future", "stock_level_negative"], []),
        ({"product_id": "P9", "store_id": " "}, ["product_id_unknown", "store_id_missing"], ["products:P9"]),
        ({"product_id": "p" * 21}, ["product_id_too_long", "product_id_unknown"], [f"products:{'p' * 21}"]),
        ({"store_id": "S2"}, ["store_id_parent_rejected"], ["stores:S2"]),
    ],
)
def test_a_stock_count_names_a_clean_product_and_a_clean_store(cells, failed, caused_by) -> None:
    stores = [row(STORES), row(STORES, store_id="S2", opening_date="soon")]
    result = run(world(stores=stores, inventory_levels=[row(STOCK, **cells)]))
    (verdict,) = result.verdicts[STOCK]
    assert (verdict.failed_rules, verdict.caused_by) == (failed, caused_by)


def test_a_stock_is_counted_once_per_day_store_and_product() -> None:
    rows = [row(STOCK), row(STOCK, stock_date=" 2025-01-15"), row(STOCK, stock_date="2025-01-14")]
    rows += [row(STOCK, stock_date="2025-01-13", stock_level=level) for level in ("1", "2")]
    assert failures(run(world(inventory_levels=rows)), STOCK) == [
        [],
        ["product_id_duplicate"],
        [],
        ["product_id_conflict"],
        ["product_id_conflict"],
    ]


# Transactions ---------------------------------------------------------------------------------------------------------


def test_a_copy_of_a_line_neither_spoils_its_header_nor_counts() -> None:
    result = run(world(store_sales_line_items=[row(LINES), row(LINES)]))
    assert failures(result, LINES) == [[], ["line_item_id_duplicate"]]
    assert failures(result, HEADERS) == [[]]


def test_conflicting_lines_spoil_their_header_and_count() -> None:
    lines = [row(LINES, line_item_amount="4"), row(LINES, line_item_amount="6")]
    result = run(world(store_sales_line_items=lines))
    assert failures(result, LINES) == [["line_item_id_conflict", "transaction_rejected"]] * 2
    assert failures(result, HEADERS) == [["line_item_rejected"]]
    assert result.verdicts[HEADERS][0].caused_by == [f"{LINES}:T1|1"]


def test_a_line_id_may_come_back_in_another_transaction() -> None:
    assert failures(run(sales("1", "2")), LINES) == [[], []]


def test_a_copy_of_a_header_is_rejected_alone() -> None:
    result = run(world(store_sales_header=[row(HEADERS), row(HEADERS)]))
    assert failures(result, HEADERS) == [[], ["transaction_id_duplicate"]]
    assert failures(result, LINES) == [[]]
    assert [entry.entry_type for entry in result.ledger] == ["OPENING", "EARN"]


def test_conflicting_headers_take_the_lines_along() -> None:
    result = run(world(store_sales_header=[row(HEADERS), row(HEADERS, store_id="S9")]))
    assert failures(result, HEADERS) == [["transaction_id_conflict"], ["transaction_id_conflict", "store_id_unknown"]]
    assert failures(result, LINES) == [["transaction_rejected"]]


def test_a_header_without_a_key_is_only_missing() -> None:
    result = run(world(store_sales_header=[row(HEADERS, transaction_id=" ")]))
    assert failures(result, HEADERS) == [["transaction_id_missing"]]
    assert failures(result, LINES) == [["transaction_id_unknown"]]


@pytest.mark.parametrize("total", ["10.01", "9.99", "10.004", "9.990000"])
def test_a_total_within_the_tolerance(total: str) -> None:
    assert judge(HEADERS, total_amount=total).failed_rules == []


def test_the_tolerance_can_be_set() -> None:
    tables = world(store_sales_header=[row(HEADERS, total_amount="10.02")])
    assert failures(run(tables, total_tolerance=Decimal("0.02")), HEADERS) == [[]]
    assert failures(run(tables, total_tolerance=Decimal(0)), HEADERS) == [["total_amount_mismatch"]]


def test_sums_use_the_values_as_read() -> None:
    lines = [row(LINES, line_item_id=str(number), line_item_amount="2.504") for number in range(4)]
    assert failures(run(world(store_sales_line_items=lines)), HEADERS) == [["total_amount_mismatch"]]  # 10.016


def test_a_mismatch_needs_readable_amounts() -> None:
    for amount in ("", "NaN", "100000000"):
        result = run(world(store_sales_line_items=[row(LINES, line_item_amount=amount)]))
        assert failures(result, HEADERS) == [["line_item_rejected"]]
    copy_of_unreadable = [row(LINES, line_item_amount="x")] * 2
    result = run(world(store_sales_line_items=copy_of_unreadable))
    assert failures(result, LINES) == [
        ["line_item_amount_invalid", "transaction_rejected"],
        ["line_item_id_duplicate", "line_item_amount_invalid", "transaction_rejected"],
    ]
    assert judge(HEADERS, total_amount="x").failed_rules == ["total_amount_invalid"]


def test_total_amount_not_positive_looks_at_the_rounded_value() -> None:
    def header(total: str) -> list[list[str]]:
        lines = [row(LINES, line_item_amount=total)]
        return failures(
            run(world(store_sales_header=[row(HEADERS, total_amount=total)], store_sales_line_items=lines)), HEADERS
        )

    assert header("0.004") == [["total_amount_not_positive"]]
    assert header("0.005") == [[]]
    assert header("0") == [["total_amount_not_positive"]]
    assert header("-1") == [["total_amount_not_positive", "line_item_rejected"]]


def test_the_whole_cut_off_day_is_allowed() -> None:
    assert judge(HEADERS, transaction_date="2025-06-30 23:59:59.999999").failed_rules == []
    assert judge(HEADERS, transaction_date="2025-07-01 00:00").failed_rules == ["transaction_date_in_future"]


def test_a_row_of_2030_is_rejected_and_moves_nothing() -> None:
    before = run(sales("10", "20", customers=["C1", "C1"], dates=["2025-01-15", "2025-01-16"]))
    tables = sales(
        "10", "20", "5000", customers=["C1", "C1", "C1"], dates=["2025-01-15", "2025-01-16", "2030-01-01 09:00"]
    )
    result = run(tables)
    assert failures(result, HEADERS) == [[], [], ["transaction_date_in_future"]]
    assert failures(result, LINES)[2] == ["transaction_rejected"]
    for figure in ("as_of_date", "ledger", "rfm", "flags", "customer_details"):
        assert getattr(result, figure) == getattr(before, figure)


def test_a_null_key_takes_nobody_along() -> None:
    """The NOT IN of others: one customer without a key, and no header finds its parent."""
    tables = world(customer_details=[row(CUSTOMERS), row(CUSTOMERS, customer_id=None)])
    result = run(tables)
    assert failures(result, CUSTOMERS) == [[], ["customer_id_missing"]]
    assert failures(result, HEADERS) == [[]]


def test_conservation() -> None:
    tables = world(
        store_sales_header=[
            row(HEADERS, total_amount="10.004"),
            row(HEADERS, transaction_id="T2", total_amount="1e5"),
            row(HEADERS, transaction_id="T3", total_amount="7.001"),
            row(HEADERS, transaction_id="T4", total_amount="-7"),
        ]
    )
    account = run(tables).conservation[HEADERS]
    assert (account.rows_in, account.rows_clean, account.rows_rejected, account.rows_not_readable) == (4, 1, 3, 1)
    assert (account.money_in, account.money_clean, account.money_rejected) == (
        Decimal("10.005"),
        Decimal("10.004"),
        Decimal("0.001"),
    )
    assert account.money_clean_rounded == Decimal("10.00")
    assert run(tables).conservation[STORES].money_in is None


# Points ---------------------------------------------------------------------------------------------------------------

Rule = tuple[str, str, str, str]  # id, points a unit, threshold, bonus
GOLDEN_RULES: list[Rule] = [
    ("1", "1", "0", "0"),
    ("2", "1", "50", "25"),
    ("3", "1", "100", "50"),
    ("4", "1", "200", "100"),
]


def earn(total: str, rules: list[Rule], policy: str = "best") -> tuple[int, str | None]:
    tables = sales(total)
    tables[LOYALTY_RULES] = [
        row(
            LOYALTY_RULES,
            rule_id=rule_id,
            points_per_unit_spend=points,
            min_spend_threshold=threshold,
            bonus_points=bonus,
        )
        for rule_id, points, threshold, bonus in rules
    ]
    opening, entry = run(tables, loyalty_rule_policy=policy).ledger
    assert (opening.entry_type, entry.entry_type) == ("OPENING", "EARN")
    assert entry.running_balance == 100 + entry.points
    return entry.points, entry.rule_ids


@pytest.mark.parametrize(
    ("total", "policy", "points", "rule_ids"),
    [
        ("159.98", "best", 209, "3"),
        ("159.98", "stack", 552, "1+2+3"),
        ("159.98", "highest_threshold", 209, "3"),
        ("100.00", "best", 150, "3"),
        ("99.99", "best", 124, "2"),
        ("99.995", "best", 150, "3"),  # the clean total is 100.00
        ("0.99", "best", 0, "1"),
    ],
)
def test_golden_points(total: str, policy: str, points: int, rule_ids: str) -> None:
    assert earn(total, GOLDEN_RULES, policy) == (points, rule_ids)


def test_points_of_159_98_under_stack() -> None:
    """159 + (159 + 25) + (159 + 50) = 552."""
    assert earn("159.98", GOLDEN_RULES, "stack")[0] == 159 + 184 + 209


def test_points_are_decimal() -> None:
    assert earn("19.99", [("1", "100", "0", "0")]) == (1999, "1")
    assert earn("1.10", [("1", "10", "0", "0")]) == (11, "1")
    assert earn("1.15", [("1", "100", "0", "0")]) == (115, "1")


def test_a_rate_keeps_six_decimals() -> None:
    assert earn("196000", [("1", "0.001", "0", "0")]) == (196, "1")
    assert earn("400000", [("1", "0.005000", "0", "0")]) == (2000, "1")
    assert earn("1000000", [("1", "0.0000015", "0", "0")]) == (0, None)  # rejected, not rounded


@pytest.mark.parametrize("policy", oracle.POLICIES)
def test_no_eligible_rule_is_an_explicit_zero(policy: str) -> None:
    assert earn("10", [("1", "1", "10.01", "5")], policy) == (0, None)
    assert earn("10", [], policy) == (0, None)


def test_ties_of_the_best_rule() -> None:
    assert earn("100", [("1", "1", "0", "50"), ("2", "1", "100", "50")]) == (150, "2")  # the higher threshold
    assert earn("100", [("10", "1", "0", "0"), ("9", "1", "0", "0")]) == (100, "9")  # as numbers
    assert earn("100", [("10", "1", "0", "0"), ("9", "1", "0", "0"), ("x", "0", "0", "0")]) == (100, "10")  # as text
    assert earn("100", [("b", "1", "0", "0"), ("B", "1", "0", "0")]) == (100, "B")  # by code point
    assert earn("100", [("1", "1", "0", "0"), ("01", "1", "0", "0")]) == (100, "01")


def test_ties_of_the_highest_threshold() -> None:
    rules = [("1", "5", "0", "0"), ("2", "1", "50", "0"), ("3", "1", "50", "9"), ("4", "1", "50", "9")]
    assert earn("100", rules, "highest_threshold") == (109, "3")
    assert earn("100", rules, "best") == (500, "1")


def test_stack_joins_in_the_order_of_the_ids() -> None:
    assert earn("100", [("10", "1", "0", "0"), ("9", "1", "0", "0")], "stack") == (200, "9+10")
    assert earn("100", [("R9", "1", "0", "0"), ("R10", "1", "0", "0")], "stack") == (200, "R10+R9")


def test_a_rejected_rule_gives_nothing() -> None:
    assert earn("100", [("1", "1", "0", "0"), ("2", "999", "x", "0")]) == (100, "1")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="loyalty_rule_policy"):
        run(loyalty_rule_policy="worst")


def test_the_ledger_runs_by_time_then_transaction_id() -> None:
    tables = sales("1", "2", "4", "8", customers=["C1"] * 4)
    moments = ["2025-01-15 10:00", "2025-01-15 09:00", "2025-01-15 10:00", "2025-01-14"]
    for header, line, name, moment in zip(tables[HEADERS], tables[LINES], ("b", "a", "B", "c"), moments, strict=True):
        header["transaction_id"] = line["transaction_id"] = name
        header["transaction_date"] = moment
    result = run(tables)
    assert [
        (entry.entry_number, entry.entry_type, entry.transaction_id, entry.points, entry.running_balance)
        for entry in result.ledger
    ] == [
        (0, "OPENING", None, 100, 100),
        (1, "EARN", "c", 8, 108),
        (2, "EARN", "a", 2, 110),
        (3, "EARN", "B", 4, 114),
        (4, "EARN", "b", 1, 115),
    ]
    assert result.balances == {"C1": 115}


@pytest.mark.parametrize(("cell", "opening"), [("", 0), ("x", 0), ("-5", 0), ("7.0", 7), ("0", 0)])
def test_the_opening_balance(cell: str, opening: int) -> None:
    result = run(world(customer_details=[row(CUSTOMERS, total_loyalty_points=cell)]))
    assert (result.ledger[0].entry_type, result.ledger[0].points) == ("OPENING", opening)


# Scores ---------------------------------------------------------------------------------------------------------------


def score_triples(result: Result) -> list[tuple[int | None, ...]]:
    return [(figures.r_score, figures.f_score, figures.m_score) for figures in result.rfm.values()]


def test_one_customer_scores_3_3_3() -> None:
    assert score_triples(run()) == [(3, 3, 3)]


def test_five_identical_customers_share_their_scores() -> None:
    assert score_triples(run(sales("10", "10", "10", "10", "10"))) == [(3, 3, 3)] * 5


def test_ten_distinct_values_score_as_ntile_does() -> None:
    totals = [str(number) for number in range(1, 11)]
    dates = [f"2025-01-{number:02}" for number in range(1, 11)]
    result = run(sales(*totals, dates=dates))
    assert [figures.m_score for figures in result.rfm.values()] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [figures.r_score for figures in result.rfm.values()] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [figures.f_score for figures in result.rfm.values()] == [3] * 10
    assert result.score_bounds["M"][2] == oracle.ScoreBounds(2, Decimal(3), Decimal(4))
    assert result.score_bounds["R"][5] == oracle.ScoreBounds(2, 0, 1)
    assert result.score_bounds["F"][1] == oracle.ScoreBounds(0, None, None)


def test_two_customers_and_ties() -> None:
    assert oracle.scores({"a": 1, "b": 2}) == {"a": 2, "b": 4}
    assert oracle.scores({"a": 1, "b": 1, "c": 1, "d": 9}) == {"a": 2, "b": 2, "c": 2, "d": 5}
    assert oracle.scores({}) == {}


def test_figures_and_as_of_date() -> None:
    tables = sales("10", "20", customers=["C1", "C1"], dates=["2025-01-15 23:59", "2025-03-01 00:01"])
    assert run(tables).as_of_date == date(2025, 3, 1)
    assert run(tables).rfm["C1"] == oracle.Rfm(0, 2, Decimal("30.00"), 3, 3, 3)
    assert run(tables, as_of_date=date(2025, 3, 11)).rfm["C1"].recency_days == 10
    assert run(tables, as_of_date=date(2025, 2, 1)).rfm["C1"] == oracle.Rfm(17, 1, Decimal("10.00"), 3, 3, 3)


def test_without_a_clean_transaction() -> None:
    result = run(world(store_sales_header=[], store_sales_line_items=[]))
    assert result.as_of_date == date(2025, 6, 30)
    assert result.rfm == {"C1": oracle.Rfm()}
    assert all(bounds.customers == 0 for scores in result.score_bounds.values() for bounds in scores.values())


# Segments -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_of", "at_risk"), [("2025-03-31", False), ("2025-04-01", True), ("2025-04-02", True)])
def test_at_risk_begins_with_day_60(as_of: str, at_risk: bool) -> None:
    result = run(as_of_date=date.fromisoformat(as_of))  # the last purchase is of 2025-01-31
    assert result.flags["C1"] == oracle.Flags(True, at_risk, "AR" if at_risk else "HS")


def test_at_risk_needs_points_and_a_purchase() -> None:
    tables = world(
        customer_details=[
            row(CUSTOMERS, customer_id="lapsed"),
            row(CUSTOMERS, customer_id="poor", total_loyalty_points="0"),
            row(CUSTOMERS, customer_id="never", last_purchase_date=""),
            row(CUSTOMERS, customer_id="future", last_purchase_date="2025-07-01"),
        ],
        store_sales_header=[],
        store_sales_line_items=[],
    )
    flags = run(tables).flags
    assert {name: (flag.is_at_risk, flag.segment_id) for name, flag in flags.items()} == {
        "lapsed": (True, "AR"),
        "poor": (False, "RG"),
        "never": (False, "PR"),
        "future": (False, "PR"),
    }
    assert not any(flag.is_high_spender for flag in flags.values())
    assert run(tables, at_risk_days=151).flags["lapsed"].is_at_risk is False  # 150 days


def test_high_spenders_are_a_share_rounded_up() -> None:
    totals = [str(number) for number in range(1, 12)]
    flags = run(sales(*totals)).flags
    assert [name for name, flag in flags.items() if flag.is_high_spender] == ["C9", "C10"]  # ceil(1.1)
    assert Counter(flag.segment_id for flag in flags.values()) == {"HS": 2, "RG": 9}
    flags = run(sales(*totals), high_spender_share=Decimal(0)).flags
    assert not any(flag.is_high_spender for flag in flags.values())


def test_ties_at_the_border_of_the_high_spenders_are_in() -> None:
    flags = run(sales("9", "5", "9", "1", "9")).flags
    assert [name for name, flag in flags.items() if flag.is_high_spender] == ["C0", "C2", "C4"]
    assert oracle.high_spenders({"a": Decimal(9), "b": Decimal(5), "c": Decimal(5)}, Decimal("0.5")) == {"a", "b", "c"}
    assert oracle.high_spenders({"a": Decimal(9), "b": Decimal(9), "c": Decimal(5)}, Decimal("0.5")) == {"a", "b"}


def test_nobody_is_a_high_spender_for_nothing() -> None:
    assert oracle.high_spenders({"a": Decimal(0), "b": Decimal(0)}, Decimal(1)) == set()
    assert oracle.high_spenders({}, Decimal("0.10")) == set()


def test_buyers_alone_count_in_the_share() -> None:
    tables = sales(*[str(number) for number in range(1, 11)])
    tables[CUSTOMERS] += [row(CUSTOMERS, customer_id=f"X{number}") for number in range(50)]
    assert sum(flag.is_high_spender for flag in run(tables).flags.values()) == 1


def test_the_later_of_source_and_sales_is_the_last_purchase() -> None:
    late_sale = world(store_sales_header=[row(HEADERS, transaction_date="2025-02-10 08:00")])
    assert run(late_sale).customer_details[0]["last_purchase_date"] == date(2025, 2, 10)
    assert run().customer_details[0]["last_purchase_date"] == date(2025, 1, 31)
    unreadable = world(customer_details=[row(CUSTOMERS, last_purchase_date="soon")])
    assert run(unreadable).customer_details[0]["last_purchase_date"] == date(2025, 1, 15)


# Files ----------------------------------------------------------------------------------------------------------------


def test_reading_as_seed_and_as_landing(tmp_path: Path) -> None:
    write_world(world(), tmp_path, prefix="raw_")
    stores = (
        "store_name,store_id,store_city,store_region,opening_date\r\n NULL ,S1,null and void,\u00a0,\r\n\r\nx,S2\r\n"
    )
    (tmp_path / "raw_stores.csv").unlink()
    (tmp_path / "raw_stores.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + stores.encode()))

    landing = oracle.read_directory(tmp_path, "raw_")
    assert landing[STORES][0]["store_name"] == " NULL "
    assert [cells["store_id"] for cells in landing[STORES]] == ["S1", "S2"]
    assert landing[STORES][0]["store_region"] == "\u00a0"
    assert oracle.trimmed(landing[STORES][0]["opening_date"]) is None
    assert landing[STORES][1]["opening_date"] is None

    seeds = oracle.read_directory(tmp_path, "raw_", null_literal="null", blank_lines="row")
    assert [cells["store_id"] for cells in seeds[STORES]] == ["S1", None, "S2"]
    assert seeds[STORES][0]["store_name"] is seeds[STORES][0]["store_region"] is None
    assert seeds[STORES][0]["store_city"] == "null and void"
    assert failures(run(seeds), STORES) == [[], ["store_id_missing"], []]

    (tmp_path / "raw_stores.csv.gz").write_bytes(gzip.compress(stores.encode() + b"a,b,c,d,e,f\r\n"))
    with pytest.raises(ValueError, match="more cells"):
        oracle.read_directory(tmp_path, "raw_")


def test_worlds_survive_being_written(tmp_path: Path) -> None:
    for seed in range(20):
        spoiled = dirty_world(seed)
        write_world(spoiled, tmp_path)
        read = oracle.read_directory(tmp_path)
        assert {table: [{c: v or "" for c, v in r.items()} for r in rows] for table, rows in read.items()} == {
            table: [{c: v or "" for c, v in r.items()} for r in rows] for table, rows in spoiled.items()
        }


def test_spoiled_worlds_meet_every_rule_and_lose_nothing() -> None:
    met: Counter[tuple[str, str]] = Counter()
    for seed in range(450):
        tables = dirty_world(seed)
        result = compute(tables, Settings(CUTOFF, loyalty_rule_policy=oracle.POLICIES[seed % 3]))
        for table in oracle.COLUMNS:
            verdicts = result.verdicts[table]
            assert len(verdicts) == len(tables[table])
            for verdict in verdicts:
                assert (verdict.clean is None) == verdict.rejected
                assert set(verdict.failed_rules) <= set(oracle.RULES[table])
                assert len(set(verdict.failed_rules)) == len(verdict.failed_rules)
                met.update((table, name) for name in (*verdict.failed_rules, *verdict.warnings))
            account = result.conservation[table]
            if account.money_in is not None:
                assert account.money_in == oracle.EXACT.add(account.money_clean, account.money_rejected)
        totals = {row["transaction_id"]: Decimal(0) for row in result.clean_rows(HEADERS)}
        for line in result.clean_rows(LINES):
            totals[line["transaction_id"]] += 1  # a KeyError would be a line without its header
        assert all(totals.values())
        assert result.balances == {row["customer_id"]: row["total_loyalty_points"] for row in result.customer_details}
    known = {(table, name) for table in oracle.COLUMNS for name in (*oracle.RULES[table], *oracle.WARNINGS[table])}
    assert set(met) == known
