"""Small worlds that come in several deliveries: late, repeated, repaired and contradicting ones, in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from support.oracle import COLUMNS, HEADERS, KEYS, LINES, MONEY, REDEMPTIONS
from support.worlds import World, clean_world, dirty_world, write_world

MASTERS = [table for table in COLUMNS if table not in (HEADERS, LINES, REDEMPTIONS)]


def deliveries(seed: int, count: int = 5) -> list[World]:
    """Return the deliveries of a world, the same for the same seed; the first has rows of every table."""
    random = Random(seed)
    world = clean_world(random) if seed % 3 == 0 else dirty_world(seed)
    found: list[World] = [{table: [] for table in COLUMNS} for _ in range(count)]
    day_of = {row["transaction_id"]: random.randrange(count) for row in world[HEADERS] + world[LINES]}
    for table, rows in world.items():
        for row in rows:
            if table in MASTERS:
                day = 0 if random.random() < 0.8 else random.randrange(count)
            else:
                day = day_of.get(row["transaction_id"], random.randrange(count))
                if random.random() < 0.15:  # early or late
                    day = random.randrange(count)
            found[day][table].append(row)
    for spoil in (_repeat, _contradict, _repair, _add_lines, _restate):
        for _ in range(random.randint(0, 6)):
            spoil(random, found)
    for day in found:
        for rows in day.values():
            random.shuffle(rows)
    return found


def write_deliveries(found: list[World], folder: Path) -> list[Path]:
    """Write each delivery into a folder of its day and return the folders; a table without rows has no file.

    A line of each delivery is no row.
    """
    folders = []
    for number, world in enumerate(found):
        day = folder / f"2025-01-{number + 1:02}"
        write_world({table: rows for table, rows in world.items() if rows or not number}, day)
        with min(day.iterdir()).open("ab") as file:
            file.write(b"too,few\n")
        folders.append(day)
    return folders


def _some_row(random: Random, found: list[World], tables: list[str]) -> tuple[str, dict[str, str | None], World] | None:
    table = random.choice(tables)
    day = random.randrange(len(found))
    if not found[day][table]:
        return None
    return table, dict(random.choice(found[day][table])), random.choice(found)


def _repeat(random: Random, found: list[World]) -> None:
    if some := _some_row(random, found, list(COLUMNS)):
        table, row, day = some
        day[table].append(row)


def _contradict(random: Random, found: list[World]) -> None:
    if some := _some_row(random, found, list(COLUMNS)):
        table, row, day = some
        column = random.choice([name for name in COLUMNS[table] if name not in KEYS[table]])
        row[column] = random.choice(("1", "2025-02-02", "", "nonsense", "C1", "S1"))
        day[table].append(row)


def _repair(random: Random, found: list[World]) -> None:
    """A row was spoiled when it came first, and comes again as it should be."""
    if some := _some_row(random, found, list(COLUMNS)):
        table, row, day = some
        spoiled = next((mine for other in found for mine in other[table] if mine == row), None)
        if spoiled is not None:
            column = random.choice([name for name in COLUMNS[table] if name not in KEYS[table]])
            spoiled[column] = random.choice(("x", "-1", "", "2025-02-30"))
            day[table].append(row)


def _add_lines(random: Random, found: list[World]) -> None:
    """One more line for a transaction, perhaps with a header whose total it makes right."""
    if some := _some_row(random, found, [LINES]):
        _, row, day = some
        row["line_item_id"] = f"more-{random.randint(1, 3)}"
        row["line_item_amount"] = random.choice(("0", "5.00", "1", "x"))
        day[LINES].append(row)
        if random.random() < 0.5:
            headers = [mine for other in found for mine in other[HEADERS]]
            header = next((mine for mine in headers if mine["transaction_id"] == row["transaction_id"]), None)
            if header and (header[MONEY[HEADERS]] or "").replace(".", "", 1).isdecimal():
                header[MONEY[HEADERS]] = str(float(header[MONEY[HEADERS]] or 0) + 5)


def _restate(random: Random, found: list[World]) -> None:
    """Master data as they stand, or with a change that sales look at."""
    if some := _some_row(random, found, MASTERS):
        table, row, day = some
        changes: dict[str, Callable[[], str]] = {
            "opening_date": lambda: random.choice(("2025-05-01", "2019-01-01")),
            "product_category": lambda: random.choice(("Tea", "Toys")),
            "end_date": lambda: random.choice(("2025-03-01", "2025-12-31")),
            "total_loyalty_points": lambda: random.choice(("7", "70")),
            "loyalty_status": lambda: random.choice(("Gold", "Platinum")),
            "bonus_points": lambda: random.choice(("7", "70")),
        }
        for column, change in changes.items():
            if column in row and random.random() < 0.5:
                row[column] = change()
        day[table].append(row)
