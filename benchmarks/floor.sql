-- The floor: the work of the dbt project as one hand-written script, for the default settings and one order of columns.
-- It has the same rules, labels, reasons, tables, types, keys and indexes, but none of the switches.
--
--   psql -v data=DIR -v reference=PROJECT/seeds/reference -v cutoff=2026-01-01 -f floor.sql
--
-- DIR has the seven files as `retail generate` writes them. The schemas are those of the project, in a separate database.
-- The history over builds (retail_history) is left out. Shortcuts that a hand-written script can take:
--   - a verdict is stored only for rows that fail a rule; checked_store_sales_line_items is a view over that
--   - a line's warnings are computed only if the line is clean, because only then they count
--   - cells of the large tables are tested for the common case first
\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages to warning;

begin;

-- queries pass on many rows here; that is still cheaper than using one core
set local parallel_tuple_cost = 0.001;

create schema retail_landing;
create schema retail_staging;
create schema retail;


-- ---- load ----

-- only one session copies, so numbers from a cache are still the rows' places in the file
create table retail_landing.raw_stores (
    store_id text, store_name text, store_city text, store_region text, opening_date text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_products (
    product_id text, product_name text, product_category text, unit_price text, current_stock_level text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_customer_details (
    customer_id text, first_name text, email text, loyalty_status text, total_loyalty_points text,
    last_purchase_date text, segment_id text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_promotion_details (
    promotion_id text, promotion_name text, start_date text, end_date text, discount_percentage text,
    applicable_category text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_loyalty_rules (
    rule_id text, rule_name text, points_per_unit_spend text, min_spend_threshold text, bonus_points text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_store_sales_header (
    transaction_id text, customer_id text, store_id text, transaction_date text, total_amount text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail_landing.raw_store_sales_line_items (
    line_item_id text, transaction_id text, product_id text, promotion_id text, quantity text, line_item_amount text,
    source_row_number bigint generated always as identity (cache 1000)
);
create table retail.loyalty_tiers (tier text, min_points integer);
create table retail.rfm_segments (r_score integer, f_score integer, rfm_segment text);
create table retail.segments (segment_id varchar(10), segment_name text, priority integer, description text);

\cd :data
\copy retail_landing.raw_stores (store_id, store_name, store_city, store_region, opening_date) from 'stores.csv' (format csv, header match, force_null (store_id, store_name, store_city, store_region, opening_date), freeze)
\copy retail_landing.raw_products (product_id, product_name, product_category, unit_price, current_stock_level) from 'products.csv' (format csv, header match, force_null (product_id, product_name, product_category, unit_price, current_stock_level), freeze)
\copy retail_landing.raw_customer_details (customer_id, first_name, email, loyalty_status, total_loyalty_points, last_purchase_date, segment_id) from 'customer_details.csv' (format csv, header match, force_null (customer_id, first_name, email, loyalty_status, total_loyalty_points, last_purchase_date, segment_id), freeze)
\copy retail_landing.raw_promotion_details (promotion_id, promotion_name, start_date, end_date, discount_percentage, applicable_category) from 'promotion_details.csv' (format csv, header match, force_null (promotion_id, promotion_name, start_date, end_date, discount_percentage, applicable_category), freeze)
\copy retail_landing.raw_loyalty_rules (rule_id, rule_name, points_per_unit_spend, min_spend_threshold, bonus_points) from 'loyalty_rules.csv' (format csv, header match, force_null (rule_id, rule_name, points_per_unit_spend, min_spend_threshold, bonus_points), freeze)
\copy retail_landing.raw_store_sales_header (transaction_id, customer_id, store_id, transaction_date, total_amount) from 'store_sales_header.csv' (format csv, header match, force_null (transaction_id, customer_id, store_id, transaction_date, total_amount), freeze)
\copy retail_landing.raw_store_sales_line_items (line_item_id, transaction_id, product_id, promotion_id, quantity, line_item_amount) from 'store_sales_line_items.csv' (format csv, header match, force_null (line_item_id, transaction_id, product_id, promotion_id, quantity, line_item_amount), freeze)
\cd :reference
\copy retail.loyalty_tiers from 'loyalty_tiers.csv' (format csv, header match)
\copy retail.rfm_segments from 'rfm_segments.csv' (format csv, header match)
\copy retail.segments from 'segments.csv' (format csv, header match)

analyze retail_landing.raw_customer_details, retail_landing.raw_store_sales_header,
    retail_landing.raw_store_sales_line_items;


-- ---- rules, and reading a cell ----

create table retail_staging.dq_rules (
    source_table text, rule_number integer, rule_id text, severity text, message text
);
insert into retail_staging.dq_rules values
    ('stores', 1, 'store_id_missing', 'error', 'store_id is blank'),
    ('stores', 2, 'store_id_too_long', 'error', 'store_id has more than 10 characters'),
    ('stores', 3, 'store_id_duplicate', 'error', 'an exact copy of this store_id was kept'),
    ('stores', 4, 'store_id_conflict', 'error', 'rows with this store_id contradict each other'),
    ('stores', 5, 'opening_date_invalid', 'error', 'opening_date is not a day of the calendar written as YYYY-MM-DD'),
    ('stores', 6, 'store_name_missing', 'warn', 'store_name is blank'),
    ('stores', 7, 'store_name_too_long', 'warn', 'store_name has more than 100 characters'),
    ('stores', 8, 'store_city_too_long', 'warn', 'store_city has more than 50 characters'),
    ('stores', 9, 'store_region_too_long', 'warn', 'store_region has more than 50 characters'),
    ('products', 1, 'product_id_missing', 'error', 'product_id is blank'),
    ('products', 2, 'product_id_too_long', 'error', 'product_id has more than 20 characters'),
    ('products', 3, 'product_id_duplicate', 'error', 'an exact copy of this product_id was kept'),
    ('products', 4, 'product_id_conflict', 'error', 'rows with this product_id contradict each other'),
    ('products', 5, 'unit_price_missing', 'error', 'unit_price is blank'),
    ('products', 6, 'unit_price_invalid', 'error', 'unit_price is not a number such as 12.50 with at most 8 digits before the point'),
    ('products', 7, 'unit_price_negative', 'error', 'unit_price is below 0'),
    ('products', 8, 'current_stock_level_invalid', 'error', 'current_stock_level is not a whole number within four bytes'),
    ('products', 9, 'current_stock_level_negative', 'error', 'current_stock_level is below 0'),
    ('products', 10, 'product_name_missing', 'warn', 'product_name is blank'),
    ('products', 11, 'product_name_too_long', 'warn', 'product_name has more than 100 characters'),
    ('products', 12, 'product_category_missing', 'warn', 'product_category is blank'),
    ('products', 13, 'product_category_too_long', 'warn', 'product_category has more than 50 characters'),
    ('products', 14, 'unit_price_rounded', 'warn', 'unit_price has more than 2 decimal places and was rounded'),
    ('products', 15, 'unit_price_zero', 'warn', 'unit_price is 0: given away'),
    ('customer_details', 1, 'customer_id_missing', 'error', 'customer_id is blank'),
    ('customer_details', 2, 'customer_id_too_long', 'error', 'customer_id has more than 20 characters'),
    ('customer_details', 3, 'customer_id_duplicate', 'error', 'an exact copy of this customer_id was kept'),
    ('customer_details', 4, 'customer_id_conflict', 'error', 'rows with this customer_id contradict each other'),
    ('customer_details', 5, 'first_name_missing', 'warn', 'first_name is blank'),
    ('customer_details', 6, 'first_name_too_long', 'warn', 'first_name has more than 50 characters'),
    ('customer_details', 7, 'email_invalid', 'warn', 'email does not look like an address'),
    ('customer_details', 8, 'email_too_long', 'warn', 'email has more than 100 characters'),
    ('customer_details', 9, 'loyalty_status_too_long', 'warn', 'loyalty_status has more than 20 characters'),
    ('customer_details', 10, 'total_loyalty_points_missing', 'warn', 'total_loyalty_points is blank'),
    ('customer_details', 11, 'total_loyalty_points_invalid', 'warn', 'total_loyalty_points is not a whole number within four bytes'),
    ('customer_details', 12, 'total_loyalty_points_negative', 'warn', 'total_loyalty_points is below 0'),
    ('customer_details', 13, 'total_loyalty_points_restated', 'warn', 'total_loyalty_points is not the balance that an earlier delivery opened the account with: that one stays'),
    ('customer_details', 14, 'last_purchase_date_invalid', 'warn', 'last_purchase_date is not a day of the calendar written as YYYY-MM-DD'),
    ('customer_details', 15, 'last_purchase_date_in_future', 'warn', 'last_purchase_date is later than the data cut-off date'),
    ('promotion_details', 1, 'promotion_id_missing', 'error', 'promotion_id is blank'),
    ('promotion_details', 2, 'promotion_id_too_long', 'error', 'promotion_id has more than 10 characters'),
    ('promotion_details', 3, 'promotion_id_duplicate', 'error', 'an exact copy of this promotion_id was kept'),
    ('promotion_details', 4, 'promotion_id_conflict', 'error', 'rows with this promotion_id contradict each other'),
    ('promotion_details', 5, 'start_date_missing', 'error', 'start_date is blank'),
    ('promotion_details', 6, 'start_date_invalid', 'error', 'start_date is not a day of the calendar written as YYYY-MM-DD'),
    ('promotion_details', 7, 'end_date_missing', 'error', 'end_date is blank'),
    ('promotion_details', 8, 'end_date_invalid', 'error', 'end_date is not a day of the calendar written as YYYY-MM-DD'),
    ('promotion_details', 9, 'end_date_before_start_date', 'error', 'end_date is before start_date'),
    ('promotion_details', 10, 'discount_percentage_missing', 'error', 'discount_percentage is blank'),
    ('promotion_details', 11, 'discount_percentage_invalid', 'error', 'discount_percentage is not a number such as 12.50 with at most 3 digits before the point'),
    ('promotion_details', 12, 'discount_percentage_out_of_range', 'error', 'discount_percentage is outside 0 to 1'),
    ('promotion_details', 13, 'promotion_name_missing', 'warn', 'promotion_name is blank'),
    ('promotion_details', 14, 'promotion_name_too_long', 'warn', 'promotion_name has more than 100 characters'),
    ('promotion_details', 15, 'discount_percentage_rounded', 'warn', 'discount_percentage has more than 2 decimal places and was rounded'),
    ('promotion_details', 16, 'applicable_category_missing', 'warn', 'applicable_category is blank'),
    ('promotion_details', 17, 'applicable_category_too_long', 'warn', 'applicable_category has more than 50 characters'),
    ('loyalty_rules', 1, 'rule_id_missing', 'error', 'rule_id is blank'),
    ('loyalty_rules', 2, 'rule_id_too_long', 'error', 'rule_id has more than 100 characters'),
    ('loyalty_rules', 3, 'rule_id_duplicate', 'error', 'an exact copy of this rule_id was kept'),
    ('loyalty_rules', 4, 'rule_id_conflict', 'error', 'rows with this rule_id contradict each other'),
    ('loyalty_rules', 5, 'points_per_unit_spend_missing', 'error', 'points_per_unit_spend is blank'),
    ('loyalty_rules', 6, 'points_per_unit_spend_invalid', 'error', 'points_per_unit_spend is not a number such as 12.50 with at most 6 digits before the point and 6 after it'),
    ('loyalty_rules', 7, 'points_per_unit_spend_negative', 'error', 'points_per_unit_spend is below 0'),
    ('loyalty_rules', 8, 'min_spend_threshold_missing', 'error', 'min_spend_threshold is blank'),
    ('loyalty_rules', 9, 'min_spend_threshold_invalid', 'error', 'min_spend_threshold is not a number such as 12.50 with at most 8 digits before the point'),
    ('loyalty_rules', 10, 'min_spend_threshold_negative', 'error', 'min_spend_threshold is below 0'),
    ('loyalty_rules', 11, 'bonus_points_missing', 'error', 'bonus_points is blank'),
    ('loyalty_rules', 12, 'bonus_points_invalid', 'error', 'bonus_points is not a whole number within four bytes'),
    ('loyalty_rules', 13, 'bonus_points_negative', 'error', 'bonus_points is below 0'),
    ('loyalty_rules', 14, 'rule_name_missing', 'warn', 'rule_name is blank'),
    ('loyalty_rules', 15, 'rule_name_too_long', 'warn', 'rule_name has more than 100 characters'),
    ('loyalty_rules', 16, 'rule_name_conditional', 'warn', 'rule_name speaks of a weekday or season, but no column limits the rule to it: it applies always'),
    ('loyalty_rules', 17, 'min_spend_threshold_rounded', 'warn', 'min_spend_threshold has more than 2 decimal places and was rounded'),
    ('store_sales_header', 1, 'transaction_id_missing', 'error', 'transaction_id is blank'),
    ('store_sales_header', 2, 'transaction_id_too_long', 'error', 'transaction_id has more than 30 characters'),
    ('store_sales_header', 3, 'transaction_id_duplicate', 'error', 'an exact copy of this transaction_id was kept'),
    ('store_sales_header', 4, 'transaction_id_conflict', 'error', 'rows with this transaction_id contradict each other'),
    ('store_sales_header', 5, 'customer_id_missing', 'error', 'customer_id is blank'),
    ('store_sales_header', 6, 'customer_id_unknown', 'error', 'customer_id names no row of customer_details'),
    ('store_sales_header', 7, 'customer_id_parent_rejected', 'error', 'customer_id names a row of customer_details that was itself rejected'),
    ('store_sales_header', 8, 'store_id_missing', 'error', 'store_id is blank'),
    ('store_sales_header', 9, 'store_id_unknown', 'error', 'store_id names no row of stores'),
    ('store_sales_header', 10, 'store_id_parent_rejected', 'error', 'store_id names a row of stores that was itself rejected'),
    ('store_sales_header', 11, 'transaction_date_missing', 'error', 'transaction_date is blank'),
    ('store_sales_header', 12, 'transaction_date_invalid', 'error', 'transaction_date is not a moment of the calendar written as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS'),
    ('store_sales_header', 13, 'transaction_date_in_future', 'error', 'transaction_date is later than the data cut-off date'),
    ('store_sales_header', 14, 'total_amount_missing', 'error', 'total_amount is blank'),
    ('store_sales_header', 15, 'total_amount_invalid', 'error', 'total_amount is not a number such as 12.50 with at most 8 digits before the point'),
    ('store_sales_header', 16, 'total_amount_not_positive', 'error', 'total_amount is not above 0'),
    ('store_sales_header', 17, 'total_amount_mismatch', 'error', 'total_amount differs from the sum of its lines by more than 0.01'),
    ('store_sales_header', 18, 'no_line_items', 'error', 'the transaction has no lines'),
    ('store_sales_header', 19, 'line_item_rejected', 'error', 'a line of the transaction was rejected'),
    ('store_sales_header', 20, 'total_amount_rounded', 'warn', 'total_amount has more than 2 decimal places and was rounded'),
    ('store_sales_header', 21, 'transaction_date_before_opening', 'warn', 'the sale was before the opening date of its store'),
    ('store_sales_line_items', 1, 'line_item_id_missing', 'error', 'line_item_id is blank'),
    ('store_sales_line_items', 2, 'line_item_id_too_long', 'error', 'line_item_id has more than 100 characters'),
    ('store_sales_line_items', 3, 'line_item_id_duplicate', 'error', 'an exact copy of this line_item_id was kept in its transaction'),
    ('store_sales_line_items', 4, 'line_item_id_conflict', 'error', 'rows with this line_item_id in its transaction contradict each other'),
    ('store_sales_line_items', 5, 'transaction_id_missing', 'error', 'transaction_id is blank'),
    ('store_sales_line_items', 6, 'transaction_id_unknown', 'error', 'transaction_id names no row of store_sales_header'),
    ('store_sales_line_items', 7, 'product_id_missing', 'error', 'product_id is blank'),
    ('store_sales_line_items', 8, 'product_id_unknown', 'error', 'product_id names no row of products'),
    ('store_sales_line_items', 9, 'product_id_parent_rejected', 'error', 'product_id names a row of products that was itself rejected'),
    ('store_sales_line_items', 10, 'promotion_id_unknown', 'error', 'promotion_id names no row of promotion_details'),
    ('store_sales_line_items', 11, 'promotion_id_parent_rejected', 'error', 'promotion_id names a row of promotion_details that was itself rejected'),
    ('store_sales_line_items', 12, 'quantity_missing', 'error', 'quantity is blank'),
    ('store_sales_line_items', 13, 'quantity_invalid', 'error', 'quantity is not a whole number within four bytes'),
    ('store_sales_line_items', 14, 'quantity_not_positive', 'error', 'quantity is not above 0'),
    ('store_sales_line_items', 15, 'line_item_amount_missing', 'error', 'line_item_amount is blank'),
    ('store_sales_line_items', 16, 'line_item_amount_invalid', 'error', 'line_item_amount is not a number such as 12.50 with at most 8 digits before the point'),
    ('store_sales_line_items', 17, 'line_item_amount_negative', 'error', 'line_item_amount is below 0'),
    ('store_sales_line_items', 18, 'line_item_amount_rounded', 'warn', 'line_item_amount has more than 2 decimal places and was rounded'),
    ('store_sales_line_items', 19, 'line_item_amount_zero', 'warn', 'line_item_amount is 0: a free item'),
    ('store_sales_line_items', 20, 'transaction_rejected', 'error', 'the transaction of the line was rejected'),
    ('store_sales_line_items', 21, 'promotion_id_outside_dates', 'warn', 'the promotion was used outside its dates'),
    ('store_sales_line_items', 22, 'promotion_id_other_category', 'warn', 'the promotion was used for a product of another category');

-- one expression each, so that PostgreSQL can inline them
create function retail_staging.trimmed(cell text) returns text
language sql immutable parallel safe
return nullif(btrim(cell, e' \t\n\r\f\x0B'), '');

create function retail_staging.read_integer(cell text) returns integer
language sql stable parallel safe
return case
    when cell ~ '^[+-]?[0-9]+(\.0+)?$' and pg_input_is_valid(split_part(cell, '.', 1), 'integer')
        then split_part(cell, '.', 1)::integer
end;

create function retail_staging.read_date(cell text) returns date
language sql stable parallel safe
return case when cell ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and pg_input_is_valid(cell, 'date') then cell::date end;

create function retail_staging.read_decimal(cell text, type_name text) returns numeric
language sql stable parallel safe
return case
    when
        cell ~ '^[+-]?[0-9]+(\.[0-9]+)?$'
        and pg_input_is_valid(cell, 'numeric')
        and pg_input_is_valid(cell, type_name)
        then cell::numeric
end;

create function retail_staging.read_rate(cell text) returns numeric
language sql stable parallel safe
return case
    when retail_staging.read_decimal(cell, 'numeric(12, 6)') = round(retail_staging.read_decimal(cell, 'numeric(12, 6)'), 6)
        then cell::numeric
end;


-- ---- check: master data ----

create table retail_staging.checked_stores as
with cells as (
    select
        source_row_number,
        retail_staging.trimmed(store_id) as store_id,
        retail_staging.trimmed(store_name) as store_name,
        retail_staging.trimmed(store_city) as store_city,
        retail_staging.trimmed(store_region) as store_region,
        retail_staging.trimmed(opening_date) as opening_date_text
    from retail_landing.raw_stores
),
rows as (
    select
        *,
        retail_staging.read_date(opening_date_text) as opening_date,
        jsonb_build_array(store_id, store_name, store_city, store_region, opening_date_text)::text as content
    from cells
),
keys as (
    select *, min(source_row_number) over k as kept_row, min(content) over k <> max(content) over k as is_conflict
    from rows
    window k as (partition by store_id)
)
select
    source_row_number, store_id, store_name, store_city, store_region, opening_date,
    nullif(concat_ws(';',
        case when store_id is null then 'store_id_missing' end,
        case when length(store_id) > 10 then 'store_id_too_long' end,
        case when store_id is not null and not is_conflict and source_row_number <> kept_row then 'store_id_duplicate' end,
        case when store_id is not null and is_conflict then 'store_id_conflict' end,
        case when opening_date_text is not null and opening_date is null then 'opening_date_invalid' end
    ), '') as failed_rules,
    nullif(concat_ws(';',
        case when store_name is null then 'store_name_missing' end,
        case when length(store_name) > 100 then 'store_name_too_long' end,
        case when length(store_city) > 50 then 'store_city_too_long' end,
        case when length(store_region) > 50 then 'store_region_too_long' end
    ), '') as warned_rules
from keys;

create table retail_staging.checked_products as
with cells as (
    select
        source_row_number,
        retail_staging.trimmed(product_id) as product_id,
        retail_staging.trimmed(product_name) as product_name,
        retail_staging.trimmed(product_category) as product_category,
        retail_staging.trimmed(unit_price) as unit_price_text,
        retail_staging.trimmed(current_stock_level) as current_stock_level_text
    from retail_landing.raw_products
),
rows as (
    select
        *,
        retail_staging.read_decimal(unit_price_text, 'numeric(10, 2)') as unit_price,
        retail_staging.read_integer(current_stock_level_text) as current_stock_level,
        jsonb_build_array(
            product_id, product_name, product_category, unit_price_text, current_stock_level_text
        )::text as content
    from cells
),
keys as (
    select *, min(source_row_number) over k as kept_row, min(content) over k <> max(content) over k as is_conflict
    from rows
    window k as (partition by product_id)
)
select
    source_row_number, product_id, product_name, product_category, unit_price, current_stock_level,
    nullif(concat_ws(';',
        case when product_id is null then 'product_id_missing' end,
        case when length(product_id) > 20 then 'product_id_too_long' end,
        case when product_id is not null and not is_conflict and source_row_number <> kept_row then 'product_id_duplicate' end,
        case when product_id is not null and is_conflict then 'product_id_conflict' end,
        case when unit_price_text is null then 'unit_price_missing' end,
        case when unit_price_text is not null and unit_price is null then 'unit_price_invalid' end,
        case when unit_price < 0 then 'unit_price_negative' end,
        case when current_stock_level_text is not null and current_stock_level is null then 'current_stock_level_invalid' end,
        case when current_stock_level < 0 then 'current_stock_level_negative' end
    ), '') as failed_rules,
    nullif(concat_ws(';',
        case when product_name is null then 'product_name_missing' end,
        case when length(product_name) > 100 then 'product_name_too_long' end,
        case when product_category is null then 'product_category_missing' end,
        case when length(product_category) > 50 then 'product_category_too_long' end,
        case when unit_price <> round(unit_price, 2) then 'unit_price_rounded' end,
        case when unit_price = 0 then 'unit_price_zero' end
    ), '') as warned_rules
from keys;

create table retail_staging.checked_customer_details as
with cells as (
    with fence as (select)
    select
        source_row_number,
        retail_staging.trimmed(customer_id) as customer_id,
        retail_staging.trimmed(first_name) as first_name,
        retail_staging.trimmed(email) as email,
        retail_staging.trimmed(loyalty_status) as loyalty_status,
        retail_staging.trimmed(total_loyalty_points) as total_loyalty_points_text,
        retail_staging.trimmed(last_purchase_date) as last_purchase_date_text
    from retail_landing.raw_customer_details
),
repeated as (
    select customer_id, min(source_row_number) as kept_row, min(content) <> max(content) as is_conflict
    from (
        select
            source_row_number, customer_id,
            jsonb_build_array(
                customer_id, first_name, email, loyalty_status, total_loyalty_points_text, last_purchase_date_text
            )::text as content
        from cells
        where customer_id in (select customer_id from cells group by customer_id having count(*) > 1)
    ) as copies
    group by customer_id
),
rows as (
    with fence as (select)
    select
        cells.*, kept_row, is_conflict,
        retail_staging.read_integer(total_loyalty_points_text) as points_read,
        retail_staging.read_date(last_purchase_date_text) as purchase_read
    from cells
    left join repeated using (customer_id)
)
select
    source_row_number, customer_id, first_name, email, loyalty_status,
    greatest(coalesce(points_read, 0), 0) as total_loyalty_points,
    case when purchase_read <= :'cutoff'::date then purchase_read end as last_purchase_date,
    nullif(concat_ws(';',
        case when customer_id is null then 'customer_id_missing' end,
        case when length(customer_id) > 20 then 'customer_id_too_long' end,
        case when not is_conflict and source_row_number <> kept_row then 'customer_id_duplicate' end,
        case when is_conflict then 'customer_id_conflict' end
    ), '') as failed_rules,
    nullif(concat_ws(';',
        case when first_name is null then 'first_name_missing' end,
        case when length(first_name) > 50 then 'first_name_too_long' end,
        case when email !~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' then 'email_invalid' end,
        case when length(email) > 100 then 'email_too_long' end,
        case when length(loyalty_status) > 20 then 'loyalty_status_too_long' end,
        case when total_loyalty_points_text is null then 'total_loyalty_points_missing' end,
        case when total_loyalty_points_text is not null and points_read is null then 'total_loyalty_points_invalid' end,
        case when points_read < 0 then 'total_loyalty_points_negative' end,
        case when last_purchase_date_text is not null and purchase_read is null then 'last_purchase_date_invalid' end,
        case when purchase_read > :'cutoff'::date then 'last_purchase_date_in_future' end
    ), '') as warned_rules
from rows;

create table retail_staging.checked_promotion_details as
with cells as (
    select
        source_row_number,
        retail_staging.trimmed(promotion_id) as promotion_id,
        retail_staging.trimmed(promotion_name) as promotion_name,
        retail_staging.trimmed(start_date) as start_date_text,
        retail_staging.trimmed(end_date) as end_date_text,
        retail_staging.trimmed(discount_percentage) as discount_text,
        retail_staging.trimmed(applicable_category) as applicable_category
    from retail_landing.raw_promotion_details
),
rows as (
    select
        *,
        retail_staging.read_date(start_date_text) as start_date,
        retail_staging.read_date(end_date_text) as end_date,
        retail_staging.read_decimal(discount_text, 'numeric(5, 2)') as discount_percentage,
        jsonb_build_array(
            promotion_id, promotion_name, start_date_text, end_date_text, discount_text, applicable_category
        )::text as content
    from cells
),
keys as (
    select *, min(source_row_number) over k as kept_row, min(content) over k <> max(content) over k as is_conflict
    from rows
    window k as (partition by promotion_id)
)
select
    source_row_number, promotion_id, promotion_name, start_date, end_date, discount_percentage, applicable_category,
    nullif(concat_ws(';',
        case when promotion_id is null then 'promotion_id_missing' end,
        case when length(promotion_id) > 10 then 'promotion_id_too_long' end,
        case when promotion_id is not null and not is_conflict and source_row_number <> kept_row then 'promotion_id_duplicate' end,
        case when promotion_id is not null and is_conflict then 'promotion_id_conflict' end,
        case when start_date_text is null then 'start_date_missing' end,
        case when start_date_text is not null and start_date is null then 'start_date_invalid' end,
        case when end_date_text is null then 'end_date_missing' end,
        case when end_date_text is not null and end_date is null then 'end_date_invalid' end,
        case when end_date < start_date then 'end_date_before_start_date' end,
        case when discount_text is null then 'discount_percentage_missing' end,
        case when discount_text is not null and discount_percentage is null then 'discount_percentage_invalid' end,
        case when discount_percentage not between 0 and 1 then 'discount_percentage_out_of_range' end
    ), '') as failed_rules,
    nullif(concat_ws(';',
        case when promotion_name is null then 'promotion_name_missing' end,
        case when length(promotion_name) > 100 then 'promotion_name_too_long' end,
        case when discount_percentage <> round(discount_percentage, 2) then 'discount_percentage_rounded' end,
        case when applicable_category is null then 'applicable_category_missing' end,
        case when length(applicable_category) > 50 then 'applicable_category_too_long' end
    ), '') as warned_rules
from keys;

create table retail_staging.checked_loyalty_rules as
with cells as (
    select
        source_row_number,
        retail_staging.trimmed(rule_id) as rule_id,
        retail_staging.trimmed(rule_name) as rule_name,
        retail_staging.trimmed(points_per_unit_spend) as points_text,
        retail_staging.trimmed(min_spend_threshold) as threshold_text,
        retail_staging.trimmed(bonus_points) as bonus_text
    from retail_landing.raw_loyalty_rules
),
rows as (
    select
        *,
        retail_staging.read_rate(points_text) as points_per_unit_spend,
        retail_staging.read_decimal(threshold_text, 'numeric(10, 2)') as min_spend_threshold,
        retail_staging.read_integer(bonus_text) as bonus_points,
        jsonb_build_array(rule_id, rule_name, points_text, threshold_text, bonus_text)::text as content
    from cells
),
keys as (
    select *, min(source_row_number) over k as kept_row, min(content) over k <> max(content) over k as is_conflict
    from rows
    window k as (partition by rule_id)
)
select
    source_row_number, rule_id, rule_name, points_per_unit_spend, min_spend_threshold, bonus_points,
    nullif(concat_ws(';',
        case when rule_id is null then 'rule_id_missing' end,
        case when length(rule_id) > 100 then 'rule_id_too_long' end,
        case when rule_id is not null and not is_conflict and source_row_number <> kept_row then 'rule_id_duplicate' end,
        case when rule_id is not null and is_conflict then 'rule_id_conflict' end,
        case when points_text is null then 'points_per_unit_spend_missing' end,
        case when points_text is not null and points_per_unit_spend is null then 'points_per_unit_spend_invalid' end,
        case when points_per_unit_spend < 0 then 'points_per_unit_spend_negative' end,
        case when threshold_text is null then 'min_spend_threshold_missing' end,
        case when threshold_text is not null and min_spend_threshold is null then 'min_spend_threshold_invalid' end,
        case when min_spend_threshold < 0 then 'min_spend_threshold_negative' end,
        case when bonus_text is null then 'bonus_points_missing' end,
        case when bonus_text is not null and bonus_points is null then 'bonus_points_invalid' end,
        case when bonus_points < 0 then 'bonus_points_negative' end
    ), '') as failed_rules,
    nullif(concat_ws(';',
        case when rule_name is null then 'rule_name_missing' end,
        case when length(rule_name) > 100 then 'rule_name_too_long' end,
        case when rule_name ~* '(^|[^[:alnum:]])(monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekdays?|weekends?|spring|summer|autumn|fall|winter|season|seasonal|holidays?|christmas|easter)($|[^[:alnum:]])' then 'rule_name_conditional' end,
        case when min_spend_threshold <> round(min_spend_threshold, 2) then 'min_spend_threshold_rounded' end
    ), '') as warned_rules
from keys;

create table retail_staging.store_keys as
select store_id, bool_or(failed_rules is null) as is_valid, max(opening_date) filter (where failed_rules is null) as opening_date
from retail_staging.checked_stores where store_id is not null group by store_id;
create table retail_staging.product_keys as
select product_id, bool_or(failed_rules is null) as is_valid, max(product_category) filter (where failed_rules is null) as product_category
from retail_staging.checked_products where product_id is not null group by product_id;
create table retail_staging.promotion_keys as
select
    promotion_id, bool_or(failed_rules is null) as is_valid,
    max(start_date) filter (where failed_rules is null) as start_date,
    max(end_date) filter (where failed_rules is null) as end_date,
    max(applicable_category) filter (where failed_rules is null) as applicable_category
from retail_staging.checked_promotion_details where promotion_id is not null group by promotion_id;
create table retail_staging.customer_keys as
select customer_id, bool_or(failed_rules is null) as is_valid
from retail_staging.checked_customer_details where customer_id is not null group by customer_id;
analyze retail_staging.store_keys, retail_staging.product_keys, retail_staging.promotion_keys,
    retail_staging.customer_keys;


-- ---- check: the lines by themselves ----

-- in the book, faults of the key come before transaction_id_unknown, those of the cells after it
create unlogged table retail_staging.own_line_items as
select
    source_row_number, line_item_id, transaction_id, product_id, promotion_id, quantity, line_item_amount,
    case when not key_is_fine then nullif(concat_ws(';',
        case when line_item_id is null then 'line_item_id_missing' end,
        case when length(line_item_id) > 100 then 'line_item_id_too_long' end,
        case when transaction_id is null then 'transaction_id_missing' end
    ), '') end as key_faults,
    case when not cells_are_fine then nullif(concat_ws(';',
        case when product_id is null then 'product_id_missing' end,
        case when product_id is not null and product_is_valid is null then 'product_id_unknown' end,
        case when not product_is_valid then 'product_id_parent_rejected' end,
        case when promotion_id is not null and promotion_is_valid is null then 'promotion_id_unknown' end,
        case when not promotion_is_valid then 'promotion_id_parent_rejected' end,
        case when quantity_text is null then 'quantity_missing' end,
        case when quantity_text is not null and quantity is null then 'quantity_invalid' end,
        case when quantity <= 0 then 'quantity_not_positive' end,
        case when line_item_amount_text is null then 'line_item_amount_missing' end,
        case when line_item_amount_text is not null and line_item_amount is null then 'line_item_amount_invalid' end,
        case when line_item_amount < 0 then 'line_item_amount_negative' end
    ), '') end as cell_faults,
    case when not cells_are_fine then nullif(concat_ws(';',
        case when product_id is not null and product_is_valid is not true then 'products:' || product_id end,
        case when promotion_id is not null and promotion_is_valid is not true then 'promotion_details:' || promotion_id end
    ), '') end as caused_by
from (
    with fence as (select)
    select
        *,
        coalesce(length(line_item_id) <= 100 and transaction_id is not null, false) as key_is_fine,
        coalesce(
            product_is_valid and (promotion_id is null or promotion_is_valid) and quantity > 0 and line_item_amount >= 0,
            false
        ) as cells_are_fine
    from (
        with fence as (select)
        select
            cells.*,
            case
                when length(quantity_text) < 10 and quantity_text ~ '^[0-9]+$' then quantity_text::integer
                else retail_staging.read_integer(quantity_text)
            end as quantity,
            case
                when length(line_item_amount_text) < 9 and line_item_amount_text ~ '^[0-9]+(\.[0-9]+)?$'
                    then line_item_amount_text::numeric
                else retail_staging.read_decimal(line_item_amount_text, 'numeric(10, 2)')
            end as line_item_amount,
            product_keys.is_valid as product_is_valid,
            promotion_keys.is_valid as promotion_is_valid
        from (
            with fence as (select)
            select
                source_row_number,
                retail_staging.trimmed(line_item_id) as line_item_id,
                retail_staging.trimmed(transaction_id) as transaction_id,
                retail_staging.trimmed(product_id) as product_id,
                retail_staging.trimmed(promotion_id) as promotion_id,
                retail_staging.trimmed(quantity) as quantity_text,
                retail_staging.trimmed(line_item_amount) as line_item_amount_text
            from retail_landing.raw_store_sales_line_items
        ) as cells
        left join retail_staging.product_keys using (product_id)
        left join retail_staging.promotion_keys using (promotion_id)
    ) as read
) as judged;
analyze retail_staging.own_line_items;

-- an unreadable amount makes the sum null; fewer bits than lines means that an id may occur twice
create unlogged table retail_staging.line_sums as
select
    transaction_id,
    case when count(*) = count(line_item_amount) then sum(line_item_amount) end as lines_amount,
    bit_count(bit_or(1::bigint << (hashtext(line_item_id) & 63))::bit(64)) < count(line_item_id) as may_repeat
from retail_staging.own_line_items
where transaction_id is not null
group by transaction_id;
analyze retail_staging.line_sums;

create unlogged table retail_staging.repeated_line_items as
with repeated as (
    select *
    from (
        select
            source_row_number, transaction_id, line_item_id,
            count(*) over (partition by transaction_id, line_item_id) as rows_of_key
        from retail_staging.own_line_items
        inner join retail_staging.line_sums using (transaction_id)
        where may_repeat and line_item_id is not null
    ) as counted
    where rows_of_key > 1
)
select
    source_row_number, transaction_id,
    case
        when min(content) over k <> max(content) over k then 'line_item_id_conflict'
        when source_row_number <> min(source_row_number) over k then 'line_item_id_duplicate'
    end as fault
from (
    select
        source_row_number, repeated.transaction_id, repeated.line_item_id,
        jsonb_build_array(
            retail_staging.trimmed(product_id), retail_staging.trimmed(promotion_id), retail_staging.trimmed(quantity),
            retail_staging.trimmed(line_item_amount)
        )::text as content
    from repeated
    inner join retail_landing.raw_store_sales_line_items using (source_row_number)
) as copies
window k as (partition by transaction_id, line_item_id);
analyze retail_staging.repeated_line_items;

-- an exact copy of a line neither counts nor rejects its header
create unlogged table retail_staging.sums_without_copies as
select
    transaction_id,
    case when count(*) = count(line_item_amount) then sum(line_item_amount) end as lines_amount
from retail_staging.own_line_items as lines
left join retail_staging.repeated_line_items as repeated using (source_row_number, transaction_id)
where
    transaction_id in (
        select transaction_id from retail_staging.repeated_line_items where fault = 'line_item_id_duplicate'
    )
    and fault is distinct from 'line_item_id_duplicate'
group by transaction_id;
analyze retail_staging.sums_without_copies;


-- ---- check: the headers, which look at their lines ----

-- the small sides of the join are tables, so that the join can run in parallel
create unlogged table retail_staging.repeated_headers as
select transaction_id, min(source_row_number) as kept_row, min(content) <> max(content) as is_conflict
from (
    select
        source_row_number, keys.transaction_id,
        jsonb_build_array(
            retail_staging.trimmed(customer_id), retail_staging.trimmed(store_id),
            retail_staging.trimmed(transaction_date), retail_staging.trimmed(total_amount)
        )::text as content
    from retail_landing.raw_store_sales_header as cells
    inner join (
        select retail_staging.trimmed(transaction_id) as transaction_id
        from retail_landing.raw_store_sales_header
        group by 1
        having count(*) > 1
    ) as keys on retail_staging.trimmed(cells.transaction_id) = keys.transaction_id
) as copies
group by transaction_id;

create unlogged table retail_staging.lines_at_fault as
select transaction_id, string_agg(distinct line, ';' order by line) as lines_at_fault
from (
    select
        transaction_id,
        ('store_sales_line_items:' || transaction_id || '|' || coalesce(line_item_id, '')) collate "C" as line
    from retail_staging.own_line_items
    left join (select source_row_number, fault from retail_staging.repeated_line_items) as repeated
        using (source_row_number)
    where
        (key_faults is not null or cell_faults is not null or fault is not null)
        and fault is distinct from 'line_item_id_duplicate'
        and transaction_id is not null
) as lines
group by transaction_id;
analyze retail_staging.repeated_headers, retail_staging.lines_at_fault;

create table retail_staging.checked_store_sales_header as
select
    source_row_number, transaction_id, customer_id, store_id, transaction_date, total_amount,
    coalesce(not is_conflict and source_row_number <> kept_row, false) as is_copy,
    case when not is_fine then nullif(concat_ws(';',
        case when transaction_id is null then 'transaction_id_missing' end,
        case when length(transaction_id) > 30 then 'transaction_id_too_long' end,
        case when not is_conflict and source_row_number <> kept_row then 'transaction_id_duplicate' end,
        case when is_conflict then 'transaction_id_conflict' end,
        case when customer_id is null then 'customer_id_missing' end,
        case when customer_id is not null and customer_is_valid is null then 'customer_id_unknown' end,
        case when not customer_is_valid then 'customer_id_parent_rejected' end,
        case when store_id is null then 'store_id_missing' end,
        case when store_id is not null and store_is_valid is null then 'store_id_unknown' end,
        case when not store_is_valid then 'store_id_parent_rejected' end,
        case when transaction_date_text is null then 'transaction_date_missing' end,
        case when transaction_date_text is not null and transaction_date is null then 'transaction_date_invalid' end,
        case when transaction_date >= :'cutoff'::date + 1 then 'transaction_date_in_future' end,
        case when total_amount_text is null then 'total_amount_missing' end,
        case when total_amount_text is not null and total_amount is null then 'total_amount_invalid' end,
        case when round(total_amount, 2) <= 0 then 'total_amount_not_positive' end,
        case when abs(total_amount - lines_amount) > 0.01 then 'total_amount_mismatch' end,
        case when transaction_id is not null and not has_lines then 'no_line_items' end,
        case when lines_at_fault is not null then 'line_item_rejected' end
    ), '') end as failed_rules,
    nullif(concat_ws(';',
        case when total_amount <> round(total_amount, 2) then 'total_amount_rounded' end,
        case when transaction_date < opening_date then 'transaction_date_before_opening' end
    ), '') as warned_rules,
    case when not is_fine then nullif(concat_ws(';',
        case when customer_id is not null and customer_is_valid is not true then 'customer_details:' || customer_id end,
        case when store_id is not null and store_is_valid is not true then 'stores:' || store_id end,
        lines_at_fault
    ), '') end as caused_by
from (
    with fence as (select)
    select
        *,
        coalesce(
            length(transaction_id) <= 30 and kept_row is null and customer_is_valid and store_is_valid
            and transaction_date < :'cutoff'::date + 1 and total_amount >= 0.01
            and abs(total_amount - lines_amount) <= 0.01 and lines_at_fault is null,
            false
        ) as is_fine
    from (
        with fence as (select)
        select
            cells.*,
            case
                when
                    transaction_date_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?)?$'
                    and pg_input_is_valid(transaction_date_text, 'timestamp')
                    then transaction_date_text::timestamp
            end as transaction_date,
            case
                when length(total_amount_text) < 9 and total_amount_text ~ '^[0-9]+(\.[0-9]+)?$'
                    then total_amount_text::numeric
                else retail_staging.read_decimal(total_amount_text, 'numeric(10, 2)')
            end as total_amount,
            customer_keys.is_valid as customer_is_valid,
            store_keys.is_valid as store_is_valid,
            store_keys.opening_date,
            repeated.kept_row,
            repeated.is_conflict,
            line_sums.transaction_id is not null as has_lines,
            case
                when sums_without_copies.transaction_id is null then line_sums.lines_amount
                else sums_without_copies.lines_amount
            end as lines_amount,
            lines_at_fault.lines_at_fault
        from (
            with fence as (select)
            select
                source_row_number,
                retail_staging.trimmed(transaction_id) as transaction_id,
                retail_staging.trimmed(customer_id) as customer_id,
                retail_staging.trimmed(store_id) as store_id,
                retail_staging.trimmed(transaction_date) as transaction_date_text,
                retail_staging.trimmed(total_amount) as total_amount_text
            from retail_landing.raw_store_sales_header
        ) as cells
        left join retail_staging.customer_keys using (customer_id)
        left join retail_staging.store_keys using (store_id)
        left join retail_staging.repeated_headers as repeated using (transaction_id)
        left join retail_staging.line_sums using (transaction_id)
        left join retail_staging.sums_without_copies using (transaction_id)
        left join retail_staging.lines_at_fault using (transaction_id)
    ) as read
) as judged;
analyze retail_staging.checked_store_sales_header;


-- ---- check: the lines again, through their transactions ----

-- an exact copy says nothing about its transaction; the kept row does
create unlogged table retail_staging.lost_transactions as
select distinct transaction_id, true as has_header
from retail_staging.checked_store_sales_header
where failed_rules is not null and not is_copy and transaction_id is not null
union all
select transaction_id, false as has_header
from retail_staging.line_sums
where not exists (
    select from retail_staging.checked_store_sales_header as headers
    where headers.transaction_id = line_sums.transaction_id
);
analyze retail_staging.lost_transactions;

create table retail_staging.verdicts_of_line_items as
select
    source_row_number,
    concat_ws(';',
        key_faults,
        repeated.fault,
        case when not has_header then 'transaction_id_unknown' end,
        cell_faults,
        case when has_header then 'transaction_rejected' end
    ) as failed_rules,
    null::text as warned_rules,
    nullif(concat_ws(';',
        case when not has_header then 'store_sales_header:' || transaction_id end,
        caused_by,
        case when has_header then 'store_sales_header:' || transaction_id end
    ), '') as caused_by
from retail_staging.own_line_items
left join retail_staging.lost_transactions using (transaction_id)
left join (select source_row_number, fault from retail_staging.repeated_line_items) as repeated using (source_row_number)
where key_faults is not null or cell_faults is not null or has_header is not null or fault is not null
union all
select source_row_number, null as failed_rules, warned_rules, null as caused_by
from (
    with fence as (select)
    select
        lines.source_row_number,
        nullif(concat_ws(';',
            case when lines.line_item_amount <> round(lines.line_item_amount, 2) then 'line_item_amount_rounded' end,
            case when lines.line_item_amount = 0 then 'line_item_amount_zero' end,
            case
                when headers.transaction_date::date not between promotions.start_date and promotions.end_date
                    then 'promotion_id_outside_dates'
            end,
            case
                when promotions.applicable_category not in ('ALL', coalesce(products.product_category, 'ALL'))
                    then 'promotion_id_other_category'
            end
        ), '') as warned_rules
    from retail_staging.own_line_items as lines
    inner join retail_staging.checked_store_sales_header as headers
        on lines.transaction_id = headers.transaction_id and headers.failed_rules is null
    left join retail_staging.product_keys as products on lines.product_id = products.product_id
    left join retail_staging.promotion_keys as promotions on lines.promotion_id = promotions.promotion_id
    where
        lines.key_faults is null and lines.cell_faults is null
        and not exists (
            select from retail_staging.repeated_line_items as repeated
            where repeated.source_row_number = lines.source_row_number and repeated.fault is not null
        )
        and (
            lines.promotion_id is not null or lines.line_item_amount = 0
            or lines.line_item_amount <> round(lines.line_item_amount, 2)
        )
) as warned
where warned_rules is not null;
analyze retail_staging.verdicts_of_line_items;

create view retail_staging.checked_store_sales_line_items as
select
    lines.source_row_number, lines.line_item_id, lines.transaction_id, lines.product_id, lines.promotion_id,
    lines.quantity, lines.line_item_amount, verdicts.failed_rules, verdicts.warned_rules, verdicts.caused_by
from retail_staging.own_line_items as lines
left join retail_staging.verdicts_of_line_items as verdicts using (source_row_number);


-- ---- split: the rejects ----

create table retail_staging.rejected_records as
with rejected as (
    select
        'stores' as source_table, source_row_number, coalesce(checked.store_id, '') as record_key,
        checked.store_id is not null as has_key, failed_rules, null as caused_by,
        jsonb_build_object(
            'store_id', raw.store_id, 'store_name', raw.store_name, 'store_city', raw.store_city,
            'store_region', raw.store_region, 'opening_date', raw.opening_date
        ) as raw_record,
        null::numeric as amount_at_stake
    from retail_staging.checked_stores as checked
    inner join retail_landing.raw_stores as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'products', source_row_number, coalesce(checked.product_id, ''), checked.product_id is not null,
        failed_rules, null,
        jsonb_build_object(
            'product_id', raw.product_id, 'product_name', raw.product_name, 'product_category', raw.product_category,
            'unit_price', raw.unit_price, 'current_stock_level', raw.current_stock_level
        ),
        null
    from retail_staging.checked_products as checked
    inner join retail_landing.raw_products as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'customer_details', source_row_number, coalesce(checked.customer_id, ''), checked.customer_id is not null,
        failed_rules, null,
        jsonb_build_object(
            'customer_id', raw.customer_id, 'first_name', raw.first_name, 'email', raw.email,
            'loyalty_status', raw.loyalty_status, 'total_loyalty_points', raw.total_loyalty_points,
            'last_purchase_date', raw.last_purchase_date, 'segment_id', raw.segment_id
        ),
        null
    from retail_staging.checked_customer_details as checked
    inner join retail_landing.raw_customer_details as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'promotion_details', source_row_number, coalesce(checked.promotion_id, ''), checked.promotion_id is not null,
        failed_rules, null,
        jsonb_build_object(
            'promotion_id', raw.promotion_id, 'promotion_name', raw.promotion_name, 'start_date', raw.start_date,
            'end_date', raw.end_date, 'discount_percentage', raw.discount_percentage,
            'applicable_category', raw.applicable_category
        ),
        null
    from retail_staging.checked_promotion_details as checked
    inner join retail_landing.raw_promotion_details as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'loyalty_rules', source_row_number, coalesce(checked.rule_id, ''), checked.rule_id is not null,
        failed_rules, null,
        jsonb_build_object(
            'rule_id', raw.rule_id, 'rule_name', raw.rule_name, 'points_per_unit_spend', raw.points_per_unit_spend,
            'min_spend_threshold', raw.min_spend_threshold, 'bonus_points', raw.bonus_points
        ),
        null
    from retail_staging.checked_loyalty_rules as checked
    inner join retail_landing.raw_loyalty_rules as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'store_sales_header', source_row_number, coalesce(checked.transaction_id, ''),
        checked.transaction_id is not null, failed_rules, caused_by,
        jsonb_build_object(
            'transaction_id', raw.transaction_id, 'customer_id', raw.customer_id, 'store_id', raw.store_id,
            'transaction_date', raw.transaction_date, 'total_amount', raw.total_amount
        ),
        checked.total_amount
    from retail_staging.checked_store_sales_header as checked
    inner join retail_landing.raw_store_sales_header as raw using (source_row_number)
    where failed_rules is not null
    union all
    select
        'store_sales_line_items', source_row_number,
        coalesce(lines.transaction_id, '') || '|' || coalesce(lines.line_item_id, ''),
        lines.transaction_id is not null and lines.line_item_id is not null, verdicts.failed_rules, verdicts.caused_by,
        jsonb_build_object(
            'line_item_id', raw.line_item_id, 'transaction_id', raw.transaction_id, 'product_id', raw.product_id,
            'promotion_id', raw.promotion_id, 'quantity', raw.quantity, 'line_item_amount', raw.line_item_amount
        ),
        lines.line_item_amount
    from retail_staging.verdicts_of_line_items as verdicts
    inner join retail_staging.own_line_items as lines using (source_row_number)
    inner join retail_landing.raw_store_sales_line_items as raw using (source_row_number)
    where verdicts.failed_rules is not null
),
reasons as (
    select source_table, failed_rules, string_agg(message, '; ' order by rule_number) as reason
    from (select distinct source_table, failed_rules from rejected) as verdicts
    inner join retail_staging.dq_rules as rules using (source_table)
    where rules.severity = 'error' and rules.rule_id = any(string_to_array(failed_rules, ';'))
    group by source_table, failed_rules
),
known as (
    select
        *,
        case
            when has_key and count(*) over (partition by source_table, record_key) = 1 then 'key'
            else
                row_number() over (partition by source_table, record_key, raw_record order by source_row_number)
                || ' ' || raw_record::text
        end as known_by
    from rejected
)
select
    md5(source_table || '-' || source_row_number || '-' || raw_record::text) as rejected_record_id,
    md5(source_table || '-' || record_key || '-' || known_by) as quarantine_id,
    source_table, source_row_number, record_key, failed_rules, reason, caused_by, raw_record, amount_at_stake
from known
inner join reasons using (source_table, failed_rules);
create index on retail_staging.rejected_records using hash (record_key);

create view retail_staging.rejected_record_rules as
select rejected_record_id, source_table, source_row_number, record_key, rule_id, message
from retail_staging.rejected_records
inner join retail_staging.dq_rules using (source_table)
where severity = 'error' and rule_id = any(string_to_array(failed_rules, ';'));

-- root causes: the row itself, its parents, its lines' causes, and for a line its header's nearest ones
analyze retail_staging.rejected_records;
create unlogged table retail_staging.failed_rules as
select source_table, source_row_number, record_key, raw_record, rule_id
from retail_staging.rejected_records
cross join lateral unnest(string_to_array(failed_rules, ';')) as rule_id;

create unlogged table retail_staging.own_faults as
select source_table, source_row_number, record_key, rule_id
from retail_staging.failed_rules
where rule_id not in ('line_item_rejected', 'transaction_rejected') and rule_id !~ '_(unknown|parent_rejected)$';

create unlogged table retail_staging.direct_causes as
select distinct
    source_table, source_row_number, source_table as root_table, record_key as root_key, 0 as steps,
    source_table || ':' || record_key as trail
from retail_staging.own_faults
union all
select
    source_table, source_row_number, parent, root_key, 1,
    source_table || ':' || record_key || ' < ' || parent || ':' || root_key
from retail_staging.failed_rules
inner join (
    values
    ('customer_id', 'customer_details', 'customer_id_unknown'),
    ('customer_id', 'customer_details', 'customer_id_parent_rejected'),
    ('store_id', 'stores', 'store_id_unknown'),
    ('store_id', 'stores', 'store_id_parent_rejected'),
    ('product_id', 'products', 'product_id_unknown'),
    ('product_id', 'products', 'product_id_parent_rejected'),
    ('promotion_id', 'promotion_details', 'promotion_id_unknown'),
    ('promotion_id', 'promotion_details', 'promotion_id_parent_rejected'),
    ('transaction_id', 'store_sales_header', 'transaction_id_unknown')
) as parents (key_column, parent, rule_id) using (rule_id)
cross join lateral (select retail_staging.trimmed(raw_record ->> key_column) as root_key) as named;

create unlogged table retail_staging.rejected_headers as
select
    source_row_number, 'store_sales_header:' || record_key as step, record_key as transaction_id,
    'line_item_rejected' = any(string_to_array(failed_rules, ';')) as is_spoiled,
    'transaction_id_duplicate' = any(string_to_array(failed_rules, ';')) as is_copy
from retail_staging.rejected_records
where source_table = 'store_sales_header' and record_key <> '';

create unlogged table retail_staging.rejected_lines as
select
    source_row_number, 'store_sales_line_items:' || record_key as step,
    retail_staging.trimmed(raw_record ->> 'transaction_id') as transaction_id,
    'transaction_rejected' = any(string_to_array(failed_rules, ';')) as is_lost,
    'line_item_id_duplicate' = any(string_to_array(failed_rules, ';')) as is_copy
from retail_staging.rejected_records
where source_table = 'store_sales_line_items';
analyze retail_staging.own_faults, retail_staging.direct_causes, retail_staging.rejected_headers,
    retail_staging.rejected_lines;

create unlogged table retail_staging.causes_of_headers as
select source_row_number, root_table, root_key, steps, trail
from retail_staging.direct_causes
where source_table = 'store_sales_header'
union all
select headers.source_row_number, root_table, root_key, steps + 1, headers.step || ' < ' || trail
from retail_staging.rejected_headers as headers
inner join retail_staging.rejected_lines as lines using (transaction_id)
inner join (select * from retail_staging.direct_causes where source_table = 'store_sales_line_items') as direct
    on lines.source_row_number = direct.source_row_number
where headers.is_spoiled and not lines.is_copy;
analyze retail_staging.causes_of_headers;

create unlogged table retail_staging.nearest_causes as
select *
from (
    select
        transaction_id, root_table, root_key, steps, trail,
        row_number() over (partition by transaction_id order by steps, trail collate "C") as place
    from retail_staging.rejected_headers
    inner join retail_staging.causes_of_headers using (source_row_number)
    where not is_copy
) as ranked
where place <= 10;
analyze retail_staging.nearest_causes;

create unlogged table retail_staging.shortest_causes as
with causes as (
    select * from retail_staging.direct_causes where source_table <> 'store_sales_header'
    union all
    select 'store_sales_header', causes_of_headers.* from retail_staging.causes_of_headers
    union all
    select 'store_sales_line_items', source_row_number, root_table, root_key, steps + 1, step || ' < ' || trail
    from retail_staging.rejected_lines
    inner join retail_staging.nearest_causes using (transaction_id)
    where is_lost
)
select distinct on (source_table, source_row_number, root_table, root_key) *
from causes
order by source_table, source_row_number, root_table, root_key, steps, trail collate "C";
analyze retail_staging.shortest_causes;

create table retail_staging.rejected_record_causes as
select
    rejected_record_id, source_table, source_row_number, record_key, root_table, root_key, root_rules,
    root_rules is null as root_is_absent, steps, trail
from retail_staging.shortest_causes
inner join retail_staging.rejected_records using (source_table, source_row_number)
left join (
    select
        source_table as root_table, record_key as root_key,
        string_agg(distinct rule_id collate "C", ';' order by rule_id collate "C") as root_rules
    from retail_staging.own_faults
    group by source_table, record_key
) as faults_of_keys using (root_table, root_key);


-- ---- split: the clean tables ----

create table retail.stores as
select store_id::varchar(10), store_name, store_city, store_region, opening_date
from retail_staging.checked_stores where failed_rules is null;
create table retail.products as
select product_id::varchar(20), product_name, product_category, unit_price::numeric(10, 2), current_stock_level
from retail_staging.checked_products where failed_rules is null;
create table retail.promotion_details as
select
    promotion_id::varchar(10), promotion_name, start_date, end_date, discount_percentage::numeric(5, 2),
    applicable_category
from retail_staging.checked_promotion_details where failed_rules is null;
create table retail.loyalty_rules as
select
    rule_id, rule_name, points_per_unit_spend::numeric(12, 6), min_spend_threshold::numeric(10, 2), bonus_points
from retail_staging.checked_loyalty_rules where failed_rules is null;
create table retail.store_sales_header as
select
    transaction_id::varchar(30), customer_id::varchar(20), store_id::varchar(10), transaction_date,
    total_amount::numeric(10, 2)
from retail_staging.checked_store_sales_header where failed_rules is null;
create table retail.store_sales_line_items as
select
    line_item_id, transaction_id::varchar(30), product_id::varchar(20), promotion_id::varchar(10), quantity,
    line_item_amount::numeric(10, 2)
from retail_staging.own_line_items as lines
where
    key_faults is null and cell_faults is null
    and not exists (
        select from retail_staging.lost_transactions as lost where lost.transaction_id = lines.transaction_id
    )
    and not exists (
        select from retail_staging.repeated_line_items as repeated
        where repeated.source_row_number = lines.source_row_number and repeated.fault is not null
    );
analyze retail.store_sales_header;

alter table retail.stores add primary key (store_id);
alter table retail.products add primary key (product_id);
alter table retail.promotion_details add primary key (promotion_id);
alter table retail.loyalty_rules add primary key (rule_id);
alter table retail.store_sales_header add primary key (transaction_id);
alter table retail.store_sales_line_items add primary key (transaction_id, line_item_id);
create index on retail.store_sales_header (customer_id, transaction_date);
create index on retail.store_sales_header (store_id);
create index on retail.store_sales_header (transaction_date);
create index on retail.store_sales_line_items (product_id);
create index on retail.store_sales_line_items (promotion_id);


-- ---- count: every rule, every row, every cent ----

create table retail_staging.dq_summary as
with verdicts as (
    select 'stores' as source_table, failed_rules, warned_rules, count(*) as rows_in, null::numeric as amount
    from retail_staging.checked_stores group by 2, 3
    union all
    select 'products', failed_rules, warned_rules, count(*), null from retail_staging.checked_products group by 2, 3
    union all
    select 'customer_details', failed_rules, warned_rules, count(*), null
    from retail_staging.checked_customer_details group by 2, 3
    union all
    select 'promotion_details', failed_rules, warned_rules, count(*), null
    from retail_staging.checked_promotion_details group by 2, 3
    union all
    select 'loyalty_rules', failed_rules, warned_rules, count(*), null
    from retail_staging.checked_loyalty_rules group by 2, 3
    union all
    select 'store_sales_header', failed_rules, warned_rules, count(*), sum(total_amount)
    from retail_staging.checked_store_sales_header group by 2, 3
    union all
    select 'store_sales_line_items', failed_rules, warned_rules, count(*), sum(line_item_amount)
    from retail_staging.verdicts_of_line_items
    inner join retail_staging.own_line_items using (source_row_number)
    group by 2, 3
),
tables as (
    select source_table, sum(rows_in) as rows_in
    from verdicts
    where source_table <> 'store_sales_line_items'
    group by source_table
    union all
    select 'store_sales_line_items', count(*) from retail_staging.own_line_items
),
failures as (
    select source_table, rule_id, sum(rows_in) as rows_failed, sum(amount) as amount_at_stake
    from retail_staging.dq_rules
    inner join verdicts using (source_table)
    where case severity
        when 'error' then rule_id = any(string_to_array(failed_rules, ';'))
        else failed_rules is null and rule_id = any(string_to_array(warned_rules, ';'))
    end
    group by source_table, rule_id
)
select
    source_table, rule_id, severity, message, coalesce(rows_in, 0)::bigint as rows_in,
    coalesce(rows_failed, 0)::bigint as rows_failed,
    round(coalesce(rows_failed, 0) / nullif(rows_in, 0), 6) as share_failed, amount_at_stake
from retail_staging.dq_rules
left join tables using (source_table)
left join failures using (source_table, rule_id);

create table retail_staging.dq_conservation as
with landed as (
    select 'stores' as source_table, count(*) as rows_in from retail_landing.raw_stores
    union all select 'products', count(*) from retail_landing.raw_products
    union all select 'customer_details', count(*) from retail_landing.raw_customer_details
    union all select 'promotion_details', count(*) from retail_landing.raw_promotion_details
    union all select 'loyalty_rules', count(*) from retail_landing.raw_loyalty_rules
    union all select 'store_sales_header', count(*) from retail_landing.raw_store_sales_header
    union all select 'store_sales_line_items', count(*) from retail_landing.raw_store_sales_line_items
),
money as (
    select 'store_sales_header' as source_table, sum(total_amount) as amount_in,
        sum(total_amount) filter (where failed_rules is null) as amount_clean
    from retail_staging.checked_store_sales_header
    union all
    select 'store_sales_line_items', sum(line_item_amount),
        sum(line_item_amount) filter (where failed_rules is null)
    from retail_staging.checked_store_sales_line_items
),
clean as (
    select 'stores' as source_table, count(*) as rows_clean, null::numeric as amount_clean_rounded from retail.stores
    union all select 'products', count(*), null from retail.products
    union all
    select 'customer_details', count(*), null from retail_staging.checked_customer_details where failed_rules is null
    union all select 'promotion_details', count(*), null from retail.promotion_details
    union all select 'loyalty_rules', count(*), null from retail.loyalty_rules
    union all select 'store_sales_header', count(*), sum(total_amount) from retail.store_sales_header
    union all select 'store_sales_line_items', count(*), sum(line_item_amount) from retail.store_sales_line_items
),
rejected as (
    select source_table, count(*) as rows_rejected, sum(amount_at_stake) as amount_rejected
    from retail_staging.rejected_records
    group by source_table
)
select
    source_table, rows_in, rows_clean, coalesce(rows_rejected, 0) as rows_rejected, amount_in, amount_clean,
    case when amount_in is not null then coalesce(amount_rejected, 0) end as amount_rejected, amount_clean_rounded
from landed
inner join clean using (source_table)
left join money using (source_table)
left join rejected using (source_table);

do $$
begin
    if exists (
        select from retail_staging.dq_conservation
        where rows_in <> rows_clean + rows_rejected or amount_in <> amount_clean + amount_rejected
    ) then
        raise 'rows or money were lost: see retail_staging.dq_conservation';
    end if;
    if exists (
        select from retail_staging.dq_conservation where rows_in >= 100 and rows_rejected > 0.5 * rows_in
    ) then
        raise 'more than half of a table was rejected';
    end if;
end $$;


-- ---- points ----

create table retail_staging.loyalty_points as
with rules as (
    select
        *,
        row_number() over (order by case when all_are_numbers then rule_number end, rule_id collate "C") as rule_order
    from (
        select *, bool_and(rule_number is not null) over () as all_are_numbers
        from (select *, retail_staging.read_integer(rule_id) as rule_number from retail.loyalty_rules) as numbered
    ) as counted
)
select amounts.total_amount, best.rule_id as rule_ids, coalesce(best.points, 0) as points
from (select distinct total_amount from retail.store_sales_header) as amounts
left join lateral (
    select rule_id, (floor(total_amount * points_per_unit_spend) + bonus_points)::bigint as points
    from rules
    where total_amount >= min_spend_threshold
    order by points desc, min_spend_threshold desc, rule_order
    limit 1
) as best on true;
analyze retail_staging.loyalty_points;

create table retail.loyalty_ledger as
with entries as (
    select
        customer_id::varchar(20) as customer_id, 'OPENING' as entry_type, null::varchar(30) as transaction_id,
        null::timestamp as entry_at, null::text as rule_ids, null::integer as rules_from_batch,
        total_loyalty_points::bigint as points
    from retail_staging.checked_customer_details
    where failed_rules is null
    union all
    select customer_id, 'EARN', transaction_id, transaction_date, rule_ids, 1, points
    from retail.store_sales_header
    inner join retail_staging.loyalty_points using (total_amount)
)
select
    md5(customer_id || '-' || entry_type || '-' || coalesce(transaction_id, '_dbt_utils_surrogate_key_null_'))
        as ledger_entry_id,
    customer_id,
    row_number() over in_order - 1 as entry_number,
    entry_type, transaction_id, null::varchar(30) as redemption_id, null::text as answers_to_entry_id, entry_at, rule_ids,
    rules_from_batch, points, null::bigint as uncollected_points, null::boolean as is_unmatched,
    (sum(points) over in_order)::bigint as running_balance
from entries
window in_order as (
    partition by customer_id
    order by entry_at nulls first, transaction_id collate "C"
    rows between unbounded preceding and current row
);
create unique index on retail.loyalty_ledger (customer_id, entry_number);

create table retail.loyalty_balances as
select
    customer_id, opening_points, earned_points, 0::bigint as clawed_back_points, 0::bigint as redeemed_points,
    0::bigint as expired_points, total_loyalty_points, ledger_entries,
    customers.loyalty_status, tiers.tier as qualifying_tier,
    next_min_points - total_loyalty_points as points_to_next_tier
from (
    select
        customer_id,
        coalesce(sum(points) filter (where entry_type = 'OPENING'), 0)::bigint as opening_points,
        coalesce(sum(points) filter (where entry_type = 'EARN'), 0)::bigint as earned_points,
        sum(points)::bigint as total_loyalty_points,
        count(*) as ledger_entries
    from retail.loyalty_ledger
    group by customer_id
) as totals
inner join (
    select customer_id, loyalty_status from retail_staging.checked_customer_details where failed_rules is null
) as customers using (customer_id)
left join (
    select tier, min_points, lead(min_points) over (order by min_points) as next_min_points from retail.loyalty_tiers
) as tiers
    on
        total_loyalty_points >= min_points
        and (next_min_points is null or total_loyalty_points < next_min_points);


-- ---- segments ----

create table retail.as_of as
select coalesce(max(transaction_date)::date, :'cutoff'::date) as as_of_date, :'cutoff'::date as data_cutoff_date
from retail.store_sales_header;

create table retail.customer_rfm as
with buyers as (
    select
        customer_id, max(transaction_date)::date as last_transaction_date, count(*) as frequency,
        sum(total_amount) as monetary
    from retail.store_sales_header
    group by customer_id
),
measured as (
    select *, as_of_date - last_transaction_date as recency_days, count(*) over () as n
    from buyers
    cross join retail.as_of
),
ranked as (
    select
        *,
        2 * (rank() over (order by recency_days desc) - 1) + count(*) over (partition by recency_days) as r,
        2 * (rank() over (order by frequency) - 1) + count(*) over (partition by frequency) as f,
        2 * (rank() over (order by monetary) - 1) + count(*) over (partition by monetary) as m
    from measured
),
scored as (
    select
        *,
        least(5, greatest(1, ceil(5.0 * r / (2.0 * n))))::integer as r_score,
        least(5, greatest(1, ceil(5.0 * f / (2.0 * n))))::integer as f_score,
        least(5, greatest(1, ceil(5.0 * m / (2.0 * n))))::integer as m_score
    from ranked
)
select
    customer_id, last_transaction_date, recency_days, frequency, monetary, r_score, f_score, m_score, rfm_segment
from scored
inner join retail.rfm_segments using (r_score, f_score);

create table retail.rfm_score_bounds as
select dimension, score, count(value) as customers, min(value)::numeric as lowest_value, max(value)::numeric as highest_value
from (values ('R'), ('F'), ('M')) as dimensions (dimension)
cross join generate_series(1, 5) as scores (score)
left join (
    select 'R' as dimension, r_score as score, recency_days::numeric as value from retail.customer_rfm
    union all select 'F', f_score, frequency from retail.customer_rfm
    union all select 'M', m_score, monetary from retail.customer_rfm
) as figures using (dimension, score)
group by dimension, score;

create table retail.customer_segments as
with ranked as (
    select *, rank() over (order by monetary desc) as monetary_rank, count(*) over () as buyers
    from retail.customer_rfm
),
flagged as (
    select
        customers.customer_id, recency_days, frequency, monetary, r_score, f_score, m_score, rfm_segment,
        greatest(customers.last_purchase_date, last_transaction_date) as last_purchase_date,
        as_of_date - greatest(customers.last_purchase_date, last_transaction_date) as days_since_last_purchase,
        balances.total_loyalty_points,
        coalesce(monetary_rank <= ceil(0.10 * buyers) and monetary > 0, false) as is_high_spender
    from retail_staging.checked_customer_details as customers
    cross join retail.as_of
    inner join retail.loyalty_balances as balances on customers.customer_id = balances.customer_id
    left join ranked on customers.customer_id = ranked.customer_id
    where customers.failed_rules is null
),
decided as (
    select
        *,
        coalesce(days_since_last_purchase >= 60 and total_loyalty_points > 0, false) as is_at_risk
    from flagged
)
select
    customer_id::varchar(20) as customer_id,
    (
        select segment_id from retail.segments
        where case segment_id
            when 'AR' then is_at_risk
            when 'HS' then is_high_spender
            when 'RG' then last_purchase_date is not null
            when 'PR' then last_purchase_date is null
        end
        order by priority
        limit 1
    ) as segment_id,
    is_high_spender, is_at_risk, last_purchase_date, days_since_last_purchase, recency_days, frequency, monetary,
    r_score, f_score, m_score, rfm_segment
from decided;

create table retail.customer_details as
select
    customers.customer_id::varchar(20) as customer_id, first_name, email, customers.loyalty_status,
    balances.total_loyalty_points, segments.last_purchase_date, segments.segment_id
from retail_staging.checked_customer_details as customers
inner join retail.loyalty_balances as balances on customers.customer_id = balances.customer_id
inner join retail.customer_segments as segments on customers.customer_id = segments.customer_id
where customers.failed_rules is null;
alter table retail.customer_details add primary key (customer_id);
create index on retail.customer_details (segment_id);


-- ---- foreign keys ----

alter table retail.store_sales_header
    add foreign key (customer_id) references retail.customer_details (customer_id),
    add foreign key (store_id) references retail.stores (store_id);
alter table retail.store_sales_line_items
    add foreign key (transaction_id) references retail.store_sales_header (transaction_id),
    add foreign key (product_id) references retail.products (product_id),
    add foreign key (promotion_id) references retail.promotion_details (promotion_id);

commit;
