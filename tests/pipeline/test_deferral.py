"""The money behind points: the analysis gives the published figures of those who set and audit the rule."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.extended

YEARS = ("2025-01-01", "2026-01-01")
# C1 buys for 100,000, earns 10,000 points, and redeems 4,500 of them in the first year, 4,000 in the second. C2 redeems
# the 700 points of the opening balance, and buys something that earns nothing. T3 is a guest's.
TABLES = """
    create schema retail;
    create schema retail_staging;
    create table retail.loyalty_liability as
    select * from (values
        (date '2025-01-01', 700::bigint, 10000::bigint, -5200::bigint, 0::bigint, 5500::bigint),
        (date '2026-01-01', 5500, 0, -4000, 0, 1500)
    ) as months (month_begins_on, opening_points, earned_points, redeemed_points, clawed_back_points, closing_points);
    create table retail.store_sales_header as
    select * from (values ('T1', 'C1', 100000.00), ('T2', 'C2', 5.00), ('T3', null, 70.00))
    as sales (transaction_id, customer_id, total_amount);
    create table retail.loyalty_ledger as
    select * from (values
        ('C2', 'OPENING', null, null, null::timestamp, 700),
        ('C1', 'EARN', 'T1', null, '2025-01-02', 10000),
        ('C2', 'EARN', 'T2', null, '2025-01-02', 0),
        ('C1', 'REDEEM', null, 'X1', '2025-01-31', -4500),
        ('C2', 'REDEEM', null, 'X2', '2025-01-31', -700),
        ('C1', 'REDEEM', null, 'X3', '2026-01-01', -4000)
    ) as entries (customer_id, entry_type, transaction_id, redemption_id, entry_at, points);
    create table retail_staging.loyalty_lot_uses as
    select * from (values
        ('C1', 'REDEEM', 'X1', 'T1', 4500), ('C2', 'REDEEM', 'X2', null, 700), ('C1', 'REDEEM', 'X3', 'T1', 4000)
    ) as uses (customer_id, event_type, event_id, lot_id, points);
"""


@pytest.fixture(scope="module")
def shown(new_database, query, run_program):
    """What the analysis shows of each month, with these vars."""
    database = new_database()
    query(database, TABLES)

    def show(**variables):
        options = ("--quiet", "--output", "json", "--vars", json.dumps(variables))
        return json.loads(run_program(database, "dbt", "show", *options, "-s", "points_deferral").stdout)["show"]

    return show


def figures(months):
    return [
        tuple(round(month[name]) for name in ("deferred_so_far", "recognised", "still_deferred")) for month in months
    ]


def test_the_figures_of_ifrs_15(shown):
    """Illustrative example 52: 95 % are expected to be redeemed, from the second year on 97 %."""
    months = shown(point_price=1, expected_redemption_share=dict(zip(YEARS, (0.95, 0.97), strict=True)))
    assert figures(months) == [(8676, 4110, 4566), (8676, 3493, 1073)]
    assert [month["points_redeemed_so_far"] for month in months] == [4500, 8500]
    assert {month["no_figures_because"] for month in months} == {None}


@pytest.mark.parametrize(("share", "recognised"), [(0.99, 3552), (0.92, 4140)])
def test_the_figures_of_an_auditors_handbook(shown, share, recognised):
    """KPMG, "Revenue: IFRS 15 handbook", examples 10A and 10B: the price is shared in whole percents."""
    shares = dict(zip(YEARS, (0.97, share), strict=True))
    months = shown(point_price=1, expected_redemption_share=shares, price_share_decimals=2)
    assert [row[:2] for row in figures(months)] == [(9000, 4175), (9000, recognised)]


def test_without_a_price_or_a_share_there_is_a_reason(shown):
    first, second = shown(point_price=1, expected_redemption_share={YEARS[1]: 0.97})
    for month in (first, second):  # what was deferred in the first year is part of the second
        assert (month["deferred_so_far"], month["recognised"], month["still_deferred"]) == (None, None, None)
        assert month["no_figures_because"].endswith("set the var expected_redemption_share")
    first, _ = shown()
    assert first["deferred_so_far"] is None
    assert first["no_figures_because"] == "no price of a point: set the var point_price"
