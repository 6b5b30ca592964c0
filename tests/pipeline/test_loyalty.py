"""The ledger over several deliveries, as a loyalty accountant would keep it. Each customer of the shop is one case."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter

import pytest

from retail.contract import PROJECT_DIR
from support.comparison import what_is_left
from support.documents import as_psql_shows, shown_rows
from support.programs import WITHOUT_MARKETING
from support.shop import clean_shop, write_shop

VARIABLES = {
    "raw_layer": "landing",
    "data_cutoff_date": "2025-06-30",
    "accept_returns": True,
    "tier_basis": "earned_12_months",
    "allow_guest_transactions": True,
}
OTHERS = {"stores", "products", "promotion_details"}


@pytest.fixture(scope="module")
def database(new_database, landing):
    return new_database(landing)


@pytest.fixture(scope="module")
def build(database, run_program):
    def run(*options, **more):
        return run_program(
            database, "dbt", "run", *options, *WITHOUT_MARKETING, "--vars", json.dumps(VARIABLES | more)
        ).stdout

    return run


@pytest.fixture(scope="module")
def deliver(database, run_program, build, tmp_path_factory):
    """Load a delivery and build it: the rows of its tables, and no file for the other ones."""
    days = iter(range(1, 31))

    def load(**tables):
        folder = tmp_path_factory.mktemp("delivery") / f"2025-06-{next(days):02}"
        run_program(database, "retail", "load", str(write_shop(tables, folder)))
        return build()

    return load


def customer(name, points="0"):
    return f"{name},Ann,ann@example.org,,{points},,"


def sale(name, transaction, moment, *lines):
    """A header and its lines; a line is (quantity, amount) or (quantity, amount, product)."""
    total = sum(float(amount) for _, amount, *_ in lines)
    return (
        f"{transaction},{name},S1,{moment},{total:.2f}",
        [
            f"{number},{transaction},{(*product, 'P1')[0]},,{quantity},{amount}"
            for number, (quantity, amount, *product) in enumerate(lines, start=1)
        ],
    )


def sales(*made):
    return {
        "store_sales_header": [header for header, _ in made],
        "store_sales_line_items": [line for _, lines in made for line in lines],
    }


def tier(query, database):
    balances = "select qualifying_tier, points_to_next_tier from retail.loyalty_balances where customer_id = 'tier'"
    return query(database, balances)[0]


@pytest.fixture(scope="module")
def delivered(deliver, database, query):
    """Four deliveries, all but the first one amended."""
    names = ("again", "same day", "swap", "past", "rules", "pieces", "claims", "tier")
    guests = [
        sale("", "G1", "2025-06-01 10:00", (1, 600)),
        sale("", "G2", "2025-06-02 10:00", (1, 20)),
        sale("", "G3", "2025-06-03 10:00", (1, 30)),
        sale("", "G4", "2025-06-04 10:00", (1, 40)),
    ]
    first = deliver(
        **{table: rows for table, rows in clean_shop().items() if table in OTHERS},
        loyalty_rules=["1,Base,1,0,0", "2,Big,1,500,100", "3,Medium,1,300,10"],
        customer_details=[customer(name) for name in names] + [customer("late", "n/a"), customer("before", "1000")],
        **sales(
            *guests,
            sale("pieces", "B1", "2025-06-01 10:00", (1, 600)),
            *(sale("pieces", f"B{day}", f"2025-06-{day:02} 10:00", (-1, -120)) for day in range(2, 7)),
            sale("before", "D1", "2025-06-01 10:00", (-1, -300)),
            sale("rules", "R1", "2025-06-01 10:00", (1, 600)),
            sale("rules", "R2", "2025-06-02 10:00", (1, 300)),
            sale("rules", "R3", "2025-06-03 10:00", (1, 600, "P9")),
            sale("again", "T1", "2025-06-01 10:00", (1, 85)),
            sale("same day", "T9", "2025-06-05", (1, 49)),
            sale("same day", "T10", "2025-06-05", (-1, -49)),
            sale("swap", "T11", "2025-01-01 10:00", (1, 49)),
            sale("swap", "T12", "2025-06-06 10:00", (-1, -49), (1, 39)),
            sale("past", "T13", "2025-05-01 10:00", (1, 10)),
            sale("past", "T14", "2025-06-20 10:00", (1, 90)),
            sale("tier", "E1", "2024-06-10 10:00", (1, 600)),
            sale("tier", "E2", "2024-06-23 10:00", (1, 1400)),
            sale("tier", "E3", "2025-05-20 10:00", (1, 600)),
            sale("tier", "E4", "2025-06-20 10:00", (-1, -600)),
        ),
    )
    second = deliver(
        customer_details=[customer("again", "85"), customer("late", "70")],
        loyalty_rules=["1,Base,1,0,0", "2,Big,one,500,100", "3,Medium,1,300,30"],
        **sales(
            sale("claims", "G3", "2025-06-03 10:00", (1, 30)),
            sale("claims", "G4", "2025-06-04 11:00", (1, 40)),
            sale("newcomer", "G2", "2025-06-02 10:00", (1, 20)),
            sale("again", "T2", "2025-06-02 10:00", (1, 85)),
            sale("rules", "R4", "2025-06-04 10:00", (1, 600)),
            sale("rules", "R5", "2025-06-05 10:00", (1, 300)),
        ),
    )
    third = deliver(
        customer_details=[customer("late", "n/a"), customer("swap", "0.0"), customer("newcomer")],
        loyalty_rules=["1,Base,1,0,0", "3,Medium,1,300,30"],
        products=["P9,Late,Kitchen,600.00,5"],
        **sales(
            sale("rules", "R6", "2025-06-06 10:00", (1, 600)),
            sale("claims", "G1", "2025-06-01 10:00", (1, 600)),
            sale("again", "G3", "2025-06-03 10:00", (1, 30)),
        ),
    )
    tiers = [tier(query, database)]
    fourth = deliver(
        loyalty_rules=["1,Base,1,0,0", ",Lost,1,0,0"],
        **sales(
            sale("rules", "R7", "2025-06-07 10:00", (1, 600)),
            sale("past", "T15", "2025-06-23 10:00", (1, 1)),
            sale("claims", "G3", "2025-06-03 10:00", (1, 30)),
            sale("", "G3", "2025-06-03 10:00", (1, 30)),
        ),
    )
    # a purchase counts for a tier for twelve months, also where nothing new is known of the customer
    tiers.append(tier(query, database))
    assert tiers == [("Silver", 500), ("Bronze", 500)]
    assert "full rebuild" in first and "full rebuild" not in second + third + fourth


@pytest.fixture(scope="module")
def tables(database, query):
    return lambda: what_is_left(query, database, "retail", "retail_staging")


def statement(query, database, name):
    return query(
        database,
        "select entry_type, points from retail.loyalty_ledger where customer_id = %s order by entry_number",
        [name],
    )


RESTATEMENTS = """
    select customer_id, coalesce(transaction_id, entry_type), change, points_before, points_after
    from retail_history.loyalty_restatements
    order by 1, 2, version_number
"""
RESTATED = [
    ("claims", "G1", "inserted", None, 700),
    ("late", "OPENING", "repriced", 0, 70),
    ("rules", "R3", "inserted", None, 700),
]


@pytest.mark.usefixtures("delivered")
class TestDeliveries:
    def test_a_balance_that_is_delivered_again_opens_nothing(self, database, query):
        assert statement(query, database, "again") == [("OPENING", 0), ("EARN", 85), ("EARN", 85)]
        # the first balance that can be read counts, whatever comes later
        assert statement(query, database, "late") == [("OPENING", 70)]
        warned = "select customer_id from retail_staging.checked_customer_details where warned_rules like '%restated%'"
        assert query(database, warned) == [("again",)]

    def test_on_one_day_a_purchase_comes_before_its_return(self, database, query):
        assert statement(query, database, "same day") == [("OPENING", 0), ("EARN", 49), ("CLAWBACK", -49)]

    def test_an_exchange_is_a_visit(self, database, query):
        found = query(
            database,
            """
            select last_purchase_date::text, frequency, monetary::text, is_at_risk from retail.customer_segments
            where customer_id = 'swap'
            """,
        )
        assert found == [("2025-06-06", 2, "39.00", False)]

    def test_what_came_back_in_pieces_leaves_nothing(self, database, query):
        points = statement(query, database, "pieces")
        assert points == [("OPENING", 0), ("EARN", 700), ("CLAWBACK", -700)] + 4 * [("CLAWBACK", 0)]

    def test_an_exchange_takes_back_what_the_purchase_earned(self, database, query):
        assert statement(query, database, "swap") == [("OPENING", 0), ("EARN", 49), ("EARN", 39), ("CLAWBACK", -49)]

    def test_a_return_of_what_was_bought_before_leaves_the_opening(self, database, query):
        found = "select points, uncollected_points, is_unmatched from retail.loyalty_ledger where transaction_id = 'D1'"
        assert query(database, found) == [(0, 310, True)]

    def test_what_was_credited_stays(self, database, query):
        """The rules in force when the header was delivered count, also for one that waited in quarantine (R3)."""
        earned = """
            select transaction_id, rule_ids, points, rules_from_batch from retail.loyalty_ledger
            where customer_id = 'rules' and entry_number > 0 order by entry_number
        """
        assert query(database, earned) == [
            ("R1", "2", 700, 1),
            ("R2", "3", 310, 1),
            ("R3", "2", 700, 1),
            ("R4", "2", 700, 2),  # the row of rule 2 is faulty: it goes on
            ("R5", "3", 330, 2),
            ("R6", "3", 630, 3),  # rule 2 was left out: it has ended
            ("R7", "3", 630, 3),  # whose row has no rule_id is not known: nothing has ended
        ]
        versions = """
            select rule_id, bonus_points, valid_from_batch, valid_through_batch from retail.loyalty_rule_versions
            order by 1, 3
        """
        assert query(database, versions) == [("1", 0, 1, None), ("2", 100, 1, 2), ("3", 10, 1, 1), ("3", 30, 2, None)]

    def test_a_guest_sale_belongs_to_the_first_who_claims_it(self, database, query):
        earned = """
            select customer_id, transaction_id, points, rules_from_batch from retail.loyalty_ledger
            where transaction_id like 'G%' order by 1, 2
        """
        assert query(database, earned) == [
            ("claims", "G1", 700, 1),  # by the rules of the delivery that brought the guest's sale
            ("claims", "G3", 30, 1),
            ("newcomer", "G2", 20, 1),  # claimed before the customer was known
        ]
        rejected = """
            select record_key, failed_rules, count(*) from retail_staging.rejected_records
            where source_table = 'store_sales_header' and record_key like 'G%' group by 1, 2 order by 1, 2
        """
        assert query(database, rejected) == [
            ("G1", "transaction_id_duplicate", 1),
            ("G2", "transaction_id_duplicate", 1),
            ("G3", "transaction_id_conflict", 1),  # claimed again, for somebody else
            ("G3", "transaction_id_duplicate", 3),
            ("G4", "transaction_id_conflict", 1),  # at another time: another statement
        ]
        guests = "select transaction_id from retail.store_sales_header where customer_id is null"
        assert query(database, guests) == [("G4",)]

    def test_what_was_published_and_changed_is_kept(self, database, query):
        assert query(database, RESTATEMENTS) == RESTATED
        builds = "select count(distinct invocation_id), count(distinct built_at) from retail_history.ledger_history"
        assert query(database, builds) == [(4, 4)]

    def test_the_data_tests_hold_where_goods_came_back(self, database, query, run_program):
        """`dbt build` stops at a failed test, before the customers."""
        without = "select count(*) from retail.customer_rfm where rfm_segment = 'No Net Spend'"
        assert query(database, without) > [(0,)]
        told = ("--exclude", "test_type:unit", "tag:marketing", "--vars", json.dumps(VARIABLES))
        assert "ERROR=0" in run_program(database, "dbt", "test", *told).stdout

    def test_nothing_after_the_as_of_date_is_seen(self, database, query, build, tables):
        today = tables()
        assert "full rebuild" not in build(as_of_date="2025-05-15")
        assert statement(query, database, "past") == [("OPENING", 0), ("EARN", 10)]
        found = query(
            database,
            "select recency_days, frequency, monetary::text from retail.customer_rfm where customer_id = 'past'",
        )
        assert found == [(14, 1, "10.00")]
        assert query(database, "select max(entry_at)::text from retail.loyalty_ledger") == [("2025-05-01 10:00:00",)]
        # more purchases count for the tier by then, and the return of one is not seen
        assert tier(query, database) == ("Gold", 2800)
        amended = tables()
        build("--full-refresh", as_of_date="2025-05-15")
        assert amended == tables()
        assert "full rebuild" not in build()
        assert today == tables()
        build("--full-refresh")
        assert today == tables()
        assert Counter(len(rows) > 0 for rows in today.values())[True] > 20
        # what was out of sight had not gone
        assert query(database, RESTATEMENTS) == RESTATED

    def test_the_latest_rules_may_count_for_all_and_a_return_may_take_opening_points(self, database, query, build):
        entries = "select ledger_entry_id, customer_id, points from retail.loyalty_ledger"
        before = {entry: rest for entry, *rest in query(database, entries)}
        assert "full rebuild" in build(loyalty_rules_apply="latest", clawback_opening_points=True)
        assert statement(query, database, "before") == [("OPENING", 1000), ("CLAWBACK", -330)]
        earned = [points for _, points in statement(query, database, "rules")]
        assert earned == [0, 630, 330, 630, 630, 330, 630, 630]
        after = {entry: rest for entry, *rest in query(database, entries)}
        changes = [(name, before[entry][1], points) for entry, (name, points) in after.items()]
        repriced = sorted(change for change in changes if change[1] != change[2])
        newest = """
            select customer_id, points_before, points_after from retail_history.loyalty_restatements
            where change = 'repriced' and restated_at = (select max(built_at) from retail_history.ledger_history)
        """
        assert sorted(query(database, newest)) == repriced and len(repriced) > 4 and before.keys() == after.keys()


YEAR = (
    {
        **{table: rows for table, rows in clean_shop().items() if table in OTHERS},
        "products": ["cup,Cup,Kitchen,30.00,5", "pan,Pan,Kitchen,60.00,5"],
        "customer_details": [customer("ANA", "200")],
        "loyalty_rules": ["1,Base,1,0,0", "2,Big,1,100,50"],
        **sales(
            sale("ANA", "T1", "2025-01-15 10:00", (2, 60, "cup"), (1, 60, "pan")),
            sale("ANA", "T2", "2025-02-10 10:00", (1, 80, "pan")),
            sale("ANA", "R1", "2025-02-20 10:00", (-1, -30, "cup")),
        ),
    },
    {"loyalty_redemptions": ["X1,ANA,2025-05-02 10:00,250,"]},
    {
        "loyalty_rules": ["1,Base,1,0,0", "2,Big,1,100,20"],
        **sales(sale("ANA", "T3", "2025-09-05 10:00", (1, 110, "pan"))),
    },
    sales(
        sale("ANA", "T0", "2025-01-10 10:00", (1, 100, "pan")),
        sale("ANA", "T4", "2025-12-31 18:00", (1, 25, "cup")),
    ),
)


@pytest.mark.extended
def test_the_year_in_the_documents(landing_database, run_program, query, tmp_path):
    """What docs/loyalty.md shows. The last delivery comes after the first table of the ledger, the others before it."""
    database = landing_database
    query(database, f"alter database {database['PGDATABASE']} set search_path = retail, public")
    document = (PROJECT_DIR / "docs" / "loyalty.md").read_text(encoding="utf-8")
    days = re.findall(r"^\| (2025-\d\d-\d\d) \|", document, re.MULTILINE)
    folders = [write_shop(tables, tmp_path / day) for tables, day in zip(YEAR, days, strict=True)]
    (build, show), compared = re.findall(r"^dbt .*", document, re.MULTILINE), 0
    for folder in folders[:-1]:
        run_program(database, "retail", "load", str(folder))
    run_program(database, *shlex.split(build))
    for language, text in re.findall(r"```(sql|sh|text)\n(.*?)```", document, re.DOTALL):
        if language == "sql":
            found = [[as_psql_shows(cell) for cell in row] for row in query(database, text)]
        elif text.strip() == show:
            printed = run_program(database, *shlex.split(show)).stdout.splitlines()
        elif language == "text":
            compared += 1
            if text.startswith("|"):
                assert [line for line in text.splitlines() if line not in printed] == []
            else:
                assert shown_rows(text) == found
            if compared == 1:
                run_program(database, "retail", "load", str(folders[-1]))
                assert "full rebuild" not in run_program(database, *shlex.split(build)).stdout
    assert compared == 7
