"""`retail load`: CSV files are added to the landing schema, all of them or none, and each of them once.

A file is read for its hash first, which tells whether it was loaded before, and then for its rows. How these come into
an engine is in load_postgres.py and load_duckdb.py.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import click
from psycopg2.extensions import connection as Connection  # noqa: N812 (a class, whatever its name)

from retail.contract import Table, tables
from retail.engines.duckdb import connect_duckdb
from retail.engines.postgres import connect
from retail.engines.spark import SparkConnection
from retail.engines.target import check_target, target
from retail.errors import RetailError
from retail.loading.csv_files import listed, opened_bytes
from retail.loading.deliveries import Source, find_sources
from retail.loading.landing import UNREADABLE_LINES, LoadedFile, ReadAnew, landing_schema
from retail.loading.postgres import PostgresLanding

if TYPE_CHECKING:
    import duckdb

__all__ = ["NEXT_COMMAND", "Loaded", "content_of", "find_sources", "landing_schema", "load", "load_sources"]

NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

_PROGRESS_FROM_BYTES = 2_000_000  # below, the load is over before a bar would be read
_HASHED_AT_ONCE = 1_000_000  # bytes
_TRANSACTIONS = ("store_sales_header", "store_sales_line_items")  # never delivered again; master data may come back
_CONNECT = {"postgres": connect, "duckdb": partial(connect_duckdb, read_only=False), "spark": SparkConnection}


@dataclass(frozen=True)
class Content:
    """What a file holds: the SHA-256 and the number of its bytes, decompressed, and when it was last changed."""

    sha256: str
    size: int
    changed: int


@dataclass(frozen=True)
class Loaded:
    """What became of a file: its rows and lines that are none, or as what it was ``loaded_before``."""

    source: Source
    rows: int = 0
    unreadable_lines: int = 0
    size: int = 0
    loaded_before: str = ""


class Landing(Protocol):
    """The landing schema of an engine, while files are loaded into it."""

    def transaction(self) -> AbstractContextManager[None]:
        """All that is done inside is kept, or, where anything fails, none of it.

        Raises:
            RetailError: The database refused.
            ReadAnew: The load is to be begun anew.
        """

    def wait_for_others(self) -> datetime:
        """Keep other loads out, and return the time at which that succeeded."""

    def loaded_files(self) -> list[LoadedFile] | None:
        """Return what was loaded so far, in the order of the file_id; None where nothing was."""

    def make_empty(self) -> None:
        """Leave all tables empty, in the contract's shape."""

    def check_shape(self) -> None:
        """Refuse tables of another contract by a `RetailError`."""

    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return the number of each."""

    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""

    def finish(self, touched: Collection[Table]) -> None:
        """Do what is left to do when all rows are there; `touched` are the tables that got some."""


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Load files again that were loaded before.")
@click.option("--start-over", is_flag=True, help="Forget all that was loaded and repaired before.")
@click.option(
    "--replace-rejected",
    "repairs",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Instead of PATH: repaired rows, as `retail rejects export` wrote them (a folder, a .zip or one file).",
)
@click.option("--dry-run", is_flag=True, help="With --replace-rejected: say what would change, and change nothing.")
def load(paths: tuple[Path, ...], force: bool, start_over: bool, repairs: Path | None, dry_run: bool) -> None:
    """Add your own CSV files to the landing schema: folders of them, or files.

    The files are <table>.csv, in UTF-8, or the same as .csv.gz; columns are found by name. A day's drop is a folder
    named 2025-01-03, or files named <table>_2025-01-03.csv; a table may have several (<table>_1.csv, <table>_2.csv).
    The first load needs all seven tables. A file that was loaded before is skipped, by its content.

    When one file can't be loaded, nothing changes. Lines that are no CSV are kept apart and will be rejected.

    With --replace-rejected only the rows that a steward repaired are replaced, and the others stay as they are.
    """
    if bool(paths) == (repairs is not None):
        raise click.UsageError("give folders or files to load, or --replace-rejected and the repaired rows")
    if repairs is not None:
        if force or start_over:
            raise click.UsageError("--force and --start-over go with files to load")
        from retail.quarantine.repair import replace_rejected  # it needs this module

        check_target("--replace-rejected", ["postgres"], "repair the files themselves, and load all with --start-over")
        replace_rejected(repairs, dry_run=dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run goes with --replace-rejected")
    _load_paths(paths, force=force, start_over=start_over)


def _load_paths(paths: tuple[Path, ...], *, force: bool, start_over: bool) -> None:
    started = perf_counter()
    engine = target()
    sources = find_sources(*paths)
    _print_extra_columns(sources)
    with closing(_CONNECT[engine]()) as connection:
        loaded = load_sources(connection, sources, force=force, start_over=start_over)
    _print_result(loaded, perf_counter() - started)


def load_sources(
    connection: Connection | duckdb.DuckDBPyConnection | SparkConnection,
    sources: list[Source],
    *,
    force: bool = False,
    start_over: bool = False,
) -> list[Loaded]:
    """Add the files' rows to the landing tables, in one transaction.

    Args:
        connection: An open connection to PostgreSQL, DuckDB or Spark, without a transaction under way.
        sources: What `find_sources` returned.
        force: Whether files that were loaded before are loaded again.
        start_over: Whether what was loaded before is forgotten.

    Returns:
        What became of each source.

    Raises:
        RetailError: A file or the database refused; the landing tables are as they were before.
    """
    total = 2 * sum(source.path.stat().st_size for source in sources)
    if start_over:
        _check_complete(sources)
    with _progress(total) as report:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            contents = list(pool.map(partial(content_of, report=report), [source.path for source in sources]))
        landing = _landing(connection)
        while True:
            try:
                with landing.transaction():
                    return _load(landing, list(zip(sources, contents, strict=True)), report, force, start_over)
            except ReadAnew:
                continue


def _landing(connection: Connection | duckdb.DuckDBPyConnection | SparkConnection) -> Landing:
    if isinstance(connection, Connection):
        return PostgresLanding(connection)
    if isinstance(connection, SparkConnection):
        from retail.loading.spark import SparkLanding

        return SparkLanding(connection)
    from retail.loading.duckdb import DuckdbLanding  # who loads into PostgreSQL does not wait for it

    return DuckdbLanding(connection)


def content_of(path: Path, *, report: Callable[[int], None] = lambda _: None) -> Content:
    """Read a file as a whole and say what it holds.

    Args:
        path: The file.
        report: Is told of the bytes on disk that were read since it was told last.

    Raises:
        RetailError: The file can't be read to its end.
    """
    digest = hashlib.sha256()
    size = done = 0
    with opened_bytes(path) as (raw, data):
        changed = os.fstat(raw.fileno()).st_mtime_ns
        while part := data.read(_HASHED_AT_ONCE):
            digest.update(part)
            size += len(part)
            place = raw.tell()
            report(place - done)
            done = place
    return Content(digest.hexdigest(), size, changed)


def _check_complete(sources: list[Source]) -> None:
    present = {source.table for source in sources}
    missing = [f"{table.name}.csv" for table in tables() if table not in present]
    if missing:
        folders = {source.path.parent for source in sources}
        place = str(folders.pop()) if len(folders) == 1 else "what was given"
        raise RetailError(
            f"{place} lacks {', '.join(missing)} (or the same as .csv.gz): the first load needs all seven tables"
        )


def _load(
    landing: Landing,
    files: list[tuple[Source, Content]],
    report: Callable[[int], None],
    force: bool,
    start_over: bool,
) -> list[Loaded]:
    loaded_at = landing.wait_for_others()
    before = landing.loaded_files()
    if before is None or start_over:
        _check_complete([source for source, _ in files])
        landing.make_empty()
        before = []
    else:
        landing.check_shape()
    known = [file for file in before if file.first_row_number]  # the others are repairs
    next_row = defaultdict(lambda: 1, {file.source_table: file.first_row_number + file.rows for file in known})
    batch_id = max((file.batch_id for file in before), default=0)
    file_id = max((file.file_id for file in before), default=0)
    newest = max((file.batch_name for file in known), default="")
    results = []
    for day, drop in groupby(files, key=lambda file: file[0].day):
        batch_id += 1
        new = []
        for source, content in drop:
            if not force and (same := _loaded_before(source, content, known)):
                report(source.path.stat().st_size)
                results.append(Loaded(source, loaded_before=same.shown))
                continue
            file_id += 1
            rows, unreadable = landing.add_rows(source, file_id, next_row[source.table.name], report)
            _check_unchanged(source, content)
            new.append(
                LoadedFile(
                    file_id=file_id,
                    batch_id=batch_id,
                    batch_name=day,
                    source_table=source.table.name,
                    source_file=source.path.name,
                    content_hash=content.sha256,
                    bytes=content.size,
                    rows=rows,
                    unreadable_lines=unreadable,
                    first_row_number=next_row[source.table.name],
                    loaded_at=loaded_at,
                )
            )
            landing.register(new[-1])
            known.append(new[-1])
            next_row[source.table.name] += rows
            results.append(Loaded(source, rows, unreadable, content.size))
        batch_id -= not new
        if day and day < newest and any(file.source_table not in _TRANSACTIONS for file in new):
            _print_older(day, newest)
    landing.finish({result.source.table for result in results if not result.loaded_before})
    return results


def _loaded_before(source: Source, content: Content, known: list[LoadedFile]) -> LoadedFile | None:
    """Find the file as which the same content was loaded; master data may come back in another drop."""
    for file in known:
        if (file.source_table, file.content_hash) == (source.table.name, content.sha256) and (
            source.table.name in _TRANSACTIONS or file.batch_name == source.day
        ):
            return file
    return None


def _check_unchanged(source: Source, content: Content) -> None:
    if source.path.stat().st_mtime_ns != content.changed:
        raise RetailError(f"{source.path} was changed while it was loaded: load again when it is complete")


@contextmanager
def _progress(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for a long load on a terminal; elsewhere, take the reports and say nothing."""
    if total_bytes < _PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        yield lambda _: None
        return
    lock = Lock()  # files are hashed in several threads
    with click.progressbar(length=total_bytes, label="loading", file=sys.stderr) as bar:

        def report(size: int) -> None:
            with lock:
                bar.update(size)

        yield report


def _print_extra_columns(sources: list[Source]) -> None:
    files: dict[tuple[Table, tuple[str, ...]], list[str]] = defaultdict(list)
    for source in sources:
        if source.extra_columns:
            files[source.table, source.extra_columns].append(source.shown)
    for (_, columns), names in files.items():
        others = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        click.echo(f"note: {names[0]}{others}: not loaded: {listed(columns)} (unknown)", err=True)


def _print_older(day: str, newest: str) -> None:
    click.echo(
        f"note: {day} is older than {newest}, which was loaded before: its master data now stand as the latest",
        err=True,
    )


def _print_result(loaded: list[Loaded], seconds: float) -> None:
    width = max(len(result.source.table.name) for result in loaded)
    for result in loaded:
        name = f"{result.source.table.name:<{width}}"
        if result.loaded_before:
            click.echo(f"{name}  {'-':>11} rows  {result.source.shown}  (loaded before as {result.loaded_before})")
            continue
        remarks = [] if result.rows else ["a header and no rows"]
        if result.unreadable_lines:
            remarks.append(_unreadable(result.unreadable_lines))
        remark = f"  ({', '.join(remarks)})" if remarks else ""
        click.echo(f"{name}  {result.rows:>11,} rows  {result.source.shown}{remark}")
    if all(result.loaded_before for result in loaded):
        click.echo("nothing new: every file was loaded before (--force loads it again)")
        return
    size = sum(result.size for result in loaded) / 1e6
    unreadable = sum(result.unreadable_lines for result in loaded)
    click.echo(
        f"{'total':<{width}}  {sum(result.rows for result in loaded):>11,} rows  in {seconds:.1f} s "
        f"({size / seconds:,.0f} MB/s), into the schema {landing_schema()}"
    )
    if unreadable:
        click.echo(f"{_unreadable(unreadable)}: see {landing_schema()}.{UNREADABLE_LINES}")
    click.echo(f"next: {NEXT_COMMAND}")


def _unreadable(count: int) -> str:
    return "1 line is no CSV row" if count == 1 else f"{count:,} lines are no CSV rows"
