"""`retail load`: what it accepts, what it refuses and how it says so, and that it is all or nothing."""

import csv
import gzip
import io
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.contract import tables
from retail.load import load

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


def run(folder: Path):
    return CliRunner().invoke(load, [str(folder)])


def loaded(folder: Path):
    result = run(folder)
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
        assert rows(f"select {columns} from retail_landing.{table.raw_name} order by source_row_number") == [
            (*(f"{column}-{number}" for column in table.columns), f"{table.name}.csv", number) for number in (1, 2)
        ]
        assert f"{table.name}.csv" in result.output
    one_time = " union ".join(f"select loaded_at from retail_landing.{table.raw_name}" for table in tables())
    assert rows(f"select count(*), bool_and(loaded_at > now() - interval '1 minute') from ({one_time})") == [(1, True)]
    assert result.output.splitlines()[-1] == "next: dbt build --vars 'raw_layer: landing'"
    assert "14 rows" in result.output


def test_the_landing_has_the_shape_that_the_checks_expect(database, folder, rows):
    loaded(folder)

    shapes = rows(
        "select table_name, column_name, data_type, is_nullable from information_schema.columns "
        "where table_schema = 'retail_landing'"
    )

    expected = {(t.raw_name, column, "text", "YES") for t in tables() for column in t.columns}
    for table in tables():
        expected.add((table.raw_name, "source_file", "text", "NO"))
        expected.add((table.raw_name, "source_row_number", "bigint", "NO"))
        expected.add((table.raw_name, "loaded_at", "timestamp with time zone", "NO"))
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

    loaded(folder)

    assert stores("store_id, opening_date, source_file") == [("S1", "2020-01-01", name)]


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


def test_a_second_load_replaces_the_first_and_keeps_what_is_built_on_it(database, folder, stores, rows):
    loaded(folder)
    rows("create view public.mine as select store_id from retail_landing.raw_stores")
    write_stores(folder, STORES + A_STORE)

    loaded(folder)

    assert stores() == [("S1",)]
    assert rows("select * from public.mine") == [("S1",)]


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


def test_a_file_for_a_folder(refused, folder):
    refused("stores.csv can't be read: Not a directory", place=folder / "stores.csv")


def test_all_missing_files_in_one_line(refused, folder):
    (folder / "stores.csv").unlink()
    (folder / "loyalty_rules.csv").unlink()

    refused("export lacks stores.csv, loyalty_rules.csv (or the same as .csv.gz)")


@pytest.mark.parametrize("other", ["stores.csv.gz", "raw_stores.csv"])
def test_two_files_for_one_table(refused, folder, other):
    write_stores(folder, STORES, other)

    refused("export holds", "stores.csv", other, "for stores: leave one of them")


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


@pytest.mark.parametrize("good_rows", [1, 20_000], ids=["near the header", "far into the file"])
def test_bytes_that_are_not_utf8(refused, folder, good_rows):
    write_stores(folder, (STORES + A_STORE * good_rows).encode() + "S2,Köln,b,c,d\n".encode("cp1252"))

    refused(f"stores.csv, line {good_rows + 2}: byte 0xF6 is not UTF-8; save it as CSV in UTF-8 and load again")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(refused, folder, encoding):
    write_stores(folder, (STORES + A_STORE).encode(encoding))

    refused("stores.csv", "UTF-16" if encoding == "utf-16" else "not UTF-8", "save it as CSV in UTF-8")


@pytest.mark.parametrize("good_rows", [0, 20_000])
def test_a_nul_byte(refused, folder, good_rows):
    write_stores(folder, STORES + A_STORE * good_rows + "S2,a\0b,c,d,e\n")

    refused(f"stores.csv, line {good_rows + 2}: a NUL byte")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("S2,a,b,c\n", "line 4: 4 fields where the header has 5; complete it"),
        ("S2\n", "line 4: 1 field where the header has 5; complete it"),
        ("S2,a,b,c,d,e\n", "line 4: 6 fields where the header has 5; put a cell that holds a comma in quotes"),
        ("   \n", "line 4: 1 field where the header has 5; delete the line if it is meant to be empty"),
        ('S2,"a\nb",c\n', "lines 4 to 5: 3 fields where the header has 5; check whether a quoted cell is left open"),
    ],
)
def test_too_few_or_too_many_fields(refused, folder, row, words):
    write_stores(folder, STORES + "\n" + A_STORE + row + A_STORE)

    refused(f"stores.csv, {words}")


@pytest.mark.parametrize("row", ['S2,"a,b,c,d\n', 'S2,"a"b,c,d,e\n'], ids=["open at the end", "text after it"])
def test_a_quote_that_does_not_end(refused, folder, row):
    write_stores(folder, STORES + A_STORE + row + A_STORE)

    refused("stores.csv, line 3: a quoted cell that begins here does not end properly", "double the quotes")


def test_an_open_quote_in_a_large_file_is_found_where_it_begins(refused, folder):
    write_stores(folder, STORES + A_STORE * 7_000 + 'S2,"a,b,c,d\n' + A_STORE * 20_000)

    refused("stores.csv, line 7002: a quoted cell that begins here does not end properly")


def test_a_cell_of_megabytes_is_loaded(database, folder, stores):
    write_stores(folder, STORES + f"S1,{'x' * 3_000_000},c,d,\n")
    loaded(folder)
    assert stores("length(store_name)") == [(3_000_000,)]


def test_a_cell_beyond_measure_is_a_quote_left_open(refused, folder):
    write_stores(folder, STORES + 'S1,"a,b,c,d\n' + A_STORE * 400_000)
    refused("stores.csv, line 2: a quoted cell that begins here does not end properly", "limit")


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
    last.write_text(last.read_text() + "one field\n")

    refused(f"{last.name}, line 4: 1 field where the header has 6")


def test_a_first_load_that_fails_leaves_no_schema(database, folder, rows):
    write_stores(folder, STORES + "S1\n")

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
