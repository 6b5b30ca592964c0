{#- What is returned, and the points that it takes back: in accounts as they are (loyalty_returns, loyalty_clawbacks), and as they
    were known when a redemption was delivered (int_redemptions_covered). -#}

{#- The transactions that return something, with what was bought in them.

    transactions   a CTE with transactions of customers, with rules_from_batch
    line_items     a CTE with their lines
    rule_versions  a CTE with int_loyalty_rule_versions -#}
{% macro returning_transactions(transactions, line_items, rule_versions) %}
    with

    with_returned_lines as (

        select distinct transaction_id
        from {{ line_items }}
        where {{ is_returned_line() }}

    ),

    giving_back as (

        select transactions.*
        from {{ transactions }} as transactions
        left join with_returned_lines on transactions.transaction_id = with_returned_lines.transaction_id
        where
            with_returned_lines.transaction_id is not null
            or transactions.total_amount < 0

    ),

    -- what was bought with it
    sales as (

        select
            line_items.transaction_id,
            cast(sum(line_items.line_item_amount) as {{ sql_type('numeric(20, 2)') }}) as sale_amount
        from {{ line_items }} as line_items
        inner join with_returned_lines on line_items.transaction_id = with_returned_lines.transaction_id
        where not {{ is_returned_line('line_items.') }}
        group by line_items.transaction_id

    ),

    amounts as (

        select distinct
            sales.sale_amount as total_amount,
            giving_back.rules_from_batch
        from giving_back
        inner join sales on giving_back.transaction_id = sales.transaction_id

    ),

    points_of_amounts as (

        {{ price_amounts('amounts', rule_versions) }}

    ),

    final as (

        select
            giving_back.customer_id,
            giving_back.transaction_id,
            giving_back.transaction_date,
            giving_back.total_amount,
            giving_back.rules_from_batch,
            sales.transaction_id is not null as has_sale,
            sales.sale_amount,
            points_of_amounts.rule_ids,
            points_of_amounts.points
        from giving_back
        left join sales on giving_back.transaction_id = sales.transaction_id
        left join points_of_amounts
            on
                sales.sale_amount = points_of_amounts.total_amount
                and giving_back.rules_from_batch = points_of_amounts.rules_from_batch

    )

    select * from final
{% endmacro %}

{#- The points that a return takes back, per purchase that it is matched to.

    returns        a CTE with returning_transactions
    transactions   a CTE with all transactions of their customers, with is_return and sale_amount
    line_items     a CTE with their lines
    rule_versions  a CTE with int_loyalty_rule_versions -#}
{% macro points_to_take_back(returns, transactions, line_items, rule_versions) %}
    with

    moved_line_items as (

        select
            transactions.customer_id,
            transactions.transaction_id,
            transactions.transaction_date,
            transactions.is_return,
            line_items.line_item_id,
            line_items.product_id,
            cast(line_items.quantity as bigint) as quantity,
            abs(coalesce(line_items.line_item_amount, 0)) as amount,
            {{ is_returned_line('line_items.') }} as is_returned
        from {{ line_items }} as line_items
        inner join {{ transactions }} as transactions on line_items.transaction_id = transactions.transaction_id
        where
            {{ is_returned_line('line_items.') }}
            or (
                line_items.quantity > 0
                and line_items.line_item_amount >= 0
                and transactions.sale_amount is not null
            )

    ),

    returned_products as (

        select distinct
            customer_id,
            product_id
        from moved_line_items
        where is_returned

    ),

    -- Each product of a customer is a stack: a purchase puts its pieces on top, a return takes them from there. An exchange puts
    -- its own pieces on it last, because it doesn't return what it sells.
    numbered as (

        select
            moved_line_items.*,
            row_number() over in_order as move_number,
            cast(sum(moved_line_items.quantity) over in_order as bigint) as total_quantity
        from moved_line_items
        inner join returned_products
            on
                moved_line_items.customer_id = returned_products.customer_id
                and moved_line_items.product_id = returned_products.product_id
        window in_order as (
            partition by moved_line_items.customer_id, moved_line_items.product_id
            order by
                moved_line_items.transaction_date,
                case when moved_line_items.is_returned then 1 when moved_line_items.is_return then 2 else 0 end,
                {{ by_code_point('moved_line_items.transaction_id') }},
                {{ by_code_point('moved_line_items.line_item_id') }}
            rows between unbounded preceding and current row
        )

    ),

    -- the stack is never lower than empty
    stacked as (

        select
            *,
            total_quantity - least(0, min(total_quantity) over (
                partition by customer_id, product_id
                order by move_number
                rows between unbounded preceding and current row
            )) as height_after
        from numbered

    ),

    moves as (

        select
            *,
            lag(height_after, 1, cast(0 as bigint)) over (
                partition by customer_id, product_id
                order by move_number
            ) as height_before
        from stacked

    ),

    heights as (

        select
            customer_id,
            product_id,
            cast(0 as bigint) as height
        from returned_products
        union
        select
            customer_id,
            product_id,
            height_after
        from moves

    ),

    layers as (

        select
            customer_id,
            product_id,
            height as bottom,
            lead(height) over (
                partition by customer_id, product_id
                order by height
            ) as top
        from heights

    ),

    -- in a layer, purchases and returns take turns
    turns as (

        select
            moves.customer_id,
            moves.transaction_id,
            moves.is_returned,
            layers.top - layers.bottom as pieces,
            lag(moves.transaction_id) over in_layer as purchase_id,
            lag(moves.line_item_id) over in_layer as purchase_line_item_id
        from moves
        inner join layers
            on
                moves.customer_id = layers.customer_id
                and moves.product_id = layers.product_id
                and layers.bottom >= least(moves.height_before, moves.height_after)
                and layers.top <= greatest(moves.height_before, moves.height_after)
        window in_layer as (
            partition by moves.customer_id, moves.product_id, layers.bottom
            order by moves.move_number
        )

    ),

    matched as (

        select
            transaction_id,
            purchase_id,
            purchase_line_item_id,
            cast(sum(pieces) as bigint) as pieces
        from turns
        where is_returned
        group by transaction_id, purchase_id, purchase_line_item_id

    ),

    came_back as (

        select
            matched.*,
            returned.transaction_date,
            bought.customer_id,
            bought.product_id,
            bought.quantity,
            bought.amount,
            cast(sum(matched.pieces) over (
                partition by matched.purchase_id, matched.purchase_line_item_id
                order by returned.transaction_date, {{ by_code_point('matched.transaction_id') }}
                rows between unbounded preceding and current row
            ) as bigint) as pieces_so_far
        from matched
        inner join {{ transactions }} as returned on matched.transaction_id = returned.transaction_id
        inner join moved_line_items as bought
            on
                matched.purchase_id = bought.transaction_id
                and matched.purchase_line_item_id = bought.line_item_id

    ),

    worth as (

        select
            customer_id,
            product_id,
            transaction_id,
            transaction_date,
            purchase_id,
            pieces,
            {{ worth_of_pieces('amount', 'pieces_so_far', 'quantity') }}
            - {{ worth_of_pieces('amount', 'pieces_so_far - pieces', 'quantity') }} as amount
        from came_back

    ),

    of_purchases as (

        select
            transaction_id,
            transaction_date,
            purchase_id,
            sum(pieces) as pieces,
            sum(amount) as amount
        from worth
        group by transaction_id, transaction_date, purchase_id

    ),

    bought_pieces as (

        select
            transaction_id,
            sum(quantity) as pieces
        from moved_line_items
        where not is_returned
        group by transaction_id

    ),

    remaining as (

        select
            of_purchases.transaction_id,
            of_purchases.transaction_date,
            of_purchases.purchase_id,
            purchases.transaction_date as purchase_date,
            purchases.rules_from_batch,
            purchases.sale_amount,
            case
                when sum(of_purchases.pieces) over so_far < bought_pieces.pieces
                    then greatest(purchases.sale_amount - sum(of_purchases.amount) over so_far, 0)
                else 0
            end as amount_left
        from of_purchases
        inner join {{ transactions }} as purchases on of_purchases.purchase_id = purchases.transaction_id
        inner join bought_pieces on of_purchases.purchase_id = bought_pieces.transaction_id
        window so_far as (
            partition by of_purchases.purchase_id
            order by of_purchases.transaction_date, {{ by_code_point('of_purchases.transaction_id') }}
            rows between unbounded preceding and current row
        )

    ),

    -- what the purchases of a return's pieces are worth
    taken as (

        select
            customer_id,
            product_id,
            transaction_id,
            sum(amount) as amount
        from worth
        group by customer_id, product_id, transaction_id

    ),

    given_back as (

        select
            customer_id,
            product_id,
            transaction_id,
            min(move_number) as move_number,
            sum(amount) as amount,
            sum({{ worth_of_pieces('amount', '-quantity - (height_before - height_after)', '-quantity') }}) as amount_unmatched
        from moves
        where is_returned
        group by customer_id, product_id, transaction_id

    ),

    -- One piece may be paid back in parts, each as a return of one. The first takes all that the piece was worth; the others
    -- match nothing, and count only from where the customer got back more than that.
    paid_back as (

        select
            given_back.customer_id,
            given_back.product_id,
            given_back.transaction_id,
            given_back.move_number,
            given_back.amount_unmatched,
            sum(
                given_back.amount_unmatched
                - greatest(coalesce(taken.amount, 0) - (given_back.amount - given_back.amount_unmatched), 0)
            ) over (
                partition by given_back.customer_id, given_back.product_id
                order by given_back.move_number
                rows between unbounded preceding and current row
            ) as amount_ahead
        from given_back
        left join taken
            on
                given_back.transaction_id = taken.transaction_id
                and given_back.product_id = taken.product_id

    ),

    beyond_purchases as (

        select
            *,
            greatest(max(amount_ahead) over (
                partition by customer_id, product_id
                order by move_number
                rows between unbounded preceding and current row
            ), 0) as amount_beyond
        from paid_back

    ),

    by_product as (

        select
            transaction_id,
            amount_unmatched,
            amount_beyond - coalesce(lag(amount_beyond) over (
                partition by customer_id, product_id
                order by move_number
            ), 0) as amount
        from beyond_purchases

    ),

    unmatched_line_items as (

        select
            transaction_id,
            sum(amount) as amount,
            sum(amount_unmatched - amount) as amount_taken_before
        from by_product
        group by transaction_id

    ),

    with_matches as (

        select distinct transaction_id from matched

    ),

    -- a return that matches nothing at all is worth its total
    unmatched as (

        select
            returns.transaction_id,
            returns.rules_from_batch,
            case
                when with_matches.transaction_id is null and not returns.has_sale
                    then greatest(-returns.total_amount - coalesce(unmatched_line_items.amount_taken_before, 0), 0)
                else coalesce(unmatched_line_items.amount, 0)
            end as amount
        from {{ returns }} as returns
        left join unmatched_line_items on returns.transaction_id = unmatched_line_items.transaction_id
        left join with_matches on returns.transaction_id = with_matches.transaction_id
        where
            unmatched_line_items.amount > 0
            or (with_matches.transaction_id is null and not returns.has_sale)

    ),

    amounts as (

        select
            cast(amount as {{ sql_type('numeric(20, 2)') }}) as total_amount,
            rules_from_batch
        from unmatched
        union
        select
            cast(amount_left as {{ sql_type('numeric(20, 2)') }}) as total_amount,
            rules_from_batch
        from remaining
        union
        select
            cast(sale_amount as {{ sql_type('numeric(20, 2)') }}) as total_amount,
            rules_from_batch
        from remaining

    ),

    points_of_amounts as (

        {{ price_amounts('amounts', rule_versions) }}

    ),

    -- a purchase stands at the fewest points that it was worth so far: a return never adds any
    standing as (

        select
            remaining.*,
            of_sale.rule_ids,
            of_sale.points as points_earned,
            least(of_sale.points, min(of_rest.points) over (
                partition by remaining.purchase_id
                order by remaining.transaction_date, {{ by_code_point('remaining.transaction_id') }}
                rows between unbounded preceding and current row
            )) as points_standing
        from remaining
        inner join points_of_amounts as of_sale
            on
                remaining.sale_amount = of_sale.total_amount
                and remaining.rules_from_batch = of_sale.rules_from_batch
        inner join points_of_amounts as of_rest
            on
                remaining.amount_left = of_rest.total_amount
                and remaining.rules_from_batch = of_rest.rules_from_batch

    ),

    due as (

        select
            transaction_id,
            purchase_id,
            purchase_date,
            rule_ids,
            rules_from_batch,
            lag(points_standing, 1, points_earned) over (
                partition by purchase_id
                order by transaction_date, {{ by_code_point('transaction_id') }}
            ) - points_standing as points_due
        from standing
        union all
        select
            unmatched.transaction_id,
            cast(null as {{ sql_type('varchar(30)') }}) as purchase_id,
            cast(null as {{ sql_type('timestamp') }}) as purchase_date,
            points_of_amounts.rule_ids,
            unmatched.rules_from_batch,
            points_of_amounts.points as points_due
        from unmatched
        inner join points_of_amounts
            on
                unmatched.amount = points_of_amounts.total_amount
                and unmatched.rules_from_batch = points_of_amounts.rules_from_batch

    ),

    final as (

        select
            returns.customer_id,
            due.transaction_id,
            returns.transaction_date,
            due.purchase_id,
            due.purchase_date,
            due.rule_ids,
            due.rules_from_batch,
            due.points_due
        from due
        inner join {{ returns }} as returns on due.transaction_id = returns.transaction_id

    )

    select * from final
{% endmacro %}
