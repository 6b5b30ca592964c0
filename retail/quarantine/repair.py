"""`retail load --replace-rejected`: repaired rows replace the rejected ones in the landing tables.

A file goes into a temporary table by COPY, and the database compares it with the rejects, the earlier repairs and the
landed rows, all rows at once. Python only reads the CSV and says what is wrong with which line.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from retail.contract import Table, tables
from retail.engines.postgres import connect
from retail.engines.target import marts_schema
from retail.errors import RetailError
from retail.loading.csv_files import CsvRows, InputFile, Limits, content_of, listed, opened, raise_nul, read_header
from retail.loading.deliveries import check_regular
from retail.loading.landing import NEXT_COMMAND, REPAIRS, LoadedFile, landing_schema
from retail.loading.postgres import PostgresLanding, copy_rows, identifiers, landed
from retail.quarantine.export import FILE_PREFIX, ID_COLUMN, NUMBER_COLUMN, WITHDRAW_COLUMN, unguarded

_YES = ("x", "yes", "y", "true", "1", "withdraw")
_NO = ("", "no", "n", "false", "0")
_EXPORT_AGAIN = "build and export the rejects again"
_ROWS_AT_ONCE = 10_000
_LONGEST_NUMBER = 18  # digits of a bigint, whatever they are

_TRIMMED = r"btrim({}, E' \t\n\r\f\x0B')"
# What a spreadsheet changes by itself is no repair: 10 for 10.00, or no blanks around a text.
_PLAIN = rf"""
    coalesce(
        case
            when {_TRIMMED} ~ '^[+-]?[0-9]+\.[0-9]+$' then rtrim(rtrim({_TRIMMED}, '0'), '.')
            else {_TRIMMED}
        end, ''
    )
"""
# The verdict on each given row: 'done' (an earlier command did the same), 'unchanged', 'repaired' or 'withdrawn'; or
# what is wrong with it: 'unknown' (it is not rejected), 'outdated' (its landed row has changed since it was rejected).
_JUDGE = """
    create temporary table judged on commit drop as
    with rejected as (
        select rejected_record_id, source_row_number, {rejected_cells}
        from {rejected_records}
        where source_table = %(table)s
    ),
    done as (
        select distinct on (rejected_record_id) rejected_record_id, cells_after
        from {repairs}
        where source_table = %(table)s
        order by rejected_record_id, repaired_at desc
    )
    select
        given.line,
        given.rejected_record_id,
        rejected.source_row_number,
        case
            when done.rejected_record_id is not null and case
                when done.cells_after is null then given.is_withdrawn
                else not given.is_withdrawn and {is_done}
            end then 'done'
            when rejected.source_row_number is null and case
                when landed.source_row_number is null then given.is_withdrawn
                else not given.is_withdrawn and {is_landed}
            end then 'unchanged'
            when rejected.source_row_number is null then 'unknown'
            when not given.is_withdrawn and {is_rejected} then 'unchanged'
            when landed.source_row_number is null or {is_outdated} then 'outdated'
            when given.is_withdrawn then 'withdrawn'
            else 'repaired'
        end as verdict,
        {cells}
    from {given} as given
    left join rejected on given.rejected_record_id = rejected.rejected_record_id
    left join done on given.rejected_record_id = done.rejected_record_id
    left join {raw_table} as landed on landed.source_row_number = case
        when rejected.rejected_record_id is null then given.source_row_number
        else rejected.source_row_number
    end
"""
_COUNT = """
    select
        count(*) filter (where verdict = 'repaired'),
        count(*) filter (where verdict = 'withdrawn'),
        count(*) filter (where verdict = 'unchanged'),
        count(*) filter (where verdict = 'done'),
        {changes}
    from judged
"""
_UPDATE = """
    update {raw_table} as landed
    set ({columns}) = row ({after})
    from judged
    where landed.source_row_number = judged.source_row_number and judged.verdict = 'repaired'
"""
_DELETE = """
    delete from {raw_table} as landed
    using judged
    where landed.source_row_number = judged.source_row_number and judged.verdict = 'withdrawn'
"""
_KEEP = """
    insert into {repairs} (
        repaired_at, source_table, source_row_number, rejected_record_id, action, cells_before, cells_after,
        repair_file, file_id
    )
    select
        %(repaired_at)s, %(table)s, source_row_number, rejected_record_id, verdict, jsonb_build_object({before}),
        case when verdict = 'repaired' then jsonb_build_object({after}) end, %(file)s, %(file_id)s
    from judged
    where verdict in ('repaired', 'withdrawn')
"""


@dataclass
class Outcome:
    """The result for a table: how many rows were repaired, withdrawn and so on, and how often each column changed."""

    repaired: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    done: int = 0
    columns: dict[str, int] = field(default_factory=dict)


def replace_rejected(path: Path, *, dry_run: bool, limits: Limits) -> None:
    """Replace rejected rows by repaired ones, all or none, and print what changed.

    Args:
        path: A folder of files that `retail rejects export` wrote, a .zip of them, or one of the files.
        dry_run: Whether to print only.
        limits: What an archive may unpack to.

    Raises:
        RetailError: A file, a row or the database refused; nothing has changed.
    """
    with _files(path) as files, closing(connect()) as connection:
        outcomes = repair(connection, files, dry_run=dry_run, limits=limits)
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        most_first = sorted(outcome.columns.items(), key=lambda column: -column[1])
        changed = ", ".join(f"{column} {count:,}" for column, count in most_first if count)
        done = f", {outcome.done:,} repaired before" if outcome.done else ""
        click.echo(
            f"{name:<{width}}  {outcome.repaired:,} repaired{f' ({changed})' if changed else ''}, "
            f"{outcome.withdrawn:,} withdrawn, {outcome.unchanged:,} unchanged{done}"
        )
    if dry_run:
        click.echo("nothing was changed: this was a dry run")
    elif any(outcome.repaired or outcome.withdrawn for outcome in outcomes.values()):
        click.echo(f"next: {NEXT_COMMAND}")
    else:
        click.echo("nothing was changed: no row differs from what was loaded")


def repair(
    connection: Connection, files: dict[Table, InputFile], *, limits: Limits, dry_run: bool = False
) -> dict[str, Outcome]:
    """Replace the repaired rows of the landing tables, in one transaction.

    Args:
        connection: An open connection without a transaction under way.
        files: The tables with their exported and repaired files.
        limits: What a file in an archive may unpack to.
        dry_run: Whether to roll back at the end.

    Returns:
        The outcome for each table.

    Raises:
        RetailError: A file, a row or the database refused; nothing has changed.
    """
    contents = {table: content_of(file, limits=limits) for table, file in files.items()}
    landing = PostgresLanding(connection)
    with landing.transaction():
        for table, file in files.items():
            _copy_given(landing.cursor, table, file)
        loaded_at = landing.wait_for_others(builds=True)
        for table in files:
            if not landing.columns(table.raw_name):
                raise RetailError(
                    f"{landing_schema()}.{table.raw_name} does not exist, and only rows of `retail load` can be "
                    f"replaced: correct the seed seeds/raw/{table.raw_name}.csv and run dbt seed"
                )
        landing.fit_contract()
        before = landing.loaded_files() or []
        batch_id = max((file.batch_id for file in before), default=0) + 1
        file_id = max((file.file_id for file in before), default=0) + 1
        outcomes = {}
        for table, file in files.items():
            outcome = outcomes[table.name] = _repair_table(landing.cursor, table, file, file_id, loaded_at)
            if changed := outcome.repaired + outcome.withdrawn:
                landing.register(
                    LoadedFile(
                        file_id=file_id,
                        batch_id=batch_id,
                        batch_name="",
                        source_table=table.name,
                        source_file=file.name,
                        content_hash=contents[table].sha256,
                        bytes=contents[table].size,
                        rows=changed,
                        unreadable_lines=0,
                        first_row_number=0,
                        loaded_at=loaded_at,
                    )
                )
                file_id += 1
        if dry_run:
            connection.rollback()
    return outcomes


@contextmanager
def _files(path: Path) -> Iterator[dict[Table, InputFile]]:
    """Find the exported files at a path, by their names; those of an archive are read in it."""
    if path.suffix != ".zip":
        files = _found(path)
        for file in files.values():
            check_regular(Path(str(file)))
        yield files
        return
    if path.exists():
        check_regular(path)
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise RetailError(f"{path} can't be read as a ZIP archive: {error}") from error
    with archive:
        if encrypted := [info.filename for info in archive.infolist() if info.flag_bits & 1]:
            raise RetailError(f"{path} is encrypted ({encrypted[0]}): unpack it, and give the folder")
        yield _found(zipfile.Path(archive))


def _found(path: InputFile) -> dict[Table, InputFile]:
    places = {f"{FILE_PREFIX}{table.name}.csv": table for table in tables()}
    if path.is_dir():
        found = {table: path / name for name, table in places.items() if (path / name).exists()}
        if not found:
            place = str(path).rstrip("/")
            raise RetailError(f"{place} holds no {FILE_PREFIX}<table>.csv: give what `retail rejects export` wrote")
        return found
    if not path.exists():
        raise RetailError(f"{path} does not exist: give what `retail rejects export` wrote")
    if path.name not in places:
        raise RetailError(f"{path} does not have the name of an export: name it {FILE_PREFIX}<table>.csv")
    return {places[path.name]: path}


def _copy_given(cursor: Cursor, table: Table, file: InputFile) -> None:
    """Put the rows of a file into a temporary table."""
    given = _given(table)
    cells = _of_columns(table, "{cell}")
    cursor.execute(
        sql.SQL(
            "create temporary table {} (line bigint, rejected_record_id text, source_row_number bigint, "
            "is_withdrawn boolean, {}) on commit drop"
        ).format(given, _of_columns(table, "{cell} text"))
    )
    statement = sql.SQL("copy {} from stdin (format csv, null '', force_null (source_row_number, {}))")
    copy_rows(cursor, file, statement.format(given, cells), _chunks(table, file))
    cursor.execute(
        sql.SQL(
            "select line, first_line from (select line, min(line) over (partition by rejected_record_id) as first_line "
            "from {}) as lines where line > first_line order by line limit 1"
        ).format(given)
    )
    for line, first_line in cursor.fetchall():
        raise RetailError(f"{file}, line {line}: {ID_COLUMN} repeats line {first_line}: keep one of the two")
    cursor.execute(sql.SQL("analyze {}").format(given))


def _chunks(table: Table, file: InputFile) -> Iterator[bytes]:
    """Yield the rows of a file for COPY, each with its line number first."""
    wanted = (*table.columns, ID_COLUMN)
    header = read_header(file, wanted)
    if missing := [name for name in wanted if name not in header]:
        raise RetailError(f"{file} lacks {listed(missing)}: keep the columns of the export")
    places = [header.index(name) for name in table.columns]
    id_place = header.index(ID_COLUMN)
    number_place, withdraw_place = (
        header.index(name) if name in header else None for name in (NUMBER_COLUMN, WITHDRAW_COLUMN)
    )
    with opened(file) as (_, text):
        rows = CsvRows(file, text)
        cells_of_rows = iter(rows)
        next(cells_of_rows)  # the header
        chunk = io.StringIO()
        writer = csv.writer(chunk, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for count, row in enumerate(cells_of_rows, start=1):
            identifier = unguarded(row[id_place]).strip()
            if not identifier:
                raise RetailError(
                    f"{file}, line {rows.line}: {ID_COLUMN} is blank: only exported rows are replaced; "
                    "put new rows into a file to load"
                )
            withdraw = "" if withdraw_place is None else unguarded(row[withdraw_place]).strip().lower()
            if withdraw not in _YES + _NO:
                raise RetailError(
                    f"{file}, line {rows.line}: {WITHDRAW_COLUMN} is {withdraw!r}: write x to withdraw the row, "
                    "or nothing"
                )
            number = "" if number_place is None else unguarded(row[number_place]).strip()
            if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
                number = ""
            cells = [unguarded(row[place]) for place in places]
            writer.writerow((rows.line, identifier, number, withdraw in _YES, *cells))
            if count % _ROWS_AT_ONCE == 0:
                yield _encoded(chunk, file)
        yield _encoded(chunk, file)


def _encoded(chunk: io.StringIO, file: InputFile) -> bytes:
    """Return what was written, and begin anew."""
    text = chunk.getvalue()
    if "\0" in text:
        raise_nul(file)
    chunk.seek(0)
    chunk.truncate()
    return text.encode()


def _repair_table(cursor: Cursor, table: Table, file: InputFile, file_id: int, repaired_at: datetime) -> Outcome:
    cursor.execute(sql.SQL("lock table {} in share row exclusive mode").format(landed(table.raw_name)))
    names = {"raw_table": landed(table.raw_name), "repairs": landed(REPAIRS)}
    values = {"table": table.name, "file": file.name, "file_id": file_id, "repaired_at": repaired_at}
    judge = sql.SQL(_JUDGE).format(
        given=_given(table),
        rejected_records=sql.Identifier(f"{marts_schema()}_staging", "rejected_records"),
        rejected_cells=_of_columns(table, "nullif(raw_record ->> {name}, '') as {before}"),
        is_done=_of_columns(table, _is_same("(done.cells_after ->> {name})"), " and "),
        is_landed=_of_columns(table, _is_same("landed.{column}"), " and "),
        is_rejected=_of_columns(table, _is_same("rejected.{before}"), " and "),
        is_outdated=_of_columns(table, "landed.{column} is distinct from rejected.{before}", " or "),
        cells=_of_columns(
            table,
            "rejected.{before}, case when "
            + _is_same("rejected.{before}")
            + " then rejected.{before} else given.{cell} end as {after}",
        ),
        **names,
    )
    try:
        cursor.execute(judge, values)
    except psycopg2.errors.UndefinedTable as error:
        raise RetailError("nothing is built yet, so nothing is rejected: run dbt build first") from error
    _raise_first_problem(cursor, table, file)
    changes = "count(*) filter (where verdict = 'repaired' and {before} is distinct from {after})"
    cursor.execute(sql.SQL(_COUNT).format(changes=_of_columns(table, changes)))
    ((repaired, withdrawn, unchanged, done, *counts),) = cursor.fetchall()
    after = _of_columns(table, "judged.{after}")
    cursor.execute("analyze judged")
    cursor.execute(sql.SQL(_UPDATE).format(columns=identifiers(table.columns), after=after, **names))
    cursor.execute(sql.SQL(_DELETE).format(**names))
    before_and_after = {kind: _of_columns(table, f"{{name}}, {{{kind}}}") for kind in ("before", "after")}
    cursor.execute(sql.SQL(_KEEP).format(**before_and_after, **names), values)
    cursor.execute("drop table judged")
    return Outcome(repaired, withdrawn, unchanged, done, dict(zip(table.columns, counts, strict=True)))


def _raise_first_problem(cursor: Cursor, table: Table, file: InputFile) -> None:
    cursor.execute(
        "select line, verdict, rejected_record_id, source_row_number from judged "
        "where verdict in ('unknown', 'outdated') order by line limit 1"
    )
    for line, verdict, identifier, number in cursor.fetchall():
        if verdict == "unknown":
            what = f"{ID_COLUMN} {identifier!r} is not among the rejects of the last build"
        else:
            what = f"row {number} of {landing_schema()}.{table.raw_name} has changed since it was rejected"
        raise RetailError(f"{file}, line {line}: {what}: {_EXPORT_AGAIN}")


def _given(table: Table) -> sql.Identifier:
    """Return the temporary table with the rows of a file."""
    return sql.Identifier("pg_temp", f"given_{table.name}")


def _is_same(kept: str) -> str:
    """Return the condition that a given cell does not change what is kept."""
    return f"(given.{{cell}} is not distinct from {kept} or {_plain(kept)} = {_plain('given.{cell}')})"


def _plain(cell: str) -> str:
    return _PLAIN.replace("{}", cell)


def _of_columns(table: Table, template: str, between: str = ", ") -> sql.Composed:
    """Return a piece of SQL for each column of a table.

    Args:
        table: The table.
        template: The piece; {column} is the column and {name} its name as a text, {cell} the given cell, {before} and
            {after} the cells before and after the repair.
        between: What stands between the pieces.
    """
    piece = sql.SQL(template)
    return sql.SQL(between).join(
        piece.format(
            column=sql.Identifier(column),
            name=sql.Literal(column),
            cell=sql.Identifier(f"cell_{place}"),
            before=sql.Identifier(f"before_{place}"),
            after=sql.Identifier(f"after_{place}"),
        )
        for place, column in enumerate(table.columns)
    )
