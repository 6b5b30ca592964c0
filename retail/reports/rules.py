"""`retail rules`: the rule books as Markdown."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from operator import itemgetter

import click
import psycopg2
from psycopg2 import sql

from retail.contract import tables
from retail.engines.postgres import connect
from retail.engines.target import check_target, marts_schema
from retail.errors import RetailError

_RULES = """
    select source_table, rule_id, severity || case when kept_for is null then '' else ', fixed' end, message
    from {} as dq_rules
    order by array_position(%s, source_table), rule_number
"""


@click.command()
def rules() -> None:
    """Print the rule books of the last build, as Markdown."""
    check_target("retail rules", ["postgres"], f"read {marts_schema()}_staging.dq_rules there")
    try:
        books = rule_books(sql.Identifier(f"{marts_schema()}_staging", "dq_rules"))
    except psycopg2.errors.UndefinedTable as error:
        raise RetailError("nothing is built yet: run `make build`") from error
    click.echo(as_document(books))


def as_document(books: dict[str, str]) -> str:
    """Return the rule books as one document, each under its table's name."""
    return "\n".join(f"## {table}\n\n{book}" for table, book in books.items())


def rule_books(relation: sql.Composable) -> dict[str, str]:
    """Return each table's rule book as a Markdown table; `relation` is dq_rules, or a subquery with its rows."""
    order = [table.name for table in tables()]
    with closing(connect()) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(_RULES).format(relation), [order])
        found = cursor.fetchall()
    head = "| rule | severity | a row fails it if |\n|---|---|---|\n"
    return {
        table: head + "".join(f"| `{rule}` | {severity} | {message} |\n" for _, rule, severity, message in book)
        for table, book in groupby(found, key=itemgetter(0))
    }
