"""The money behind points, by the published figures of those who set and audit the rule."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.extended

SALES = "cast(100000 as numeric)"
POINTS = "cast(10000 as numeric)"


def sql(share: str, redeemed: int, *, expected: str, decimals: str = "none") -> str:
    """Deferred, and recognised after so many points: 10,000 points at 1 each came with sales of 100,000."""
    deferred = f"deferred_revenue('{SALES}', '{POINTS}', '1', '{share}', {decimals})"
    return (
        f"select round({{{{ {deferred} }}}}) as deferred, "
        f"round({{{{ recognised_revenue({deferred}, '{redeemed}', '{POINTS}', '{expected}') }}}}) as recognised"
    )


# IFRS 15, illustrative example 52: 95 % are expected to be redeemed, from the second year on 97 %
IFRS = [sql("0.95", 4500, expected="0.95"), sql("0.95", 8500, expected="0.97")]
# KPMG, "Revenue: IFRS 15 handbook", examples 10A and 10B: shares of the price in whole percents; 97 %, then 99 or 92 %
HANDBOOK = [
    sql("0.97", 4500, expected="0.97", decimals="2"),
    sql("0.97", 8500, expected="0.99", decimals="2"),
    sql("0.97", 8500, expected="0.92", decimals="2"),
]


def test_published_figures(run_program, server):
    figures = "\nunion all\n".join(
        f"select {place} as place, figures.* from ({one}) as figures" for place, one in enumerate([*IFRS, *HANDBOOK])
    )
    shown = run_program(server, "dbt", "show", "--quiet", "--output", "json", "--inline", figures)
    found = sorted(json.loads(shown.stdout)["show"], key=lambda row: row["place"])
    rows = [(row["deferred"], row["recognised"]) for row in found]
    assert [deferred for deferred, _ in rows] == [8676, 8676, 9000, 9000, 9000]
    first, second, *handbook = (recognised for _, recognised in rows)
    assert (first, 8676 - first, second - first, 8676 - second) == (4110, 4566, 3493, 1073)
    assert (handbook[0], handbook[1] - handbook[0], handbook[2] - handbook[0]) == (4175, 3552, 4140)
