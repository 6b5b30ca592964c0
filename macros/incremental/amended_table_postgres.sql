{#- A table that a build amends: the rows of the affected units are deleted and inserted again, in one statement; keys and
    indexes stay. Where `amends()` is false the table is rebuilt. config.meta:

    unit      column whose values are affected
    units     model that lists the affected values, in a column of the same name; none: the units of the new rows
    merge_on  key by which rows are replaced in place, because foreign keys point at them; without `unit`, the new rows
              are all there are
    kept      column whose values up to the unit's keep_through, a column of `units`, stay as they are
    null_units, always  SQL: which rows without a unit are affected with the others; which rows always are
    append    only rows whose `merge_on` is not there yet are added
    amends    true for a model of another materialization that remembers what it holds -#}
{% materialization amended_table, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_table or not amends() -%}
        {{ return(rebuild_postgres_table(is_amendable=true)) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ check_build_lock() }}
        {{ amend_table(existing, sql) }};
        {{ remember_build(existing) }}
    {%- endcall -%}
    {{ return(finish_postgres_relation(existing, existing)) }}
{% endmaterialization %}

{#- SQL that deletes the affected rows of a table and inserts them again. The table's columns are those that the model's YAML
    describes; a test compares the two. -#}
{% macro amend_table(relation, sql) %}
    {%- set meta = config.get('meta', {}) -%}
    {%- set columns = model.columns.keys() | list -%}
    {%- set listed = columns | join(', ') -%}
    {%- set units = ref(meta.units) if meta.get('units') else none -%}
    create temporary table amended on commit drop as (
        {{ sql }}
    );
    analyze amended;
    {%- if meta.get('merge_on') and not meta.get('append') %}
    delete from {{ relation }} as present
    where
        {%- if units %}
        present.{{ meta.unit }} in (select {{ meta.unit }} from {{ units }}) and
        {%- endif %}
        not exists (select 1 from amended where amended.{{ meta.merge_on }} = present.{{ meta.merge_on }});
    {%- elif meta.get('kept') %}
    delete from {{ relation }} as present
    using {{ units }} as affected
    where
        present.{{ meta.unit }} = affected.{{ meta.unit }}
        and present.{{ meta.kept }} > affected.keep_through;
    {%- elif meta.get('unit') %}
    delete from {{ relation }} as present
    using {{ units or 'amended' }} as affected
    where {{ is_same_transaction('present', 'affected') if meta.unit == 'transaction_id' else 'present.' ~ meta.unit ~ ' = affected.' ~ meta.unit }};
        {%- if units %}
    delete from {{ relation }} as present
    where
        {{ has_no_transaction('present') if meta.unit == 'transaction_id' else 'present.' ~ meta.unit ~ ' is null' }}
        and {{ meta.get('null_units', 'true') }}
        and exists (select 1 from {{ units }} where {{ meta.unit }} is null);
        {%- endif %}
        {%- if meta.get('always') %}
    delete from {{ relation }} where {{ meta.always }};
        {%- endif %}
    {%- endif %}
    insert into {{ relation }} as present ({{ listed }})
    select {{ listed }} from amended
    {%- if meta.get('append') %}
    on conflict ({{ meta.merge_on }}) do nothing
    {%- elif meta.get('merge_on') %}
    on conflict ({{ meta.merge_on }}) do update set
        {% for column in columns -%} {{ column }} = excluded.{{ column }} {{- ', ' if not loop.last }} {%- endfor %}
    where (
        {%- for column in columns %} present.{{ column }} {{- ',' if not loop.last }} {%- endfor %}
    ) is distinct from (
        {%- for column in columns %} excluded.{{ column }} {{- ',' if not loop.last }} {%- endfor %}
    )
    {%- endif %}
{% endmacro %}
