"""Changes of the landing tables by anyone but `retail load`: triggers of PostgreSQL record them, one row per statement.

The next build counts them (macros/adapters/tables/landing_state.sql), and rebuilds everything after a new one.
"""

from __future__ import annotations

from collections.abc import Collection

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a class, whatever its name)

from retail.contract import tables
from retail.loading.landing import BOOKKEEPING, landing_schema

_LOADING = "select set_config('retail.is_loading', 'on', true)"

# an owner's table in an owner's schema, whoever makes the change: so the function runs as its owner
_PREPARE = """
    create table if not exists {schema}.manual_changes (
        changed_at timestamp with time zone not null default clock_timestamp(),
        changed_by text not null default session_user,
        table_name text not null,
        action text not null
    );
    create or replace function {schema}.record_manual_change() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $function$
    begin
        if current_setting('retail.is_loading', true) is distinct from 'on' then
            insert into {schema}.manual_changes (table_name, action) values (tg_table_name, lower(tg_op));
        end if;
        return null;
    end
    $function$
"""
_WATCH = """
    create or replace trigger manual_change after insert or update or delete or truncate on {table}
    for each statement execute function {schema}.record_manual_change();
    alter table {table} enable always trigger manual_change
"""
_UNWATCHED = """
    select relname
    from pg_class
    where
        relnamespace = to_regnamespace(%s)
        and relname = any (%s)
        and pg_has_role(relowner, 'usage')
        and not exists (
            select from pg_trigger
            where tgrelid = pg_class.oid and tgname = 'manual_change' and tgenabled = 'A'
        )
    order by relname
"""
_UNRECORDED = "insert into {schema}.manual_changes (table_name, action) values (%s, 'not recorded before')"


def begin_loading(cursor: Cursor) -> None:
    """Record nothing until the transaction ends."""
    cursor.execute(_LOADING)


def record_manual_changes(cursor: Cursor, new_tables: Collection[str]) -> None:
    """Give each landing table its trigger, unless it has one.

    Args:
        cursor: Of the transaction of a load.
        new_tables: The tables that the load made or emptied. Others may have changed before they had the trigger: an
            earlier version made them, or somebody replaced them.
    """
    names = [*(table.raw_name for table in tables()), *BOOKKEEPING]
    schema = sql.Identifier(landing_schema())
    cursor.execute(_UNWATCHED, [schema.as_string(cursor), names])
    unwatched = [name for (name,) in cursor.fetchall()]
    if unwatched:
        cursor.execute(sql.SQL(_PREPARE).format(schema=schema))
    for name in unwatched:
        table = sql.Identifier(landing_schema(), name)
        cursor.execute(sql.SQL(_WATCH).format(schema=schema, table=table))
        if name not in new_tables:
            cursor.execute(sql.SQL(_UNRECORDED).format(schema=schema), [name])
