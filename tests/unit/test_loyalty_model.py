"""The model of a loyalty account gives what a person counts by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from support.histories import histories
from support.loyalty_model import Account, Line, Redemption, Sale, Terms, accepted

# one point per unit; from 100 on, 100 points more
RULES = [
    {"rule_id": "1", "points_per_unit_spend": Decimal(1), "min_spend_threshold": Decimal(0), "bonus_points": 0},
    {"rule_id": "2", "points_per_unit_spend": Decimal(1), "min_spend_threshold": Decimal(100), "bonus_points": 100},
]
FOR_EVER = Terms()
EXPIRING = Terms(expire_after_months=1)


def day(number: int) -> datetime:
    return datetime(2025, 1, 1 + number, 12)


def sale(name: str, number: int, *lines: tuple[str, int, int], delivery: int = 1) -> Sale:
    """A sale of lines (product, quantity, amount), numbered from 1."""
    made = tuple(
        Line(str(place), product, quantity, Decimal(amount))
        for place, (product, quantity, amount) in enumerate(lines, start=1)
    )
    return Sale(name, day(number), sum((line.amount for line in made), Decimal(0)), made, RULES, delivery)


def account(
    *sales: Sale, opening: int = 0, redemptions: tuple[Redemption, ...] = (), terms: Terms = FOR_EVER
) -> Account:
    made = Account(opening, sales, redemptions, terms)
    assert sum(entry.points for entry in made.entries) == made.balance == made.entries[-1].balance
    assert made.balance == made.opening.left + sum(lot.left for lot in made.lots.values())
    return made


def told(made: Account) -> list[tuple[str, str | None, str | None, int, int]]:
    return [
        (entry.kind, entry.transaction_id, entry.answers_to, entry.points, entry.uncollected)
        for entry in made.entries[1:]
    ]


BOUGHT = sale("T1", 0, ("P", 5, 200))  # 300 points


@pytest.mark.parametrize("pieces", [(5,), (2, 3), (1, 1, 1, 1, 1)], ids=len)
def test_in_pieces_or_together_a_return_takes_all(pieces):
    returns = [sale(f"R{place}", place, ("P", -count, -40 * count)) for place, count in enumerate(pieces, start=1)]
    assert account(BOUGHT, *returns).balance == 0


def test_a_piece_takes_the_bonus_where_the_rest_no_longer_earns_it():
    made = account(BOUGHT, sale("R1", 1, ("P", -3, -120)))  # 80 are left
    assert told(made)[1:] == [("CLAWBACK", "R1", "T1", -220, 0)]


def test_the_last_piece_takes_the_remainder():
    bought = sale("T1", 0, ("P", 3, 100))
    made = account(bought, *(sale(f"R{place}", place, ("P", -1, -33)) for place in (1, 2, 3)))
    assert [entry.points for entry in made.entries[1:]] == [200, -134, -33, -33]  # 66.67, 33.33 and 0 are left


def test_the_latest_purchase_comes_back_first():
    made = account(sale("T1", 0, ("P", 1, 10)), sale("T2", 1, ("P", 1, 20)), sale("R", 2, ("P", -1, -10)))
    assert told(made)[2:] == [("CLAWBACK", "R", "T2", -20, 0)]


def test_one_piece_that_is_paid_back_in_parts_takes_nothing_of_other_purchases():
    parts = [sale(f"R{place}", place, ("P", -1, -40)) for place in range(1, 7)]
    made = account(sale("T0", 0, ("Q", 1, 90)), sale("T1", 0, ("P", 1, 200)), *parts)
    assert told(made)[2:] == [
        ("CLAWBACK", "R1", "T1", -300, 0),
        *(("CLAWBACK", f"R{place}", None, 0, 0) for place in range(2, 6)),
        ("CLAWBACK", "R6", None, -40, 0),  # more than was ever paid for it
    ]


def test_a_return_before_its_purchase_in_text_order():
    made = account(sale("T9", 0, ("P", 1, 49)), sale("T10", 0, ("P", -1, -49)))
    assert told(made) == [("EARN", "T9", None, 49, 0), ("CLAWBACK", "T10", "T9", -49, 0)]


def test_an_exchange_earns_and_takes_back():
    made = account(sale("T1", 0, ("P", 1, 49)), sale("T2", 1, ("P", -1, -49), ("Q", 1, 39)))
    assert told(made)[1:] == [("EARN", "T2", None, 39, 0), ("CLAWBACK", "T2", "T1", -49, 0)]


def test_what_matches_nothing_is_worth_itself_and_leaves_the_opening():
    back = sale("R", 0, ("P", -1, -50))
    made = account(back, opening=1000)
    assert (made.balance, told(made), made.entries[1].unmatched) == (1000, [("CLAWBACK", "R", None, 0, 50)], True)
    assert account(back, opening=1000, terms=Terms(clawback_opening=True)).balance == 950


def test_spent_points_are_taken_from_other_lots():
    spent = Redemption("X", day(1), 300)
    made = account(BOUGHT, sale("T2", 2, ("Q", 1, 50)), sale("R", 3, ("P", -5, -200)), redemptions=(spent,))
    assert told(made)[-1] == ("CLAWBACK", "R", "T1", -50, 250)


def test_expired_points_are_not_taken_twice():
    back = replace(sale("R", 0, ("P", -5, -200)), at=datetime(2025, 3, 1))
    other = replace(sale("T2", 0, ("Q", 1, 50)), at=datetime(2025, 2, 28))
    made = account(BOUGHT, other, back, terms=EXPIRING)
    assert told(made)[1:] == [
        ("EARN", "T2", None, 50, 0),
        ("EXPIRE", None, "T1", -300, 0),
        ("CLAWBACK", "R", "T1", 0, 0),
        ("EXPIRE", None, "T2", -50, 0),
    ]


def test_lots_expire_at_the_end_of_a_month_and_by_the_as_of_date():
    assert account(BOUGHT).opening.expires_on is None
    assert account(replace(BOUGHT, at=datetime(2024, 1, 31)), terms=EXPIRING).lots["T1"].expires_on == date(2024, 2, 29)
    seen = replace(EXPIRING, as_of=date(2025, 2, 27))
    assert account(BOUGHT, terms=seen).balance == 300
    assert account(BOUGHT, terms=replace(seen, as_of=date(2025, 2, 28))).balance == 0


def test_the_oldest_points_are_spent_first():
    made = account(BOUGHT, opening=10, redemptions=(Redemption("X", day(1), 60),))
    assert (made.opening.left, made.lots["T1"].left) == (0, 250)


def test_late_facts_overdraw_and_the_next_points_fill():
    """The return was before the redemption and came later."""
    spent = Redemption("X", day(2), 300)
    made = account(BOUGHT, sale("R", 1, ("P", -5, -200)), redemptions=(spent,))
    assert (made.balance, made.opening.left) == (-300, -300)
    more = account(BOUGHT, sale("R", 1, ("P", -5, -200)), sale("T2", 3, ("P", 1, 50)), redemptions=(spent,))
    assert (more.balance, more.opening.left, more.lots["T2"].left) == (-250, -250, 0)


def test_a_redemption_is_judged_once_by_what_was_delivered():
    late = sale("T1", 0, ("P", 5, 200), delivery=2)
    early, again = Redemption("X", day(1), 300, delivery=1), Redemption("Y", day(1), 300, delivery=2)
    assert accepted(0, [late], [early, again, replace(again, redemption_id="Z")], Terms()) == [again]


def test_a_return_adds_no_points():
    """Where the rule of the larger amount gives less."""
    rules = [RULES[0], RULES[1] | {"points_per_unit_spend": Decimal(0), "bonus_points": 5}]
    bought = replace(BOUGHT, rules=rules)
    terms = Terms(policy="highest_threshold")
    made = account(bought, sale("R", 1, ("P", -3, -120)), sale("S", 2, ("P", -2, -80)), terms=terms)
    assert [entry.points for entry in made.entries[1:]] == [5, 0, -5]


@pytest.mark.parametrize(
    "terms",
    [
        FOR_EVER,
        Terms("stack", expire_after_months=2),
        Terms("highest_threshold", 1, opening_earned_on=date(2025, 1, 3), clawback_opening=True),
        Terms(expire_after_months=1, as_of=date(2025, 4, 1)),
    ],
    ids=["for ever", "stack", "highest threshold", "as of a day"],
)
def test_random_accounts_add_up(terms):
    """Lots and entries give the balance, and no purchase loses more than it earned."""
    _, found = histories(1, 500)
    kinds = Counter()
    for history in found.values():
        made = account(*history.sales, opening=history.opening, redemptions=tuple(history.redemptions), terms=terms)
        earned = {entry.transaction_id: entry.points for entry in made.entries if entry.kind == "EARN"}
        taken = Counter()
        for entry in made.entries:
            kinds[entry.kind] += 1
            assert entry.kind in ("OPENING", "EARN") or entry.points <= 0 <= entry.uncollected
            if entry.kind == "CLAWBACK" and not entry.unmatched:
                taken[entry.answers_to] += entry.uncollected - entry.points
        assert all(points <= earned[transaction_id] for transaction_id, points in taken.items())
        assert all(lot.left >= 0 for lot in made.lots.values())
        if terms.as_of:
            seen = [sale for sale in history.sales if sale.at.date() <= terms.as_of]
            known = [one for one in history.redemptions if one.at.date() <= terms.as_of]
            assert Account(history.opening, seen, known, terms).entries == made.entries
    assert min(kinds.values()) > 50, kinds
