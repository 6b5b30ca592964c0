"""Shops with promotions whose effect is known, to measure what promotion_effectiveness makes of them.

Each world is a few stores with categories of its own, so that many of them are judged in one build. What is planted: a
lift, a dip after it, customers who switch from other categories, an event on the days of the promotion; weekdays, a
trend, overdispersed counts, and shocks that resemble those of the day before: of a store's day, of the day itself and
of a category's day.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb

FIRST_DAY = date(2025, 1, 6)
LIFTS = (0.9, 1.0, 1.1, 1.3, 2.0)
SCENARIOS = ("plain", "dip", "all", "cannibalised", "event", "drifting")
CLEAN = ("plain", "dip", "all")  # nothing happens that the methods say they can't see
WINDOW, AFTER = 28, 14
INPUTS = {
    "promotion_sales": "promotion_id text, product_category text, store_id text, sold_on date, transactions bigint, "
    "units bigint, returned_units bigint, revenue decimal(20, 2), returned_revenue decimal(20, 2), "
    "full_price_value decimal(20, 2), discount_given decimal(20, 2)",
    "promotion_details": "promotion_id text, promotion_name text, start_date date, end_date date, "
    "discount_percentage decimal(5, 2), applicable_category text",
    "products": "product_category text",
    "as_of": "as_of_date date",
    "t_quantiles": "degrees_of_freedom integer, quantile decimal(9, 6)",
}


@dataclass
class World:
    """A shop with one promotion, and what is true of it."""

    number: int
    scenario: str
    lift: float
    days: int
    random: Random = field(repr=False)

    def __post_init__(self) -> None:
        random = self.random
        longest = min(21, (self.days - 21) // 3)
        self.length = random.randint(3, longest)
        self.start = random.randint(21, self.days - self.length - (AFTER if self.length >= AFTER else 7))
        self.stores = random.randint(5, 12)
        self.categories = random.randint(4, 8)
        self.dip = random.uniform(0.75, 0.95) if self.scenario == "dip" else 1.0
        self.switched = random.uniform(0.2, 0.5) if self.scenario == "cannibalised" else 0.0
        self.event = 1.2 if self.scenario == "event" else 1.0
        self.trend = random.uniform(-0.3, 0.3) / 365
        level = math.exp(random.uniform(math.log(0.5), math.log(6)))
        self.levels = [level * random.lognormvariate(0, 0.5) for _ in range(self.categories)]
        week = [random.lognormvariate(0, 0.15) * (1.4 if day >= 4 else 1) for day in range(7)]
        self.weeks = [[each * random.lognormvariate(0, 0.08) for each in week] for _ in range(self.categories)]

    @property
    def promoted(self) -> range:
        return range(self.start, self.start + self.length)

    def category(self, number: int) -> str:
        return f"{self.number}-{number}"

    def expected(self, category: int, day: int) -> float:
        """Units of a store of average size: what is planted, without chance."""
        units = self.levels[category] * self.weeks[category][day % 7] * (1 + self.trend * day)
        inside = day in self.promoted
        if inside:
            units *= self.event
        if category == 0 or self.scenario == "all":
            if inside:
                units *= self.lift
            elif 0 <= day - self.promoted.stop < AFTER:
                units *= self.dip
        elif category == 1 and inside and self.switched:
            won = self.levels[0] * self.weeks[0][day % 7] * (self.lift - 1)
            units = max(units - self.switched * won, 0.2 * units)
        return units

    def observed(self, category: int = 0) -> float:
        """The planted ratio of the days with the promotion to the same weekdays without it."""
        around = [*range(max(self.start - WINDOW, 0), self.start)]
        around += range(self.promoted.stop, min(self.promoted.stop + WINDOW, self.days))
        usual = defaultdict(list)
        for day in around:
            usual[day % 7].append(self.expected(category, day))
        compared = sum(sum(usual[day % 7]) / len(usual[day % 7]) for day in self.promoted)
        return sum(self.expected(category, day) for day in self.promoted) / compared

    def sales(self) -> Iterator[list[Any]]:
        """Return the rows of promotion_sales."""
        random = self.random
        sizes = [random.lognormvariate(0, 0.4) for _ in range(self.stores)]
        drifts = self.scenario == "drifting"
        correlation = 0.8 if drifts else random.choice((0.0, 0.3, 0.6))
        spreads = [0.15 if drifts else random.uniform(0.02, 0.08) for _ in range(self.categories)]
        spreads += [random.uniform(0.05, 0.15)] * self.stores + [random.uniform(0.02, 0.08)]
        dispersion = random.uniform(4, 20)
        shocks = [random.gauss(0, 1) for _ in spreads]
        fresh = math.sqrt(1 - correlation**2)
        for day in range(self.days):
            sold_on = FIRST_DAY + timedelta(days=day)
            shocks = [correlation * shock + fresh * random.gauss(0, 1) for shock in shocks]
            factors = [math.exp(spread * shock) for spread, shock in zip(spreads, shocks, strict=True)]
            means = [self.expected(category, day) * factors[category] for category in range(self.categories)]
            inside = day in self.promoted
            for store, size in enumerate(sizes):
                level = size * factors[self.categories + store] * factors[-1]
                for category, mean in enumerate(means):
                    units = _poisson(random, mean * level * random.gammavariate(dispersion, 1 / dispersion))
                    if units:
                        promoted = inside and (category == 0 or self.scenario == "all")
                        promotion = f"PR{self.number}" if promoted else ""
                        paid = units * (8 if promoted else 10)
                        yield [
                            *(promotion, self.category(category), f"{self.number}-S{store}", sold_on, units),
                            *(units, 0, paid, 0, 10 * units, 10 * units - paid),
                        ]

    def promotion(self) -> list[Any]:
        """Return the row of promotion_details."""
        first, last = (FIRST_DAY + timedelta(days=day) for day in (self.promoted[0], self.promoted[-1]))
        return [f"PR{self.number}", "", first, last, 0.2, "ALL" if self.scenario == "all" else self.category(0)]


def _poisson(random: Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count


def worlds(count: int, days: int, seed: int) -> list[World]:
    """Return worlds of so many days, half of them plain; nearly half have no effect."""
    made = []
    for number in range(count):
        random = Random(f"{seed} {days} {number}")
        scenario = random.choice(SCENARIOS[1:]) if number % 2 else "plain"
        lift = random.choice((1.0, 1.0, 1.0, *LIFTS))
        made.append(World(number, scenario, lift, days, random))
    return made


class Judge:
    """The project's own SQL of the marketing models, as dbt compiled it for DuckDB."""

    def __init__(self, manifest: Path, reference: Path) -> None:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
        by_name = {node["name"]: node for node in nodes.values() if node["resource_type"] in ("model", "seed")}
        self._relations = {name: by_name[name]["relation_name"] for name in INPUTS}
        self._catalog = by_name["promotion_sales"]["database"]
        self._models: list[tuple[str, str]] = []
        self._reference = reference
        done: set[str] = set()

        def add(name: str) -> None:
            node = by_name[name]
            if name in INPUTS or name in done:
                return
            done.add(name)
            for parent in node["depends_on"]["nodes"]:
                add(nodes[parent]["name"])
            self._models.append((node["relation_name"], node["compiled_code"]))

        add("promotion_effectiveness")

    def judge(self, made: Iterable[World], folder: Path) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of promotion_effectiveness by promotion."""
        made = list(made)
        file = folder / f"{self._catalog}.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as connection:
            for relation in [*self._relations.values(), *(relation for relation, _ in self._models)]:
                connection.execute(f"create schema if not exists {relation.rpartition('.')[0]}")
            for name, columns in INPUTS.items():
                connection.execute(f"create table {self._relations[name]} ({columns})")
            for name, rows in (
                ("promotion_sales", (row for world in made for row in world.sales())),
                ("promotion_details", (world.promotion() for world in made)),
            ):
                written = folder / f"{name}.csv"
                with written.open("w", encoding="utf-8", newline="") as stream:
                    csv.writer(stream).writerows(rows)
                connection.execute(f"copy {self._relations[name]} from '{written}' (header false)")
            sold = f"select distinct product_category from {self._relations['promotion_sales']}"
            connection.execute(f"insert into {self._relations['products']} {sold}")
            connection.execute(f"insert into {self._relations['as_of']} values (current_date)")
            connection.execute(f"copy {self._relations['t_quantiles']} from '{self._reference}' (header true)")
            for relation, code in self._models:
                connection.execute(f"create table {relation} as {code}")
            found = connection.execute(f"select * from {self._models[-1][0]} order by 1, 3")
            names = [column[0] for column in found.description]
            judged: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for values in found.fetchall():
                row = dict(zip(names, values, strict=True))
                judged[row["promotion_id"]].append(row)
            return judged


@dataclass
class Tally:
    """How one kind of lift did in one kind of worlds."""

    rows: int = 0
    claimed: int = 0
    covered: int = 0
    above: int = 0
    widths: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def add(self, row: dict[str, Any], kind: str, truth: float) -> None:
        """Count a row that meets the floors."""
        self.rows += 1
        if row[f"{kind}_lift"] is None:
            return
        low, high = float(row[f"{kind}_lift_low"]), float(row[f"{kind}_lift_high"])
        self.claimed += 1
        self.covered += low <= truth - 1 <= high
        self.above += low > 0
        self.widths.append((math.log1p(high) - math.log1p(low)) / 2)
        self.errors.append(math.log1p(float(row[f"{kind}_lift"])) - math.log(truth))

    @property
    def coverage(self) -> float:
        """Share of the intervals that contain the truth, in percent."""
        return 100 * self.covered / self.claimed

    @property
    def found(self) -> float:
        """Share of the intervals that are above 0, in percent."""
        return 100 * self.above / self.claimed

    @property
    def silent(self) -> float:
        """Share of the rows without a lift, in percent."""
        return 100 - 100 * self.claimed / self.rows

    def __str__(self) -> str:
        width = sorted(self.widths)[len(self.widths) // 2]
        bias = sum(self.errors) / self.claimed
        return (
            f"{self.rows:,} | {self.silent:.1f} % | {self.coverage:.1f} % | {self.found:.1f} % | "
            f"{100 * math.expm1(width):.0f} % | {100 * math.expm1(bias):+.1f} %"
        )


Tallies = dict[tuple[str, str, float], Tally]
"""By kind of lift, scenario and planted lift."""


def tally(made: Iterable[World], judged: dict[str, list[dict[str, Any]]]) -> Tallies:
    """Add up by kind of lift, scenario and planted lift; only the category with number 0 counts."""
    tallies: Tallies = defaultdict(Tally)
    for world in made:
        for row in judged.get(f"PR{world.number}", []):
            if row["product_category"] != world.category(0):
                continue
            missing = {kind: _reason(row, kind) for kind in ("observed", "did")}
            for kind, truth in (("observed", world.observed()), ("did", world.lift)):
                if "needed" not in missing[kind] and not (kind == "did" and world.scenario == "all"):
                    tallies[kind, world.scenario, world.lift].add(row, kind, truth)
            if "needed" not in missing["observed"]:
                tallies["observed as effect", world.scenario, world.lift].add(row, "observed", world.lift)
    return tallies


def total(tallies: Tallies, kind: str, scenarios: Iterable[str], lifts: Iterable[float] = LIFTS) -> Tally:
    """Return the sum over scenarios and lifts."""
    wanted = {(kind, scenario, lift) for scenario in scenarios for lift in lifts}
    return sum((found for key, found in tallies.items() if key in wanted), Tally())


def table(tallies: Tallies) -> str:
    """Return the table of docs/promotions.md."""
    lines = [
        "| figure | shop | planted | rows | null | truth in the interval | above 0 | smallest visible | bias |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in ("observed", "did"):
        for lift in LIFTS:
            found = total(tallies, kind, CLEAN, [lift])
            lines.append(f"| `{kind}_lift` | usual | {100 * (lift - 1):+.0f} % | {found} |")
    for kind, name in (("did", "`did_lift`"), ("observed as effect", "`observed_lift`, read as an effect")):
        lines.append(
            f"| {name} | another category loses | +30, +100 % | {total(tallies, kind, ['cannibalised'], LIFTS[3:])} |"
        )
        lines.append(f"| {name} | event on the same days | 0 % | {total(tallies, kind, ['event'], [1.0])} |")
        lines.append(f"| {name} | categories drift | 0 % | {total(tallies, kind, ['drifting'], [1.0])} |")
    return "\n".join(lines)


def _reason(row: dict[str, Any], kind: str) -> str:
    reasons = [part for part in (row["why_not"] or "").split("; ") if part.startswith(f"no {kind}_lift: ")]
    return reasons[0] if reasons else ""
