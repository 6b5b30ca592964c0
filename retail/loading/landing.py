"""The landing schema: its tables, what is kept about each file, and what an engine must do to load into it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from retail.contract import Table, tables
from retail.engines.target import marts_schema
from retail.errors import RetailError
from retail.loading.deliveries import Source

NEXT_COMMAND = "dbt build --vars 'raw_layer: landing'"

LOADED_FILES = "loaded_files"
UNREADABLE_LINES = "unreadable_lines"
REPAIRS = "repairs"  # what --replace-rejected changed in the raw tables

# Types are PostgreSQL's. What the loader knows about a row beside its cells; the rest is in loaded_files.
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
    """A row of loaded_files: a file that was loaded, or whose repairs were."""

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
    """A way to read files failed half way: the transaction is rolled back, and the load begins anew without it."""


class Landing(ABC):
    """The landing schema of an engine, while files are loaded into it."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Keep all that is done inside, or none of it if anything fails.

        Raises:
            RetailError: The database refused.
            ReadAnew: The load has to begin anew.
        """

    @abstractmethod
    def wait_for_others(self) -> datetime:
        """Keep other loads out, and return the time at which that succeeded."""

    @abstractmethod
    def loaded_files(self) -> list[LoadedFile] | None:
        """Return what was loaded so far, in the order of the file_id; None if nothing was."""

    @abstractmethod
    def make_empty(self) -> None:
        """Leave all tables empty, in the contract's shape."""

    @abstractmethod
    def add_rows(
        self, source: Source, file_id: int, first_row_number: int, report: Callable[[int], None]
    ) -> tuple[int, int]:
        """Store a file's rows and its unreadable lines, and return the number of each."""

    @abstractmethod
    def register(self, file: LoadedFile) -> None:
        """Add a row to loaded_files."""

    def finish(self, filled: Collection[Table]) -> None:  # noqa: B027 (most engines have nothing left to do)
        """Do what is left to do when all rows are there; `filled` are the tables that got some."""

    @abstractmethod
    def columns(self, name: str) -> dict[str, str]:
        """Return the columns of a table with their types, none if there is no such table."""

    @staticmethod
    def type_of(kind: str) -> str:
        """Return what this engine calls a type of PostgreSQL's."""
        return kind

    def wanted_columns(self) -> dict[str, dict[str, str]]:
        """Return all tables of the schema, with the columns that they must have and their types in this engine."""
        raw = {table.raw_name: dict.fromkeys(table.columns, "text") | META_COLUMNS for table in tables()}
        return {
            name: {column: self.type_of(kind) for column, kind in columns.items()}
            for name, columns in (raw | BOOKKEEPING).items()
        }

    def check_shape(self) -> None:
        """Refuse to add rows to tables of another contract.

        Raises:
            RetailError: A table does not have the columns that it must have.
        """
        for name, wanted in self.wanted_columns().items():
            if self.columns(name) != wanted:
                raise RetailError(
                    f"{landing_schema()}.{name} has other columns than the contract, so nothing can be added to it: "
                    "load all your files again with --start-over"
                )


def landing_schema() -> str:
    """Return the name of the schema that `retail load` fills."""
    return f"{marts_schema()}_landing"
