{#- The body of the CTE `covered` of int_redemptions_covered: the balance before each redemption, event by event. A redemption that
    the balance doesn't cover takes nothing; one that an earlier delivery brought takes its points if it was accepted then. Points go
    as in points_taken_in_turn; what no lot covers stands on the opening lot. It reads the CTEs lots and offers. -#}
{% macro redemptions_covered_in_turn() %}
    {{- return(adapter.dispatch('redemptions_covered_in_turn', 'retail')()) -}}
{% endmacro %}

{% macro default__redemptions_covered_in_turn() %}
    select
        customer_id,
        cast(0 as bigint) as event_number,
        lot_number,
        cast(0 as bigint) as points_left,
        cast('' as {{ sql_type('text') }}) as accepted,
        cast(null as bigint) as balance
    from lots
    union all
    select
        customer_id,
        event_number,
        lot_number,
        cast(
            points_left
            - least(points_offered, greatest(points_asked + points_offered - offered_so_far, 0))
            - case when lot_number = 1 and is_redemption then greatest(points_asked - offered_in_all, 0) else 0 end
            as bigint
        ) as points_left,
        case
            when is_judged and points_asked > 0 then concat_ws(';', nullif(accepted, ''), redemption_number)
            else accepted
        end as accepted,
        cast(balance as bigint) as balance
    from (
        select
            *,
            case
                when is_judged and points_due > balance then 0
                when
                    is_redemption
                    and not is_judged
                    and not {{ has_label('accepted', 'redemption_number') }} then 0
                else points_due
            end as points_asked
        from (
            select
                *,
                sum(
                    case state
                        when 'left' then points_left
                        when 'later' then points_left - points
                        else least(points_left, 0)
                    end
                ) over (partition by customer_id) as balance,
                sum(points_offered) over (partition by customer_id) as offered_in_all,
                sum(points_offered) over (
                    partition by customer_id
                    order by turn, lot_number
                    rows between unbounded preceding and current row
                ) as offered_so_far
            from (
                select
                    begun.*,
                    case when turn is not null then greatest(points_left, 0) else 0 end as points_offered
                from (
                    select
                        offers.*,
                        covered.accepted,
                        case when offers.begins_account then offers.points else covered.points_left end as points_left
                    from covered
                    inner join offers
                        on
                            covered.customer_id = offers.customer_id
                            and covered.lot_number = offers.lot_number
                            and covered.event_number + 1 = offers.event_number
                ) as begun
            ) as offered
        ) as counted
    ) as asked
{% endmacro %}

{% macro spark__redemptions_covered_in_turn() %}
    {%- set points_left = 'if(event.begins_account, transform(event.lots, lot -> lot.points), so_far.points_left)' -%}
    select
        folded.customer_id,
        covered.event_number,
        1 as lot_number,
        covered.balance
    from (
        select
            customer_id,
            aggregate(
                events,
                named_struct(
                    'points_left', cast(array() as array<bigint>),
                    'accepted', cast(array() as array<bigint>),
                    'balances', cast(array() as array<struct<event_number: int, balance: bigint>>)
                ),
                (so_far, event) -> element_at(transform(
                    transform(
                        array(named_struct(
                            'points_left', {{ points_left }},
                            'balance', aggregate(
                                zip_with(
                                    {{ points_left }},
                                    event.lots,
                                    (points, lot) -> case lot.state
                                        when 'left' then points
                                        when 'later' then points - lot.points
                                        else least(points, 0L)
                                    end
                                ),
                                0L,
                                (balance, points) -> balance + points
                            )
                        )),
                        begun -> named_struct(
                            'points_left', begun.points_left,
                            'balance', begun.balance,
                            'asked', case
                                when event.is_judged and event.points_due > begun.balance then 0L
                                when
                                    event.is_redemption
                                    and not event.is_judged
                                    and not array_contains(so_far.accepted, event.redemption_number) then 0L
                                else event.points_due
                            end
                        )
                    ),
                    asked -> named_struct(
                        'points_left', aggregate(
                            event.in_turn,
                            named_struct('points_left', asked.points_left, 'due', asked.asked),
                            (state, lot) -> named_struct(
                                'points_left', transform(
                                    state.points_left,
                                    (points, place) -> if(
                                        place = lot.lot_number - 1, points - greatest(least(points, state.due), 0L), points
                                    )
                                ),
                                'due', state.due
                                - greatest(least(element_at(state.points_left, lot.lot_number), state.due), 0L)
                            ),
                            state -> transform(
                                state.points_left,
                                (points, place) -> if(place = 0 and event.is_redemption, points - state.due, points)
                            )
                        ),
                        'accepted', if(
                            event.is_judged and asked.asked > 0L,
                            concat(so_far.accepted, array(event.redemption_number)),
                            so_far.accepted
                        ),
                        'balances', concat(so_far.balances, array(named_struct(
                            'event_number', event.event_number, 'balance', asked.balance
                        )))
                    )
                ), 1),
                so_far -> so_far.balances
            ) as balances
        from (
            select
                customer_id,
                array_sort(collect_list(struct(
                    event_number, begins_account, is_redemption, is_judged, redemption_number, points_due, in_turn, lots
                ))) as events
            from (
                select
                    customer_id,
                    event_number,
                    bool_or(begins_account) as begins_account,
                    bool_or(is_redemption) as is_redemption,
                    bool_or(is_judged) as is_judged,
                    cast(coalesce(max(redemption_number), 0) as bigint) as redemption_number,
                    max(points_due) as points_due,
                    array_sort(collect_list(case when turn is not null then struct(turn, lot_number) end)) as in_turn,
                    array_sort(collect_list(struct(lot_number, points, state))) as lots
                from offers
                group by customer_id, event_number
            ) as lots_of_events
            group by customer_id
        ) as events_of_customers
    ) as folded
    lateral view explode(folded.balances) exploded as covered
{% endmacro %}
