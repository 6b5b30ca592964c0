"""Repairs in a landing that loads add to: the file they are booked as, what a later load leaves of them, and lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.contract import required_tables
from retail.loading.command import load
from retail.quarantine.export import rejects

STORES = "store_id,store_name,store_city,store_region,opening_date\n"
REPAIRED = "select store_id, store_name, file_id, source_row_number from retail_landing.raw_stores order by 4"


@pytest.fixture
def folder(fresh_database, monkeypatch, tmp_path) -> Path:
    """A folder with seven files, of the stores one row and one line that is none rejected."""
    for name, value in fresh_database.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("RETAIL_SCHEMA", raising=False)
    place = tmp_path / "export"
    place.mkdir()
    for table in required_tables():
        (place / f"{table.name}.csv").write_text(",".join(table.columns) + "\n")
    (place / "stores.csv").write_text(STORES + "S1,good,,,\nS2,bad,,,\nS3\n,,,,\n")
    return place


@pytest.fixture
def rows(fresh_database, query):
    return lambda text: [tuple(row) for row in query(fresh_database, text)]


def run(command, *arguments: Path | str) -> str:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def export(folder, rows, tmp_path) -> Path:
    """The stores' rejects as files, from a table such as dbt builds it."""
    run(load, folder)
    rows("create schema retail_staging")
    rows(
        "create table retail_staging.rejected_records (rejected_record_id text, source_table text, "
        "source_row_number bigint, raw_record jsonb, failed_rules text, reason text, caused_by text)"
    )
    for number, cells in ((2, ("S2", "bad", None, None, None)), (3, (None,) * 5), (None, None)):
        record = {"line": "S3"} if cells is None else dict(zip(required_tables()[0].columns, cells, strict=True))
        row_number = number or "null"
        rows(
            f"insert into retail_staging.rejected_records values ('r{number}', 'stores', {row_number}, "
            f"'{json.dumps(record)}', 'rule', 'reason', null)"
        )
    out = tmp_path / "repair"
    output = run(rejects, "export", "--out", out)
    assert "stores          2 rows  rejected_stores.csv" in output
    assert (
        "note: 1 line is not CSV and is not exported: correct such lines in the source, and load them in a file of "
        "their own"
    ) in output
    return out


def repaired(export: Path) -> Path:
    """Correct the first row, and take the second out."""
    file = export / "rejected_stores.csv"
    with file.open(newline="", encoding="utf-8-sig") as text:
        found = list(csv.DictReader(text))
    assert [row["rejected_record_id"] for row in found] == ["r2", "r3"]
    found[0]["store_name"] = "repaired"
    found[1]["withdraw"] = "x"
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, found[0].keys())
        writer.writeheader()
        writer.writerows(found)
    return export


def test_where_only_lines_are_rejected_nothing_else_is_said(export, rows, tmp_path):
    rows("delete from retail_staging.rejected_records where source_row_number is not null")

    output = run(rejects, "export", "--out", tmp_path / "again")

    assert output.startswith("note: 1 line is not CSV") and len(output.splitlines()) == 1
    rows("delete from retail_staging.rejected_records")
    assert "nothing is rejected" in run(rejects, "export", "--out", tmp_path / "again")


def test_a_repair_is_a_file_of_a_batch_of_its_own(export, rows):
    run(load, "--replace-rejected", repaired(export))

    assert rows(REPAIRED) == [("S1", "good", 1, 1), ("S2", "repaired", 1, 2)]
    assert rows(
        "select file_id, batch_id, batch_name, source_table, source_file, rows, unreadable_lines, first_row_number, "
        "length(content_hash), bytes > 0 from retail_landing.loaded_files where file_id > 7"
    ) == [(8, 2, "", "stores", "rejected_stores.csv", 2, 0, 0, 64, True)]
    assert rows("select source_row_number, action, file_id from retail_landing.repairs order by 1") == [
        (2, "repaired", 8),
        (3, "withdrawn", 8),
    ]


def test_the_repairs_of_several_tables_are_one_batch(folder, export, rows):
    (folder / "products.csv").write_text(",".join(required_tables()[1].columns) + "\nP1,bad,,,\n")
    run(load, "--start-over", folder)
    record = json.dumps(dict(zip(required_tables()[1].columns, ("P1", "bad", None, None, None), strict=True)))
    rows(
        f"insert into retail_staging.rejected_records values ('p1', 'products', 1, '{record}', 'rule', 'reason', null)"
    )
    run(rejects, "export", "--out", export, "--force")
    file = export / "rejected_products.csv"
    file.write_text(file.read_text(encoding="utf-8-sig").replace("bad", "good"), encoding="utf-8")

    run(load, "--replace-rejected", repaired(export))

    assert rows(
        "select file_id, batch_id, source_table, rows from retail_landing.loaded_files where file_id > 7 order by 1"
    ) == [(8, 2, "stores", 2), (9, 2, "products", 1)]
    assert rows("select source_table, file_id from retail_landing.repairs order by 2, 1") == [
        ("stores", 8),
        ("stores", 8),
        ("products", 9),
    ]


def test_what_changes_nothing_is_no_file(export, rows):
    run(load, "--replace-rejected", export)
    run(load, "--replace-rejected", repaired(export), "--dry-run")

    assert rows("select max(file_id), max(batch_id) from retail_landing.loaded_files") == [(7, 1)]
    run(load, "--replace-rejected", export)
    assert "1 repaired before" not in run(load, "--replace-rejected", export, "--dry-run")
    assert "2 repaired before" in run(load, "--replace-rejected", export)
    assert rows("select max(file_id), max(batch_id) from retail_landing.loaded_files") == [(8, 2)]


def test_a_repair_outlives_later_loads_and_takes_no_row_number(export, folder, rows):
    run(load, "--replace-rejected", repaired(export))
    (folder / "stores.csv").unlink()
    (folder / "stores_2.csv").write_text(STORES + "S4,new,,,\n")

    run(load, folder)

    assert rows(REPAIRED) == [("S1", "good", 1, 1), ("S2", "repaired", 1, 2), ("S4", "new", 9, 4)]
    assert rows("select count(*) from retail_landing.repairs") == [(2,)]
    (folder / "stores_2.csv").rename(folder / "stores.csv")
    run(load, "--start-over", folder)
    assert rows(REPAIRED) == [("S4", "new", 1, 1)]
    assert rows("select count(*) from retail_landing.repairs") == [(0,)]


def test_a_landing_of_an_earlier_version_is_not_repaired(export, rows):
    rows("drop table retail_landing.loaded_files")

    result = CliRunner().invoke(load, ["--replace-rejected", str(repaired(export))])

    assert result.exit_code == 1
    assert "retail_landing.loaded_files has other columns than the contract" in result.output
