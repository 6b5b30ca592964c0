"""The landing schema: its tables, and what each engine does to load into them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from retail.contract import Table, tables
from retail.engines.connections import AnyConnection, fetch
from retail.engines.target import marts_schema, quoted
from retail.errors import RetailError
from retail.loading.deliveries import Source

NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

LOADED_FILES = "loaded_files"
UNREADABLE_LINES = "unreadable_lines"
REPAIRS = "repairs"  # what --replace-rejected changed in the raw tables

# The types are PostgreSQL's. META_COLUMNS stand beside the cells of each row; loaded_files has the rest.
META_COLUMNS = {"file_id": "integer not null", "source_row_number": "bigint not null"}
BOOKKEEPING = {
    LOADED_FILES: {
        "file_id": "integer not null",
        "batch_id": "integer not null",
        "batch_name": "text not null",
        "source_table": "text not null",
        "source_file": "text not null",
        "content_hash": "text not null",
        "bytes": "bigint not null",
        "rows": "bigint not null",
        "unreadable_lines": "bigint not null",
        "first_row_number": "bigint not null",
        "loaded_at": "timestamp with time zone not null",
    },
    UNREADABLE_LINES: {
        "file_id": "integer not null",
        "source_table": "text not null",
        "line_number": "bigint not null",
        "line": "text not null",
        "rule_id": "text not null",
        "detail": "text not null",
    },
    REPAIRS: {
        "repaired_at": "timestamp with time zone not null",
        "source_table": "text not null",
        "source_row_number": "bigint not null",
        "rejected_record_id": "text not null",
        "action": "text not null",
        "cells_before": "jsonb not null",
        "cells_after": "jsonb",
        "repair_file": "text not null",
        "file_id": "integer not null",
    },
}


@dataclass(frozen=True)
class LoadedFile:
    """A row of loaded_files: a loaded file, or a file of repairs."""

    file_id: int
    batch_id: int
    batch_name: str
    source_table: str
    source_file: str
    content_hash: str
    bytes: int
    rows: int
    unreadable_lines: int
    first_row_number: int
    loaded_at: datetime

    @property
    def shown(self) -> str:
        """The file's name, preceded by the delivery if the name does not contain it."""
        return self.source_file if self.batch_name in self.source_file else f"{self.batch_name}/{self.source_file}"


class ReadAnew(Exception):  # noqa: N818 (no error)
    """The fast way to read files failed: the transaction rolls back, and the load begins again without it."""


class Landing(ABC):
    """The landing schema of an engine, during a load."""

    quotation_mark = '"'
    _connection: AnyConnection

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Commit what happens inside, or roll all of it back if anything fails.

        Raises:
            RetailError: The database refused.
            ReadAnew: The load has to begin again.
        """

    @abstractmethod
    def wait_for_others(self, *, builds: bool = False) -> datetime:
        """Lock other loads out, and builds too if asked, and return the time of the lock.

        A build may go on while files are added: it reads those that were there when it began. It must not go on while
        rows are deleted or replaced.
        """

    def loaded_files(self) -> list[LoadedFile] | None:
        """Return the files loaded so far, in the order of file_id; None if there are none."""
        if not self.columns(LOADED_FILES):
            return None
        columns = ", ".join(BOOKKEEPING[LOADED_FILES])
        query = f"select {columns} from {self.named(LOADED_FILES)} order by file_id"  # noqa: S608 (our own names)
        return [LoadedFile(*row) for row in fetch(self._connection, query)] or None

    @abstractmethod
    def make_empty(self) -> None:
        """Empty all tables, and give them the columns of the contract."""

    @abstractmethod
    def create(self, name: str, columns: dict[str, str]) -> None:
        """Create a table, in place of an earlier one."""

    @abstractmethod
    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return how many there are of each."""

    def next_row_number(self, table: Table, expected: int) -> int:
        """Return the number of a table's next row: the expected one, unless the engine keeps numbers unique."""
        return expected

    @abstractmethod
    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""

    def finish(self, filled: Collection[Table]) -> None:  # noqa: B027 (most engines do nothing here)
        """Finish the load once all rows are stored; `filled` are the tables with new rows."""

    @abstractmethod
    def columns(self, name: str) -> dict[str, str]:
        """Return the columns of a table with their types, none if the table does not exist."""

    @staticmethod
    def type_of(kind: str) -> str:
        """Return this engine's name for a type of PostgreSQL."""
        return kind

    def wanted_columns(self) -> dict[str, dict[str, str]]:
        """Return all tables of the schema, with their columns and the types of this engine."""
        raw = {table.raw_name: dict.fromkeys(table.columns, "text") | META_COLUMNS for table in tables()}
        return {
            name: {column: self.type_of(kind) for column, kind in columns.items()}
            for name, columns in (raw | BOOKKEEPING).items()
        }

    def fit_contract(self) -> None:
        """Create the missing tables of optional inputs, and compare all tables with the contract.

        Raises:
            RetailError: A table has other columns.
        """
        optional = {table.raw_name for table in tables() if table.is_optional}
        for name, wanted in self.wanted_columns().items():
            present = self.columns(name)
            if not present and name in optional:
                self.create(name, wanted)
            elif present != wanted:
                raise RetailError(
                    f"{landing_schema()}.{name} has other columns than the contract: "
                    "load all your files again with --start-over"
                )

    @property
    def schema(self) -> str:
        """The name of the schema as SQL writes it."""
        return quoted(landing_schema(), self.quotation_mark)

    def named(self, name: str) -> str:
        """Return a table of the schema as SQL writes it."""
        return f"{self.schema}.{name}"


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return f"{marts_schema()}_landing"
