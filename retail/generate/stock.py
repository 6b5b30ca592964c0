"""Counts of the stock: what lies in each store at the end of each day, with known stock-outs, and faulty counts.

The counts fit the sales: a product that was out on a day was not sold on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from retail.generate import values
from retail.generate.core import Dice, Row
from retail.generate.masters import Fault, World, cell_fault, copy_faults, sprinkle_space, with_spoiled
from retail.generate.sales import Batch, Sale

STOCK = "inventory_levels"
OUT = 0.4  # of the products in a store that did not sell on some day have a stock-out
LATE = 0.5  # of those that did not sell at first were delivered only then
LONGEST = 10  # days of a stock-out
FULL = (20, 60)  # pieces after a delivery
MOST_DAYS = 700_000  # of the calendar before the sample


class _Shelf(NamedTuple):
    store_id: str
    product_id: str


class Shelves:
    """The sales of the products that are counted, by store and day."""

    def __init__(self, world: World, products: int, out: Mapping[tuple[str, str], set[str]] | None) -> None:
        """Choose the products: popular and less popular ones, or the most popular if stock-outs are planned."""
        self.out = out
        step = max(1, len(world.articles) // max(1, products)) if out is None else 1
        self.products = [article.product_id for article in world.articles[::step]][:products]
        self.stores = world.stores
        self.sold: Counter[tuple[_Shelf, str]] = Counter()
        self.doubtful: set[tuple[_Shelf, str]] = set()  # sold in a transaction that may be rejected

    def noted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Pass the batches on."""
        for batch in batches:
            if self.products:
                self._note(batch)
            yield batch

    def _note(self, batch: Batch) -> None:
        known = set(self.products)
        headers, lines = set(), set()
        for header_at, line_at, sale in batch.special:
            headers |= set(range(header_at, header_at + sum(not row.late for row in sale.headers)))
            lines |= set(range(line_at, line_at + sum(not row.late for row in sale.lines)))
            self._note_doubtful(sale)
        sales = {}
        for place, text in enumerate(batch.headers):
            if place not in headers:
                transaction_id, _, store_id, moment, _ = text.split(",")
                sales[transaction_id] = store_id, moment[:10]
        for place, text in enumerate(batch.lines):
            if place not in lines:
                _, transaction_id, product_id, _, quantity, _ = text.split(",")
                if product_id in known:
                    store_id, day = sales[transaction_id]
                    self.sold[_Shelf(store_id, product_id), day] += int(quantity)

    def _note_doubtful(self, sale: Sale) -> None:
        for header in sale.headers:
            for line in sale.lines:
                shelf = _Shelf(header.get("store_id").strip(), line.get("product_id").strip())
                self.doubtful.add((shelf, sale.day.isoformat()))


def counts(seed: int, world: World, shelves: Shelves, anomaly_rate: float) -> tuple[list[Row], list[dict[str, Any]]]:
    """Return the counts, faulty ones between them, and the stock-outs that they tell of."""
    days = [(world.span.start + timedelta(days=n)).isoformat() for n in range(world.span.days)]
    levels: dict[_Shelf, list[int]] = {}
    truth = []
    for store_id in shelves.stores:
        for product_id in shelves.products:
            shelf = _Shelf(store_id, product_id)
            levels[shelf], out = _history(Dice(seed, STOCK, *shelf), shelf, days, shelves)
            if out:
                truth.append(
                    {
                        "product_id": product_id,
                        "store_id": store_id,
                        "first_day": days[out[0]],
                        "last_day": days[out[-1]],
                        "days_out": len(out),
                    }
                )
    good = [Row(STOCK, [day, *shelf, str(levels[shelf][place])]) for place, day in enumerate(days) for shelf in levels]
    sprinkle_space(Dice(seed, STOCK, "space"), good)
    if not good or not anomaly_rate:
        return good, truth
    places = list(levels)

    def spare(i: int) -> Row:
        """Return a count of a day of its own before the first one: no fault makes two of them one."""
        number = i - len(good)
        day = world.span.start - timedelta(days=1 + number % MOST_DAYS)
        return Row(STOCK, [day.isoformat(), *places[number % len(places)], "12"])

    return with_spoiled(Dice(seed, STOCK, "faults"), good, spare, _faults(world), anomaly_rate), truth


def _history(dice: Dice, shelf: _Shelf, days: list[str], shelves: Shelves) -> tuple[list[int], list[int]]:
    """Return the level at the end of each day, and the days on which the product was out."""
    sold = [shelves.sold[shelf, day] for day in days]
    idle = [not units and (shelf, day) not in shelves.doubtful for units, day in zip(sold, days, strict=True)]
    first = next((place for place, nothing in enumerate(idle) if not nothing), len(days))
    if shelves.out is None:
        late = first if 0 < first < len(days) and dice.chance(LATE) else 0
        out = _out(dice, idle, max(late, 1))
    else:
        planned = shelves.out.get(shelf, set())
        late, out = 0, [place for place, day in enumerate(days) if day in planned and idle[place]]
    levels = []
    level = dice.between(*FULL)
    for place, units in enumerate(sold):
        level -= units
        if level < 1:
            level = dice.between(*FULL)
        levels.append(0 if place < late or place in out else level)
    return levels, out


def _out(dice: Dice, idle: list[bool], earliest: int) -> list[int]:
    """Return some days in a row without a sale, after a day that was none of them."""
    starts = [place for place in range(earliest, len(idle)) if idle[place]]
    if not starts or not dice.chance(OUT):
        return []
    start = dice.pick(starts)
    end = start
    while end < len(idle) and idle[end] and end - start < LONGEST:
        end += 1
    return list(range(start, end))


def _faults(world: World) -> list[Fault]:
    # a longer one is too long for the column as well
    products = [product_id for product_id in world.rejected["products"] if len(product_id) <= 20]
    return [
        cell_fault("product_id", "missing", values.BLANKS),
        _too_long,
        *copy_faults(),
        cell_fault("product_id", "unknown", ("UNKNOWN", "p00001", "X00001")),
        cell_fault("product_id", "parent_rejected", products),
        cell_fault("store_id", "missing", values.BLANKS),
        cell_fault("store_id", "unknown", ("UNKNOWN", "s001", "X001")),
        cell_fault("store_id", "parent_rejected", world.rejected["stores"]),
        cell_fault("stock_date", "missing", values.BLANKS),
        cell_fault("stock_date", "invalid", values.BAD_DATES),
        _in_future(),
        cell_fault("stock_level", "missing", values.BLANKS),
        cell_fault("stock_level", "invalid", values.BAD_INTEGERS),
        cell_fault("stock_level", "negative", values.NEGATIVE_INTEGERS),
    ]


def _in_future() -> Fault:
    """Return a fault that gives no two counts of a product in a store the same day."""
    taken: set[tuple[date, str, str]] = set()

    def fault(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
        row = fresh()
        day, shelf = date(2999, 1 + dice.below(12), 28), (row.get("store_id"), row.get("product_id"))
        while (day, *shelf) in taken:
            day = day.replace(year=day.year - 1)
        taken.add((day, *shelf))
        row.spoil("stock_date", "in_future", str(day))
        return [(dice.below(len(good)), row)]

    return fault


def _too_long(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
    row = fresh()
    row.spoil("product_id", "too_long", row.get("product_id").ljust(20 + dice.pick((1, 5, 20)), "X"))
    row.errors.add("product_id_unknown")
    return [(dice.below(len(good)), row)]
