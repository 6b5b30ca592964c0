"""The transactions: a clean stream in the order of time; a few get dirt or a fault.

A million transactions have 2.7 million lines, so a clean line takes one throw of the dice and a lookup of its text,
which is made once per product, quantity and promotion. Only a sale with dirt or a fault becomes objects (``Sale``).
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from retail.generate.core import Dice, Row, csv_line, money
from retail.generate.masters import Article, Promotion, World

HEADER, LINE = "store_sales_header", "store_sales_line_items"
TOLERANCE = Decimal("0.01")

WEEKDAY_WEIGHTS = (90, 85, 90, 100, 130, 170, 60)  # Monday first
HOUR_WEIGHTS = {9: 30, 10: 55, 11: 75, 12: 90, 13: 80, 14: 60, 15: 65, 16: 85, 17: 110, 18: 100, 19: 60, 20: 20}
LINE_COUNTS = tuple(n for n, weight in enumerate((28, 26, 20, 12, 7, 4, 2, 1), start=1) for _ in range(weight))
QUANTITIES = {1: 36, 2: 14, 3: 6, 4: 4, 6: 2, 5: 1, 12: 1}  # of 64
PROMOTION_SLOTS = 8
POPULARITY_SLOTS = 65536
BATCH = 10_000

QUANTITY_CHOICES = tuple(i for i, weight in enumerate(QUANTITIES.values()) for _ in range(weight))
# one throw of 512 chooses quantity and promotion: the index into the texts of a product
_CHOICES = tuple(q * PROMOTION_SLOTS + slot for q in QUANTITY_CHOICES for slot in range(PROMOTION_SLOTS))


@dataclass
class Sale:
    """A transaction with dirt or a fault: its headers (one, at first) and its lines."""

    transaction_id: str
    headers: list[Row]
    lines: list[Row]
    world: World
    day: date
    dice: Dice
    compound: bool = False  # its fault allows no second one

    @property
    def header(self) -> Row:
        """Return the sale's own header."""
        return self.headers[0]

    def rows(self) -> Iterator[Row]:
        """Return all rows, headers first."""
        yield from self.headers
        yield from self.lines

    def counted(self) -> list[Row]:
        """Return the lines in the header's sum: those of this transaction that are not exact copies."""
        return [line for line in self.lines if line.linked and not line.is_copy]

    def sum(self) -> Decimal | None:
        """Return the sum of the counted lines, or None if one of them is unreadable."""
        amounts = [line.amount for line in self.counted()]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None

    def set_total(self, total: Decimal) -> None:
        """Set the header's total to something readable."""
        self.header.put("total_amount", f"{total:f}")
        self.header.amount = total

    def fit_total(self) -> None:
        """Set the header's total to the sum of its lines, if that is a valid total."""
        total = self.sum()
        if total is not None and total >= Decimal("0.01"):
            self.set_total(total)

    def add_line(self, article: Article, quantity: int = 1) -> Row:
        """Add a line without promotion; the caller updates the total."""
        amount = Decimal(money(article.cents * quantity))
        number = str(1 + len(self.lines))
        cells = [number, self.transaction_id, article.product_id, "", str(quantity), str(amount)]
        self.lines.append(Row(LINE, cells, amount=amount))
        return self.lines[-1]

    def settle(self) -> None:
        """Add the consequences of the rows' errors: the rules that look at other rows of the transaction."""
        linked = [line for line in self.lines if line.linked]
        spoiled = any(line.errors for line in linked if not line.is_copy)
        total = self.sum()
        headers = [header for header in self.headers if header.linked]
        for header in headers:
            if not linked:
                header.errors.add("no_line_items")
                continue
            if spoiled:
                header.errors.add("line_item_rejected")
            if header.amount is not None and total is not None and abs(header.amount - total) > TOLERANCE:
                header.errors.add("total_amount_mismatch")
        if not headers:
            verdict = "transaction_id_unknown"
        elif all(header.errors for header in headers):
            verdict = "transaction_rejected"
        else:
            return
        for line in linked:
            line.errors.add(verdict)


Plan = Mapping[int, Callable[[Sale], None]]
"""The dirt or fault of a transaction, by its number from 0."""


@dataclass
class Batch:
    """Lines of text for the two files, and the sales among them for the manifest."""

    headers: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    special: list[tuple[int, int, Sale]] = field(default_factory=list)  # its first header's and first line's position

    def add_special(self, sale: Sale, fault: Callable[[Sale], None]) -> None:
        """Add a sale after its dirt or fault."""
        fault(sale)
        sale.settle()
        self.special.append((len(self.headers), len(self.lines), sale))
        self.headers += [csv_line(row.cells) for row in sale.headers if not row.late]
        self.lines += [csv_line(row.cells) for row in sale.lines if not row.late]


def sales(seed: int, world: World, transactions: int, plan: Plan) -> Iterator[Batch]:
    """Generate all transactions in the order of time, in batches."""
    till = _Till(world)
    number = 0
    for day, hour, count in _buckets(seed, world, transactions):
        till.open(day)
        dice = Dice(seed, "sales", day, hour)
        times = _times(dice, count, f"{day} {hour:02d}")
        for start in range(0, count, BATCH):
            part = times[start : start + BATCH]
            yield till.batch(dice, number, part, plan, seed)
            number += len(part)


def _buckets(seed: int, world: World, transactions: int) -> list[tuple[date, int, int]]:
    """Distribute the transactions over days and hours; the last hour has at least one."""
    weights: list[tuple[date, int, int]] = []
    dice = Dice(seed, "traffic")
    for offset in range(world.span.days):
        day = world.span.start + timedelta(days=offset)
        busy = WEEKDAY_WEIGHTS[day.weekday()] * dice.between(85, 115)
        weights += [(day, hour, busy * weight * dice.between(90, 110)) for hour, weight in HOUR_WEIGHTS.items()]
    whole = sum(weight for _, _, weight in weights)
    result, done, so_far = [], 0, 0
    for day, hour, weight in weights:
        so_far += weight
        upto = transactions * so_far // whole
        result.append((day, hour, upto - done))
        done = upto
    return result


def _times(dice: Dice, count: int, hour: str) -> list[str]:
    seconds = sorted(dice.below(3600) for _ in range(count))
    return [f"{hour}:{second // 60:02d}:{second % 60:02d}" for second in seconds]


class _Till:
    """Makes clean sales from lookup tables, which it updates when the promotions change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.buyer_sums = running_sums(len(world.buyers), flat=3 + len(world.buyers) // 12)
        self.store_sums = running_sums(len(world.stores), flat=4)
        self.home = [bisect(self.store_sums, (i * 7919 % 1000) / 1000 * self.store_sums[-1]) for i in range(1000)]
        self.slots = _slots(len(world.articles))
        self.offers: dict[str, tuple[Promotion, ...]] = {}
        self.texts: list[list[tuple[str, int]]] = [[] for _ in world.articles]
        self.day = world.span.start

    def open(self, day: date) -> None:
        """Prepare the texts of the lines for a day."""
        self.day = day
        for category in {article.category for article in self.world.articles}:
            offers = tuple(p for p in self.world.promotions if p.applies(category, day))[: PROMOTION_SLOTS // 2]
            if self.offers.get(category) == offers:
                continue
            self.offers[category] = offers
            for i, article in enumerate(self.world.articles):
                if article.category == category:
                    self.texts[i] = _line_texts(article, offers)
        self.shelf = [self.texts[i] for i in self.slots]

    def batch(self, dice: Dice, first: int, times: list[str], plan: Plan, seed: int) -> Batch:
        """Make one sale at each of the times."""
        random, choices, shelf, counts = dice.random, _CHOICES, self.shelf, LINE_COUNTS
        buyers, sums, whole = self.world.buyers, self.buyer_sums, self.buyer_sums[-1]
        stores, store_sums, store_whole = self.world.stores, self.store_sums, self.store_sums[-1]
        batch = Batch()
        add_header, add_line = batch.headers.append, batch.lines.append
        prefix = f"T{self.day:%Y%m%d}-"
        for number, time in enumerate(times, start=first):
            key = f"{prefix}{number + 1:07d}"
            buyer = bisect(sums, random() * whole)
            # four visits of five go to the customer's own store
            store = self.home[buyer % 1000] if random() < 0.8 else bisect(store_sums, random() * store_whole)
            cents = 0
            lines = []
            for i in range(1, counts[int(random() * 100)] + 1):
                text, price = shelf[int(random() * POPULARITY_SLOTS)][choices[int(random() * 512)]]
                lines.append(f"{i},{key}{text}")
                cents += price
            header = f"{key},{buyers[buyer]},{stores[store]},{time},{cents // 100}.{cents % 100:02d}\n"
            if number in plan:
                sale = sale_of(self.world, self.day, key, header, lines, Dice(seed, "sale", number))
                batch.add_special(sale, plan[number])
                continue
            add_header(header)
            for line in lines:
                add_line(line)
        return batch


def sale_of(world: World, day: date, key: str, header: str, lines: list[str], dice: Dice) -> Sale:
    """Return a sale from the text of its rows."""

    def row(table: str, text: str) -> Row:
        cells = text.rstrip("\n").split(",")
        return Row(table, cells, amount=Decimal(cells[-1]))

    return Sale(key, [row(HEADER, header)], [row(LINE, line) for line in lines], world, day, dice)


def running_sums(n: int, flat: int) -> list[int]:
    """Return running sums of Zipf-like weights: the first of n is the most popular, less so with a larger `flat`."""
    total, sums = 0, []
    for rank in range(n):
        total += 1_000_000_000 // (rank + flat)
        sums.append(total)
    return sums


def _slots(n: int) -> list[int]:
    """Return a table of product indices, each as often as it is popular."""
    sums = running_sums(n, flat=4)
    step = sums[-1] / POPULARITY_SLOTS
    return [bisect(sums, (slot + 0.5) * step) for slot in range(POPULARITY_SLOTS)]


def _line_texts(article: Article, offers: tuple[Promotion, ...]) -> list[tuple[str, int]]:
    """Return the ends of a product's lines and their amounts in cents, by quantity and promotion.

    Half of the promotion slots go without, the others are shared by the promotions that apply.
    """
    half = PROMOTION_SLOTS // 2
    slots = [None] * half + [offers[i % len(offers)] if offers else None for i in range(half)]
    texts = []
    for quantity in QUANTITIES:
        for offer in slots:
            cents = discounted(article.cents * quantity, offer.discount if offer else 0)
            name = offer.promotion_id if offer else ""
            texts.append((f",{article.product_id},{name},{quantity},{money(cents)}\n", cents))
    return texts


def discounted(cents: int, percent: int) -> int:
    """Return the price after a discount, rounded half up."""
    return (cents * (100 - percent) + 50) // 100
