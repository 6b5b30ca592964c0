"""The pandas side: read the CSVs, validate them, write them through SQLAlchemy.

Every step is vectorised, money is in whole cents, and rows are written by plain `to_sql` or by the COPY callable of
pandas' documentation. It covers all errors and warnings of the rule book, without causes of rejects. The tables have
primary keys, but no foreign keys and no secondary indexes. pyarrow is not used: with it, this takes longer and needs
more memory, because the rows end up in Python anyway.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import click
import numpy as np
import pandas as pd
import sqlalchemy as sa

Series = pd.Series
Frame = pd.DataFrame

WHITE_SPACE = " \t\n\r\f\v"
DECIMAL = r"[+-]?[0-9]+(?:\.[0-9]+)?"
INTEGER = r"[+-]?[0-9]+(?:\.0+)?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIMESTAMP = DATE + r"(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?)?"
EMAIL = r"[^@\s]+@[^@\s]+[.][^@\s]+"
SEASON = (
    r"(?:^|[^0-9A-Za-z])(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekdays?|weekends?|spring|summer"
    r"|autumn|fall|winter|season|seasonal|holidays?|christmas|easter)(?:$|[^0-9A-Za-z])"
)
HIGH_SPENDER_SHARE = 0.10
AT_RISK_DAYS = 60
TOTAL_TOLERANCE = 0.01
_CLOSE = 1e-9  # largest difference between two floats of the same decimal
_ROWS_A_CHUNK = 100_000


@dataclass
class Table:
    """A table being checked: its raw cells, its values, and which rows break which rule.

    ``failed`` and ``warned`` map a rule's id to one flag per row; ``keys`` are the columns that identify a row.
    """

    name: str
    keys: list[str]
    raw: Frame
    cells: Frame
    failed: dict[str, Series] = field(default_factory=dict)
    warned: dict[str, Series] = field(default_factory=dict)

    def is_valid(self) -> Series:
        """Return one flag per row: no error so far."""
        flags = np.zeros(len(self.cells), dtype=bool)
        for failed in self.failed.values():
            flags |= failed.to_numpy(dtype=bool)
        return Series(~flags, index=self.cells.index)

    def clean(self) -> Frame:
        """Return the valid rows, as read."""
        return self.cells[self.is_valid()]


def read_table(folder: Path, name: str, keys: list[str], ignored: tuple[str, ...] = ()) -> Table:
    """Read a file as text, and find blank, overlong and repeated keys.

    Args:
        folder: Where `<name>.csv` is.
        name: The table.
        keys: The columns that identify a row.
        ignored: Columns to ignore when two rows are compared.

    Returns:
        The table, with trimmed cells; blank ones are missing.
    """
    raw = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False, na_values=[""])
    cells = raw.apply(lambda column: column.str.strip(WHITE_SPACE))
    cells = cells.mask(cells == "")
    table = Table(name, keys, raw, cells)
    _check_copies(table, [column for column in cells.columns if column not in ignored])
    return table


def _check_copies(table: Table, contents: list[str]) -> None:
    """Flag exact copies of a row except the first, and rows of one key that contradict each other."""
    has_key = table.cells[table.keys].notna().all(axis="columns")
    repeats = table.cells[has_key & table.cells.duplicated(table.keys, keep=False)]
    distinct = repeats.drop_duplicates(contents)
    conflicting = distinct[distinct.duplicated(table.keys, keep=False)][table.keys].drop_duplicates()
    is_conflict = repeats[table.keys].merge(conflicting, on=table.keys, how="left", indicator="found").found == "both"
    conflicts = repeats.index[is_conflict.to_numpy()]
    copies = repeats.index[repeats.duplicated(table.keys).to_numpy() & ~is_conflict.to_numpy()]
    key = table.keys[-1]
    table.failed[f"{key}_missing"] = table.cells[key].isna()
    table.failed[f"{key}_duplicate"] = _flags(table, copies)
    table.failed[f"{key}_conflict"] = _flags(table, conflicts)


def _flags(table: Table, index: pd.Index) -> Series:
    return Series(np.isin(table.cells.index, index), index=table.cells.index)


def check_length(table: Table, column: str, most: int, *, warn: bool = False) -> None:
    """Flag texts with too many characters."""
    rules = table.warned if warn else table.failed
    rules[f"{column}_too_long"] = (table.cells[column].str.len() > most).fillna(False)


def read_number(table: Table, column: str, digits: int, scale: int) -> None:
    """Convert a column to numbers; flag texts that are no number or have too many digits.

    A missing cell is flagged as missing. ``digits`` counts those before the point, ``scale`` those after it.
    """
    text = table.cells[column]
    value = _numbers(text, DECIMAL)
    value = value.where(rounded(value, scale).abs() < 10**digits)
    table.failed[f"{column}_missing"] = text.isna()
    table.failed[f"{column}_invalid"] = text.notna() & value.isna()
    table.warned[f"{column}_rounded"] = (value - rounded(value, scale)).abs() > _CLOSE
    table.cells[column] = value


def read_integer(table: Table, column: str) -> None:
    """Convert a column to whole numbers; flag the other texts."""
    text = table.cells[column]
    value = _numbers(text, INTEGER)
    value = value.where(value.between(-(2**31), 2**31 - 1))
    table.failed[f"{column}_missing"] = text.isna()
    table.failed[f"{column}_invalid"] = text.notna() & value.isna()
    table.cells[column] = value


def _numbers(text: Series, pattern: str) -> Series:
    return pd.to_numeric(text.where(text.str.fullmatch(pattern).fillna(False).astype(bool)), errors="coerce")


def read_moment(table: Table, column: str, pattern: str) -> None:
    """Convert a column to dates or timestamps; flag the other texts."""
    text = table.cells[column]
    spelled = text.where(text.str.fullmatch(pattern).fillna(False).astype(bool))
    value = pd.to_datetime(spelled, format="ISO8601", errors="coerce")
    table.failed[f"{column}_missing"] = text.isna()
    table.failed[f"{column}_invalid"] = text.notna() & value.isna()
    table.cells[column] = value


def rounded(value: Series, scale: int) -> Series:
    """Round half away from zero, as PostgreSQL does."""
    return np.sign(value) * np.floor(value.abs() * 10**scale + 0.5 + _CLOSE) / 10**scale


def check_parent(table: Table, column: str, parent: Table, *, optional: bool = False) -> None:
    """Flag rows whose parent is absent or rejected, and blanks unless they are allowed."""
    key = parent.keys[0]
    value = table.cells[column]
    is_known = value.isin(parent.cells[key].dropna().unique())
    is_valid = value.isin(parent.clean()[key])
    if not optional:
        table.failed[f"{column}_missing"] = value.isna()
    table.failed[f"{column}_unknown"] = value.notna() & ~is_known
    table.failed[f"{column}_parent_rejected"] = is_known & value.notna() & ~is_valid


def check_stores(folder: Path) -> Table:
    """Read and check the stores."""
    table = read_table(folder, "stores", ["store_id"])
    check_length(table, "store_id", 10)
    read_moment(table, "opening_date", DATE)
    del table.failed["opening_date_missing"]
    table.warned["store_name_missing"] = table.cells.store_name.isna()
    for column, most in {"store_name": 100, "store_city": 50, "store_region": 50}.items():
        check_length(table, column, most, warn=True)
    return table


def check_products(folder: Path) -> Table:
    """Read and check the products."""
    table = read_table(folder, "products", ["product_id"])
    check_length(table, "product_id", 20)
    read_number(table, "unit_price", 8, 2)
    read_integer(table, "current_stock_level")
    del table.failed["current_stock_level_missing"]
    table.failed["unit_price_negative"] = table.cells.unit_price < 0
    table.failed["current_stock_level_negative"] = table.cells.current_stock_level < 0
    table.warned["unit_price_zero"] = table.cells.unit_price == 0
    for column, most in {"product_name": 100, "product_category": 50}.items():
        table.warned[f"{column}_missing"] = table.cells[column].isna()
        check_length(table, column, most, warn=True)
    return table


def check_customers(folder: Path, cutoff: pd.Timestamp) -> Table:
    """Read and check the customers; an unusable opening balance becomes 0, an unusable last purchase null."""
    table = read_table(folder, "customer_details", ["customer_id"], ignored=("segment_id",))
    check_length(table, "customer_id", 20)
    read_integer(table, "total_loyalty_points")
    read_moment(table, "last_purchase_date", DATE)
    del table.failed["last_purchase_date_missing"]
    for rule in ("total_loyalty_points_missing", "total_loyalty_points_invalid", "last_purchase_date_invalid"):
        table.warned[rule] = table.failed.pop(rule)
    table.warned["total_loyalty_points_negative"] = table.cells.total_loyalty_points < 0
    table.warned["last_purchase_date_in_future"] = table.cells.last_purchase_date > cutoff
    table.warned["first_name_missing"] = table.cells.first_name.isna()
    email = table.cells.email
    table.warned["email_invalid"] = email.notna() & ~email.str.fullmatch(EMAIL).fillna(True).astype(bool)
    for column, most in {"first_name": 50, "email": 100, "loyalty_status": 20}.items():
        check_length(table, column, most, warn=True)
    table.cells["total_loyalty_points"] = table.cells.total_loyalty_points.fillna(0).clip(lower=0).astype("int64")
    table.cells["last_purchase_date"] = table.cells.last_purchase_date.where(table.cells.last_purchase_date <= cutoff)
    return table


def check_promotions(folder: Path) -> Table:
    """Read and check the promotions."""
    table = read_table(folder, "promotion_details", ["promotion_id"])
    check_length(table, "promotion_id", 10)
    read_moment(table, "start_date", DATE)
    read_moment(table, "end_date", DATE)
    read_number(table, "discount_percentage", 3, 2)
    share = table.cells.discount_percentage
    table.failed["end_date_before_start_date"] = table.cells.end_date < table.cells.start_date
    table.failed["discount_percentage_out_of_range"] = share.notna() & ~share.between(0, 1)
    for column, most in {"promotion_name": 100, "applicable_category": 50}.items():
        table.warned[f"{column}_missing"] = table.cells[column].isna()
        check_length(table, column, most, warn=True)
    return table


def check_loyalty_rules(folder: Path) -> Table:
    """Read and check the loyalty rules."""
    table = read_table(folder, "loyalty_rules", ["rule_id"])
    check_length(table, "rule_id", 100)
    read_number(table, "points_per_unit_spend", 6, 6)
    table.failed["points_per_unit_spend_invalid"] |= table.warned.pop("points_per_unit_spend_rounded")
    read_number(table, "min_spend_threshold", 8, 2)
    read_integer(table, "bonus_points")
    for column in ("points_per_unit_spend", "min_spend_threshold", "bonus_points"):
        table.failed[f"{column}_negative"] = table.cells[column] < 0
    table.warned["rule_name_missing"] = table.cells.rule_name.isna()
    check_length(table, "rule_name", 100, warn=True)
    table.warned["rule_name_conditional"] = (
        table.cells.rule_name.str.contains(SEASON, case=False, regex=True).fillna(False).astype(bool)
    )
    return table


def check_lines(folder: Path, products: Table, promotions: Table) -> Table:
    """Read the lines and check each by itself."""
    table = read_table(folder, "store_sales_line_items", ["transaction_id", "line_item_id"])
    check_length(table, "line_item_id", 100)
    table.failed["transaction_id_missing"] = table.cells.transaction_id.isna()
    check_parent(table, "product_id", products)
    check_parent(table, "promotion_id", promotions, optional=True)
    read_integer(table, "quantity")
    read_number(table, "line_item_amount", 8, 2)
    table.failed["quantity_not_positive"] = table.cells.quantity <= 0
    table.failed["line_item_amount_negative"] = table.cells.line_item_amount < 0
    table.warned["line_item_amount_zero"] = table.cells.line_item_amount == 0
    return table


def check_headers(folder: Path, customers: Table, stores: Table, lines: Table, cutoff: pd.Timestamp) -> Table:
    """Read the headers and check each together with its lines."""
    table = read_table(folder, "store_sales_header", ["transaction_id"])
    lines.failed["transaction_id_unknown"] = lines.cells.transaction_id.notna() & ~lines.cells.transaction_id.isin(
        table.cells.transaction_id.dropna()
    )
    check_length(table, "transaction_id", 30)
    check_parent(table, "customer_id", customers)
    check_parent(table, "store_id", stores)
    read_moment(table, "transaction_date", TIMESTAMP)
    read_number(table, "total_amount", 8, 2)
    cells = table.cells
    table.failed["transaction_date_in_future"] = cells.transaction_date >= cutoff + pd.Timedelta(days=1)
    table.failed["total_amount_not_positive"] = rounded(cells.total_amount, 2) <= 0
    _check_lines_of_headers(table, lines)
    opened = stores.clean().set_index("store_id").opening_date
    table.warned["transaction_date_before_opening"] = cells.transaction_date < cells.store_id.map(opened)
    return table


def _check_lines_of_headers(table: Table, lines: Table) -> None:
    """Flag headers by their lines; ignore exact copies of a line."""
    counted = ~lines.failed["line_item_id_duplicate"]
    of_lines = Frame(
        {
            "transaction_id": lines.cells.transaction_id[counted],
            "amount": lines.cells.line_item_amount[counted],
            "is_read": lines.cells.line_item_amount[counted].notna(),
            "is_valid": lines.is_valid()[counted],
        }
    )
    sums = of_lines.groupby("transaction_id").agg(
        amount=("amount", "sum"), is_read=("is_read", "all"), is_valid=("is_valid", "all")
    )
    found = table.cells[["transaction_id"]].merge(sums, left_on="transaction_id", right_index=True, how="left")
    difference = (table.cells.total_amount - found.amount).abs()
    is_read = found.is_read.fillna(False).astype(bool)
    table.failed["total_amount_mismatch"] = is_read & (difference > TOTAL_TOLERANCE + _CLOSE)
    table.failed["no_line_items"] = table.cells.transaction_id.notna() & found.is_valid.isna()
    table.failed["line_item_rejected"] = ~found.is_valid.fillna(True).astype(bool)


def check_lines_of_transactions(lines: Table, headers: Table, products: Table, promotions: Table) -> None:
    """Flag the lines of rejected headers, and promotions used outside their dates or category."""
    clean = headers.clean()
    of_header = lines.cells.transaction_id.isin(headers.cells.transaction_id.dropna())
    lines.failed["transaction_rejected"] = of_header & ~lines.cells.transaction_id.isin(clean.transaction_id)
    used = lines.cells[lines.cells.promotion_id.notna()][["transaction_id", "product_id", "promotion_id"]]
    used = used.merge(clean[["transaction_id", "transaction_date"]], on="transaction_id", how="left")
    used = used.merge(products.clean()[["product_id", "product_category"]], on="product_id", how="left")
    used = used.merge(
        promotions.clean()[["promotion_id", "start_date", "end_date", "applicable_category"]],
        on="promotion_id",
        how="left",
    )
    day = used.transaction_date.dt.normalize()
    category = used.applicable_category
    flags = {
        "promotion_id_outside_dates": (day < used.start_date) | (day > used.end_date),
        "promotion_id_other_category": category.notna()
        & (category != "ALL")
        & used.product_category.notna()
        & (category != used.product_category),
    }
    index = lines.cells.index[lines.cells.promotion_id.notna()]
    for rule, failed in flags.items():
        lines.warned[rule] = _flags(lines, index[failed.fillna(False).to_numpy(dtype=bool)])


def rejected_records(tables: list[Table]) -> Frame:
    """Return every rejected row with the rules it failed and its untouched cells as JSON."""
    return pd.concat([_rejected_rows(table) for table in tables], ignore_index=True)


def _rejected_rows(table: Table) -> Frame:
    is_rejected = ~table.is_valid()
    index = table.cells.index[is_rejected]
    labels = Series("", index=index, dtype=object)
    for rule, failed in table.failed.items():
        labels = labels.where(~failed[is_rejected].astype(bool), labels + rule + ";")
    keys = table.cells.loc[index, table.keys].fillna("")
    return Frame(
        {
            "source_table": table.name,
            "source_row_number": index + 1,
            "record_key": keys[table.keys[0]].str.cat([keys[key] for key in table.keys[1:]], sep="|"),
            "failed_rules": labels.str.rstrip(";"),
            "raw_record": table.raw.loc[index].to_json(orient="records", lines=True).splitlines(),
        }
    )


def summary(tables: list[Table]) -> Frame:
    """Return how many rows failed each rule; warnings count only on clean rows."""
    rows = []
    for table in tables:
        is_valid = table.is_valid()
        counts = {rule: ("error", int(failed.sum())) for rule, failed in table.failed.items()}
        counts |= {rule: ("warn", int((warned & is_valid).sum())) for rule, warned in table.warned.items()}
        rows += [(table.name, rule, severity, len(table.cells), count) for rule, (severity, count) in counts.items()]
    return Frame(rows, columns=["source_table", "rule_id", "severity", "rows_in", "rows_failed"])


def loyalty_points(amounts: Series, rules: Frame) -> Frame:
    """Return the best rule and its points for each amount.

    Args:
        amounts: Distinct totals, in currency units.
        rules: The clean loyalty rules.

    Returns:
        total_amount, rule_ids and points; a total that meets no threshold has 0 points.
    """
    number = pd.to_numeric(rules.rule_id, errors="coerce")
    ordered = rules.assign(order=number if number.notna().all() else rules.rule_id)
    ordered = ordered.sort_values(["min_spend_threshold", "order"], ascending=[False, True])
    cents = np.rint(amounts.to_numpy() * 100).astype("int64")
    best = np.full(len(cents), -1, dtype="int64")
    rule_ids = np.full(len(cents), None, dtype=object)
    for rule in ordered.itertuples():
        points = cents * round(rule.points_per_unit_spend * 1_000_000) // 100_000_000 + int(rule.bonus_points)
        is_better = (cents >= round(rule.min_spend_threshold * 100)) & (points > best)
        best[is_better] = points[is_better]
        rule_ids[is_better] = rule.rule_id
    return Frame({"total_amount": amounts.to_numpy(), "rule_ids": rule_ids, "points": best.clip(min=0)})


def ledger(customers: Frame, headers: Frame, rules: Frame) -> Frame:
    """Return the opening balances and what each transaction earned, with the running balance."""
    points = loyalty_points(Series(headers.total_amount.unique()), rules)
    earned = headers[["customer_id", "transaction_id", "transaction_date", "total_amount"]].merge(
        points, on="total_amount"
    )
    earned = earned.drop(columns="total_amount").rename(columns={"transaction_date": "entry_at"})
    opening = customers[["customer_id", "total_loyalty_points"]].rename(columns={"total_loyalty_points": "points"})
    entries = pd.concat([opening.assign(entry_type="OPENING"), earned.assign(entry_type="EARN")], ignore_index=True)
    entries = entries.sort_values(["customer_id", "entry_at", "transaction_id"], na_position="first")
    of_customer = entries.groupby("customer_id", sort=False)
    entries["entry_number"] = of_customer.cumcount()
    entries["running_balance"] = of_customer["points"].cumsum()
    return entries


def balances(entries: Frame, customers: Frame, tiers: Frame) -> Frame:
    """Return a customer's opening, earned and total points, and the tier that the total qualifies for."""
    totals = entries.pivot_table(index="customer_id", columns="entry_type", values="points", aggfunc="sum")
    totals = totals.reindex(columns=["OPENING", "EARN"]).fillna(0).astype("int64").reset_index()
    totals = totals.rename(columns={"OPENING": "opening_points", "EARN": "earned_points"})
    totals["total_loyalty_points"] = totals.opening_points + totals.earned_points
    totals = totals.merge(customers[["customer_id", "loyalty_status"]], on="customer_id")
    tiers = tiers.sort_values("min_points")
    edges = [*tiers.min_points, np.inf]
    totals["qualifying_tier"] = pd.cut(totals.total_loyalty_points, edges, right=False, labels=tiers.tier).astype(str)
    reached = np.searchsorted(tiers.min_points, totals.total_loyalty_points, side="right")
    totals["points_to_next_tier"] = pd.Series([*tiers.min_points, None], dtype="Int64").take(reached).array
    totals["points_to_next_tier"] -= totals.total_loyalty_points
    return totals


def rfm(headers: Frame, as_of: pd.Timestamp, labels: Frame) -> Frame:
    """Return recency, frequency and money of each buyer, scored by mid-rank quintiles."""
    buyers = headers.assign(cents=np.rint(headers.total_amount * 100).astype("int64")).groupby("customer_id")
    scored = buyers.agg(
        last_transaction_date=("transaction_date", "max"), frequency=("transaction_id", "count"), cents=("cents", "sum")
    ).reset_index()
    scored["last_transaction_date"] = scored.last_transaction_date.dt.normalize()
    scored["recency_days"] = (as_of - scored.last_transaction_date).dt.days
    for score, value in {"r_score": -scored.recency_days, "f_score": scored.frequency, "m_score": scored.cents}.items():
        lowest = value.rank(method="min")
        ties = value.groupby(value).transform("size")
        scored[score] = np.ceil(5 * (2 * (lowest - 1) + ties) / (2 * len(scored))).clip(1, 5).astype("int64")
    scored["monetary"] = scored.pop("cents") / 100
    return scored.merge(labels, on=["r_score", "f_score"])


def segments(customers: Frame, totals: Frame, scored: Frame, as_of: pd.Timestamp) -> Frame:
    """Return each customer's flags and one label, by priority: AR, HS, RG, PR."""
    spent = scored.assign(monetary_rank=scored.monetary.rank(method="min", ascending=False))
    result = customers[["customer_id", "last_purchase_date"]].merge(
        totals[["customer_id", "total_loyalty_points"]], on="customer_id"
    )
    result = result.merge(spent, on="customer_id", how="left")
    last = result[["last_purchase_date", "last_transaction_date"]].max(axis="columns")
    days = (as_of - last).dt.days
    limit = np.ceil(HIGH_SPENDER_SHARE * len(scored) - _CLOSE)
    result["last_purchase_date"] = last
    result["is_high_spender"] = (result.monetary_rank <= limit) & (result.monetary > 0)
    result["is_at_risk"] = (days >= AT_RISK_DAYS) & (result.total_loyalty_points > 0)
    result["segment_id"] = np.select(
        [result.is_at_risk, result.is_high_spender, last.notna()], ["AR", "HS", "RG"], default="PR"
    )
    return result.drop(columns=["total_loyalty_points", "monetary_rank"])


def insert_by_copy(
    table: pd.io.sql.SQLTable, connection: sa.Connection, keys: list[str], rows: Iterable[tuple]
) -> None:
    """Write rows by COPY: the callable from pandas' documentation for `to_sql(method=…)`."""
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    buffer.seek(0)
    columns = ", ".join(f'"{key}"' for key in keys)
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    with connection.connection.cursor() as cursor:
        cursor.copy_expert(f"copy {name} ({columns}) from stdin with csv", buffer)


METHODS: dict[str, Callable | None] = {"insert": None, "copy": insert_by_copy}


def write(
    engine: sa.Engine,
    name: str,
    frame: Frame,
    types: dict[str, sa.types.TypeEngine],
    keys: list[str],
    method: Callable | None,
) -> None:
    """Write a frame as a table of the schema `retail`, with that method of `to_sql` and with its primary key."""
    whole = [column for column in ("quantity", "current_stock_level", "bonus_points") if column in frame]
    frame = frame.astype(dict.fromkeys(whole, "Int64"))
    types = types | dict.fromkeys(whole, sa.Integer())
    frame.to_sql(
        name,
        engine,
        schema="retail",
        if_exists="replace",
        index=False,
        dtype=types,
        chunksize=_ROWS_A_CHUNK,
        method=method,
    )
    if keys:
        with engine.begin() as connection:
            connection.execute(sa.text(f"alter table retail.{name} add primary key ({', '.join(keys)})"))


def _types(*columns: tuple[str, sa.types.TypeEngine]) -> dict[str, sa.types.TypeEngine]:
    return dict(columns)


def _results(folder: Path, reference: Path, cutoff: pd.Timestamp) -> Iterator[tuple[str, Frame, dict, list[str]]]:
    """Yield every table to be written: its name, rows, types that pandas can't guess, and primary key."""
    money, day = sa.Numeric(10, 2), sa.Date()
    stores, products = check_stores(folder), check_products(folder)
    customers, promotions = check_customers(folder, cutoff), check_promotions(folder)
    rules = check_loyalty_rules(folder)
    lines = check_lines(folder, products, promotions)
    headers = check_headers(folder, customers, stores, lines, cutoff)
    check_lines_of_transactions(lines, headers, products, promotions)
    tables = [stores, products, customers, promotions, rules, headers, lines]
    yield "rejected_records", rejected_records(tables), {}, []
    yield "dq_summary", summary(tables), {}, ["source_table", "rule_id"]

    clean = {table.name: table.clean() for table in tables}
    tables.clear()
    sold = clean["store_sales_header"]
    sold = sold.assign(total_amount=rounded(sold.total_amount, 2))
    yield "stores", clean["stores"], _types(("opening_date", day)), ["store_id"]
    yield "products", clean["products"], _types(("unit_price", money)), ["product_id"]
    promoted = _types(("start_date", day), ("end_date", day), ("discount_percentage", sa.Numeric(5, 2)))
    yield "promotion_details", clean["promotion_details"], promoted, ["promotion_id"]
    ruled = _types(("points_per_unit_spend", sa.Numeric(12, 6)), ("min_spend_threshold", money))
    yield "loyalty_rules", clean["loyalty_rules"], ruled, ["rule_id"]
    yield "store_sales_header", sold, _types(("total_amount", money)), ["transaction_id"]
    line_items = clean.pop("store_sales_line_items")
    line_items = line_items.assign(line_item_amount=rounded(line_items.line_item_amount, 2))
    keys = ["transaction_id", "line_item_id"]
    yield "store_sales_line_items", line_items, _types(("line_item_amount", money)), keys

    members = clean["customer_details"]
    entries = ledger(members, sold, clean["loyalty_rules"])
    yield "loyalty_ledger", entries, {}, ["customer_id", "entry_number"]
    totals = balances(entries, members, pd.read_csv(reference / "loyalty_tiers.csv"))
    yield "loyalty_balances", totals, {}, ["customer_id"]
    as_of = sold.transaction_date.max().normalize() if len(sold) else cutoff
    scored = rfm(sold, as_of, pd.read_csv(reference / "rfm_segments.csv"))
    yield "customer_rfm", scored, _types(("last_transaction_date", day), ("monetary", sa.Numeric())), ["customer_id"]
    labelled = segments(members, totals, scored, as_of)
    dated = _types(("last_purchase_date", day), ("last_transaction_date", day), ("monetary", sa.Numeric()))
    yield "customer_segments", labelled, dated, ["customer_id"]
    details = members.drop(columns=["total_loyalty_points", "last_purchase_date", "segment_id"])
    details = details.merge(totals[["customer_id", "total_loyalty_points"]], on="customer_id")
    details = details.merge(labelled[["customer_id", "last_purchase_date", "segment_id"]], on="customer_id")
    yield "customer_details", details, _types(("last_purchase_date", day)), ["customer_id"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--reference", required=True, type=click.Path(exists=True, path_type=Path), help="seeds/reference.")
@click.option("--cutoff", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day that counts.")
@click.option(
    "--method", type=click.Choice(list(METHODS)), default="insert", show_default=True, help="How rows are written."
)
def main(folder: Path, reference: Path, cutoff: pd.Timestamp, method: str) -> None:
    """Turn the seven files of DIR into tables of the schema retail, on the server of PGHOST."""
    url = sa.URL.create(
        "postgresql+psycopg2",
        username=os.environ["PGUSER"],
        password=os.environ.get("PGPASSWORD") or None,
        database=os.environ["PGDATABASE"],
        query={"host": os.environ["PGHOST"], "port": os.environ["PGPORT"]},
    )
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema("retail", if_not_exists=True))
    for name, frame, types, keys in _results(folder, reference, pd.Timestamp(cutoff)):
        write(engine, name, frame, types, keys, METHODS[method])


if __name__ == "__main__":
    main()
