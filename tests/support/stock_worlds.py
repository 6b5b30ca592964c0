"""Stores whose shelves were empty on known days, to measure what stock_outs makes of them.

Each world is a store of its own, so that many of them are judged in one build. What is planted: days on which a
product sells nothing, whatever its demand; weekdays, a trend, overdispersed counts, and shocks common to all products
of a day. In a bursty world customers come in waves: demand of a product is high or nearly absent for some days.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb

FIRST_DAY = date(2025, 1, 6)
RATES = (0.5, 1.0, 2.0, 5.0, 10.0)
LENGTHS = ((2, 3), (4, 6), (7, 10))
PRICE = 10
INPUTS = {
    "store_sales_header": "transaction_id text, customer_id text, store_id text, transaction_date timestamp, "
    "total_amount decimal(18, 2)",
    "store_sales_line_items": "line_item_id text, transaction_id text, product_id text, promotion_id text, "
    "quantity integer, line_item_amount decimal(18, 2)",
    "products": "product_id text, product_name text, product_category text, unit_price decimal(10, 2), "
    "current_stock_level integer",
    "inventory_levels": "stock_date date, store_id text, product_id text, stock_level integer",
    "t_quantiles": "degrees_of_freedom integer, quantile decimal(9, 6)",
}


@dataclass
class Product:
    """A product of a store: its units a day, the days on which it was out, and what would have been sold on them."""

    name: str
    rate: float
    outs: list[range]
    lost: dict[range, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Store:
    """A store with products, and what is true of them."""

    number: int
    days: int
    is_bursty: bool
    random: Random = field(repr=False)

    def __post_init__(self) -> None:
        self.name = f"S{self.number}"
        self.products = [self._product(number) for number in range(15)]

    def _product(self, number: int) -> Product:
        outs = []
        # every third product is never out
        if number % 3:
            longest = LENGTHS[self.random.randrange(len(LENGTHS))]
            length = self.random.randint(*longest)
            start = self.random.randint(14, self.days - length - 14)
            outs.append(range(start, start + length))
        return Product(f"{self.name}-{number}", RATES[number % len(RATES)], outs)

    def sales(self) -> Iterator[tuple[int, str, int]]:
        """Return day, product and units; fills in what was lost."""
        random = self.random
        week = [random.lognormvariate(0, 0.15) * (1.4 if day >= 4 else 1) for day in range(7)]
        trend = random.uniform(-0.3, 0.3) / 365
        dispersion, common = random.uniform(4, 20), random.uniform(0.02, 0.1)
        waves = dict.fromkeys((product.name for product in self.products), 1.0)
        for day in range(self.days):
            usual = week[day % 7] * (1 + trend * day) * random.lognormvariate(0, common)
            for product in self.products:
                if self.is_bursty and random.random() < 0.25:
                    waves[product.name] = random.choice((0.05, 1.95))
                mean = product.rate * usual * waves[product.name] * random.gammavariate(dispersion, 1 / dispersion)
                units = _poisson(random, mean)
                out = next((out for out in product.outs if day in out), None)
                if out is not None:
                    product.lost[out] += units
                elif units:
                    yield day, product.name, units


def _poisson(random: Random, mean: float) -> int:
    count, passed = -1, 0.0
    while passed < mean:
        passed += random.expovariate(1)
        count += 1
    return max(count, 0)


def stores(count: int, days: int, seed: int, is_bursty: bool = False) -> list[Store]:
    """Return stores of so many days."""
    return [Store(number, days, is_bursty, Random(f"{seed} {days} {number} {is_bursty}")) for number in range(count)]


def judge(
    manifest: Path, quantiles: Path, made: Iterable[Store], folder: Path, *, is_counted: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of stock_outs: the project's own SQL, as dbt compiled it for DuckDB.

    Where the stock is counted, it is 0 at the end of each day on which a product was out, and of the day before, if
    something was sold on it.
    """
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    by_name = {node["name"]: node for node in nodes.values() if node["resource_type"] in ("model", "seed")}
    models: list[tuple[str, str]] = []
    done = set(INPUTS)

    def add(name: str) -> None:
        if name not in done:
            done.add(name)
            for parent in by_name[name]["depends_on"]["nodes"]:
                add(nodes[parent]["name"])
            models.append((by_name[name]["relation_name"], by_name[name]["compiled_code"]))

    add("stock_outs")
    headers, lines, products, levels = [], [], [], []
    for store in made:
        products += [[product.name, "", "", PRICE, ""] for product in store.products]
        seen, sold = set(), set()
        for day, product, units in store.sales():
            transaction = f"{store.name}-{day}"
            if transaction not in seen:
                seen.add(transaction)
                headers.append([transaction, "", store.name, FIRST_DAY + timedelta(days=day), 1])
            lines.append([len(lines), transaction, product, "", units, units * PRICE])
            sold.add((day, product))
        for product in store.products if is_counted else ():
            empty = {day for out in product.outs for day in out}
            empty |= {out[0] - 1 for out in product.outs if (out[0] - 1, product.name) in sold}
            levels += [
                [FIRST_DAY + timedelta(days=day), store.name, product.name, 0 if day in empty else 20]
                for day in range(store.days)
            ]
    file = folder / f"{by_name['stock_outs']['database']}.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        relations = {name: by_name[name]["relation_name"] for name in INPUTS}
        for relation in [*relations.values(), *(relation for relation, _ in models)]:
            connection.execute(f"create schema if not exists {relation.rpartition('.')[0]}")
        for name, columns in INPUTS.items():
            connection.execute(f"create table {relations[name]} ({columns})")
        for name, rows in zip(INPUTS, (headers, lines, products, levels), strict=False):
            written = folder / f"{name}.csv"
            with written.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows(rows)
            connection.execute(f"copy {relations[name]} from '{written}' (header false, auto_detect false)")
        connection.execute(f"copy {relations['t_quantiles']} from '{quantiles}' (header true)")
        for relation, code in models:
            connection.execute(f"create table {relation} as {code}")
        found = connection.execute(f"select * from {relations.get('stock_outs', models[-1][0])} order by 1, 2, 3")
        names = [column[0] for column in found.description]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
