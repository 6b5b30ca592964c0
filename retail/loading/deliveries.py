"""The files of a load: where they are, which table and which day they belong to, and their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from retail.contract import RAW_PREFIX, Table, tables
from retail.errors import RetailError
from retail.loading.csv_files import listed, read_header

_DAY = r"\d{4}-\d{2}-\d{2}"
_NAME = re.compile(
    rf"(?:{RAW_PREFIX})?(?P<table>{'|'.join(table.name for table in tables())})"
    rf"(?:_(?P<day>{_DAY}))?(?:_(?:part_?)?\d+)?\.csv(?:\.gz)?"
)
_NO_INPUT = ("manifest.json",)  # what `retail generate` writes beside the files
_NAMES = "<table>.csv, <table>_2025-01-03.csv, <table>_1.csv (or the same as .csv.gz)"


@dataclass(frozen=True)
class Source:
    """One input file with a valid header.

    ``header`` holds the column names of the file, trimmed and in lower case. ``day`` is the day of its delivery, blank
    if neither its name nor its folder has one.
    """

    table: Table
    path: Path
    header: tuple[str, ...]
    day: str = ""

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """The columns of the file that the contract lacks."""
        return tuple(name for name in self.header if name and name not in self.table.columns)

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of the contract's columns in the file, in the contract's order."""
        return tuple(self.header.index(name) for name in self.table.columns)

    @property
    def shown(self) -> str:
        """The name of the file, after its day if the name does not contain the day."""
        return self.path.name if self.day in self.path.name else f"{self.day}/{self.path.name}"


def find_sources(*paths: Path) -> list[Source]:
    """Find the input files and check their headers, before anything is loaded.

    Args:
        paths: Files, or folders. A folder stands for the input files in it and in its folders named as a day.

    Returns:
        The sources in the order of the load: by day, by table in the contract's order, by name.

    Raises:
        RetailError: A path, a file name or a header is wrong, or there are no input files.
    """
    found: dict[Path, tuple[Table, Path, str]] = {}
    ignored: list[str] = []
    for path in paths:
        for file in _files(path) if path.is_dir() or not path.exists() else (path,):
            if (known := _table_and_day(file)) is not None:
                found.setdefault(file.resolve(), (known[0], file, known[1]))
            elif not path.is_dir():
                raise RetailError(f"{path} does not have the name of an input file: name it {_NAMES}")
            elif file.name not in _NO_INPUT:
                ignored.append(str(file.relative_to(path)) + "/" * file.is_dir())
    if ignored:
        click.echo(f"note: not loaded: {', '.join(ignored)} (not named as input files)", err=True)
    if not found:
        raise RetailError(f"{', '.join(map(str, paths))} holds no input file: name the files {_NAMES}")
    order = {table: place for place, table in enumerate(tables())}
    chosen = sorted(found.values(), key=lambda file: (file[2], order[file[0]], file[1].name, str(file[1])))
    return [_checked_source(*file) for file in chosen]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of its folders named as a day, without hidden files."""
    try:
        for path in sorted(folder.iterdir()):
            if path.is_dir() and _is_day(path.name):
                yield from (inner for inner in sorted(path.iterdir()) if not inner.name.startswith("."))
            elif not path.name.startswith("."):
                yield path
    except OSError as error:
        raise RetailError(f"{folder} can't be read: {error.strerror}; give the folder of your files") from error


def _table_and_day(path: Path) -> tuple[Table, str] | None:
    """Return the table and the day of a file, None if its name is not that of an input file."""
    match = _NAME.fullmatch(path.name)
    if match is None or (match["day"] and not _is_day(match["day"])):
        return None
    folder = path.absolute().parent.name
    days = {day for day in (match["day"], folder) if day and _is_day(day)}
    if len(days) > 1:
        raise RetailError(f"{path} has the day {match['day']} in its name, but {folder} in its folder: use one day")
    return next(table for table in tables() if table.name == match["table"]), next(iter(days), "")


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(_DAY, text, re.ASCII) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _checked_source(table: Table, path: Path, day: str) -> Source:
    header = read_header(path, table.columns)
    missing = [name for name in table.columns if name not in header]
    if missing:
        raise RetailError(f"{path} lacks {listed(missing)}: its header has {', '.join(filter(None, header))}")
    return Source(table, path, header, day)
