"""`retail load`: the command, what it prints, and its progress bar."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter

import click

from retail.contract import Table
from retail.engines.connections import connect_to
from retail.engines.target import check_target, target
from retail.loading.csv_files import Limits, listed
from retail.loading.deliveries import Source, find_sources
from retail.loading.landing import NEXT_COMMAND, UNREADABLE_LINES, landing_schema
from retail.loading.load import Loaded, load_sources

_PROGRESS_FROM_BYTES = 2_000_000  # smaller loads are over before anyone reads a bar


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Load files again that were loaded before.")
@click.option("--start-over", is_flag=True, help="Delete all loaded rows and repairs first.")
@click.option(
    "--replace-rejected",
    "repairs",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Instead of PATH: the repaired files of `retail rejects export` (a folder, a .zip or one file).",
)
@click.option("--follow-links", is_flag=True, help="Also load files of a folder that are links to somewhere else.")
@click.option("--dry-run", is_flag=True, help="With --replace-rejected: print the changes without making them.")
@click.option(
    "--max-ratio",
    metavar="N",
    type=click.IntRange(min=1),
    default=Limits.ratio,
    show_default=True,
    envvar="RETAIL_MAX_RATIO",
    show_envvar=True,
    help="A .gz or .zip may unpack to N times its size.",
)
@click.option(
    "--max-gigabytes",
    metavar="N",
    type=click.IntRange(min=1),
    default=Limits.gigabytes,
    show_default=True,
    envvar="RETAIL_MAX_GIGABYTES",
    show_envvar=True,
    help="A file of a .gz or .zip may unpack to N GB.",
)
def load(
    paths: tuple[Path, ...],
    force: bool,
    start_over: bool,
    repairs: Path | None,
    follow_links: bool,
    dry_run: bool,
    max_ratio: int,
    max_gigabytes: int,
) -> None:
    """Load your own CSV files into the landing schema.

    PATH is a file or a folder of files. Name the files <table>.csv or <table>.csv.gz, in UTF-8; columns are found by
    name. The delivery of a day is a folder named 2025-01-03 or 20250103, or files named <table>_2025-01-03.csv. A
    table may come in several files (<table>_1.csv, <table>_2.csv). The first load needs all tables but the optional
    loyalty_redemptions. Files that were loaded before are skipped.

    If one file can't be loaded, nothing changes. Lines that are not CSV don't stop a load; the next build rejects them.

    --replace-rejected replaces the rows that a steward repaired, and no other rows.
    """
    if bool(paths) == (repairs is not None):
        raise click.UsageError("give folders or files to load, or --replace-rejected and the repaired rows")
    limits = Limits(max_ratio, max_gigabytes)
    if repairs is None:
        if dry_run:
            raise click.UsageError("--dry-run goes with --replace-rejected")
        _load_paths(paths, force=force, start_over=start_over, follow_links=follow_links, limits=limits)
        return
    if force or start_over:
        raise click.UsageError("--force and --start-over go with files to load")
    check_target("--replace-rejected", ["postgres"], "repair the files themselves, and load all with --start-over")
    from retail.quarantine.repair import replace_rejected  # a load of files does not wait for this import

    replace_rejected(repairs, dry_run=dry_run, limits=limits)


def _load_paths(paths: tuple[Path, ...], *, force: bool, start_over: bool, follow_links: bool, limits: Limits) -> None:
    started = perf_counter()
    engine = target()
    sources = find_sources(*paths, follow_links=follow_links)
    _print_extra_columns(sources)
    with (
        closing(connect_to(engine, read_only=False)) as connection,
        _progress(2 * sum(source.path.stat().st_size for source in sources)) as report,
    ):
        loaded = load_sources(connection, sources, force=force, start_over=start_over, limits=limits, report=report)
        seconds = perf_counter() - started
        note = ""
        if start_over:
            from retail.quarantine.history import what_stays  # it imports DuckDB

            note = what_stays(connection)
    _print_result(loaded, seconds)
    if note:
        click.echo(f"note: {note}", err=True)


@contextmanager
def _progress(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar for a long load on a terminal."""
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


def _print_result(loaded: list[Loaded], seconds: float) -> None:
    width = max(len(result.source.table.name) for result in loaded)
    for result in loaded:
        name = f"{result.source.table.name:<{width}}"
        if result.loaded_before:
            click.echo(f"{name}  {'-':>11} rows  {result.source.shown}  (loaded before as {result.loaded_before})")
            continue
        remarks = [] if result.rows else ["no rows below the header"]
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
    return "1 line is not CSV" if count == 1 else f"{count:,} lines are not CSV"
