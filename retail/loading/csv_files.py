"""A CSV file around its rows: opening, hash and header; an error says in one line where it is and what to do.

Deliveries are read by csv_rows.py. The strict reader here is for the files that a steward sends back.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, TextIO, TypeAlias

from retail.errors import RetailError, visible
from retail.loading.csv_rows import read_first_row

csv.field_size_limit(10_000_000)  # characters in a cell; a longer one is an unclosed quote, and would fill the memory

_NAMES_IN_A_MESSAGE = 10
_TOP_LINES = 20
_LONGEST_HEADER = 100_000  # characters
_HASHED_AT_ONCE = 1_000_000  # bytes
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SAVE_AS_UTF8 = "save it as CSV in UTF-8 and load again"
_FOREIGN_STARTS = {  # UTF-32's mark begins with UTF-16's
    b"\xff\xfe\x00\x00": f"is UTF-32 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\x00\x00\xfe\xff": f"is UTF-32 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\xff\xfe": f"is UTF-16 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\xfe\xff": f"is UTF-16 text, not UTF-8: {_SAVE_AS_UTF8}",
    b"\x1f\x8b": "is gzip data under the name of a plain file: rename it to end in .csv.gz",
    b"PK\x03\x04": f"is a ZIP archive or an Excel workbook, not CSV: {_SAVE_AS_UTF8}",
}


InputFile: TypeAlias = Path | zipfile.Path  # a file, or a file in an archive


@dataclass(frozen=True)
class Limits:
    """What a compressed file may unpack to: at most so many times its own size, and at most so many gigabytes."""

    ratio: int = 200
    gigabytes: int = 64

    def check(self, file: InputFile, unpacked: int, packed: int) -> None:
        """Refuse a file of which so many bytes were unpacked so far.

        Raises:
            RetailError: It is above a limit.
        """
        advice = "check it, and raise {} if it is right"
        if unpacked > self.ratio * packed:
            raise RetailError(
                f"{file} unpacks to more than {self.ratio:,} times its packed size of {packed:,} bytes: "
                f"{advice.format('--max-ratio')}"
            )
        if unpacked > self.gigabytes * 1_000_000_000:
            raise RetailError(f"{file} unpacks to more than {self.gigabytes:,} GB: {advice.format('--max-gigabytes')}")


@dataclass(frozen=True)
class Content:
    """The SHA-256 and the size of a file's decompressed bytes, and the time of its last change."""

    sha256: str
    size: int
    changed: int


def some_of(names: Iterable[str]) -> str:
    """Return at most ten names for a message, and how many there are beside them."""
    shown = [visible(name) for name in names]
    more = len(shown) - _NAMES_IN_A_MESSAGE
    return ", ".join(shown[:_NAMES_IN_A_MESSAGE]) + (f" and {more:,} more" if more > 0 else "")


def listed(columns: Iterable[str]) -> str:
    """Return the columns for a message."""
    names = list(columns)
    return f"column{'s' if len(names) > 1 else ''} {some_of(names)}"


def read_header(path: InputFile, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the column names of a file, trimmed and in lower case.

    Args:
        path: The file.
        wanted: The columns that it should have, for the message about an empty file.

    Raises:
        RetailError: The file can't be read, has no header, or names a column twice.
    """
    with opened_bytes(path) as (_, data):
        try:
            first_row = read_first_row(data)
        except csv.Error as error:
            raise RetailError(
                f"{path}: a quoted cell of its header does not end properly ({error}): close it and load again"
            ) from error
    if first_row is None:
        raise RetailError(f"{path} is empty: it needs a header line with {listed(wanted)}")
    if any("\udc00" in name for name in first_row):
        raise_nul(path)
    if spoiled := _NOT_UTF8.search("".join(first_row)):
        _raise_not_utf8(path, ord(spoiled[0]) - 0xDC00)
    header = tuple(name.strip().lower() for name in first_row)
    doubled = [name for name, times in Counter(header).items() if name and times > 1]
    if doubled:
        raise RetailError(f"{path} names {listed(doubled)} more than once in its header: keep or rename one")
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise RetailError(f"{path} separates its columns by {other!r}: save it with commas and load again")
    return header


def line_of_header(path: InputFile, wanted: Iterable[str]) -> int | None:
    """Return the number of the first of the top lines that has these columns: a title may stand above the header."""
    with opened(path, errors="surrogateescape") as (_, text):
        for number in range(1, _TOP_LINES + 1):
            names = text.readline(_LONGEST_HEADER).replace('"', "").lower().split(",")
            if {name.strip() for name in names}.issuperset(wanted):
                return number
    return None


@contextmanager
def opened(path: InputFile, errors: str = "strict") -> Iterator[tuple[IO[bytes], TextIO]]:
    """Open a plain or compressed file as text; every error while it is read becomes a `RetailError`.

    Yields:
        The file on disk, whose position shows the progress, and its text.
    """
    with opened_bytes(path) as (raw, data):
        try:
            with io.TextIOWrapper(data, encoding="utf-8-sig", errors=errors, newline="") as text:
                yield raw, text
        except UnicodeDecodeError as error:
            _raise_not_utf8(path, error.object[error.start])


@contextmanager
def opened_bytes(path: InputFile) -> Iterator[tuple[IO[bytes], Any]]:
    """Open a plain or compressed file; every error while it is read becomes a `RetailError`.

    Yields:
        The file on disk, whose position shows the progress, and its decompressed bytes.
    """
    try:
        with path.open("rb") as raw:
            data: Any = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
            start = data.peek(4)
            for mark, message in _FOREIGN_STARTS.items():
                if start.startswith(mark):
                    raise RetailError(f"{path} {message}")
            yield raw, data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RetailError(f"{path} is not a whole gzip file: compress or copy it again") from error
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise RetailError(f"{path} can't be read in its archive: {error}; pack or copy it again") from error
    except OSError as error:
        raise RetailError(f"{path} can't be read: {error.strerror}") from error


def content_of(path: InputFile, *, limits: Limits, report: Callable[[int], None] = lambda _: None) -> Content:
    """Read a whole file and return its hash and size; whoever reads a file to its end reads it here first.

    Args:
        path: The file.
        limits: What it may unpack to.
        report: Receives the number of bytes read since the last call.

    Raises:
        RetailError: The file can't be read to the end, or unpacks to more than the limits allow.
    """
    digest = hashlib.sha256()
    size = done = 0
    on_disk = path if isinstance(path, Path) else Path(str(path.root.filename))
    with opened_bytes(path) as (raw, data):
        found = on_disk.stat()
        while part := data.read(_HASHED_AT_ONCE):
            digest.update(part)
            size += len(part)
            if data is not raw or on_disk != path:
                limits.check(path, size, found.st_size)
            place = raw.tell()
            report(place - done)
            done = place
    return Content(digest.hexdigest(), size, found.st_mtime_ns)


def _raise_not_utf8(path: InputFile, byte: int) -> NoReturn:
    line = _line_that_holds(path, _NOT_UTF8.pattern)
    raise RetailError(f"{path}, line {line}: byte 0x{byte:02X} is not UTF-8; {_SAVE_AS_UTF8}")


def _line_that_holds(path: InputFile, pattern: str) -> int:
    """Return the number of the first line with the pattern, in a file that has one."""
    search = re.compile(pattern).search
    with opened(path, errors="surrogateescape") as (_, text):
        return next(number for number, line in enumerate(text, start=1) if search(line))


class CsvRows:
    """The header and the rows of a file, to be iterated once, without empty lines.

    ``line`` is the number of the line in which the latest row begins.

    Raises:
        RetailError: While iterating: a row has another number of fields than the header, or an unmatched quote.
    """

    def __init__(self, path: InputFile, text: TextIO) -> None:
        """Start at the top of the text; the path is for the messages."""
        self.line = 1
        self._path = path
        self._reader = csv.reader(text, strict=True)

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the header, then the rows."""
        reader = self._reader
        width = 0
        line = 1
        try:
            for row in reader:
                if row:
                    if len(row) != width:
                        if width:
                            _raise_ragged(self._path, (line, reader.line_num), row, width)
                        width = len(row)
                    self.line = line
                    yield row
                line = reader.line_num + 1
        except csv.Error as error:
            if "NUL" in str(error):  # Python 3.10; later versions let it pass, and the database finds it
                raise_nul(self._path)
            raise RetailError(
                f"{self._path}, line {line}: a quoted cell that begins here does not end properly ({error}): "
                'close it, or double the quotes inside it ("")'
            ) from error


def _raise_ragged(path: InputFile, lines: tuple[int, int], row: list[str], width: int) -> NoReturn:
    first, last = lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    fields = f"{len(row)} field{'s' if len(row) > 1 else ''} where the header has {width}"
    if first != last:
        advice = "check whether a quoted cell is left open"
    elif not "".join(row).strip():
        advice = "delete the line if it is meant to be empty"
    elif len(row) > width:
        advice = 'put a cell that holds a comma in quotes ("")'
    else:
        advice = "complete it"
    raise RetailError(f"{path}, {where}: {fields}; {advice}")


def raise_nul(path: InputFile) -> NoReturn:
    """Raise the error for a file with a NUL byte, and say where it is."""
    line = _line_that_holds(path, "\0")
    raise RetailError(f"{path}, line {line}: a NUL byte: the file is damaged or not UTF-8; {_SAVE_AS_UTF8}")
