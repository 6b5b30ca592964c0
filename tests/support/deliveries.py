"""Small worlds that come in several deliveries: late, repeated, repaired and contradicting ones, in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from support.oracle import COLUMNS, CUSTOMERS, HEADERS, KEYS, LINES, MONEY, OPTIONAL, PRODUCTS, PROMOTIONS, STORES
from support.worlds import Cells, World, clean_world, dirty_world, write_world

MASTERS = [table for table in COLUMNS if table not in (HEADERS, LINES, *OPTIONAL)]


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
                day = day_of.get(row.get("transaction_id"), random.randrange(count))
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


def story() -> list[World]:
    """Return three deliveries in which each reason to judge a sale again has a sale of its own.

    The second changes what sales look at: an opening date, a category, the end of a promotion. The third brings what
    sales wait for, a late line, a sale as it was, one with another total, and a customer with another status; and it
    repeats a redemption and contradicts another one. Of stock counts it repeats one, contradicts one, corrects one that
    was unreadable, and brings the product and the store that others wait for.
    """
    first = _sales(
        *({"store_id": f"S{number}", "opening_date": "2020-01-01"} for number in (1, 2)),
        *({"product_id": f"P{number}", "product_category": "Tea", "unit_price": "5.00"} for number in (1, 2)),
        {"promotion_id": "PR1", "start_date": "2025-01-01", "end_date": "2025-06-30", "discount_percentage": "0.1"}
        | {"applicable_category": "ALL"},
        {"promotion_id": "PR2", "start_date": "2025-01-01", "end_date": "2025-06-30", "discount_percentage": "0.1"}
        | {"applicable_category": "Tea"},
        {"customer_id": "C1", "total_loyalty_points": "10", "loyalty_status": "Gold"},
        {"customer_id": "C2", "total_loyalty_points": "20", "loyalty_status": "Gold"},
        {"rule_id": "1", "points_per_unit_spend": "2", "min_spend_threshold": "0", "bonus_points": "0"},
        *_sale("opening-date", store_id="S2"),
        *_sale("category", product_id="P2", promotion_id="PR2"),
        *_sale("end-date", promotion_id="PR1"),
        *_sale("customer", customer_id="C9"),
        *_sale("store", store_id="S9"),
        *_sale("product", product_id="P9"),
        *_sale("promotion", promotion_id="PR9"),
        *_sale("late-line"),
        *_sale("repeated"),
        *_sale("contradicted", customer_id="C2"),
        *_sale("rejected-for-ever", product_id="P404"),
        _sale("no-lines")[0],
        _sale("no-header")[1],
        _redemption("repeated-sale", transaction_id="repeated"),
        _redemption("sale-without-lines", transaction_id="no-lines"),
        _redemption("sale-without-header", transaction_id="no-header"),
        _redemption("sale-of-unknown-product", transaction_id="product"),
        _redemption("sale-rejected-for-ever", transaction_id="rejected-for-ever"),
        _redemption("unknown-customer", customer_id="C9"),
        _redemption("said-otherwise", customer_id="C2"),
        _count("2025-03-01", product_id="P9"),
        _count("2025-03-02", store_id="S9"),
        *(_count(f"2025-03-0{day}") for day in (3, 4)),
        *(_count(f"2025-03-0{day}", stock_level="x") for day in (5, 6)),
    )
    second = _sales(
        first[STORES][1] | {"opening_date": "2025-05-01"},
        first[PRODUCTS][1] | {"product_category": "Toys"},
        first[PROMOTIONS][0] | {"end_date": "2025-01-31"},
    )
    third = _sales(
        first[STORES][0] | {"store_id": "S9"},
        first[PRODUCTS][0] | {"product_id": "P9"},
        first[PROMOTIONS][0] | {"promotion_id": "PR9"},
        first[CUSTOMERS][0] | {"customer_id": "C9"},
        first[CUSTOMERS][1] | {"loyalty_status": "Platinum"},
        _sale("no-lines")[1],
        _sale("no-header")[0],
        _sale("late-line")[1] | {"line_item_id": "2"},
        *_sale("repeated"),
        _sale("contradicted", customer_id="C2")[0] | {"total_amount": "7.00"},
        _redemption("repeated-sale", transaction_id="repeated"),
        _redemption("said-otherwise", customer_id="C2", points="4"),
        _redemption("late", customer_id="C2", redeemed_at="2025-01-01"),
        _count("2025-03-03"),
        _count("2025-03-04", stock_level="9"),
        *(_count(f"2025-03-0{day}") for day in (5, 7)),
    )
    return [first, second, third]


def _sales(*rows: dict[str, str | None]) -> World:
    """Rows as a world: the first column that a row states tells its table, other cells are empty."""
    world: World = {table: [] for table in COLUMNS}
    for row in rows:
        table = LINES if "line_item_id" in row else next(name for name in COLUMNS if KEYS[name][0] == next(iter(row)))
        world[table].append(dict.fromkeys(COLUMNS[table], "") | row)
    return world


def _sale(name: str, **differing: str) -> list[Cells]:
    """Return a header and its one line."""
    header = {"transaction_id": name, "customer_id": "C1", "store_id": "S1", "transaction_date": "2025-03-01 10:00:00"}
    line = {"transaction_id": name, "line_item_id": "1", "product_id": "P1", "quantity": "1"}
    return [
        header | {"total_amount": "5.00"} | {key: value for key, value in differing.items() if key in COLUMNS[HEADERS]},
        line | {"line_item_amount": "5.00"} | {key: value for key, value in differing.items() if key in COLUMNS[LINES]},
    ]


def _redemption(name: str, **differing: str) -> Cells:
    redemption = {"redemption_id": name, "customer_id": "C1", "redeemed_at": "2025-03-02 10:00:00", "points": "3"}
    return redemption | differing


def _count(day: str, **differing: str) -> Cells:
    return {"stock_date": day, "store_id": "S1", "product_id": "P1", "stock_level": "0"} | differing


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
