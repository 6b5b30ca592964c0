"""What one task of a cluster would have to do alone: no window looks at all rows, but of tables that stay small."""

from __future__ import annotations

import re

from retail.contract import PROJECT_DIR

# what the window is over: tiers, months, promotions and top products, of which a business has some dozens
SMALL = {"loyalty_balances", "loyalty_liability", "promotion_effectiveness", "stock_cover"}
WINDOW = re.compile(r"\b(?:over|as) \(\s*(partition|order|rows|range|\))")
COMMENT = re.compile(r"--.*")


def test_only_small_tables_have_windows_without_a_partition() -> None:
    without = set()
    windows = 0
    for folder in ("models", "macros"):
        for file in (PROJECT_DIR / folder).rglob("*.sql"):
            words = WINDOW.findall(COMMENT.sub("", file.read_text()))
            windows += len(words)
            if set(words) - {"partition"}:
                without.add(file.stem)
    assert windows > 20
    assert without == SMALL
