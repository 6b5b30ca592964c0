"""One customer's loyalty account in plain Python: what each entry, lot and balance must be, one event after the other.

It shares nothing with the SQL. Semantics, where a reader may ask:

- Events go by moment; at one moment purchases come first, then returns, redemptions and expiries; then by
  transaction_id (redemption_id, lot). Texts go by code point.
- A transaction without negative lines earns on its total, one with both signs on the sum of its positive lines.
- A return line takes its quantity from the customer's purchase lines of the product that are not later, the latest
  first (moment, transaction_id, line_item_id, all descending). An exchange doesn't return what it sells: at one moment
  its lines come after all returns. What came back of a line is worth
  round(amount * pieces / quantity, 2), counted over all pieces so far, and the whole amount once all are back. When all
  lines of a purchase are back, nothing is left of it.
- A purchase stands at the fewest points that any state of it so far was worth, under the rules it was credited by. A
  return takes the difference: one CLAWBACK entry per return and purchase, and one more for what matched none, at the
  points of the return's own amount under its own rules. Where the pieces that returns of a product took were worth more
  than was paid back for them, what matches none counts only beyond that. Entries of one return go by purchase (moment,
  transaction_id), the unmatched one last.
- A CLAWBACK takes from the purchase's own lot; points of it that expired count as taken; for what was spent, it takes
  from other earned lots, the oldest first, then from the opening if the var allows it. The rest is `uncollected`.
- A REDEEM takes from the oldest lots, the opening first. Where lots hold too little, because facts came late, the
  opening lot goes below 0, and what is earned next fills it first. So the sum of the lots is always the balance.
- A lot expires at the last moment of its month, `points_expire_after_months` later; the opening lot only if its day is
  known. An expiry of 0 points has no entry.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from math import floor

from support.oracle import Clean, points_of

ZERO = Decimal(0)
LAST_MOMENT = time(23, 59, 59, 999999)
EARN, CLAWBACK, REDEEM, EXPIRE = range(4)


@dataclass(frozen=True)
class Line:
    """A clean line item; a return has a quantity below 0, and one of quantity 0 can't be returned."""

    line_item_id: str
    product_id: str
    quantity: int
    amount: Decimal


@dataclass(frozen=True)
class Sale:
    """A clean transaction, with the rules in force when its header was delivered and the delivery that completed it."""

    transaction_id: str
    at: datetime
    total: Decimal
    lines: tuple[Line, ...]
    rules: Sequence[Clean]
    delivery: int = 1

    @property
    def returns(self) -> bool:
        """Whether it has a return line."""
        return any(line.quantity < 0 for line in self.lines)

    @property
    def sells(self) -> bool:
        return any(line.quantity >= 0 for line in self.lines) if self.returns else self.total >= 0

    @property
    def is_exchange(self) -> bool:
        return self.returns and self.sells


@dataclass(frozen=True)
class Redemption:
    redemption_id: str
    at: datetime
    points: int
    delivery: int = 1


@dataclass(frozen=True)
class Terms:
    """The vars that the account depends on."""

    policy: str = "best"
    expire_after_months: int | None = None
    opening_earned_on: date | None = None
    clawback_opening: bool = False
    as_of: date | None = None


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger; `answers_to` is the purchase, None for the opening lot and for what matched nothing."""

    kind: str
    transaction_id: str | None
    at: datetime | None
    answers_to: str | None
    points: int
    balance: int
    rule_ids: str | None = None
    uncollected: int = 0
    unmatched: bool = False


@dataclass
class Lot:
    """Points of one EARN entry, or of the opening."""

    transaction_id: str | None
    points: int
    expires_on: date | None
    used: int = 0
    clawed_back: int = 0
    expired: int = 0
    forgiven: int = 0  # expired points that a return counted as taken

    @property
    def left(self) -> int:
        return self.points - self.used - self.clawed_back - self.expired


@dataclass
class Purchase:
    """What is left of a purchase after returns."""

    sale: Sale
    amount: Decimal
    standing: int
    rule_ids: str | None
    came_back: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # by line_item_id, pieces

    def amount_left(self) -> Decimal:
        lines = [line for line in self.sale.lines if line.quantity > 0]
        if all(self.came_back[line.line_item_id] == line.quantity for line in lines):
            return ZERO
        back = sum((_worth(line.amount, self.came_back[line.line_item_id], line.quantity) for line in lines), ZERO)
        return max(self.amount - back, ZERO)


class Account:
    """The account after all events up to the as-of date."""

    def __init__(self, opening: int, sales: Iterable[Sale], redemptions: Iterable[Redemption], terms: Terms) -> None:
        self.terms = terms
        self.balance = opening
        self.opening = Lot(None, opening, _expiry(terms.opening_earned_on, terms))
        self.lots: dict[str, Lot] = {}  # in the order in which they were earned
        self.purchases: dict[str, Purchase] = {}
        self.paid_later: dict[str, Decimal] = defaultdict(Decimal)  # by product_id: taken, not yet paid back
        self.entries = [Entry("OPENING", None, None, None, opening, opening)]
        for at, kind, _, event in sorted(self._events(sales, redemptions), key=lambda event: event[:3]):
            if terms.as_of is not None and at.date() > terms.as_of:
                break
            match kind, event:
                case 0, Sale():
                    self._earn(event)
                case 1, Sale():
                    self._take_back(event)
                case 2, Redemption():
                    self._redeem(event)
                case 3, str() | None:
                    self._expire(at, event)

    def earned_after(self, day: date) -> int:
        """Return what later purchases are still worth: what they earned, less what their returns take back."""
        return sum(purchase.standing for purchase in self.purchases.values() if purchase.sale.at.date() > day)

    def _events(
        self, sales: Iterable[Sale], redemptions: Iterable[Redemption]
    ) -> Iterable[tuple[datetime, int, str, Sale | Redemption | str | None]]:
        if self.opening.expires_on:
            yield datetime.combine(self.opening.expires_on, LAST_MOMENT), EXPIRE, "", None
        for sale in sales:
            if sale.sells:
                yield sale.at, EARN, sale.transaction_id, sale
                expires_on = _expiry(sale.at.date(), self.terms)
                if expires_on:
                    yield datetime.combine(expires_on, LAST_MOMENT), EXPIRE, sale.transaction_id, sale.transaction_id
            if sale.returns or not sale.sells:
                yield sale.at, CLAWBACK, sale.transaction_id, sale
        for redemption in redemptions:
            yield redemption.at, REDEEM, redemption.redemption_id, redemption

    def _write(self, entry: Entry) -> None:
        self.balance += entry.points
        self.entries.append(replace(entry, balance=self.balance))

    def _earn(self, sale: Sale) -> None:
        sold = sum((line.amount for line in sale.lines if line.quantity >= 0), ZERO)
        amount = sold if sale.is_exchange else sale.total
        points, rule_ids = points_of(amount, sale.rules, self.terms.policy)
        self.purchases[sale.transaction_id] = Purchase(sale, amount, points, rule_ids)
        lot = self.lots[sale.transaction_id] = Lot(sale.transaction_id, points, _expiry(sale.at.date(), self.terms))
        fills = min(max(-self.opening.left, 0), points)
        self.opening.used -= fills
        lot.used += fills
        self._write(Entry("EARN", sale.transaction_id, sale.at, None, points, 0, rule_ids))

    def _take_back(self, sale: Sale) -> None:
        matched: dict[str, Purchase] = {}
        taken_before = unmatched = ZERO
        for product_id in sorted({line.product_id for line in sale.lines if line.quantity < 0}):
            paid = worth = rest = ZERO
            for line in sorted(sale.lines, key=lambda line: line.line_item_id):
                if line.quantity < 0 and line.product_id == product_id:
                    left_over = -line.quantity
                    for purchase, bought in self._lines_of(line.product_id, sale.at):
                        before = purchase.came_back[bought.line_item_id]
                        pieces = min(left_over, bought.quantity - before)
                        if pieces:
                            purchase.came_back[bought.line_item_id] += pieces
                            matched[purchase.sale.transaction_id] = purchase
                            left_over -= pieces
                            worth += _worth(bought.amount, before + pieces, bought.quantity)
                            worth -= _worth(bought.amount, before, bought.quantity)
                    paid -= line.amount
                    rest += _worth(-line.amount, left_over, -line.quantity)
            later = self.paid_later[product_id] + max(worth - (paid - rest), ZERO)
            self.paid_later[product_id] = max(later - rest, ZERO)
            taken_before += min(later, rest)
            unmatched += max(rest - later, ZERO)
        is_alone = not matched and not sale.sells
        if is_alone:
            unmatched = max(-sale.total - taken_before, ZERO)
        for purchase in sorted(matched.values(), key=lambda found: (found.sale.at, found.sale.transaction_id)):
            worth, _ = points_of(purchase.amount_left(), purchase.sale.rules, self.terms.policy)
            due = max(purchase.standing - worth, 0)
            purchase.standing -= due
            taken, uncollected = self._collect(due, self.lots[purchase.sale.transaction_id])
            self._write(
                Entry(
                    "CLAWBACK",
                    sale.transaction_id,
                    sale.at,
                    purchase.sale.transaction_id,
                    -taken,
                    0,
                    purchase.rule_ids,
                    uncollected,
                )
            )
        if unmatched > 0 or is_alone:
            due, rule_ids = points_of(unmatched, sale.rules, self.terms.policy)
            taken, uncollected = self._collect(due, None)
            self._write(Entry("CLAWBACK", sale.transaction_id, sale.at, None, -taken, 0, rule_ids, uncollected, True))

    def _lines_of(self, product_id: str, at: datetime) -> list[tuple[Purchase, Line]]:
        """Return the lines that were bought so far, the latest first."""
        found = [
            (purchase, line)
            for purchase in self.purchases.values()
            for line in purchase.sale.lines
            if line.product_id == product_id and line.quantity > 0
            if not (purchase.sale.at == at and purchase.sale.is_exchange)
        ]
        return sorted(
            found,
            key=lambda one: (
                one[0].sale.at,
                one[0].sale.is_exchange,
                one[0].sale.transaction_id,
                one[1].line_item_id,
            ),
            reverse=True,
        )

    def _collect(self, due: int, own: Lot | None) -> tuple[int, int]:
        """Take points back; return how many were taken, and how many could not be."""
        taken = 0
        if own is not None:
            taken = _take(own, due)
            forgiven = min(due - taken, own.expired - own.forgiven)
            own.forgiven += forgiven
            due -= forgiven
        for lot in self.lots.values():
            taken += _take(lot, due - taken)
        if self.terms.clawback_opening:
            taken += _take(self.opening, due - taken)
        return taken, due - taken

    def _redeem(self, redemption: Redemption) -> None:
        due = redemption.points
        for lot in (self.opening, *self.lots.values()):
            used = min(due, max(lot.left, 0))
            lot.used += used
            due -= used
        self.opening.used += due  # below 0: facts came late
        self._write(Entry("REDEEM", redemption.redemption_id, redemption.at, None, -redemption.points, 0))

    def _expire(self, at: datetime, transaction_id: str | None) -> None:
        lot = self.opening if transaction_id is None else self.lots[transaction_id]
        points = lot.left
        if points > 0:
            lot.expired += points
            self._write(Entry("EXPIRE", None, at, transaction_id, -points, 0))


def accepted(opening: int, sales: Sequence[Sale], redemptions: Iterable[Redemption], terms: Terms) -> list[Redemption]:
    """Return the redemptions that the balance covered, each judged once, by what was delivered so far."""
    kept: list[Redemption] = []
    for redemption in sorted(redemptions, key=lambda one: (one.delivery, one.at, one.redemption_id)):
        known = [sale for sale in sales if sale.delivery <= redemption.delivery and sale.at <= redemption.at]
        before = [one for one in kept if (one.at, one.redemption_id) < (redemption.at, redemption.redemption_id)]
        moment = replace(terms, as_of=None)
        account = Account(opening, known, before, moment)
        entries = [entry for entry in account.entries if entry.at is None or entry.at <= redemption.at]
        if redemption.points <= entries[-1].balance:
            kept.append(redemption)
    return kept


def _take(lot: Lot, points: int) -> int:
    taken = min(points, max(lot.left, 0))
    lot.clawed_back += taken
    return taken


def _worth(amount: Decimal, pieces: int, quantity: int) -> Decimal:
    """What some pieces of a line are worth, half a cent rounded up."""
    return Decimal(floor(Fraction(amount) * pieces / quantity * 100 + Fraction(1, 2))).scaleb(-2)


def _expiry(earned_on: date | None, terms: Terms) -> date | None:
    if earned_on is None or terms.expire_after_months is None:
        return None
    months = earned_on.year * 12 + earned_on.month - 1 + terms.expire_after_months
    year, month = divmod(months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])
