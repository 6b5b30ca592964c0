"""What `retail generate` plants, and what the build makes of it."""

from __future__ import annotations

import csv
import json

import pytest

from retail.generate.command import write_files
from support.campaigns import group_of
from support.comparison import contents

pytestmark = pytest.mark.extended

CUTOFF = {"raw_layer": "landing", "data_cutoff_date": "2025-07-31"}


def truth_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["truth"]


@pytest.mark.parametrize(("effect", "verdict"), [(1.2, "better"), (0, "inconclusive"), (-0.7, "worse")])
def test_a_campaign_from_its_row_to_its_result(effect, verdict, new_database, landing, run_program, query, tmp_path):
    """The row is the generator's; members, list and result are what the manifest says, and stay."""
    options = {"days": 200, "customers": 3000, "transactions": 6000, "seed": 1, "anomaly_rate": 0}
    write_files(tmp_path, behaviour="rhythms", campaign_effect=effect, **options)
    (truth,) = truth_of(tmp_path)["campaigns"]
    with (tmp_path / "campaigns.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    database = new_database(landing)
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
