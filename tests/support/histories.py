"""Random histories of loyalty accounts, as the files of several deliveries and as what the model of an account reads.

Nothing in them is rejected but redemptions that the balance did not cover, so each row is a fact of the ledger. Each
customer is a history of its own; customers share only the loyalty rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from support.loyalty_model import Account, Line, Redemption, Sale, Terms, accepted
from support.oracle import (
    COLUMNS,
    CUSTOMERS,
    HEADERS,
    LINES,
    LOYALTY_RULES,
    PRODUCTS,
    REDEMPTIONS,
    STORES,
    Clean,
    ranked_rules,
)
from support.worlds import World

FIRST_DAY = datetime(2025, 1, 1)
DAYS = 170
PRODUCT_IDS = ("P1", "P2", "P3")
MINUTES = (0, 0, 0, 60, 600, 601)  # many sales have no time of day


@dataclass
class History:
    """One customer: what the account begins with, and what is known of it after all deliveries."""

    opening: int
    sales: list[Sale] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)

    def account(self, terms: Terms) -> Account:
        return Account(self.opening, self.sales, accepted(self.opening, self.sales, self.redemptions, terms), terms)


def histories(seed: int, customers: int, deliveries: int = 4) -> tuple[list[World], dict[str, History]]:
    """Return the files of the deliveries, the first with all master data, and the history of each customer."""
    random = Random(seed)
    worlds: list[World] = [{table: [] for table in COLUMNS} for _ in range(deliveries)]
    worlds[0][STORES].append(_cells(STORES, store_id="S1", opening_date="2020-01-01"))
    for product_id in PRODUCT_IDS:
        worlds[0][PRODUCTS].append(_cells(PRODUCTS, product_id=product_id, unit_price="5.00"))
    rules = _deliver_rules(random, worlds)
    found: dict[str, History] = {}
    for number in range(1, customers + 1):
        customer_id = f"C{number}"
        opening = random.choice((0, 0, 40, 1000))
        history = found[customer_id] = History(opening)
        for delivery, world in enumerate(worlds, start=1):
            if delivery == 1 or random.random() < 0.2:  # a later balance is what the till counts by then
                stated = opening if delivery == 1 else random.choice((opening, opening + 7, 99999))
                world[CUSTOMERS].append(
                    _cells(CUSTOMERS, customer_id=customer_id, total_loyalty_points=str(stated), first_name="A")
                )
        for _ in range(random.choice((0, 1, 2, 3, 5, 8))):
            _deliver(random, worlds, customer_id, history, rules)
        history.redemptions = [
            Redemption(
                f"{customer_id}-X{place}",
                FIRST_DAY + timedelta(days=random.randrange(DAYS), minutes=random.choice(MINUTES)),
                random.choice((1, 10, 40, 100, 300, 1000)),
                random.randint(1, deliveries),
            )
            for place in range(random.choice((0, 0, 1, 3)))
        ]
        for one in history.redemptions:
            worlds[one.delivery - 1][REDEMPTIONS].append(
                _cells(
                    REDEMPTIONS,
                    redemption_id=one.redemption_id,
                    customer_id=customer_id,
                    redeemed_at=str(one.at),
                    points=str(one.points),
                )
            )
    return worlds, found


def _deliver_rules(random: Random, worlds: list[World]) -> list[Sequence[Clean]]:
    """Put loyalty rules into some deliveries, and return those in force as of each."""
    in_force: list[Sequence[Clean]] = []
    for place, world in enumerate(worlds):
        if place and random.random() < 0.5:
            in_force.append(in_force[-1])
            continue
        stated = [
            _cells(
                LOYALTY_RULES,
                rule_id=str(number),
                points_per_unit_spend=random.choice(("0", "0.005", "0.5", "1", "2.25")),
                min_spend_threshold=random.choice(("0", "20", "50.00", "100")),
                bonus_points=random.choice(("0", "5", "100")),
            )
            for number in random.sample(range(1, 5), random.randint(1, 3))
        ]
        world[LOYALTY_RULES].extend(stated)
        in_force.append(
            ranked_rules(
                {
                    "rule_id": rule["rule_id"],
                    "points_per_unit_spend": Decimal(rule["points_per_unit_spend"] or 0),
                    "min_spend_threshold": Decimal(rule["min_spend_threshold"] or 0),
                    "bonus_points": int(rule["bonus_points"] or 0),
                }
                for rule in stated
            )
        )
    return in_force


def _deliver(
    random: Random, worlds: list[World], customer_id: str, history: History, rules: list[Sequence[Clean]]
) -> None:
    """Add a purchase, a return or an exchange: header and lines in one delivery, or in two, and some of them twice."""
    number = len(history.sales) + 1
    transaction_id = f"{customer_id}-{random.choice(('T', 'a', 'Z'))}{number}"  # text order is not that of time
    at = FIRST_DAY + timedelta(days=random.randrange(DAYS), minutes=random.choice(MINUTES))
    if history.sales and random.random() < 0.3:
        at = random.choice(history.sales).at
    kind = random.choice(("purchase", "purchase", "return", "return", "exchange"))
    bought = [line for sale in history.sales for line in sale.lines if line.quantity > 0]
    lines = [
        _line(random, str(place), bought, returned=kind == "return" or (kind == "exchange" and place == 1))
        for place in range(1, random.randint(1, 3) + (kind == "exchange"))
    ]
    if kind == "exchange" and len(lines) == 1:
        lines.append(_line(random, "2", bought, returned=False))
    total = sum((line.amount for line in lines), Decimal(0))
    if not total and kind != "exchange":
        return
    of_header, of_lines = (random.randrange(len(worlds)) for _ in range(2))
    if random.random() < 0.8:
        of_lines = of_header
    header = _cells(
        HEADERS,
        transaction_id=transaction_id,
        customer_id=customer_id,
        store_id="S1",
        transaction_date=str(at),
        total_amount=str(total),
    )
    rows = [
        _cells(
            LINES,
            line_item_id=line.line_item_id,
            transaction_id=transaction_id,
            product_id=line.product_id,
            quantity=str(line.quantity),
            line_item_amount=str(line.amount),
        )
        for line in lines
    ]
    worlds[of_header][HEADERS].append(header)
    worlds[of_lines][LINES].extend(rows)
    if random.random() < 0.2:
        again = worlds[random.randrange(max(of_header, of_lines), len(worlds))]
        if header not in again[HEADERS] and not any(row in again[LINES] for row in rows):
            again[HEADERS].append(header)
            again[LINES].extend(rows)
    delivery = 1 + max(of_header, of_lines)
    history.sales.append(Sale(transaction_id, at, total, tuple(lines), rules[of_header], delivery))


def _line(random: Random, line_item_id: str, bought: list[Line], *, returned: bool) -> Line:
    if not returned:
        amount = Decimal(random.choice((0, 999, 1000, 2000, 4999, 5000, 10001))) / 100
        return Line(line_item_id, random.choice(PRODUCT_IDS), random.choice((1, 1, 2, 3, 7)), amount)
    if not bought or random.random() < 0.2:
        return Line(
            line_item_id, random.choice(PRODUCT_IDS), -random.randint(1, 3), Decimal(-random.randint(1, 6000)) / 100
        )
    line = random.choice(bought)
    pieces = random.choice((1, line.quantity, line.quantity, line.quantity + 1))
    return Line(
        line_item_id, line.product_id, -pieces, -(line.amount * pieces / line.quantity).quantize(Decimal("0.01"))
    )


def _cells(table: str, **cells: str) -> dict[str, str | None]:
    return dict.fromkeys(COLUMNS[table], "") | cells
