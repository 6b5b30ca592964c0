"""The rows of a CSV file of any size, and its unreadable lines: every line of a file belongs to one of both.

DuckDB reads pieces without flaws, about as fast as COPY stores them. Python's csv module reads pieces with a flaw,
record by record, and knows the line numbers. Alternatives:

- DuckDB alone: its reject table has one entry for all the good lines that an unclosed quote swallows. It garbles bad
  bytes, and accepts a surplus empty cell or blanks around a quoted one.
- pyarrow.csv reports ragged lines, but takes text after a quote for content, and stops at a bad byte.
- polars fills short lines, cuts long ones if told to, and stops at a stray quote.
- Python's csv module in strict mode is exact about all of these, at a third of DuckDB's speed.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from retail.scratch import scratch_folder

TOO_FEW_FIELDS = "line_too_few_fields"
TOO_MANY_FIELDS = "line_too_many_fields"
QUOTE_INVALID = "line_quote_invalid"
ENCODING_INVALID = "line_encoding_invalid"
TOO_LONG = "line_too_long"

LONGEST_RECORD = 5_000_000  # bytes of a row with all its lines; a longer one is an unclosed quote

_PIECE = 4_000_000  # bytes for DuckDB at a time
_SMALL_PIECE = 250_000  # the same near a flaw, so that DuckDB reads most of the lines around it
_FLAWS_TO_GIVE_UP = 2  # with more of them in small pieces, Python reads the rest of the large piece
_SMALLEST_PIECE = 50_000  # Python reads a smaller piece before DuckDB has started
_FEW_LINES = 250_000  # bytes of lines taken at a time
_SHOWN_OF_A_LONG_LINE = 1_000  # bytes
BOM = b"\xef\xbb\xbf"
_FEW_QUOTES = 2_000  # in a piece; up to so many are checked one by one
_BLANKS = frozenset(b" \t\v\f")
_NOT_TEXT = re.compile("[\udc00-\udcff]")
# A record whose quotes all enclose a cell or are doubled inside one
_CELL = r'(?:"[^"]*(?:""[^"]*)*"|[^",\r\n]*)'
_BLANKS_BESIDE_QUOTES = re.compile(rb'(?:\A|[,\r\n])[ \t\v\f]+"|"[ \t\v\f]+(?:[,\r\n]|\Z)')
_WELL_QUOTED = re.compile(f"{_CELL}(?:,{_CELL})*[\r\n]*")


@dataclass(frozen=True)
class Unreadable:
    r"""A line that is not a CSV row: its number in the file, from 1, the rule that it breaks, and the detail.

    ``line`` is the text of the line, with a byte that is not UTF-8 as ``\xNN``; ``detail`` is one line.
    """

    line_number: int
    line: str
    rule_id: str
    detail: str


class _Window:
    """The part of a file in memory: it moves forward, and holds at most a piece and a record."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = b""
        self._start = 0
        self._is_whole = False
        if self._next(len(BOM)) == BOM:
            self.drop(len(BOM))

    def piece(self, size: int) -> bytes:
        """Return the next bytes, up to a line end with an even number of quotes before it: the end of a row.

        Without such a line end in ``size`` bytes, the last line end counts; without any line end, nothing is returned.
        """
        data = self._next(size)
        if self._ends_with(data):
            return data
        mark = _line_end(data)
        last = end = data.rfind(mark, 0, -1) + 1
        odd = data.count(b'"', 0, end) % 2
        while odd and end:
            before = data.rfind(mark, 0, end - 1) + 1
            odd ^= data.count(b'"', before, end) % 2
            end = before
        return data[: end or last]

    def lines(self) -> list[bytes]:
        """Take some whole lines, at least one; none at the end of the file or before a line that is too long."""
        for size in (_FEW_LINES, LONGEST_RECORD):
            data = self._next(size)
            end = len(data) if self._ends_with(data) else data.rfind(_line_end(data), 0, -1) + 1
            if end:
                self.drop(end)
                return data[:end].splitlines(keepends=True)
        return []

    def long_line(self) -> tuple[bytes, int]:
        """Take a line of any length; return its start and its length in bytes, or nothing at the end of the file."""
        shown, length = self._next(_SHOWN_OF_A_LONG_LINE), 0
        while data := self._next(_SMALL_PIECE):
            ends = [place for mark in (b"\r", b"\n") if (place := data.find(mark)) >= 0]
            used = min(ends, default=len(data))
            length += used
            self.drop(used)
            if ends:
                self.drop(2 if self._next(2) == b"\r\n" else 1)
                break
        return shown, length

    def has_more(self) -> bool:
        """Tell whether the file goes on."""
        return bool(self._next(1))

    def drop(self, size: int) -> None:
        """Move forward by some bytes."""
        self._start += size

    def give_back(self, lines: bytes) -> None:
        """Undo `lines` for some lines."""
        self._data, self._start = lines + self._data[self._start :], 0

    def _next(self, size: int) -> bytes:
        """Return the next bytes without moving forward: `size` of them, or fewer at the end of the file."""
        missing = size - (len(self._data) - self._start)
        if missing > 0 and not self._is_whole:
            parts = [self._data[self._start :]]
            while missing > 0 and (part := self._stream.read(missing)):
                parts.append(part)
                missing -= len(part)
            self._is_whole = missing > 0
            self._data, self._start = b"".join(parts), 0
        return self._data[self._start : self._start + size]

    def _ends_with(self, data: bytes) -> bool:
        return self._is_whole and self._start + len(data) == len(self._data)


def _line_end(data: bytes) -> bytes:
    return b"\n" if b"\n" in data else b"\r"


class FastReader:
    """DuckDB, started on first use; it reads a piece of a file if the whole piece is free of flaws."""

    def __init__(self) -> None:
        """Start nothing yet; call `close` at the end."""
        self._connection: Any = None
        self._open = ExitStack()

    def close(self) -> None:
        """Stop DuckDB, and delete its files."""
        self._open.close()

    def read(
        self, piece: bytes, positions: tuple[int, ...], width: int, file_id: int, row_number: int
    ) -> tuple[int, bytes] | None:
        """Read whole rows.

        Args:
            piece: The rows, in UTF-8.
            positions: The wanted columns.
            width: The number of fields that each row must have.
            file_id: The first cell of each row returned.
            row_number: The second cell of the first row returned.

        Returns:
            The number of rows, and the rows as CSV; None if any of them has a flaw.
        """
        import duckdb  # slow, and small files don't need it

        if has_blanks_beside_quotes(piece):
            return None
        if self._connection is None:
            self._folder = self._open.enter_context(scratch_folder())
            self._connection = self._open.enter_context(
                duckdb.connect(
                    config={
                        "threads": 1,
                        "memory_limit": "128MB",
                        "autoinstall_known_extensions": False,
                        "temp_directory": str(self._folder),
                    }
                )
            )
        source, target = self._folder / "piece.csv", self._folder / "rows.csv"
        source.write_bytes(piece)
        call = read_csv(source, width, "ignore_errors = false")
        wanted = ", ".join(f"c{place}" for place in positions)
        numbered = f"{file_id}, row_number() over () + {row_number - 1}, {wanted}"
        others = [f"c{place}" for place in range(width) if place not in positions]
        commas = " + ".join(f"coalesce(length({name}) - length(replace({name}, ',', '')), 0)" for name in others)
        try:
            select = f"select {numbered} from {call}"  # noqa: S608 (numbers, and names made of them)
            ((count,),) = self._connection.execute(
                f"copy ({select}) to {_literal(target)} (format csv, header false)"
            ).fetchall()
            left_out = 0
            if others:
                ((left_out,),) = self._connection.execute(
                    f"select coalesce(sum({commas}), 0) from {call}"  # noqa: S608
                ).fetchall()
        except duckdb.Error:
            return None
        rows = target.read_bytes()
        # DuckDB drops a surplus empty cell silently; counting commas reveals that, and a lost row as well
        separators = (width - 1) * count - (len(positions) + 1) * count
        is_complete = piece.count(b",") == rows.count(b",") + separators + left_out
        return (count, rows) if is_complete else None


def read_csv(path: Path, width: int, *more: str) -> str:
    """Return the call with which DuckDB reads a CSV file strictly, as text columns c0, c1 and so on.

    Args:
        path: The file; its path must not be a pattern.
        width: The number of its columns.
        more: Options, as SQL.
    """
    types = ", ".join(f"c{place}: 'varchar'" for place in range(width))
    options = ", ".join(
        (
            f"columns = {{{types}}}, auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"'",
            "comment = '', nullstr = '', strict_mode = true, null_padding = false",
            *more,
        )
    )
    return f"read_csv({_literal(path)}, {options})"


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def has_blanks_beside_quotes(piece: bytes) -> bool:
    """Tell whether a quoted cell has blanks around it: DuckDB ignores them, in CSV they are content."""
    quotes = piece.count(b'"')
    if quotes > _FEW_QUOTES:  # search for each pair of characters at once
        is_near = any(mark + b'"' in piece or b'"' + mark in piece for mark in (b" ", b"\t", b"\v", b"\f"))
    else:
        place, is_near = -1, False
        for _ in range(quotes):
            place = piece.find(b'"', place + 1)
            is_near = is_near or not _BLANKS.isdisjoint(piece[max(0, place - 1) : place + 2])
    if not is_near:  # the regular expression is slow
        return False
    return _BLANKS_BESIDE_QUOTES.search(piece) is not None


class RowReader:
    """Reads a file once, into CSV for COPY: file_id, row number, and the wanted cells.

    ``rows`` and ``unreadable_lines`` count those found so far.
    """

    def __init__(
        self,
        stream: BinaryIO,
        positions: tuple[int, ...],
        width: int,
        *,
        file_id: int,
        first_row_number: int,
        fast: FastReader,
        unreadable: Callable[[Unreadable], None],
    ) -> None:
        """Start at the top of a stream with a valid header.

        Args:
            stream: The bytes of the file, decompressed.
            positions: The wanted columns, in the wanted order.
            width: The number of columns in the header.
            file_id: The first cell of each row returned.
            first_row_number: The number of the file's first row.
            fast: The reader of pieces without flaws.
            unreadable: Receives each unreadable line, in the order of the file.
        """
        self.rows = 0
        self.unreadable_lines = 0
        self._window = _Window(stream)
        self._positions = positions
        self._pick = itemgetter(*positions)
        self._width = width
        self._file_id = file_id
        self._first = first_row_number
        self._fast = fast
        self._unreadable = unreadable
        self._line = 1  # the number of the next line
        self._left = 0  # bytes still to be read record by record
        self._waiting: deque[bytes] = deque()  # lines taken from the window, but not by a record yet
        self._taken: list[bytes] = []  # the lines of the current record
        self._is_flawed = False  # whether one of those is not UTF-8
        # After an unmatched quote, the next lines may belong to its cell. The first line that looks like a row, but has
        # a quote inside a cell, counts as the end of that cell.
        self._is_in_doubt = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the rows, some megabytes at a time."""
        next(self._records(LONGEST_RECORD, is_header=True), None)
        near = flaws = 0  # how many of the next bytes are near a flaw, and the number of flaws in them
        while True:
            if self._is_in_doubt:
                chunk = self._read_slowly(1)
            elif flaws > _FLAWS_TO_GIVE_UP:
                chunk, near, flaws = self._read_slowly(near), 0, 0
            else:
                piece = self._window.piece(_SMALL_PIECE if near > 0 else _PIECE)
                near -= len(piece)
                chunk = self._read_fast(piece)
                if chunk is None and len(piece) > 2 * _SMALL_PIECE:
                    near, flaws = len(piece), 0
                    continue
                if chunk is None:
                    flaws += near > 0
                    chunk = self._read_slowly(max(1, len(piece)))
            if chunk is None:
                return
            if chunk:
                yield chunk

    def _read_fast(self, piece: bytes) -> bytes | None:
        """Let DuckDB read a piece; None if it may hold anything but rows."""
        if len(piece) < _SMALLEST_PIECE or piece.startswith(BOM) or b"\0" in piece or not is_utf8(piece):
            return None
        found = self._fast.read(piece, self._positions, self._width, self._file_id, self._first + self.rows)
        if found is None:
            return None
        count, chunk = found
        self.rows += count
        self._line += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
        self._window.drop(len(piece))
        return chunk

    def _read_slowly(self, size: int) -> bytes | None:
        """Read about `size` bytes record by record, and report every unreadable line; None at the end."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        line = self._line
        for row in self._records(size):
            writer.writerow((self._file_id, self._first + self.rows, *self._pick(row)))
            self.rows += 1
        return None if self._line == line else text.getvalue().encode()

    def _records(self, size: int, *, is_header: bool = False) -> Iterator[list[str]]:
        """Yield the rows in about `size` bytes, or skip only the header, and report the unreadable lines.

        Of a record with a flaw, only the first line is unreadable: the others are read again, because the quote that
        joins them may be the flaw. So an unclosed quote costs one line.
        """
        self._left = size
        reader = csv.reader(self._lines(), strict=True)
        while True:
            self._taken.clear()
            self._is_flawed = False
            try:
                row = next(reader, None)
            except csv.Error as error:
                self._refuse_first(QUOTE_INVALID, f"a quoted cell that begins here does not end properly ({error})")
                self._is_in_doubt = True
                reader = csv.reader(self._lines(), strict=True)
                continue
            if row is None:
                if self._left <= 0 or not self._refuse_long_line():
                    break
                reader = csv.reader(self._lines(), strict=True)
            elif not row or is_header or self._is_row(row):
                self._line += len(self._taken)
                if row and is_header:
                    break
                if row:
                    yield row
        self._window.give_back(b"".join(self._waiting))
        self._waiting.clear()

    def _lines(self) -> Iterator[str]:
        """Yield the lines of a record and of the next ones, until enough is read."""
        length = 0
        while self._taken or self._left > 0 or self._is_in_doubt:
            if not self._waiting:
                self._waiting.extend(self._window.lines())
            if not self._taken:
                length = 0
            if not self._waiting or (self._taken and length + len(self._waiting[0]) > LONGEST_RECORD):
                return
            line = self._waiting.popleft()
            length += len(line)
            self._left -= len(line)
            self._taken.append(line)
            if line.isascii() and b"\0" not in line:
                yield line.decode("ascii")
            else:
                text = _decoded(line)
                self._is_flawed = self._is_flawed or bool(_NOT_TEXT.search(text))
                yield text

    def _is_row(self, row: list[str]) -> bool:
        """Tell whether the current record is a row, and report it as unreadable if not."""
        count, width = len(self._taken), len(row)
        if self._is_flawed and width == self._width:
            self._refuse(count, ENCODING_INVALID, next(filter(None, map(_flaw, self._taken))))
        elif width != self._width:
            rule_id, fields = flaw_of_width(width, self._width)
            together = "" if count == 1 else f" (lines {self._line} to {self._line + count - 1} in quotes)"
            self._refuse_first(rule_id, fields + together)
            self._is_in_doubt = self._is_in_doubt or count > 1
        elif self._is_in_doubt and not _WELL_QUOTED.fullmatch("".join(map(_decoded, self._taken))):
            self._refuse_first(QUOTE_INVALID, "a quote inside of a cell, as where a quoted cell ends that began above")
            self._is_in_doubt = count > 1
        else:
            self._is_in_doubt = False
            return True
        return False

    def _refuse_first(self, rule_id: str, detail: str) -> None:
        """Report the first line of the current record; bad bytes in it matter more than the flaw."""
        flaw = _flaw(self._taken[0])
        self._refuse(1, ENCODING_INVALID if flaw else rule_id, flaw or detail)

    def _refuse(self, count: int, rule_id: str, detail: str) -> None:
        """Report some lines of the current record as one; the others are read again."""
        again = self._taken[count:]
        self._waiting.extendleft(reversed(again))
        self._left += sum(map(len, again))
        self._tell("".join(map(_decoded, self._taken[:count])), rule_id, detail)
        self._line += count

    def _refuse_long_line(self) -> bool:
        """Report a line that is too long to read; False at the end of the file."""
        shown, length = self._window.long_line()
        if shown:
            self._tell(_decoded(shown), TOO_LONG, f"{length:,} bytes, of which the first {len(shown):,} are kept")
            self._line += 1
            self._left -= length
        return bool(shown)

    def _tell(self, text: str, rule_id: str, detail: str) -> None:
        line = _NOT_TEXT.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02X}", text.rstrip("\r\n"))
        self._unreadable(Unreadable(self._line, line, rule_id, detail))
        self.unreadable_lines += 1


def flaw_of_width(width: int, wanted: int) -> tuple[str, str]:
    """Return the rule and the message for a row with another number of fields than the header."""
    fields = f"{width:,} field{'s' if width > 1 else ''} where the header has {wanted}"
    return TOO_FEW_FIELDS if width < wanted else TOO_MANY_FIELDS, fields


def reported(chunks: Iterator[bytes], place: Callable[[], int], report: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the chunks, and report after each how many bytes were read."""
    done = 0
    for chunk in chunks:
        yield chunk
        now = place()
        report(now - done)
        done = now


def read_first_row(stream: BinaryIO) -> list[str] | None:
    """Return the first row of a file that is not blank; a byte that is not UTF-8 becomes a lone surrogate.

    Raises:
        csv.Error: It has an unmatched quote, or is too long.
    """
    window = _Window(stream)

    def lines() -> Iterator[str]:
        length = 0
        while found := window.lines():
            for line in found:
                length += len(line)
                if length > LONGEST_RECORD:
                    return
                yield _decoded(line)

    row = next(filter(None, csv.reader(lines(), strict=True)), None)
    if row is None and window.has_more():
        raise csv.Error(f"more than {LONGEST_RECORD:,} bytes in a line")
    return row


def _decoded(line: bytes) -> str:
    """Return a line as text; NUL and bytes that are not UTF-8 become surrogates, with the byte in their last bits."""
    return line.decode("utf-8", "surrogateescape").replace("\0", "\udc00")


def _flaw(line: bytes) -> str | None:
    if b"\0" in line:
        return "a NUL byte"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02X} is not UTF-8"
    return None


def is_utf8(piece: bytes) -> bool:
    """Tell whether whole lines are UTF-8."""
    try:
        return piece.isascii() or bool(piece.decode())
    except UnicodeDecodeError:
        return False
