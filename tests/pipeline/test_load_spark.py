"""Spark's reading of files of plain lines, cut into blocks, against the reading that PostgreSQL gets."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest

from retail.contract import Table
from retail.engines.spark import SparkConnection
from retail.errors import RetailError
from retail.loading.csv_rows import Unreadable
from retail.loading.deliveries import Source
from retail.loading.landing import LoadedFile
from retail.loading.load import load_sources
from support.csv_bytes import COLUMNS, expected_rows

pytestmark = pytest.mark.extended

BLOCK = 1_000  # bytes
LINES = [
    b"a,b,c",
    b"a,b,c",
    b" a ,,\xc3\xa9\xe2\x80\xa8",
    b"\\,#'`%_,\t",
    b",,",
    b"",
    b" ",
    b"short",
    b"a,b,c,",
    b"NaN,null,d,e",
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory) -> Iterator[SparkConnection]:
    """A session that reads files in small blocks, with an empty landing schema of a table of three columns."""
    pyspark = pytest.importorskip("pyspark.sql", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from retail.loading.spark import SparkLanding

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_TARGET", "spark")
        patch.setenv("RETAIL_SPARK", str(tmp_path_factory.mktemp("spark")))
        patch.delenv("SPARK_HOST", raising=False)
        patch.setattr("retail.loading.landing.tables", lambda: (Table("stores", COLUMNS, ("h1",)),))
        with closing(SparkConnection()) as opened:
            opened.run(f"set spark.sql.files.maxPartitionBytes = {BLOCK}")
            opened.run("set spark.sql.files.openCostInBytes = 0")
            SparkLanding(opened).make_empty()
            yield opened
        pyspark.SparkSession.getActiveSession().stop()


def test_a_file_in_blocks_is_read_as_for_postgresql(connection, tmp_path):
    from retail.loading.spark import SparkLanding

    landing = SparkLanding(connection)
    dice = random.Random(6)
    for file_id, (header, end) in enumerate([(b"h1,h2,h3", b"\n"), (b"\xef\xbb\xbfh3,more,h1,h2", b"\r\n")], start=7):
        width = header.count(b",") + 1
        lines = [b"x," * (width - 3) + line for line in dice.choices(LINES, k=1_000)]
        data = end.join([header, *(b"" if line == b"x," else line for line in lines)])
        file = tmp_path / f"stores{file_id}.csv"
        file.write_bytes(data)
        assert len(data) > 4 * BLOCK
        source = Source(Table("stores", COLUMNS, ("h1",)), file, tuple(header.decode("utf-8-sig").split(",")))
        rows, told = expected_rows(data, source)
        assert len(rows) > 300
        assert len(told) > 300

        assert landing._read_lines(source, file_id, 11)

        assert landing.add_rows(source, file_id + 100, 11, lambda _: None) == (len(rows), len(told))
        found = connection.fetch(
            f"select h1, h2, h3, source_row_number from retail_landing.raw_stores where file_id = {file_id} order by 4"
        )
        assert found == [(*row[:3], row[4]) for row in rows]
        found = connection.fetch(
            "select line_number, line, rule_id, detail from retail_landing.unreadable_lines "
            f"where file_id = {file_id} order by 1"
        )
        assert [Unreadable(*line) for line in found] == told


def test_what_is_not_plain_lines_is_read_elsewhere(connection, tmp_path):
    from retail.loading.spark import SparkLanding

    landing = SparkLanding(connection)
    file = tmp_path / "stores.csv"
    source = Source(Table("stores", COLUMNS, ("h1",)), file, COLUMNS)
    file.write_bytes(b'h1,h2,h3\n"a\nb",c,d\n"open\nshort\n')
    assert not landing._read_lines(source, 5, 1)
    assert landing.add_rows(source, 5, 1, lambda _: None) == (1, 2)
    assert connection.fetch("select * from retail_landing.raw_stores where file_id = 5") == [("a\nb", "c", "d", 1, 5)]


def test_master_data_that_go_back_to_an_earlier_state_are_loaded(connection, tmp_path, monkeypatch):
    from retail.loading.spark import SparkLanding

    table = Table("stores", COLUMNS, ("h1",))
    for name in ("tables", "required_tables"):
        monkeypatch.setattr(f"retail.loading.load.{name}", lambda: (table,))
    file = tmp_path / "stores.csv"
    loaded_before = []
    for cell in "abaab":
        file.write_text(f"h1,h2,h3\n{cell},,\n")
        [loaded] = load_sources(connection, [Source(table, file, COLUMNS)])
        loaded_before.append(loaded.loaded_before)
    assert loaded_before == ["", "", "", "stores.csv", ""]
    assert connection.fetch(
        "select h1 from retail_landing.raw_stores where file_id > 0 order by source_row_number"
    ) == [("a",), ("b",), ("a",), ("b",)]
    SparkLanding(connection).make_empty()


def test_a_load_that_fails_leaves_nothing(connection, tmp_path):
    from retail.loading.spark import SparkLanding

    file = tmp_path / "stores.csv"
    file.write_bytes(b"h1,h2,h3\na,b,c\nshort\n")
    source = Source(Table("stores", COLUMNS, ("h1",)), file, COLUMNS)

    def load(*, fails: bool) -> None:
        landing = SparkLanding(connection)
        with landing.transaction():
            file_id = max((loaded.file_id for loaded in landing.loaded_files() or []), default=0) + 1
            rows, unreadable = landing.add_rows(source, file_id, 1, lambda _: None)
            moment = landing.wait_for_others()
            names = ("it's", "stores", "a\\b.csv", "hash")
            landing.register(LoadedFile(file_id, 1, *names, 20, rows, unreadable, 1, moment))
            if fails:
                raise RetailError("stopped")

    load(fails=False)
    with pytest.raises(RetailError, match="stopped"):
        load(fails=True)
    [loaded] = SparkLanding(connection).loaded_files()
    assert (loaded.batch_name, loaded.source_file, loaded.rows, loaded.unreadable_lines) == ("it's", "a\\b.csv", 1, 1)
    assert connection.fetch("select file_id, count(*) from retail_landing.raw_stores group by 1") == [(1, 1)]
    SparkLanding(connection).fit_contract()
    connection.run("alter table retail_landing.raw_stores add columns (more string)")
    with pytest.raises(RetailError, match="--start-over"):
        SparkLanding(connection).fit_contract()
