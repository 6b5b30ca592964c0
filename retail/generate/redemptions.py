"""The redemptions of points: good ones that the opening balances cover, and faulty ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from retail.generate import values
from retail.generate.core import Dice, Row
from retail.generate.masters import Fault, World, cell_fault, key_faults, sprinkle_space, with_spoiled
from retail.generate.sales import Batch

REDEMPTION = "loyalty_redemptions"
AT_THE_TILL = 0.4  # of the redemptions pay a purchase
KEPT = 4  # clean transactions that are remembered per redemption
POINTS = (50, 100, 100, 200, 250, 500)


class _Purchase(NamedTuple):
    transaction_id: str
    customer_id: str
    moment: str


class Purchases:
    """The transactions that a redemption can name: some of the clean ones, and all that are rejected."""

    def __init__(self, transactions: int, redemptions: int) -> None:
        """Prepare to remember an even choice of the clean transactions."""
        self._step = max(1, transactions // max(1, KEPT * redemptions))
        self._passed = 0
        self.clean: list[_Purchase] = []
        self.rejected: list[str] = []

    def noted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Pass the batches on."""
        for batch in batches:
            self._note(batch)
            yield batch

    def _note(self, batch: Batch) -> None:
        special = set()
        for at, _, sale in batch.special:
            special |= set(range(at, at + sum(not header.late for header in sale.headers)))
            headers = [header for header in sale.headers if header.linked]
            if headers and all(header.errors for header in headers):
                self.rejected.append(sale.transaction_id)
        for place, header in enumerate(batch.headers):
            self._passed += 1
            if self._passed % self._step == 0 and place not in special:
                transaction_id, customer_id, _, moment, _ = header.split(",")
                self.clean.append(_Purchase(transaction_id, customer_id, moment))


def redemptions(seed: int, world: World, purchases: Purchases, count: int, anomaly_rate: float) -> list[Row]:
    """Return so many good redemptions, as far as the opening balances reach, with faulty ones between them."""
    maker = _Maker(seed, world, purchases)
    good = list(maker.good(count))
    sprinkle_space(Dice(seed, REDEMPTION, "space"), good)
    if not good or not anomaly_rate:
        return good
    faults = _faults(world, purchases)
    return with_spoiled(Dice(seed, REDEMPTION, "faults"), good, maker.spare, faults, anomaly_rate)


class _Maker:
    def __init__(self, seed: int, world: World, purchases: Purchases) -> None:
        self.seed, self.span, self.purchases = seed, world.span, purchases
        self.balances = {
            row.get("customer_id").strip(): int(points)
            for row in world.rows["customer_details"]
            if not row.errors and (points := row.get("total_loyalty_points").strip()).isdecimal()
        }
        self.customers = list(self.balances)

    def good(self, count: int) -> Iterator[Row]:
        """Yield rows that spend no more than the opening balances."""
        spenders = [customer for customer in self.customers if self.balances[customer]]
        for i in range(count):
            if not spenders:
                return
            dice = Dice(self.seed, "redemption", i)
            customer, moment, transaction_id = dice.pick(spenders), self._moment(dice), ""
            if self.purchases.clean and dice.chance(AT_THE_TILL):
                purchase = dice.pick(self.purchases.clean)
                if self.balances.get(purchase.customer_id):
                    transaction_id, customer, moment = purchase
            points = min(dice.pick(POINTS), self.balances[customer])
            self.balances[customer] -= points
            if not self.balances[customer]:
                spenders.remove(customer)
            yield self._row(i, customer, moment, points, transaction_id)

    def spare(self, i: int) -> Row:
        """Return a row to be spoiled."""
        dice = Dice(self.seed, "redemption", i)
        return self._row(i, dice.pick(self.customers), self._moment(dice), dice.pick(POINTS), "")

    def _moment(self, dice: Dice) -> str:
        day = self.span.start + timedelta(days=dice.below(self.span.days))
        return f"{day} {dice.between(9, 20):02d}:{dice.below(60):02d}:{dice.below(60):02d}"

    @staticmethod
    def _row(i: int, customer: str, moment: str, points: int, transaction_id: str) -> Row:
        return Row(REDEMPTION, [f"R{i + 1:06d}", customer, moment, str(points), transaction_id])


def _faults(world: World, purchases: Purchases) -> list[Fault]:
    faults = [
        *key_faults("redemption_id"),
        cell_fault("customer_id", "missing", values.BLANKS),
        cell_fault("customer_id", "unknown", ("UNKNOWN", "c000001", "X000001")),
        cell_fault("customer_id", "parent_rejected", world.rejected["customer_details"]),
        cell_fault("redeemed_at", "missing", values.BLANKS),
        cell_fault("redeemed_at", "invalid", values.BAD_TIMESTAMPS),
        cell_fault("redeemed_at", "in_future", values.FUTURE_TIMESTAMPS),
        cell_fault("points", "missing", values.BLANKS),
        cell_fault("points", "invalid", values.BAD_INTEGERS),
        cell_fault("points", "not_positive", values.NOT_POSITIVE_QUANTITIES),
        cell_fault("points", "exceed_balance", values.POINTS_OF_NOBODY),
        cell_fault("transaction_id", "unknown", ("T19990101-0000001", "UNKNOWN")),
    ]
    if purchases.rejected:
        faults.append(cell_fault("transaction_id", "parent_rejected", purchases.rejected))
    if purchases.clean:
        faults.append(_other_customer(purchases.clean))
    return faults


def _other_customer(clean: list[_Purchase]) -> Fault:
    def fault(dice: Dice, good: list[Row], fresh: Callable[[], Row]) -> list[tuple[int, Row]]:
        row = fresh()
        throws = (dice.pick(clean) for _ in range(20))
        purchase = next((found for found in throws if found.customer_id != row.get("customer_id")), None)
        if purchase is None:
            return []
        row.put("transaction_id", purchase.transaction_id)
        row.fail("transaction_id_other_customer", f"{purchase.transaction_id} is a purchase of {purchase.customer_id}")
        return [(dice.below(len(good)), row)]

    return fault
