"""Customers with a rhythm of their own: when each of them comes, who stops for good, and who answers a campaign."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import Any

from retail.errors import RetailError
from retail.generate.core import Dice
from retail.generate.masters import World

JOIN_LATER = 0.25  # of the customers
STOP_WITHIN_A_YEAR, STOP_AT_MOST = 0.25, 0.6

CAMPAIGN_COLUMNS = (
    *("campaign_id", "campaign_name", "segment_id", "rfm_segment"),
    *("promotion_id", "start_date", "window_days", "holdout_share"),
)
CAMPAIGN_ID, SEGMENT, HOLDOUT_SHARE = "WINBACK", "AR", 0.5
LAPSED_DAYS = 60
WINDOW_DAYS, DAYS_AFTER_WINDOW = 30, 3
LEAST_DAYS = 180


@dataclass
class Shopper:
    """A customer who buys in the span; days count from its first.

    Attributes:
        customer_id: The customer.
        gap: Days between two visits, on average.
        first: The day on which the customer joins; 0 also for those who were there before.
        stop: The day from which the customer never comes again, or the end of the span.
        favourite: A number that chooses the favourite category.
        store: A number that chooses the customer's own store.
        visits: The days of the visits, ascending.
    """

    customer_id: str
    gap: float
    first: int
    stop: int
    favourite: int
    store: float
    visits: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Campaign:
    """A campaign for customers who have lapsed, and by which share it changes how many of them buy."""

    start: int
    effect: float


def shoppers(seed: int, world: World, busy: Sequence[float], transactions: int) -> list[Shopper]:
    """Return all who buy in the span with their visits, about as many as asked for."""
    days = world.span.days
    clock = [0.0, *accumulate(busy)]  # the customers' time, which runs faster on a busy day
    made = [_shopper(Dice(seed, "shopper", i), name, days) for i, name in enumerate(world.buyers)]
    # gaps in proportion, until here
    expected = sum((clock[shopper.stop] - clock[shopper.first]) / shopper.gap for shopper in made)
    for i, shopper in enumerate(made):
        shopper.gap *= expected / transactions
        shopper.visits = list(_visits(Dice(seed, "visits", i), shopper, clock))
    return made


def _shopper(dice: Dice, customer_id: str, days: int) -> Shopper:
    # the product of three throws: many who come often, and some who come seldom
    gap = 0.2 + 10 * dice.random() * dice.random() * dice.random()
    first = dice.below(days) if dice.chance(JOIN_LATER) else 0
    stops = dice.chance(min(STOP_AT_MOST, STOP_WITHIN_A_YEAR * days / 365))
    stop = first + 1 + dice.below(days - first) if stops else days
    return Shopper(customer_id, gap, first, stop, dice.below(1000), dice.random())


def _visits(dice: Dice, shopper: Shopper, clock: list[float]) -> Iterator[int]:
    now = clock[shopper.first] + (0 if shopper.first else shopper.gap * dice.random())
    while now < clock[shopper.stop]:
        yield bisect_right(clock, now) - 1
        now += shopper.gap * (0.4 + 0.6 * (dice.random() + dice.random()))


def truth(everybody: list[Shopper], world: World, categories: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Return what is true of each customer who buys."""
    days = world.span.days
    for shopper in everybody:
        yield {
            "customer_id": shopper.customer_id,
            "days_between_visits": round(shopper.gap, 1) or None,
            "joins": (world.span.start + timedelta(days=shopper.first)).isoformat() if shopper.first else None,
            "favourite_category": categories[shopper.favourite % len(categories)] if shopper.gap else None,
            "stops": (world.span.start + timedelta(days=shopper.stop)).isoformat() if shopper.stop < days else None,
        }


# ---------------------------------------------------------------------------------------------------------------------
# A campaign


def check_days(days: int) -> None:
    """Refuse a span that is too short for customers to lapse before the campaign.

    Raises:
        RetailError: It is.
    """
    if days < LEAST_DAYS:
        raise RetailError(f"--campaign-effect needs --days {LEAST_DAYS} or more: customers must have lapsed before it")


def plan_campaign(days: int, effect: float) -> Campaign:
    """Return a campaign near the end of the span, early enough for its window."""
    return Campaign(days - 1 - WINDOW_DAYS - DAYS_AFTER_WINDOW, effect)


def campaign_row(campaign: Campaign, world: World) -> list[str]:
    """Return the campaign's row of the seed ``campaigns``."""
    start = world.span.start + timedelta(days=campaign.start)
    return [CAMPAIGN_ID, "Win back", SEGMENT, "", "", start.isoformat(), str(WINDOW_DAYS), str(HOLDOUT_SHARE)]


def answer(seed: int, campaign: Campaign, world: World, everybody: list[Shopper]) -> dict[str, Any]:
    """Let the contact group answer: change the visits within the window, and return the truth.

    Raises:
        RetailError: So many buy anyway that the effect can't be reached.
    """
    window = range(campaign.start + 1, campaign.start + 1 + WINDOW_DAYS)
    groups: dict[str, list[Shopper]] = {"contact": [], "holdout": []}
    for shopper in _lapsed(campaign, world, everybody):
        groups[_group(shopper.customer_id)].append(shopper)
    before = {group: sum(_comes(shopper, window) for shopper in found) for group, found in groups.items()}
    rate = sum(before.values()) / max(1, sum(map(len, groups.values())))
    more = campaign.effect * rate / (1 - rate) if rate < 1 else campaign.effect
    if more > 1:
        raise RetailError(
            f"--campaign-effect {campaign.effect} is not possible: {rate:.0%} of the customers buy anyway"
        )
    dice = Dice(seed, "campaign")
    for shopper in groups["contact"]:
        if not _comes(shopper, window):
            if dice.chance(more):
                shopper.visits = sorted([*shopper.visits, dice.pick(window)])
        elif dice.chance(-campaign.effect):
            shopper.visits = [day for day in shopper.visits if day not in window]
    known = {shopper.customer_id for shopper in everybody}
    everybody += [shopper for shopper in groups["contact"] if shopper.visits and shopper.customer_id not in known]
    start, end = (world.span.start + timedelta(days=day) for day in (window[0], window[-1]))
    return {
        "campaign_id": CAMPAIGN_ID,
        "from": start.isoformat(),
        "to": end.isoformat(),
        "effect": campaign.effect,
        "rate_difference": round(campaign.effect * rate, 6),
        "groups": {group: _counts(found, before[group], window) for group, found in groups.items()},
    }


def _lapsed(campaign: Campaign, world: World, everybody: list[Shopper]) -> Iterator[Shopper]:
    """Yield the customers with points who have not bought for so long when the campaign starts."""
    known = {shopper.customer_id: shopper for shopper in everybody}
    for row in world.rows["customer_details"]:
        customer_id = row.get("customer_id").strip()
        if row.errors:
            continue
        shopper = known.get(customer_id) or Shopper(customer_id, 0, 0, world.span.days, 0, 0)
        if past := bisect_right(shopper.visits, campaign.start):
            if campaign.start - shopper.visits[past - 1] >= LAPSED_DAYS:
                yield shopper
            continue
        points, last = row.get("total_loyalty_points").strip(), row.get("last_purchase_date").strip()
        if points.isdecimal() and int(points) and "" < last < world.span.start.isoformat():
            yield shopper


def _group(customer_id: str) -> str:
    """Return the group that the build will choose, by the first 32 bits of the md5."""
    digest = hashlib.md5(f"{CAMPAIGN_ID}|{customer_id}".encode(), usedforsecurity=False).hexdigest()
    return "holdout" if int(digest[:8], 16) < HOLDOUT_SHARE * 2**32 else "contact"


def _comes(shopper: Shopper, window: range) -> bool:
    place = bisect_left(shopper.visits, window.start)
    return place < len(shopper.visits) and shopper.visits[place] in window


def _counts(found: list[Shopper], before: int, window: range) -> dict[str, Any]:
    buyers = sum(_comes(shopper, window) for shopper in found)
    return {
        "customers": len(found),
        "buyers": buyers,
        "buyers_without_campaign": before,
        "purchase_rate": round(buyers / max(1, len(found)), 6),
    }
