"""A steward's day: rejects are handed out, repaired, taken back and remembered; a broken delivery changes nothing."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.engines import build_lock
from retail.loading.command import load
from retail.quarantine.export import guarded, rejects, unguarded
from retail.quarantine.history import history
from retail.quarantine.repair import _is_same
from support.comparison import contents, what_is_left
from support.programs import WITHOUT_MARKETING
from support.shop import clean_shop, read_export, write_export, write_shop

VARIABLES = {"raw_layer": "landing", "data_cutoff_date": "2025-06-30"}
LEDGER = """
    select customer_id, entry_number, entry_type, transaction_id, rule_ids, points, running_balance
    from retail.loyalty_ledger order by 1, 2
"""
NUL = "\u2400"  # stands for a NUL byte, which Python 3.10 can't write to a CSV
OPEN = "select status, count(*) from retail_history.quarantine_history group by 1"
CUSTOMERS = "select * from retail.customer_details order by customer_id"


def run(run_program, database, check: bool = True, **more):
    return run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", json.dumps(VARIABLES | more), check=check)


def build(run_program, database):
    """The same with the data tests; the unit tests do not look at the data."""
    run_program(
        database,
        *("dbt", "build", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", json.dumps(VARIABLES)),
    )


# ------------------------------------------------------------------------------------------- from reject to clean point


@pytest.fixture(scope="module")
def clean(new_database, landing, run_program, tmp_path_factory):
    """The shop without a fault, and without the transaction that nobody repairs."""
    shop = clean_shop()
    del shop["store_sales_header"][2], shop["store_sales_line_items"][2]
    shop["loyalty_redemptions"] = ["R1,C1,2025-06-05,10,T1", "R2,C2,2025-06-05,20,", "R3,C2,2025-06-06,5,T4"]
    shop["inventory_levels"] = ["2025-06-05,S1,P1,3", "2025-06-06,S1,P1,0"]
    database = new_database(landing)
    run_program(database, "retail", "load", str(write_shop(shop, tmp_path_factory.mktemp("clean"))))
    run(run_program, database)
    return database


@pytest.fixture(scope="module")
def repaired(new_database, landing, run_program, tmp_path_factory, query):
    """Three rejected transactions; the export of two of them is repaired and taken back. What was seen on the way."""
    shop = clean_shop()
    shop["store_sales_line_items"][0] = "1,T1,P1,,,10.00"  # no quantity: the header falls with it
    shop["store_sales_header"][1] = "T2,C1,S1,2025-06-02 10:00:00,25.00"  # not what its line says
    shop["store_sales_header"][2] = "T3,C404,S1,2025-06-03 10:00:00,30.00"  # a customer nobody knows
    shop["loyalty_redemptions"] = ["R1,C1,2025-06-05,10,T1", "R2,C2,2025-06-05,x,", "R3,C2,2025-06-06,5,T4"]
    shop["inventory_levels"] = ["2025-06-05,S1,P1,-3", "2025-06-06,S1,P1,0"]
    database = new_database(landing)
    run_program(database, "retail", "load", str(write_shop(shop, tmp_path_factory.mktemp("dirty"))))
    run(run_program, database)
    seen = {"database": database, "first": query(database, OPEN)}

    out = tmp_path_factory.mktemp("rejects") / "export"
    run_program(database, "retail", "rejects", "export", "--out", str(out))
    seen["exported"] = {table: read_export(out, table) for table in ("store_sales_header", "store_sales_line_items")}
    lines = read_export(out, "store_sales_line_items")
    lines[0]["quantity"] = "1"
    write_export(out, "store_sales_line_items", lines)
    headers = read_export(out, "store_sales_header")
    next(row for row in headers if row["transaction_id"] == "T2")["total_amount"] = "20.00"
    write_export(out, "store_sales_header", headers)
    redemptions = read_export(out, "loyalty_redemptions")
    next(row for row in redemptions if row["redemption_id"] == "R2")["points"] = "20"
    write_export(out, "loyalty_redemptions", redemptions)
    (count,) = read_export(out, "inventory_levels")
    write_export(out, "inventory_levels", [count | {"stock_level": "3"}])
    seen["before"] = contents(query, database, "retail_landing")
    seen["dry run"] = run_program(database, "retail", "load", "--replace-rejected", str(out), "--dry-run").stdout
    seen["after dry run"] = contents(query, database, "retail_landing")
    seen["said"] = run_program(database, "retail", "load", "--replace-rejected", str(out)).stdout
    seen["after"] = contents(query, database, "retail_landing")
    seen["again"] = run_program(database, "retail", "load", "--replace-rejected", str(out)).stdout
    build(run_program, database)
    seen["history"] = query(
        database,
        """
        select record_key, status, resolution, opening_number, first_seen_build, resolved_in_build,
            resolved_by_load = (select max(loaded_at) from retail_landing.loaded_files) as by_this_load
        from retail_history.quarantine_history where source_table = 'store_sales_header' order by 1
        """,
    )
    seen["after the build"] = run_program(database, "retail", "load", "--replace-rejected", str(out)).stdout
    return seen


def test_the_export_names_the_fault_and_the_root_first(repaired):
    headers, lines = repaired["exported"]["store_sales_header"], repaired["exported"]["store_sales_line_items"]
    assert [(row["transaction_id"], row["failed_rules"]) for row in headers] == [
        ("T2", "total_amount_mismatch"),
        ("T1", "line_item_rejected"),
        ("T3", "customer_id_unknown"),
    ]
    assert list(lines[0])[:6] == [
        "line_item_id", "transaction_id", "product_id", "promotion_id", "quantity", "line_item_amount"
    ]  # fmt: skip
    assert lines[0]["failed_rules"] == "quantity_missing;transaction_rejected"
    assert lines[0]["reason"].startswith("quantity is blank")
    assert headers[1]["caused_by"] == "store_sales_line_items:T1|1"


def test_a_dry_run_changes_nothing(repaired):
    assert "nothing was changed: this was a dry run" in repaired["dry run"]
    assert repaired["dry run"].splitlines()[:-1] == repaired["said"].splitlines()[:-1]
    assert repaired["after dry run"] == repaired["before"]


def test_only_the_repaired_rows_change(repaired):
    assert "store_sales_header      1 repaired (total_amount 1), 0 withdrawn, 2 unchanged" in repaired["said"]
    assert "store_sales_line_items  1 repaired (quantity 1), 0 withdrawn, 2 unchanged" in repaired["said"]
    changed = {table: set(repaired["after"][table]) - set(rows) for table, rows in repaired["before"].items()}
    assert {table.partition("raw_")[2]: len(rows) for table, rows in changed.items() if rows and "raw_" in table} == {
        "store_sales_header": 1,
        "store_sales_line_items": 1,
        "loyalty_redemptions": 1,
        "inventory_levels": 1,
    }


def test_repairs_are_taken_back_once(repaired):
    for said in (repaired["again"], repaired["after the build"]):
        assert said.count("0 repaired, 0 withdrawn, 2 unchanged, 1 repaired before") == 2
        assert said.endswith("nothing was changed: no row differs from what was loaded\n")


def test_every_repair_is_kept_with_what_was_there_before(repaired, query):
    found = query(
        repaired["database"],
        """
        select source_table, action, cells_before ->> 'total_amount', cells_after ->> 'total_amount', repair_file
        from retail_landing.repairs order by 1
        """,
    )
    assert found == [
        ("inventory_levels", "repaired", None, None, "rejected_inventory_levels.csv"),
        ("loyalty_redemptions", "repaired", None, None, "rejected_loyalty_redemptions.csv"),
        ("store_sales_header", "repaired", "25.00", "20.00", "rejected_store_sales_header.csv"),
        ("store_sales_line_items", "repaired", None, None, "rejected_store_sales_line_items.csv"),
    ]


def test_two_are_resolved_and_one_is_open(repaired):
    assert repaired["first"] == [("open", 9)]
    assert repaired["history"] == [
        ("T1", "resolved", "repaired", 1, 1, 2, True),
        ("T2", "resolved", "repaired", 1, 1, 2, True),
        ("T3", "open", None, 1, 1, None, None),
    ]


@pytest.mark.parametrize(("table", "rows"), [("loyalty_redemptions", 3), ("inventory_levels", 2)])
def test_an_optional_row_is_repaired_or_healed_with_its_transaction(repaired, clean, query, table, rows):
    statement = f"select * from retail.{table} order by 1"
    assert len(query(clean, statement)) == rows
    assert query(repaired["database"], statement) == query(clean, statement)


def test_the_points_are_those_of_the_clean_data(repaired, clean, query):
    assert query(repaired["database"], LEDGER) == query(clean, LEDGER)
    assert query(repaired["database"], CUSTOMERS) == query(clean, CUSTOMERS)
    # by hand: 100 + 10 + 20 - 10 redeemed, and 40 + 5 - 20 - 5
    assert query(clean, "select customer_id, total_loyalty_points from retail.customer_details order by 1") == [
        ("C1", 120),
        ("C2", 20),
    ]


def test_starting_over_undoes_the_repairs_and_reopens_the_rejects(repaired, run_program, query, tmp_path):
    """The last of this story: the steward repaired the rows, and nobody the source."""
    database = repaired["database"]
    shop = clean_shop()
    shop["store_sales_header"][1] = "T2,C1,S1,2025-06-02 10:00:00,25.00"
    said = run_program(database, "retail", "load", "--start-over", str(write_shop(shop, tmp_path))).stderr
    assert (
        "note: retail_history.quarantine_history keeps its 2 open and 7 resolved records; retail history purge" in said
    )
    build(run_program, database)
    found = query(
        database,
        """
        select record_key, opening_number, status, resolution from retail_history.quarantine_history
        where source_table = 'store_sales_header' order by 1, 2
        """,
    )
    assert found == [
        ("T1", 1, "resolved", "repaired"),
        ("T2", 1, "resolved", "repaired"),
        ("T2", 2, "open", None),
        ("T3", 1, "resolved", "repaired"),
    ]
    ((builds, rules),) = query(
        database,
        "select count(distinct build_number), count(distinct source_table || rule_id) from retail_history.dq_trend",
    )
    assert builds == 3
    assert query(database, "select count(*) from retail_history.dq_trend") == [(builds * rules,)]
    before = what_is_left(query, database, "retail", "retail_staging", "retail_history")
    run(run_program, database)
    assert what_is_left(query, database, "retail", "retail_staging", "retail_history") == before
    # nor does the memory fade where all is made anew, or where a run reads no rows
    for option in ("--full-refresh", "--empty"):
        run_program(database, "dbt", "run", option, *WITHOUT_MARKETING, "--vars", json.dumps(VARIABLES))
        assert contents(query, database, "retail_history") == {
            name: rows for name, rows in before.items() if name.startswith("retail_history.")
        }


@pytest.mark.extended
def test_what_was_resolved_long_ago_can_be_forgotten(landing_database, run_program, query, tmp_path):
    """T2 stays open; T3 is resolved, because its customer comes later."""
    database = landing_database
    shop = clean_shop()
    shop["store_sales_header"][1] = "T2,C1,S1,2025-06-02 10:00:00,25.00"
    shop["store_sales_header"][2] = "T3,C404,S1,2025-06-03 10:00:00,30.00"
    later = {"customer_details": ["C404,Ann,ann@example.org,,0,,"]}
    for name, delivery in (("2025-06-05", shop), ("2025-06-06", later)):
        run_program(database, "retail", "load", str(write_shop(delivery, tmp_path / name)))
        run(run_program, database)
    records = (
        "select source_table, record_key, opening_number from retail_history.quarantine_history where {} order by 1, 2"
    )
    still_open = query(database, records.format("status = 'open'"))
    resolved = len(query(database, records.format("status = 'resolved'")))
    assert still_open and ("store_sales_header", "T3", 1) in query(database, records.format("status = 'resolved'"))
    purge = ("retail", "history", "purge", "--resolved-before")
    assert run_program(database, *purge, "2020-01-01").stdout == (
        "0 records resolved before 2020-01-01 deleted from retail_history.quarantine_history; "
        f"{resolved} resolved and {len(still_open)} open stay\n"
    )
    tried = run_program(database, *purge, "2999-01-01", "--dry-run").stdout
    assert f"{resolved} records resolved before 2999-01-01 would be deleted" in tried
    assert f"0 resolved and {len(still_open)} open would stay" in tried
    assert len(query(database, records.format("true"))) == resolved + len(still_open)

    said = run_program(database, *purge, "2999-01-01").stdout
    assert f"{resolved} records resolved before 2999-01-01 deleted" in said

    assert query(database, records.format("true")) == still_open
    # a build that sees nothing new neither changes nor reopens anything
    before = what_is_left(query, database, "retail", "retail_staging", "retail_history")
    assert "full rebuild" not in run(run_program, database).stdout
    assert what_is_left(query, database, "retail", "retail_staging", "retail_history") == before
    # a record that is rejected again opens as a new one
    again = {"store_sales_header": ["T3,C404,S1,2025-06-03 10:00:00,31.00"]}
    run_program(database, "retail", "load", str(write_shop(again, tmp_path / "2025-06-07")))
    assert "full rebuild" not in run(run_program, database).stdout
    assert query(database, records.format("status = 'open'")) == sorted([*still_open, ("store_sales_header", "T3", 1)])
    assert query(database, records.format("status = 'resolved'")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--resolved-before", "2025-06-31"], "'2025-06-31' does not match the format '%Y-%m-%d'"),
        (["--resolved-before", "2025-06-30'"], "does not match"),
        ([], "Missing option '--resolved-before'"),
        (["--resolved-before", "2025-06-30"], "there is no retail_history.quarantine_history yet: the first dbt build"),
    ],
)
def test_what_is_wrong_with_a_purge_is_said(connected, query, arguments, words):
    query(connected, "drop schema if exists retail_history cascade")
    result = CliRunner().invoke(history, ["purge", *arguments])
    assert result.exit_code in (1, 2)
    assert words in result.output


def test_a_purge_waits_for_a_build(connected, query, monkeypatch):
    monkeypatch.setattr(build_lock, "_setting", {"build_lock_timeout": 1, "build_gone_after": 5}.get)
    lock = "update retail_staging.build_lock set invocation_id = "
    query(connected, lock + "'11111111-2222-3333-4444-555555555555'")
    result = CliRunner().invoke(history, ["purge", "--resolved-before", "2025-06-30"])
    query(connected, lock + "null")
    assert result.exit_code == 1
    assert "a build is still running, so nothing was changed" in result.output


# --------------------------------------------------------------------------------------------------- what is not taken


@pytest.fixture(scope="module")
def rejected(new_database, landing, run_program, tmp_path_factory):
    """A shop with two rejected stores that is only checked, not built: enough to export from."""
    shop = clean_shop()
    shop["stores"] += ['S2,"=1+1",Graz,"a ""quoted"", cell",not-a-day', "S3,-5,,@x,2020-02-30"]
    database = new_database(landing)
    run_program(database, "retail", "load", str(write_shop(shop, tmp_path_factory.mktemp("rejected"))))
    run_program(database, "dbt", "run", "--vars", json.dumps(VARIABLES), "-s", "+rejected_records")
    return database


@pytest.fixture
def connected(rejected, monkeypatch):
    """This process connects to that database."""
    for name, value in rejected.items():
        monkeypatch.setenv(name, str(value))
    return rejected


@pytest.fixture
def export(connected, tmp_path):
    result = CliRunner().invoke(rejects, ["export", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    return tmp_path / "out"


def replaced(path: Path, *options: str):
    return CliRunner().invoke(load, ["--replace-rejected", str(path), *options])


def test_no_cell_of_an_export_starts_a_formula(export):
    rows = read_export(export, "stores")
    assert [row["store_name"] for row in rows] == ["'=1+1", "'-5"]
    assert rows[1]["store_region"] == "'@x"
    with (export / "rejected_stores.csv").open(encoding="utf-8-sig", newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell[:1] in "=+-@\t\r" and cell]


@pytest.mark.parametrize(
    "cell",
    [
        "=1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        " =1",
        '"=1',
        "'=1",
        "''=1",
        "\r\n",
        "a",
        "'",
        "''",
        "'a",
        "",
        "\uff1d1",
        "a=1",
        "|x",
    ],
)
def test_a_guarded_cell_comes_back_as_it_was(cell):
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


def test_an_export_that_nobody_touched_changes_nothing(export):
    result = replaced(export)
    assert result.exit_code == 0, result.output
    assert "stores  0 repaired, 0 withdrawn, 2 unchanged" in result.output


@pytest.mark.parametrize(
    ("present", "given", "is_same"),
    [
        ("10.00", "10", True),
        (" 7\t", "7", True),
        ("\x0b7\f", "7", True),
        ("1.50", "1.5", True),
        ("-0.0", "-0", True),
        (None, " ", True),
        ("vat", "at", False),
        ("007", "7", False),
        ("100", "1", False),
        ("10.00", "1", False),
        ("1.50", "1.05", False),
        ("2025-01-05", "05.01.2025", False),
        ("1.0.0", "1.0", False),
        ("a", None, False),
    ],
)
def test_what_a_spreadsheet_writes_otherwise_is_no_change(rejected, query, present, given, is_same):
    condition = _is_same("kept.cell").format(cell="cell")
    found = query(
        rejected, f"select {condition} from (select %s::text as cell) as kept, (select %s::text as cell) as given",
        [present, given],
    )  # fmt: skip
    assert found == [(is_same,)]


def test_an_export_is_not_overwritten(export):
    result = CliRunner().invoke(rejects, ["export", "--out", str(export)])
    assert result.exit_code == 1
    assert result.output.endswith(
        "rejected_stores.csv exists, perhaps with repairs: choose another place, or add --force\n"
    )
    assert CliRunner().invoke(rejects, ["export", "--out", str(export), "--force"]).exit_code == 0


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_where_nothing_is_rejected_nothing_is_written(connected, tmp_path, name):
    result = CliRunner().invoke(rejects, ["export", "--out", str(tmp_path / name), "--table", "products"])
    assert (result.exit_code, result.output) == (0, "nothing is rejected: there is nothing to export\n")
    assert list(tmp_path.iterdir()) == []


def test_one_csv_is_not_enough_for_seven_tables(connected, tmp_path):
    result = CliRunner().invoke(rejects, ["export", "--out", str(tmp_path / "all.csv")])
    assert result.exit_code == 1
    assert "give --out a folder, or a name ending in .zip" in result.output


def test_an_archive_is_written_and_read(connected, tmp_path):
    archive = tmp_path / "rejects.zip"
    assert CliRunner().invoke(rejects, ["export", "--out", str(archive)]).exit_code == 0
    assert zipfile.ZipFile(archive).namelist() == ["rejected_stores.csv"]
    result = replaced(archive)
    assert result.exit_code == 0, result.output
    assert "stores  0 repaired, 0 withdrawn, 2 unchanged" in result.output


def _with(**cells: str):
    def change(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[1].update(cells)
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with(rejected_record_id=""), ", line 3: rejected_record_id is blank: only exported rows are replaced"),
        (_with(rejected_record_id="made-up", store_name="other"), ", line 3: rejected_record_id 'made-up' is not"),
        (_with(withdraw="perhaps"), ", line 3: withdraw is 'perhaps': write x to withdraw the row"),
        (lambda rows: [*rows, rows[0]], ", line 4: rejected_record_id repeats line 2: keep one of the two"),
        (
            lambda rows: [{k: v for k, v in row.items() if k != "store_city"} for row in rows],
            " lacks column store_city: keep the columns of the export",
        ),
        (_with(store_name=f"a{NUL}b"), ", line 3: a NUL byte"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_repair_is_said_in_one_line(export, query, rejected, change, words):
    before = contents(query, rejected, "retail_landing")
    rows = read_export(export, "stores")
    unguarded_rows = change([dict(row) for row in rows])
    unguarded_rows[0]["opening_date"] = "2020-01-01"  # a good repair beside the bad one is not taken either
    write_export(export, "stores", unguarded_rows)
    file = export / "rejected_stores.csv"
    file.write_bytes(file.read_bytes().replace(NUL.encode(), b"\0"))
    result = replaced(export)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert words in line and "rejected_stores.csv" in line
    assert contents(query, rejected, "retail_landing") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give folders or files to load, or --replace-rejected and the repaired rows"),
        (["a", "--replace-rejected", "b"], "give folders or files to load, or --replace-rejected"),
        (["a", "--dry-run"], "--dry-run goes with --replace-rejected"),
        (["--replace-rejected", "nowhere"], "nowhere does not exist: give what `retail rejects export` wrote"),
        (["--replace-rejected", "nowhere.zip"], "nowhere.zip can't be read as a ZIP archive"),
    ],
)
def test_what_is_wrong_with_the_command_is_said(connected, arguments, words):
    result = CliRunner().invoke(load, arguments)
    assert result.exit_code in (1, 2)
    assert words in result.output


def test_a_withdrawn_row_is_taken_out_and_a_repair_fits_once(export, query, rejected):
    rows = read_export(export, "stores")
    rows[0]["withdraw"] = "x"
    rows[1]["opening_date"] = "2020-02-29"
    write_export(export, "stores", rows)
    result = replaced(export)
    assert "stores  1 repaired (opening_date 1), 1 withdrawn, 0 unchanged" in result.output
    columns = "source_row_number, store_id, store_name, opening_date"
    found = query(rejected, f"select {columns} from retail_landing.raw_stores order by 1")
    assert found == [
        (1, "S1", "Main", "2020-01-01"),
        (3, "S3", "-5", "2020-02-29"),
    ]
    # someone else, from the same export, would have it otherwise
    rows[0]["withdraw"] = ""
    rows[1]["opening_date"] = "2020-03-01"
    write_export(export, "stores", rows)
    result = replaced(export)
    assert result.exit_code == 1
    assert ", line 3: row 3 of retail_landing.raw_stores has changed since it was rejected" in result.output


# -------------------------------------------------------------------------------------------------- the circuit breaker


def test_a_broken_delivery_leaves_the_marts_as_they_were(landing_database, run_program, query, tmp_path):
    run_program(landing_database, "retail", "load", str(write_shop(clean_shop(), tmp_path)))
    limits = {"rejected_share_min_rows": 4}
    run(run_program, landing_database, **limits)
    before = contents(query, landing_database, "retail")
    assert len(before) > 10
    summary = run_program(landing_database, "retail", "summary").stdout

    broken = clean_shop()
    for number in (1, 2, 3):
        broken["store_sales_line_items"][number] = f"1,T{number + 1},P1,,x,-1"
    run_program(landing_database, "retail", "load", "--start-over", str(write_shop(broken, tmp_path)))
    result = run(run_program, landing_database, check=False, **limits)

    assert result.returncode == 1
    for words in (
        "Too much was rejected, so the marts stay as the last good build left them.",
        "store_sales_header: 3 of 4 rows were rejected (75.0 %, at most 50.0 %), mostly for line_item_rejected (3)",
        "store_sales_line_items: 3 of 4 rows were rejected (75.0 %, at most 50.0 %), mostly for "
        "line_item_amount_negative (3), quantity_invalid (3), transaction_rejected (3)",
        "raise the var max_rejected_share",
    ):
        assert words in result.stdout
    assert contents(query, landing_database, "retail") == before
    _, stopped, which, *lines = run_program(landing_database, "retail", "summary").stdout.splitlines()
    assert stopped.endswith("because it rejected too much: store_sales_header 75.0%, store_sales_line_items 75.0%")
    assert which == "segments are those of the last good build, rows, money and reasons those of the stopped one"
    assert lines[lines.index("next") - 7 :] == summary.splitlines()[summary.splitlines().index("next") - 7 :]
    # what was seen is remembered all the same, and a limit for the tables in question lets it through
    assert query(landing_database, "select count(*) from retail_history.dq_builds") == [(2,)]
    most = {"default": 0.5, "store_sales_header": 0.8, "store_sales_line_items": 0.8}
    assert run(run_program, landing_database, check=False, **limits, max_rejected_share=most).returncode == 0
    assert query(landing_database, "select count(*) from retail.store_sales_header") == [(1,)]


@pytest.mark.extended
def test_the_summary_of_a_first_build_that_stopped_names_the_next_command(landing_database, run_program, tmp_path):
    broken = clean_shop()
    broken["store_sales_header"] = [row.replace("2025-06", "June") for row in broken["store_sales_header"]]
    run_program(landing_database, "retail", "load", str(write_shop(broken, tmp_path)))
    result = run_program(landing_database, "retail", "summary", check=False)
    loaded = "15 rows of 7 files are loaded, nothing is built yet: run dbt build --vars 'raw_layer: landing'"
    assert result.stderr == f"Error: {loaded}\n"
    for command in (("lists",), ("rejects", "export")):
        result = run_program(landing_database, "retail", *command, "--out", str(tmp_path / "out"), check=False)
        assert result.stderr == "Error: nothing is built yet: run `dbt build --vars 'raw_layer: landing'`\n"
    assert run(run_program, landing_database, check=False).returncode == 1
    lines = run_program(landing_database, "retail", "summary").stdout.splitlines()
    assert lines[0] == (
        "the first build STOPPED before the marts, because it rejected too much: "
        "overall 53.3%, store_sales_header 100.0%, store_sales_line_items 100.0%"
    )
    assert "in = clean + rejected in every table, in rows and in money" in lines
    assert any(line.startswith("transaction_date_invalid") for line in lines)
    assert lines[-1].startswith("  dbt build --vars 'raw_layer: landing'  then; or")


def test_all_that_is_published_stands_behind_the_breaker(manifest):
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    valid_rows = {name for name, node in models.items() if node["name"].startswith("stg_")}
    # what an amount is worth, and since when, is no row of a delivery
    marts = {name for name, node in models.items() if node["fqn"][1] == "marts" and node["name"] != "loyalty_points"}
    assert len(marts) > 10 and len(valid_rows) == 9
    assert all("model.retail.circuit_breaker" in manifest["parent_map"][name] for name in valid_rows)
    read = {parent for name in marts for parent in manifest["parent_map"][name] if parent in models}
    of_points = {
        f"model.retail.{name}" for name in ("loyalty_points", "int_loyalty_rule_versions", "int_files_loyalty_rules")
    }
    # what is rejected, and what that holds back, is told whatever the breaker says
    of_rejects = {
        f"model.retail.{name}"
        for name in ("dq_rules", "dq_summary", "rejected_records", "rejected_record_causes", "rejected_transactions")
    }
    assert read <= marts | valid_rows | of_points | of_rejects


# --------------------------------------------------------------------------------------------------------- the switches


@pytest.mark.extended
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"rule_severity": {"made_up": "warn"}}, "var rule_severity names made_up, and there is no such rule"),
        ({"rule_severity": {"stores.email_invalid": "warn"}}, "names stores.email_invalid, and there is no such rule"),
        (
            {"rule_severity": {"store_id_missing": "off"}},
            "rule store_id_missing of inventory_levels can't be 'off', because it protects the primary key; "
            "write <table>.store_id_missing if another table is meant",
        ),
        (
            {"rule_severity": {"store_sales_line_items.transaction_rejected": "warn"}},
            "transaction_rejected of store_sales_line_items can't be 'warn', because it protects whole transactions",
        ),
    ],
)
def test_a_switch_that_does_not_exist_is_named(server, run_program, tmp_path, variables, words):
    result = run_program(
        server, "dbt", "parse", "--target-path", str(tmp_path), "--vars", json.dumps(variables), check=False
    )
    assert result.returncode != 0
    assert words in " ".join(result.stdout.split())
