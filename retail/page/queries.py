"""What the page asks of the marts: each number with its SQL and its definition, each list with its SQL.

The SQL is that of PostgreSQL and DuckDB. In braces stand the schemas: {marts}, {staging}, {raw} and {history}.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One number: what it is called, what it means, and the query that gives it as one row of one value.

    What has the tag marketing need not be built.
    """

    label: str
    definition: str
    sql: str
    is_marketing: bool = False


@dataclass(frozen=True)
class ListSource:
    """A list to read, sort, filter and download.

    ``columns`` gives each column's heading; a column in ``personal`` is left out on request. ``sql`` selects them in
    that order, the most important row first. ``if_empty`` says why there is no row. What has the tag marketing need not
    be built.
    """

    title: str
    about: str
    columns: dict[str, str]
    sql: str
    personal: tuple[str, ...] = field(default=("first_name", "email"))
    if_empty: str = "Nobody."
    is_marketing: bool = False


FIGURES: dict[str, Figure] = {
    "customers": Figure(
        "customers",
        "All customers whose row is valid, whether they have bought or not.",
        "select count(*) from {marts}.customer_details",
    ),
    "buyers": Figure(
        "buyers",
        "Customers with at least one clean transaction. Who bought only before these sales begin is not among them.",
        "select count(*) from {marts}.customer_rfm where frequency > 0",
    ),
    "new_customers": Figure(
        "new customers",
        "Customers whose first known purchase is at most new_customer_days before the as-of date: is_new in "
        "customer_segments. It may be a purchase that only the customer file names, so not all are among the buyers. "
        "Where the sales begin later than that, nobody knows what came before, and too many look new.",
        "select count(*) from {marts}.customer_segments where is_new",
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
    "points_expiring_in_30_days": Figure(
        "of them expire within 30 days",
        "expiring_in_thirty_days in loyalty_liability, unless they are redeemed before. A dash means that points never "
        "expire.",
        "select max(expiring_in_thirty_days) from {marts}.loyalty_liability",
    ),
    "points_expiring_in_60_days": Figure(
        "of them expire within 60 days",
        "expiring_in_sixty_days in loyalty_liability, unless they are redeemed before. A dash means that points never "
        "expire.",
        "select max(expiring_in_sixty_days) from {marts}.loyalty_liability",
    ),
    "points_expiring_in_90_days": Figure(
        "of them expire within 90 days",
        "expiring_in_ninety_days in loyalty_liability, unless they are redeemed before. A dash means that points never "
        "expire.",
        "select max(expiring_in_ninety_days) from {marts}.loyalty_liability",
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
    "stock_outs_counted": Figure(
        "stock-outs counted",
        "Runs of days at whose end nothing was left and on which nothing was sold, by the stock file: exact. "
        "evidence = 'stock file' in stock_outs.",
        "select count(*) from {marts}.stock_outs where evidence = 'stock file' and first_day is not null",
        is_marketing=True,
    ),
    "stock_outs_suspected": Figure(
        "suspected",
        "Where no stock was counted: a product sold on most days, and then on none for too long to be chance. It may "
        "have left the range, and short gaps and slow products don't show. evidence = 'suspected' in stock_outs.",
        "select count(*) from {marts}.stock_outs where evidence = 'suspected'",
        is_marketing=True,
    ),
    "stock_outs_lost_sales": Figure(
        "of sales lost at most",
        "Sum of lost_sales in stock_outs: what sold on the same weekdays around, at the product's price. It is an "
        "upper bound, because a customer who finds the shelf empty may buy something else. A dash means that none can "
        "be estimated.",
        "select sum(lost_sales) from {marts}.stock_outs where first_day is not null",
        is_marketing=True,
    ),
    "stock_unwatched": Figure(
        "pairs of product and store that can't be judged",
        "Not counted, and sold too seldom or too unevenly for a stock-out to show: why_not in stock_outs says which.",
        """
        select count(*) from {marts}.stock_outs
        where evidence = 'none' and days_known is null and shortest_visible_days is null
        """,
        is_marketing=True,
    ),
}

LISTS: dict[str, ListSource] = {
    "at_risk": ListSource(
        "Customers at risk",
        "Whom to win back first: those who spent most come first, then those with most points. Days overdue count from "
        "the customer's own typical gap between purchases. Customers in doubt have bought since, in a transaction that "
        "was rejected.",
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
        order by segments.monetary desc nulls last, details.total_loyalty_points desc, details.customer_id
        """,
    ),
    "newly_at_risk": ListSource(
        "Newly at risk",
        "Who became at risk in the seven days up to the as-of date, by the builds of those days.",
        {
            "customer_id": "customer",
            "first_name": "first name",
            "email": "e-mail",
            "at_risk_since": "at risk since",
            "last_purchase_date": "last purchase",
            "monetary": "spent",
            "total_loyalty_points": "points",
            "is_high_spender": "high spender",
        },
        """
        select
            details.customer_id, details.first_name, details.email, steps.as_of_date as at_risk_since,
            segments.last_purchase_date, segments.monetary, details.total_loyalty_points, segments.is_high_spender
        from (
            select
                customer_id, as_of_date, is_at_risk,
                lag(is_at_risk) over (partition by customer_id order by as_of_date) as was_at_risk,
                max(as_of_date) over (partition by customer_id) as last_change
            from {history}.segment_history
            where raw_layer = (select raw_layer from {history}.dq_builds order by built_at desc limit 1)
        ) as steps
        inner join {marts}.customer_segments as segments on steps.customer_id = segments.customer_id
        inner join {marts}.customer_details as details on steps.customer_id = details.customer_id
        cross join {marts}.as_of as as_of
        where
            segments.is_at_risk and steps.is_at_risk and not steps.was_at_risk
            and steps.as_of_date = steps.last_change and as_of.as_of_date - steps.as_of_date between 0 and 6
        order by segments.monetary desc nulls last, details.total_loyalty_points desc, details.customer_id
        """,
        if_empty="Nobody, as far as the builds of these days know. The first build has nothing to compare with.",
    ),
    "high_spenders": ListSource(
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
    "most_points": ListSource(
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
    "offers": ListSource(
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
        if_empty="Nobody: no promotion runs or is about to begin that fits a high spender or a customer at risk.",
        is_marketing=True,
    ),
    "promotions": ListSource(
        "What promotions did",
        "Change of units sold during a promotion, in %: against the days around it (observed), and against other "
        "categories on the same days. What can be judged comes first, then the latest. Low and high are the ends of "
        "the 95 % interval. Visible from is the smallest change that these sales could show. Neither proves that the "
        "promotion caused it; a campaign with a holdout does.",
        {
            "promotion_name": "promotion",
            "product_category": "category",
            "start_date": "from",
            "end_date": "to",
            "observed_percent": "observed",
            "observed_percent_low": "low",
            "observed_percent_high": "high",
            "against_others_percent": "against others",
            "against_others_percent_low": "low",
            "against_others_percent_high": "high",
            "smallest_visible_percent": "visible from",
            "why_not": "what is missing",
        },
        """
        select
            promotion_name, product_category, start_date, end_date,
            round(100 * observed_lift, 1), round(100 * observed_lift_low, 1), round(100 * observed_lift_high, 1),
            round(100 * did_lift, 1), round(100 * did_lift_low, 1), round(100 * did_lift_high, 1),
            round(100 * smallest_visible_lift, 1),
            replace(replace(nullif(ltrim(regexp_replace(
                why_not, '(; )?no (after_change|other_categories_change): [^;]*', '', 'g'
            ), '; '), ''), 'no observed_lift: ', 'observed: '), 'no did_lift: ', 'against others: ') as why_not
        from {marts}.promotion_effectiveness
        order by evidence = 'none', end_date desc, promotion_id, product_category
        """,
        if_empty="No promotion was used.",
        is_marketing=True,
    ),
    "stock_outs": ListSource(
        "What was out of stock",
        "The most lost sales first. Counted is exact, by the stock file; suspected is from the sales alone. Lost sales "
        "are an upper bound: customers may have bought something else. Low and high are the ends of the 95 % interval.",
        {
            "product_name": "product",
            "product_id": "id",
            "store_name": "store",
            "first_day": "from",
            "last_day": "to",
            "days_out": "days",
            "evidence": "known by",
            "lost_units": "lost units",
            "lost_sales": "lost sales",
            "lost_sales_low": "low",
            "lost_sales_high": "high",
            "why_not": "what is missing",
        },
        """
        select
            outs.product_name, outs.product_id, stores.store_name, outs.first_day, outs.last_day, outs.days_out,
            case outs.evidence when 'stock file' then 'counted' else outs.evidence end as evidence,
            outs.lost_units, outs.lost_sales, outs.lost_sales_low, outs.lost_sales_high,
            replace(outs.why_not, 'lost_units', 'lost units') as why_not
        from {marts}.stock_outs as outs
        inner join {marts}.stores as stores on outs.store_id = stores.store_id
        where outs.first_day is not null
        order by outs.lost_sales desc nulls last, outs.days_out desc, outs.first_day, outs.product_id, outs.store_id
        """,
        if_empty="None is known. Without the optional file inventory_levels.csv a stock-out can only be suspected, and "
        "only of products that sell on most days.",
        is_marketing=True,
    ),
    "stock_cover": ListSource(
        "How long the top products last",
        "The products with most revenue in the last stock_cover_days days, and for how many days their stock lasts if "
        "they sell on like that.",
        {
            "product_name": "product",
            "product_id": "id",
            "revenue": "revenue",
            "units_per_day": "units a day",
            "current_stock_level": "in stock",
            "stock_basis": "known by",
            "days_of_stock": "days it lasts",
            "why_not": "what is missing",
        },
        """
        select
            product_name, product_id, revenue, units_per_day, current_stock_level, stock_basis, days_of_stock,
            replace(why_not, 'days_of_stock', 'days') as why_not
        from {marts}.stock_cover
        where revenue_rank is not null
        order by revenue_rank
        """,
        if_empty="Nothing was sold lately.",
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
        closing_points
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
WARNED = """
    select scope, rejected_share from {staging}.circuit_breaker where verdict = 'warned' order by scope
"""
