{#- One build at a time. dbt closes its connection after each node, so no lock of a session lasts for a build; a row holds it:

    - on-run-start writes this run's invocation_id into the row, before the run reads what is new, and on-run-end clears it.
    - Every transaction that writes looks for it there and share-locks the row until it commits. So nobody takes the lock
      over in the middle of a transaction, and a run that lost the lock fails at its next write.
    - A run that was killed leaves its invocation_id behind. Its backends end with it: when none has been seen for the
      seconds of the var build_gone_after, the lock is free. They are known by the query comment, which holds the
      invocation_id.
    - A `retail` command that deletes or replaces rows locks the row until it commits: retail/engines/build_lock.py.

    DuckDB locks its file. On Spark nothing holds: let one scheduler start the builds. -#}
{% macro build_lock() %}
    {{- return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_staging', identifier='build_lock', type='table'
    )) -}}
{% endmacro %}

{#- on-run-start: takes the lock; waits for it up to the var build_lock_timeout, and ends the run if it stays taken. -#}
{% macro take_build_lock() %}
    {%- if execute and flags.WHICH in ['run', 'build', 'seed'] -%}
        {{- adapter.dispatch('take_build_lock', 'retail')() -}}
    {%- endif -%}
{% endmacro %}

{% macro default__take_build_lock() %}{% endmacro %}

{% macro postgres__take_build_lock() %}
    {%- set lock, seconds = build_lock(), 0.5 -%}
    {%- set looks_until_gone = setting('build_gone_after') / seconds -%}
    {%- if load_cached_relation(lock) is none -%}
        {%- call statement('create_lock', auto_begin=true) -%}
            select pg_advisory_xact_lock(hashtext('{{ lock }}'));
            create schema if not exists {{ adapter.quote(lock.schema) }};
            create table if not exists {{ lock }} (invocation_id text, command text, taken_at timestamp with time zone);
            insert into {{ lock }} (invocation_id)
            select null where not exists (select from {{ lock }})
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {%- set wait = namespace(is_over=false, holder='', is_told=false, looks_without_holder=0) -%}
    {%- for look in range((setting('build_lock_timeout') / seconds) | int + 1) -%}
        {%- if not wait.is_over -%}
            {%- call statement('try_lock', fetch_result=true, auto_begin=true) -%}
                {%- if look %}select pg_sleep({{ seconds }});{% endif %}
                {{ try_build_lock(lock, wait.holder if wait.looks_without_holder >= looks_until_gone else '') }}
            {%- endcall -%}
            {%- do adapter.commit() -%}
            {%- set found = load_result('try_lock').table.rows[0] -%}
            {%- if found['is_taken'] -%}
                {%- set wait.is_over = true -%}
                {%- if found['holder'] -%}{%- do log('that build is gone: this one goes on', info=true) -%}{%- endif -%}
            {%- else -%}
                {%- set is_seen = found['is_alive'] or found['holder'] != wait.holder -%}
                {%- set wait.looks_without_holder = 0 if is_seen else wait.looks_without_holder + 1 -%}
                {%- set wait.holder = found['holder'] -%}
                {%- set wait.said = 'dbt ' ~ found['command'] ~ ', begun at ' ~ found['began'] if wait.holder else 'a retail command' -%}
                {%- if not wait.is_told and setting('build_lock_timeout') -%}
                    {%- do log('waiting up to ' ~ setting('build_lock_timeout') ~ ' s for ' ~ wait.said, info=true) -%}
                    {%- set wait.is_told = true -%}
                {%- endif -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not wait.is_over -%}
        {{- exceptions.raise_compiler_error(
            wait.said ~ ' is at work in ' ~ lock.schema ~ ': nothing was written. Run this again when it is done, or wait longer '
            ~ '(var build_lock_timeout, now ' ~ setting('build_lock_timeout') ~ ' s).'
        ) -}}
    {%- endif -%}
{% endmacro %}

{#- SQL that takes the lock if it is free, or if it is still held by this holder, who is gone. It returns whether it was taken
    and who held it before. -#}
{% macro try_build_lock(lock, gone_holder) %}
    with held as (
        select
            ctid as place,
            invocation_id
        from {{ lock }}
        for update skip locked
    ),
    taken as (
        update {{ lock }} as present
        set invocation_id = '{{ invocation_id }}', command = '{{ flags.WHICH }}', taken_at = clock_timestamp()
        from held
        where
            present.ctid = held.place
            and coalesce(held.invocation_id, '') in ('', '{{ invocation_id }}', '{{ gone_holder }}')
        returning held.invocation_id
    )
    select
        exists (select from taken) as is_taken,
        coalesce(present.invocation_id, '') as holder,
        present.command,
        to_char(present.taken_at, 'HH24:MI:SS') as began,
        coalesce(exists (
            select from pg_stat_activity
            where query like '%' || present.invocation_id || '%' and pid <> pg_backend_pid()
        ), false) as is_alive
    from {{ lock }} as present
{% endmacro %}

{#- SQL that ends a transaction which is about to write if this run no longer holds the lock. -#}
{% macro check_build_lock() %}{{ return(adapter.dispatch('check_build_lock', 'retail')()) }}{% endmacro %}

{% macro default__check_build_lock() %}{{ return('') }}{% endmacro %}

{% macro postgres__check_build_lock() %}
    {%- if flags.WHICH in ['run', 'build', 'seed'] %}
    do $check$
    begin
        perform 1 from {{ build_lock() }} where invocation_id = '{{ invocation_id }}' for share;
        if not found then
            raise exception 'another build took over: nothing of this model was written';
        end if;
    end
    $check$;
    {%- endif %}
{% endmacro %}

{#- on-run-end: gives the lock back. -#}
{% macro release_build_lock() %}
    {%- if execute and flags.WHICH in ['run', 'build', 'seed'] -%}
        {{- return(adapter.dispatch('release_build_lock', 'retail')()) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__release_build_lock() %}{{ return('') }}{% endmacro %}

{% macro postgres__release_build_lock() %}
    {{- return('update ' ~ build_lock() ~ " set invocation_id = null, command = null, taken_at = null where invocation_id = '" ~ invocation_id ~ "'") -}}
{% endmacro %}
