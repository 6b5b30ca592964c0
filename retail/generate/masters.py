"""The five master tables: good rows, some with harmless dirt, and faulty rows.

``redemptions`` and ``stock`` make their rows with the same tools.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from retail.generate import values
from retail.generate.core import TABLES, Dice, Row, money

KEY_LENGTHS = {
    "stores": 10,
    "products": 20,
    "customer_details": 20,
    "promotion_details": 10,
    "loyalty_rules": 100,
    "loyalty_redemptions": 30,
}
LABELS = {  # the column in which two rows with the same key differ
    "stores": "store_city",
    "products": "unit_price",
    "customer_details": "first_name",
    "promotion_details": "promotion_name",
    "loyalty_rules": "bonus_points",
    "loyalty_redemptions": "points",
    "inventory_levels": "stock_level",
}
TEXT_LABELS = ("store_city", "first_name", "promotion_name")
BORDER_DAYS = ((60, True), (59, True), (61, True), (60, False), (59, False), (61, False))
ACTIVE, LAPSED, RECENT, NEVER = "active", "lapsed", "recent", "never"
_CUSTOMER_KINDS = (ACTIVE,) * 14 + (LAPSED,) * 3 + (RECENT, NEVER, NEVER)

Build = Callable[[int], Row]


@dataclass(frozen=True)
class Span:
    """The days in which transactions happen, both ends included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Return the number of days."""
        return (self.end - self.start).days + 1

    def at(self, share: float) -> date:
        """Return the day at that share of the span; below 0 and above 1 it lies outside."""
        return self.start + timedelta(days=round(share * max(self.days - 1, 1)))


@dataclass(frozen=True)
class Article:
    """A product as the till knows it."""

    product_id: str
    category: str
    cents: int


@dataclass(frozen=True)
class Promotion:
    """A promotion as the till knows it; the discount is in percent."""

    promotion_id: str
    category: str
    discount: int
    start: date
    end: date

    def applies(self, category: str, day: date) -> bool:
        """Return whether it covers the category on that day."""
        return self.start <= day <= self.end and self.category in ("ALL", category)


@dataclass
class World:
    """The master data: the rows to write, and what a sale can refer to.

    Attributes:
        span: The days of the transactions.
        rows: All rows of each master table, in file order.
        stores: The ids of good stores, most visited first.
        articles: The products that sell, most popular first.
        gift: The free article, which no one buys by itself.
        promotions: The good promotions.
        buyers: The ids of the customers who buy in the span, most active first.
        rejected: The keys of each master table that occur in rejected rows only.
    """

    span: Span
    rows: dict[str, list[Row]]
    stores: list[str]
    articles: list[Article]
    gift: Article
    promotions: list[Promotion]
    buyers: list[str]
    rejected: dict[str, list[str]]


def build_world(
    seed: int,
    span: Span,
    customers: int,
    transactions: int,
    anomaly_rate: float,
    stores_in_all: int | None = None,
    planned: Promotions | None = None,
) -> World:
    """Build the master data; faults have dice of their own, so that they change no good row.

    With planned promotions, the purchases of the customers are planned too: no master data tell of one in the span.
    """
    stores = _Stores(seed, span, stores_in_all or stores_of(transactions))
    products = _Products(seed, 120 + min(1880, transactions // 60))
    buyers = _Customers(seed, span, customers, is_planned=planned is not None)
    promotions = planned or _Promotions(seed, span)
    builders: dict[str, _Builder] = {
        "stores": stores,
        "products": products,
        "customer_details": buyers,
        "promotion_details": promotions,
        "loyalty_rules": _LoyaltyRules(),
    }
    rows: dict[str, list[Row]] = {}
    rejected: dict[str, list[str]] = {}
    for table, builder in builders.items():
        good = [builder.row(i) for i in range(builder.count)]
        sprinkle_space(Dice(seed, table, "space"), good)
        rows[table] = good
        if anomaly_rate:
            dice = Dice(seed, table, "faults")
            rows[table] = with_spoiled(dice, good, builder.row, FAULTS[table], anomaly_rate)
        rejected[table] = _rejected_keys(rows[table])
    return World(
        span=span,
        rows=rows,
        stores=stores.by_popularity(),
        articles=products.by_popularity(),
        gift=products.gift,
        promotions=promotions.promotions,
        buyers=buyers.by_popularity(),
        rejected=rejected,
    )


def stores_of(transactions: int) -> int:
    """Return how many stores have so many transactions."""
    return 6 + min(54, transactions // 1500)


class _Builder(Protocol):
    """The maker of a table's rows: ``count`` good ones, and more to make faulty."""

    count: int

    def row(self, i: int) -> Row: ...


class Promotions(_Builder, Protocol):
    """The maker of the promotions."""

    promotions: list[Promotion]


class _Stores:
    def __init__(self, seed: int, span: Span, count: int) -> None:
        self.seed, self.span, self.count = seed, span, count

    def row(self, i: int) -> Row:
        dice = Dice(self.seed, "store", i)
        city, region = values.CITIES[i % len(values.CITIES)]
        opening = (self.span.start - timedelta(days=dice.between(200, 9000))).isoformat()
        if i == self.count - 1:  # sells a day before its official opening: a warning
            opening = min(self.span.start + timedelta(days=1), self.span.end).isoformat()
        elif i % 7 == 4:
            opening = ""
        name = f"{city} {dice.pick(values.STORE_KINDS)}"
        return Row("stores", [f"S{i + 1:03d}", name, city, region, opening])

    def by_popularity(self) -> list[str]:
        return [f"S{i + 1:03d}" for i in range(self.count)]


class _Products:
    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.count = seed, count
        self.articles: list[Article] = []
        self.names: list[str] = []
        for i in range(count):
            dice = Dice(seed, "product", i)
            category = dice.pick(tuple(values.CATEGORIES))
            low, high, articles = values.CATEGORIES[category]
            # the smaller of two throws: cheap articles are more common than dear ones
            cents = min(dice.between(low, high), dice.between(low, high)) // 50 * 50 + dice.pick((49, 45, 25, 49, 49))
            self.articles.append(Article(f"P{i + 1:05d}", category, cents))
            self.names.append(f"{dice.pick(values.STYLES)} {dice.pick(articles)}")
        self.gift = Article(self.articles[-1].product_id, values.GIFT[1], 0)
        self.articles[-1] = self.gift
        self.names[-1] = values.GIFT[0]

    def row(self, i: int) -> Row:
        dice = Dice(self.seed, "product row", i)
        if i >= self.count:  # an article that nobody buys, for a faulty row
            article, name = Article(f"P{i + 1:05d}", "Household", 999), "Discontinued Article"
        else:
            article, name = self.articles[i], self.names[i]
        price = money(article.cents)
        stock = str(dice.below(400))
        if dice.chance(0.04):
            stock = dice.pick(("", "", stock + ".0", "+" + stock, "2147483647"))
        if article.cents and dice.chance(0.02):
            price = dice.pick((price + "0", price + "4", "+" + price, "0" + price))
        return Row("products", [article.product_id, name, article.category, price, stock])

    def by_popularity(self) -> list[Article]:
        return Dice(self.seed, "popularity").shuffled(self.articles[:-1])


class _Customers:
    """Customers of four kinds: those who buy in the span, lapsed ones, recent ones, and those who never bought."""

    def __init__(self, seed: int, span: Span, count: int, is_planned: bool) -> None:
        self.seed, self.span, self.count, self.is_planned = seed, span, count, is_planned
        dice = Dice(seed, "customer kinds")
        self.kinds = [ACTIVE, *(dice.pick(_CUSTOMER_KINDS) for _ in range(count - 1))]
        lapsed = [i for i, kind in enumerate(self.kinds) if kind == LAPSED]
        self.border = {} if is_planned else dict(zip(lapsed, BORDER_DAYS, strict=False))

    def row(self, i: int) -> Row:
        dice = Dice(self.seed, "customer", i)
        kind = self.kinds[i] if i < self.count else NEVER
        name = dice.pick(values.FIRST_NAMES)
        balance = self._balance(dice, kind)
        last = self._last_purchase(dice, kind)
        if i in self.border:
            days, with_points = self.border[i]
            last = (self.span.end - timedelta(days=days)).isoformat()
            balance = max(balance, 120) if with_points else 0
        status = next(name for least, name in values.TIERS if balance >= least)
        cells = [f"C{i + 1:06d}", name, _mail(dice, name, i), status, str(balance), last, ""]
        row = Row("customer_details", cells)
        if kind == ACTIVE and dice.chance(0.06):
            _warn_customer(dice, row)
        return row

    def _balance(self, dice: Dice, kind: str) -> int:
        if kind == NEVER:
            return dice.pick((0, 0, 50, 100))
        if dice.chance(0.2):
            return 0
        # the product of three throws: many small balances, few large ones
        return 10 + dice.below(20) * dice.below(20) * dice.below(24)

    def _last_purchase(self, dice: Dice, kind: str) -> str:
        if kind == NEVER or (kind == ACTIVE and self.is_planned):
            return ""
        if kind == LAPSED:
            back = dice.between(60, 400)
        elif kind == RECENT:
            back = dice.between(min(self.span.days, 58), 58)
        elif dice.chance(0.25):
            return ""
        else:
            back = dice.between(0, self.span.days + 50)
        last = self.span.start if self.is_planned else self.span.end
        return (last - timedelta(days=back)).isoformat()

    def by_popularity(self) -> list[str]:
        buyers = [f"C{i + 1:06d}" for i, kind in enumerate(self.kinds) if kind == ACTIVE]
        return Dice(self.seed, "activity").shuffled(buyers)


def _mail(dice: Dice, name: str, i: int) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = "".join(c for c in plain.lower() if c.isalnum()) or "kunde"
    return f"{letters}.{i + 1}@{dice.pick(values.MAIL_HOSTS)}"


def _warn_customer(dice: Dice, row: Row) -> None:
    """Give a good customer a value that earns a warning, but no rejection."""
    column, value = dice.pick(
        (
            ("email", "no e-mail"),
            ("email", "anna(at)example.com"),
            ("email", ""),
            ("first_name", ""),
            ("loyalty_status", ""),
            ("total_loyalty_points", ""),
            ("total_loyalty_points", "n/a"),
            ("total_loyalty_points", "-50"),
            ("total_loyalty_points", "120.0"),
            ("last_purchase_date", "31.12.2024"),
            ("last_purchase_date", "2999-12-31"),
            ("segment_id", "XX"),
        )
    )
    row.put(column, value)


class _Promotions:
    def __init__(self, seed: int, span: Span) -> None:
        self.seed, self.span = seed, span
        repeats = 1 + min(9, (span.days - 1) // 60)
        self.count = len(values.PROMOTIONS) * repeats
        self.repeats = repeats
        self.promotions = [self._promotion(i) for i in range(self.count)]

    def _promotion(self, i: int) -> Promotion:
        _, category, discount, start, end = values.PROMOTIONS[i % len(values.PROMOTIONS)]
        lap = i // len(values.PROMOTIONS)
        at = self.span.at
        start, end = (lap + start) / self.repeats, (lap + end) / self.repeats
        return Promotion(f"PR{i + 1:03d}", category, discount, at(start), at(end))

    def row(self, i: int) -> Row:
        promotion = self._promotion(i)
        cells = [
            promotion.promotion_id,
            values.PROMOTIONS[i % len(values.PROMOTIONS)][0],
            promotion.start.isoformat(),
            promotion.end.isoformat(),
            f"0.{promotion.discount:02d}",
            promotion.category,
        ]
        return Row("promotion_details", cells)


class _LoyaltyRules:
    count = len(values.LOYALTY_RULES)

    def row(self, i: int) -> Row:
        if i < self.count:
            return Row("loyalty_rules", list(values.LOYALTY_RULES[i]))
        return Row("loyalty_rules", [str(i + 1), f"Draft {i + 1}", "1.00", "500.00", "5"])


def sprinkle_space(dice: Dice, rows: list[Row]) -> None:
    """Put white space around some cells."""
    for row in rows:
        if dice.chance(0.02):
            row.pad(dice.pick(TABLES[row.table].columns), dice)


# ---------------------------------------------------------------------------------------------------------------------
# Faults

Fault = Callable[[Dice, list[Row], Callable[[], Row]], list[tuple[int, Row]]]
"""Takes good rows and a source of new ones, returns faulty rows and the index after which each may stand."""


def cell_fault(column: str, what: str, bad: Sequence[str]) -> Fault:
    """Return a fault that replaces one cell with one of ``bad``."""

    def fault(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
        row = fresh()
        row.spoil(column, what, dice.pick(bad))
        return [(dice.below(len(good)), row)]

    return fault


def _too_long(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
    row = fresh()
    key = TABLES[row.table].key[0]
    length = KEY_LENGTHS[row.table] + dice.pick((1, 1, 5, 20))
    row.spoil(key, "too_long", row.get(key).ljust(length, dice.pick("X-")))
    return [(dice.below(len(good)), row)]


def _duplicate(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
    i = dice.below(len(good))
    row = good[i].copied()
    key = TABLES[row.table].key[-1]
    if dice.chance(0.3):
        row.pad(key, dice)
    if row.table == "customer_details" and dice.chance(0.3):
        row.put("segment_id", "HS")  # ignored on input, so still an exact copy
    row.fail(f"{key}_duplicate", f"exact copy of {row.get(key).strip()}")
    return [(i + dice.below(len(good) - i), row)]


def _conflict(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
    first = fresh()
    key, label = TABLES[first.table].key[-1], LABELS[first.table]
    second = first.copied()
    old = first.get(label)
    second.put(label, old + " (new)" if label in TEXT_LABELS else "7" if old != "7" else "8")
    rows = [first, second]
    if dice.chance(0.25):
        rows.append(second.copied())
    for row in rows:
        row.fail(f"{key}_conflict", f"{key} {first.get(key)} with different contents")
    return [(dice.below(len(good)), row) for row in rows]


def _ends_before_start(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
    row = fresh()
    end = date.fromisoformat(row.get("start_date")) - timedelta(days=dice.pick((1, 1, 7, 365)))
    row.put("end_date", end.isoformat())
    row.fail("end_date_before_start_date", f"end_date {end} is before start_date {row.get('start_date')}")
    return [(dice.below(len(good)), row)]


def _number_faults(column: str, bad: tuple[str, ...], negative: tuple[str, ...]) -> list[Fault]:
    return [
        cell_fault(column, "missing", values.BLANKS),
        cell_fault(column, "invalid", bad),
        cell_fault(column, "negative", negative),
    ]


def key_faults(key: str) -> list[Fault]:
    """Return the faults of a table's key."""
    return [cell_fault(key, "missing", values.BLANKS), _too_long, *copy_faults()]


def copy_faults() -> list[Fault]:
    """Return the faults of rows that share a key."""
    return [_duplicate, _conflict]


FAULTS: dict[str, list[Fault]] = {
    "stores": [
        *key_faults("store_id"),
        cell_fault("opening_date", "invalid", values.BAD_DATES),
    ],
    "products": [
        *key_faults("product_id"),
        *_number_faults("unit_price", values.BAD_MONEY, values.NEGATIVE_NUMBERS),
        cell_fault("current_stock_level", "invalid", values.BAD_INTEGERS),
        cell_fault("current_stock_level", "negative", values.NEGATIVE_INTEGERS),
    ],
    "customer_details": key_faults("customer_id"),
    "promotion_details": [
        *key_faults("promotion_id"),
        cell_fault("start_date", "missing", values.BLANKS),
        cell_fault("start_date", "invalid", values.BAD_DATES),
        cell_fault("end_date", "missing", values.BLANKS),
        cell_fault("end_date", "invalid", values.BAD_DATES),
        _ends_before_start,
        cell_fault("discount_percentage", "missing", values.BLANKS),
        cell_fault("discount_percentage", "invalid", values.BAD_SMALL),
        cell_fault("discount_percentage", "out_of_range", values.NOT_A_SHARE),
    ],
    "loyalty_rules": [
        *key_faults("rule_id"),
        *_number_faults("points_per_unit_spend", values.BAD_RATES, values.NEGATIVE_NUMBERS),
        *_number_faults("min_spend_threshold", values.BAD_MONEY, values.NEGATIVE_NUMBERS),
        *_number_faults("bonus_points", values.BAD_INTEGERS, values.NEGATIVE_INTEGERS),
    ],
}


def with_spoiled(dice: Dice, good: list[Row], build: Build, faults: Sequence[Fault], rate: float) -> list[Row]:
    """Return the good rows with faulty ones between them: their share is the rate, with at least one of each kind."""
    count = max(len(faults), round(rate * len(good)))
    placed = [(i, row) for i, row in enumerate(good)]
    made = 0

    def fresh() -> Row:
        nonlocal made
        made += 1
        return build(len(good) + made - 1)

    for n in range(count):
        fault = faults[n] if n < len(faults) else dice.pick(faults)
        placed += fault(dice, good, fresh)
    placed.sort(key=lambda pair: pair[0])  # stable: a faulty row follows the good one with its index
    return [row for _, row in placed]


def _rejected_keys(rows: list[Row]) -> list[str]:
    key = TABLES[rows[0].table].key[0]
    valid = {row.get(key).strip() for row in rows if not row.errors}
    spoiled = dict.fromkeys(row.get(key).strip() for row in rows if row.errors)
    return [value for value in spoiled if value and value not in valid]
