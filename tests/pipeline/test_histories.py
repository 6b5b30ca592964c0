"""The ledger against an independent model, over random histories: every entry, lot and balance."""

from __future__ import annotations

import json
from datetime import date

import pytest

from support.deliveries import write_deliveries
from support.histories import History, histories
from support.loyalty_model import Account, Terms, accepted
from support.programs import WITHOUT_MARKETING
from support.worlds import CUTOFF

ENTRIES = """
    select
        entries.customer_id, entries.entry_number, entries.entry_type,
        coalesce(entries.transaction_id, entries.redemption_id), entries.entry_at, lots.transaction_id, entries.points,
        entries.running_balance, entries.rule_ids, coalesce(entries.uncollected_points, 0),
        coalesce(entries.is_unmatched, false)
    from retail.loyalty_ledger as entries
    left join retail.loyalty_ledger as lots on entries.answers_to_entry_id = lots.ledger_entry_id
"""
LOTS = """
    select
        customer_id, transaction_id, points, expires_on, used_points, clawed_back_points, expired_points, points_left
    from retail.loyalty_lots
"""
BALANCES = """
    select customer_id, total_loyalty_points, qualifying_tier, points_to_next_tier from retail.loyalty_balances
"""
TIERS = (("Bronze", 0), ("Silver", 500), ("Gold", 2000), ("Platinum", 5000))
UNCOVERED = "select record_key from retail_staging.rejected_records where failed_rules = 'points_exceed_balance'"
# what dbt is told, and what the model is
SETTINGS: dict[str, dict[str, object]] = {
    "points stay": {},
    "points expire": {
        "points_expire_after_months": 1,
        "opening_points_earned_on": "2025-01-15",
        "clawback_opening_points": True,
        "loyalty_rule_policy": "highest_threshold",
        "tier_basis": "earned_12_months",
    },
}
TODAY = date(2025, 6, 30)
MIDDLE = date(2025, 3, 31)


def terms(variables: dict[str, object], as_of: date) -> Terms:
    earned_on = variables.get("opening_points_earned_on")
    return Terms(
        policy=str(variables.get("loyalty_rule_policy", "best")),
        expire_after_months=variables.get("points_expire_after_months"),  # type: ignore[arg-type]
        opening_earned_on=date.fromisoformat(str(earned_on)) if earned_on else None,
        clawback_opening=bool(variables.get("clawback_opening_points")),
        as_of=as_of,
    )


def entries_of(customer_id: str, account: Account) -> list[tuple]:
    return [
        (
            customer_id,
            number,
            entry.kind,
            entry.transaction_id,
            entry.at,
            entry.answers_to,
            entry.points,
            entry.balance,
            entry.rule_ids,
            entry.uncollected,
            entry.unmatched,
        )
        for number, entry in enumerate(account.entries)
    ]


def lots_of(customer_id: str, account: Account) -> list[tuple]:
    return [
        (
            customer_id,
            lot.transaction_id,
            lot.points,
            lot.expires_on,
            lot.used,
            lot.clawed_back,
            lot.expired,
            lot.left,
        )
        for lot in (account.opening, *account.lots.values())
    ]


def balance_of(customer_id: str, account: Account, variables: dict[str, object], as_of: date) -> tuple:
    points = account.balance
    if variables.get("tier_basis") == "earned_12_months":
        points = account.earned_after(as_of.replace(year=as_of.year - 1))
    reached = [place for place, (_, least) in enumerate(TIERS) if least <= max(points, 0)][-1]
    lacking = TIERS[reached + 1][1] - points if reached + 1 < len(TIERS) else None
    return customer_id, account.balance, TIERS[reached][0], lacking


def different(found: list[tuple], expected: list[tuple]) -> dict[str, list[tuple]]:
    """The first rows that only one side has."""
    ours, theirs = set(found), set(expected)
    assert len(ours) == len(found) and len(theirs) == len(expected)
    key = repr
    return {
        side: sorted(rows, key=key)[:6] for side, rows in (("ledger", ours - theirs), ("model", theirs - ours)) if rows
    }


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    ("seed", "customers"),
    [(1, 10), pytest.param(2, 2000, marks=pytest.mark.proof)],
)
def test_histories(landing_database, run_program, query, tmp_path, record_property, settings, seed, customers):
    database, variables = landing_database, SETTINGS[settings]
    worlds, found = histories(seed, customers)

    def build(*options: str, as_of: date = TODAY, deliveries: int = len(worlds)) -> set[str]:
        told = {
            "raw_layer": "landing",
            "data_cutoff_date": str(CUTOFF),
            "accept_returns": True,
            "max_rejected_share": 1,
            "as_of_date": str(as_of),
            **variables,
        }
        run_program(database, "dbt", "run", *options, *WITHOUT_MARKETING, "--vars", json.dumps(told))
        accounts, uncovered = {}, set()
        for name, history in found.items():
            sales = [sale for sale in history.sales if sale.delivery <= deliveries]
            redemptions = [one for one in history.redemptions if one.delivery <= deliveries]
            seen = History(history.opening, sales, redemptions)
            accounts[name] = seen.account(terms(variables, as_of))
            kept = accepted(seen.opening, sales, redemptions, terms(variables, as_of))
            uncovered.update(one.redemption_id for one in redemptions if one not in kept)
        entries = [entry for name, account in accounts.items() for entry in entries_of(name, account)]
        assert different(query(database, ENTRIES), entries) == {}
        lots = [lot for name, account in accounts.items() for lot in lots_of(name, account)]
        assert different(query(database, LOTS), lots) == {}
        balances = [balance_of(name, account, variables, as_of) for name, account in accounts.items()]
        assert different(query(database, BALANCES), balances) == {}
        assert {key for (key,) in query(database, UNCOVERED)} == uncovered
        return uncovered

    for number, folder in enumerate(write_deliveries(worlds, tmp_path), start=1):
        run_program(database, "retail", "load", str(folder))
        if number == 2:
            build(deliveries=2)
    assert build(), "no redemption is more than the balance: take another seed"
    build(as_of=MIDDLE)
    record_property("proved", (f"histories in which {settings}", {"customers": customers, "builds": 3}))
