"""`retail rules`: the rule books as a document for stewards."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from operator import itemgetter

import click
import psycopg2
from psycopg2 import sql

from retail.contract import tables
from retail.database import connect, marts_schema
from retail.errors import RetailError

_RULES = """
    select source_table, rule_id, severity || case when kept_for is null then '' else ', fixed' end, message
    from {}.dq_rules
    order by array_position(%s, source_table), rule_number
"""


@click.command()
def rules() -> None:
    """Print the rule books of the last build, as Markdown."""
    schema = sql.Identifier(f"{marts_schema()}_staging")
    order = [table.name for table in tables()]
    try:
        with closing(connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL(_RULES).format(schema), [order])
            found = cursor.fetchall()
    except psycopg2.errors.UndefinedTable as error:
        raise RetailError("nothing is built yet: run `make build`") from error
    for table, book in groupby(found, key=itemgetter(0)):
        click.echo(f"## {table}\n\n| rule | severity | what it says of a row |\n|---|---|---|")
        for _, rule, severity, message in book:
            click.echo(f"| `{rule}` | {severity} | {message} |")
        click.echo()
