"""The landing schema of DuckDB, filled by its own CSV reader wherever that agrees with `RowReader`.

A look at the bytes decides: UTF-8, one kind of line end, no blanks around a quoted cell. Then DuckDB reads the whole
file, and its reject table holds the lines with a wrong number of fields. Counting the commas first reveals the lines
that DuckDB accepts by mistake. `RowReader` reads every other file, and DuckDB stores its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from retail.engines.connections import Row
from retail.errors import RetailError, one_line
from retail.loading.csv_files import opened_bytes
from retail.loading.csv_rows import (
    BOM,
    LONGEST_RECORD,
    FastReader,
    RowReader,
    Unreadable,
    flaw_of_width,
    has_blanks_beside_quotes,
    is_utf8,
    read_csv,
    reported,
)
from retail.loading.deliveries import Source
from retail.loading.landing import (
    BOOKKEEPING,
    LOADED_FILES,
    META_COLUMNS,
    UNREADABLE_LINES,
    Landing,
    LoadedFile,
    ReadAnew,
    landing_schema,
)
from retail.scratch import scratch_folder

_LOOKED_AT_ONCE = 4_000_000  # bytes
_TOLD_AT_ONCE = 10_000  # unreadable lines
_MOST_REJECTS = 100_000  # DuckDB keeps them in memory
_PATTERN = frozenset("*?[]{}")  # DuckDB takes a path with one of these for a pattern
_OF_WIDTH = ("MISSING COLUMNS", "TOO MANY COLUMNS")
_REJECT_TABLES = ("reject_errors", "reject_scans")


@dataclass(frozen=True)
class _Look:
    """Counts of the bytes below the header of a file without visible flaws."""

    commas: int
    lines: int
    has_quotes: bool


class DuckdbLanding(Landing):
    """The landing schema of a DuckDB file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take an open connection without a transaction under way."""
        self._connection: duckdb.DuckDBPyConnection = connection
        self._connection.execute("set disabled_compression_methods = 'fsst'")  # as in profiles.yml
        self._reads_whole_files = True

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or roll all of it back if anything fails."""
        try:
            self._connection.begin()
            yield
            self._connection.commit()
        except BaseException as error:
            with suppress(duckdb.Error):
                self._connection.rollback()
            if isinstance(error, duckdb.Error):
                raise RetailError(f"the database refused, nothing was changed: {_said(error)}") from error
            raise

    def wait_for_others(self, *, builds: bool = False) -> datetime:
        """Return the time; nobody else can have the file open."""
        return datetime.now(timezone.utc)

    def make_empty(self) -> None:
        """Empty all tables, and give them the columns of the contract; views on them stay."""
        self._connection.execute(f"create schema if not exists {self.schema}")
        for name, columns in self.wanted_columns().items():
            self.create(name, columns)

    def create(self, name: str, columns: dict[str, str]) -> None:
        """Create a table, in place of an earlier one."""
        defined = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self._connection.execute(f"create or replace table {self.named(name)} ({defined})")

    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""
        self._insert(LOADED_FILES, list(BOOKKEEPING[LOADED_FILES]), [astuple(file)])

    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return how many there are of each."""
        found = self._read_whole(source, file_id, first_row_number)
        if found is None:
            return self._read_in_pieces(source, file_id, first_row_number, report)
        report(source.path.stat().st_size)
        return found

    def columns(self, name: str) -> dict[str, str]:
        """Return the columns of a table with their types, none if the table does not exist."""
        rows = self._connection.execute(
            """
            select column_name, lower(data_type) || case when is_nullable then '' else ' not null' end
            from duckdb_columns()
            where database_name = current_database() and schema_name = ? and table_name = ?
            """,
            [landing_schema(), name],
        ).fetchall()
        return dict(rows)

    @staticmethod
    def type_of(kind: str) -> str:
        """Return DuckDB's name for a type of PostgreSQL."""
        return kind.replace("text", "varchar").replace("jsonb", "json")

    def _read_whole(self, source: Source, file_id: int, first_row_number: int) -> tuple[int, int] | None:
        """Let DuckDB read a whole file; None, with nothing stored, if it may disagree with `RowReader`."""
        width = len(source.header)
        path = source.path.absolute()
        look = None if _PATTERN & set(str(path)) or not self._reads_whole_files else look_at(path)
        if look is None:
            return None
        if look.has_quotes and width != len(source.table.columns):
            return None  # the commas in the cells that are left out could not be counted
        parallel = "false" if look.has_quotes else "true"
        call = read_csv(
            path,
            width,
            "skip = 1",
            "store_rejects = true",
            f"rejects_limit = {_MOST_REJECTS}",
            f"parallel = {parallel}",
        )
        try:
            number = f"row_number() over () + {first_row_number - 1}"
            rows = self._store(source, file_id, number, source.positions, call)
            refused = self._refused(path, width)
        except duckdb.Error as error:
            self._reads_whole_files = False
            raise ReadAnew from error
        if refused is not None:
            commas = (width - 1) * rows + sum(line.line.count(",") for line in refused)
            lines = rows + len(refused)
            if look.has_quotes:
                commas += self._count_in_cells(source, file_id, ",")
                lines += self._count_in_cells(source, file_id, "\n")
            # without quotes, each line is a row, refused or empty
            if commas == look.commas and (lines == look.lines or not look.has_quotes):
                self._tell(source, file_id, refused)
                return rows, len(refused)
        self._connection.execute(f"delete from {self.named(source.table.raw_name)} where file_id = {file_id}")  # noqa: S608
        return None

    def _store(self, source: Source, file_id: int, row_number: str, places: Iterable[int], call: str) -> int:
        """Insert the columns at these places of a CSV file, and return the number of rows."""
        cells = ", ".join(f"c{place}" for place in places)
        rows: int
        ((rows,),) = self._connection.execute(
            f"insert into {self.named(source.table.raw_name)} ({', '.join((*META_COLUMNS, *source.table.columns))}) "  # noqa: S608
            f"select {file_id}, {row_number}, {cells} from {call}"
        ).fetchall()
        return rows

    def _refused(self, path: Path, width: int) -> list[Unreadable] | None:
        """Return the lines in DuckDB's reject table; None if any has another flaw than its number of fields."""
        rejects = self._connection.execute(
            "select line_byte_position, cast(error_type as varchar), csv_line from reject_errors"
        ).fetchall()
        for name in _REJECT_TABLES:
            self._connection.execute(f"drop table {name}")
        found: dict[int, str] = {}
        for position, kind, text in rejects:
            if kind not in _OF_WIDTH or '"' in text:
                return None
            line = text.lstrip("\r\n")  # empty lines before it
            found[position - 1 + len(text) - len(line)] = line
        if not found:
            return []
        refused = []
        place = 0
        with opened_bytes(path) as (_, data):
            for number, line in enumerate(data, start=1):
                if (text := found.get(place)) is not None:
                    if line.rstrip(b"\r\n") != text.encode():
                        return None
                    refused.append(Unreadable(number, text, *flaw_of_width(text.count(",") + 1, width)))
                place += len(line)
        return refused if len(refused) == len(found) else None

    def _count_in_cells(self, source: Source, file_id: int, mark: str) -> int:
        counts = " + ".join(
            f"coalesce(length({column}) - length(replace({column}, $mark, '')), 0)" for column in source.table.columns
        )
        # few cells have one, and this check is cheap
        has_mark = " or ".join(f"contains({column}, $mark)" for column in source.table.columns)
        ((count,),) = self._connection.execute(
            f"select coalesce(sum({counts}), 0) from {self.named(source.table.raw_name)} "  # noqa: S608 (our own names)
            f"where file_id = {file_id} and ({has_mark})",
            {"mark": mark},
        ).fetchall()
        return int(count)

    def _read_in_pieces(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store the rows that `RowReader` finds in a file."""
        told: list[Unreadable] = []

        def tell(line: Unreadable) -> None:
            told.append(line)
            if len(told) == _TOLD_AT_ONCE:
                self._tell(source, file_id, told)
                told.clear()

        with (
            opened_bytes(source.path) as (raw, data),
            closing(FastReader()) as fast,
            scratch_folder() as folder,
        ):
            reader = RowReader(
                data,
                source.positions,
                len(source.header),
                file_id=file_id,
                first_row_number=first_row_number,
                fast=fast,
                unreadable=tell,
            )
            piece = folder / "rows.csv"
            width = len(META_COLUMNS) + len(source.table.columns)
            # a cell may hold all kinds of line ends, and doubled quotes
            call = read_csv(
                piece, width, f"max_line_size = {3 * LONGEST_RECORD}", "new_line = '\\n'", "parallel = false"
            )
            for chunk in reported(reader.chunks(), raw.tell, report):
                piece.write_bytes(chunk)
                self._store(source, file_id, "cast(c1 as bigint)", range(len(META_COLUMNS), width), call)
        self._tell(source, file_id, told)
        return reader.rows, reader.unreadable_lines

    def _tell(self, source: Source, file_id: int, lines: list[Unreadable]) -> None:
        self._insert(
            UNREADABLE_LINES,
            list(BOOKKEEPING[UNREADABLE_LINES]),
            [(file_id, source.table.name, line.line_number, line.line, line.rule_id, line.detail) for line in lines],
        )

    def _insert(self, name: str, columns: list[str], rows: list[Row]) -> None:
        """Insert rows as one list per column; one statement per row would take minutes."""
        if rows:
            self._connection.execute(
                f"insert into {self.named(name)} ({', '.join(columns)}) "
                f"select {', '.join(['unnest(?)'] * len(columns))}",
                [list(column) for column in zip(*rows, strict=True)],
            )


def look_at(path: Path) -> _Look | None:
    """Look at a file's bytes; None if DuckDB may disagree with `RowReader` about a line."""
    commas = quotes = lines = 0
    has_empty_lines = False
    with opened_bytes(path) as (_, data):
        header = data.readline(LONGEST_RECORD).removeprefix(BOM)
        names = header.rstrip(b"\r\n")
        end = header[len(names) :]
        if not names or b'"' in names or b"\r" in names or end not in (b"\n", b"\r\n"):
            return None
        while piece := data.read(_LOOKED_AT_ONCE):
            piece += data.readline(LONGEST_RECORD)
            ends = piece.count(end)
            if piece.count(b"\n") != ends or piece.count(b"\r") != (ends if len(end) > 1 else 0):
                return None
            if b"\0" in piece or not is_utf8(piece) or (b'"' in piece and has_blanks_beside_quotes(piece)):
                return None
            commas += piece.count(b",")
            quotes += piece.count(b'"')
            lines += ends + (not piece.endswith(end))
            has_empty_lines = has_empty_lines or piece.startswith(end) or end + end in piece
    # an unclosed quote would swallow lines silently, and an empty line may belong to a cell
    if quotes and (quotes % 2 or has_empty_lines):
        return None
    return _Look(commas, lines, quotes > 0)


def _said(error: duckdb.Error) -> str:
    return one_line(str(error).split("\n\n")[0])
