"""The same answers from every engine: what DuckDB and Spark build of the sample is what PostgreSQL builds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from support.deliveries import write_deliveries as write_worlds
from support.histories import histories
from support.parity import compare_duckdb, compare_spark
from support.programs import WITHOUT_MARKETING
from support.shop import clean_shop, write_shop
from support.worlds import CUTOFF

DAYS = ("2025-06-29", "2025-06-30")
FROM_LANDING = ("--vars", "raw_layer: landing")


@pytest.fixture(scope="module")
def duckdb_file(tmp_path_factory, run_program) -> str:
    """The sample, seeded, built and tested by dbt on DuckDB."""
    file = str(tmp_path_factory.mktemp("duckdb") / "warehouse.duckdb")
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": file}
    run_program(database, "dbt", "seed")
    run_program(database, "dbt", "build", "--exclude-resource-type", "unit_test")
    return file


@pytest.fixture
def spark(tmp_path) -> dict[str, str]:
    """An empty folder for Spark, as the variables that name it."""
    pytest.importorskip("pyspark", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    return {"RETAIL_TARGET": "spark", "RETAIL_SPARK": str(tmp_path / "spark")}


def test_duckdb_builds_what_postgresql_builds(sample, query, duckdb_file):
    compare_duckdb(query, sample, duckdb_file)


@pytest.mark.extended
def test_duckdb_passes_the_unit_tests(run_program, tmp_path):
    """They ask for the columns of tables, not for rows."""
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(tmp_path / "empty.duckdb")}
    run_program(database, "dbt", "build", "--empty", "--exclude-resource-type", "test", "unit_test")
    said = run_program(database, "dbt", "test", "-s", "test_type:unit").stdout
    assert re.search(r"PASS=\d{3,} .*ERROR=0 ", said)


def test_duckdb_builds_what_was_loaded(run_program, tmp_path):
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(tmp_path / "shop.duckdb")}
    run_program(database, "retail", "load", str(write_shop(clean_shop(), tmp_path / "shop")))
    run_program(database, "dbt", "build", *FROM_LANDING, "--exclude-resource-type", "test", "unit_test")
    with duckdb.connect(database["RETAIL_DUCKDB"], read_only=True) as connection:
        found = connection.sql(
            "select customer_id, total_loyalty_points from retail.customer_details order by 1"
        ).fetchall()
    assert found == [("C1", 130), ("C2", 80)]


@pytest.fixture(scope="module")
def deliveries(run_program, tmp_path_factory) -> Path:
    """50,000 lines in two deliveries, with lines that are no rows."""
    folder = tmp_path_factory.mktemp("deliveries")
    write_deliveries(run_program, folder)
    return folder


@pytest.fixture(scope="module")
def landed(new_database, run_program, deliveries) -> dict[str, str]:
    """The deliveries in PostgreSQL: loaded one by one, built together."""
    database = new_database()
    load_and_build(run_program, database, deliveries)
    return database


def load_and_build(
    run_program, engine: dict[str, str], deliveries: Path, *options: str, without: Sequence[str] = ("test", "unit_test")
) -> None:
    for day in DAYS:
        run_program(engine, "retail", "load", str(deliveries / day))
    run_program(engine, "dbt", "build", *options, *FROM_LANDING, "--exclude-resource-type", *without)


@pytest.mark.extended
def test_duckdb_builds_what_postgresql_builds_of_dirty_deliveries(landed, run_program, query, deliveries, tmp_path):
    file = str(tmp_path / "warehouse.duckdb")
    load_and_build(run_program, {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": file}, deliveries)
    assert query(landed, "select count(*) > 50000 from retail_landing.raw_store_sales_line_items") == [(True,)]
    assert query(landed, "select count(distinct rule_id) from retail_landing.unreadable_lines") == [(4,)]
    assert query(landed, "select count(*) > 100 from retail_staging.int_transactions_completed") == [(True,)]
    assert query(landed, "select count(*) > 800 from retail.loyalty_redemptions") == [(True,)]
    assert query(landed, "select count(*) > 90 from retail.stock_outs where days_out > 0") == [(True,)]
    compare_duckdb(query, landed, file, "retail_landing")


@pytest.mark.extended
def test_spark_builds_what_postgresql_builds_of_dirty_deliveries(
    landed, run_program, query, deliveries, spark, tmp_path, manifest
):
    """In dbt's own process; what it builds of the sample is seen in test_cluster.py."""
    load_and_build(run_program, spark, deliveries, *WITHOUT_MARKETING)
    marketing = [node["name"] for node in manifest["nodes"].values() if "marketing" in node["tags"]]
    compare_spark(query, landed, spark, tmp_path, "retail_landing", without=marketing)


@pytest.mark.proof
def test_spark_builds_and_tests_all_of_dirty_deliveries(landed, run_program, query, deliveries, spark, tmp_path):
    load_and_build(run_program, spark, deliveries, without=["unit_test"])
    compare_spark(query, landed, spark, tmp_path, "retail_landing")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory) -> list[Path]:
    """The deliveries of random histories of loyalty accounts."""
    worlds, _ = histories(3, 150)
    return list(write_worlds(worlds, tmp_path_factory.mktemp("accounts")))


def build_accounts(run_program, engine: dict[str, str], folders: list[Path], *, accept_returns: bool) -> None:
    for folder in folders:
        run_program(engine, "retail", "load", str(folder))
    told = {
        "raw_layer": "landing",
        "data_cutoff_date": str(CUTOFF),
        "accept_returns": accept_returns,
        "points_expire_after_months": 1,
        "max_rejected_share": 1,
    }
    run_program(engine, "dbt", "build", "--vars", json.dumps(told), "--exclude-resource-type", "test", "unit_test")


UNCOVERED = "select count(*) > 20 from retail_staging.rejected_records where failed_rules = 'points_exceed_balance'"


@pytest.mark.extended
def test_duckdb_keeps_the_accounts_that_postgresql_keeps(accounts, fresh_database, run_program, query, tmp_path):
    file = str(tmp_path / "accounts.duckdb")
    for engine in (fresh_database, {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": file}):
        build_accounts(run_program, engine, accounts, accept_returns=True)
    assert query(fresh_database, UNCOVERED) == [(True,)]
    compare_duckdb(query, fresh_database, file)


@pytest.mark.proof
def test_spark_keeps_the_accounts_that_postgresql_keeps(accounts, fresh_database, run_program, query, spark, tmp_path):
    """Without returns, whose plan is too large for a session on one machine."""
    for engine in (fresh_database, spark):
        build_accounts(run_program, engine, accounts, accept_returns=False)
    assert query(fresh_database, UNCOVERED) == [(True,)]
    compare_spark(query, fresh_database, spark, tmp_path)


def write_deliveries(run_program, folder: Path) -> None:
    """Generated data: the second day restates some customers, brings the last sales, and lines for earlier ones."""
    first, second = (folder / day for day in DAYS)
    size = ("--transactions", "18900", "--customers", "2000", "--redemptions", "900", "--stock", "20")
    run_program({}, "retail", "generate", "--out", str(first), *size)
    second.mkdir()
    shares = {"store_sales_header": 20, "store_sales_line_items": 15, "customer_details": 0}
    shares |= {"loyalty_redemptions": 10, "inventory_levels": 10}
    for name, share in shares.items():
        file = first / f"{name}.csv"
        header, *rows = file.read_bytes().splitlines(keepends=True)
        later = rows[len(rows) - len(rows) // share :] if share else []
        if share:
            rows = rows[: -len(later)]
        if name == "store_sales_line_items":
            later += rows[::97]  # said again
            later += [row.replace(b",", b"x,", 1) for row in rows[::301]]  # one more of a transaction that was whole
            rows[90:90] = [b"999999,T1,P00001,,7.0\xe2\x80\xa8,1.00\n"]  # an end of line to Java's $
            rows[50:50] = [b'1,"left open\n', b"too,few\n", b"1,T1,P\xf6,,1,1.00\n", b"1,T1,P1,,1,1.00,\n"]
        if name == "inventory_levels":
            later += [row.replace(b"\n", b"7\n") for row in rows[::97]]  # said otherwise
        if name == "loyalty_redemptions":
            later += rows[::9]  # said again
        if name == "store_sales_header":  # off by a hair more than the tolerance
            *cells, total = rows[7].decode().strip().split(",")
            rows[7] = ",".join([*cells, f"{Decimal(total) + Decimal('0.010000000000000001')}"]).encode() + b"\n"
        if name == "customer_details":
            later += [row.replace(b"a", b"o", 1) for row in rows[::5]]
            rows.insert(3, b"one\n")
        file.write_bytes(header + b"".join(rows))
        (second / f"{name}.csv").write_bytes(header + b"".join(later))


def test_summary_reads_duckdb(duckdb_file, run_program):
    said = run_program({"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": duckdb_file}, "retail", "summary").stdout
    assert "in = clean + rejected in every table, in rows and in money" in said


def test_an_unknown_engine_is_refused(run_program):
    result = run_program({"RETAIL_TARGET": "oracle"}, "retail", "summary", check=False)
    assert result.returncode != 0
    assert "use postgres, duckdb or spark" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["psql"], "open its tables in that engine's own shell"),
        (["rejects", "export", "--out", "repairs"], "read retail_staging.rejected_records there"),
        (["load", "--replace-rejected", "repairs"], "repair the files themselves, and load all with --start-over"),
    ],
)
def test_what_postgresql_alone_does_is_refused_elsewhere(run_program, arguments, advice):
    result = run_program({"RETAIL_TARGET": "duckdb"}, "retail", *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "works on postgres, and RETAIL_TARGET is duckdb" in result.stderr
    assert advice in result.stderr
