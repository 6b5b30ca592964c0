{#- PostgreSQL drops the views over a table with the table. Between these two, in one transaction, a table or view may be
    replaced: the views over it, and over those, come back, with owner, comments and grants. A view that doesn't fit any more
    stays away, and so does a materialized one, whose rows would have to be computed. -#}

{#- SQL that notes the views over a relation. It waits for other threads that are about to replace something: two that share a
    view would wait for each other. -#}
{% macro note_views(relation) %}
    select pg_advisory_xact_lock(hashtext('views of {{ build_lock() }}'));
    with recursive dependents as (
        select to_regclass({{ dbt.string_literal(relation | string) }})::oid as view_id, 0 as depth
        union
        select pg_rewrite.ev_class, dependents.depth + 1
        from dependents
        inner join pg_depend
            on
                pg_depend.refclassid = 'pg_class'::regclass
                and pg_depend.refobjid = dependents.view_id
                and pg_depend.classid = 'pg_rewrite'::regclass
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid and pg_rewrite.ev_class <> dependents.view_id
    ),
    views as (
        select
            pg_class.*,
            pg_class.oid as view_id,
            format('%I.%I', pg_namespace.nspname, pg_class.relname) as view,
            dependents.depth
        from (select view_id, max(depth) as depth from dependents where depth > 0 group by view_id) as dependents
        inner join pg_class on dependents.view_id = pg_class.oid
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    ),
    -- privileges on the view, and on single columns
    grants as (
        select view_id, '' as columns, relacl as privileges from views
        union all
        select attrelid, format(' (%I)', attname), attacl from pg_attribute where attrelid in (select view_id from views)
    ),
    parts as (
        select view_id, 1 as place, format('alter view %s owner to %s', view, relowner::regrole) as part from views
        union all
        select view_id, 2, format(
            'comment on %s is %L',
            coalesce('column ' || view || '.' || quote_ident(attname), 'view ' || view),
            description
        )
        from views
        inner join pg_description on classoid = 'pg_class'::regclass and objoid = view_id
        left join pg_attribute on attrelid = view_id and attnum = nullif(objsubid, 0)
        union all
        select view_id, 3, format(
            'grant %s%s on %s to %s%s',
            privilege_type, columns, view,
            coalesce(nullif(grantee, 0)::regrole::text, 'public'),
            case when is_grantable then ' with grant option' end
        )
        from views
        inner join grants using (view_id)
        cross join aclexplode(privileges)
    )
    select set_config('retail.views', coalesce(json_agg(json_build_object(
        'view', view,
        'is_stored', relkind = 'm',
        'creation', format(
            'create view %s%s as %s', view, ' with (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(view_id)
        ),
        'rest', (select string_agg(part, '; ' order by place) from parts where parts.view_id = views.view_id)
    ) order by depth), '[]')::text, true)
    from views;
{% endmacro %}

{#- SQL that creates the noted views again, and returns those that stay away as JSON: view and reason. -#}
{% macro restore_views() %}
    do $restore$
    declare
        view json;
        grantee text;
        lost jsonb := '[]';
    begin
        for view in select * from json_array_elements(current_setting('retail.views')::json) loop
            begin
                if (view ->> 'is_stored')::boolean then
                    raise exception 'it is a materialized view';
                end if;
                execute view ->> 'creation';
                -- default privileges of its schema may give it to more roles than it had
                for grantee in
                    select distinct coalesce(nullif(acl.grantee, 0)::regrole::text, 'public')
                    from pg_class cross join aclexplode(relacl) as acl
                    where pg_class.oid = (view ->> 'view')::regclass and acl.grantee <> relowner
                loop
                    execute format('revoke all on %s from %s', view ->> 'view', grantee);
                end loop;
                execute view ->> 'rest';
            exception when others then
                lost := lost || jsonb_build_object('view', view ->> 'view', 'reason', sqlerrm);
            end;
        end loop;
        perform set_config('retail.views', lost::text, true);
    end
    $restore$;
    select current_setting('retail.views');
{% endmacro %}

{#- Says which views stay away after a statement that ended with `restore_views`, and that the run doesn't build anyway. -#}
{% macro name_lost_views(statement_name) %}
    {%- set models = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- do models.update({node.schema ~ '.' ~ node.alias: node}) -%}
    {%- endfor -%}
    {%- for lost in fromjson(load_result(statement_name).table.rows[0][0]) if models.get(lost.view, {}).unique_id not in selected_resources -%}
        {%- do log(
            'note: the view ' ~ lost.view ~ ' was dropped with what it reads, and can\'t be created again: ' ~ lost.reason
            ~ ('. Build it: dbt run -s ' ~ models[lost.view].name if lost.view in models), info=true
        ) -%}
    {%- endfor -%}
{% endmacro %}
