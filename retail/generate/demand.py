"""What is sold apart from chance, and how chance moves it: seasons, events, promotions, shocks and stock-outs.

The arithmetic is plain, without logarithms, so that it gives the same digits on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from retail.generate import values
from retail.generate.core import Dice, Row
from retail.generate.masters import Promotion, Span, World
from retail.generate.sales import WEEKDAY_WEIGHTS, running_sums

LIFTS = (0.3, 0.0, 1.0, -0.1, 0.1)
LINES = 2.7  # of a visit, on an average day
ARTICLES_FLAT = STORES_FLAT = 4  # as `sales` has them
LEAST = 0.1  # no factor is below
EVENT_EVERY, EVENT_DAYS = 120, 3
# how far a shock moves the units, and how much of it is left on the next day
DAY_SHOCK, STORE_SHOCK, CATEGORY_SHOCK, CELL_SHOCK, LEFT = 0.05, 0.1, 0.05, 0.25, 0.5

FIRST_START, STARTS_EVERY, FREE_AT_THE_END = 35, 17, 30  # days
LENGTHS = (4, 7, 7, 10, 14, 14, 21)
ANNOUNCED = (4, 8, 12)  # days after the end
ALL_EVERY = 10  # promotions
WINDOW, DIP_DAYS = 28, 14

STOCK_OUT_DAYS = (2, 3, 4, 5, 7, 10)
OFTEN_SOLD = 60  # products that can be out of stock


@dataclass(frozen=True)
class Planted:
    """A promotion and what it does.

    Attributes:
        name: Its name.
        promotion: What the till knows of it.
        stores: The places of the stores in which it runs.
        lift: By which share its categories sell more.
        dip: By which share they sell less in the days after.
        loser: The category that loses a part of what it wins, if any.
        switched: This part.
    """

    name: str
    promotion: Promotion
    stores: tuple[int, ...]
    lift: float
    dip: float = 0.0
    loser: str = ""
    switched: float = 0.0


class Calendar:
    """The promotions with their effects, one after the other; the maker of their rows."""

    def __init__(self, seed: int, span: Span, stores: int, lifts: Sequence[float]) -> None:
        """Plan them: as many as the span has room for, at least one, and some that are only announced."""
        self.span = span
        starts = range(FIRST_START, span.days - FREE_AT_THE_END, STARTS_EVERY) or [span.days // 2]
        announced = [span.days + days for days in ANNOUNCED]
        categories = Dice(seed, "promoted categories").shuffled(tuple(values.CATEGORIES))
        self.planted: list[Planted] = []
        for i, start in enumerate([*starts, *announced]):
            dice = Dice(seed, "planted promotion", i)
            on_all = i % ALL_EVERY == ALL_EVERY - 1
            category = "ALL" if on_all else categories[i % len(categories)]
            length = LENGTHS[0] if on_all else dice.pick(LENGTHS)
            if start < span.days:
                length = min(length, span.days - start)
            first, lift = span.start + timedelta(days=start), lifts[i % len(lifts)]
            promotion = Promotion(
                f"PR{i + 1:03d}", category, 5 * dice.between(1, 8), first, first + timedelta(days=length - 1)
            )
            name = dice.pick([name for name, covered, *_ in values.PROMOTIONS if covered == category])
            some = dice.sample(stores, (stores + 1) // 2) if dice.chance(0.3) else range(stores)
            dip = dice.between(5, 25) / 100 if lift > 0 and dice.chance(0.5) else 0.0
            loser, switched = "", 0.0
            if lift > 0 and not on_all and dice.chance(0.25):
                loser, switched = dice.pick([other for other in categories if other != category]), 0.3
            self.planted.append(Planted(name, promotion, tuple(some), lift, dip, loser, switched))
        self.count = len(self.planted)
        self.promotions = [planted.promotion for planted in self.planted]

    def row(self, i: int) -> Row:
        """Return the row of a promotion, or one more to be made faulty."""
        planted = self.planted[i % self.count]
        promotion = planted.promotion
        dates = [promotion.start.isoformat(), promotion.end.isoformat()]
        discount = f"0.{promotion.discount:02d}"
        return Row("promotion_details", [f"PR{i + 1:03d}", planted.name, *dates, discount, promotion.category])


@dataclass
class StockOut:
    """A product that a store lacked, from one day of the span to another, and how many units it would have sold."""

    product: int
    store: int
    first: int
    last: int
    lost: int = 0


@dataclass(frozen=True)
class StoreDay:
    """What a visit to a store on a day looks like.

    Attributes:
        lines: The lines of a visit by category, without preferences.
        promotions: The promotions of each category.
        out: The stock-outs by product.
    """

    lines: list[float]
    promotions: list[tuple[Promotion, ...]]
    out: dict[int, StockOut]


class Demand:
    """How busy each day is, and what is bought in each store.

    Attributes:
        categories: The categories that sell.
        busy: How busy each day of the span is, with the shocks of the day; 1 is usual.
        events: What fills the shops on some days.
        stock_outs: The stock-outs, in order of time.
    """

    def __init__(self, seed: int, world: World, planted: Sequence[Planted], stock_outs: int) -> None:
        """Throw the dice for all that lasts longer than a day."""
        self.seed, self.span, self.planted = seed, world.span, planted
        self.store_ids, self.articles = world.stores, world.articles
        popular = _weights(len(world.articles), ARTICLES_FLAT)
        self.stores = _weights(len(world.stores), STORES_FLAT)
        self.categories = sorted({article.category for article in world.articles})
        self._shares = [
            sum(weight for article, weight in zip(world.articles, popular, strict=True) if article.category == category)
            for category in self.categories
        ]
        self._near = [list(self._around(day)) for day in range(self.span.days)]
        dice = Dice(seed, "seasons")
        self._weekdays = [[1 + 0.1 * dice.noise() for _ in range(7)] for _ in self.categories]
        self._swings = [(0.3 * dice.random(), dice.below(365)) for _ in self.categories]
        self._growth = 0.2 * dice.random() - 0.1  # in a year
        self.events = list(self._plan_events(dice))
        shocks = _Shocks(Dice(seed, "busy days"), DAY_SHOCK, 1)
        self.busy = [self._traffic(day) * shocks.next()[0] for day in range(self.span.days)]
        self.stock_outs = self._plan_stock_outs(Dice(seed, "stock-outs"), stock_outs)

    def day(self, number: int) -> date:
        """Return a day of the span."""
        return self.span.start + timedelta(days=number)

    def days(self) -> Iterator[list[StoreDay]]:
        """Return what each store sells, day by day."""
        dice = Dice(self.seed, "shocks")
        of_stores = _Shocks(dice, STORE_SHOCK, len(self.stores))
        of_categories = _Shocks(dice, CATEGORY_SHOCK, len(self.categories))
        for day in range(self.span.days):
            store_shocks, category_shocks = of_stores.next(), of_categories.next()
            yield [
                StoreDay(
                    [
                        self._expected(category, store, day)
                        * of_store
                        * category_shocks[category]
                        * max(LEAST, 1 + CELL_SHOCK * dice.noise())
                        for category in range(len(self.categories))
                    ],
                    [self._promotions(category, store, day) for category in self.categories],
                    {
                        out.product: out
                        for out in self.stock_outs
                        if out.store == store and out.first <= day <= out.last
                    },
                )
                for store, of_store in enumerate(store_shocks)
            ]

    def truth(self) -> Iterator[dict[str, Any]]:
        """Return what is true of each promotion that has begun, and category."""
        for planted in self.planted:
            promotion = planted.promotion
            if promotion.start > self.span.end:
                continue
            for category in self.categories:
                if promotion.category not in ("ALL", category):
                    continue
                yield {
                    "promotion_id": promotion.promotion_id,
                    "product_category": category,
                    "start_date": promotion.start.isoformat(),
                    "end_date": promotion.end.isoformat(),
                    "stores": [self.store_ids[store] for store in planted.stores],
                    "lift": planted.lift,
                    "observed_lift": self._observed(planted, category),
                    "dip_afterwards": planted.dip,
                    "taken_from": planted.loser or None,
                    "taken_share": planted.switched,
                }

    def missed(self) -> Iterator[dict[str, Any]]:
        """Return the stock-outs with the units that they cost."""
        for out in self.stock_outs:
            yield {
                "product_id": self.articles[out.product].product_id,
                "store_id": self.store_ids[out.store],
                "first_day": self.day(out.first).isoformat(),
                "last_day": self.day(out.last).isoformat(),
                "days_out": out.last - out.first + 1,
                "units_lost": out.lost,
            }

    def _observed(self, planted: Planted, category: str) -> float | None:
        """Return the lift that a comparison of days shows, chance apart; null if a weekday has nothing to compare."""
        promotion, place = planted.promotion, self.categories.index(category)

        def units(day: int) -> float:
            of_stores = (self.stores[store] * self._expected(place, store, day) for store in planted.stores)
            return self._traffic(day) * sum(of_stores)

        first, last = ((day - self.span.start).days for day in (promotion.start, promotion.end))
        usual: list[list[float]] = [[] for _ in range(7)]
        for day in range(max(0, first - WINDOW), min(self.span.days, last + WINDOW + 1)):
            if not any(other.promotion.applies(category, self.day(day)) for other in self.planted):
                usual[day % 7].append(units(day))
        promoted = range(first, last + 1)
        if not all(usual[day % 7] for day in promoted):
            return None
        expected = sum(sum(usual[day % 7]) / len(usual[day % 7]) for day in promoted)
        return round(sum(map(units, promoted)) / expected - 1, 4)

    def _traffic(self, day: int) -> float:
        """Return how busy a day is, chance apart."""
        today = self.day(day).isoformat()
        usual = WEEKDAY_WEIGHTS[self.day(day).weekday()] * 7 / sum(WEEKDAY_WEIGHTS)
        held: float = sum(event["factor"] for event in self.events if event["from"] <= today <= event["to"])
        return usual * (1 + self._growth * day / 365) * (1 + held)

    def _expected(self, category: int, store: int, day: int) -> float:
        """Return the lines of a category in a visit, chance apart."""
        lines = self._usual(category, day)
        for planted, since, length in self._near[day]:
            if store not in planted.stores:
                continue
            if planted.promotion.category in ("ALL", self.categories[category]):
                lines *= 1 + planted.lift if since < length else 1 - planted.dip
            elif planted.loser == self.categories[category] and since < length:
                winner = self.categories.index(planted.promotion.category)
                lines -= min(planted.switched * planted.lift * self._usual(winner, day), 0.8 * lines)
        return lines

    def _usual(self, category: int, day: int) -> float:
        swing, peak = self._swings[category]
        away = abs((day - peak) % 365 - 182.5) / 182.5  # 1 at the peak, 0 half a year later
        season = 1 + swing * (2 * away - 1)
        return LINES * self._shares[category] * self._weekdays[category][self.day(day).weekday()] * season

    def _around(self, day: int) -> Iterator[tuple[Planted, int, int]]:
        """Return the promotions that move a day, the days since their start, and their length."""
        for planted in self.planted:
            since = (self.day(day) - planted.promotion.start).days
            length = (planted.promotion.end - planted.promotion.start).days + 1
            if 0 <= since < length + DIP_DAYS:
                yield planted, since, length

    def _promotions(self, category: str, store: int, day: int) -> tuple[Promotion, ...]:
        return tuple(
            planted.promotion
            for planted, _, _ in self._near[day]
            if store in planted.stores and planted.promotion.applies(category, self.day(day))
        )

    def _plan_events(self, dice: Dice) -> Iterator[dict[str, Any]]:
        for start in range(EVENT_EVERY // 4, self.span.days - EVENT_EVERY // 2, EVENT_EVERY):
            first = start + dice.below(EVENT_EVERY // 2)
            last = first + EVENT_DAYS - 1
            yield {
                "from": self.day(first).isoformat(),
                "to": self.day(last).isoformat(),
                "factor": dice.between(15, 40) / 100,
            }

    def _plan_stock_outs(self, dice: Dice, count: int) -> list[StockOut]:
        """Return stock-outs of products that sell often; one product and store has time to recover in between."""
        made: list[StockOut] = []
        for _ in range(count):
            out = StockOut(dice.below(min(OFTEN_SOLD, len(self.articles))), dice.below(len(self.stores)), 0, 0)
            out.first = dice.below(self.span.days)
            out.last = min(out.first + dice.pick(STOCK_OUT_DAYS) - 1, self.span.days - 1)
            others = (other for other in made if (other.product, other.store) == (out.product, out.store))
            if all(out.last < other.first - WINDOW or out.first > other.last + WINDOW for other in others):
                made.append(out)
        return sorted(made, key=lambda out: (out.first, out.product, out.store))


class _Shocks:
    """Factors around 1 that resemble those of the day before."""

    def __init__(self, dice: Dice, size: float, count: int) -> None:
        self.dice, self.size = dice, size
        self.state = [dice.noise() for _ in range(count)]

    def next(self) -> list[float]:
        fresh = (1 - LEFT * LEFT) ** 0.5
        self.state = [LEFT * old + fresh * self.dice.noise() for old in self.state]
        return [max(LEAST, 1 + self.size * shock) for shock in self.state]


def _weights(n: int, flat: int) -> list[float]:
    """Return what share of the whole each of n has, the most popular first."""
    sums = running_sums(n, flat)
    return [(high - low) / sums[-1] for low, high in zip([0, *sums], sums, strict=False)]
