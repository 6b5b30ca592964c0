"""`retail summary`: the results of the last build, on one screen."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing
from decimal import Decimal
from typing import Any

import click
import duckdb
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import tables
from retail.engines.connections import AnyConnection, Row, connect_to, fetch
from retail.engines.duckdb import duckdb_file
from retail.engines.postgres import first_line
from retail.engines.target import marts_schema, quoted, target
from retail.errors import NotBuilt, RetailError
from retail.loading.landing import NEXT_COMMAND

_WIDTH = 100
_TOP_REASONS = 5
_CENT = Decimal("0.01")

_AS_OF = "select as_of_date, data_cutoff_date from {marts}.as_of"
_CONSERVATION = """
    select source_table, rows_in - rows_superseded, rows_clean, rows_rejected, amount_in, amount_clean, amount_rejected
    from {staging}.dq_conservation
"""
_REASONS = """
    select rows_failed, source_table, rule_id, message
    from {staging}.dq_summary
    where severity = 'error' and rows_failed > 0
    order by rows_failed desc, source_table, rule_id
    limit {top}
"""
_SEGMENTS = """
    select
        segments.segment_id,
        segments.segment_name,
        count(customers.customer_id),
        coalesce(sum(customers.monetary), 0),
        coalesce(sum(details.total_loyalty_points), 0)
    from {raw}.segments as segments
    left join {marts}.customer_segments as customers on customers.segment_id = segments.segment_id
    left join {marts}.customer_details as details on details.customer_id = customers.customer_id
    group by segments.segment_id, segments.segment_name, segments.priority
    order by segments.priority
"""
_LEVERAGE = """
    select rule_id, rows_at_fault, amount_at_fault, transactions_held_back, amount_held_back
    from {marts}.dq_leverage
    where amount_held_back > 0
    order by amount_held_back desc, root_table, rule_id
    limit 1
"""
# a Prospect whose rejected sales are only returns stays one
_DOUBTFUL = """
    select
        coalesce(sum(case when at_risk_is_doubtful then 1 else 0 end), 0),
        coalesce(sum(case when high_spender_is_doubtful then 1 else 0 end), 0),
        coalesce(sum(case when last_purchase_date is null and held_back_amount > 0 then 1 else 0 end), 0)
    from {marts}.customer_segments
"""
_LAYER = """
    select raw_layer from {history}.dq_builds
    order by build_number desc
    limit 1
"""
_LOADED = "select count(*), sum(rows) from {landing}.loaded_files where first_row_number > 0"
_STOPPED = """
    select scope, rejected_share
    from {staging}.circuit_breaker
    where verdict = 'tripped'
    order by scope
"""
# names of the columns of _CONSERVATION and _SEGMENTS, for programs
_FIGURES = ("rows_in", "rows_clean", "rows_rejected", "amount_in", "amount_clean", "amount_rejected")
_SEGMENT = ("segment_id", "segment_name", "customers", "monetary", "total_loyalty_points")
_SAMPLE_COMMAND = "`make build`"
_EXAMPLE = "select * from {marts}.customer_details where segment_id = 'AR' limit 10;"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it for a program. Money is text: no cent is rounded.")
def summary(as_json: bool) -> None:
    """Print the last build: rows, money, rejects, segments."""
    schema = marts_schema()
    with closing(connect_to(target(), read_only=True)) as connection:
        if as_json:
            text = json.dumps(summary_figures(connection, schema), default=str, indent=2)
        else:
            text = "\n".join(summary_lines(connection, schema))
    click.echo(text)


def summary_figures(connection: AnyConnection, schema: str) -> dict[str, Any]:
    """Return the figures of the summary by name; without marts, those of the marts are null.

    Args:
        connection: An open connection to the database.
        schema: The schema of the marts; those of staging and seeds are named after it.

    Raises:
        RetailError: Nothing is built yet, or the database refused.
    """
    names = _schemas(schema)
    stopped, conservation, reasons, _ = _checks(connection, names)
    marts = _results(connection, names, _AS_OF, _SEGMENTS)
    as_of, segments = (marts[0][0], marts[1]) if marts else ((None, None), None)
    if segments is not None:  # a sum of whole numbers is a decimal on some engines
        segments = [(*row[:-1], int(row[-1])) for row in segments]
    return {
        "as_of_date": as_of[0],
        "data_cutoff_date": as_of[1],
        "stopped_by": _named(stopped, "scope", "rejected_share"),
        "tables": _named(sorted(conservation), "source_table", *_FIGURES),
        "top_reasons": _named(reasons, "rows_failed", "source_table", "rule_id", "message"),
        "segments": None if segments is None else _named(segments, *_SEGMENT),
    }


def _named(rows: list[Row], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def summary_lines(connection: AnyConnection, schema: str) -> list[str]:
    """Return the summary of a built database, at most 35 lines of 100 columns; see summary_figures."""
    names = _schemas(schema)
    stopped, conservation, reasons, layer = _checks(connection, names)
    found = ["", *_conservation_lines(conservation), "", *_reason_lines(reasons), ""]
    marts = _results(connection, names, _AS_OF, _SEGMENTS)
    if marts is None:
        command = NEXT_COMMAND if layer == [("landing",)] else "dbt build"
        return [*_no_marts_lines(stopped), *found, "next", *_next_without_marts(command, schema, stopped)]
    ((as_of, cutoff),), segments = marts
    return [
        f"as of {as_of} (nothing after {cutoff} counts)",
        *_stopped_lines(stopped),
        *found,
        *_segment_lines(segments),
        *_doubt_lines(_results(connection, names, _LEVERAGE, _DOUBTFUL)),
        "",
        "next",
        *_next_steps(schema),
    ]


def _schemas(schema: str) -> dict[str, str]:
    mark = "`" if target() == "spark" else '"'
    suffixes = {"marts": "", "staging": "_staging", "raw": "_raw", "history": "_history", "landing": "_landing"}
    return {key: quoted(schema + suffix, mark) for key, suffix in suffixes.items()}


def _checks(connection: AnyConnection, names: dict[str, str]) -> list[list[Row]]:
    """Return what stopped the build, the counts per table, the top reasons and the raw layer."""
    checks = _results(connection, names, _STOPPED, _CONSERVATION, _REASONS, _LAYER)
    if checks is None:
        loaded = _results(connection, names, _LOADED)
        if loaded is None:
            raise RetailError(f"nothing is built yet: run {_SAMPLE_COMMAND}")
        (((files, rows),),) = loaded
        raise RetailError(f"{rows or 0:,} rows of {files:,} files are loaded, nothing is built yet: run {NEXT_COMMAND}")
    return checks


def build_command(connection: AnyConnection) -> str:
    """Return the command that builds what is missing: own files, if any are loaded, else the sample."""
    if isinstance(connection, Connection):
        connection.rollback()  # the statement that found nothing has failed
    loaded = _results(connection, _schemas(marts_schema()), _LOADED)
    return f"`{NEXT_COMMAND}`" if loaded and loaded[0][0][0] else _SAMPLE_COMMAND


def _results(connection: AnyConnection, names: dict[str, str], *queries: str) -> list[list[Row]] | None:
    """Return the rows of each query; None if a table does not exist."""
    try:
        return [fetch(connection, query.format(top=_TOP_REASONS, **names)) for query in queries]
    except NotBuilt:
        return None
    except (psycopg2.errors.UndefinedTable, duckdb.CatalogException):
        if isinstance(connection, Connection):
            connection.rollback()
        return None
    except psycopg2.Error as error:
        raise RetailError(f"the database refused: {first_line(error)}") from error


def _next_steps(schema: str) -> list[str]:
    """Return commands that work on the engine in use."""
    engine = target()
    on_engine = "" if engine == "postgres" else f" TARGET={engine}"
    steps = {
        "postgres": [["  make psql", f"then: {_EXAMPLE.format(marts=schema)}"]],
        "duckdb": [[f"  duckdb {duckdb_file().name}", f"DuckDB's own shell, then: {_EXAMPLE.format(marts=schema)}"]],
        "spark": [["  spark-sql", f"then: {_EXAMPLE.format(marts=schema)}"]],
    }[engine]
    if engine != "spark":
        steps.insert(0, [f"  make page{on_engine}", "the marketer's page, one HTML file"])
        steps.append([f"  make docs{on_engine}", "the tables, their columns and where they come from, in the browser"])
    return _aligned(steps)


def _no_marts_lines(stopped: list[Row]) -> list[str]:
    """Say why the first build left no marts."""
    why = f"before the marts, because it rejected too much: {_shares(stopped)}" if stopped else "half way"
    return [f"the first build STOPPED {why}"]


def _next_without_marts(command: str, schema: str, stopped: list[Row]) -> list[str]:
    if not stopped:
        return [f"  {command}"]
    return _aligned(
        [
            ["  repair the input", f"{schema}_staging.rejected_records has each reject and its reasons"],
            [f"  {command}", "then; or, if this is how the data are, with a higher max_rejected_share"],
        ]
    )


def _shares(stopped: list[Row]) -> str:
    return ", ".join(f"{scope} {share:.1%}" for scope, share in stopped)


def _stopped_lines(stopped: list[Row]) -> list[str]:
    """Say that the last build stopped before the marts, and which figures come from the build before it."""
    if not stopped:
        return []
    return [
        f"the last build STOPPED before the marts, because it rejected too much: {_shares(stopped)}",
        "segments are those of the last good build, rows, money and reasons those of the stopped one",
    ]


def _conservation_lines(rows: list[Row]) -> list[str]:
    order = [table.name for table in tables()]
    unused = {table.name for table in tables() if table.is_optional} - {name for name, rows_in, *_ in rows if rows_in}
    rows = sorted((row for row in rows if row[0] not in unused), key=lambda row: order.index(row[0]))
    grid = [["table", "rows in", "clean", "rejected", "money in", "clean", "rejected"]]
    grid += [[name, *map(_number, figures)] for name, *figures in rows]
    unbalanced = [
        name
        for name, rows_in, clean, rejected, *money in rows
        if rows_in != clean + rejected or (None not in money and money[0] != money[1] + money[2])
    ]
    if unbalanced:
        verdict = f"in is NOT clean + rejected in {', '.join(unbalanced)}: is the raw data newer than the build?"
    else:
        verdict = "in = clean + rejected in every table, in rows and in money"
    return [*_aligned(grid, right=range(1, 7)), verdict]


def _reason_lines(rows: list[Row]) -> list[str]:
    if not rows:
        return ["no row was rejected"]
    grid = [["rejected for", "rows", "table", ""]]
    grid += [[rule, _number(count), table, message] for count, table, rule, message in rows]
    return [line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in _aligned(grid, right={1})]


def _segment_lines(rows: list[Row]) -> list[str]:
    grid = [["segment", "", "customers", "money spent", "points"]]
    grid += [[identifier, name, *map(_number, figures)] for identifier, name, *figures in rows]
    if len(rows) > 1:
        totals = [sum(column) for column in list(zip(*rows, strict=True))[2:]]
        grid.append(["all", "", *map(_number, totals)])
    return _aligned(grid, right=range(2, 5))


def _doubt_lines(found: list[list[Row]] | None) -> list[str]:
    """Say which rule holds back most money, and how many segments would not hold if rejected sales counted."""
    if found is None:  # the last good build was one of an earlier version
        return []
    leverage, ((at_risk, high_spenders, prospects),) = found
    lines = []
    for rule, rows, fault, sales, held_back in leverage:
        worth = "" if fault is None else f" worth {_number(fault)}"
        what = f"{rows:,} faulty rows{worth}" if rows else "records that are in no file"
        lines.append(f"{rule} holds back most: {what} hold back {sales:,} sales of {_number(held_back)}")
    if at_risk or high_spenders or prospects:
        lines.append(
            "segments in doubt for rejected sales: "
            f"{at_risk:,} At-Risk, {high_spenders:,} High-Spenders, {prospects:,} Prospects"
        )
    return lines


def _number(value: int | Decimal | None) -> str:
    """Return a number with thousands grouped and cents, or more decimals if it has them; nothing for None."""
    if value is None:
        return ""
    if not value:
        return "0"
    if isinstance(value, Decimal) and "." in f"{value:f}":
        cents = value.quantize(_CENT)
        value = cents if value == cents else value.normalize()
    return f"{value:,}"


def _aligned(grid: list[list[str]], right: Collection[int] = ()) -> list[str]:
    """Pad the columns to equal width; those in ``right`` are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in grid
    ]
