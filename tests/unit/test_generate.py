"""`retail generate`: the same bytes for the same arguments, and a manifest that says all there is to find."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.contract import PROJECT_DIR
from retail.generate import generate
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


def test_the_bytes_do_not_depend_on_the_process(tmp_path):
    for number, hash_seed in enumerate(("1", "2")):
        subprocess.run(
            [sys.executable, "-m", "retail", "generate", "--out", tmp_path / str(number), "--transactions", "400"],
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
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4])
def test_the_manifest_says_what_every_rule_finds(tmp_path, seed, rate):
    generated(
        tmp_path,
        *("--customers", "120", "--transactions", "600", "--redemptions", "90", "--stock", "6"),
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


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retail.generate.output.Folder.commit", full)
    result = CliRunner().invoke(generate, ["--out", str(tmp_path), "--transactions", "50"])
    assert result.exit_code == 1
    assert result.output == f"Error: can't write to {tmp_path}: No space left on device\n"
    assert not list(tmp_path.iterdir())
