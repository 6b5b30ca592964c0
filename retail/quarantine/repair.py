"""`retail load --replace-rejected`: repaired rows replace the rejected ones in the landing tables."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import execute_values

from retail.contract import Table, tables
from retail.engines.postgres import connect
from retail.engines.target import marts_schema
from retail.errors import RetailError
from retail.loading.csv_files import CsvRows, content_of, listed, opened, raise_nul, read_header
from retail.loading.landing import NEXT_COMMAND, REPAIRS, LoadedFile, landing_schema
from retail.loading.postgres import PostgresLanding, identifiers, landed
from retail.quarantine.export import FILE_PREFIX, ID_COLUMN, NUMBER_COLUMN, WITHDRAW_COLUMN, unguarded

_YES = ("x", "yes", "y", "true", "1", "withdraw")
_NO = ("", "no", "n", "false", "0")
_EXPORT_AGAIN = "build and export the rejects again"

_REJECTED = """
    select rejected_record_id, source_row_number, raw_record
    from {}.rejected_records
    where source_table = %s and rejected_record_id = any (%s)
"""
_DONE = """
    select rejected_record_id, cells_after
    from {}
    where source_table = %s and rejected_record_id = any (%s)
    order by repaired_at
"""

Cells = dict[str, "str | None"]

_FRACTION = re.compile(r"[+-]?[0-9]+\.[0-9]+")


def _plain(cell: str | None) -> str:
    text = (cell or "").strip(" \t\n\r\f\v")
    return text.rstrip("0").rstrip(".") if _FRACTION.fullmatch(text) else text


@dataclass(frozen=True)
class Repair:
    """A row of an exported file as the steward left it; a blank cell is None."""

    path: Path
    line: int
    rejected_record_id: str
    source_row_number: int | None
    cells: Cells
    is_withdrawn: bool

    @property
    def place(self) -> str:
        """The file and the line, for a message."""
        return f"{self.path}, line {self.line}"

    def wanted_instead_of(self, present: Cells | None) -> Cells | None:
        """Return the cells that replace the present ones, None for a withdrawn row.

        What a spreadsheet changes by itself is no repair: 10 for 10.00, or no blanks around a text.
        """
        if self.is_withdrawn:
            return None
        kept = present or {}
        return {
            column: kept[column] if column in kept and _plain(kept[column]) == _plain(cell) else cell
            for column, cell in self.cells.items()
        }


@dataclass(frozen=True)
class _Change:
    """A repair that changes its row; ``after`` is None if it withdraws the row."""

    repair: Repair
    row_number: int
    before: Cells
    after: Cells | None


@dataclass
class Outcome:
    """The result for a table: how many rows were repaired, withdrawn and so on, and how often each column changed."""

    repaired: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    done_before: int = 0
    columns: Counter[str] = field(default_factory=Counter)

    def add(self, change: _Change) -> None:
        """Count a change."""
        if change.after is None:
            self.withdrawn += 1
        else:
            self.repaired += 1
            self.columns.update(column for column, cell in change.after.items() if cell != change.before[column])


def replace_rejected(path: Path, *, dry_run: bool) -> None:
    """Replace rejected rows by repaired ones, all or none, and print what changed.

    Args:
        path: A folder of files that `retail rejects export` wrote, a .zip of them, or one of the files.
        dry_run: Whether to print only.

    Raises:
        RetailError: A file, a row or the database refused; nothing has changed.
    """
    with _files(path) as files, closing(connect()) as connection:
        outcomes = repair(connection, files, dry_run=dry_run)
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        changed = ", ".join(f"{column} {count:,}" for column, count in outcome.columns.most_common())
        done = f", {outcome.done_before:,} repaired before" if outcome.done_before else ""
        click.echo(
            f"{name:<{width}}  {outcome.repaired:,} repaired{f' ({changed})' if changed else ''}, "
            f"{outcome.withdrawn:,} withdrawn, {outcome.unchanged:,} unchanged{done}"
        )
    if dry_run:
        click.echo("nothing was changed: this was a dry run")
    elif any(outcome.repaired or outcome.withdrawn for outcome in outcomes.values()):
        click.echo(f"next: {NEXT_COMMAND}")
    else:
        click.echo("nothing was changed: no row differs from what was loaded")


def repair(connection: Connection, files: dict[Table, Path], *, dry_run: bool = False) -> dict[str, Outcome]:
    """Replace the repaired rows of the landing tables, in one transaction.

    Args:
        connection: An open connection without a transaction under way.
        files: The tables with their exported and repaired files.
        dry_run: Whether to roll back at the end.

    Returns:
        The outcome for each table.

    Raises:
        RetailError: A file, a row or the database refused; nothing has changed.
    """
    repairs = {table: list(_read(table, path)) for table, path in files.items()}
    landing = PostgresLanding(connection)
    with landing.transaction():
        try:
            outcomes = _repair_tables(landing, repairs, files)
        except psycopg2.errors.UndefinedTable as error:
            raise RetailError("nothing is built yet, so nothing is rejected: run dbt build first") from error
        if dry_run:
            connection.rollback()
    return outcomes


def _repair_tables(
    landing: PostgresLanding, repairs: dict[Table, list[Repair]], files: dict[Table, Path]
) -> dict[str, Outcome]:
    loaded_at = landing.wait_for_others(builds=True)
    for table in repairs:
        if not landing.columns(table.raw_name):
            raise RetailError(
                f"{landing_schema()}.{table.raw_name} does not exist, and only rows of `retail load` can be replaced: "
                f"correct the seed seeds/raw/{table.raw_name}.csv and run dbt seed"
            )
    landing.fit_contract()
    before = landing.loaded_files() or []
    batch_id = max((file.batch_id for file in before), default=0) + 1
    file_id = max((file.file_id for file in before), default=0) + 1
    outcomes = {}
    for table, rows in repairs.items():
        outcome = outcomes[table.name] = _repair_table(landing.cursor, table, rows, file_id)
        if changed := outcome.repaired + outcome.withdrawn:
            content = content_of(files[table])
            landing.register(
                LoadedFile(
                    file_id=file_id,
                    batch_id=batch_id,
                    batch_name="",
                    source_table=table.name,
                    source_file=files[table].name,
                    content_hash=content.sha256,
                    bytes=content.size,
                    rows=changed,
                    unreadable_lines=0,
                    first_row_number=0,
                    loaded_at=loaded_at,
                )
            )
            file_id += 1
    return outcomes


@contextmanager
def _files(path: Path) -> Iterator[dict[Table, Path]]:
    """Find the exported files at a path, by their names; an archive is unpacked into a temporary folder."""
    if path.suffix != ".zip":
        yield _found(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                for name in {FILE_PREFIX + table.name + ".csv" for table in tables()} & set(archive.namelist()):
                    archive.extract(name, folder)
        except (OSError, zipfile.BadZipFile) as error:
            raise RetailError(f"{path} can't be read as a ZIP archive: {error}") from error
        try:
            yield _found(Path(folder))
        except RetailError as error:  # name the archive, not the temporary folder
            raise RetailError(error.message.replace(folder, str(path))) from error


def _found(path: Path) -> dict[Table, Path]:
    places = {f"{FILE_PREFIX}{table.name}.csv": table for table in tables()}
    if path.is_dir():
        found = {table: path / name for name, table in places.items() if (path / name).exists()}
        if not found:
            raise RetailError(f"{path} holds no {FILE_PREFIX}<table>.csv: give what `retail rejects export` wrote")
        return found
    if not path.exists():
        raise RetailError(f"{path} does not exist: give what `retail rejects export` wrote")
    if path.name not in places:
        raise RetailError(f"{path} does not have the name of an export: name it {FILE_PREFIX}<table>.csv")
    return {places[path.name]: path}


def _read(table: Table, path: Path) -> Iterator[Repair]:
    wanted = (*table.columns, ID_COLUMN)
    header = read_header(path, wanted)
    if missing := [name for name in wanted if name not in header]:
        raise RetailError(f"{path} lacks {listed(missing)}: keep the columns of the export")
    lines: dict[str, int] = {}
    with opened(path) as (_, text):
        rows = CsvRows(path, text)
        cells_of_rows = iter(rows)
        next(cells_of_rows)  # the header
        for row in cells_of_rows:
            if any("\0" in cell for cell in row):
                raise_nul(path)
            found = dict(zip(header, map(unguarded, row), strict=True))
            place = f"{path}, line {rows.line}"
            identifier = found[ID_COLUMN].strip()
            if not identifier:
                raise RetailError(
                    f"{place}: {ID_COLUMN} is blank: only exported rows are replaced; put new rows into a file to load"
                )
            if identifier in lines:
                raise RetailError(f"{place}: {ID_COLUMN} repeats line {lines[identifier]}: keep one of the two")
            lines[identifier] = rows.line
            withdraw = found.get(WITHDRAW_COLUMN, "").strip().lower()
            if withdraw not in _YES + _NO:
                raise RetailError(
                    f"{place}: {WITHDRAW_COLUMN} is {withdraw!r}: write x to withdraw the row, or nothing"
                )
            cells = {column: found[column] or None for column in table.columns}
            number = found.get(NUMBER_COLUMN, "").strip()
            row_number = int(number) if number.isascii() and number.isdecimal() else None
            yield Repair(path, rows.line, identifier, row_number, cells, withdraw in _YES)


def _repair_table(cursor: Cursor, table: Table, repairs: list[Repair], file_id: int) -> Outcome:
    cursor.execute(sql.SQL("lock table {} in share row exclusive mode").format(landed(table.raw_name)))
    known = _Known(cursor, table, repairs)
    outcome = Outcome()
    changes = []
    for repair in repairs:
        if known.is_done(repair):
            outcome.done_before += 1
        elif change := known.change(repair):
            outcome.add(change)
            changes.append(change)
        else:
            outcome.unchanged += 1
    if changes:
        _apply(cursor, table, changes)
        _keep(cursor, table, changes, file_id)
    return outcome


class _Known:
    """What the database holds about the rows of some repairs: the rejects, the repairs before, the landed rows."""

    def __init__(self, cursor: Cursor, table: Table, repairs: list[Repair]) -> None:
        self._table = table
        parameters = [table.name, [repair.rejected_record_id for repair in repairs]]
        cursor.execute(sql.SQL(_REJECTED).format(sql.Identifier(f"{marts_schema()}_staging")), parameters)
        self._rejected: dict[str, tuple[int | None, Cells]] = {
            identifier: (number, {column: record.get(column) or None for column in table.columns})
            for identifier, number, record in cursor.fetchall()
        }
        cursor.execute(sql.SQL(_DONE).format(landed(REPAIRS)), parameters)
        self._done: dict[str, Cells | None] = dict(cursor.fetchall())
        numbers = {repair.source_row_number for repair in repairs if repair.rejected_record_id not in self._rejected}
        numbers |= {number for number, _ in self._rejected.values()}
        cursor.execute(
            sql.SQL("select source_row_number, {} from {} where source_row_number = any (%s)").format(
                identifiers(table.columns), landed(table.raw_name)
            ),
            [[number for number in numbers if number is not None]],
        )
        self._landed: dict[int | None, Cells] = {
            number: dict(zip(table.columns, cells, strict=True)) for number, *cells in cursor.fetchall()
        }

    def is_done(self, repair: Repair) -> bool:
        """Tell whether an earlier command made the same repair."""
        if repair.rejected_record_id not in self._done:
            return False
        after = self._done[repair.rejected_record_id]
        return repair.wanted_instead_of(after) == after

    def change(self, repair: Repair) -> _Change | None:
        """Return what a repair changes, None if nothing.

        Raises:
            RetailError: The row is not rejected, or it has changed since.
        """
        number, before = self._rejected.get(repair.rejected_record_id, (None, dict.fromkeys(self._table.columns)))
        if number is None:
            present = self._landed.get(repair.source_row_number)
            if repair.wanted_instead_of(present) != present:
                raise RetailError(
                    f"{repair.place}: {ID_COLUMN} {repair.rejected_record_id!r} is not among the rejects of the last "
                    f"build: {_EXPORT_AGAIN}"
                )
            return None
        after = repair.wanted_instead_of(before)
        if after == before:
            return None
        if self._landed.get(number) != before:
            raise RetailError(
                f"{repair.place}: row {number} of {landing_schema()}.{self._table.raw_name} has changed since it was "
                f"rejected: {_EXPORT_AGAIN}"
            )
        return _Change(repair, number, before, after)


def _apply(cursor: Cursor, table: Table, changes: list[_Change]) -> None:
    """Update the repaired rows, which keep their file and number, and delete the withdrawn ones."""
    columns = identifiers(table.columns)
    updates = [(change.row_number, *change.after.values()) for change in changes if change.after is not None]
    if updates:
        execute_values(
            cursor,
            sql.SQL(
                "update {} as landed set ({}) = row ({}) from (values %s) as new (row_number, {}) "
                "where landed.source_row_number = new.row_number"
            ).format(
                landed(table.raw_name),
                columns,
                sql.SQL(", ").join(sql.Identifier("new", column) for column in table.columns),
                columns,
            ),
            updates,
            template=f"(%s, {', '.join(['%s::text'] * len(table.columns))})",
        )
    cursor.execute(
        sql.SQL("delete from {} where source_row_number = any (%s)").format(landed(table.raw_name)),
        [[change.row_number for change in changes if change.after is None]],
    )


def _keep(cursor: Cursor, table: Table, changes: list[_Change], file_id: int) -> None:
    """Add the changes to the table of repairs."""
    execute_values(
        cursor,
        sql.SQL(
            "insert into {} (repaired_at, source_table, source_row_number, rejected_record_id, action, "
            "cells_before, cells_after, repair_file, file_id) values %s"
        ).format(landed(REPAIRS)),
        [
            (
                table.name,
                change.row_number,
                change.repair.rejected_record_id,
                "withdrawn" if change.after is None else "repaired",
                json.dumps(change.before),
                None if change.after is None else json.dumps(change.after),
                change.repair.path.name,
                file_id,
            )
            for change in changes
        ],
        template="(now(), %s, %s, %s, %s, %s, %s, %s, %s)",
    )
