"""What promotion_effectiveness says of promotions whose effect is known, and that it is silent where it can't know."""

from __future__ import annotations

from collections import defaultdict

import pytest

from retail.contract import PROJECT_DIR
from support.promotion_worlds import CLEAN, Judge, Tally, table, tally, total, worlds

DAYS = (60, 90, 180)


@pytest.fixture(scope="module")
def judge(run_program, tmp_path_factory) -> Judge:
    folder = tmp_path_factory.mktemp("compiled")
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(folder / "warehouse.duckdb")}
    run_program(database, "dbt", "compile", "-s", "tag:marketing", "--target-path", str(folder))
    return Judge(folder / "manifest.json", PROJECT_DIR / "seeds/reference/t_quantiles.csv")


def judged(judge, tmp_path, count: int, seed: int) -> dict[tuple[str, str, float], Tally]:
    tallies: dict[tuple[str, str, float], Tally] = defaultdict(Tally)
    for days in DAYS:
        made = worlds(count, days, seed)
        for key, found in tally(made, judge.judge(made, tmp_path)).items():
            tallies[key] = tallies[key] + found
    return tallies


@pytest.mark.extended
def test_twenty_worlds(judge, tmp_path):
    tallies = judged(judge, tmp_path, 20, seed=2)
    for kind in ("observed", "did"):
        found = total(tallies, kind, CLEAN)
        assert found.claimed >= 20
        assert found.coverage >= 85
        assert total(tallies, kind, CLEAN, [2.0]).above > 0


@pytest.mark.proof
def test_intervals_contain_what_was_planted(judge, tmp_path, record_property):
    tallies = judged(judge, tmp_path, 1200, seed=1)
    print(table(tallies))
    for kind in ("observed", "did"):
        found, without_effect = total(tallies, kind, CLEAN), total(tallies, kind, CLEAN, [1.0])
        record_property(
            "proved",
            (
                f"{kind}_lift of planted promotions",
                {"judged": found.claimed, "with the truth in the interval": found.covered},
            ),
        )
        assert found.claimed >= 1000
        assert 93 <= found.coverage <= 97.5
        assert without_effect.found <= 3
        assert found.silent <= 30


def test_the_sample_is_too_short(sample, query):
    """A week has no days to compare with: no lift, and a reason in each row."""
    ((rows, silent),) = query(
        sample,
        """
        select count(*), count(*) filter (
            where evidence = 'none' and did_lift is null and observed_lift is null and rank is null and why_not <> ''
        ) from retail.promotion_effectiveness
        """,
    )
    assert rows == silent > 20


def test_marketing_can_be_left_out(manifest):
    """No model outside reads it."""
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    tagged = {name for name, node in nodes.items() if "marketing" in node["tags"]}
    readers = {name for name, node in nodes.items() if tagged & set(node["depends_on"].get("nodes", []))}
    assert len(tagged) > 10
    assert readers <= tagged
