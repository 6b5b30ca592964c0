"""The landing schema of Spark: its tasks read files of plain lines, DuckDB's reader reads all other files.

In a file without quotes each line is a row, so it can be cut between any two lines. Tasks read its blocks in parallel,
and `from_csv` puts a line that is not a row into its corrupt-record column. Rows are numbered by counting the rows
before each block, so no task has to see all of them. A load writes one partition per file and registers all files at
its end. The next load drops the partitions of unregistered files.
"""
# ruff: noqa: S608 (our own names, numbers, and texts quoted by _literal)

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from retail.engines.connections import Row
from retail.engines.spark import SparkConnection
from retail.errors import RetailError
from retail.loading.csv_rows import LONGEST_RECORD, flaw_of_width
from retail.loading.deliveries import Source
from retail.loading.duckdb import DuckdbLanding, look_at
from retail.loading.landing import (
    LOADED_FILES,
    REPAIRS,
    UNREADABLE_LINES,
    Landing,
    LoadedFile,
    landing_schema,
)
from retail.scratch import scratch_folder

_PLAIN_PATH = re.compile(r"[\w./+=@ -]+")
_GZIP = b"\x1f\x8b"
_LINES = "retail_lines"


class SparkLanding(Landing):
    """The landing schema of Spark, without a lock against other loads."""

    quotation_mark = "`"

    def __init__(self, connection: SparkConnection) -> None:
        """Take an open connection."""
        self._connection: SparkConnection = connection
        self._new: list[LoadedFile] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Register the files added inside at the end, or drop their rows if anything fails."""
        try:
            yield
            if self._new:
                values = ", ".join(f"({', '.join(map(_literal, astuple(file)))})" for file in self._new)
                self._run(f"insert into {self.named(LOADED_FILES)} values {values}")
        except BaseException:
            with suppress(RetailError):
                self._drop_unregistered()
            raise

    def wait_for_others(self, *, builds: bool = False) -> datetime:
        """Return the time; other loads are unknown."""
        return datetime.now(timezone.utc)

    def loaded_files(self) -> list[LoadedFile] | None:
        """Return the files loaded so far, and drop the partitions that a failed load left."""
        files = super().loaded_files()
        if files is not None:
            self._drop_unregistered()
        return files

    def make_empty(self) -> None:
        """Create all tables anew, with the columns of the contract."""
        self._run(f"create database if not exists {self.schema}")
        for name, columns in self.wanted_columns().items():
            self.create(name, columns)

    def create(self, name: str, columns: dict[str, str]) -> None:
        """Create a table, in place of an earlier one."""
        defined = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        partitioned = "partitioned by (file_id)" if _is_partitioned(name) else ""
        self._run(f"drop table if exists {self.named(name)}")
        self._run(f"create table {self.named(name)} ({defined}) using parquet {partitioned}")

    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files, at the end of the transaction."""
        self._new.append(file)

    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return how many there are of each."""
        if self._read_lines(source, file_id, first_row_number):
            report(source.path.stat().st_size)
        else:
            self._read_elsewhere(source, file_id, first_row_number, report)
        counts = [
            self._fetch(f"select count(*) from {self.named(name)} where file_id = {file_id}")
            for name in (source.table.raw_name, UNREADABLE_LINES)
        ]
        return counts[0][0][0], counts[1][0][0]

    def columns(self, name: str) -> dict[str, str]:
        """Return the columns of a table with their types, none if the table does not exist."""
        if not self._fetch(f"show databases like {_literal(landing_schema())}"):
            return {}
        if not self._fetch(f"show tables in {self.schema} like {_literal(name)}"):
            return {}
        rows = self._fetch(f"describe table {self.named(name)}")
        return {column: kind for column, kind, *_ in rows if column and not column.startswith("#")}

    @staticmethod
    def type_of(kind: str) -> str:
        """Return Spark's name for a type of PostgreSQL, without `not null`."""
        kind = kind.removesuffix(" not null")
        types = {"text": "string", "jsonb": "string", "integer": "int", "timestamp with time zone": "timestamp"}
        return types.get(kind, kind)

    def _read_lines(self, source: Source, file_id: int, first_row_number: int) -> bool:
        """Let Spark's tasks read a file of plain lines; False, with nothing stored, if it is not one."""
        path = source.path.absolute()
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
        look = None if is_packed or not _PLAIN_PATH.fullmatch(str(path)) else look_at(path)
        if look is None or look.has_quotes:
            return False
        self._run(_numbered_lines(path, len(source.header)))
        widths = self._fetch(
            f"select width, max(bytes), max(if(is_line and not is_row, width, 0)) > 0 from {_LINES} group by width"
        )
        if max((longest for _, longest, _ in widths), default=0) > LONGEST_RECORD:
            return False
        cells = ", ".join(f"cells.c{place}" for place in source.positions)
        self._run(
            f"insert into {self.named(source.table.raw_name)} partition (file_id = {file_id}) "
            f"({', '.join(source.table.columns)}, source_row_number) "
            f"select {cells}, {first_row_number} - 1 + row_number from {_LINES} where is_row"
        )
        flaws = [(width, *flaw_of_width(width, len(source.header))) for width, _, is_refused in widths if is_refused]
        if flaws:
            values = ", ".join(f"({', '.join(map(_literal, flaw))})" for flaw in flaws)
            self._run(
                f"insert into {self.named(UNREADABLE_LINES)} partition (file_id = {file_id}) "
                "(source_table, line_number, line, rule_id, detail) "
                f"select {_literal(source.table.name)}, line_number, value, rule_id, detail from {_LINES} "
                f"inner join (values {values}) as flaws (width, rule_id, detail) using (width) "
                "where is_line and not is_row"
            )
        return True

    def _read_elsewhere(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> None:
        """Load a file into a temporary DuckDB, and copy its rows as Parquet."""
        with (
            scratch_folder() as folder,
            closing(duckdb.connect(folder / "landing.duckdb")) as connection,
        ):
            landing = DuckdbLanding(connection)
            landing.make_empty()
            landing.add_rows(source, file_id, first_row_number, report)
            for name in (source.table.raw_name, UNREADABLE_LINES):
                file = folder / f"{name}.parquet"
                columns = ", ".join(column for column in self.wanted_columns()[name] if column != "file_id")
                connection.execute(f"copy (select * from {landing_schema()}.{name}) to '{file}' (format parquet)")
                self._run(
                    f"insert into {self.named(name)} partition (file_id = {file_id}) ({columns}) "
                    f"select {columns} from parquet.`{file.as_uri()}`"
                )

    def _drop_unregistered(self) -> None:
        """Drop the partitions that a failed load left."""
        registered = {file_id for (file_id,) in self._fetch(f"select file_id from {self.named(LOADED_FILES)}")}
        for name in filter(_is_partitioned, self.wanted_columns()):
            for (partition,) in self._fetch(f"show partitions {self.named(name)}"):
                if int(partition.removeprefix("file_id=")) not in registered:
                    self._run(f"alter table {self.named(name)} drop partition ({partition})")

    def _fetch(self, statement: str) -> list[Row]:
        return self._connection.fetch(statement)

    def _run(self, statement: str) -> None:
        self._connection.run(statement)


def _numbered_lines(path: Path, width: int) -> str:
    """Return the statement for a view of a file's lines, with line numbers and row numbers."""
    cells = ", ".join(f"c{place} string" for place in range(width))
    return f"""
        create or replace temporary view {_LINES} as
        with lines as (
            select
                value,
                _metadata.file_block_start as block,
                monotonically_increasing_id() as place
            from text.`{path.as_uri()}`
        ),
        judged as (
            select
                *,
                row_number() over (partition by block order by place) as line_in_block,
                from_csv(
                    value,
                    '{cells}, corrupt string',
                    map('columnNameOfCorruptRecord', 'corrupt', 'quote', '', 'maxCharsPerColumn', '-1')
                ) as cells
            from lines
        ),
        sorted as (
            select
                *,
                value <> '' and (block > 0 or line_in_block > 1) as is_line,
                value <> '' and (block > 0 or line_in_block > 1) and cells.corrupt is null as is_row
            from judged
        ),
        counted as (
            select *, count_if(is_row) over (partition by block order by place) as row_in_block
            from sorted
        ),
        blocks as (
            select
                block,
                sum(count(*)) over (order by block) - count(*) as lines_before,
                sum(count_if(is_row)) over (order by block) - count_if(is_row) as rows_before
            from sorted
            group by block
        )
        select
            value,
            cells,
            is_line,
            is_row,
            octet_length(value) as bytes,
            length(value) - length(replace(value, ',', '')) + 1 as width,
            lines_before + line_in_block as line_number,
            rows_before + row_in_block as row_number
        from counted
        inner join blocks using (block)
    """


def _is_partitioned(name: str) -> bool:
    return name not in (LOADED_FILES, REPAIRS)


def _literal(value: str | int | datetime) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
