"""The quantiles that make intervals of 95 %, against a table of a textbook and against the density."""

from __future__ import annotations

import csv
import math

import pytest

from retail.contract import PROJECT_DIR

TEXTBOOK = {2: 4.303, 3: 3.182, 5: 2.571, 10: 2.228, 14: 2.145, 20: 2.086, 21: 2.080, 30: 2.042, 40: 2.021, 60: 2.000}


@pytest.fixture(scope="module")
def quantiles() -> dict[int, float]:
    with (PROJECT_DIR / "seeds/reference/t_quantiles.csv").open(encoding="utf-8", newline="") as stream:
        return {int(row["degrees_of_freedom"]): float(row["quantile"]) for row in csv.DictReader(stream)}


def test_they_are_those_of_the_textbook(quantiles):
    assert list(quantiles) == list(range(2, 61))
    assert {degrees: round(quantiles[degrees], 3) for degrees in TEXTBOOK} == TEXTBOOK


@pytest.mark.parametrize("degrees", [2, 7, 29, 60])
def test_95_percent_of_the_density_lie_between(quantiles, degrees):
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    steps = 1000
    width = quantiles[degrees] / steps
    heights = [scale * (1 + (step * width) ** 2 / degrees) ** (-(degrees + 1) / 2) for step in range(steps + 1)]
    simpson = heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])
    assert 2 * width / 3 * simpson == pytest.approx(0.95, abs=1e-6)
