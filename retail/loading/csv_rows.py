"""The rows of a CSV file of any size, and the lines that are none: every line of a file is one or the other.

DuckDB reads a stretch that is good throughout, about as fast as COPY stores it; Python's csv module reads a stretch
with a flaw record by record, and knows the line. What was compared: DuckDB's reject table holds one line, and with it
all the good ones that a quote left open swallowed; it spoils bad bytes, and a surplus empty cell, or blanks around a
quoted one, pass without a word. pyarrow.csv reports ragged lines, takes text after a quote for content, and stops at a
bad byte. polars fills short lines up, cuts long ones if told to, and stops at a stray quote. Python's csv, strict, is
exact about all of these, at a third of DuckDB's speed.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

TOO_FEW_FIELDS = "line_too_few_fields"
TOO_MANY_FIELDS = "line_too_many_fields"
QUOTE_INVALID = "line_quote_invalid"
ENCODING_INVALID = "line_encoding_invalid"
TOO_LONG = "line_too_long"

LONGEST_RECORD = 5_000_000  # bytes of a row with all its lines; what is longer is a quote left open

_PIECE = 4_000_000  # bytes that DuckDB gets at once
_SMALL_PIECE = 250_000  # the same where a flaw is near, so that most of what is around it is read fast
_FLAWS_TO_GIVE_UP = 2  # so many in such small pieces, and the rest of the large one is read slowly
_SMALLEST_PIECE = 50_000  # below, Python has read it before DuckDB has begun
_FEW_LINES = 250_000  # bytes of lines taken at once
_SHOWN_OF_A_LONG_LINE = 1_000  # bytes
BOM = b"\xef\xbb\xbf"
_FEW_QUOTES = 2_000  # of a piece: so many are looked at one by one
_BLANKS = frozenset(b" \t\v\f")
_NOT_TEXT = re.compile("[\udc00-\udcff]")
# A record whose quotes all stand around a cell, or are doubled inside of one
_CELL = r'(?:"[^"]*(?:""[^"]*)*"|[^",\r\n]*)'
_BLANKS_BESIDE_QUOTES = re.compile(rb'(?:\A|[,\r\n])[ \t\v\f]+"|"[ \t\v\f]+(?:[,\r\n]|\Z)')
_WELL_QUOTED = re.compile(f"{_CELL}(?:,{_CELL})*[\r\n]*")


@dataclass(frozen=True)
class Unreadable:
    r"""A line that is no CSV row: its number in the file, from 1, and why it is none.

    ``line`` is the line as it stands there, a byte that is no text as ``\xNN``; ``detail`` is one line.
    """

    line_number: int
    line: str
    rule_id: str
    detail: str


class _Window:
    """The part of a file that is in memory; it moves forward, and is never larger than a piece and a record."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = b""
        self._start = 0
        self._is_whole = False
        if self._next(len(BOM)) == BOM:
            self.drop(len(BOM))

    def piece(self, size: int) -> bytes:
        """Return the next bytes up to the end of a line that is, by the number of quotes, the end of a row.

        Where there is no such line in ``size`` bytes, it is the end of the last line; nothing, if there is none.
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
        """Take some whole lines, one at least; none at the end, and none before a line that is too long."""
        for size in (_FEW_LINES, LONGEST_RECORD):
            data = self._next(size)
            end = len(data) if self._ends_with(data) else data.rfind(_line_end(data), 0, -1) + 1
            if end:
                self.drop(end)
                return data[:end].splitlines(keepends=True)
        return []

    def long_line(self) -> tuple[bytes, int]:
        """Take a line of any length: its beginning, and the length of all of it in bytes; nothing at the end."""
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

    def drop(self, size: int) -> None:
        """Move on by some of the bytes that were seen."""
        self._start += size

    def give_back(self, lines: bytes) -> None:
        """Put lines that were taken before what comes next."""
        self._data, self._start = lines + self._data[self._start :], 0

    def _next(self, size: int) -> bytes:
        """Return the next bytes without moving on: as many as asked for, or all there are."""
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
    """DuckDB, started when it is first needed: it reads pieces of files that are good throughout, or not at all."""

    def __init__(self) -> None:
        """Begin without it; `close` it at the end."""
        self._connection: Any = None
        self._open = ExitStack()

    def close(self) -> None:
        """Stop it, and delete its files."""
        self._open.close()

    def read(
        self, piece: bytes, positions: tuple[int, ...], width: int, file_id: int, row_number: int
    ) -> tuple[int, bytes] | None:
        """Read whole rows.

        Args:
            piece: The rows, in UTF-8.
            positions: The wanted columns.
            width: The number of fields that each row must have.
            file_id: What stands first in each row that comes out.
            row_number: What stands second in the first of them.

        Returns:
            The number of rows, and the rows as CSV; None where anything is wrong with any of them.
        """
        import duckdb  # takes a while, and small files do without

        if has_blanks_beside_quotes(piece):
            return None
        if self._connection is None:
            self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="retail_load_")))
            self._connection = self._open.enter_context(
                duckdb.connect(config={"threads": 1, "memory_limit": "128MB", "autoinstall_known_extensions": False})
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
        # DuckDB lets a surplus empty cell go without a word; the commas tell, and would tell of a lost row as well
        separators = (width - 1) * count - (len(positions) + 1) * count
        is_complete = piece.count(b",") == rows.count(b",") + separators + left_out
        return (count, rows) if is_complete else None


def read_csv(path: Path, width: int, *more: str) -> str:
    """Return the call by which DuckDB reads a CSV file strictly, as texts named c0, c1 and so on.

    Args:
        path: The file, without a character that makes it a pattern of names.
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
    """Tell whether blanks stand around a quoted cell: to DuckDB they are nothing, in a CSV they are content."""
    quotes = piece.count(b'"')
    if quotes > _FEW_QUOTES:  # each mark is looked for at once
        is_near = any(mark + b'"' in piece or b'"' + mark in piece for mark in (b" ", b"\t", b"\v", b"\f"))
    else:
        place, is_near = -1, False
        for _ in range(quotes):
            place = piece.find(b'"', place + 1)
            is_near = is_near or not _BLANKS.isdisjoint(piece[max(0, place - 1) : place + 2])
    if not is_near:  # at once; the search takes its time
        return False
    return _BLANKS_BESIDE_QUOTES.search(piece) is not None


class RowReader:
    """Reads a file once, into the CSV that COPY takes: file_id, row number, and the wanted cells.

    ``rows`` and ``unreadable_lines`` count what was found so far.
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
        """Begin at the top of a stream whose header is known to be good.

        Args:
            stream: The bytes of the file, decompressed.
            positions: Which of the columns are wanted, in the wanted order.
            width: The number of columns that the header has.
            file_id: What stands before each row.
            first_row_number: The number of the file's first row.
            fast: What reads the pieces without a flaw.
            unreadable: Is told of each line that is no row, in the order of the file.
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
        self._left = 0  # how many bytes are still to be read record by record
        self._waiting: deque[bytes] = deque()  # lines out of the window that no record has yet
        self._taken: list[bytes] = []  # the lines of the record under way
        self._is_flawed = False  # whether one of those is no text
        # After a quote that does not match, the next lines may be inside of its cell. The first that looks like a row
        # but has a quote inside of a cell is taken for the end of that cell.
        self._is_in_doubt = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the rows, some megabytes at a time."""
        next(self._records(LONGEST_RECORD, is_header=True), None)
        near = flaws = 0  # so many of the next bytes are near a flaw, and so many flaws were found in them
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
        """Have DuckDB read a piece; None where it may hold anything but rows."""
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
        """Read about as many bytes record by record, and tell of every line that is no row; None at the end."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        line = self._line
        for row in self._records(size):
            writer.writerow((self._file_id, self._first + self.rows, *self._pick(row)))
            self.rows += 1
        return None if self._line == line else text.getvalue().encode()

    def _records(self, size: int, *, is_header: bool = False) -> Iterator[list[str]]:
        """Yield the rows in about so many bytes, or skip the header alone, and tell of the lines that are no rows.

        A record that is no row ends with its first line: those after it are read anew, because the quote that binds
        them together may be the flaw. So a quote left open costs one line.
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
        """Give the csv module the lines of a record, and those of the next until enough is read."""
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
        """Tell whether the record under way is a row; if not, it is refused."""
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
        """Refuse the first line of the record under way; that it is no text is said before all else."""
        flaw = _flaw(self._taken[0])
        self._refuse(1, ENCODING_INVALID if flaw else rule_id, flaw or detail)

    def _refuse(self, count: int, rule_id: str, detail: str) -> None:
        """Refuse some lines of the record under way, as one; the others are read again."""
        again = self._taken[count:]
        self._waiting.extendleft(reversed(again))
        self._left += sum(map(len, again))
        self._tell("".join(map(_decoded, self._taken[:count])), rule_id, detail)
        self._line += count

    def _refuse_long_line(self) -> bool:
        """Refuse a line that is too long to be read at all; False at the end of the file."""
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
    """Return the rule that a row of another width than the header's breaks, and how many fields either has."""
    fields = f"{width:,} field{'s' if width > 1 else ''} where the header has {wanted}"
    return TOO_FEW_FIELDS if width < wanted else TOO_MANY_FIELDS, fields


def reported(chunks: Iterator[bytes], place: Callable[[], int], report: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the chunks, and report after each by how much the place in the file has moved."""
    done = 0
    for chunk in chunks:
        yield chunk
        now = place()
        report(now - done)
        done = now


def read_first_row(stream: BinaryIO) -> list[str] | None:
    """Return the first row of a file, which is not blank; a byte that is no text is a lone surrogate in it.

    Raises:
        csv.Error: Its quotes do not match, or it is too long.
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
    if row is None and window.long_line()[0]:
        raise csv.Error(f"more than {LONGEST_RECORD:,} bytes in a line")
    return row


def _decoded(line: bytes) -> str:
    """Return a line as text; NUL and what is not UTF-8 become surrogates, the byte in their last eight bits."""
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
    """Tell whether whole lines are text."""
    try:
        return piece.isascii() or bool(piece.decode())
    except UnicodeDecodeError:
        return False
