"""What stands on the page: the answers to the queries, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.engines.connections import AnyConnection, Row, fetch
from retail.engines.postgres import first_line
from retail.engines.target import quoted
from retail.errors import NotBuilt, RetailError, one_line
from retail.page import charts, queries
from retail.page.queries import FIGURES, LISTS, Figure, ListSource
from retail.reports.summary import build_command

LONGEST_LIST = 1_000
# up to so many days, a bar is a day or a week; it is a month above
_DAYS_IN_DAYS, _DAYS_IN_WEEKS = 31, 200
_DATE_FORMATS = {"day": "%b %d", "week": "%b %d", "month": "%Y-%m"}


@dataclass(frozen=True)
class ListOnPage:
    """A list with its first rows and each column's decimals; ``rows_in_all`` counts all that the marts hold."""

    about: ListSource
    columns: dict[str, str]
    decimals: list[int]
    rows: list[list[Any]]
    rows_in_all: int


class Marts:
    """The marts of one schema, read through one connection."""

    def __init__(self, connection: AnyConnection, schema: str) -> None:  # noqa: D107 (the class says it)
        self._connection = connection
        suffixes = {"marts": "", "staging": "_staging", "raw": "_raw", "history": "_history"}
        self._schemas = {name: quoted(schema + suffix) for name, suffix in suffixes.items()}

    def rows(self, query: str, **words: str) -> list[Row]:
        """Return the rows of a query.

        Raises:
            RetailError: Nothing is built yet, or the database refused.
        """
        found = self.rows_if_built(query, **words)
        if found is None:
            command = build_command(self._connection)
            raise RetailError(f"the marts are not built, or by an older version: run {command}")
        return found

    def rows_if_built(self, query: str, **words: str) -> list[Row] | None:
        """Return the rows of a query; None if a table of it does not exist."""
        try:
            return fetch(self._connection, query.format(**self._schemas, **words))
        except (NotBuilt, psycopg2.errors.UndefinedTable, duckdb.CatalogException):
            if isinstance(self._connection, Connection):
                self._connection.rollback()
            return None
        except psycopg2.Error as error:
            raise RetailError(f"the database refused: {first_line(error)}") from error
        except duckdb.Error as error:
            raise RetailError(f"the database refused: {one_line(str(error))}") from error


def read_page(marts: Marts, *, personal_data: bool) -> dict[str, Any]:
    """Return what the template shows, by name.

    Args:
        marts: A built database.
        personal_data: Whether lists have names and addresses.

    Raises:
        RetailError: Nothing is built yet, or the database refused.
    """
    ((as_of, cutoff),) = marts.rows(queries.AS_OF)
    period, sales = _sales(marts)
    liability = marts.rows(queries.LIABILITY)
    segments = marts.rows(queries.SEGMENTS)
    lists = {
        name: found
        for name, about in LISTS.items()
        if (found := _list(marts, about, personal_data=personal_data)) is not None
    }
    return {
        "as_of": as_of,
        "cutoff": cutoff,
        "builds": marts.rows(queries.BUILDS),
        "stopped": marts.rows(queries.STOPPED),
        "warned": marts.rows(queries.WARNED),
        "figures": FIGURES,
        "values": {name: _value(marts, figure) for name, figure in FIGURES.items()},
        "period": f"per {period}",
        "sales": sales,
        "sales_chart": _bars(sales, 1, f"revenue per {period}", _DATE_FORMATS[period]),
        "segments": segments,
        "most_customers": max((row[3] for row in segments), default=0),
        "moved_on": _single(marts.rows(queries.MOVED_ON)),
        "moves": marts.rows(queries.MOVES),
        "campaigns": marts.rows(queries.CAMPAIGNS),
        "rfm": _rfm_grid(marts.rows(queries.RFM)),
        "liability": liability[-13:],
        "points_chart": _bars(liability, 6, "points outstanding at the end of each month", _DATE_FORMATS["month"]),
        "conservation": marts.rows(queries.CONSERVATION),
        "leverage": marts.rows(queries.LEVERAGE),
        "open_rejects": {table: (count, since) for table, count, since in marts.rows(queries.OPEN_REJECTS)},
        "lists": lists,
        "customer_lists": [name for name, found in lists.items() if "customer_id" in found.columns],
        "personal_data": personal_data,
        "longest_list": LONGEST_LIST,
    }


def _value(marts: Marts, figure: Figure) -> Any:  # noqa: ANN401 (a number of whatever type, or none)
    rows = marts.rows_if_built(figure.sql) if figure.is_marketing else marts.rows(figure.sql)
    return None if rows is None else _single(rows)


def _single(rows: list[Row]) -> Any:  # noqa: ANN401 (a number of whatever type, or none)
    ((value,),) = rows
    return value


def _sales(marts: Marts) -> tuple[str, list[Row]]:
    """Return the period that suits the span of sales, and the sales of each period."""
    ((first, last),) = marts.rows(queries.SALES_SPAN)
    days = (last - first).days + 1 if first else 0
    period = "day" if days <= _DAYS_IN_DAYS else "week" if days <= _DAYS_IN_WEEKS else "month"
    return period, marts.rows(queries.SALES, period=period)


def _bars(rows: list[Row], column: int, label: str, date_format: str) -> str | None:
    """Draw one column of rows that begin with a day; a single bar says nothing."""
    return charts.bars([(row[0], row[column]) for row in rows], label, date_format) if len(rows) > 1 else None


def _rfm_grid(cells: list[Row]) -> list[tuple[int, list[dict[str, Any]]]]:
    """Return the cells by recency score, best first; ``weight`` is a cell's share of the fullest cell, in tenths."""
    fullest = max((cell[3] for cell in cells), default=0)
    grid: dict[int, list[dict[str, Any]]] = {}
    for r_score, f_score, name, customers, spent in cells:
        weight = -(-10 * customers // fullest) if fullest else 0
        grid.setdefault(r_score, []).append(
            {"f_score": f_score, "name": name, "customers": customers, "spent": spent, "weight": weight}
        )
    return list(grid.items())


def _list(marts: Marts, about: ListSource, *, personal_data: bool) -> ListOnPage | None:
    kept = [place for place, name in enumerate(about.columns) if personal_data or name not in about.personal]
    headings = list(about.columns.items())
    read = marts.rows_if_built if about.is_marketing else marts.rows
    rows = read(f"{about.sql} limit {LONGEST_LIST + 1}")
    if rows is None:
        return None
    if len(rows) > LONGEST_LIST:
        in_all = _single(marts.rows(f"select count(*) from ({about.sql}) as listed"))  # noqa: S608 (ours alone)
    else:
        in_all = len(rows)
    rows = rows[:LONGEST_LIST]
    decimals = [max((_decimals(row[place]) for row in rows), default=0) for place in kept]
    cells = [[_cell(row[place]) for place in kept] for row in rows]
    return ListOnPage(about, dict(headings[place] for place in kept), decimals, cells, in_all)


def _decimals(value: Any) -> int:  # noqa: ANN401 (a cell of whatever type)
    return min(2, -int(value.as_tuple().exponent)) if isinstance(value, Decimal) else 0


def _cell(value: Any) -> Any:  # noqa: ANN401 (a cell of whatever type)
    """Return a value as JSON has it: numbers as they are, dates as text, yes or no in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
