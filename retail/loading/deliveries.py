"""The files of a load: where they are, which table and which day they belong to, and their headers.

Whether a file was loaded before is decided in ``load.py``, by its content.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import click

from retail.contract import RAW_PREFIX, Table, tables
from retail.errors import RetailError
from retail.loading.csv_files import line_of_header, listed, read_header, some_of

_NAME = re.compile(
    rf"(?:{RAW_PREFIX})?(?P<table>{'|'.join(table.name for table in tables())})"
    r"(?:_(?P<day>\d{4}-\d{2}-\d{2}|\d{8}))??(?:_(?:part_?)?(?P<part>\d+))?\.csv(?:\.gz)?",
    re.IGNORECASE | re.ASCII,
)
_LONG_PART = 1000  # a part with such a number may have been meant as something else
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_NO_INPUT = ("manifest.json", "campaigns.csv")  # what `retail generate` writes beside the files
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


def find_sources(*paths: Path, follow_links: bool = False) -> list[Source]:
    """Find the input files and check their headers, before anything is loaded.

    Args:
        paths: Files, or folders. A folder stands for the input files in it and in its folders named as a day.
        follow_links: Also take files of a folder that are links to somewhere else.

    Returns:
        The sources in the order of the load: by day, by table in the contract's order, by name.

    Raises:
        RetailError: A path, a file name or a header is wrong, or there are no input files.
    """
    found: dict[Path, tuple[Table, Path, str]] = {}
    ignored: list[str] = []
    parts: list[str] = []
    for path in paths:
        for file in _files(path) if path.is_dir() or not path.exists() else (path,):
            if (known := _named(file)) is not None:
                check_regular(file, path if path.is_dir() and not follow_links else None)
                found.setdefault(file.resolve(), (known.table, file, known.day))
                if known.part >= _LONG_PART:
                    parts.append(f"{file.name} as part {known.part}")
            elif not path.is_dir():
                raise RetailError(f"{path} does not have the name of an input file: name it {_NAMES}")
            elif file.name not in _NO_INPUT:
                ignored.append(str(file.relative_to(path)) + "/" * file.is_dir())
    if ignored:
        click.echo(f"note: not loaded: {some_of(ignored)} (not named as input files)", err=True)
    if parts:
        click.echo(
            f"note: taken for parts of one delivery: {some_of(parts)} (a day is 2025-01-03 or 20250103)", err=True
        )
    if not found:
        raise RetailError(f"{', '.join(map(str, paths))} holds no input file: name the files {_NAMES}")
    order = {table: place for place, table in enumerate(tables())}
    chosen = sorted(found.values(), key=lambda file: (file[2], order[file[0]], file[1].name, str(file[1])))
    return [_checked_source(*file) for file in chosen]


def part_of(name: str) -> int:
    """Return the number of the part that the name of an input file says, 0 if none."""
    known = _read_name(name)
    return known.part if known else 0


def check_regular(file: Path, folder: Path | None = None) -> None:
    """Refuse what is not a file, before it is opened, and a link that leads out of the given folder.

    Raises:
        RetailError: It is not a file, or it is elsewhere.
    """
    try:
        kind = stat.S_IFMT(file.stat().st_mode)
    except OSError as error:
        raise RetailError(f"{file} can't be read: {error.strerror}; remove it, or put the file in its place") from error
    if kind != stat.S_IFREG:
        raise RetailError(
            f"{file} is {_KINDS.get(kind, 'not a file')}, not a file: remove it, or put the file in its place"
        )
    if folder is not None and not file.resolve().is_relative_to(folder.resolve()):
        raise RetailError(f"{file} is a link to another folder: give the file itself, or add --follow-links")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of its folders named as a day, without hidden files."""
    try:
        for path in sorted(folder.iterdir()):
            if path.is_dir() and _day(path.name):
                yield from (inner for inner in sorted(path.iterdir()) if not inner.name.startswith("."))
            elif not path.name.startswith("."):
                yield path
    except OSError as error:
        raise RetailError(f"{folder} can't be read: {error.strerror}; give the folder of your files") from error


@dataclass(frozen=True)
class _Name:
    """What the name of an input file says: its table, its day as YYYY-MM-DD (blank: none), its part (0: none)."""

    table: Table
    day: str
    part: int


def _named(path: Path) -> _Name | None:
    """Return what the name and the folder of a file say, None if it is not named as an input file."""
    name = _read_name(path.name)
    if name is None:
        return None
    folder = path.absolute().parent.name
    days = {found for found in (name.day, _day(folder)) if found}
    if len(days) > 1:
        raise RetailError(f"{path} has the day {name.day} in its name, but {folder} in its folder: use one day")
    return replace(name, day=next(iter(days), ""))


def _read_name(name: str) -> _Name | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    day, part = _day(match["day"] or ""), match["part"] or ""
    if match["day"] and not day:
        if match["part"] or "-" in match["day"]:
            return None
        part = match["day"]
    elif not match["day"] and _day(part):
        day, part = _day(part), ""
    table = next(table for table in tables() if table.name == match["table"].lower())
    return _Name(table, day, int(part or 0))


def _day(text: str) -> str:
    """Return the day that a text writes as YYYY-MM-DD or YYYYMMDD, as YYYY-MM-DD; blank if it is not a day."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}|(19|20)\d{6}", text, re.ASCII):
        return ""
    digits = text.replace("-", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat()
    except ValueError:
        return ""


def _checked_source(table: Table, path: Path, day: str) -> Source:
    header = read_header(path, table.columns)
    missing = [name for name in table.columns if name not in header]
    if missing:
        # a link may lead to a file that is no input, and nothing of that is shown
        found = "check where this link leads" if path.is_symlink() else f"its header has {_shown(header)}"
        if not path.is_symlink() and (line := line_of_header(path, table.columns)):
            found += f"; line {line} has them: delete the lines above it and load again"
        raise RetailError(f"{path} lacks {listed(missing)}: {found}")
    return Source(table, path, header, day)


def _shown(header: tuple[str, ...]) -> str:
    return some_of(filter(None, header)) or "blanks only"
