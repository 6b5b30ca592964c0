"""Dice and rows, for all parts of the generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from retail import contract

T = TypeVar("T")

NOISE_SCALE = 1.7320508  # the root of 3: four throws vary by a third

TABLES = {table.name: table for table in contract.tables()}
COLUMN = {name: {column: i for i, column in enumerate(table.columns)} for name, table in TABLES.items()}


class Dice:
    """Random numbers that are the same on every machine and Python version.

    Python guarantees the sequence of ``random()`` only; everything else is integer arithmetic.
    """

    def __init__(self, *seed: object) -> None:
        """Seed the dice; each part of the data has dice of its own."""
        self.random = random.Random("/".join(map(str, seed))).random  # noqa: S311 (sample data, no secret)

    def below(self, n: int) -> int:
        """Return one of 0 .. n - 1."""
        return int(self.random() * n)

    def between(self, low: int, high: int) -> int:
        """Return one of low .. high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """Return true with a probability of ``share``."""
        return self.random() < share

    def noise(self) -> float:
        """Return a number around 0, nearly normal, with a variance of 1."""
        return (self.random() + self.random() + self.random() + self.random() - 2) * NOISE_SCALE

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        result = list(items)
        for i in range(len(result) - 1, 0, -1):
            j = self.below(i + 1)
            result[i], result[j] = result[j], result[i]
        return result

    def sample(self, population: int, n: int) -> list[int]:
        """Return ``n`` of 0 .. population - 1, ascending."""
        chosen: list[int] = []
        for i in range(population):
            if self.random() * (population - i) < n - len(chosen):
                chosen.append(i)
        return chosen


@dataclass(slots=True)
class Row:
    """One row of a file.

    Attributes:
        table: The table of the row.
        cells: Its values, in the order of the contract.
        errors: The error rules that it must fail; ``Sale.settle`` adds the consequences.
        faults: The injected faults: pairs of rule and description.
        amount: Its amount as a reader sees it, or None if unreadable (headers and lines).
        linked: Whether it still has the transaction_id of its sale (headers and lines).
        is_copy: Whether it is an exact copy of an earlier row.
        late: Whether it comes at the end of the file, as from a repeated export.
        touched: The columns that a fault has changed.
        number: Its number in the file, from 1, known once it is written.
    """

    table: str
    cells: list[str]
    errors: set[str] = field(default_factory=set)
    faults: list[tuple[str, str]] = field(default_factory=list)
    amount: Decimal | None = None
    linked: bool = True
    is_copy: bool = False
    late: bool = False
    touched: set[str] = field(default_factory=set)
    number: int = 0

    def get(self, column: str) -> str:
        """Return the value of a column."""
        return self.cells[COLUMN[self.table][column]]

    def put(self, column: str, value: str) -> None:
        """Set the value of a column."""
        self.cells[COLUMN[self.table][column]] = value

    def fail(self, rule: str, what: str) -> None:
        """Record an injected fault: the row must fail ``rule``."""
        self.errors.add(rule)
        self.faults.append((rule, what))

    def spoil(self, column: str, what: str, value: str) -> None:
        """Replace a value with one that fails the rule ``<column>_<what>``."""
        words = f"{column} '{self.get(column)}' became '{value}'"
        self.put(column, value)
        self.touched.add(column)
        self.fail(f"{column}_{what}", words)

    def copied(self) -> Row:
        """Return a copy of the row, with its errors but without its faults."""
        return Row(self.table, list(self.cells), set(self.errors), amount=self.amount, linked=self.linked)

    def pad(self, column: str, dice: Dice) -> None:
        """Put white space around a value that is not blank."""
        value = self.get(column)
        if value.strip():
            self.put(column, dice.pick(PADDINGS).format(value))


PADDINGS = (" {}", "{} ", "  {}", "{}   ", " {} ", "\t{}", "{}\t")


def csv_line(cells: Sequence[str]) -> str:
    """Return the cells as one line of CSV, quoted only where needed."""
    return ",".join(map(_csv_cell, cells)) + "\n"


def _csv_cell(text: str) -> str:
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def money(cents: int) -> str:
    """Return cents as an amount with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"
