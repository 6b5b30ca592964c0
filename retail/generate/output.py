"""The CSV files and the manifest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from retail.errors import RetailError
from retail.generate.core import TABLES, Row, csv_line
from retail.generate.sales import HEADER, LINE, Batch, Sale
from retail.new_files import NewFiles

MANIFEST = "manifest.json"
CAMPAIGNS = "campaigns.csv"
GENERATOR = "retail generate"


class Folder:
    """The output folder, which must hold no such files, or those of an earlier run with their manifest."""

    def __init__(self, path: Path, prefix: str, gzipped: bool, files: NewFiles) -> None:
        """Create the folder, if needed, and check it.

        Raises:
            RetailError: It can't be created, or holds files that the generator did not write.
        """
        self.path, self.gzipped, self.files = path, gzipped, files
        self.ending = ".csv.gz" if gzipped else ".csv"
        self.names = {table: prefix + table for table in TABLES}
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RetailError(f"can't create the folder {path}: {error.strerror}") from None
        foreign = [file.name for file in self._present() if not self._is_mine()]
        if foreign:
            raise RetailError(
                f"{path} holds {foreign[0]}, which {GENERATOR} did not write: choose another folder, or remove it"
            )

    def _present(self) -> list[Path]:
        candidates = [self.path / (name + ending) for name in self.names.values() for ending in (".csv", ".csv.gz")]
        return [file for file in [*candidates, self.path / CAMPAIGNS, self.path / MANIFEST] if file.exists()]

    def _is_mine(self) -> bool:
        try:
            with (self.path / MANIFEST).open(encoding="utf-8") as file:
                return f'"generator": "{GENERATOR}"' in file.read(200)
        except OSError:
            return False

    @contextmanager
    def open(self, name: str, gzipped: bool = False) -> Iterator[BufferedIOBase]:
        """Open a file of the folder."""
        with self.files.open(self.path / name) as raw:
            if gzipped:
                with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                    yield packed
            else:
                yield raw

    def table(self, table: str) -> AbstractContextManager[BufferedIOBase]:
        """Open the file of a table."""
        return self.open(self.names[table] + self.ending, self.gzipped)

    def delete_stale(self) -> None:
        """Delete the files of an earlier run that get no successor, compressed or not."""
        for stale in self._present():
            if stale not in self.files.parts:
                stale.unlink()


class Manifest:
    """Counts the rows, and collects their faults, the rules they must fail, and what the data were made from."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows = dict.fromkeys(TABLES, 0)
        self.injections: dict[str, list[tuple[int, str, str]]] = {table: [] for table in TABLES}
        self.expected: dict[str, dict[str, list[int]]] = {table: {} for table in TABLES}
        self.truth: dict[str, list[dict[str, Any]]] = {}

    def enter(self, row: Row, number: int) -> None:
        """Add a row with its number in its file."""
        row.number = number
        self.injections[row.table] += [(number, rule, what) for rule, what in row.faults]
        for rule in row.errors:
            self.expected[row.table].setdefault(rule, []).append(number)

    def write(self, file: BufferedIOBase, arguments: dict[str, Any]) -> None:
        """Write the manifest, with one line per injection and one per rule."""
        injections = [
            _json({"table": table, "row_number": number, "rule": rule, "what": what})
            for table, entries in self.injections.items()
            for number, rule, what in sorted(entries)
        ]
        expected = [
            f"{_json(table)}: {{"
            + ",".join(f"\n   {_json(rule)}: {_json(sorted(rules[rule]))}" for rule in sorted(rules))
            + "\n  }"
            for table, rules in self.expected.items()
        ]
        truth = [
            f"{_json(name)}: [{_items([_json(entry) for entry in entries])}]" for name, entries in self.truth.items()
        ]
        text = (
            f'{{\n "generator": {_json(GENERATOR)},\n "arguments": {_json(arguments)},\n "rows": {_json(self.rows)},\n'
            f' "injections": [{_items(injections)}],\n "expected": {{{_items(expected)}}},\n'
            f' "truth": {{{_items(truth)}}}\n}}\n'
        )
        file.write(text.encode())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _items(lines: list[str]) -> str:
    return "\n  " + ",\n  ".join(lines) + "\n " if lines else ""


def head(table: str) -> bytes:
    """Return the first line of a table's file."""
    return csv_line(TABLES[table].columns).encode()


def write_rows(file: BufferedIOBase, manifest: Manifest, table: str, rows: list[Row]) -> None:
    """Write a table whose rows fit into memory."""
    file.write(head(table))
    file.write("".join(csv_line(row.cells) for row in rows).encode())
    for number, row in enumerate(rows, start=1):
        manifest.enter(row, number)
    manifest.rows[table] = len(rows)


def write_sales(
    headers: BufferedIOBase, lines: BufferedIOBase, manifest: Manifest, batches: Iterable[Batch]
) -> Iterator[int]:
    """Write the transactions, and yield the size of each batch."""
    files = {HEADER: headers, LINE: lines}
    late: dict[str, list[Row]] = {HEADER: [], LINE: []}
    for table, file in files.items():
        file.write(head(table))
    for batch in batches:
        for header_at, line_at, sale in batch.special:
            _enter_sale(manifest, sale, header_at, line_at, late)
        headers.write("".join(batch.headers).encode())
        lines.write("".join(batch.lines).encode())
        manifest.rows[HEADER] += len(batch.headers)
        manifest.rows[LINE] += len(batch.lines)
        yield len(batch.headers)
    for table, rows in late.items():
        files[table].write("".join(csv_line(row.cells) for row in rows).encode())
        for row in rows:
            manifest.rows[table] += 1
            manifest.enter(row, manifest.rows[table])


def _enter_sale(manifest: Manifest, sale: Sale, header_at: int, line_at: int, late: dict[str, list[Row]]) -> None:
    """Number the rows of a sale; late rows wait for the end of the file."""
    for table, rows, at in ((HEADER, sale.headers, header_at), (LINE, sale.lines, line_at)):
        number = manifest.rows[table] + at
        for row in rows:
            if row.late:
                late[table].append(row)
            else:
                number += 1
                manifest.enter(row, number)
