"""`retail lists`: the lists of customers that a mailing tool takes, one file for each campaign and segment."""

from __future__ import annotations

import csv
import re
from collections import Counter
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import click
import duckdb
import psycopg2

from retail.engines.connections import AnyConnection, Row, connect_to, fetch
from retail.engines.postgres import first_line
from retail.engines.target import marts_schema, quoted, target
from retail.errors import NotBuilt, RetailError, one_line
from retail.quarantine.export import export_writer, guarded
from retail.reports.summary import build_command

COLUMNS = (
    *("customer_id", "first_name", "email", "segment_id", "total_loyalty_points", "last_purchase_date"),
    *("campaign_id", "promotion_id"),
)
_LISTS = """
    select list_name, left_out_because, {columns}
    from {marts}.mailing_lists
    order by list_name, customer_id
"""
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Written(NamedTuple):
    """What was written of a list: how many customers, and how many were left out, by the reason."""

    customers: int
    left_out: Counter[str]


@click.command()
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The folder or .zip file to write.",
)
@click.option("--force", is_flag=True, help="Overwrite earlier lists.")
def lists(out: Path, force: bool) -> None:
    """Write the mailing lists of the last build, as CSV files.

    There is one file for each running campaign and each segment. A campaign's list has its contact group; members of a
    holdout are on no segment's list while their campaign runs. Suppressed addresses, and what is no address, are left
    out. Segments go by their flags, so a High-Spender who is At-Risk is on both lists. A cell that a spreadsheet could
    take for a formula starts with a '.
    """
    with closing(connect_to(target(), read_only=True)) as connection:
        written = write_lists(connection, out, force=force)
    width = max(map(len, written), default=0)
    for name, (customers, left_out) in written.items():
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(left_out.items()))
        click.echo(f"{name:<{width}}  {customers:>9,} customers" + (f"  left out: {reasons}" if reasons else ""))
    click.echo(f"next: take the files in {out} to the mailing tool" if written else "there are no customers")


def write_lists(connection: AnyConnection, out: Path, *, force: bool = False) -> dict[str, Written]:
    """Write a file for each list of the view mailing_lists.

    Args:
        connection: An open connection to a built database.
        out: A folder, or the name of a .zip file.
        force: Whether to overwrite existing files.

    Returns:
        What was written, by the name of the list.

    Raises:
        RetailError: Nothing is built yet, or `out` can't be written or holds lists.
    """
    if out.suffix == ".csv":
        raise RetailError(f"{out} is one file, and each list needs one: give --out a folder, or a name ending in .zip")
    found = {name: list(rows) for name, rows in groupby(_rows(connection), key=lambda row: str(row[0]))}
    for name in found:
        if not _FILE_NAME.fullmatch(name):
            raise RetailError(f"the list {name!r} can't be the name of a file: use letters, digits, - and _ in its id")
    present = [file for file in [out] if file.suffix == ".zip" and file.exists()]
    present += [out / f"{name}.csv" for name in found if (out / f"{name}.csv").exists()]
    if present and not force:
        raise RetailError(f"{present[0]} exists: choose another place, or add --force")
    try:
        with export_writer(out) as opened_file:
            written = {}
            for name, rows in found.items():
                with opened_file(f"{name}.csv") as file:
                    mailed = [row[2:] for row in rows if row[1] is None]
                    table = csv.writer(file, quoting=csv.QUOTE_ALL)
                    table.writerow(COLUMNS)
                    table.writerows([guarded("" if cell is None else str(cell)) for cell in row] for row in mailed)
                written[name] = Written(len(mailed), Counter(row[1] for row in rows if row[1] is not None))
    except OSError as error:
        raise RetailError(f"{out} can't be written: {error.strerror}") from error
    return written


def _rows(connection: AnyConnection) -> list[Row]:
    marts = quoted(marts_schema(), "`" if target() == "spark" else '"')
    try:
        return fetch(connection, _LISTS.format(columns=", ".join(COLUMNS), marts=marts))
    except (psycopg2.errors.UndefinedTable, duckdb.CatalogException, NotBuilt) as error:
        raise RetailError(f"nothing is built yet: run {build_command(connection)}") from error
    except psycopg2.Error as error:
        raise RetailError(f"the database refused: {first_line(error)}") from error
    except duckdb.Error as error:
        raise RetailError(f"the database refused: {one_line(str(error))}") from error
