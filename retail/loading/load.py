"""The load, on any engine: all files or none, and each file once.

Each file is read twice: for its hash, which tells whether it was loaded before, and for its rows. postgres.py,
duckdb.py and spark.py store the rows.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from threading import Event

import click
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import required_tables, tables
from retail.engines.connections import AnyConnection
from retail.engines.spark import SparkConnection
from retail.errors import RetailError
from retail.loading.csv_files import Content, Limits, content_of
from retail.loading.deliveries import Source, part_of
from retail.loading.landing import Landing, LoadedFile, ReadAnew
from retail.loading.postgres import PostgresLanding

_FACTS = tuple(table.name for table in tables() if table.is_fact)  # loaded once; master data may come again


@dataclass(frozen=True)
class Loaded:
    """The result for a file: its rows and unreadable lines, or the name under which it was ``loaded_before``."""

    source: Source
    rows: int = 0
    unreadable_lines: int = 0
    size: int = 0
    loaded_before: str = ""


class _History:
    """The files loaded before and now, and the next free numbers."""

    def __init__(self, before: list[LoadedFile]) -> None:
        files = [file for file in before if file.first_row_number]  # the others are repairs
        self._files: dict[tuple[str, str], list[LoadedFile]] = defaultdict(list)
        for file in files:
            self._files[_comparable(file.source_table, file.batch_name)].append(file)
        self.next_row = defaultdict(lambda: 1, {file.source_table: file.first_row_number + file.rows for file in files})
        self.batch_id = max((file.batch_id for file in before), default=0) + 1
        self.file_id = max((file.file_id for file in before), default=0) + 1
        self.newest = max((file.batch_name for file in files), default="")

    def add(self, file: LoadedFile) -> None:
        self._files[_comparable(file.source_table, file.batch_name)].append(file)
        self.file_id += 1
        self.next_row[file.source_table] = file.first_row_number + file.rows

    def find(self, source: Source, content: Content) -> LoadedFile | None:
        """Return the file with the same content, if that content still counts.

        Facts count for ever. Master data count until others replace them, so that a table can go back to an
        earlier state: a file repeats the last one of its day and part, or one of the last delivery of its day.
        """
        files = self._files[_comparable(source.table.name, source.day)]
        if source.table.name not in _FACTS:
            of_its_part = [file for file in files if part_of(file.source_file) == part_of(source.path.name)]
            files = of_its_part[-1:] + [file for file in files if file.batch_id == files[-1].batch_id]
        return next((file for file in files if file.content_hash == content.sha256), None)


def _comparable(table: str, day: str) -> tuple[str, str]:
    """Return what two files share that may repeat each other: the table; for master data, the day too."""
    return table, "" if table in _FACTS else day


def load_sources(
    connection: AnyConnection,
    sources: list[Source],
    *,
    force: bool = False,
    start_over: bool = False,
    limits: Limits = Limits(),  # noqa: B008 (it can't be changed)
    report: Callable[[int], None] = lambda _: None,
) -> list[Loaded]:
    """Add the files' rows to the landing tables, in one transaction.

    Args:
        connection: An open connection to PostgreSQL, DuckDB or Spark, without a transaction under way.
        sources: What `find_sources` returned.
        force: Whether to load files again that were loaded before.
        start_over: Whether to delete what was loaded before.
        limits: What a compressed file may unpack to.
        report: Receives the number of bytes read since the last call; each file is read twice.

    Returns:
        The result for each source.

    Raises:
        RetailError: A file or the database refused; the landing tables have not changed.
    """
    if start_over:
        _check_complete(sources)
    contents = _contents(sources, limits, report)
    landing = _landing(connection)
    while True:
        try:
            with landing.transaction():
                return _load(landing, list(zip(sources, contents, strict=True)), report, force, start_over)
        except ReadAnew:
            continue


def _contents(sources: list[Source], limits: Limits, report: Callable[[int], None]) -> list[Content]:
    """Read the files to their ends, several at a time; the first error ends all."""
    is_over = Event()

    def report_unless_over(size: int) -> None:
        if is_over.is_set():
            raise RetailError("another file was refused")
        report(size)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        try:
            read = partial(content_of, limits=limits, report=report_unless_over)
            return list(pool.map(read, [source.path for source in sources]))
        finally:
            is_over.set()


def _landing(connection: AnyConnection) -> Landing:
    if isinstance(connection, Connection):
        return PostgresLanding(connection)
    if isinstance(connection, SparkConnection):
        from retail.loading.spark import SparkLanding

        return SparkLanding(connection)
    from retail.loading.duckdb import DuckdbLanding  # a load into PostgreSQL does not wait for this import

    return DuckdbLanding(connection)


def _check_complete(sources: list[Source]) -> None:
    present = {source.table for source in sources}
    missing = [f"{table.name}.csv" for table in required_tables() if table not in present]
    if missing:
        folders = {source.path.parent for source in sources}
        place = str(folders.pop()) if len(folders) == 1 else "what was given"
        raise RetailError(
            f"{place} lacks {', '.join(missing)} (or the same as .csv.gz): "
            "the first load needs all tables that are not optional"
        )


def _load(
    landing: Landing,
    files: list[tuple[Source, Content]],
    report: Callable[[int], None],
    force: bool,
    start_over: bool,
) -> list[Loaded]:
    loaded_at = landing.wait_for_others(builds=start_over)
    before = landing.loaded_files()
    if before is None or start_over:
        _check_complete([source for source, _ in files])
        landing.make_empty()
        before = []
    else:
        landing.fit_contract()
    history = _History(before)
    newest = history.newest
    results = []
    for day, delivery in groupby(files, key=lambda file: file[0].day):
        new = []
        for source, content in delivery:
            table = source.table.name
            if not force and (same := history.find(source, content)):
                report(source.path.stat().st_size)
                results.append(Loaded(source, loaded_before=same.shown))
                continue
            first_row_number = landing.next_row_number(source.table, history.next_row[table])
            rows, unreadable = landing.add_rows(source, history.file_id, first_row_number, report)
            if source.path.stat().st_mtime_ns != content.changed:
                raise RetailError(f"{source.path} was changed while it was loaded: load it again once it is complete")
            file = LoadedFile(
                file_id=history.file_id,
                batch_id=history.batch_id,
                batch_name=day,
                source_table=table,
                source_file=source.path.name,
                content_hash=content.sha256,
                bytes=content.size,
                rows=rows,
                unreadable_lines=unreadable,
                first_row_number=first_row_number,
                loaded_at=loaded_at,
            )
            landing.register(file)
            history.add(file)
            new.append(table)
            results.append(Loaded(source, rows, unreadable, content.size))
        history.batch_id += bool(new)
        if day and day < newest and not set(new) <= set(_FACTS):
            click.echo(
                f"note: {day} is older than {newest}, which was loaded before: its master data now count as the latest",
                err=True,
            )
    landing.finish({result.source.table for result in results if not result.loaded_before})
    return results
