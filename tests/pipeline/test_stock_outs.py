"""What stock_outs makes of days on which the shelf is known to have been empty."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from retail.contract import PROJECT_DIR
from support.stock_worlds import FIRST_DAY, LENGTHS, Store, judge, stores

STORES, DAYS = 150, (120, 180, 365)


def is_of(row: dict[str, Any], out: range) -> bool:
    """Whether a suspected stock-out is a planted one, at least in part."""
    first, last = (FIRST_DAY + timedelta(days=day) for day in (out[0], out[-1]))
    return bool(row["first_day"] <= last and row["last_day"] >= first)


@pytest.fixture(scope="module")
def judged(run_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(folder / "warehouse.duckdb")}
    run_program(database, "dbt", "compile", "-s", "tag:marketing", "--target-path", str(folder))

    def judged(days: int, is_bursty: bool) -> tuple[list[Store], dict[str, list[dict[str, Any]]]]:
        made = stores(STORES, days, seed=1, is_bursty=is_bursty)
        rows = defaultdict(list)
        for row in judge(folder / "manifest.json", PROJECT_DIR / "seeds/reference/t_quantiles.csv", made, folder):
            rows[row["product_id"]] += [row] if row["evidence"] == "suspected" else []
        return made, rows

    return judged


@pytest.mark.proof
def test_suspected_stock_outs(judged, record_property):
    planted, found = defaultdict(int), defaultdict(int)
    suspected = right = covered = estimated = lost = 0
    for days in DAYS:
        made, rows = judged(days, is_bursty=False)
        for product in (product for store in made for product in store.products):
            suspected += len(rows[product.name])
            right += sum(any(is_of(row, out) for out in product.outs) for row in rows[product.name])
            for out in product.outs:
                kind = product.rate, next(length for length in LENGTHS if len(out) <= length[1])
                planted[kind] += 1
                for row in [row for row in rows[product.name] if is_of(row, out)][:1]:
                    found[kind] += 1
                    estimated += row["lost_units"]
                    lost += product.lost[out]
                    covered += row["lost_units_low"] <= product.lost[out] <= row["lost_units_high"]
    recall = {kind: 100 * found[kind] / planted[kind] for kind in planted}
    seen = sum(found.values())
    record_property("proved", ("suspected stock-outs", {"suspected": suspected, "planted": right}))
    assert suspected >= 300
    assert right / suspected >= 0.9
    assert 0.9 <= estimated / lost <= 1.1
    assert 0.9 <= covered / seen <= 0.985
    # as docs/offers.md has it
    expected = {0.5: (0, 0, 0), 1.0: (0, 1, 13), 2.0: (0, 28, 92), 5.0: (22, 91, 97), 10.0: (43, 96, 95)}
    for rate, published in expected.items():
        for length, percent in zip(LENGTHS, published, strict=True):
            assert abs(recall[rate, length] - percent) <= 10, (rate, length)


@pytest.mark.proof
def test_bursts_are_no_stock_outs(judged):
    for days in DAYS:
        made, rows = judged(days, is_bursty=True)
        assert sum(map(len, rows.values())) <= 0.02 * sum(len(store.products) for store in made)


def test_a_week_is_too_short(sample, query):
    ((rows, silent),) = query(
        sample,
        """
        select count(*), count(*) filter (
            where evidence = 'none' and lost_units is null and lost_sales is null and why_not like 'sold on only %'
        ) from retail.stock_outs
        """,
    )
    assert rows == silent > 1000
