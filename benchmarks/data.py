"""Benchmark data: samples of a given size, and a sample split into daily deliveries."""

from __future__ import annotations

import csv
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, islice
from pathlib import Path

import click

from retail.contract import Table, required_tables

LINES_A_TRANSACTION = 2.69  # as `retail generate` makes them
TRANSACTIONS_A_CUSTOMER = 15
ANOMALY_RATE = "0.02"
LAST_DAY = date(2025, 6, 29)
CUTOFF = "2026-01-01"  # after every good date, before the spoiled ones in the future
DAYS_OF_A_SAMPLE = 100

# master rows that each later day delivers: held back until shortly before (or after) a sale first names them
HELD_BACK_A_DAY = 24
LATE_A_DAY = 3
CHANGED_A_DAY = 12
_CHANGED_COLUMNS = {"products": "current_stock_level", "customer_details": "loyalty_status"}
_DAY = re.compile(r"[ \t]*([0-9]{4}-[0-9]{2}-[0-9]{2})")

Row = list[str]


def generate(program: Path, folder: Path, lines: int, days: int = DAYS_OF_A_SAMPLE) -> None:
    """Write a sample of about ``lines`` sales lines, with 2 % of its transactions spoiled.

    Args:
        program: The `retail` command.
        folder: Target folder; created if missing.
        lines: Sales lines.
        days: Days to spread them over; the last one is LAST_DAY.
    """
    transactions = round(lines / LINES_A_TRANSACTION)
    options = {
        "--out": folder,
        "--days": days,
        "--transactions": transactions,
        "--customers": max(1, transactions // TRANSACTIONS_A_CUSTOMER),
        "--anomaly-rate": ANOMALY_RATE,
        "--end-date": LAST_DAY,
    }
    arguments = [str(part) for option in options.items() for part in option]
    subprocess.run([program, "generate", *arguments], check=True, stdout=subprocess.DEVNULL)


@dataclass
class Dealer:
    """Splits a sample into days: each sale goes to its day, each master row to the first day that knows it.

    ``first_named`` has, per master table, the day on which a sale first names each key.
    """

    sample: Path
    out: Path
    days: list[date]
    day_of_transaction: dict[str, int] = field(default_factory=dict)
    first_named: dict[str, dict[str, int]] = field(default_factory=lambda: {"products": {}, "customer_details": {}})

    def deal(self) -> None:
        """Write one folder per day, `YYYY-MM-DD`, with the files of that day."""
        for day in self.days:
            (self.out / day.isoformat()).mkdir(parents=True)
        for table in required_tables():
            if table.name == "store_sales_header":
                self._deal_sales(table, self._days_of_headers(table))
            elif table.name == "store_sales_line_items":
                self._deal_sales(table, self._days_of_lines(table))
        for table in required_tables():
            if table.name in self.first_named:
                self._deal_master(table)
            elif not table.name.startswith("store_sales"):
                self._write(0, table, self._rows(table))

    def _rows(self, table: Table) -> Iterator[Row]:
        with (self.sample / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            yield from rows

    def _write(self, day: int, table: Table, rows: Iterator[Row] | list[Row]) -> None:
        path = self.out / self.days[day].isoformat() / f"{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(chain([table.columns], rows))

    def _deal_sales(self, table: Table, dated: Iterator[tuple[int, Row]]) -> None:
        with ExitStack() as files:
            writers = []
            for day in self.days:
                path = self.out / day.isoformat() / f"{table.name}.csv"
                file = files.enter_context(path.open("w", encoding="utf-8", newline=""))
                writers.append(csv.writer(file, lineterminator="\n"))
                writers[-1].writerow(table.columns)
            for day, row in dated:
                writers[day].writerow(row)

    def _days_of_headers(self, table: Table) -> Iterator[tuple[int, Row]]:
        """Yield each header with its day; without a readable date within these days, its neighbour's."""
        numbers = {day.isoformat(): number for number, day in enumerate(self.days)}
        transaction, customer, moment = map(table.columns.index, ("transaction_id", "customer_id", "transaction_date"))
        day = 0
        for row in self._rows(table):
            found = _DAY.match(row[moment])
            day = numbers.get(found.group(1), day) if found else day
            self.day_of_transaction.setdefault(row[transaction].strip(), day)
            self._name("customer_details", row[customer], day)
            yield day, row

    def _days_of_lines(self, table: Table) -> Iterator[tuple[int, Row]]:
        """Yield each line with its header's day; without a header, its neighbour's."""
        transaction, product = map(table.columns.index, ("transaction_id", "product_id"))
        day = 0
        for row in self._rows(table):
            day = self.day_of_transaction.get(row[transaction].strip(), day)
            self._name("products", row[product], day)
            yield day, row

    def _name(self, master: str, key: str, day: int) -> None:
        named = self.first_named[master]
        key = key.strip()
        named[key] = min(day, named.get(key, day))

    def _deal_master(self, table: Table) -> None:
        """Write the first day's file without the rows held back, and a small file for each later day."""
        rows = list(self._rows(table))
        keys = [row[table.columns.index(table.key[0])].strip() for row in rows]
        held_back = self._held_back(table.name, keys)
        self._write(0, table, [row for row, key in zip(rows, keys, strict=True) if key not in held_back])
        brought: list[list[Row]] = [[] for _ in self.days]
        for row, key in zip(rows, keys, strict=True):
            if key in held_back:
                brought[held_back[key]].append(row)
        counts = Counter(keys)
        there = [row for row, key in zip(rows, keys, strict=True) if key not in held_back and counts[key] == 1]
        column = table.columns.index(_CHANGED_COLUMNS[table.name])
        for day in range(1, len(self.days)):
            self._write(day, table, brought[day] + _changed(there, column, day))

    def _held_back(self, master: str, keys: list[str]) -> dict[str, int]:
        """Return the keys that each later day delivers: a day before a sale first names them, for a few a day after.

        Keys that no sale names fill up days with too few.
        """
        last = len(self.days) - 1
        named = self.first_named[master]
        unnamed = iter([key for key in dict.fromkeys(keys) if key and key not in named])
        of_day: list[list[str]] = [[] for _ in self.days]
        for key in dict.fromkeys(keys):
            if key and (day := named.get(key, 0)) >= 2 and len(of_day[day]) < HELD_BACK_A_DAY:
                of_day[day].append(key)
        result = {}
        for day in range(2, len(self.days)):
            late, early = of_day[day][:LATE_A_DAY], of_day[day][LATE_A_DAY:]
            early += islice(unnamed, HELD_BACK_A_DAY - len(of_day[day]))
            result |= dict.fromkeys(late, min(day + 1, last)) | dict.fromkeys(early, day - 1)
        result |= dict.fromkeys(islice(unnamed, HELD_BACK_A_DAY), last)
        return result


def _changed(rows: list[Row], column: int, day: int) -> list[Row]:
    """Return some rows, different ones each day, with one column changed to the value of the row before."""
    places = {(day * CHANGED_A_DAY + number) % len(rows) for number in range(min(CHANGED_A_DAY, len(rows)))}
    return [[*rows[place][:column], rows[place - 1][column], *rows[place][column + 1 :]] for place in sorted(places)]


@click.command()
@click.argument("sample", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--days", required=True, type=click.IntRange(2), help="Number of days in the sample.")
def main(sample: Path, out: Path, days: int) -> None:
    """Split the SAMPLE into one folder per day in OUT; a separate program, because it needs much memory."""
    Dealer(sample, out, [LAST_DAY - timedelta(days=days - 1 - number) for number in range(days)]).deal()


if __name__ == "__main__":
    main()
