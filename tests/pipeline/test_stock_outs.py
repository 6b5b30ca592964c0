"""What stock_outs makes of days on which the shelf is known to have been empty."""

from __future__ import annotations

import json
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

    def judged(
        days: int, is_bursty: bool, is_counted: bool = False, count: int = STORES
    ) -> tuple[list[Store], dict[str, list[dict[str, Any]]]]:
        made = stores(count, days, seed=1, is_bursty=is_bursty)
        rows = defaultdict(list)
        quantiles = PROJECT_DIR / "seeds/reference/t_quantiles.csv"
        for row in judge(folder / "manifest.json", quantiles, made, folder, is_counted=is_counted):
            assert (row["evidence"] == "stock file") == is_counted
            rows[row["product_id"]] += [row] if row["first_day"] else []
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


@pytest.mark.parametrize(
    "count", [pytest.param(20, marks=pytest.mark.extended), pytest.param(STORES, marks=pytest.mark.proof)]
)
@pytest.mark.parametrize("is_bursty", [False, True])
def test_counted_stock_outs_are_exact(judged, record_property, count, is_bursty):
    estimated = lost = covered = seen = 0
    for days in DAYS:
        made, rows = judged(days, is_bursty, is_counted=True, count=count)
        for product in (product for store in made for product in store.products):
            found = rows[product.name]
            assert [(row["first_day"], row["last_day"], row["days_out"]) for row in found] == [
                (FIRST_DAY + timedelta(days=out[0]), FIRST_DAY + timedelta(days=out[-1]), len(out))
                for out in product.outs
            ]
            for row, out in zip(found, product.outs, strict=True):
                seen += 1
                estimated += row["lost_units"]
                lost += product.lost[out]
                covered += row["lost_units_low"] <= product.lost[out] <= row["lost_units_high"]
    record_property("proved", ("stock-outs of a stock file", {"worlds": count * len(DAYS), "exact": seen}))
    assert 0.9 <= estimated / lost <= 1.1
    # the interval takes days for independent, which they are not where customers come in waves
    assert covered / seen >= (0.75 if is_bursty else 0.9)


@pytest.mark.proof
def test_bursts_are_no_stock_outs(judged):
    for days in DAYS:
        made, rows = judged(days, is_bursty=True)
        assert sum(map(len, rows.values())) <= 0.02 * sum(len(store.products) for store in made)


def test_a_week_is_too_short_without_a_stock_file(sample, query):
    ((rows, silent),) = query(
        sample,
        """
        select count(*), count(*) filter (
            where evidence = 'none' and lost_units is null and lost_sales is null and why_not like 'sold on only %'
        ) from retail.stock_outs
        where days_known is null
        """,
    )
    assert rows == silent > 1000


def test_the_stock_file_of_the_sample_says_what_was_planted(sample, query):
    planted = json.loads((PROJECT_DIR / "seeds/raw/manifest.json").read_text(encoding="utf-8"))["truth"]["stock_outs"]
    found = query(
        sample,
        """
        select product_id, store_id, first_day::text, last_day::text, days_out from retail.stock_outs
        where evidence = 'stock file' and first_day is not null
        """,
    )
    assert sorted(found) == sorted(tuple(one.values()) for one in planted)
    assert len(found) > 20
