"""The lock of a build on PostgreSQL, for commands that delete or replace rows: a build must not read them meanwhile.

macros/adapters/tables/build_lock.sql has the protocol, and dbt_project.yml the times.
"""

from __future__ import annotations

from time import sleep

import click
import yaml
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a class, whatever its name)

from retail.contract import PROJECT_DIR
from retail.engines.target import marts_schema
from retail.errors import RetailError

_LOOK_AGAIN = 0.5  # seconds
_HOLDER = """
    select
        invocation_id,
        exists (
            select from pg_stat_activity
            where query like '%' || invocation_id || '%' and pid <> pg_backend_pid()
        )
    from {}
    for update skip locked
"""


def wait_for_build(cursor: Cursor) -> None:
    """Wait until no build is running, and lock builds out until the transaction ends.

    Raises:
        RetailError: A build was still running after build_lock_timeout.
    """
    timeout, gone_after = _setting("build_lock_timeout"), _setting("build_gone_after")
    lock = sql.Identifier(f"{marts_schema()}_staging", "build_lock")
    cursor.execute("select to_regclass(%s) is not null", [lock.as_string(cursor)])
    if cursor.fetchall() == [(False,)]:
        return
    looks_without_holder = 0
    for look in range(int(timeout / _LOOK_AGAIN) + 1):
        cursor.execute("savepoint build_lock")
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute(sql.SQL(_HOLDER).format(lock))
        row = cursor.fetchone()
        looks_without_holder = 0 if row is None or row[1] else looks_without_holder + 1
        if row is not None and (row[0] is None or looks_without_holder > gone_after / _LOOK_AGAIN):
            return  # the row stays locked, so no build begins
        cursor.execute("rollback to savepoint build_lock")
        if look == 0:
            click.echo(f"note: a build is running; waiting up to {timeout} s for it", err=True)
        sleep(_LOOK_AGAIN)
    raise RetailError("a build is still running, so nothing was changed: repeat this when it is done")


def _setting(name: str) -> int:
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"][name])
