"""The input contract: tables, columns and keys, from the YAML of the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

PROJECT_DIR = Path(__file__).resolve().parent.parent
CONTRACT_FILE = PROJECT_DIR / "seeds" / "raw" / "_raw__seeds.yml"
RAW_PREFIX = "raw_"


@dataclass(frozen=True)
class Table:
    """An input table.

    ``columns`` are in the order of the seed file, ``key`` names those that identify a row. A clean row of a table of
    facts stands for ever; the rows of the others are master data, which the latest delivery replaces. A retailer may do
    without an optional table.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    is_fact: bool = False
    is_optional: bool = False

    @property
    def raw_name(self) -> str:
        """The name of the raw table, in the seed schema and in the landing schema."""
        return RAW_PREFIX + self.name


@cache
def tables() -> tuple[Table, ...]:
    """Return the tables in the order of the seeds' YAML file: master data, sales, optional tables."""
    seeds = yaml.safe_load(CONTRACT_FILE.read_text(encoding="utf-8"))["seeds"]
    return tuple(
        Table(
            name=seed["name"].removeprefix(RAW_PREFIX),
            columns=tuple(seed["config"]["column_types"]),
            key=tuple(seed["config"]["meta"]["key"]),
            is_fact=seed["config"]["meta"].get("is_fact", False),
            is_optional=seed["config"]["meta"].get("is_optional", False),
        )
        for seed in seeds
    )


def required_tables() -> tuple[Table, ...]:
    """Return the tables that each retailer has."""
    return tuple(table for table in tables() if not table.is_optional)
