"""Campaigns whose truth is known, and what statistics say of them: the textbook's formulas, written once more."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from random import Random
from statistics import NormalDist

Interval = tuple[float, float]

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Group:
    """The customers of one group, and the cents that each of its buyers spent."""

    customers: int
    cents: tuple[int, ...]

    @property
    def rate(self) -> float:
        """The share that bought."""
        return len(self.cents) / self.customers

    @property
    def mean(self) -> float:
        """What a customer spent on average."""
        return sum(self.cents) / 100 / self.customers

    @property
    def variance(self) -> float:
        """The sample's variance of what a customer spent."""
        mean = self.mean
        squares = sum((cents / 100 - mean) ** 2 for cents in self.cents)
        return (squares + (self.customers - len(self.cents)) * mean**2) / (self.customers - 1)


@dataclass(frozen=True)
class Campaign:
    """Two groups, and the differences that were planted."""

    name: str
    contact: Group
    holdout: Group
    rate_truth: float
    spend_truth: float


def campaigns(seed: int, count: int, lift: float) -> list[Campaign]:
    """Return campaigns of all sizes, in each of which the contact group's purchase rate is higher by this share."""
    random = Random(seed)
    found = []
    for number in range(count):
        customers = random.randint(400, 8000)
        share, rate, spread = random.uniform(0.1, 0.5), random.choice((0.05, 0.1, 0.3)), random.uniform(0.4, 0.9)
        held_out = sum(random.random() < share for _ in range(customers))
        found.append(
            Campaign(
                f"C{number}",
                _group(random, customers - held_out, rate * (1 + lift), spread),
                _group(random, held_out, rate, spread),
                rate * lift,
                rate * lift * math.exp(3 + spread**2 / 2),
            )
        )
    return found


def _group(random: Random, customers: int, rate: float, spread: float) -> Group:
    buyers = sum(random.random() < rate for _ in range(customers))
    return Group(customers, tuple(round(100 * random.lognormvariate(3, spread)) for _ in range(buyers)))


def wilson(group: Group) -> Interval:
    """Return Wilson's interval of a group's purchase rate."""
    n, rate = group.customers, group.rate
    middle = (rate + Z**2 / 2 / n) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(rate * (1 - rate) / n + Z**2 / 4 / n**2)
    return middle - half, middle + half


def newcombe(contact: Group, holdout: Group) -> Interval:
    """Return Newcombe's interval (his method 10) of the difference of two purchase rates."""
    (low, high), (other_low, other_high) = wilson(contact), wilson(holdout)
    difference = contact.rate - holdout.rate
    return (
        difference - math.hypot(contact.rate - low, other_high - holdout.rate),
        difference + math.hypot(high - contact.rate, holdout.rate - other_low),
    )


def spend_interval(contact: Group, holdout: Group) -> Interval:
    """Return the interval of the difference of spend per customer: the greater of Welch's and the pooled variance."""
    n, m = contact.customers, holdout.customers
    welch = contact.variance / n + holdout.variance / m
    pooled = ((n - 1) * contact.variance + (m - 1) * holdout.variance) / (n + m - 2) * (1 / n + 1 / m)
    half = Z * math.sqrt(max(welch, pooled))
    return contact.mean - holdout.mean - half, contact.mean - holdout.mean + half


def group_of(campaign: str, customer: str, holdout_share: float) -> str:
    """Return the group of a customer, by the first 32 bits of the md5."""
    digest = hashlib.md5(f"{campaign}|{customer}".encode(), usedforsecurity=False).hexdigest()
    return "holdout" if int(digest[:8], 16) < holdout_share * 2**32 else "contact"
