"""A campaign from its row in the seed to the list to the result, in a shop whose customers do as they were told."""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal

import pytest

from support.campaigns import Group, group_of, newcombe
from support.comparison import contents
from support.programs import WITHOUT_MARKETING
from support.shop import clean_shop, write_shop

VARIABLES = {"raw_layer": "landing", "data_cutoff_date": "2025-07-31", "allow_guest_transactions": True}
LAPSED = [f"L{number:03}" for number in range(300)]
SHARE = 0.3
# in the contact group of both campaigns
NO_ADDRESS, FORMULA, SUPPRESSED = [
    name for name in LAPSED if {group_of(campaign, name, SHARE) for campaign in ("WIN", "ALSO")} == {"contact"}
][:3]
MEMORY = ("retail_history.campaign_members", "retail_history.segment_history", "retail_history.segment_moves")
# of the contact group two in three buy later, of the holdout one in three
OF_THREE = {"contact": 2, "holdout": 1}


@pytest.fixture(scope="module")
def database(new_database, landing):
    return new_database(landing)


@pytest.fixture(scope="module")
def build(database, run_program):
    def run(*options, check=True, **more):
        arguments = ("run", *options, *WITHOUT_MARKETING, "--vars", json.dumps(VARIABLES | more))
        return run_program(database, "dbt", *arguments, check=check).stdout

    return run


def sales(found):
    """Sales of one line: (transaction, customer, moment, amount)."""
    return {
        "store_sales_header": [f"{name},{customer},S1,{moment},{amount}" for name, customer, moment, amount in found],
        "store_sales_line_items": [f"1,{name},P1,,1,{amount}" for name, _, _, amount in found],
    }


def groups(campaign):
    found = {"contact": [], "holdout": []}
    for customer in LAPSED:
        found[group_of(campaign, customer, SHARE)].append(customer)
    return found


@pytest.fixture(scope="module")
def lists(database, build, run_program, query, tmp_path_factory):
    """The first delivery, the campaigns, and the lists of the day on which one of them begins."""
    query(
        database,
        """
        insert into retail_raw.campaigns values
            ('WIN', 'Win back', 'AR', null, 'PR1', '2025-06-01', 30, 0.3),
            ('ALSO', 'The same again', 'AR', null, null, '2025-06-01', 40, 0.3),
            ('LATER', 'Summer', 'AR', null, null, '2025-08-01', 30, 0.3)
        """,
    )
    query(database, "insert into retail_raw.suppressed_emails values (%s)", [f"{SUPPRESSED}@EXAMPLE.org"])
    addresses = {customer: f"{customer.lower()}@example.org" for customer in LAPSED}
    addresses |= {NO_ADDRESS: "nobody", FORMULA: "=cmd@example.org"}
    shop = {table: rows for table, rows in clean_shop().items() if table in ("stores", "products", "promotion_details")}
    shop["loyalty_rules"] = ["1,Base,1.00,0.00,0"]
    shop["customer_details"] = [f"{name},Ann,{address},,0,," for name, address in addresses.items()]
    shop["customer_details"].append("H,Hal,hal@example.org,,0,,")
    first = [(f"A{customer}", customer, "2025-01-10 10:00:00", "10.00") for customer in LAPSED]
    first += [("G1", "", "2025-01-10 10:00:00", "10.00"), ("H1", "H", "2025-06-01 10:00:00", "90.00")]
    folder = tmp_path_factory.mktemp("campaigns")
    run_program(database, "retail", "load", str(write_shop(shop | sales(first), folder / "2025-06-01")))
    build()
    out = folder / "lists"
    said = run_program(database, "retail", "lists", "--out", str(out)).stdout
    found = {}
    for file in out.iterdir():
        assert oct(file.stat().st_mode & 0o777) == "0o600"
        with file.open(encoding="utf-8-sig", newline="") as opened:
            found[file.stem] = list(csv.DictReader(opened))
    return said, found


@pytest.fixture(scope="module")
def result(lists, database, build, run_program, query, tmp_path_factory):
    """The second delivery, to the last day of WIN: what campaign_results says, by campaign."""
    members = groups("WIN")
    second = [
        (f"B{customer}", customer, "2025-06-10 10:00:00", f"{20 + place % 7}.00")
        for group, customers in members.items()
        for place, customer in enumerate(customers)
        if place % 3 < OF_THREE[group]
    ]
    second.append(("H2", "H", "2025-07-01 23:59:59", "90.00"))
    folder = tmp_path_factory.mktemp("second") / "2025-07-01"
    run_program(database, "retail", "load", str(write_shop(sales(second), folder)))
    assert "full rebuild" not in build()
    rows = query(database, "select row_to_json(found) from retail.campaign_results as found")
    return {row["campaign_id"]: row for (row,) in rows}


def test_groups_come_from_the_md5(lists, database, query):
    found = "select customer_id, campaign_group from retail_history.campaign_members where campaign_id = %s"
    for campaign in ("WIN", "ALSO"):
        expected = {(customer, group) for group, customers in groups(campaign).items() for customer in customers}
        assert set(query(database, found, [campaign])) == expected
    flagged = (
        "select campaign_id, other_campaigns, count(*) from retail_history.campaign_members group by 1, 2 order by 1"
    )
    assert query(database, flagged) == [("ALSO", "WIN", 300), ("WIN", "ALSO", 300)]


def test_lists_have_the_contact_group_alone(lists):
    said, found = lists
    assert set(found) == {"campaign_WIN", "campaign_ALSO", "segment_AR", "segment_HS"}
    expected = set(groups("WIN")["contact"]) - {NO_ADDRESS, SUPPRESSED}
    assert {row["customer_id"] for row in found["campaign_WIN"]} == expected
    assert {row["promotion_id"] for row in found["campaign_WIN"]} == {"PR1"}
    assert [row["email"] for row in found["campaign_WIN"] if row["customer_id"] == FORMULA] == ["'=cmd@example.org"]
    assert "H" in {row["customer_id"] for row in found["segment_HS"]}
    # who is held out of any running campaign gets no other mail either
    held_out = set(groups("WIN")["holdout"]) | set(groups("ALSO")["holdout"])
    assert {row["customer_id"] for row in found["segment_AR"]} == set(LAPSED) - held_out - {NO_ADDRESS, SUPPRESSED}
    held_out = len(groups("WIN")["holdout"])
    assert re.search(
        rf"campaign_WIN +{len(expected)} customers  left out: {held_out} held out of a campaign, "
        "1 no valid e-mail address, 1 suppressed",
        said,
    )


def test_the_result_is_what_was_planted(result):
    def group(name):
        count = len(groups("WIN")[name])
        return Group(count, tuple(100 * (20 + place % 7) for place in range(count) if place % 3 < OF_THREE[name]))

    contact, holdout = group("contact"), group("holdout")
    found = result["WIN"]
    assert (found["contact_customers"], found["holdout_customers"]) == (contact.customers, holdout.customers)
    assert (found["contact_buyers"], found["holdout_buyers"]) == (len(contact.cents), len(holdout.cents))
    assert Decimal(str(found["contact_spend"])) == Decimal(sum(contact.cents)) / 100
    assert (found["rate_low"], found["rate_high"]) == pytest.approx(newcombe(contact, holdout), abs=1e-6)
    assert (found["verdict"], found["why_not"]) == ("better", None)
    assert len(holdout.cents) < 30
    assert found["spend_why_not"] == f"the group with fewer buyers has {len(holdout.cents)}, and 30 are needed"
    assert (found["counted_from"], found["counted_through"]) == ("2025-06-02", "2025-07-01")
    assert found["customers_in_other_campaigns"] == 300
    assert (result["ALSO"]["verdict"], result["ALSO"]["why_not"]) == ("too early", "30 of 40 days have passed")
    assert result["LATER"]["why_not"] == "the campaign starts on 2025-08-01"


@pytest.mark.usefixtures("result")
def test_moves_say_why(database, query):
    bought = sum(
        place % 3 < OF_THREE[group] for group, customers in groups("WIN").items() for place in range(len(customers))
    )
    moves = """
        select as_of_date::text, why, sum(customers) from retail_history.segment_moves
        where from_segment_id = 'AR' group by 1, 2
    """
    assert query(database, moves) == [("2025-07-01", "bought again", bought)]


@pytest.mark.extended
def test_nothing_rewrites_who_was_chosen(result, database, build, query):
    def marts():
        return contents(query, database, "retail")

    def memory():
        return {name: rows for name, rows in contents(query, database, "retail_history").items() if name in MEMORY}

    before, remembered = marts(), memory()
    assert all(remembered.values())
    build()
    assert (marts(), memory()) == (before, remembered)
    build("--full-refresh")
    assert (marts(), memory()) == (before, remembered)

    build(as_of_date="2025-06-20")  # a look back shows the day, and records nothing
    assert memory() == remembered
    looked = "select days_counted, verdict, why_not from retail.campaign_results where campaign_id = 'WIN'"
    assert query(database, looked) == [(19, "too early", "19 of 30 days have passed")]

    build(as_of_date="2025-08-01", data_cutoff_date="2025-07-31")  # nor does a look ahead
    assert memory() == remembered

    query(database, "update retail_raw.campaigns set holdout_share = 0.5 where campaign_id = 'WIN'")
    said = build("-s", "campaign_members", check=False)
    assert "campaign WIN has changed, but its members were chosen as of 2025-06-01" in said
    assert memory() == remembered
    query(database, "delete from retail_raw.campaigns where campaign_id = 'WIN'")
    build()
    assert marts() == before


def test_nobody_is_chosen_for_a_campaign_that_cannot_be_meant(lists, database, build, query):
    wrong = {
        "(null, 'Blank', 'AR', null, null, '2025-06-01', 30, 0.3)": "campaign (blank) has no campaign_id",
        "('TWO', 'Two', 'AR', null, null, '2025-06-01', 30, 0.3)": "campaign TWO has its campaign_id twice",
        "('TWO', 'Three', 'HS', null, null, '2025-06-01', 30, 0.3)": "campaign TWO has its campaign_id twice",
        "('V', 'Both', 'AR', 'Champions', null, '2025-06-01', 30, 0.3)": "campaign V needs either a segment_id or an",
        "('W', 'Neither', null, null, null, '2025-06-01', 30, 0.3)": "campaign W needs either a segment_id or an",
        "('S', 'Who', 'XX', null, null, '2025-06-01', 30, 0.3)": "campaign S names no segment of segments.csv, which",
        "('P', 'What', 'AR', null, 'PXX', '2025-06-01', 30, 0.3)": "campaign P names a promotion_id that promotion",
        "('X', 'Never', 'AR', null, null, null, 30, 0.3)": "campaign X has no start_date",
        "('Y', 'Short', 'AR', null, null, '2025-06-01', 0, 0.3)": "campaign Y needs window_days from 1",
        "('Z', 'All', 'AR', null, null, '2025-06-01', 30, 1)": "campaign Z needs a holdout_share above 0",
        "('ZZ', 'None', 'AR', null, null, '2025-06-01', 30, null)": "campaign ZZ needs a holdout_share above 0",
    }
    not_yet = "('Q', 'Soon', 'AR', null, 'PXX', '2999-01-01', 30, 0.3)"  # its promotion may still come
    before = query(database, "select count(*) from retail_history.campaign_members")
    query(database, f"insert into retail_raw.campaigns values {', '.join([*wrong, not_yet])}")
    said = build("-s", "campaign_members", check=False)
    query(database, "delete from retail_raw.campaigns where campaign_id not in ('WIN', 'ALSO', 'LATER')")
    query(database, "delete from retail_raw.campaigns where campaign_id is null")
    assert [words for words in wrong.values() if words not in said] == []
    assert "campaign Q" not in said
    assert query(database, "select count(*) from retail_history.campaign_members") == before


@pytest.mark.extended
@pytest.mark.parametrize(
    ("row", "test"),
    [
        (
            "('A', 'Both', 'AR', 'Champions', null, '2025-06-01', 30, 0.3)",
            "a_campaign_names_a_segment_or_an_rfm_segment",
        ),
        ("('A', 'Neither', null, null, null, '2025-06-01', 30, 0.3)", "a_campaign_names_a_segment_or_an_rfm_segment"),
        ("('A', 'Unknown', 'XX', null, null, '2025-06-01', 30, 0.3)", "relationships_campaigns_segment_id"),
        ("('A', 'No holdout', 'AR', null, null, '2025-06-01', 30, 0)", "accepted_range_campaigns_holdout_share"),
        ("('A', 'No window', 'AR', null, null, '2025-06-01', 0, 0.3)", "accepted_range_campaigns_window_days"),
        ("('../A', 'A path', 'AR', null, null, '2025-06-01', 30, 0.3)", "match_regex_campaigns_campaign_id"),
    ],
)
def test_a_wrong_campaign_is_named(landing_database, run_program, query, row, test):
    query(landing_database, f"insert into retail_raw.campaigns values {row}")
    arguments = ("test", "-s", "campaigns", "--vars", "raw_layer: landing")
    said = run_program(landing_database, "dbt", *arguments, check=False).stdout
    assert re.findall(r"Failure in test (\w+)", said) and all(
        test in name for name in re.findall(r"Failure in test (\w+)", said)
    )
