"""The files of a delivery: which table and which day each of them is for, by its name and its folder's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from retail.contract import RAW_PREFIX, Table, tables
from retail.csv_files import listed, read_header
from retail.errors import RetailError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(
    rf"(?:{RAW_PREFIX})?(?P<table>{'|'.join(table.name for table in tables())})"
    r"(?:[_-](?P<day>\d{4}-\d{2}-\d{2}))?(?:[_-][^.]*)?\.csv(?:\.gz)?"
)
_NO_DATA = {"manifest.json"}  # what `retail generate` leaves beside the files


@dataclass(frozen=True)
class Source:
    """One input file, its header read and found good.

    ``name`` is the file as it is shown and remembered, ``batch_name`` the day of its delivery or nothing; ``header``
    holds the column names as the file has them, trimmed and in lower case.
    """

    table: Table
    path: Path
    name: str
    batch_name: str
    header: tuple[str, ...]

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """The file's named columns that the contract does not know."""
        return tuple(name for name in self.header if name and name not in self.table.columns)

    @property
    def positions(self) -> tuple[int, ...]:
        """Where in the file the contract's columns stand, in the contract's order."""
        return tuple(self.header.index(name) for name in self.table.columns)


def find_sources(*places: Path) -> list[Source]:
    """Find the files of one or more deliveries and check their headers, before anything is sent.

    Args:
        places: Folders, which hold files or a folder for each day, or files.

    Returns:
        One source a file, in the order in which they count: by day, then by table, then by name.

    Raises:
        RetailError: A place, a file or a header is not what it must be.
    """
    order = [table.name for table in tables()]
    found = {path.resolve(): source for place in places for path, source in _sources_in(place)}
    if not found:
        raise RetailError(f"{', '.join(map(str, places))}: no file is named <table>.csv or <table>_<day>.csv")
    return sorted(found.values(), key=lambda source: (source.batch_name, order.index(source.table.name), source.name))


def require_all_tables(sources: Iterable[Source], places: Iterable[Path]) -> None:
    """Refuse a first load that lacks a table: everything would be rejected for parents that nobody delivered.

    Raises:
        RetailError: A table has no file.
    """
    present = {source.table.name for source in sources}
    missing = [f"{table.name}.csv" for table in tables() if table.name not in present]
    if missing:
        raise RetailError(f"{', '.join(map(str, places))} lacks {', '.join(missing)} (or the same as .csv.gz)")


def _sources_in(place: Path) -> Iterator[tuple[Path, Source]]:
    try:
        if not place.is_dir():
            yield place, _source(place, place.parent)
            return
        entries = sorted(place.iterdir())
        days = [entry for entry in entries if entry.is_dir() and _DAY.fullmatch(entry.name)]
        files = [(entry, place) for entry in entries if entry not in days]
        files += [(entry, place) for day in days for entry in sorted(day.iterdir())]
    except OSError as error:
        raise RetailError(f"{place} can't be read: {error.strerror}; give a folder of CSV files") from error
    unknown = [path for path, _ in files if not _NAME.fullmatch(path.name) and path.name not in _NO_DATA]
    if unknown:
        shown = ", ".join(str(path.relative_to(place)) for path in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        click.echo(f"note: not loaded, because not named like a table: {shown}{more}", err=True)
    for path, folder in files:
        if _NAME.fullmatch(path.name):
            yield path, _source(path, folder)


def _source(path: Path, folder: Path) -> Source:
    parts = _NAME.fullmatch(path.name)
    if parts is None:
        if not path.exists():
            raise RetailError(f"{path} can't be read: No such file or directory; give CSV files or their folder")
        raise RetailError(f"{path} is not named like a table: <table>.csv or <table>_<day>.csv, so that it is known")
    table = next(table for table in tables() if table.name == parts["table"])
    in_day = path.parent.name if _DAY.fullmatch(path.parent.name) else ""
    header = read_header(path, table.columns)
    missing = [name for name in table.columns if name not in header]
    if missing:
        raise RetailError(f"{path} lacks {listed(missing)}: its header has {', '.join(filter(None, header))}")
    name = f"{in_day}/{path.name}" if in_day else str(path.relative_to(folder))
    return Source(table, path, name, parts["day"] or in_day, header)
