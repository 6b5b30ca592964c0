{#- The body of the CTE `uses` of loyalty_lot_uses: how many points each event takes from each lot. An event goes through its lots by
    turn and lot_number, and finds what earlier events left. It reads the CTEs lots and offers.

    A recursive query takes one event of each customer per step. Spark allows no window in such a step; there the lots and events of a
    customer are arrays, which functions fold. -#}
{% macro points_taken_in_turn() %}{{ return(adapter.dispatch('points_taken_in_turn', 'retail')()) }}{% endmacro %}

{% macro default__points_taken_in_turn() %}
    select
        customer_id,
        cast(0 as bigint) as event_number,
        lot_number,
        points as points_left,
        cast(0 as bigint) as points_taken,
        false as had_expired
    from lots
    union all
    select
        customer_id,
        event_number,
        lot_number,
        points_left - points_taken as points_left,
        points_taken,
        had_expired
    from (
        select
            customer_id,
            event_number,
            lot_number,
            points_left,
            had_expired,
            cast(least(
                points_offered,
                greatest(points_due + points_offered - sum(points_offered) over (
                    partition by customer_id
                    order by turn, lot_number
                    rows between unbounded preceding and current row
                ), 0)
            ) as bigint) as points_taken
        from (
            select
                offers.*,
                uses.points_left,
                case when offers.turn is not null then uses.points_left else 0 end as points_offered
            from uses
            inner join offers
                on
                    uses.customer_id = offers.customer_id
                    and uses.lot_number = offers.lot_number
                    and uses.event_number + 1 = offers.event_number
        ) as offered
    ) as taken
{% endmacro %}

{% macro spark__points_taken_in_turn() %}
    select
        folded.customer_id,
        taken.event_number,
        taken.lot_number,
        taken.points_taken,
        taken.had_expired
    from (
        select
            events.customer_id,
            aggregate(
                events.events,
                named_struct(
                    'points_left', lots_of_customers.points_left,
                    'taken', cast(array() as array<struct<
                        event_number: int, lot_number: int, points_taken: bigint, had_expired: boolean
                    >>)
                ),
                (so_far, event) -> aggregate(
                    event.in_turn,
                    named_struct('points_left', so_far.points_left, 'taken', so_far.taken, 'due', event.points_due),
                    (state, lot) -> named_struct(
                        'points_left', transform(
                            state.points_left,
                            (points, place) -> if(
                                place = lot.lot_number - 1, points - greatest(least(points, state.due), 0L), points
                            )
                        ),
                        'taken', concat(state.taken, array(named_struct(
                            'event_number', event.event_number,
                            'lot_number', lot.lot_number,
                            'points_taken', greatest(least(element_at(state.points_left, lot.lot_number), state.due), 0L),
                            'had_expired', lot.had_expired
                        ))),
                        'due', state.due
                        - greatest(least(element_at(state.points_left, lot.lot_number), state.due), 0L)
                    ),
                    state -> named_struct('points_left', state.points_left, 'taken', state.taken)
                ),
                so_far -> so_far.taken
            ) as taken_of_customer
        from (
            select
                customer_id,
                array_sort(collect_list(struct(event_number, points_due, in_turn))) as events
            from (
                select
                    customer_id,
                    event_number,
                    max(points_due) as points_due,
                    array_sort(collect_list(
                        case when turn is not null then struct(turn, lot_number, had_expired) end
                    )) as in_turn
                from offers
                group by customer_id, event_number
            ) as offers_of_events
            group by customer_id
        ) as events
        inner join (
            select
                customer_id,
                transform(array_sort(collect_list(struct(lot_number, points))), lot -> lot.points) as points_left
            from lots
            group by customer_id
        ) as lots_of_customers
            on events.customer_id = lots_of_customers.customer_id
    ) as folded
    lateral view explode(taken_of_customer) exploded as taken
{% endmacro %}
