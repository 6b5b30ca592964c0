"""The transactions of customers with a rhythm, in stores whose demand is planned."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from retail.generate.core import Dice, money
from retail.generate.demand import STORES_FLAT, Calendar, Demand, StoreDay
from retail.generate.masters import Promotion, World
from retail.generate.sales import (
    HOUR_WEIGHTS,
    QUANTITIES,
    QUANTITY_CHOICES,
    Batch,
    Plan,
    discounted,
    running_sums,
    sale_of,
)
from retail.generate.shoppers import Campaign, Shopper, answer, plan_campaign, shoppers, truth

OWN_STORE = 0.8  # of the visits
PREFERENCE = 2.0  # so much more of the favourite category
NOT_PROMOTED = 0.1  # of the lines that could name a promotion
# the size of a basket, as a factor of the usual one: 1 on average
BASKETS = (0.5,) * 40 + (1.0,) * 35 + (1.4,) * 15 + (2.4,) * 10
PLACES = 4096

_HOURS = tuple(hour for hour, weight in HOUR_WEIGHTS.items() for _ in range(weight))
_UNITS = tuple(QUANTITIES)

Text = tuple[str, int]  # the end of a line, and its cents


class Till:
    """Makes the sales, and counts what the stock-outs cost."""

    def __init__(self, seed: int, world: World, demand: Demand, shoppers: list[Shopper]) -> None:
        """Prepare the lookup tables."""
        self.seed, self.world, self.demand, self.shoppers = seed, world, demand, shoppers
        sums = running_sums(len(world.stores), STORES_FLAT)
        self.store_places = [bisect(sums, (place + 0.5) / PLACES * sums[-1]) for place in range(PLACES)]
        self.shelves = [list(self._shelf(category)) for category in demand.categories]
        self.texts: dict[tuple[int, str], list[Text]] = {}

    def _shelf(self, category: str) -> Iterator[int]:
        """Yield the products of a category, each as often as it is popular."""
        popularity = running_sums(len(self.world.articles), flat=4)
        products = [i for i, article in enumerate(self.world.articles) if article.category == category]
        sums = list(accumulate(popularity[i] - (popularity[i - 1] if i else 0) for i in products))
        for place in range(PLACES):
            yield products[bisect(sums, (place + 0.5) / PLACES * sums[-1])]

    def sales(self, plan: Plan) -> Iterator[Batch]:
        """Make all transactions in the order of time, a batch a day."""
        visitors: list[list[Shopper]] = [[] for _ in self.demand.busy]
        for shopper in self.shoppers:
            for day in shopper.visits:
                visitors[day].append(shopper)
        number = 0
        for day, stores in enumerate(self.demand.days()):
            yield self._batch(day, stores, visitors[day], number, plan)
            number += len(visitors[day])

    def _batch(self, day: int, stores: list[StoreDay], visitors: list[Shopper], number: int, plan: Plan) -> Batch:
        batch, dice, date = Batch(), Dice(self.seed, "sales", day), self.demand.day(day)
        random = dice.random
        sums = [list(accumulate(store.lines)) for store in stores]
        timed = sorted(
            (3600 * _HOURS[int(random() * len(_HOURS))] + int(random() * 3600), i) for i in range(len(visitors))
        )
        for second, i in timed:
            shopper = visitors[i]
            place = shopper.store if random() < OWN_STORE else random()
            store = self.store_places[int(place * PLACES)]
            key = f"T{date:%Y%m%d}-{number + 1:07d}"
            cents = 0
            lines: list[str] = []
            for text, price in self._basket(dice, stores[store], sums[store], shopper.favourite):
                lines.append(f"{len(lines) + 1},{key}{text}")
                cents += price
            time = f"{date} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            header = f"{key},{shopper.customer_id},{self.world.stores[store]},{time},{money(cents)}\n"
            if number in plan:
                sale = sale_of(self.world, date, key, header, lines, Dice(self.seed, "sale", number))
                batch.add_special(sale, plan[number])
            else:
                batch.headers.append(header)
                batch.lines += lines
            number += 1
        return batch

    def _basket(self, dice: Dice, store: StoreDay, sums: list[float], favourite: int) -> list[Text]:
        """Return at least one line: who finds nothing takes something else."""
        random, basket = dice.random, list[Text]()
        liked = favourite % len(sums)
        whole = sums[-1] + PREFERENCE * store.lines[liked]
        # rounded up or down by chance, so that the mean is exact, and with it the lift of a promotion
        count = int(whole / (1 + PREFERENCE / len(sums)) * BASKETS[int(random() * len(BASKETS))] + random())
        while count > 0 or not basket:
            count -= 1
            category = bisect(sums, random() * whole)
            category = liked if category == len(sums) else category
            product = self.shelves[category][int(random() * PLACES)]
            units = QUANTITY_CHOICES[int(random() * len(QUANTITY_CHOICES))]
            if product in store.out:
                store.out[product].lost += _UNITS[units]
                continue
            promotion = dice.pick(store.promotions[category]) if store.promotions[category] else None
            if promotion and random() < NOT_PROMOTED:
                promotion = None
            basket.append(self._texts(product, promotion)[units])
        return basket

    def _texts(self, product: int, promotion: Promotion | None) -> list[Text]:
        """Return the ends of a product's lines and their amounts in cents, by the place of the quantity."""
        name = promotion.promotion_id if promotion else ""
        found = self.texts.get((product, name))
        if found is None:
            article, discount = self.world.articles[product], promotion.discount if promotion else 0
            amounts = [(quantity, discounted(article.cents * quantity, discount)) for quantity in _UNITS]
            found = [
                (f",{article.product_id},{name},{quantity},{money(cents)}\n", cents) for quantity, cents in amounts
            ]
            self.texts[product, name] = found
        return found


class PlannedSales:
    """The transactions, and all that is true of them.

    Attributes:
        transactions: How many there are.
        campaign: The campaign, if one was asked for.
    """

    def __init__(
        self,
        seed: int,
        world: World,
        calendar: Calendar,
        transactions: int,
        stock_outs: int,
        campaign_effect: float | None,
    ) -> None:
        """Plan who comes when."""
        self.world = world
        self.demand = Demand(seed, world, calendar.planted, stock_outs)
        self.shoppers = shoppers(seed, world, self.demand.busy, transactions)
        self.campaign: Campaign | None = None
        self._answers: list[dict[str, Any]] = []
        if campaign_effect is not None:
            self.campaign = plan_campaign(world.span.days, campaign_effect)
            self._answers = [answer(seed, self.campaign, world, self.shoppers)]
        self.transactions = sum(len(shopper.visits) for shopper in self.shoppers)
        self._till = Till(seed, world, self.demand, self.shoppers)

    def sales(self, plan: Plan) -> Iterator[Batch]:
        """Make all transactions in the order of time."""
        return self._till.sales(plan)

    def days_out(self) -> dict[tuple[str, str], set[str]]:
        """Return the days on which a store lacks a product, by store and product."""
        found: dict[tuple[str, str], set[str]] = {}
        for out in self.demand.stock_outs:
            shelf = self.world.stores[out.store], self.world.articles[out.product].product_id
            days = {self.demand.day(day).isoformat() for day in range(out.first, out.last + 1)}
            found.setdefault(shelf, set()).update(days)
        return found

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        """Return what is true of them; of the stock-outs, once all sales are made."""
        return {
            "campaigns": self._answers,
            "promotions": list(self.demand.truth()),
            "events": self.demand.events,
            "stock_outs": list(self.demand.missed()),
            "customers": list(truth(self.shoppers, self.world, self.demand.categories)),
        }
