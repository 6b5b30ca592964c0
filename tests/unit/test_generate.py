"""`retail generate`: the same bytes for the same arguments, and a manifest that says all there is to find."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from retail.contract import PROJECT_DIR
from retail.generate import generate
from support.campaigns import group_of
from support.oracle import (
    COLUMNS,
    REDEMPTIONS,
    RULES,
    STOCK,
    WARNINGS,
    Result,
    Settings,
    compute,
    read_directory,
)

CUTOFF = date(2026, 1, 1)  # any day between the sample's end and its far future
SEEDS = PROJECT_DIR / "seeds" / "raw"
RHYTHMS = ("--behaviour", "rhythms")


def generated(folder: Path, *arguments: str) -> Path:
    result = CliRunner().invoke(generate, ["--out", str(folder), *arguments])
    assert result.exit_code == 0, result.output
    return folder


def judged(folder: Path, prefix: str = "") -> Result:
    return compute(read_directory(folder, prefix), Settings(data_cutoff_date=CUTOFF))


def expected_of(folder: Path) -> dict[str, dict[str, list[int]]]:
    expected = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["expected"]
    return {table: {rule: sorted(rows) for rule, rows in rules.items() if rows} for table, rules in expected.items()}


def found_in(result: Result) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {table: {} for table in COLUMNS}
    for table, verdicts in result.verdicts.items():
        for verdict in verdicts:
            for rule in verdict.failed_rules:
                found[table].setdefault(rule, []).append(verdict.row_number)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix != ".yml"}


# ------------------------------------------------------------------------------------------------------- what is in it


def test_the_seeds_are_the_documented_commands_output(tmp_path):
    arguments = json.loads((SEEDS / "manifest.json").read_text(encoding="utf-8"))["arguments"]
    assert (arguments["customers"], arguments["transactions"], arguments["days"]) == (500, 3000, 7)

    size = ("--days", "7", "--customers", "500", "--transactions", "3000", "--stock", "10")
    generated(tmp_path, *size, "--prefix", "raw_")

    assert contents(tmp_path) == contents(SEEDS)


@pytest.mark.parametrize("options", [(), (*RHYTHMS, "--days", "200", "--stock-outs", "20", "--campaign-effect", "1")])
def test_the_bytes_do_not_depend_on_the_process(tmp_path, options):
    for number, hash_seed in enumerate(("1", "2")):
        arguments = ["generate", "--out", tmp_path / str(number), "--transactions", "400", *options]
        subprocess.run(
            [sys.executable, "-m", "retail", *arguments],
            cwd=PROJECT_DIR,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": ("UTC", "Asia/Tokyo")[number], "LC_ALL": "C"},
            check=True,
            capture_output=True,
        )
    assert contents(tmp_path / "0") == contents(tmp_path / "1")


def test_another_seed_is_other_data(tmp_path):
    one, two = (generated(tmp_path / seed, "--transactions", "400", "--seed", seed) for seed in ("1", "2"))
    assert contents(one) != contents(two)


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize(("rate", "options"), [(0.01, ()), (0.1, ()), (0.4, ()), (0.1, (*RHYTHMS, "--days", "40"))])
def test_the_manifest_says_what_every_rule_finds(tmp_path, seed, rate, options):
    generated(
        tmp_path,
        *("--customers", "120", "--transactions", "600", "--redemptions", "90", "--stock", "6", *options),
        *("--seed", str(seed), "--anomaly-rate", str(rate)),
    )

    assert found_in(judged(tmp_path)) == {table: expected_of(tmp_path).get(table, {}) for table in COLUMNS}


def test_the_injections_are_where_and_what_the_manifest_says():
    manifest = json.loads((SEEDS / "manifest.json").read_text(encoding="utf-8"))
    for injection in manifest["injections"]:
        assert injection["row_number"] in manifest["expected"][injection["table"]][injection["rule"]], injection
    assert {table: len(rows) for table, rows in read_directory(SEEDS, "raw_").items()} == manifest["rows"]


def test_every_error_rule_occurs_in_the_seeds():
    found = found_in(judged(SEEDS, "raw_"))
    assert {table: set(rules) for table, rules in found.items()} == {
        table: set(() if table == REDEMPTIONS else rules) for table, rules in RULES.items()
    }


def test_a_rate_of_zero_has_nothing_to_reject(tmp_path):
    generated(tmp_path, "--transactions", "1000", "--redemptions", "100", "--stock", "9", "--anomaly-rate", "0")
    assert found_in(judged(tmp_path)) == {table: {} for table in COLUMNS}
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["injections"] == []


def test_redemptions_have_every_fault_and_spend_no_more_than_the_opening_balance(tmp_path):
    plain = contents(generated(tmp_path / "plain", "--transactions", "500"))
    result = judged(generated(tmp_path / "redeemed", "--transactions", "500", "--redemptions", "300"))

    assert set(found_in(result)[REDEMPTIONS]) == set(RULES[REDEMPTIONS])
    clean = result.clean_rows(REDEMPTIONS)
    assert len(clean) == 300
    assert 0.2 < sum(row["transaction_id"] is not None for row in clean) / 300 < 0.6
    opening = {row["customer_id"]: row["total_loyalty_points"] for row in result.clean_rows("customer_details")}
    spent = Counter()
    for row in clean:
        spent[row["customer_id"]] += row["points"]
    assert all(points <= opening[customer] for customer, points in spent.items())

    changed = {name for name, data in contents(tmp_path / "redeemed").items() if data != plain[name]}
    assert changed == {f"{REDEMPTIONS}.csv", "manifest.json"}, "nothing else depends on it"


def test_stock_counts_fit_the_sales_and_the_manifest_knows_who_was_out(tmp_path):
    plain = contents(generated(tmp_path / "plain", "--transactions", "2000"))
    folder = generated(tmp_path / "counted", "--transactions", "2000", "--stock", "10")
    changed = {name for name, data in contents(folder).items() if data != plain[name]}
    assert changed == {f"{STOCK}.csv", "manifest.json"}, "nothing else depends on it"

    result = judged(folder)
    assert set(found_in(result)[STOCK]) == set(RULES[STOCK])
    sales = {row["transaction_id"]: row for row in result.clean_rows("store_sales_header")}
    sold = {
        (
            sales[row["transaction_id"]]["transaction_date"].date(),
            sales[row["transaction_id"]]["store_id"],
            row["product_id"],
        )
        for row in result.clean_rows("store_sales_line_items")
    }
    levels = {
        (row["stock_date"], row["store_id"], row["product_id"]): row["stock_level"] for row in result.clean_rows(STOCK)
    }
    assert {key[1] for key in levels} >= {row["store_id"] for row in sales.values()}
    seen = {
        (store, product): min(
            day
            for day, *shelf in levels
            if shelf == [store, product] and (levels[day, store, product] or (day, store, product) in sold)
        )
        for _, store, product in levels
    }
    out = {key for key, level in levels.items() if not level and key not in sold and key[0] > seen[key[1:]]}
    planted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["truth"]["stock_outs"]
    assert len(planted) > 10
    assert out == {
        (day, one["store_id"], one["product_id"])
        for one in planted
        for day, store, product in levels
        if (store, product) == (one["store_id"], one["product_id"])
        and one["first_day"] <= day.isoformat() <= one["last_day"]
    }


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_the_share_of_spoiled_transactions_is_the_rate(tmp_path, rate):
    generated(tmp_path, "--transactions", "2000", "--anomaly-rate", str(rate))
    result = judged(tmp_path)
    clean = len(result.clean_rows("store_sales_header"))
    assert abs(1 - clean / 2000 - rate) < 0.15 * rate  # some faults (a copy, say) leave a clean header behind


def test_the_sample_looks_like_a_shop():
    result = judged(SEEDS, "raw_")
    segments = Counter(flags.segment_id for flags in result.flags.values())
    assert min(segments[segment] for segment in ("AR", "HS", "RG", "PR")) >= 0.05 * len(result.flags)

    headers = result.clean_rows("store_sales_header")
    by_customer = Counter(row["customer_id"] for row in headers)
    tenth = sorted(by_customer.values(), reverse=True)[: len(by_customer) // 10]
    assert sum(tenth) > 0.25 * len(headers), "a long tail of customers"
    days = Counter(row["transaction_date"].date() for row in headers)
    assert len(days) == 7 and max(days.values()) > 1.3 * min(days.values()), "weekdays differ"
    hours = Counter(row["transaction_date"].hour for row in headers)
    assert max(hours.values()) > 3 * min(hours.values()), "hours differ"
    assert len({row["store_id"] for row in headers}) > 3

    promotions = result.clean_rows("promotion_details")
    overlaps = [
        (a, b)
        for a in promotions
        for b in promotions
        if a is not b and a["start_date"] <= b["start_date"] <= a["end_date"]
    ]
    assert overlaps
    assert sum(result.rule_counts(table)[rule] > 0 for table in COLUMNS for rule in WARNINGS[table]) > 8


def test_gzip_prefix_days_and_end_date(tmp_path):
    options = ["--transactions", "100", "--days", "3", "--end-date", "2024-02-29"]
    generated(tmp_path / "plain", *options)
    generated(tmp_path / "packed", *options, "--gzip", "--prefix", "x_")

    assert {file.name for file in (tmp_path / "packed").iterdir()} == {
        *(f"x_{table}.csv.gz" for table in COLUMNS),
        "manifest.json",
    }
    assert read_directory(tmp_path / "packed", "x_") == read_directory(tmp_path / "plain")
    days = {row["transaction_date"].date() for row in judged(tmp_path / "plain").clean_rows("store_sales_header")}
    assert days == {date(2024, 2, 27), date(2024, 2, 28), date(2024, 2, 29)}


def test_future_dates_stay_in_the_future():
    with (SEEDS / "raw_store_sales_header.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number in expected_of(SEEDS)["store_sales_header"]["transaction_date_in_future"]:
        assert datetime.fromisoformat(rows[number - 1]["transaction_date"].strip()).year >= 2900


# ------------------------------------------------------------------------------------------------------ what is planted


def planted(folder: Path, *options: str) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, str]]]]:
    """The truth in the manifest, and the rows of the files."""
    generated(folder, *RHYTHMS, "--anomaly-rate", "0", *options)
    tables = {}
    for table in ("store_sales_header", "store_sales_line_items", "products", STOCK):
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            tables[table] = [{name: cell.strip() for name, cell in row.items()} for row in csv.DictReader(file)]
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["truth"], tables


def visits(tables: dict[str, list[dict[str, str]]]) -> dict[str, list[date]]:
    found: dict[str, list[date]] = {}
    for row in tables["store_sales_header"]:
        found.setdefault(row["customer_id"], []).append(date.fromisoformat(row["transaction_date"][:10]))
    return found


def test_customers_come_at_their_own_intervals_until_they_stop(tmp_path):
    truth, tables = planted(tmp_path, "--days", "730", "--customers", "400", "--transactions", "12000")
    by_customer = visits(tables)
    assert abs(len(tables["store_sales_header"]) / 12000 - 1) < 0.05

    gaps = {}
    favourites = {customer["customer_id"]: customer["favourite_category"] for customer in truth["customers"]}
    for customer in truth["customers"]:
        days = by_customer.get(customer["customer_id"], [])
        assert not days or (customer["joins"] or "") <= days[0].isoformat()
        assert not days or days[-1].isoformat() < (customer["stops"] or "9999")
        if len(days) > 20:
            mean = (days[-1] - days[0]).days / (len(days) - 1)
            gaps[customer["customer_id"]] = mean / customer["days_between_visits"]
    assert len(gaps) > 100
    assert all(0.7 < ratio < 1.4 for ratio in gaps.values())
    assert sum(customer["stops"] is not None for customer in truth["customers"]) > 80
    assert sum(customer["joins"] is not None for customer in truth["customers"]) > 40
    category = {row["product_id"]: row["product_category"] for row in tables["products"]}
    buyer = {row["transaction_id"]: row["customer_id"] for row in tables["store_sales_header"]}
    bought = Counter(
        (buyer[line["transaction_id"]], category[line["product_id"]]) for line in tables["store_sales_line_items"]
    )
    liked, others = (
        sum(n for (who, what), n in bought.items() if who in gaps and (what == favourites[who]) == is_favourite)
        for is_favourite in (True, False)
    )
    assert 0.2 < liked / (liked + others) < 0.35, "three times a ninth, of eleven ninths"
    last = max(day for days in by_customer.values() for day in days)
    assert (date(2025, 6, 29) - last).days <= 1


@pytest.mark.parametrize("effect", [-0.5, 0, 0.8])
def test_the_contact_group_of_the_campaign_buys_more_or_less(tmp_path, effect):
    options = ("--days", "400", "--customers", "4000", "--transactions", "9000", "--campaign-effect", str(effect))
    truth, tables = planted(tmp_path, *options)
    (campaign,) = truth["campaigns"]
    with (tmp_path / "campaigns.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    with (PROJECT_DIR / "seeds/reference/campaigns.csv").open(encoding="utf-8", newline="") as file:
        assert list(row) == next(csv.reader(file))

    start, by_customer = date.fromisoformat(row["start_date"]), visits(tables)
    bought = Counter()
    for customer, days in by_customer.items():
        past = [day for day in days if day <= start]
        later = any(campaign["from"] <= day.isoformat() <= campaign["to"] for day in days)
        if past and (start - past[-1]).days >= 60:
            bought[group_of(row["campaign_id"], customer, float(row["holdout_share"])), later] += 1
    rates = {}
    for group, found in campaign["groups"].items():
        # who bought before the data begin, and not in them, is addressed too
        assert found["customers"] > bought[group, True] + bought[group, False] > 300
        assert found["buyers"] >= bought[group, True] > 20
        rates[group] = found["buyers"] / found["buyers_without_campaign"]
    assert rates["holdout"] == 1
    assert abs(rates["contact"] - 1 - effect) <= (0.2 if effect else 0)


def test_promotions_have_the_lifts_that_the_manifest_says(tmp_path):
    options = ("--days", "400", "--customers", "3000", "--transactions", "40000", "--stores", "4")
    truth, tables = planted(tmp_path, *options, "--lifts", "1,0,-0.5", "--seed", "4")
    category = {row["product_id"]: row["product_category"] for row in tables["products"]}
    sale = {row["transaction_id"]: row for row in tables["store_sales_header"]}
    units = Counter()
    for line in tables["store_sales_line_items"]:
        header = sale[line["transaction_id"]]
        day = header["transaction_date"][:10]
        units[header["store_id"], category[line["product_id"]], day] += int(float(line["quantity"]))

    ratios: dict[float, list[float]] = {}
    for promotion in truth["promotions"]:
        first, last = (date.fromisoformat(promotion[end]) for end in ("start_date", "end_date"))

        def sold(since: date, days: int, promotion: dict[str, Any] = promotion) -> int:
            return sum(
                units[store, promotion["product_category"], (since + timedelta(days=day)).isoformat()]
                for store in promotion["stores"]
                for day in range(days)
            )

        length = (last - first).days + 1
        if promotion["observed_lift"] is not None and length % 7 == 0:
            before = sold(first - timedelta(days=21), 21) / 21 * length
            ratios.setdefault(promotion["lift"], []).append(sold(first, length) / before / (1 + promotion["lift"]))
    assert set(ratios) == {1, 0, -0.5}
    assert all(0.85 < sum(found) / len(found) < 1.15 for found in ratios.values())
    assert any(promotion["dip_afterwards"] for promotion in truth["promotions"])
    assert {promotion["lift"] for promotion in truth["promotions"] if promotion["taken_from"]} == {1}


def test_what_is_out_of_stock_is_not_sold(tmp_path):
    size = ("--days", "200", "--customers", "1500", "--transactions", "20000", "--stores", "3")
    options = (*size, "--stock-outs", "100", "--stock", "60")
    truth, tables = planted(tmp_path, *options)
    sale = {row["transaction_id"]: row for row in tables["store_sales_header"]}
    days = Counter()
    for line in tables["store_sales_line_items"]:
        header = sale[line["transaction_id"]]
        days[line["product_id"], header["store_id"], header["transaction_date"][:10]] += int(float(line["quantity"]))

    lost = expected = 0.0
    for out in truth["stock_outs"]:
        length = (date.fromisoformat(out["last_day"]) - date.fromisoformat(out["first_day"])).days + 1
        for day in range(length):
            now = date.fromisoformat(out["first_day"]) + timedelta(days=day)
            assert not days[out["product_id"], out["store_id"], now.isoformat()]
        sold = sum(n for key, n in days.items() if key[:2] == (out["product_id"], out["store_id"]))
        lost, expected = lost + out["units_lost"], expected + sold * length / 200
    counted = Counter(
        (row["product_id"], row["store_id"]) for row in tables[STOCK] if row["stock_level"].strip() == "0"
    )
    planned = Counter()
    for out in truth["stock_outs"]:
        planned[out["product_id"], out["store_id"]] += out["days_out"]
    assert len(truth["stock_outs"]) > 80
    assert counted == planned
    assert abs(lost / expected - 1) < 0.25


# ---------------------------------------------------------------------------------------------------------- the command


def test_files_of_an_earlier_run_are_replaced_and_others_left_alone(tmp_path):
    generated(tmp_path, "--transactions", "50", "--gzip")
    generated(tmp_path, "--transactions", "60")
    assert not list(tmp_path.glob("*.gz"))

    (tmp_path / "manifest.json").unlink()
    before = contents(tmp_path)
    result = CliRunner().invoke(generate, ["--out", str(tmp_path), "--transactions", "70"])
    assert result.exit_code == 1
    assert "did not write" in result.output and len(result.output.splitlines()) == 1
    assert contents(tmp_path) == before


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_text("")
    result = CliRunner().invoke(generate, ["--out", str(tmp_path / "taken" / "below")])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1 and result.output.startswith("Error: can't create the folder")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--transactions", "0"],
        ["--customers", "many"],
        ["--anomaly-rate", "1.5"],
        ["--anomaly-rate", "nan"],
        ["--days", "0"],
        ["--end-date", "2025-02-30"],
        ["--prefix", "../"],
    ],
)
def test_arguments_out_of_range(tmp_path, arguments):
    result = CliRunner().invoke(generate, ["--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lifts", "0.3"], "--lifts needs --behaviour rhythms"),
        (["--stock-outs", "3"], "--stock-outs needs --behaviour rhythms"),
        (["--campaign-effect", "0"], "--campaign-effect needs --behaviour rhythms"),
        ([*RHYTHMS, "--campaign-effect", "0"], "--campaign-effect needs --days 180 or more"),
        ([*RHYTHMS, "--lifts", "0.3,-1"], "must be above -1"),
        ([*RHYTHMS, "--lifts", "some"], "must be numbers with commas between them"),
    ],
)
def test_options_that_do_not_fit(tmp_path, arguments, message):
    result = CliRunner().invoke(generate, ["--out", str(tmp_path / "new"), "--transactions", "50", *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert not (tmp_path / "new").exists()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retail.generate.output.Folder.delete_stale", full)
    result = CliRunner().invoke(generate, ["--out", str(tmp_path), "--transactions", "50"])
    assert result.exit_code == 1
    assert result.output == f"Error: can't write to {tmp_path}: No space left on device\n"
    assert not list(tmp_path.iterdir())
