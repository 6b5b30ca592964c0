with

checked as (

    select * from {{ ref('checked_store_sales_line_items') }}

),

final as (

    select
        {% for column in store_sales_line_items_columns() | selectattr('type') -%}
        cast({{ column.name }} as {{ column.type }}) as {{ column.name }}{{ ',' if not loop.last }}
        {% endfor %}
    from checked
    where is_valid

)

select * from final
