"""`retail rejects`: export the rejected rows, so that a steward can repair them in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TextIO

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import Table, tables
from retail.engines.connections import Row
from retail.engines.postgres import connect, first_line
from retail.engines.target import check_target, marts_schema
from retail.errors import RetailError
from retail.new_files import NewFiles
from retail.reports.summary import build_command

FILE_PREFIX = "rejected_"
ID_COLUMN = "rejected_record_id"
NUMBER_COLUMN = "source_row_number"
WITHDRAW_COLUMN = "withdraw"
# The columns after those of the table; --replace-rejected ignores the reasons.
ADDED_COLUMNS = (ID_COLUMN, NUMBER_COLUMN, "failed_rules", "reason", "caused_by", WITHDRAW_COLUMN)

_REJECTS = """
    select
        array(
            select rejects.raw_record ->> names.name
            from unnest(%s::text[]) with ordinality as names (name, place)
            order by names.place
        ),
        rejected_record_id,
        source_row_number,
        failed_rules,
        reason,
        caused_by
    from {}.rejected_records as rejects
    where source_table = %s and source_row_number is not null
    order by caused_by is not null, source_row_number
"""
_UNREADABLE = """
    select count(*) from {}.rejected_records where source_table = any (%s) and source_row_number is null
"""
# A spreadsheet recognizes a formula by its first character, even after blanks and quotes.
FORMULA = re.compile(r"""[\s"']*[=+\-@|%\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n]""")


def guarded(cell: str) -> str:
    """Return the cell, after a `'` if a spreadsheet could take it for a formula; `unguarded` removes that."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Undo `guarded`."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


@click.group()
def rejects() -> None:
    """Export the rejected rows for repair."""


@rejects.command()
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The folder or .zip file to write.",
)
@click.option(
    "--table",
    "names",
    multiple=True,
    type=click.Choice([table.name for table in tables()]),
    help="Export only this table; may be given several times.",
)
@click.option("--force", is_flag=True, help="Overwrite an earlier export, even if it is repaired.")
def export(out: Path, names: tuple[str, ...], force: bool) -> None:
    """Write the rejects of the last build, one CSV file per table.

    Each row has its input columns, then the reasons for its rejection. Root causes come first. Correct the cells, or
    put an x under `withdraw` to delete a row, then run `retail load --replace-rejected` on the files. A cell that a
    spreadsheet could take for a formula starts with a '; the load removes it.
    """
    check_target("retail rejects", ["postgres"], f"read {marts_schema()}_staging.rejected_records there")
    chosen = [table for table in tables() if not names or table.name in names]
    with closing(connect()) as connection:
        counts = export_rejects(connection, chosen, out, force=force)
        lines = _count_unreadable(connection, chosen)
    if counts:
        width = max(map(len, counts))
        for name, count in counts.items():
            click.echo(f"{name:<{width}}  {count:>9,} rows  {FILE_PREFIX}{name}.csv")
        click.echo(f"next: repair them in {out}, then retail load --replace-rejected {out}")
    elif not lines:
        click.echo("nothing is rejected: there is nothing to export")
    if lines:
        what = "1 line is not CSV and is" if lines == 1 else f"{lines:,} lines are not CSV and are"
        click.echo(
            f"note: {what} not exported: correct such lines in the source, and load them in a file of their own",
            err=True,
        )


def export_rejects(connection: Connection, chosen: list[Table], out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the rejected rows of some tables, without unreadable lines; a table without rejects gets no file.

    Args:
        connection: An open connection to a built database.
        chosen: The tables.
        out: A folder, or the name of a .zip file.
        force: Whether to overwrite existing files.

    Returns:
        The number of rows per table.

    Raises:
        RetailError: Nothing is built yet, or `out` can't be written or holds an export.
    """
    _check_place(out, chosen, force=force)
    schema = sql.Identifier(f"{marts_schema()}_staging")
    counts: dict[str, int] = {}
    try:
        with connection, export_writer(out) as opened_file:
            for table in chosen:
                with connection.cursor(f"rejects_of_{table.name}") as cursor:  # a named cursor fetches rows in portions
                    cursor.execute(sql.SQL(_REJECTS).format(schema), [list(table.columns), table.name])
                    rows = iter(cursor)
                    if (first := next(rows, None)) is None:
                        continue
                    with opened_file(f"{FILE_PREFIX}{table.name}.csv") as file:
                        counts[table.name] = _write(file, table, first, rows)
    except psycopg2.errors.UndefinedTable as error:
        raise RetailError(f"nothing is built yet: run {build_command(connection)}") from error
    except psycopg2.Error as error:
        raise RetailError(f"the database refused: {first_line(error)}") from error
    except OSError as error:
        raise RetailError(f"{out} can't be written: {error.strerror}") from error
    if not counts and out.suffix == ".zip":
        out.unlink()  # an empty archive
    return counts


def _count_unreadable(connection: Connection, chosen: list[Table]) -> int:
    """Count the rejected lines that are not CSV, which nobody can repair in columns."""
    schema = sql.Identifier(f"{marts_schema()}_staging")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL(_UNREADABLE).format(schema), [[table.name for table in chosen]])
            ((count,),) = cursor.fetchall()
            return int(count)
    except psycopg2.Error as error:
        raise RetailError(f"the database refused: {first_line(error)}") from error


def _check_place(out: Path, chosen: list[Table], *, force: bool) -> None:
    if out.suffix == ".csv":
        raise RetailError(f"{out} is one file, and each table needs one: give --out a folder, or a name ending in .zip")
    files = [out] if out.suffix == ".zip" else [out / f"{FILE_PREFIX}{table.name}.csv" for table in chosen]
    present = [file for file in files if file.exists()]
    if present and not force:
        raise RetailError(f"{present[0]} exists, perhaps with repairs: choose another place, or add --force")


@contextmanager
def export_writer(out: Path) -> Iterator[Callable[[str], AbstractContextManager[TextIO]]]:
    """Yield a function that opens a file by its name, in the folder or in the archive."""
    with NewFiles() as files:
        if out.suffix == ".zip":
            with files.open(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                yield lambda name: io.TextIOWrapper(archive.open(name, "w"), encoding="utf-8-sig", newline="")
            return

        def opened_file(name: str) -> TextIO:
            out.mkdir(0o700, parents=True, exist_ok=True)
            return io.TextIOWrapper(files.open(out / name), encoding="utf-8-sig", newline="")

        yield opened_file


def _write(file: TextIO, table: Table, first: Row, others: Iterator[Row]) -> int:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow((*table.columns, *ADDED_COLUMNS))
    count = 0
    for cells, *reasons in chain((first,), others):
        writer.writerow([guarded("" if cell is None else str(cell)) for cell in (*cells, *reasons, None)])
        count += 1
    return count
