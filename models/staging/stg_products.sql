with

checked as (

    select * from {{ ref('checked_products') }}

),

final as (

    select
        {% for column in products_columns() | selectattr('type') -%}
        cast({{ column.name }} as {{ column.type }}) as {{ column.name }}{{ ',' if not loop.last }}
        {% endfor %}
    from checked
    where is_valid

)

select * from final
