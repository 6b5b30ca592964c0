"""Small random worlds, heavily spoiled: what the SQL and the oracle must agree on, whatever comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from support.oracle import (
    COLUMNS,
    CUSTOMERS,
    HEADERS,
    LINES,
    LOYALTY_RULES,
    OPTIONAL,
    PRODUCTS,
    PROMOTIONS,
    REDEMPTIONS,
    STOCK,
    STORES,
)

Cells = dict[str, "str | None"]
World = dict[str, list[Cells]]

CUTOFF = date(2025, 6, 30)  # the data_cutoff_date that the worlds are made for

CATEGORIES = ("Tea", "Coffee", "Bread & Cake", "Toys")
SPACES = (" ", "\t", "  ", "\n", "\r\n", "\v", "\f", " \t ")
BLANKS = ("", " ", "\t", "\r\n", " \v\f ", None)
NOT_NUMBERS = (
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "infinity",
    "1e5",
    "1E-2",
    "0x1F",
    "0b1",
    "1_000",
    "1,000.00",
    "1.000,00",
    "12,5",
    ".5",
    "5.",
    "--1",
    "+-1",
    "- 1",
    "1 2",
    "$5",
    "5%",
    "€5",
    "twelve",
    "null",
    "N/A",
    "true",
    "\u0661\u0662",  # Arabic-Indic digits
    "\uff11\uff12",  # full-width digits
    "12\u00a0",  # a no-break space is content
    "\u22125",  # a typographic minus
    "1.2.3",
    "'; drop table stores; --",
)
NUMBERS = (
    "0",
    "-0",
    "+0.00",
    "-0.00",
    "0.001",
    "-0.001",
    "0.004",
    "-0.004",
    "0.005",
    "-0.005",
    "0.0049999999999999999999999999",
    "0.00500000000000000000000000001",
    "1.005",
    "2.675",
    "+7",
    "007",
    "000000000000000000000012.50",
    "3.0",
    "3.000000000",
    "3.5",
    "-3",
    "-3.0",
    "1",
    "1.00",
    "1.001",
    "1.004",
    "1.0000000000000000000001",
    "999.99",
    "999.994",
    "999.995",
    "1000",
    "99999999.99",
    "99999999.994",
    "99999999.995",
    "99999999.99499999999999999999",
    "100000000",
    "-99999999.99",
    "-99999999.995",
    "2147483647",
    "2147483647.0",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "99999999999999999999999999999999999999",
    "0.3333333333333333333333333333333333333333333333",
    "9" * 400,
    "-" + "9" * 400,
    "0." + "1" * 400,
    "3." + "0" * 400,
    "0" * 400 + "7",
)
LIKELY_NUMBERS = ("0", "0.00", "-1", "-0.01", "-5.00", "1", "2.5", "0.125", "100.00", "12.345")
HUGE_NUMBERS = ("9" * 10_000, "0." + "1" * 10_000, "12." + "0" * 10_000, "0" * 10_000 + "7")
DATES = (
    "2025-02-30",
    "2025-02-29",
    "2024-02-29",
    "1900-02-29",
    "2000-02-29",
    "2025-13-01",
    "2025-00-10",
    "2025-04-31",
    "2025-01-00",
    "2025-1-5",
    "25-01-05",
    "02025-01-05",
    "10000-01-01",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "-2025-01-05",
    "2025-01-05 BC",
    "05/01/2025",
    "01.05.2025",
    "20250105",
    "2025-Jan-05",
    "Jan 5, 2025",
    "2025/01/05",
    "2025-001",
    "J2451187",
    "today",
    "now",
    "yesterday",
    "tomorrow",
    "epoch",
    "infinity",
    "-infinity",
    "allballs",
    "2025-01-05 10:00",
    "2025-01-05Z",
    "2025-01-05+02",
    "\u0662\u0660\u0662\u0665-01-05",
    "2030-01-01",
    "2025-06-30",
    "2025-07-01",
    "null",
)
TIMESTAMPS = (
    "2025-03-05T10:11:12",
    "2025-03-05t10:11:12",
    "2025-03-05  10:11",
    "2025-03-05\t10:11",
    "2025-03-05 10",
    "2025-03-05 10:1",
    "2025-03-05 1:10",
    "2025-03-05 10:11",
    "2025-03-05 10:11:12.",
    "2025-03-05 10:11:12.1",
    "2025-03-05 10:11:12.123456",
    "2025-03-05 10:11:12.1234567",
    "2025-03-05 10:11:12,5",
    "2025-03-05 10:11.5",
    "2025-03-05 24:00",
    "2025-03-05 24:00:00",
    "2025-03-05 23:59:60",
    "2025-03-05 23:60",
    "2025-03-05 00:00:00",
    "2025-03-05 23:59:59.999999",
    "2025-06-30 23:59:59.999999",
    "2025-07-01 00:00:00",
    "2030-01-01 12:00:00",
    "2025-02-30 10:00:00",
    "2025-03-05 10:11:12Z",
    "2025-03-05 10:11:12+01",
    "2025-03-05 10:11:12+01:00",
    "2025-03-05 10:11:12 UTC",
    "2025-03-05 10:11 PM",
    "2025-03-05 10:11 BC",
    "2025-03-05 now",
    "1741169472",
)
TEXTS = (
    'say "cheese"',
    "a,b;c|d",
    "line\nbreak",
    "carriage\rreturn",
    "both\r\nof them",
    "tab\there",
    "\u00a0",
    "\u00a0padded\u00a0",
    "\u2003em\u2003",
    "zero\u200bwidth",
    "\ufeffbom",
    "Zoë",
    "Zoe\u0308",
    "日本語",
    "🛒🧾",
    "\\N",
    "\\.",
    "\\",
    "null",
    "NULL",
    "'; drop table stores; --",
    "{{ 1 }}",
    "100%",
    "%s",
    "$1",
    "<b>",
    "{a: b}",
    '{"a": [1]}',
    "-",
    "ALL",
    "all",
)
RULE_NAMES = (
    "Base",
    "Weekend Special",
    "WEEKDAYS only",
    "The Summerhouse rule",
    "weekend_bonus",
    "Fall-back",
    "Falling prices",
    "Christmas 2024",
    "holidays",
    "Holidaymaker",
    "Off-season",
    "Seasoned buyers",
    "Sun day",
    "Sunday's best",
    "Easter",
    "(winter)",
)
EMAILS = (
    "no at sign",
    "two@@example.com",
    "a@b",
    "a@b.",
    "@example.com",
    "a b@example.com",
    "a@exam ple.com",
    "a@b.c",
    "a@.b.c",
    "a@b@c.de",
    "ä@ö.de",
    "a@example.com\nb@example.com",
)

# How a column is spoiled; the columns that are not named hold texts.
NUMERIC = {
    "unit_price",
    "current_stock_level",
    "total_loyalty_points",
    "discount_percentage",
    "points_per_unit_spend",
    "min_spend_threshold",
    "bonus_points",
    "total_amount",
    "quantity",
    "line_item_amount",
    "points",
    "stock_level",
}
DATED = {"opening_date", "last_purchase_date", "start_date", "end_date", "stock_date"}
TIMED = {"transaction_date", "redeemed_at"}
# Columns in which nothing is an error: they can be spoiled more often without emptying the world.
SOFT = {
    "store_name",
    "store_city",
    "store_region",
    "product_name",
    "product_category",
    "first_name",
    "email",
    "loyalty_status",
    "total_loyalty_points",
    "last_purchase_date",
    "segment_id",
    "promotion_name",
    "applicable_category",
    "rule_name",
}
KEYS = {
    "store_id",
    "product_id",
    "customer_id",
    "promotion_id",
    "rule_id",
    "transaction_id",
    "line_item_id",
    "redemption_id",
}


def dirty_world(seed: int) -> World:
    """Return the raw rows of a small retailer, clean at first and then spoiled, the same for the same seed."""
    random = Random(seed)
    world = clean_world(random)
    rate = random.choice((0.0, 0.01, 0.02, 0.04, 0.08, 0.15))
    for table, rows in world.items():
        for row in rows:
            for column in COLUMNS[table]:
                if random.random() < rate * (4 if column in SOFT else 1):
                    row[column] = _spoiled_cell(random, table, column, row[column], rows)
                elif random.random() < 0.05:
                    row[column] = _dressed_up(random, column, row[column])
    spoilers: Sequence[Callable[[Random, World], None]] = (
        _copy_rows,
        _contradict_rows,
        _orphan_rows,
        _drop_rows,
        _wrong_sums,
        _nudged_sums,
        _balanced_sums,
    )
    for spoil in spoilers:
        if random.random() < 0.5:
            spoil(random, world)
    if random.random() < 0.3:
        for rows in world.values():
            random.shuffle(rows)
    if random.random() < 0.05:
        world[random.choice(list(world))].clear()
    return world


def write_world(world: Mapping[str, Sequence[Mapping[str, str | None]]], folder: Path, prefix: str = "") -> None:
    """Write the files into a folder: every cell is quoted, but a null is empty and unquoted.

    An optional table without rows has no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in world.items():
        file = folder / f"{prefix}{table}.csv"
        if table in OPTIONAL and not rows:
            file.unlink(missing_ok=True)
            continue
        lines = [",".join(COLUMNS[table])]
        for row in rows:
            cells = (row.get(column) for column in COLUMNS[table])
            lines.append(",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells))
        file.write_bytes(("\n".join(lines) + "\n").encode())


def clean_world(random: Random) -> World:
    """Return a world in which nothing is wrong, though some of it is worth a warning."""
    stores: list[Cells] = [
        {
            "store_id": f"S{number}",
            "store_name": f"Store {number}",
            "store_city": random.choice(("Leeds", "Köln", "")),
            "store_region": random.choice(("North", "South", None)),
            "opening_date": random.choice(("2020-01-01", "2024-12-31", "2025-03-01", "")),
        }
        for number in range(1, random.randint(3, 8) + 1)
    ]
    products: list[Cells] = [
        {
            "product_id": f"P{number:03}",
            "product_name": f"Product {number}",
            "product_category": random.choice((*CATEGORIES, "")),
            "unit_price": str(_money(random, 0, 60)),
            "current_stock_level": random.choice((str(random.randint(0, 500)), "12.0", "")),
        }
        for number in range(1, random.randint(3, 8) + 1)
    ]
    customers: list[Cells] = [
        {
            "customer_id": random.choice((f"C{number}", f"c{number}", f"{number:05}")),
            "first_name": f"Name{number}",
            "email": f"name{number}@example.com",
            "loyalty_status": random.choice(("Bronze", "Silver", "Gold", "")),
            "total_loyalty_points": random.choice(("0", "0", str(random.randint(1, 5000)), "250.0", "")),
            "last_purchase_date": random.choice(
                ("", "", "2025-01-15", "2025-06-30", str(CUTOFF - timedelta(days=random.randint(0, 400))))
            ),
            "segment_id": random.choice(("", "HS", "nonsense")),
        }
        for number in range(1, random.randint(3, 8) + 1)
    ]
    promotions: list[Cells] = []
    for number in range(1, random.randint(3, 8) + 1):
        start = date(2025, 1, 1) + timedelta(days=random.randint(-30, 120))
        promotions.append(
            {
                "promotion_id": f"PR{number}",
                "promotion_name": f"Promotion {number}",
                "start_date": str(start),
                "end_date": str(start + timedelta(days=random.choice((0, 1, 30, 90)))),
                "discount_percentage": random.choice(("0", "0.10", "0.5", "1", "1.00", "0.125")),
                "applicable_category": random.choice((*CATEGORIES, "ALL", "ALL", "all", "")),
            }
        )
    world = {
        STORES: stores,
        PRODUCTS: products,
        CUSTOMERS: customers,
        PROMOTIONS: promotions,
        LOYALTY_RULES: _loyalty_rules(random),
        HEADERS: [],
        LINES: [],
        REDEMPTIONS: [],
        STOCK: [],
    }
    day_pool = [date(2025, 1, 1) + timedelta(days=random.randint(0, 180)) for _ in range(random.randint(1, 12))]
    amounts = [_money(random, 1, 120) for _ in range(3)]  # few amounts: totals meet each other and the thresholds
    for number in range(1, random.randint(10, 30) + 1):
        _add_transaction(random, world, number, random.choice(day_pool), amounts)
    if random.random() < 0.7:  # the others have no file of them
        for number in range(1, random.randint(1, 12) + 1):
            _add_redemption(random, world, number)
    if random.random() < 0.7:
        _add_stock(random, world)
    return world


def _loyalty_rules(random: Random) -> list[Cells]:
    count = random.randint(3, 8)
    ids: list[str] = random.choice(
        (
            [str(number) for number in range(1, count + 1)],
            [str(number) for number in range(8, count + 8)],  # 10 comes after 9, as numbers
            [f"R{number}" for number in range(8, count + 8)],  # R10 comes before R9
            ["7", "007", "10", "9", "+8", "b", "B", "é"][:count],
            ["7", "007", "10", "9", "+8", "11.0", "-2", "100"][:count],
        )
    )
    return [
        {
            "rule_id": rule_id,
            "rule_name": random.choice(RULE_NAMES),
            "points_per_unit_spend": random.choice(("0", "1", "1.0", "1.5", "0.33", "100", "0.000125", "999.99")),
            "min_spend_threshold": random.choice(("0", "0.00", "50", "50.00", "100", "99.995", "1000")),
            "bonus_points": random.choice(("0", "0", "25", "50", "50.0")),
        }
        for rule_id in ids
    ]


def _add_transaction(random: Random, world: World, number: int, day: date, amounts: Sequence[Decimal]) -> None:
    transaction_id = f"T{number}"
    total = Decimal(0)
    for line in range(1, random.choice((1, 1, 2, 2, 3, 5)) + 1):
        amount = random.choice((random.choice(amounts), random.choice(amounts), _money(random, 0, 60), Decimal("50")))
        if random.random() < 0.05:
            amount = Decimal(0)  # a free item
        total += amount
        world[LINES].append(
            {
                "line_item_id": random.choice((str(line), f"L{line}")),
                "transaction_id": transaction_id,
                "product_id": random.choice(world[PRODUCTS])["product_id"],
                "promotion_id": random.choice(("", "", None, random.choice(world[PROMOTIONS])["promotion_id"])),
                "quantity": random.choice(("1", "2", "3.0", "12")),
                "line_item_amount": str(amount),
            }
        )
    if not total:
        world[LINES][-1]["line_item_amount"] = "50"
        total = Decimal("50")
    moment = datetime(day.year, day.month, day.day, random.choice((9, 9, 12, 23)), random.choice((0, 0, 30, 59)))
    world[HEADERS].append(
        {
            "transaction_id": transaction_id,
            "customer_id": random.choice(world[CUSTOMERS])["customer_id"],
            "store_id": random.choice(world[STORES])["store_id"],
            "transaction_date": random.choice(
                (str(moment), moment.isoformat(), moment.isoformat(" ", "minutes"), str(day), f"{moment}.25")
            ),
            "total_amount": str(total),
        }
    )


def _add_redemption(random: Random, world: World, number: int) -> None:
    paid = random.choice((None, random.choice(world[HEADERS])))
    moment = datetime(2025, random.randint(1, 6), random.randint(1, 28), random.choice((9, 12)), random.choice((0, 30)))
    world[REDEMPTIONS].append(
        {
            "redemption_id": f"R{number}",
            "customer_id": (paid or random.choice(world[CUSTOMERS]))["customer_id"],
            "redeemed_at": paid["transaction_date"] if paid and random.random() < 0.7 else str(moment),
            "points": random.choice(("1", "10", "50.0", "250", str(random.randint(1, 3000)))),
            "transaction_id": paid["transaction_id"] if paid else random.choice(("", None)),
        }
    )


def _add_stock(random: Random, world: World) -> None:
    first = date(2025, random.randint(1, 6), random.randint(1, 25))
    world[STOCK] += [
        {
            "stock_date": str(first + timedelta(days=day)),
            "store_id": store["store_id"],
            "product_id": product["product_id"],
            "stock_level": random.choice(("0", "0", "1", "20.0", str(random.randint(1, 300)))),
        }
        for day in range(random.randint(1, 4))
        for store in random.sample(world[STORES], k=min(2, len(world[STORES])))
        for product in random.sample(world[PRODUCTS], k=min(3, len(world[PRODUCTS])))
    ]


def _money(random: Random, low: int, high: int) -> Decimal:
    return Decimal(random.randint(low * 100, high * 100)) / 100


def _spoiled_cell(random: Random, table: str, column: str, cell: str | None, rows: Sequence[Cells]) -> str | None:
    """Return something that has no business in this column, or only just has."""
    if random.random() < 0.2:
        return random.choice(BLANKS)
    if column in NUMERIC:
        if random.random() < 0.01:
            return random.choice(HUGE_NUMBERS)
        return random.choice(random.choice((LIKELY_NUMBERS, NUMBERS, NUMBERS, NOT_NUMBERS)))
    if column in DATED:
        return random.choice(DATES if random.random() < 0.9 else TIMESTAMPS)
    if column in TIMED:
        return random.choice(TIMESTAMPS if random.random() < 0.6 else DATES)
    if column in KEYS:
        return random.choice(
            (
                "X" * random.choice((10, 11, 20, 21, 30, 31, 100, 101, 200)),
                (cell or "").lower(),
                (cell or "") + "\u00a0",
                "0" + (cell or ""),
                random.choice(rows)[column],  # the key, or parent, of another row
                random.choice(TEXTS),
                f"no-such-{random.randint(1, 3)}",
            )
        )
    if column == "email" and random.random() < 0.7:
        return random.choice(EMAILS)
    if column in ("product_category", "applicable_category") and random.random() < 0.5:
        return random.choice(CATEGORIES)
    return random.choice(("x" * random.choice((20, 21, 50, 51, 100, 101, 5000)), "é" * 50, "🛒" * 101, *TEXTS))


def _dressed_up(random: Random, column: str, cell: str | None) -> str | None:
    """Return the same value, written differently."""
    if not cell:
        return random.choice(BLANKS)
    if column in NUMERIC and cell[0].isdigit() and random.random() < 0.5:
        return random.choice(
            (f"+{cell}", f"00{cell}", f"{cell}000" if "." in cell else f"{cell}.000", f" {cell}", f"{cell}\t")
        )
    return random.choice(SPACES) + cell + random.choice(("", *SPACES))


def _some_table(random: Random, world: World) -> str:
    return random.choice([table for table, rows in world.items() if rows])


def _copy_rows(random: Random, world: World) -> None:
    """Add copies: same content, in other white space or (customers) in another segment too."""
    for _ in range(random.randint(1, 6)):
        table = _some_table(random, world)
        row = dict(random.choice(world[table]))
        if random.random() < 0.4:
            column = random.choice(COLUMNS[table])
            row[column] = random.choice(SPACES) + (row[column] or "")
        if table == CUSTOMERS:
            row["segment_id"] = random.choice(("AR", "", "HS"))
        world[table].insert(random.randint(0, len(world[table])), row)


def _contradict_rows(random: Random, world: World) -> None:
    """Add rows of the same key and other content, sometimes beside an exact copy."""
    for _ in range(random.randint(1, 4)):
        table = _some_table(random, world)
        row = dict(random.choice(world[table]))
        column = random.choice([name for name in COLUMNS[table] if name not in KEYS])
        if random.random() < 0.3:
            world[table].append(dict(row))
        row[column] = random.choice((f"{row[column] or ''}0", "", "1", "2025-01-01", "another"))
        world[table].append(row)


def _orphan_rows(random: Random, world: World) -> None:
    """Take parents away, or point rows at none."""
    for _ in range(random.randint(1, 3)):
        table = random.choice((STORES, PRODUCTS, CUSTOMERS, PROMOTIONS, HEADERS))
        if len(world[table]) > 1:
            world[table].pop(random.randrange(len(world[table])))
    for line in random.sample(world[LINES], k=random.randint(0, min(2, len(world[LINES])))):
        line[random.choice(("transaction_id", "product_id", "promotion_id"))] = "nowhere"
    for redemption in random.sample(world[REDEMPTIONS], k=min(2, len(world[REDEMPTIONS]))):
        others = [header["transaction_id"] for header in world[HEADERS]]
        redemption["transaction_id"] = random.choice(("nowhere", *others))
    for count in random.sample(world[STOCK], k=min(1, len(world[STOCK]))):
        count[random.choice(("store_id", "product_id"))] = "nowhere"


def _drop_rows(random: Random, world: World) -> None:
    """Take lines away: a header without lines, or with too small a sum."""
    for _ in range(random.randint(1, 3)):
        if random.random() < 0.5:
            transaction_id = random.choice(world[HEADERS])["transaction_id"] if world[HEADERS] else None
            world[LINES] = [line for line in world[LINES] if line["transaction_id"] != transaction_id]
        elif world[LINES]:
            world[LINES].pop(random.randrange(len(world[LINES])))


def _wrong_sums(random: Random, world: World) -> None:
    """Move totals by amounts on, just inside and just outside the tolerance of a cent."""
    _move(random, world[HEADERS], "total_amount", ("0.01", "-0.01", "0.02", "-0.02", "0.011", "-0.010000001", "1000"))


def _nudged_sums(random: Random, world: World) -> None:
    """Give line amounts decimals that vanish when rounded, but count in the sum."""
    _move(random, world[LINES], "line_item_amount", ("0.004", "0.005", "0.0049", "0.01", "-0.004", "0.006"))


def _balanced_sums(random: Random, world: World) -> None:
    """Give totals decimals that their lines have too: clean, and rounded."""
    for header in random.sample(world[HEADERS], k=min(3, len(world[HEADERS]))):
        step = random.choice(("0.004", "0.005", "0.0050000001", "0.3333333333333333333333"))
        lines = [line for line in world[LINES] if line["transaction_id"] == header["transaction_id"]]
        for row, column in ((header, "total_amount"), *((line, "line_item_amount") for line in lines[:1])):
            _add(row, column, step)


def _move(random: Random, rows: Sequence[Cells], column: str, steps: Sequence[str]) -> None:
    for row in random.sample(rows, k=min(len(rows), random.randint(1, 4))):
        _add(row, column, random.choice(steps))


def _add(row: Cells, column: str, step: str) -> None:
    cell = (row[column] or "").strip()
    if cell.replace(".", "", 1).isdecimal() and cell.isascii() and len(cell) < 20:
        row[column] = str(Decimal(cell) + Decimal(step))
