"""`retail rules`: the rule books as Markdown."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from operator import itemgetter

import click
import duckdb
import psycopg2

from retail.contract import tables
from retail.engines.connections import connect_to, fetch
from retail.engines.target import marts_schema, quoted, target
from retail.errors import NotBuilt, RetailError

_RULES = """
    select
        source_table,
        rule_number,
        rule_id,
        severity || case when kept_for is null then '' else ', fixed' end,
        message
    from {} as dq_rules
"""


@click.command()
def rules() -> None:
    """Print the rule books of the last build, as Markdown."""
    mark = "`" if target() == "spark" else '"'
    schema = quoted(f"{marts_schema()}_staging", mark)
    try:
        books = rule_books(f"{schema}.dq_rules")
    except (NotBuilt, psycopg2.errors.UndefinedTable, duckdb.CatalogException) as error:
        raise RetailError("nothing is built yet: run `make build`") from error
    click.echo(as_document(books))


def as_document(books: dict[str, str]) -> str:
    """Return the rule books as one document, each under its table's name."""
    return "\n".join(f"## {table}\n\n{book}" for table, book in books.items())


def rule_books(relation: str) -> dict[str, str]:
    """Return each table's rule book as a Markdown table, in the order of the contract.

    Args:
        relation: SQL for dq_rules, or for a subquery with its rows.
    """
    order = [table.name for table in tables()]
    with closing(connect_to(target(), read_only=True)) as connection:
        found = sorted(fetch(connection, _RULES.format(relation)), key=lambda rule: (order.index(rule[0]), rule[1]))
    head = "| rule | severity | a row fails it if |\n|---|---|---|\n"
    return {
        table: head + "".join(f"| `{rule}` | {severity} | {message} |\n" for _, _, rule, severity, message in book)
        for table, book in groupby(found, key=itemgetter(0))
    }
