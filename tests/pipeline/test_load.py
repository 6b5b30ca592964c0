"""`retail load`: what it accepts, what it refuses and how it says so, and that it is all or nothing."""

import csv
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail import csv_rows
from retail.contract import tables
from retail.load import load

PROGRAMS = Path(sys.executable).parent

STORES = "store_id,store_name,store_city,store_region,opening_date\n"
A_STORE = "S1,Main Street,Graz,Süd,2020-01-01\n"


@pytest.fixture
def database(fresh_database, monkeypatch):
    """An empty database that this process connects to."""
    for name, value in fresh_database.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("RETAIL_SCHEMA", raising=False)
    return fresh_database


@pytest.fixture
def folder(tmp_path):
    """A folder with seven good files of two rows each."""
    place = tmp_path / "export"
    place.mkdir()
    for table in tables():
        lines = [",".join(table.columns)]
        lines += [",".join(f"{column}-{number}" for column in table.columns) for number in (1, 2)]
        (place / f"{table.name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.fixture
def rows(database, query):
    """Read from the database that the test loads into."""
    return lambda text: [tuple(row) for row in query(database, text)]


@pytest.fixture
def stores(rows):
    """The loaded stores, in file order."""
    return lambda columns="store_id": rows(
        f"select {columns} from retail_landing.raw_stores order by source_row_number"
    )


def run(folder: Path, *options: str):
    return CliRunner().invoke(load, [str(folder), *options])


def loaded(folder: Path, *options: str):
    result = run(folder, *options)
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

    for table in tables():
        columns = ", ".join((*table.columns, "source_file", "source_row_number"))
        assert rows(
            f"""
            select {columns} from retail_landing.{table.raw_name} join retail_landing.loaded_files using (file_id)
            order by source_row_number
            """
        ) == [(*(f"{column}-{number}" for column in table.columns), f"{table.name}.csv", number) for number in (1, 2)]
        assert f"{table.name}.csv" in result.output
    assert rows(
        """
        select count(*), count(distinct loaded_at), count(distinct batch_id), sum(rows), min(first_row_number),
            bool_and(loaded_at > now() - interval '1 minute')
        from retail_landing.loaded_files
        """
    ) == [(7, 1, 1, 14, 1, True)]
    assert result.output.splitlines()[-1] == "next: dbt build --vars 'raw_layer: landing'"
    assert "14 rows" in result.output


def test_the_landing_has_the_shape_that_the_checks_expect(database, folder, rows):
    loaded(folder)

    shapes = rows(
        "select table_name, column_name, data_type, is_nullable from information_schema.columns "
        "where table_schema = 'retail_landing' and table_name like 'raw\\_%'"
    )

    expected = {(t.raw_name, column, "text", "YES") for t in tables() for column in t.columns}
    for table in tables():
        expected.add((table.raw_name, "file_id", "integer", "NO"))
        expected.add((table.raw_name, "source_row_number", "bigint", "NO"))
    assert set(shapes) == expected


def test_the_tables_survive_a_crash_and_are_analyzed(database, folder, rows):
    loaded(folder)

    found = rows("select relpersistence, reltuples from pg_class where relname like 'raw\\_%' and relkind = 'r'")

    assert found == [("p", 2.0)] * 7


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
def test_bom_line_ends_and_names(database, folder, stores, mark, end, name):
    (folder / "stores.csv").unlink()
    write_stores(folder, mark + (STORES + A_STORE).replace("\n", end).encode(), name)

    result_of_the_load = loaded(folder)

    assert stores("store_id, opening_date") == [("S1", "2020-01-01")]
    assert name in result_of_the_load.output


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
def test_a_cell_arrives_as_it_was_written(database, folder, stores, cell):
    text = io.StringIO()
    csv.writer(text).writerows([["S0", cell, cell, "x", cell], ["S1", "plain", "plain", "x", cell]])
    write_stores(folder, STORES + text.getvalue())

    loaded(folder)

    assert stores("store_name, store_city, opening_date, source_row_number") == [
        (cell, cell, cell, 1),
        ("plain", "plain", cell, 2),
    ]


def test_empty_cells_are_null(database, folder, stores):
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


def test_row_numbers_go_on_over_the_chunks(database, folder, stores, rows):
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
    assert "(a header and no rows)" in result.output


def test_the_schema_follows_its_variable(database, folder, rows, monkeypatch):
    monkeypatch.setenv("RETAIL_SCHEMA", "Shop two")

    loaded(folder)

    assert rows('select count(*) from "Shop two_landing".raw_stores') == [(2,)]


# ------------------------------------------------------------------------------------------------- loading it again


def test_a_second_load_adds_and_what_is_loaded_is_skipped(database, folder, stores, rows):
    loaded(folder)
    rows("create view public.mine as select store_id from retail_landing.raw_stores")
    write_stores(folder, STORES + A_STORE)

    result = loaded(folder)

    assert stores("store_id, source_row_number, file_id") == [
        ("store_id-1", 1, 1),
        ("store_id-2", 2, 1),
        ("S1", 3, 8),
    ]
    assert rows("select count(*) from public.mine") == [(3,)]
    assert result.output.count("skipped") == 6
    assert "(loaded before as products.csv: skipped)" in result.output


def test_all_of_it_loaded_before_is_nothing_new(database, folder, rows):
    loaded(folder)

    result = loaded(folder)

    assert result.output.splitlines()[-1] == "nothing new: every file was loaded before (--force loads them again)"
    assert rows("select count(*), max(file_id) from retail_landing.loaded_files") == [(7, 7)]


def test_force_loads_a_file_again(database, folder, rows):
    loaded(folder)

    loaded(folder, "--force")

    assert rows("select count(*) from retail_landing.raw_stores") == [(4,)]
    assert rows("select count(*), max(batch_id) from retail_landing.loaded_files") == [(14, 2)]


def test_start_over_forgets_what_was_loaded(database, folder, stores, rows):
    loaded(folder)
    write_stores(folder, STORES + "S1\n" + A_STORE)

    loaded(folder, "--start-over")
    loaded(folder, "--start-over")

    assert stores("store_id, source_row_number, file_id") == [("S1", 1, 1)]
    assert rows("select count(*), max(file_id), max(batch_id) from retail_landing.loaded_files") == [(7, 7, 1)]
    assert rows("select count(*) from retail_landing.unreadable_lines") == [(1,)]


# ------------------------------------------------------------------------------------------------------ daily drops


HEADER = "transaction_id,customer_id,store_id,transaction_date,total_amount\n"


def drop(folder: Path, day: str, **files: str) -> Path:
    place = folder / day
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / f"{name}.csv").write_text(content, encoding="utf-8")
    return place


@pytest.fixture
def days(folder):
    """Three days on top of the seven files: several files a table, and the day in the folder's or the file's name."""
    drop(
        folder, "2025-01-02", store_sales_header_1=HEADER + "T2,C,S,d,1\n", store_sales_header_2=HEADER + "T3,C,S,d,1\n"
    )
    drop(folder, "2025-01-01", store_sales_header=HEADER + "T1,C,S,d,1\n", stores=STORES + A_STORE)
    with gzip.open(folder / "store_sales_header_2025-01-03.csv.gz", "wt") as file:
        file.write(HEADER + "T4,C,S,d,1\nT4\n")
    return folder


EVERYTHING = """
    select 'header', t::text from retail_landing.raw_store_sales_header as t
    union all select 'stores', t::text from retail_landing.raw_stores as t
    union all select 'lines', t::text from retail_landing.unreadable_lines as t
    union all select 'files', (to_jsonb(t) - 'loaded_at')::text from retail_landing.loaded_files as t
    order by 1, 2
"""


def test_many_days_at_once_are_the_days_one_by_one(database, days, rows):
    loaded(days)
    at_once = rows(EVERYTHING)
    assert rows("select batch_id, batch_name from retail_landing.loaded_files group by 1, 2 order by 1") == [
        (1, ""),
        (2, "2025-01-01"),
        (3, "2025-01-02"),
        (4, "2025-01-03"),
    ]
    assert rows("select transaction_id, source_row_number from retail_landing.raw_store_sales_header order by 2")[
        2:
    ] == [
        ("T1", 3),
        ("T2", 4),
        ("T3", 5),
        ("T4", 6),
    ]

    late = days / "later"
    late.mkdir()
    (days / "store_sales_header_2025-01-03.csv.gz").rename(late / "store_sales_header_2025-01-03.csv.gz")
    for day in ("2025-01-01", "2025-01-02"):
        (days / day).rename(late / day)
    loaded(days, "--start-over")
    for place in ("2025-01-01", "2025-01-02", "store_sales_header_2025-01-03.csv.gz"):
        loaded(late / place)

    assert rows(EVERYTHING) == at_once


def test_a_day_that_comes_late_says_what_that_means(database, days):
    late = days.parent / "2025-01-01"
    (days / "2025-01-01").rename(late)
    loaded(days)

    result = loaded(late)

    assert "note: 2025-01-01 comes after 2025-01-03: where both state the same master data" in result.output


def test_yesterdays_master_data_may_hold_again_but_not_sales(database, folder, stores):
    drop(folder, "2025-01-01", stores=STORES + A_STORE, store_sales_header=HEADER + "T1,C,S,d,1\n")
    drop(folder, "2025-01-02", stores=STORES + "S1,Other,Graz,,\n")
    drop(folder, "2025-01-03", stores=STORES + A_STORE, store_sales_header=HEADER + "T1,C,S,d,1\n")

    result = loaded(folder)

    assert stores("store_name")[2:] == [("Main Street",), ("Other",), ("Main Street",)]
    assert (
        "2025-01-03/store_sales_header.csv  (loaded before as 2025-01-01/store_sales_header.csv: skipped)"
        in result.output
    )


def test_files_that_are_no_tables_are_named(database, folder):
    (folder / "notes.txt").touch()
    (folder / "manifest.json").touch()

    assert "note: not loaded, because not named like a table: notes.txt\n" in loaded(folder).output


def test_a_load_that_is_killed_leaves_no_trace(database, folder, rows):
    loaded(folder)
    before = rows(EVERYTHING)
    write_stores(folder, STORES + A_STORE)
    big = folder / "store_sales_line_items.csv"
    big.write_text(big.read_text() + "1,T,P,,1,1.00\n" * 3_000_000)
    process = subprocess.Popen([PROGRAMS / "retail", "load", str(folder)], env=os.environ | database)
    while not rows("select count(*) from pg_stat_activity where datname = current_database() and query like 'copy %'")[
        0
    ][0]:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    while rows("select count(*) from pg_stat_activity where datname = current_database() and query like 'copy %'")[0][
        0
    ]:
        time.sleep(0.01)

    assert rows(EVERYTHING) == before


def test_two_loads_at_once_come_one_after_the_other(database, folder, tmp_path, rows):
    loaded(folder)
    places = [drop(tmp_path, f"2025-01-0{day}", stores=STORES + f"S{day},a,b,c,d\n" * 1000) for day in range(1, 5)]
    processes = [
        subprocess.Popen([PROGRAMS / "retail", "load", str(place)], env=os.environ | database) for place in places
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert rows(
        "select count(*), count(distinct source_row_number), max(source_row_number) from retail_landing.raw_stores"
    ) == [(4002, 4002, 4002)]
    assert rows(
        "select count(*), count(distinct file_id), count(distinct batch_id) from retail_landing.loaded_files"
    ) == [(11, 11, 5)]


def test_memory_does_not_grow_with_the_file(database, folder):
    def peak(lines: int) -> int:
        file = folder / "store_sales_line_items.csv"
        with file.open("w") as text:
            text.write("line_item_id,transaction_id,product_id,promotion_id,quantity,line_item_amount\n")
            text.writelines(f"{number},T{number},P1,,1,1.00\n" for number in range(lines))
        command = [
            sys.executable,
            "-c",
            "import resource, sys; from retail.cli import main; main(sys.argv[1:], standalone_mode=False);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)",
            *("load", "--start-over", str(folder)),
        ]
        result = subprocess.run(command, env=os.environ | database, capture_output=True, text=True, check=True)
        return int(result.stdout.split()[-1])

    assert peak(4_000_000) < 1.5 * peak(400_000)


def test_a_landing_of_another_contract_gets_todays_columns(database, folder, stores, rows):
    rows("create schema retail_landing")
    rows("create table retail_landing.raw_stores (store_id text, old int, opening_date date, loaded_at text)")
    rows("insert into retail_landing.raw_stores values ('old', 1, '2020-01-01', 'then')")
    rows("create view public.mine as select store_id from retail_landing.raw_stores")

    result = loaded(folder)

    assert "note: retail_landing.raw_stores had other columns than the contract" in result.output
    assert stores("store_id, opening_date, source_row_number") == [
        ("store_id-1", "opening_date-1", 1),
        ("store_id-2", "opening_date-2", 2),
    ]
    assert rows("select count(*) from public.mine") == [(2,)]


def test_what_others_built_on_an_old_column_is_not_dropped(database, folder, rows):
    rows("create schema retail_landing")
    rows("create table retail_landing.raw_stores (store_id text, old int)")
    rows("insert into retail_landing.raw_stores values ('kept', 1)")
    rows("create view public.mine as select old from retail_landing.raw_stores")

    result = run(folder)

    assert result.exit_code == 1
    assert "view mine depends on column old" in only_line(result)
    assert rows("select * from retail_landing.raw_stores") == [("kept", 1)]


# --------------------------------------------------------------------------------------------------- what is refused


def only_line(result) -> str:
    lines = result.output.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("Error: ")
    return lines[0]


@pytest.fixture
def refused(database, folder, rows):
    """Load a folder over an earlier load; it must fail in one line that holds the given words and change nothing."""

    def check(*words: str, place: Path = folder) -> None:
        everything = " union all ".join(
            f"select '{table.name}', t::text from retail_landing.{table.raw_name} as t" for table in tables()
        )
        before = sorted(rows(everything))
        assert len(before) == 14
        result = run(place)
        assert result.exit_code == 1, result.output
        line = only_line(result)
        for word in words:
            assert word in line
        assert sorted(rows(everything)) == before

    loaded(folder)
    return check


def test_no_folder(refused, folder):
    refused("nowhere can't be read: No such file or directory", place=folder / "nowhere")


def test_a_file_that_is_no_table(refused, folder):
    (folder / "notes.csv").touch()
    refused("notes.csv is not named like a table: <table>.csv or <table>_<day>.csv", place=folder / "notes.csv")


def test_a_folder_without_tables(refused, tmp_path):
    place = tmp_path / "empty"
    place.mkdir()
    refused(": no file is named <table>.csv or <table>_<day>.csv", place=place)


@pytest.mark.parametrize("options", [(), ("--start-over",)])
def test_all_missing_files_of_a_first_load_in_one_line(database, folder, rows, options):
    if options:
        loaded(folder)
    (folder / "stores.csv").unlink()
    (folder / "loyalty_rules.csv").unlink()

    line = only_line(run(folder, *options))

    assert "export lacks stores.csv, loyalty_rules.csv (or the same as .csv.gz)" in line
    assert rows("select count(*) from pg_namespace where nspname = 'retail_landing'") == [(1 if options else 0,)]


def test_two_files_for_one_table_are_both_loaded(database, folder, stores):
    write_stores(folder, STORES + A_STORE, "stores.csv.gz")
    write_stores(folder, STORES + "S2,a,b,c,d\n", "raw_stores.csv")

    loaded(folder)

    assert sorted(stores()) == [("S1",), ("S2",), ("store_id-1",), ("store_id-2",)]


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


# ------------------------------------------------------------------------------------------- lines that are no CSV


@pytest.fixture
def unreadable(database, folder, rows):
    """Load a file of stores and return its lines that are no rows; the number of rows must be the given one."""

    def read(content: str | bytes, good_rows: int) -> list[tuple]:
        write_stores(folder, content)
        result = loaded(folder)
        assert rows("select count(*) from retail_landing.raw_stores") == [(good_rows,)]
        found = rows("select line_number, line, rule_id, detail from retail_landing.unreadable_lines order by 1")
        assert not found or f"({len(found):,} lines are no CSV: see rejected_records)" in result.output
        return found

    return read


@pytest.mark.parametrize("good_rows", [1, 20_000], ids=["near the header", "far into the file"])
def test_bytes_that_are_not_utf8(unreadable, good_rows):
    content = (STORES + A_STORE * good_rows).encode() + "S2,Köln,b,c,d\n".encode("cp1252") + A_STORE.encode()

    assert unreadable(content, good_rows + 1) == [
        (good_rows + 2, r"S2,K\xF6ln,b,c,d", "line_encoding_invalid", "byte 0xF6 is not UTF-8")
    ]


@pytest.mark.parametrize("good_rows", [0, 20_000])
def test_a_nul_byte(unreadable, good_rows):
    content = STORES + A_STORE * good_rows + "S2,a\0b,c,d,e\n" + A_STORE

    assert unreadable(content, good_rows + 1) == [
        (good_rows + 2, r"S2,a\x00b,c,d,e", "line_encoding_invalid", "a NUL byte")
    ]


@pytest.mark.parametrize(
    ("row", "rule", "detail"),
    [
        ("S2,a,b,c", "line_too_few_fields", "4 fields where the header has 5"),
        ("S2", "line_too_few_fields", "1 field where the header has 5"),
        ("   ", "line_too_few_fields", "1 field where the header has 5"),
        ("S2,a,b,c,d,e", "line_too_many_fields", "6 fields where the header has 5"),
        ("S2,a,b,c,d,", "line_too_many_fields", "6 fields where the header has 5"),
        ('S2,"a"b,c,d,e', "line_quote_invalid", "a quoted cell that begins here does not end properly"),
    ],
)
@pytest.mark.parametrize("good_rows", [1, 30_000])
def test_a_line_that_is_no_row(unreadable, row, rule, detail, good_rows):
    found = unreadable(STORES + "\n" + A_STORE * good_rows + row + "\n" + A_STORE, good_rows + 1)

    assert [line[:3] for line in found] == [(good_rows + 3, row, rule)]
    assert found[0][3].startswith(detail)


@pytest.mark.parametrize("good_rows", [3, 60_000])
def test_a_quote_left_open_costs_its_own_line_alone(unreadable, good_rows):
    found = unreadable(STORES + A_STORE * 2 + 'S2,"a,b,c,d\n' + A_STORE * good_rows, good_rows + 2)

    assert [line[:3] for line in found] == [(4, 'S2,"a,b,c,d', "line_quote_invalid")]


def test_a_line_beyond_measure_is_cut(unreadable):
    ((number, line, rule, detail),) = unreadable(STORES + f"S1,{'x' * 6_000_000},c,d,\n" + A_STORE, 1)

    assert (number, rule, len(line)) == (2, "line_too_long", 1000)
    assert detail == "6,000,008 bytes, of which the first 1,000 are kept"


CELLS = st.text(st.sampled_from('ab,"\n\r \\é'), max_size=4)


@settings(max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(st.one_of(st.lists(CELLS, min_size=5, max_size=5), st.text(st.sampled_from('ab,"é'), max_size=8)))
)
def test_rows_are_what_python_reads_and_no_line_disappears(monkeypatch_reader, lines):
    """Well-formed records, and between them lines of any kind, read piece by piece."""
    text = io.StringIO()
    for line in lines:
        if isinstance(line, list):
            csv.writer(text).writerow(line)
        else:
            text.write(line + "\n")
    content = STORES + text.getvalue()
    rows, bad = monkeypatch_reader(content)
    try:
        expected = list(csv.reader(io.StringIO(content, newline=""), strict=True))[1:]
    except csv.Error:
        expected = None
    if expected is not None and all(len(row) in (0, 5) for row in expected):
        assert (rows, bad) == ([row for row in expected if row], [])
    seen = sum(len(re.split("\r\n|\r|\n", ",".join(row))) for row in rows) + len(bad)
    blank = sum(not line.strip("\r\n") for line in content.splitlines(keepends=True))
    assert seen >= len(re.findall("[^\r\n]+", content)) - 1 - blank


@pytest.fixture
def monkeypatch_reader(monkeypatch):
    """The reader with pieces so small that their borders fall everywhere."""
    monkeypatch.setattr(csv_rows, "_SMALLEST_PIECE", 0)
    monkeypatch.setattr(csv_rows, "_PIECE", 60)
    monkeypatch.setattr(csv_rows, "_SMALL_PIECE", 20)
    fast = csv_rows.FastReader()

    def read(content: str) -> tuple[list[list[str]], list[csv_rows.Unreadable]]:
        bad: list[csv_rows.Unreadable] = []
        reader = csv_rows.RowReader(
            io.BytesIO(content.encode()),
            (0, 1, 2, 3, 4),
            5,
            file_id=1,
            first_row_number=1,
            fast=fast,
            unreadable=bad.append,
        )
        text = b"".join(reader.chunks()).decode()
        return [row[2:] for row in csv.reader(io.StringIO(text, newline=""), strict=True)], bad

    yield read
    fast.close()


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(refused, folder, encoding):
    write_stores(folder, (STORES + A_STORE).encode(encoding))

    refused("stores.csv", "UTF-16" if encoding == "utf-16" else "not UTF-8", "save it as CSV in UTF-8")


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

    refused("stores.csv can't be read: Is a directory")


def test_the_last_file_is_bad_and_the_first_six_are_not_loaded_either(refused, folder):
    last = folder / f"{tables()[-1].name}.csv"
    write_stores(folder, STORES + A_STORE * 3)
    last.write_bytes(gzip.compress(last.read_bytes() * 2000)[:-20])
    last = last.rename(folder / f"{last.name}.gz")

    refused(f"{last.name} is not a whole gzip file")


def test_a_first_load_that_fails_leaves_no_schema(database, folder, rows):
    (folder / "stores.csv.gz").write_bytes(gzip.compress((STORES + A_STORE * 2000).encode())[:-20])

    assert run(folder).exit_code == 1

    assert rows("select count(*) from pg_namespace where nspname = 'retail_landing'") == [(0,)]


def test_headers_are_checked_before_a_server_is_asked_for(folder, monkeypatch):
    monkeypatch.setenv("PGHOST", str(folder))
    last = folder / f"{tables()[-1].name}.csv"
    last.write_text("")

    assert f"{last.name} is empty" in only_line(run(folder))


def test_no_server(folder, monkeypatch):
    monkeypatch.setenv("PGHOST", str(folder))

    result = run(folder)

    assert result.exit_code == 1
    only_line(result)


def test_a_table_that_may_not_be_written(database, folder, rows):
    rows("create schema retail_landing")
    rows("create view retail_landing.raw_stores as select 1 as store_id")

    result = run(folder)

    assert result.exit_code == 1
    assert '"raw_stores" is not a table' in only_line(result)


# ------------------------------------------------------------------------------------------------------ progress bar


def test_a_long_load_on_a_terminal_shows_a_bar_and_a_short_one_does_not(database, folder, monkeypatch):
    monkeypatch.setattr("retail.load._PROGRESS_FROM_BYTES", 0)
    assert "loading" not in loaded(folder).output

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("retail.load.sys", type("Sys", (), {"stderr": terminal}))
    loaded(folder)

    assert "100%" in terminal.getvalue()
    assert sys.stderr is not terminal
