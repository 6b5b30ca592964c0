"""`retail load`: what it accepts, what it refuses and how it says so, and that it is all or nothing."""

import csv
import gzip
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from retail.contract import required_tables, tables
from retail.loading.command import load
from retail.loading.duckdb import DuckdbLanding
from retail.loading.landing import BOOKKEEPING, META_COLUMNS
from retail.loading.postgres import PostgresLanding
from support.programs import PROGRAMS

LINES = "store_sales_line_items"
STORES = "store_id,store_name,store_city,store_region,opening_date\n"
A_STORE = "S1,Main Street,Graz,Süd,2020-01-01\n"


@pytest.fixture(params=["postgres", "duckdb"])
def engine(request):
    """What is loaded into: each in turn, or that of `only_postgres`."""
    return request.param


only_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)


@pytest.fixture
def database(engine, request, tmp_path, monkeypatch):
    """An empty database that this process connects to."""
    if engine == "duckdb":
        place = {"RETAIL_TARGET": engine, "RETAIL_DUCKDB": str(tmp_path / "warehouse.duckdb")}
    else:
        place = {"RETAIL_TARGET": engine, **request.getfixturevalue("fresh_database")}
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("RETAIL_SCHEMA", raising=False)
    return place


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The temporary folder of this process and of those that it starts."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


@pytest.fixture
def folder(tmp_path):
    """A folder with seven good files of two rows each."""
    place = tmp_path / "export"
    place.mkdir()
    for table in required_tables():
        lines = [",".join(table.columns)]
        lines += [",".join(f"{column}-{number}" for column in table.columns) for number in (1, 2)]
        (place / f"{table.name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.fixture
def rows(engine, database, query):
    """Run a statement in the database that the test loads into."""

    def run_in_duckdb(text):
        with duckdb.connect(database["RETAIL_DUCKDB"]) as connection:
            return connection.execute(text).fetchall()

    return run_in_duckdb if engine == "duckdb" else lambda text: [tuple(row) for row in query(database, text)]


@pytest.fixture
def stores(rows):
    """The loaded stores, in file order."""
    return lambda columns="store_id": rows(
        f"select {columns} from retail_landing.raw_stores order by source_row_number"
    )


@pytest.fixture
def unreadable(rows):
    """The lines that are no rows, of all files, in order."""
    return lambda columns="source_table, line_number, rule_id, detail, line": rows(
        f"select {columns} from retail_landing.unreadable_lines order by file_id, line_number"
    )


def run(*arguments: Path | str):
    return CliRunner().invoke(load, [str(argument) for argument in arguments])


def loaded(*arguments: Path | str):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def write_stores(folder: Path, content: str | bytes, name: str = "stores.csv") -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


# ---------------------------------------------------------------------------------------------------- what is loaded


def test_seven_files_become_seven_tables_with_their_origin(database, folder, rows):
    result = loaded(folder)

    for number, table in enumerate(required_tables(), start=1):
        columns = ", ".join((*table.columns, "file_id", "source_row_number"))
        assert rows(f"select {columns} from retail_landing.{table.raw_name} order by source_row_number") == [
            (*(f"{column}-{row}" for column in table.columns), number, row) for row in (1, 2)
        ]
        data = (folder / f"{table.name}.csv").read_bytes()
        assert rows(
            "select batch_id, batch_name, source_table, source_file, content_hash, bytes, rows, unreadable_lines, "
            f"first_row_number from retail_landing.loaded_files where file_id = {number}"
        ) == [(1, "", table.name, f"{table.name}.csv", hashlib.sha256(data).hexdigest(), len(data), 2, 0, 1)]
    assert rows(
        "select count(*), count(distinct loaded_at), bool_and(loaded_at > now() - interval '1 minute') "
        "from retail_landing.loaded_files"
    ) == [(7, 1, True)]
    assert result.output.splitlines()[-1] == "next: dbt build --vars 'raw_layer: landing'"
    assert "14 rows" in result.output


@only_postgres
def test_the_landing_has_the_shape_that_the_checks_expect(database, folder, rows):
    loaded(folder)

    shapes = rows(
        "select table_name, column_name, data_type, is_nullable from information_schema.columns "
        "where table_schema = 'retail_landing'"
    )

    expected = {(t.raw_name, column, "text", "YES") for t in tables() for column in t.columns}
    for table in tables():
        expected.add((table.raw_name, "file_id", "integer", "NO"))
        expected.add((table.raw_name, "source_row_number", "bigint", "NO"))
    assert {shape for shape in shapes if shape[0].startswith("raw_")} == expected
    assert {shape[0] for shape in shapes if not shape[0].startswith("raw_")} == {
        "loaded_files",
        "manual_changes",
        "repairs",
        "unreadable_lines",
    }
    unique = rows(
        "select indrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true) from pg_index "
        "where indisunique and indrelid::regclass::text like 'retail_landing.raw%'"
    )
    assert sorted(unique) == sorted((f"retail_landing.{table.raw_name}", "source_row_number") for table in tables())


@only_postgres
def test_the_tables_survive_a_crash_and_are_analyzed(database, folder, rows):
    loaded(folder)

    found = rows("select relpersistence, reltuples from pg_class where relname like 'raw\\_%' and relkind = 'r'")

    assert sorted(found) == [*[("p", -1.0)] * 2, *[("p", 2.0)] * 7]


REDEMPTIONS = "loyalty_redemptions"
OPTIONAL = {table.name: table for table in tables() if table.is_optional}


@pytest.mark.parametrize(
    ("name", "row"), [(REDEMPTIONS, "R1,C1,2025-01-01,50,"), ("inventory_levels", "2025-01-01,S1,P1,0")]
)
def test_an_optional_file_is_loaded_like_the_others_and_missed_by_nobody(database, folder, rows, name, row):
    assert not any(name in loaded(folder).output for name in OPTIONAL)
    (folder / f"{name}.csv").write_text(",".join(OPTIONAL[name].columns) + f"\n{row}\n")

    assert re.search(rf"{name} +1 rows  {name}\.csv", loaded(folder).output)

    assert rows(f"select * from retail_landing.raw_{name}")[0].count(1) == 1
    assert "nothing new" in loaded(folder).output, "a fact is loaded once"


def test_a_landing_schema_from_before_an_optional_input_gets_its_table(engine, database, folder, rows, contents):
    loaded(folder)
    before = contents()
    rows(f"drop table retail_landing.raw_{REDEMPTIONS}")

    assert "nothing new" in loaded(folder).output

    assert contents() == before
    if engine == "postgres":
        assert rows(f"select indexname from pg_indexes where tablename = 'raw_{REDEMPTIONS}'")
        assert rows("select * from retail_landing.manual_changes") == []


def test_columns_are_found_by_name_in_any_order_and_case(database, folder, stores):
    write_stores(folder, ' Opening_Date ,STORE_ID,store_region,"store_city",store_name\n2020-01-01,S1,Süd,Graz,Main\n')

    loaded(folder)

    assert stores("store_id, store_name, store_city, store_region, opening_date") == [
        ("S1", "Main", "Graz", "Süd", "2020-01-01")
    ]


def test_extra_columns_are_left_out_and_said(database, folder, stores):
    write_stores(folder, "store_id,phone,store_name,store_city,store_region,opening_date,\nS1,555,a,b,c,d,\n")

    result = loaded(folder)

    assert stores("store_id, store_name, opening_date") == [("S1", "a", "d")]
    assert "note: stores.csv: not loaded: column phone (unknown)" in result.output


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("name", ["stores.csv", "stores.csv.gz", "raw_stores.csv", "raw_stores.csv.gz"])
def test_bom_line_ends_and_names(database, folder, stores, rows, mark, end, name):
    (folder / "stores.csv").unlink()
    write_stores(folder, mark + (STORES + A_STORE).replace("\n", end).encode(), name)

    loaded(folder)

    assert stores("store_id, opening_date") == [("S1", "2020-01-01")]
    assert rows("select source_file from retail_landing.loaded_files where source_table = 'stores'") == [(name,)]


def test_the_last_line_needs_no_line_end(database, folder, stores):
    write_stores(folder, STORES + A_STORE.strip())

    loaded(folder)

    assert stores() == [("S1",)]


@pytest.mark.parametrize(
    "cell",
    [
        "Grüße aus Köln 🛍️ 東京",
        "two\nlines",
        "two\r\nlines",
        "with, comma",
        'with "quotes"',
        "back\\slash \\N \\. \\t",
        "\\.",
        "\n\\.\n",
        "tab\there",
        "  spaces kept  ",
        "a\u00a0no-break\u2028and line separator",
        "null",
        "NULL",
        "\\N",
        "\x0b\x0c",
    ],
)
@pytest.mark.parametrize("smallest", [1, 50_000], ids=["DuckDB", "Python"])
def test_a_cell_arrives_as_it_was_written(database, folder, stores, monkeypatch, cell, smallest):
    monkeypatch.setattr("retail.loading.csv_rows._SMALLEST_PIECE", smallest)
    text = io.StringIO()
    csv.writer(text).writerows([["S0", cell, cell, "x", cell], ["S1", "plain", "plain", "x", cell]])
    write_stores(folder, STORES + text.getvalue())

    loaded(folder)

    assert stores("store_name, store_city, opening_date, source_row_number") == [
        (cell, cell, cell, 1),
        ("plain", "plain", cell, 2),
    ]


@pytest.mark.parametrize("smallest", [1, 50_000], ids=["DuckDB", "Python"])
def test_empty_cells_are_null(database, folder, stores, monkeypatch, smallest):
    monkeypatch.setattr("retail.loading.csv_rows._SMALLEST_PIECE", smallest)
    write_stores(folder, STORES + 'S1,,""," ",\n,,,,\n')

    loaded(folder)

    assert stores("store_id, store_name, store_city, store_region, opening_date") == [
        ("S1", None, None, " ", None),
        (None, None, None, None, None),
    ]


def test_row_numbers_count_records_and_not_empty_lines(database, folder, stores):
    write_stores(folder, "\n\n" + STORES + '\nS1,"a\n\nb",c,d,e\n\n\nS2,a,b,c,d\r\n\r\nS3,a,b,c,d\n\n')

    loaded(folder)

    assert stores("source_row_number, store_id") == [(1, "S1"), (2, "S2"), (3, "S3")]


def test_row_numbers_go_on_over_the_chunks(database, folder, rows, monkeypatch):
    monkeypatch.setattr("retail.loading.csv_rows._PIECE", 60_000)  # DuckDB reads it in three parts
    write_stores(folder, STORES + "".join(f"S{number},a,b,c,d\n" for number in range(1, 12_346)))

    loaded(folder)

    assert rows("select count(*), count(distinct source_row_number) from retail_landing.raw_stores") == [
        (12_345, 12_345)
    ]
    assert rows("select count(*) from retail_landing.raw_stores where store_id <> 'S' || source_row_number") == [(0,)]


def test_a_header_without_rows_is_an_empty_table(database, folder, stores):
    write_stores(folder, STORES)

    result = loaded(folder)

    assert stores() == []
    assert "(no rows below the header)" in result.output


def test_the_schema_follows_its_variable(database, folder, rows, monkeypatch):
    monkeypatch.setenv("RETAIL_SCHEMA", "shop-2")

    loaded(folder)

    assert rows('select count(*) from "shop-2_landing".raw_stores') == [(2,)]


# ------------------------------------------------------------------------------------------------- loading it again


def test_to_start_over_replaces_all_and_keeps_what_is_built_on_it(database, folder, stores, rows):
    write_stores(folder, STORES + A_STORE + "S2\n")
    loaded(folder)
    rows("create view mine as select store_id from retail_landing.raw_stores")
    write_stores(folder, STORES + A_STORE + "S3,,,,\n")

    loaded("--start-over", folder)

    assert stores("store_id, source_row_number, file_id") == [("S1", 1, 1), ("S3", 2, 1)]
    assert rows("select * from mine") == [("S1",), ("S3",)]
    assert rows("select count(*) from retail_landing.unreadable_lines") == [(0,)]
    assert rows("select count(*), max(file_id), max(batch_id) from retail_landing.loaded_files") == [(7, 7, 1)]


@only_postgres
def test_a_landing_of_another_contract_gets_todays_columns(database, folder, stores, rows):
    rows("create schema retail_landing")
    rows("create table retail_landing.raw_stores (store_id text, old int, opening_date date, loaded_at text)")
    rows("insert into retail_landing.raw_stores values ('old', 1, '2020-01-01', 'then')")
    rows("create view mine as select store_id from retail_landing.raw_stores")

    result = loaded(folder)

    assert "note: retail_landing was filled by an earlier version of `retail load`: its rows are replaced" in (
        result.output
    )
    assert "note: retail_landing.raw_stores had other columns than the contract" in result.output
    assert stores("store_id, opening_date, source_row_number") == [
        ("store_id-1", "opening_date-1", 1),
        ("store_id-2", "opening_date-2", 2),
    ]
    assert rows("select count(*) from mine") == [(2,)]


@only_postgres
def test_what_others_built_on_an_old_column_is_not_dropped(database, folder, rows):
    rows("create schema retail_landing")
    rows("create table retail_landing.raw_stores (store_id text, old int)")
    rows("create view mine as select old from retail_landing.raw_stores")

    result = run(folder)

    assert result.exit_code == 1
    assert "view mine depends on column old" in only_line(result)


def test_nothing_is_added_to_tables_of_another_contract(database, folder, rows):
    loaded(folder)
    rows("alter table retail_landing.raw_stores rename column store_city to town")

    result = run("--force", folder)

    assert result.exit_code == 1
    assert "retail_landing.raw_stores has other columns than the contract" in only_line(result)
    assert "--start-over" in only_line(result)
    loaded("--start-over", folder)


# ------------------------------------------------------------------------------------------------------- daily drops

# all that the landing holds, but for the time, each table with what its rows are ordered by
IN_LANDING = {table.raw_name: ([*table.columns, *META_COLUMNS], "source_row_number") for table in tables()}
IN_LANDING["unreadable_lines"] = (list(BOOKKEEPING["unreadable_lines"]), "line_number")
IN_LANDING["loaded_files"] = ([name for name in BOOKKEEPING["loaded_files"] if name != "loaded_at"], "file_id")


@pytest.fixture
def contents(rows):
    """All that the landing holds."""
    return lambda: {
        name: rows(f"select {', '.join(columns)} from retail_landing.{name} order by file_id, {order}")
        for name, (columns, order) in IN_LANDING.items()
    }


def write_drop(place: Path, day: str, names: str = "{table}_{day}.csv", only: tuple[str, ...] = ()) -> list[Path]:
    """Write the files of a day, each of its own content; every table, or some."""
    place.mkdir(exist_ok=True)
    files = []
    for table in required_tables():
        if only and table.name not in only:
            continue
        file = place / names.format(table=table.name, day=day)
        lines = [",".join(table.columns)]
        lines += [",".join(f"{column}-{day}-{number}" for column in table.columns) for number in (1, 2, 3)]
        lines.insert(2, f"a line of {day}")
        data = "\n".join(lines).encode()
        file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
        files.append(file)
    return files


DAYS = ["2025-01-02", "2025-01-03", "2025-01-10"]


def test_many_days_at_once_are_the_same_as_day_by_day(database, tmp_path, contents):
    drops = tmp_path / "drops"
    drops.mkdir()
    for day in reversed(DAYS):
        write_drop(drops / day, day, names="{table}.csv", only=() if day == DAYS[0] else ("products", LINES))
        write_drop(drops / day, day + "b", names="{table}_2.csv.gz", only=("products", LINES))
    for day in DAYS:
        loaded(drops / day)
    one_by_one = contents()
    assert [len(one_by_one[name]) for name in ("raw_stores", f"raw_{LINES}", "unreadable_lines")] == [3, 18, 17]

    result = loaded("--start-over", drops)

    assert contents() == one_by_one
    assert f"{DAYS[2]}/{LINES}_2.csv.gz  (1 line is not CSV)" in result.output
    assert "17 lines are not CSV: see retail_landing.unreadable_lines" in result.output


def test_the_numbers_run_on_in_the_order_of_day_table_and_name(database, tmp_path, rows):
    drops = tmp_path / "drops"
    for day in reversed(DAYS[:2]):
        write_drop(drops, day)
        part = drops / f"raw_{LINES}_{day}_part2.csv"
        part.write_text(",".join(required_tables()[-1].columns) + f"\n1,2,3,4,5,{day}")
    write_drop(drops, "", names="{table}.csv", only=("stores",))

    loaded(drops)

    files = rows(
        "select file_id, batch_id, batch_name, source_table, first_row_number, rows from retail_landing.loaded_files "
        "where source_table in ('stores', 'store_sales_line_items') order by file_id"
    )
    assert files == [
        (1, 1, "", "stores", 1, 3),
        (2, 2, DAYS[0], "stores", 4, 3),
        (8, 2, DAYS[0], LINES, 1, 1),
        (9, 2, DAYS[0], LINES, 2, 3),
        (10, 3, DAYS[1], "stores", 7, 3),
        (16, 3, DAYS[1], LINES, 5, 1),
        (17, 3, DAYS[1], LINES, 6, 3),
    ]
    for table in required_tables():
        assert rows(
            f"""
            select count(*) from retail_landing.{table.raw_name} as r join retail_landing.loaded_files as f
                on r.file_id = f.file_id and f.source_table = '{table.name}'
                and r.source_row_number between f.first_row_number and f.first_row_number + f.rows - 1
            """
        ) == rows(f"select max(source_row_number) from retail_landing.{table.raw_name}")


def test_a_day_that_comes_again_is_a_batch_of_its_own(database, tmp_path, rows):
    loaded(*write_drop(tmp_path / "a", DAYS[0]))
    loaded(*write_drop(tmp_path / "b", DAYS[0], names="{table}_{day}_1.csv.gz", only=("stores",)), "--force")

    assert rows(
        "select file_id, batch_id, batch_name, first_row_number from retail_landing.loaded_files where file_id > 7"
    ) == [(8, 2, DAYS[0], 4)]


def test_a_file_is_loaded_once_by_its_content(database, folder, rows, contents):
    loaded(folder)
    before = contents()
    (folder / f"{LINES}.csv").rename(folder / f"{LINES}_7.csv")
    (folder / "stores_1.csv.gz").write_bytes(gzip.compress((folder / "stores.csv").read_bytes()))

    result = loaded(folder)

    assert contents() == before
    assert "nothing new" in result.output and "next:" not in result.output
    assert f"{LINES}_7.csv  (loaded before as {LINES}.csv)" in result.output
    assert "stores_1.csv.gz  (loaded before as stores.csv)" in result.output

    loaded("--force", folder)

    assert rows(f"select count(*), max(source_row_number), max(file_id) from retail_landing.raw_{LINES}") == [
        (4, 4, 15)
    ]
    assert rows("select count(*), max(source_row_number) from retail_landing.raw_stores") == [(6, 6)]


def test_a_drop_with_nothing_new_takes_no_number(database, tmp_path, rows):
    for day in DAYS:
        write_drop(tmp_path / "drops", day)
    for day in DAYS[:2]:
        loaded(*(tmp_path / "drops").glob(f"*{day}*"))

    loaded(tmp_path / "drops")

    assert rows("select distinct batch_id, batch_name from retail_landing.loaded_files order by 1") == list(
        enumerate(DAYS, start=1)
    )
    assert rows("select count(*), max(file_id) from retail_landing.loaded_files") == [(21, 21)]


def test_the_same_content_twice_in_one_load_is_loaded_once(database, folder, rows):
    shutil.copy(folder / "stores.csv", folder / "stores_2.csv")

    assert "stores_2.csv  (loaded before as stores.csv)" in loaded(folder).output

    assert rows("select count(*) from retail_landing.raw_stores") == [(2,)]


def test_master_data_come_back_in_another_drop_and_transactions_do_not(database, folder, tmp_path, rows):
    loaded(folder)
    again = tmp_path / DAYS[0]
    shutil.copytree(folder, again)

    result = loaded(again)

    assert result.output.count("loaded before as") == 2
    assert rows("select source_table from retail_landing.loaded_files where batch_id = 2 order by file_id") == [
        (table.name,) for table in required_tables()[:5]
    ]
    assert "nothing new" in loaded(again).output


def test_master_data_that_go_back_to_an_earlier_state_are_loaded(database, folder, tmp_path, rows):
    """Deliveries of all seven tables, in which only the products differ, and one part of them comes in another way."""

    def deliver(price: int, name: str = "products.csv", day: str = "") -> str:
        place = tmp_path / f"delivery {len(list(tmp_path.iterdir()))}" / day
        shutil.copytree(folder, place)
        text = f"{','.join(tables()[1].columns)}\nP1,Cup,Kitchen,{price},5\n"
        (place / "products.csv").unlink()
        (place / name).write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return loaded(place).output

    deliver(1)
    for number, (price, name) in enumerate(
        [(2, "products.csv"), (1, "PRODUCTS.csv"), (2, "products.csv.gz"), (1, "raw_products.csv")], start=2
    ):
        said = deliver(price, name)
        assert said.count("loaded before as") == 6
        assert rows(
            "select p.unit_price, f.batch_id from retail_landing.raw_products as p "
            "join retail_landing.loaded_files as f on p.file_id = f.file_id order by f.batch_id desc limit 1"
        ) == [(str(price), number)]
        assert "nothing new" in deliver(price, name)
    for price in (7, 8, 7):  # the same within the deliveries of a day
        deliver(price, day=DAYS[0])
        assert "nothing new" in deliver(price, day=DAYS[0])
    assert rows("select count(*) from retail_landing.raw_products") == [(8,)]
    assert rows(f"select count(*) from retail_landing.raw_{LINES}") == [(2,)]


def test_an_older_drop_is_said_to_bring_the_latest_master_data(database, tmp_path):
    note = f"note: {DAYS[0]} is older than {DAYS[1]}, which was loaded before: its master data now count as the latest"
    assert "note:" not in loaded(*write_drop(tmp_path / "a", DAYS[1])).output

    assert note not in loaded(*write_drop(tmp_path / "b", DAYS[0], only=(LINES,))).output
    assert note in loaded(*write_drop(tmp_path / "b", DAYS[0], only=("stores",))).output
    assert "note:" not in loaded(*write_drop(tmp_path / "c", DAYS[2])).output
    assert "note:" not in loaded(*write_drop(tmp_path / "d", "", "{table}.csv", only=("stores",))).output


def test_what_is_not_loaded_is_named_once(database, folder):
    for name in ("manifest.json", ".hidden", "stores_backup.csv", "stores_2025-02-30.csv", "notes.txt"):
        (folder / name).write_text("x")
    (folder / "2025-1-3").mkdir()
    write_drop(folder / DAYS[0], DAYS[0], only=("stores",))
    (folder / DAYS[0] / "readme").write_text("x")

    result = loaded(folder)

    assert (
        "note: not loaded: 2025-01-02/readme, 2025-1-3/, notes.txt, stores_2025-02-30.csv, stores_backup.csv "
        "(not named as input files)"
    ) in result.output
    assert result.output.count("note:") == 1


def test_a_later_load_may_bring_some_tables(database, folder, tmp_path, rows):
    loaded(folder)

    loaded(*write_drop(tmp_path / "drop", DAYS[0], only=(LINES,)))

    assert rows(f"select max(source_row_number) from retail_landing.raw_{LINES}") == [(5,)]
    assert rows("select max(source_row_number) from retail_landing.raw_stores") == [(2,)]


@only_postgres
def test_two_loads_at_once_come_one_after_the_other(database, folder, tmp_path, rows):
    loaded(folder)
    files = [write_drop(tmp_path / day, day, names="{table}.csv") for day in DAYS]
    with ThreadPoolExecutor(3) as pool:
        programs = pool.map(
            lambda paths: subprocess.run(
                [PROGRAMS / "retail", "load", *paths], capture_output=True, text=True, env=os.environ | database
            ),
            files,
        )
        assert [program.returncode for program in programs] == [0, 0, 0]

    assert rows(
        "select batch_id, count(distinct batch_name), min(file_id), max(file_id) from retail_landing.loaded_files "
        "group by 1 order by 1"
    ) == [(1, 1, 1, 7), (2, 1, 8, 14), (3, 1, 15, 21), (4, 1, 22, 28)]
    for table in required_tables():
        assert rows(f"select count(*), max(source_row_number) from retail_landing.{table.raw_name}") == [(11, 11)]


@only_postgres
@pytest.mark.parametrize(
    "first", [pytest.param(True, marks=pytest.mark.extended), False], ids=["the first load", "a later load"]
)
def test_a_load_that_is_killed_leaves_no_trace(database, folder, rows, contents, first, temporary):
    if not first:
        loaded(folder)
        before = contents()
    with (folder / f"{LINES}_2.csv").open("w") as file:
        file.write(",".join(required_tables()[-1].columns) + "\n")
        file.writelines(f"{number},T,P,,1,2.00\n" for number in range(1_500_000))
    program = subprocess.Popen([PROGRAMS / "retail", "load", folder], env=os.environ | database)
    copying = (
        "select count(*) from pg_stat_progress_copy where datname = current_database() and tuples_processed > 100000"
    )
    deadline = time.monotonic() + 60
    while rows(copying) == [(0,)]:
        assert program.poll() is None and time.monotonic() < deadline
    program.kill()
    program.wait()
    assert list(temporary.iterdir())
    while rows("select count(*) from pg_stat_activity where datname = current_database() and query like 'copy %'") != [
        (0,)
    ]:
        assert time.monotonic() < deadline

    if first:
        assert rows("select count(*) from pg_namespace where nspname = 'retail_landing'") == [(0,)]
    else:
        assert contents() == before
    loaded(folder)
    assert rows(f"select max(source_row_number) from retail_landing.raw_{LINES}") == [(1_500_002,)]
    assert not list(temporary.iterdir())


@pytest.mark.extended
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_load_that_gets_a_signal_leaves_no_trace(database, folder, contents, temporary, number):
    loaded(folder)
    before = contents()
    with (folder / f"{LINES}_2.csv").open("w") as file:
        file.write(",".join(required_tables()[-1].columns) + "\n")
        file.writelines(f"{line},T,P,,1,2.00\n" for line in range(1_500_000))
        file.write("\0")  # so DuckDB doesn't read the file as a whole
    program = subprocess.Popen(
        [PROGRAMS / "retail", "load", folder], env=os.environ | database, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(temporary.glob("*/*.csv")):
        assert program.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    program.send_signal(number)
    _, said = program.communicate(timeout=30)

    assert program.returncode == (1 if number == signal.SIGINT else 128 + number)
    assert "Traceback" not in said
    assert not list(temporary.iterdir())
    assert contents() == before


def test_a_load_leaves_nothing_in_the_temporary_folder(database, folder, temporary, unreadable):
    with (folder / f"{LINES}_2.csv").open("w") as file:
        file.write(",".join(required_tables()[-1].columns) + "\n")
        file.writelines(f"{line},T,P,,1,2.00\n" for line in range(10_000))
        file.write("\0")  # so DuckDB doesn't read the file as a whole

    loaded(folder)

    assert len(unreadable()) == 1
    assert not list(temporary.iterdir())
    write_stores(folder, gzip.compress(STORES.encode() + os.urandom(1_000_000))[:-9], "stores_2.csv").rename(
        folder / "stores_2.csv.gz"
    )
    assert "is not a whole gzip file" in only_line(run("--force", folder))
    assert not list(temporary.iterdir())


# ------------------------------------------------------------------------------------------------- unreadable lines

OPEN = "a quoted cell that begins here does not end properly"


@pytest.mark.parametrize("good_rows", [1, 20_000], ids=["a short file", "far into a file"])
@pytest.mark.parametrize(
    ("bad", "rule_id", "detail", "shown"),
    [
        ("S2,a,b,c", "line_too_few_fields", "4 fields where the header has 5", None),
        ("S2", "line_too_few_fields", "1 field where the header has 5", None),
        ("   ", "line_too_few_fields", "1 field where the header has 5", None),
        ("S2,a,b,c,d,e", "line_too_many_fields", "6 fields where the header has 5", None),
        ("S2,a,b,c,d,", "line_too_many_fields", "6 fields where the header has 5", None),
        ('S2,a,b,c,d,""', "line_too_many_fields", "6 fields where the header has 5", None),
        ('S2,"a,b,c,d', "line_quote_invalid", f"{OPEN} (unexpected end of data)", None),
        ('S2,"a"b,c,d,e', "line_quote_invalid", f"{OPEN} (',' expected after '\"')", None),
        ('S2,"a" ,c,d,e', "line_quote_invalid", f"{OPEN} (',' expected after '\"')", None),
        ("S2,K\udcf6ln,b,c,d", "line_encoding_invalid", "byte 0xF6 is not UTF-8", "S2,K\\xF6ln,b,c,d"),
        ("S2,\udced\udca0\udc80,b,c,d", "line_encoding_invalid", "byte 0xED is not UTF-8", "S2,\\xED\\xA0\\x80,b,c,d"),
        ("S2,a\0b,c,d,e", "line_encoding_invalid", "a NUL byte", "S2,a\\x00b,c,d,e"),
        ('S2,"a\udcf6b', "line_encoding_invalid", "byte 0xF6 is not UTF-8", 'S2,"a\\xF6b'),
    ],
)
def test_a_line_that_is_no_row(database, folder, stores, unreadable, good_rows, bad, rule_id, detail, shown):
    text = STORES + "\n" + A_STORE * good_rows + bad + "\r\n" + A_STORE * good_rows
    write_stores(folder, text.encode("utf-8", "surrogateescape"))

    result = loaded(folder)

    assert unreadable() == [("stores", good_rows + 3, rule_id, detail, shown or bad)]
    assert stores("count(*) over (), min(store_id) over ()")[0] == (2 * good_rows, "S1")
    assert "(1 line is not CSV)" in result.output
    assert unreadable("file_id") == [(1,)]


def test_a_row_of_several_lines_that_is_none_costs_its_own_lines(database, folder, stores, unreadable):
    write_stores(folder, STORES + A_STORE + 'S2,"a\nb",c\n' + A_STORE)

    loaded(folder)

    assert unreadable("line_number, rule_id, detail, line") == [
        (3, "line_too_few_fields", "3 fields where the header has 5 (lines 3 to 4 in quotes)", 'S2,"a'),
        (4, "line_too_few_fields", "2 fields where the header has 5", 'b",c'),
    ]
    assert stores() == [("S1",), ("S1",)]


def test_the_end_of_a_cell_is_no_row_even_where_it_looks_like_one(database, folder, stores, unreadable):
    write_stores(folder, STORES + '"S2\nS3",b,c,d,e,f\n"S4\nS5",b,c,d,e\n' + A_STORE)

    loaded(folder)

    assert stores() == [("S4\nS5",), ("S1",)]
    assert unreadable("line_number, rule_id") == [(2, "line_too_many_fields"), (3, "line_too_many_fields")]


def test_after_a_stray_quote_the_end_of_its_cell_is_no_row(database, folder, stores, unreadable):
    write_stores(folder, STORES + '"S2 says "hi"\nS3",b,c,d,e\n5" pipe,b,c,d,e\n')

    loaded(folder)

    assert stores() == [('5" pipe',)]
    assert unreadable("line_number, rule_id") == [(2, "line_quote_invalid"), (3, "line_quote_invalid")]


def test_bad_bytes_in_a_sound_row_of_several_lines_cost_all_of_it(database, folder, stores, unreadable):
    write_stores(folder, STORES.encode() + b'"S2\nK\xf6ln\nS4",b,c,d,e\n' + A_STORE.encode())

    loaded(folder)

    assert unreadable("line_number, rule_id, detail, line") == [
        (2, "line_encoding_invalid", "byte 0xF6 is not UTF-8", '"S2\nK\\xF6ln\nS4",b,c,d,e')
    ]
    assert stores() == [("S1",)]


def test_a_quote_left_open_swallows_nothing(database, folder, stores, unreadable, rows):
    write_stores(folder, STORES + 'S0,"a,b,c,d\n' + A_STORE * 400_000 + 'S2,"x",b,c,d\n')

    loaded(folder)

    assert unreadable("line_number, rule_id, line") == [(2, "line_quote_invalid", 'S0,"a,b,c,d')]
    assert rows("select store_id, count(*) from retail_landing.raw_stores group by 1 order by 1") == [
        ("S1", 400_000),
        ("S2", 1),
    ]


def test_a_line_that_is_too_long(database, folder, stores, unreadable):
    write_stores(folder, STORES + A_STORE + f"S2,{'x' * 6_000_000},c,d,e\n" + A_STORE + "y" * 7_000_000)

    loaded(folder)

    assert unreadable("line_number, rule_id, detail, left(line, 5), length(line)") == [
        (3, "line_too_long", "6,000,009 bytes, of which the first 1,000 are kept", "S2,xx", 1000),
        (5, "line_too_long", "7,000,000 bytes, of which the first 1,000 are kept", "yyyyy", 1000),
    ]
    assert stores() == [("S1",), ("S1",)]


def test_another_encoding_leaves_the_lines_that_are_text(database, folder, stores, unreadable):
    write_stores(folder, (STORES + A_STORE * 3 + "S2,a,b,c,d\n").encode("cp1252"))

    loaded(folder)

    assert stores() == [("S2",)]
    assert unreadable("line_number, line") == [(n, "S1,Main Street,Graz,S\\xFCd,2020-01-01") for n in (2, 3, 4)]


# --------------------------------------------------------------------------------------------------- what is refused


def only_line(result) -> str:
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("Error: ")
    return lines[0]


@pytest.fixture
def refused(database, folder, rows):
    """Load a folder over an earlier load; it must fail in one line that holds the given words and change nothing."""

    def check(*words: str, place: Path = folder, options: tuple[str, ...] = ("--force",)) -> None:
        everything = " union all ".join(
            f"select '{table.name}', t::text from retail_landing.{table.raw_name} as t" for table in required_tables()
        )
        before = sorted(rows(everything))
        assert len(before) == 14
        result = run(*options, place)
        assert result.exit_code == 1, result.output
        line = only_line(result)
        for word in words:
            assert word in line
        assert sorted(rows(everything)) == before

    loaded(folder)
    return check


def test_no_folder(refused, folder):
    refused("nowhere can't be read: No such file or directory", place=folder / "nowhere")


def test_a_file_of_another_name(refused, folder):
    (folder / "shops.csv").write_text(STORES)

    refused("shops.csv does not have the name of an input file: name it <table>.csv", place=folder / "shops.csv")


def test_a_folder_without_files(refused, tmp_path):
    (tmp_path / "empty").mkdir()

    refused("empty holds no input file: name the files <table>.csv", place=tmp_path / "empty")


def test_two_days_for_one_file(refused, folder):
    (folder / "2025-01-03").mkdir()
    (folder / "2025-01-03" / "stores_2025-01-04.csv").write_text(STORES)

    refused("stores_2025-01-04.csv has the day 2025-01-04 in its name, but 2025-01-03 in its folder")


def test_all_missing_files_in_one_line(refused, folder):
    (folder / "stores.csv").unlink()
    (folder / "loyalty_rules.csv").unlink()

    refused("export lacks stores.csv, loyalty_rules.csv (or the same as .csv.gz)", options=("--start-over",))


def test_a_first_load_needs_all_tables(database, folder, rows):
    (folder / "stores.csv").unlink()

    assert "export lacks stores.csv (or the same as .csv.gz)" in only_line(run(folder))

    assert rows("select count(*) from pg_namespace where nspname = 'retail_landing'") == [(0,)]


def test_missing_columns(refused, folder):
    write_stores(folder, "store_id,store_name,town,opening_date\n")

    refused("stores.csv lacks columns store_city, store_region: its header has store_id, store_name, town")


def test_a_column_named_twice(refused, folder):
    write_stores(folder, STORES.strip() + ", Store_ID \nS1,a,b,c,d,S2\n")

    refused("stores.csv names column store_id more than once in its header")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator(refused, folder, mark):
    write_stores(folder, (STORES + A_STORE).replace(",", mark))

    refused(f"stores.csv separates its columns by {mark!r}: save it with commas")


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n\n"], ids=["nothing", "bom", "line ends"])
@pytest.mark.parametrize("name", ["stores.csv", "stores.csv.gz"])
def test_an_empty_file(refused, folder, content, name):
    (folder / "stores.csv").unlink()
    write_stores(folder, content, name)

    refused(f"{name} is empty: it needs a header line with columns store_id, store_name")


def test_a_gz_file_of_zero_bytes(refused, folder):
    (folder / "stores.csv").unlink()
    (folder / "stores.csv.gz").touch()

    refused("stores.csv.gz is empty: it needs a header line")


def test_a_header_that_is_not_utf8(refused, folder):
    write_stores(folder, "\n\nGröße,".encode("cp1252") + STORES.encode())

    refused("stores.csv, line 3: byte 0xF6 is not UTF-8; save it as CSV in UTF-8 and load again")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(refused, folder, encoding):
    write_stores(folder, (STORES + A_STORE).encode(encoding))

    refused("stores.csv", "UTF-16" if encoding == "utf-16" else "not UTF-8", "save it as CSV in UTF-8")


def test_a_nul_byte_in_the_header(refused, folder):
    write_stores(folder, STORES.replace("store_city", "store\0city") + A_STORE)

    refused("stores.csv, line 1: a NUL byte")


def test_a_header_with_a_quote_left_open(refused, folder):
    write_stores(folder, '"' + STORES + A_STORE)

    refused("stores.csv: a quoted cell of its header does not end properly")


def test_a_cell_of_megabytes_is_loaded(database, folder, stores):
    write_stores(folder, STORES + f"S1,{'x' * 3_000_000},c,d,\n")
    loaded(folder)
    assert stores("length(store_name)") == [(3_000_000,)]


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:200] + b"?" * 50])
def test_a_damaged_gz_file(refused, folder, damage):
    (folder / "stores.csv").unlink()
    good = gzip.compress((STORES + "".join(f"S{n},a,b,c,d\n" for n in range(50_000))).encode())
    (folder / "stores.csv.gz").write_bytes(damage(good))

    refused("stores.csv.gz is not a whole gzip file: compress or copy it again")


def test_a_gz_file_that_unpacks_to_too_much(refused, folder):
    write_stores(folder, STORES.encode() + 20_000_000 * b"\n", "stores_2.csv.gz")

    refused("stores_2.csv.gz unpacks to more than 200 times its packed size of ", ": check it, and raise --max-ratio")


def test_plain_text_named_gz(refused, folder):
    (folder / "stores.csv").rename(folder / "stores.csv.gz")

    refused("stores.csv.gz is not a whole gzip file")


def test_gzip_named_csv(refused, folder):
    (folder / "stores.csv").write_bytes(gzip.compress((STORES + A_STORE).encode()))

    refused("stores.csv is gzip data under the name of a plain file: rename it to end in .csv.gz")


def test_a_workbook_named_csv(refused, folder, tmp_path):
    shutil.make_archive(str(tmp_path / "book"), "zip", folder)
    shutil.copy(tmp_path / "book.zip", folder / "stores.csv")

    refused("stores.csv is a ZIP archive or an Excel workbook, not CSV")


def test_a_file_that_may_not_be_read(refused, folder, monkeypatch):
    plain_open = Path.open

    def forbidden(self, *args, **kwargs):
        if self.name == "stores.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return plain_open(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", forbidden)

    refused("stores.csv can't be read: Permission denied")


def test_a_folder_under_a_files_name(refused, folder):
    (folder / "stores.csv").unlink()
    (folder / "stores.csv").mkdir()

    refused("stores.csv is a folder, not a file")


def test_the_last_file_is_bad_and_the_first_six_are_not_loaded_either(refused, folder):
    last = folder / f"{LINES}.csv"
    write_stores(folder, STORES + A_STORE * 3)
    last.write_text(last.read_text().replace("quantity", "pieces", 1))

    refused(f"{last.name} lacks column quantity")


@only_postgres
def test_what_the_database_refuses_last_is_not_loaded_first_either(refused, folder, rows):
    rows(f"alter table retail_landing.raw_{LINES} add constraint few check (source_row_number < 4)")

    refused(f'{LINES}.csv: the database refused it: new row for relation "raw_{LINES}" violates')


def test_a_file_that_changes_while_it_is_loaded(refused, folder, monkeypatch):
    def change(*_):
        os.utime(folder / "stores.csv", (1, 1))
        return 0, 0

    monkeypatch.setattr(PostgresLanding, "add_rows", change)
    monkeypatch.setattr(DuckdbLanding, "add_rows", change)

    refused("stores.csv was changed while it was loaded")


def test_a_first_load_that_fails_leaves_no_schema(database, folder, rows):
    (folder / "stores.csv").rename(folder / "stores.csv.gz")

    assert run(folder).exit_code == 1

    assert rows("select count(*) from pg_namespace where nspname = 'retail_landing'") == [(0,)]


def test_headers_are_checked_before_a_server_is_asked_for(folder, monkeypatch):
    monkeypatch.setenv("PGHOST", str(folder))
    last = folder / f"{required_tables()[-1].name}.csv"
    last.write_text("")

    assert f"{last.name} is empty" in only_line(run(folder))


def test_no_server(folder, monkeypatch):
    monkeypatch.setenv("PGHOST", str(folder))

    result = run(folder)

    assert result.exit_code == 1
    only_line(result)


@only_postgres
def test_a_table_that_may_not_be_written(database, folder, rows):
    rows("create schema retail_landing")
    rows("create view retail_landing.raw_stores as select 1 as store_id")

    result = run(folder)

    assert result.exit_code == 1
    assert '"raw_stores" is not a table' in only_line(result)


# ------------------------------------------------------------------------------------------------------------ memory


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@only_postgres
@pytest.mark.extended
def test_memory_does_not_grow_with_the_file(database, folder):
    peaks = []
    for rows in (300_000, 3_000_000):
        with gzip.open(folder / f"{LINES}_9.csv.gz", "wt", compresslevel=1) as file:
            file.write(",".join(required_tables()[-1].columns) + '\n1,"left open\n')
            file.writelines(f"{number},T20250322-{number:07},P01294,,4,63.00\n" for number in range(rows))
            file.write('1,"left open\n')
        # a small process between: the peak of a child begins with what its parent has
        measured = subprocess.run(
            [sys.executable, "-c", _PEAK, PROGRAMS / "retail", "load", "--start-over", folder],
            env=os.environ | database,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(measured.stdout.split()[-1]) / (1e6 if sys.platform == "darwin" else 1e3))  # MB

    assert max(peaks) < 200
    assert peaks[1] < peaks[0] + 25


# ------------------------------------------------------------------------------------------------------ progress bar


def test_a_long_load_on_a_terminal_shows_a_bar_and_a_short_one_does_not(database, folder, monkeypatch):
    monkeypatch.setattr("retail.loading.command._PROGRESS_FROM_BYTES", 0)
    assert "loading" not in loaded(folder).output

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("retail.loading.command.sys", type("Sys", (), {"stderr": terminal}))
    loaded(folder)

    assert "100%" in terminal.getvalue()
    assert sys.stderr is not terminal
