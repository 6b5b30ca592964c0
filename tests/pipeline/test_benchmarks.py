"""The benchmark's sides do the same work: the floor and pandas find on the sample what dbt has built of it."""

from __future__ import annotations

import csv
import shutil
import sys
from collections import Counter
from contextlib import nullcontext
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from benchmarks import bench, picture, sides
from benchmarks.data import Dealer, generate
from benchmarks.engines import engine_database
from benchmarks.measure import Cost, measured
from benchmarks.sides import FLOOR, OURS, PANDAS, PANDAS_COPY, Database, disagreements, facts, run_floor, run_pandas
from retail.contract import PROJECT_DIR, RAW_PREFIX, required_tables
from retail.errors import RetailError

pytestmark = pytest.mark.extended

DAYS = [date(2025, 6, 29) - timedelta(days=days) for days in reversed(range(15))]
REJECTS = """
    select source_table, source_row_number, record_key, failed_rules, reason, caused_by, raw_record, amount_at_stake
    from retail_staging.rejected_records
    where source_table <> 'inventory_levels'  -- the other sides know no optional input
    order by source_table, source_row_number
"""
COUNTS = """
    select source_table, rule_id, severity, rows_in, rows_failed
    from {schema}.dq_summary
    where rows_failed > 0 and source_table <> 'inventory_levels'
    order by source_table, rule_id
"""
SAME_TABLES = {
    "store_sales_header": "transaction_id",
    "store_sales_line_items": "transaction_id, line_item_id",
    "loyalty_ledger": "customer_id, entry_number",
    "loyalty_balances": "customer_id",
    "customer_rfm": "customer_id",
    "customer_segments": "customer_id",
    "customer_details": "customer_id",
    "rfm_score_bounds": "dimension, score",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The seven files of the sample, under the names that an export has."""
    target = tmp_path_factory.mktemp("benchmark")
    for table in required_tables():
        shutil.copy(PROJECT_DIR / "seeds" / "raw" / f"{table.raw_name}.csv", target / f"{table.name}.csv")
    assert RAW_PREFIX not in str(list(target.iterdir()))
    return target


@pytest.fixture(autouse=True, scope="module")
def same_cutoff(sample, query) -> None:
    """Let all sides end on the day on which the sample was built."""
    ((cutoff,),) = query(sample, "select data_cutoff_date from retail.as_of")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sides, "CUTOFF", cutoff.isoformat())
        yield


@pytest.fixture(scope="module")
def floor(new_database, folder) -> dict[str, str]:
    """What the script written by hand makes of the sample."""
    database = new_database()
    run_floor(Database(database), folder)
    return database


def test_the_floor_agrees_on_every_fact(sample, floor):
    assert disagreements({OURS: facts(Database(sample)), FLOOR: facts(Database(floor))}) == []


def test_the_floor_rejects_the_same_rows_for_the_same_reasons(sample, floor, query):
    assert _without_blanks(query(floor, REJECTS)) == _without_blanks(query(sample, REJECTS))


def _without_blanks(rejects: list[tuple]) -> list[tuple]:
    """A seed's cells have passed through agate, which trims them."""
    return [
        tuple(
            {name: (cell or "").strip() for name, cell in value.items()} if isinstance(value, dict) else value
            for value in row
        )
        for row in rejects
    ]


def test_the_floor_counts_every_rule_alike(sample, floor, query):
    counts = COUNTS.format(schema="retail_staging")
    assert query(floor, counts) == query(sample, counts)


def test_the_floor_finds_the_same_causes(sample, floor, query):
    statement = """
        select source_table, source_row_number, root_table, root_key, root_rules, root_is_absent, steps, trail
        from retail_staging.rejected_record_causes
        where source_table <> 'inventory_levels'
        order by 1, 2, 3, 4
    """
    assert query(floor, statement) == query(sample, statement)


@pytest.mark.parametrize("table", SAME_TABLES)
def test_the_floor_makes_the_same_table(sample, floor, query, table):
    columns = "string_agg(column_name, ', ' order by ordinal_position)"
    in_table = f"table_schema = 'retail' and table_name = '{table}'"
    ((ours,),) = query(sample, f"select {columns} from information_schema.columns where {in_table}")
    ((theirs,),) = query(floor, f"select {columns} from information_schema.columns where {in_table}")
    # what says how far a segment can be trusted is left out by hand
    assert ours == theirs or table == "customer_segments"
    statement = f"select {theirs} from retail.{table} order by {SAME_TABLES[table]}"
    assert query(floor, statement) == query(sample, statement)


def test_the_floor_has_the_same_keys_and_indexes(sample, floor, query):
    constraints = """
        set search_path = pg_catalog;
        select conrelid::regclass::text, contype, replace(pg_get_constraintdef(oid), ' ON DELETE CASCADE', '')
        from pg_constraint
        where connamespace = 'retail'::regnamespace and contype in ('p', 'f')
            and conrelid::regclass::text not in ('retail.loyalty_redemptions', 'retail.inventory_levels')
        order by 1, 2, 3
    """
    indexes = """
        select schemaname, tablename, substring(indexdef from ' USING .*')
        from pg_indexes
        where schemaname like 'retail%'
        order by 1, 2, 3
    """
    types = """
        select table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
        from information_schema.columns
        where table_schema = 'retail' and table_name = any(%s)
        order by 1, 2
    """
    clean = [[table.name for table in required_tables()]]
    assert query(floor, constraints) == query(sample, constraints)
    assert set(query(floor, indexes)) <= set(query(sample, indexes))  # ours has more, to amend what is built
    assert query(floor, types, clean) == query(sample, types, clean)


@pytest.mark.parametrize("method", ["insert", "copy"])
def test_pandas_agrees(sample, new_database, folder, query, method):
    for package in ("pandas", "sqlalchemy"):
        pytest.importorskip(package)
    database = new_database()
    run_pandas(Database(database), folder, method)
    assert disagreements({OURS: facts(Database(sample)), PANDAS: facts(Database(database))}) == []
    assert query(database, COUNTS.format(schema="retail")) == query(sample, COUNTS.format(schema="retail_staging"))


def test_a_disagreement_names_the_fact_and_the_sides():
    found = disagreements({"ours": {"money": "1.00", "points": 3}, "floor": {"money": "1.01", "points": 3}})
    assert found == ["money: ours 1.00, floor 1.01"]


@pytest.fixture(scope="module")
def dealt(tmp_path_factory) -> tuple[Path, Path]:
    """A sample, and the same dealt out by days."""
    folder = tmp_path_factory.mktemp("days")
    generate(sides.PROGRAMS / "retail", folder / "sample", 6_000, len(DAYS))
    Dealer(folder / "sample", folder / "all", DAYS).deal()
    return folder / "sample", folder / "all"


def _rows(path: Path) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


@pytest.mark.parametrize("table", ["store_sales_header", "store_sales_line_items"])
def test_every_sale_is_dealt_out_once(dealt, table):
    sample, days = dealt
    found = [row for day in sorted(days.iterdir()) for row in _rows(day / f"{table}.csv")]
    assert [day.name for day in sorted(days.iterdir())] == [day.isoformat() for day in DAYS]
    assert Counter(found) == Counter(_rows(sample / f"{table}.csv"))


def test_a_line_comes_with_its_header(dealt):
    _, days = dealt
    for day in days.iterdir():
        headers = {row[0].strip() for row in _rows(day / "store_sales_header.csv")}
        lines = _rows(day / "store_sales_line_items.csv")
        with_header = [line for line in lines if line[1].strip() in headers]
        assert len(with_header) > 0.97 * len(lines)


def test_masters_come_a_little_early_or_late(dealt):
    sample, days = dealt
    first, *later = sorted(days.iterdir())
    assert {path.stem for path in first.iterdir()} == {table.name for table in required_tables()}
    masters = {"products", "customer_details"}
    for day in later:
        assert {path.stem for path in day.iterdir()} - {"store_sales_header", "store_sales_line_items"} == masters
        assert _rows(day / "customer_details.csv")
    for table in masters:
        brought = [row for day in (first, *later) for row in _rows(day / f"{table}.csv")]
        assert Counter(_rows(sample / f"{table}.csv")) <= Counter(brought)
    in_first = {row[0] for row in _rows(first / "customer_details.csv")}
    in_second = {row[0] for row in _rows(later[0] / "customer_details.csv")} - in_first
    buyers_of_second = {row[1] for row in _rows(later[0] / "store_sales_header.csv")}
    assert in_second
    assert not in_second & buyers_of_second  # they buy on the third day, or later
    buyers_of_third = {row[1] for row in _rows(later[1] / "store_sales_header.csv")}
    assert buyers_of_third - in_first - in_second - {row[0] for row in _rows(later[1] / "customer_details.csv")}


def _cost(seconds: float) -> Cost:
    return Cost(seconds, 1, 1, 100, 100, 100)


def test_the_days_compare_one_day_net_of_the_start_up(tmp_path, monkeypatch):
    seconds = {"load": [60, 2, 64], "build": [30, 4, 5, 9, 7, 41]}
    monkeypatch.setattr(bench, "load", lambda *_: _cost(seconds["load"].pop(0)))
    monkeypatch.setattr(bench, "build", lambda *_: _cost(seconds["build"].pop(0)))
    monkeypatch.setattr(bench, "parse", lambda *_: None)
    monkeypatch.setattr(bench, "facts", lambda _: {"money": "1.00"})
    (tmp_path / "last" / "2025-06-29").mkdir(parents=True)
    results = bench.Results()
    bench.measure_day(results, tmp_path, tmp_path, 100, 20_000)
    (ratio,) = results.ratios
    assert ratio.value == pytest.approx((2 + 7 - 5) / (64 + 41 - 5))
    assert ratio.is_met


def test_the_engines_are_compared_where_they_agree(tmp_path, monkeypatch):
    found = {"postgres": "1.00", "duckdb": "1.00", "spark": "1.01"}
    paces = {"postgres": 100_000, "duckdb": 400_000, "spark": 50_000}
    monkeypatch.setattr(bench, "_sample", lambda _, lines: nullcontext(lines))
    monkeypatch.setattr(bench, "engine_database", lambda engine, _: nullcontext(engine))
    monkeypatch.setattr(bench, "load", lambda engine, lines: _cost(lines / paces[engine] / 2))
    monkeypatch.setattr(bench, "build", lambda engine: _cost(25 / paces[engine] * 100_000))
    monkeypatch.setattr(bench, "parse", lambda _: None)
    monkeypatch.setattr(bench, "facts", lambda engine: {"money": found[engine]})
    results = bench.Results()
    bench.measure_engines(
        results, tmp_path, {5_000_000: ["postgres", "duckdb"], 20_000_000: ["duckdb"], 9: list(found)}
    )
    assert [(ratio.name, ratio.value, ratio.is_met) for ratio in results.ratios] == [
        ("postgres over duckdb at 5,000,000 lines", 4.0, True)
    ]
    assert results.disagreements == ["at 9 lines money: postgres 1.00, duckdb 1.00, spark 1.01"]
    assert len(results.measurements) == 12


def test_the_facts_are_read_from_duckdb(tmp_path):
    with engine_database("duckdb", tmp_path) as database:
        with duckdb.connect(database.environment["RETAIL_DUCKDB"]) as connection:
            connection.execute("create schema retail; create schema retail_staging")
            for table in required_tables():
                connection.execute(f"create table retail.{table.name} (n integer)")
            connection.execute(
                "create or replace table retail.customer_details as select 'AR' segment_id, 7 total_loyalty_points"
            )
            connection.execute(
                "create or replace table retail.store_sales_header as select 1.10::decimal(10, 2) total_amount"
            )
            connection.execute("create table retail_staging.rejected_records as select 'stores' source_table")
        found = facts(database)
    assert found == {
        **{
            f"clean.{table.name}": int(table.name in ("customer_details", "store_sales_header"))
            for table in required_tables()
        },
        **{"rejected.stores": 1, "segments.AR": 1, "points": "7", "money": "1.10"},
    }


def test_ratios_have_their_targets():
    costs = {
        lines: {
            side: _cost(lines / pace)
            for side, pace in {OURS: 10_000, FLOOR: 20_000, PANDAS: 2_000, PANDAS_COPY: 9_000}.items()
        }
        for lines in (500_000, 2_000_000, 5_000_000)
    }
    verdicts = {ratio.name: ratio.is_met for ratio in bench.build_ratios(costs)}
    assert verdicts["full build over the floor at 2,000,000 lines"] is False
    assert verdicts["pandas over the full build at 2,000,000 lines"] is True
    assert verdicts["growth exponent of ours, 500,000 to 5,000,000 lines"] is True
    assert verdicts["full build over the floor at 500,000 lines"] is None


def test_a_program_is_measured_and_its_failure_said_in_a_line(server):
    cost = measured([sys.executable, "-c", "sum(range(10**6)); bytearray(50_000_000)"], server)
    assert cost.seconds > 0
    assert cost.client_memory > 50
    with pytest.raises(RetailError, match="failed with 3: what went wrong"):
        measured([sys.executable, "-c", "print('what went\\nwrong'); raise SystemExit(3)"], server)


@pytest.mark.parametrize(
    "arguments", [["--only", "seeds"], ["--sizes", "many"], ["--days", "0"], ["--engine-sizes", "x"]]
)
def test_wrong_options_are_refused(arguments):
    result = CliRunner().invoke(bench.main, arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_the_labels_of_the_picture_do_not_overlap():
    ends = picture._ends({"a": {5: 55.0}, "b": {5: 67.0}, "c": {5: 72.0}, "d": {5: 221.0}, "none": {}})
    heights = [ends[side][2] for side in "abcd"]
    assert all(low * picture._LABEL_HEIGHT <= high * 1.0001 for low, high in pairwise(heights))
    assert heights[0] < 55 and heights[2] > 72, "the three spread both ways"
    assert heights[3] == pytest.approx(221)
