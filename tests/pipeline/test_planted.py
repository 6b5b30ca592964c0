"""What `retail generate` plants, and what the build makes of it."""

from __future__ import annotations

import csv
import json
from collections import Counter

import duckdb
import pytest

from retail.generate.command import write_files
from support.campaigns import group_of
from support.comparison import contents

pytestmark = pytest.mark.extended

CUTOFF = {"raw_layer": "landing", "data_cutoff_date": "2025-07-31"}


def truth_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["truth"]


@pytest.mark.parametrize(("effect", "verdict"), [(1.2, "better"), (0, "inconclusive"), (-0.7, "worse")])
def test_a_campaign_from_its_row_to_its_result(effect, verdict, landing_database, run_program, query, tmp_path):
    """The row is the generator's; members, list and result are what the manifest says, and stay."""
    options = {"days": 200, "customers": 3000, "transactions": 6000, "seed": 1, "anomaly_rate": 0}
    write_files(tmp_path, behaviour="rhythms", campaign_effect=effect, **options)
    (truth,) = truth_of(tmp_path)["campaigns"]
    with (tmp_path / "campaigns.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    database = landing_database
    values = ", ".join(f"nullif('{cell}', '')" for cell in row.values())
    query(
        database,
        f"""
        insert into retail_raw.campaigns
        select a, b, c, d, e, cast(f as date), cast(g as integer), cast(h as numeric)
        from (values ({values})) as v (a, b, c, d, e, f, g, h)
        """,
    )

    def build(**settings):
        variables = json.dumps(CUTOFF | settings)
        run_program(database, "dbt", "run", "-s", "+campaign_results", "+mailing_lists", "--vars", variables)

    run_program(database, "retail", "load", str(tmp_path))
    build(as_of_date=row["start_date"])
    run_program(database, "retail", "lists", "--out", str(tmp_path / "lists"))
    build()

    members = query(database, "select customer_id, campaign_group from retail_history.campaign_members")
    assert all(
        group_of(row["campaign_id"], customer, float(row["holdout_share"])) == group for customer, group in members
    )
    with (tmp_path / "lists" / f"campaign_{row['campaign_id']}.csv").open(encoding="utf-8-sig", newline="") as file:
        addressed = {line["customer_id"] for line in csv.DictReader(file)}
    contact = {customer for customer, group in members if group == "contact"}
    assert addressed <= contact
    assert len(addressed) > 0.9 * len(contact), "the others have no valid address"

    ((found,),) = query(database, "select row_to_json(found) from retail.campaign_results as found")
    for group, planted in truth["groups"].items():
        for count in ("customers", "buyers"):
            assert found[f"{group}_{count}"] == planted[count]
    assert (found["counted_from"], found["counted_through"]) == (truth["from"], truth["to"])
    assert found["rate_low"] <= truth["rate_difference"] <= found["rate_high"]
    assert found["verdict"] == verdict

    before = contents(query, database, "retail"), contents(query, database, "retail_history")
    build()
    assert (contents(query, database, "retail"), contents(query, database, "retail_history")) == before


def test_promotions_and_stock_outs_are_judged_as_they_were_planted(run_program, tmp_path):
    """Two years of ten stores, from files to tables: promotions that work, don't, or harm; counted stock-outs."""
    options = {"days": 730, "customers": 3000, "transactions": 60_000, "stores": 10, "anomaly_rate": 0}
    write_files(tmp_path / "files", seed=1, behaviour="rhythms", stock_outs=200, stock=20, **options)
    database = {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": str(tmp_path / "warehouse.duckdb")}
    variables = ("--vars", json.dumps(CUTOFF))
    run_program(database, "retail", "load", str(tmp_path / "files"))
    run_program(database, "dbt", "seed", *variables)
    run_program(database, "dbt", "run", "-s", "+promotion_effectiveness", "+stock_outs", *variables)

    with duckdb.connect(database["RETAIL_DUCKDB"], read_only=True) as connection:
        found = connection.execute("from retail.promotion_effectiveness").fetchall()
        names = [column[0] for column in connection.description]
        out = connection.execute(
            "select product_id, store_id, first_day, last_day, lost_units from retail.stock_outs"
            " where evidence = 'stock file'"
        ).fetchall()
    judged = {(row[0], row[names.index("product_category")]): dict(zip(names, row, strict=True)) for row in found}
    tally = Counter()
    for truth in truth_of(tmp_path / "files")["promotions"]:
        row = judged[truth["promotion_id"], truth["product_category"]]
        assert row["stores"] <= len(truth["stores"])
        for kind, planted in (("did", truth["lift"]), ("observed", truth["observed_lift"])):
            if row[f"{kind}_lift"] is None:
                assert f"no {kind}_lift: " in row["why_not"]
            else:
                tally[kind, float(row[f"{kind}_lift_low"]) <= planted <= float(row[f"{kind}_lift_high"])] += 1
        tally["ranked", truth["lift"] > 0] += row["rank"] is not None
    assert tally["did", True] > 15
    assert tally["did", False] <= 2
    assert tally["observed", True] > 50
    assert tally["observed", False] <= 4
    assert tally["ranked", True] > 8
    assert tally["ranked", False] <= 1

    counted = {(product, store) for product, store, *_ in out}
    planned = [
        one for one in truth_of(tmp_path / "files")["stock_outs"] if (one["product_id"], one["store_id"]) in counted
    ]
    assert len(planned) > 50
    found = {(product, store, str(first), str(last)) for product, store, first, last, _ in out if first}
    expected = {(one["product_id"], one["store_id"], one["first_day"], one["last_day"]) for one in planned}
    # a small store that sold nothing on the last day out counts as closed then
    assert len(found) == len(expected)
    assert len(found - expected) <= 1
    lost = sum(lost for *_, lost in out if lost is not None)
    # a few hundred units, often several in a purchase: they vary by 12 %
    assert abs(float(lost) / sum(one["units_lost"] for one in planned) - 1) < 0.3
