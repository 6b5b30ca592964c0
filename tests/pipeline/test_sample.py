"""The sample, seeded and built in a database of its own: what the manifest announces, what the oracle computes."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from retail.contract import PROJECT_DIR
from support.comparison import contents, differences, facts_of_database, facts_of_oracle
from support.oracle import (
    COLUMNS,
    CUSTOMERS,
    LINES,
    REDEMPTIONS,
    RULE_OF_RETURNS,
    RULES,
    RULES_OF_DELIVERIES,
    RULES_OF_FILES,
    WARNINGS,
    Settings,
    compute,
    read_directory,
)

SEEDS = PROJECT_DIR / "seeds" / "raw"


SCHEMAS = ("retail", "retail_raw", "retail_staging", "retail_history")


def test_the_rejects_are_those_of_the_manifest(sample, query):
    expected = json.loads((SEEDS / "manifest.json").read_text(encoding="utf-8"))["expected"]
    found: dict[str, dict[str, list[int]]] = {table: {} for table in COLUMNS}
    for table, rule, number in query(
        sample,
        "select source_table, rule_id, source_row_number from retail_staging.rejected_record_rules order by 3",
    ):
        found[table].setdefault(rule, []).append(number)
    assert found == {table: {rule: sorted(rows) for rule, rows in expected[table].items() if rows} for table in COLUMNS}


def test_everything_is_as_the_oracle_computes_it(sample, query):
    ((cutoff,),) = query(sample, "select data_cutoff_date from retail.as_of")
    raw = read_directory(SEEDS, "raw_", null_literal="null", blank_lines="row")
    result = compute(raw, Settings(data_cutoff_date=cutoff))
    assert differences(facts_of_database(query, sample), facts_of_oracle(result, raw)) == {}


def test_a_second_run_changes_nothing(sample_copy, run_program, query):
    before = contents(query, sample_copy, *SCHEMAS)
    # nobody returns or redeems anything, all that is sold is merchandise, and no campaign is planned
    empty = (
        *("loyalty_redemptions", "loyalty_returns", "loyalty_clawbacks", "loyalty_lot_uses", "non_merchandise"),
        *("redemptions_validated", "redeemers_transactions", "redemptions_dated"),
        *("redemptions_clawbacks", "redemptions_covered"),
        *("campaigns", "suppressed_emails", "campaign_members", "campaign_results", "segment_moves"),
        "loyalty_restatements",
        *("promotion_controls", "promotion_differences", "stock_gaps", "stock_runs"),  # a week is too short
    )
    assert len(before) > 40 and all(rows or name.endswith(empty) for name, rows in before.items())

    run_program(sample_copy, "dbt", "seed")
    output = run_program(sample_copy, "dbt", "run").stdout

    assert contents(query, sample_copy, *SCHEMAS) == before
    assert "warn" not in output.lower().replace("warn=0", "") and "deprecat" not in output.lower()


VIEWS = """
    select
        relnamespace::regnamespace || '.' || relname as view,
        pg_get_viewdef(pg_class.oid) as definition,
        pg_get_userbyid(relowner) as owner,
        reloptions as options,
        array(select privilege::text from unnest(coalesce(relacl, acldefault('r', relowner))) as privilege order by 1),
        array(
            select concat_ws(' ', attname, description, attacl::text)
            from pg_attribute
            left join pg_description on objoid = attrelid and objsubid = attnum
            where attrelid = pg_class.oid
            order by attnum
        ) as columns,
        obj_description(pg_class.oid) as comment
    from pg_class
    where relkind = 'v' and relnamespace::regnamespace::text ~ '^(retail|analytics)'
"""
ANALYTICS = """
    create schema analytics;
    create view analytics."At risk" with (security_barrier) as
        select customer_id, loyalty_status from retail.customer_details where segment_id = 'AR';
    create view analytics.a_count as
        select count(*) as customers from analytics."At risk" join retail.loyalty_balances using (customer_id);
    create view analytics.whole as
        select customer_id, priority from retail.customer_360 join retail_raw.segments using (segment_id);
    comment on view analytics."At risk" is 'whom to''s write';
    comment on column analytics."At risk".customer_id is 'id';
    grant select on analytics."At risk" to pg_monitor with grant option;
    grant select on analytics.a_count to public;
    grant select (customer_id) on analytics."At risk" to pg_signal_backend;
    alter view analytics.a_count owner to pg_read_all_data;
    alter default privileges in schema analytics grant all on tables to public;
"""
LEFT_BEHIND = """
    alter table retail.customer_details add column mine text;
    create view analytics.mine as select mine from retail.customer_details;
    create materialized view analytics.stored as select customer_id from retail.customer_details;
"""


@pytest.mark.extended
def test_the_views_over_what_a_run_replaces_come_back(sample_copy, run_program, query):
    query(sample_copy, ANALYTICS)
    before = sorted(query(sample_copy, VIEWS))
    said = run_program(sample_copy, "dbt", "run", "-s", "customer_360").stdout
    said += run_program(sample_copy, "dbt", "seed", "--full-refresh", "-s", "segments").stdout
    assert sorted(query(sample_copy, VIEWS)) == before
    assert "note:" not in said

    query(sample_copy, LEFT_BEHIND)
    said = run_program(sample_copy, "dbt", "run", "-s", "customer_details").stdout
    assert sorted(query(sample_copy, VIEWS)) == before
    assert dict(re.findall(r"note: the view (\S+) was dropped .* can't be created again: (.*)", said)) == {
        "analytics.mine": 'column "mine" does not exist',
        "analytics.stored": "it is a materialized view",
    }


def test_the_keys_stand_in_the_database(sample, query):
    found = query(
        sample,
        """
        select conrelid::regclass::text, contype::text, count(*)
        from pg_constraint
        where connamespace = 'retail'::regnamespace and contype in ('p', 'f')
        group by 1, 2
        """,
    )
    keys = {(table.removeprefix("retail."), kind): count for table, kind, count in found}
    assert keys == {(table, "p"): 1 for table in COLUMNS} | {
        ("store_sales_header", "f"): 2,
        ("store_sales_line_items", "f"): 3,
        ("loyalty_redemptions", "f"): 2,
        ("inventory_levels", "f"): 2,
    }


def test_the_summary_prints_the_build(sample, run_program):
    lines = run_program(sample, "retail", "summary").stdout.splitlines()
    assert len(lines) <= 35 and max(map(len, lines)) <= 120
    assert "in = clean + rejected in every table, in rows and in money" in lines
    assert not any(line.startswith("loyalty_redemptions") for line in lines), "the sample has none"
    assert re.search(
        r"^\w+ holds back most: \d+ faulty rows worth \S+ hold back \d+ sales of \S+$", "\n".join(lines), re.M
    )
    assert re.search(r"^store_sales_header +3,008 +2,862 +146 ", "\n".join(lines), re.MULTILINE)
    assert [line.split()[0] for line in lines if line.startswith(("AR ", "HS ", "RG ", "PR "))] == [
        "AR",
        "HS",
        "RG",
        "PR",
    ]


def test_the_summary_for_a_program_has_the_same_figures(sample, run_program, query):
    found = json.loads(run_program(sample, "retail", "summary", "--json").stdout)
    money = {table["source_table"]: table["amount_rejected"] for table in found["tables"]}
    assert money["store_sales_header"] == "31827.35" and money["stores"] is None
    assert {segment["segment_id"]: segment["total_loyalty_points"] for segment in found["segments"]} == dict(
        query(
            sample,
            "select segment_id, cast(sum(total_loyalty_points) as bigint) from retail.customer_details group by 1",
        )
    )
    assert found["stopped_by"] == [] and len(found["top_reasons"]) == 5


def test_the_summary_before_a_build_is_one_line(fresh_database, run_program):
    result = run_program(fresh_database, "retail", "summary", check=False)
    assert result.returncode == 1
    assert result.stderr == "Error: nothing is built yet: run `make build`\n"


# ------------------------------------------------------------------------------------------------- the tests themselves


def test_every_rule_has_a_row_that_breaks_it_in_a_unit_test(sample, query):
    known = {(table, rule) for table in COLUMNS for rule in (*RULES[table], *WARNINGS[table])}
    known |= set(RULES_OF_DELIVERIES.items())
    of_files = {(table, rule) for table in COLUMNS for rule in RULES_OF_FILES}  # retail load judges these
    assert set(query(sample, "select source_table, rule_id from retail_staging.dq_rules")) == known | of_files

    judged = {"int_line_items_validated": LINES, "int_loyalty_redemptions_validated": REDEMPTIONS}
    tried = set()
    for file in (PROJECT_DIR / "models" / "staging" / "checked").glob("*.yml"):
        table = judged.get(file.stem, file.stem[len("checked_") :])
        for test in yaml.safe_load(file.read_text(encoding="utf-8")).get("unit_tests", []):
            for row in test["expect"]["rows"]:
                labels = f"{row.get('failed_rules', '')};{row.get('warned_rules', '')}".split(";")
                tried |= {(table, label) for label in labels if label}
    # the seeds are one delivery, so that only tests/pipeline/test_loyalty.py can bring two balances
    assert tried == known - {(CUSTOMERS, RULES_OF_DELIVERIES[CUSTOMERS])} | {RULE_OF_RETURNS}


@pytest.mark.extended
def test_the_unit_tests_hold_whatever_the_vars_are(sample, run_program):
    """A retailer's own settings in dbt_project.yml must not break the tests of the logic."""
    others = {
        "data_cutoff_date": "2025-12-31",
        "as_of_date": "2025-05-01",
        "total_tolerance": 1,
        "rule_severity": {
            "opening_date_invalid": "warn",
            "unit_price_negative": "off",
            "email_invalid": "error",
            "end_date_before_start_date": "warn",
            "rule_name_missing": "error",
            "total_amount_mismatch": "warn",
            "store_sales_line_items.product_id_missing": "warn",
        },
        "allow_guest_transactions": True,
        "accept_returns": True,
        "warn_rejected_share": 0.2,
        "max_rejected_share": 0.9,
        "rejected_share_min_rows": 5,
        "loyalty_rule_policy": "stack",
        "loyalty_rules_apply": "latest",
        "points_expire_after_months": 2,
        "opening_points_earned_on": "2025-01-01",
        "clawback_opening_points": True,
        "point_price": 0.01,
        "expected_redemption_share": {"2025-01-01": 0.95},
        "price_share_decimals": 2,
        "tier_basis": "earned_12_months",
        "high_spender_share": 0.5,
        "build_lock_timeout": 5,
        "build_gone_after": 2,
        "at_risk_days": 10,
        "campaign_min_buyers": 2,
        "at_risk_basis": "rhythm",
        "at_risk_rhythm": 2,
        "at_risk_rhythm_min_days": 5,
        "new_customer_days": 20,
        "promotion_min_baseline_days": 28,
        "promotion_min_days": 7,
        "promotion_min_units": 100,
        "affinity_prior_lines": 20,
        "favourite_min_affinity": 1.2,
        "favourite_min_lines": 2,
        "offer_days_ahead": 7,
        "stock_cover_days": 7,
        "top_products": 3,
    }
    defaults = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    assert set(others) == {name for name in defaults if ":" not in name} - {"raw_layer"}
    output = run_program(sample, "dbt", "test", "-s", "test_type:unit", "--vars", json.dumps(others)).stdout
    assert re.search(r"PASS=\d{2,} .*ERROR=0 ", output)


TAMPERINGS = {
    "ledger_adds_up": "update retail.loyalty_ledger set running_balance = running_balance + 1 where entry_number = 0",
    "ledger_has_every_transaction": "delete from retail.loyalty_ledger where entry_type = 'EARN' and entry_number = 1",
    "rows_are_clean_or_rejected": "delete from retail_staging.rejected_records where source_row_number = 3",
    "transactions_are_whole": """
        update retail_staging.checked_store_sales_header set amount_at_stake = amount_at_stake + 0.02
        where source_row_number = (
            select min(source_row_number) from retail_staging.checked_store_sales_header where is_valid
        )
    """,
    "rejections_follow_the_rule_books": """
        update retail_staging.rejected_records set failed_rules = failed_rules || ';made_up'
        where source_table = 'stores'
    """,
    "every_reject_has_a_root": "delete from retail_staging.rejected_record_causes where source_table = 'stores'",
    "what_is_open_is_what_is_rejected": """
        update retail_history.quarantine_history set status = 'resolved', resolution = 'repaired'
        where source_table = 'products'
    """,
    "unit_price_is_at_least_0": """
        update retail_staging.checked_products set is_valid = true where failed_rules = 'unit_price_negative'
    """,
    "store_sales_line_items_has_quantity": """
        update retail_staging.checked_store_sales_line_items set is_valid = true where quantity is null
    """,
    "segments_have_conditions": "insert into retail_raw.segments values ('VIP', 'Nobody', 9, 'Has no condition')",
    "promotion_sales_adds_up": """
        update retail.promotion_sales set revenue = revenue + 0.01, discount_given = discount_given - 0.01
        where ctid = (select min(ctid) from retail.promotion_sales)
    """,
    "no_lift_without_evidence": "update retail.promotion_effectiveness set did_lift = 0 where promotion_id = 'PR001'",
    "an_offer_without_discount_says_why": """
        update retail.customer_offers set why_not = null where expected_discount is null
    """,
    "no_days_of_stock_without_a_reason": """
        update retail.stock_cover set why_not = null
        where days_of_stock is null
    """,
    "no_stock_out_without_evidence": """
        update retail.stock_outs set why_not = null where store_id = (select min(store_id) from retail.stock_outs)
    """,
    "no_row_is_lost": "delete from retail_raw.raw_stores where source_row_number = 1",
    "no_cent_is_lost": "update retail_raw.raw_store_sales_header set total_amount = '0.01' where source_row_number = 5",
}


def test_the_data_tests_notice(sample_copy, run_program, query):
    """Every promise is broken by hand, and dbt tests them."""
    for statement in TAMPERINGS.values():
        query(sample_copy, statement)
    result = run_program(sample_copy, "dbt", "--no-use-colors", "test", "-s", *TAMPERINGS, check=False)
    assert set(TAMPERINGS) <= set(re.findall(r"Failure in test (\w+)", result.stdout))
