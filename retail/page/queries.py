"""What the page asks of the marts: each number with its SQL and its definition, each list with its SQL.

The SQL is that of PostgreSQL and DuckDB. In braces stand the schemas: {marts}, {staging}, {raw} and {history}.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One number: what it is called, what it means, and the query that gives it as one row of one value."""

    label: str
    definition: str
    sql: str


@dataclass(frozen=True)
class CustomerList:
    """A list of customers to read, sort, filter and download.

    ``columns`` gives each column's heading; a column in ``personal`` is left out on request. ``sql`` selects them in
    that order, the most important customer first. What has the tag marketing need not be built.
    """

    title: str
    about: str
    columns: dict[str, str]
    sql: str
    personal: tuple[str, ...] = field(default=("first_name", "email"))
    is_marketing: bool = False


FIGURES: dict[str, Figure] = {
    "customers": Figure(
        "customers",
        "All customers whose row is valid, whether they have bought or not.",
        "select count(*) from {marts}.customer_details",
    ),
    "buyers": Figure(
        "buyers",
        "Customers with at least one clean transaction.",
        "select count(*) from {marts}.customer_rfm where frequency > 0",
    ),
    "at_risk_customers": Figure(
        "customers at risk",
        "Customers with points to lose whose last purchase is long ago: is_at_risk in customer_segments. "
        "High-Spenders at risk are among them.",
        "select count(*) from {marts}.customer_segments where is_at_risk",
    ),
    "at_risk_spent": Figure(
        "spent by them so far",
        "Sum of monetary, the clean totals, of the customers at risk. It is past revenue, not a forecast. "
        "A dash means that none of their sales is in the data.",
        "select sum(monetary) from {marts}.customer_segments where is_at_risk",
    ),
    "at_risk_points": Figure(
        "points they hold",
        "Sum of total_loyalty_points of the customers at risk.",
        """
        select coalesce(sum(details.total_loyalty_points), 0)
        from {marts}.customer_segments as segments
        inner join {marts}.customer_details as details on segments.customer_id = details.customer_id
        where segments.is_at_risk
        """,
    ),
    "at_risk_in_doubt": Figure(
        "of them in doubt",
        "Customers at risk with a later purchase that was rejected: at_risk_is_doubtful in customer_segments. Repair "
        "it before you write to them.",
        "select count(*) from {marts}.customer_segments where at_risk_is_doubtful",
    ),
    "high_spenders": Figure(
        "high spenders",
        "The share of buyers who spent most, by the var high_spender_share: is_high_spender in customer_segments.",
        "select count(*) from {marts}.customer_segments where is_high_spender",
    ),
    "high_spenders_spent": Figure(
        "spent by them",
        "Sum of monetary, the clean totals, of the high spenders.",
        "select sum(monetary) from {marts}.customer_segments where is_high_spender",
    ),
    "high_spenders_share": Figure(
        "% of all spending",
        "What the high spenders spent as a share of what all customers spent.",
        """
        select round(100.0 * sum(case when is_high_spender then monetary else 0 end) / nullif(sum(monetary), 0), 1)
        from {marts}.customer_segments
        """,
    ),
    "high_spenders_at_risk": Figure(
        "of them at risk",
        "High spenders who are also at risk. Their segment_id is AR, so a list by segment_id = 'HS' leaves them out.",
        "select count(*) from {marts}.customer_segments where is_high_spender and is_at_risk",
    ),
    "points_outstanding": Figure(
        "points outstanding",
        "Sum of all balances: what customers could still redeem.",
        "select coalesce(sum(total_loyalty_points), 0) from {marts}.loyalty_balances",
    ),
    "rows_clean_share": Figure(
        "% of all rows are clean",
        "Clean rows as a share of the rows that came in, without those that a later delivery replaced.",
        """
        select round(100.0 * sum(rows_clean) / nullif(sum(rows_in - rows_superseded), 0), 1)
        from {staging}.dq_conservation
        """,
    ),
    "rows_rejected": Figure(
        "rows rejected",
        "Rows in rejected_records. Each has its reasons, and none is deleted.",
        "select coalesce(sum(rows_rejected), 0) from {staging}.dq_conservation",
    ),
    "money_held_back": Figure(
        "of sales held back",
        "Sum of the readable totals of the rejected transactions: revenue that the other figures do not show.",
        """
        select coalesce(sum(amount_rejected), 0) from {staging}.dq_conservation
        where source_table = 'store_sales_header'
        """,
    ),
    "rows_unaccounted": Figure(
        "rows unaccounted for",
        "Rows in, less clean, rejected and replaced rows. Anything but 0 is a fault of the build.",
        """
        select coalesce(sum(abs(rows_in - rows_superseded - rows_clean - rows_rejected)), 0)
        from {staging}.dq_conservation
        """,
    ),
    "money_unaccounted": Figure(
        "of money unaccounted for",
        "Money in, less clean and rejected money, per table. Anything but 0 is a fault of the build.",
        """
        select coalesce(sum(abs(amount_in - amount_clean - amount_rejected)), 0)
        from {staging}.dq_conservation
        """,
    ),
}

LISTS: dict[str, CustomerList] = {
    "at_risk": CustomerList(
        "Customers at risk",
        "Whom to win back first: those with most points to lose come first. Days overdue count from the customer's own "
        "typical gap between purchases. Who is in doubt has bought since, in a transaction that was rejected.",
        {
            "customer_id": "customer",
            "first_name": "first name",
            "email": "e-mail",
            "total_loyalty_points": "points",
            "last_purchase_date": "last purchase",
            "days_since_last_purchase": "days since",
            "monetary": "spent",
            "days_overdue": "days overdue",
            "is_high_spender": "high spender",
            "at_risk_is_doubtful": "in doubt",
        },
        """
        select
            details.customer_id, details.first_name, details.email, details.total_loyalty_points,
            segments.last_purchase_date, segments.days_since_last_purchase, segments.monetary, segments.days_overdue,
            segments.is_high_spender, segments.at_risk_is_doubtful
        from {marts}.customer_segments as segments
        inner join {marts}.customer_details as details on segments.customer_id = details.customer_id
        where segments.is_at_risk
        order by details.total_loyalty_points desc, details.customer_id
        """,
    ),
    "high_spenders": CustomerList(
        "High spenders",
        "The buyers who spent most, whatever their segment. Those at risk are marked.",
        {
            "customer_id": "customer",
            "first_name": "first name",
            "email": "e-mail",
            "monetary": "spent",
            "frequency": "purchases",
            "last_purchase_date": "last purchase",
            "rfm_segment": "RFM segment",
            "is_at_risk": "at risk",
        },
        """
        select
            details.customer_id, details.first_name, details.email, segments.monetary, segments.frequency,
            segments.last_purchase_date, segments.rfm_segment, segments.is_at_risk
        from {marts}.customer_segments as segments
        inner join {marts}.customer_details as details on segments.customer_id = details.customer_id
        where segments.is_high_spender
        order by segments.monetary desc, details.customer_id
        """,
    ),
    "most_points": CustomerList(
        "Most points",
        "The largest balances, and the tier that each would qualify for.",
        {
            "customer_id": "customer",
            "first_name": "first name",
            "email": "e-mail",
            "total_loyalty_points": "points",
            "qualifying_tier": "tier by points",
            "loyalty_status": "tier as delivered",
            "segment_id": "segment",
        },
        """
        select
            details.customer_id, details.first_name, details.email, balances.total_loyalty_points,
            balances.qualifying_tier, balances.loyalty_status, details.segment_id
        from {marts}.loyalty_balances as balances
        inner join {marts}.customer_details as details on balances.customer_id = details.customer_id
        order by balances.total_loyalty_points desc, details.customer_id
        """,
    ),
    "offers": CustomerList(
        "Offers",
        "For high spenders and customers at risk, the running or next promotion that fits best, and why.",
        {
            "customer_id": "customer",
            "first_name": "first name",
            "email": "e-mail",
            "promotion_name": "promotion",
            "start_date": "from",
            "end_date": "to",
            "reason": "why",
            "is_at_risk": "at risk",
            "is_high_spender": "high spender",
        },
        """
        select
            offers.customer_id, details.first_name, details.email, offers.promotion_name, offers.start_date,
            offers.end_date, offers.reason, offers.is_at_risk, offers.is_high_spender
        from {marts}.customer_offers as offers
        inner join {marts}.customer_details as details on offers.customer_id = details.customer_id
        order by offers.affinity desc nulls last, offers.customer_id
        """,
        is_marketing=True,
    ),
}

AS_OF = "select as_of_date, data_cutoff_date from {marts}.as_of"
SALES_SPAN = """
    select min(cast(transaction_date as date)), max(cast(transaction_date as date)) from {marts}.store_sales_header
"""
SALES = """
    select
        cast(date_trunc('{period}', transaction_date) as date) as period_begins_on,
        sum(total_amount) as revenue,
        count(*) as transactions,
        count(distinct customer_id) as buyers
    from {marts}.store_sales_header
    group by 1
    order by 1
"""
SEGMENTS = """
    select
        segments.segment_id,
        segments.segment_name,
        segments.description,
        count(customers.customer_id),
        sum(customers.monetary),
        coalesce(sum(details.total_loyalty_points), 0)
    from {raw}.segments as segments
    left join {marts}.customer_segments as customers on customers.segment_id = segments.segment_id
    left join {marts}.customer_details as details on details.customer_id = customers.customer_id
    group by segments.segment_id, segments.segment_name, segments.description, segments.priority
    order by segments.priority
"""
MOVES = """
    select from_segment_name, to_segment_name, why, customers, monetary
    from {history}.segment_moves
    where as_of_date = (select max(as_of_date) from {history}.segment_moves)
    order by customers desc, 1, 2, 3
"""
MOVED_ON = "select max(as_of_date) from {history}.segment_moves"
CAMPAIGNS = """
    select
        campaign_name,
        start_date,
        counted_through,
        contact_customers,
        holdout_customers,
        round(100 * contact_purchase_rate, 1),
        round(100 * holdout_purchase_rate, 1),
        round(100 * rate_difference, 1),
        round(100 * rate_low, 1),
        round(100 * rate_high, 1),
        spend_difference,
        spend_low,
        spend_high,
        verdict,
        why_not,
        spend_verdict,
        spend_why_not
    from {marts}.campaign_results
    order by start_date desc, campaign_id
"""
PROMOTIONS = """
    select
        promotion_name,
        product_category,
        start_date,
        end_date,
        evidence,
        round(100 * observed_lift, 1),
        round(100 * observed_lift_low, 1),
        round(100 * observed_lift_high, 1),
        round(100 * did_lift, 1),
        round(100 * did_lift_low, 1),
        round(100 * did_lift_high, 1),
        round(100 * smallest_visible_lift, 1),
        why_not
    from {marts}.promotion_effectiveness
    where evidence <> 'none'
    order by rank nulls last, end_date desc, promotion_id, product_category
    limit 20
"""
SILENT_PROMOTIONS = "select count(*) from {marts}.promotion_effectiveness where evidence = 'none'"
RFM = """
    select
        names.r_score,
        names.f_score,
        names.rfm_segment,
        count(customers.customer_id),
        coalesce(sum(customers.monetary), 0)
    from {raw}.rfm_segments as names
    left join {marts}.customer_segments as customers
        on names.r_score = customers.r_score and names.f_score = customers.f_score
    group by names.r_score, names.f_score, names.rfm_segment
    order by names.r_score desc, names.f_score
"""
LIABILITY = """
    select
        month_begins_on, opening_points, earned_points, redeemed_points, clawed_back_points, expired_points,
        closing_points, expiring_in_thirty_days, expiring_in_sixty_days, expiring_in_ninety_days
    from {marts}.loyalty_liability
    order by month_begins_on
"""
CONSERVATION = """
    select source_table, rows_in - rows_superseded, rows_clean, rows_rejected, amount_in, amount_clean, amount_rejected
    from {staging}.dq_conservation
    where rows_in > 0
    order by rows_in desc, source_table
"""
LEVERAGE = """
    select
        leverage.root_table,
        leverage.rule_id,
        coalesce(rules.message, 'in no file, though other rows name it'),
        leverage.rows_at_fault,
        leverage.amount_at_fault,
        leverage.transactions_held_back,
        leverage.amount_held_back,
        leverage.segments_would_change
    from {marts}.dq_leverage as leverage
    left join {staging}.dq_rules as rules
        on leverage.root_table = rules.source_table and leverage.rule_id = rules.rule_id
    where leverage.transactions_held_back > 0
    order by leverage.amount_held_back desc nulls last, leverage.root_table, leverage.rule_id
    limit 10
"""
OPEN_REJECTS = """
    select source_table, count(*), min(cast(first_seen_at as date))
    from {history}.quarantine_history
    where status = 'open' and raw_layer = (select raw_layer from {history}.dq_builds order by built_at desc limit 1)
    group by source_table
"""
BUILDS = """
    select built_at, rows_in, rows_rejected
    from {history}.dq_builds
    where raw_layer = (select raw_layer from {history}.dq_builds order by built_at desc limit 1)
    order by build_number desc
    limit 2
"""
STOPPED = """
    select scope, rejected_share from {staging}.circuit_breaker where verdict = 'tripped' order by scope
"""
