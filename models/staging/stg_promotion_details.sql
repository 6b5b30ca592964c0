with

checked as (

    select * from {{ ref('checked_promotion_details') }}

),

final as (

    select
        {% for column in promotion_details_columns() | selectattr('type') -%}
        cast({{ column.name }} as {{ column.type }}) as {{ column.name }}{{ ',' if not loop.last }}
        {% endfor %}
    from checked
    where is_valid

)

select * from final
