"""Databases of the tests: few names, used again and again, because dbt parses anew for each name that it has not seen.

A new name costs dbt five seconds, `drop database` a checkpoint. So a database that a test gives back is emptied for
the next one, and what many begin with is made once, as a template.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import closing, contextmanager
from typing import Any

from retail.engines.postgres import connect
from support.replay import connected

Database = dict[str, str]

# one run of pytest, whose workers inherit it
PREFIX = os.environ.setdefault("RETAIL_TEST_PREFIX", f"retail_test_{uuid.uuid4().hex[:8]}")


class Databases:
    """The databases of one worker."""

    def __init__(self, server: Database, worker: str) -> None:
        self._server = server
        self._worker = worker
        self._free: list[str] = []
        self._made = 0

    def take(self, template: str | None = None) -> Database:
        """Return a database: an empty one, or a copy of a template."""
        if self._free:
            name = self._free.pop(0)
            if template is None:
                _empty(self._named(name))
                return self._named(name)
            _administer(f'drop database "{name}" with (force)')
        else:
            self._made += 1
            name = f"{PREFIX}_{self._worker}_{self._made}"
        _administer(f'create database "{name}" template "{template or "template0"}"')
        return self._named(name)

    def give_back(self, database: Database) -> None:
        """Let another test have it."""
        self._free = sorted([*self._free, database["PGDATABASE"]])

    def template(self, kind: str, fill: Callable[[Database], Any]) -> str:
        """Return the name of a template that is filled by the first worker that asks; the others wait for it."""
        name = f"{PREFIX}_{kind}"
        with _alone(kind):
            if not _administer(f"select 1 from pg_database where datname = '{name}'"):
                unfinished = self._named(f"{name}_unfinished")
                _administer(f'create database "{unfinished["PGDATABASE"]}" template template0')
                fill(unfinished)
                _administer(f'alter database "{unfinished["PGDATABASE"]}" rename to "{name}"')
        return name

    def _named(self, name: str) -> Database:
        return self._server | {"PGDATABASE": name}


def drop_all() -> None:
    """Drop the databases of this run of pytest."""
    for (name,) in _administer(f"select datname from pg_database where datname like '{PREFIX}%'"):
        _administer(f'drop database "{name}" with (force)')


def _empty(database: Database) -> None:
    with closing(connected(database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select pg_terminate_backend(pid, 10000) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
            """
        )
        cursor.execute("select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)'")
        for (schema,) in cursor.fetchall():
            cursor.execute(f'drop schema "{schema}" cascade')
        cursor.execute("create schema public")
        cursor.execute(f'alter database "{database["PGDATABASE"]}" reset all')


def _administer(statement: str) -> list[tuple]:
    with closing(connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _alone(kind: str) -> Any:
    """Have what is done within done by one worker at a time."""
    with closing(connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtext(%s))", [f"{PREFIX}_{kind}"])
        yield
