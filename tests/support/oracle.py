"""The whole design once more in plain Python, so that the SQL can be compared with it row by row.

It is written from the design document alone and shares no code with the project: no SQL, no generator, no contract.
Where the two differ, one of them is wrong.

Interpretations (where the design leaves room, what is done here):

* "Readable" means castable: neither missing nor ``_invalid``. A number with too many integer digits is only
  ``_invalid``, never also negative or out of range, puts no money at stake, and keeps its transaction from being
  judged a mismatch.
* Integer digits are counted by value: leading zeros and a plus sign do not count (``0000000012.50`` fits). Up
  to 16,383 decimals are readable, as many as the database's numbers hold. A clean minus zero is zero.
* A rule_id and a line_item_id, to which the design gives no length, have at most 100 characters: no index holds a key
  of any length.
* ``3.5`` in an integer column is ``_invalid``, not rounded; ``3.0`` and ``+3`` are 3.
* A row that is rejected is still judged by all its other rules: copies, conflicts and rows without a key too. Only
  the key's own rules (``_too_long``, ``_duplicate``, ``_conflict``) and, for a header, the three that look at its
  lines need a key.
* Of exact copies the one with the lowest row number is kept. A copy of a header is also judged by the rules that look
  at the lines; a copy of a line gets ``transaction_rejected`` like any other line.
* A line whose line_item_id is missing belongs to its transaction all the same: it spoils it and counts in its sum.
* ``total_amount_mismatch`` compares the absolute difference of the values as read with the tolerance (equal is
  allowed), and is judged of every header of a transaction that has lines, whatever else is wrong with it.
* ``transaction_rejected``: some header has the line's transaction_id, none of them is clean.
* record_key is the trimmed key; null where a single-column key is missing; in a line's
  ``transaction_id|line_item_id`` a missing part is empty. Everything that ``caused_by`` names is written the same
  way, each once: parents in the order of the rule book, then lines in file order; a line's header comes last unless
  it is unknown (then it comes first).
* A ``_too_long`` counts characters (code points) of the trimmed text.
* White space in an e-mail address is the ASCII white space of the trimming; a blank e-mail is no warning.
* Whole words of a rule's name end where letters and digits end (``weekend_bonus`` speaks of the weekend).
* A total_loyalty_points or last_purchase_date that is not readable, negative or in the future is cleaned to 0 or
  null.
* A sale is before the opening, or outside a promotion, by its date: the time of day does not count; both ends are
  inside.
* ``transaction_date_before_opening`` needs a readable date and a clean store, not an otherwise clean header.
* Promotion warnings are also given to an exact copy of a line of a clean header (it is rejected, so they are not
  counted).
* Rule ids count as integers where every clean rule's id is a castable integer by section 5.2 (4 bytes, ``3.0`` too);
  equal numbers (``1`` and ``01``) go by text. ``stack`` joins the ids in that same order.
* OPENING has no time and no rule; an EARN of no rule has no rule either (null, not an empty text). Points may exceed
  four bytes.
* Recency counts dates, not hours. With as_of_date set, a sale or a last purchase dated later is not seen.
* At-risk days run from the mart's last_purchase_date; without one nobody is at risk.
* In conservation "not readable" counts missing and unreadable amounts alike.
* Reading as a seed, a cell is null where Python's ``strip`` leaves nothing or the word null: that also strips a
  no-break space, which is content on the landing path. Line ends inside quotes become LF, as dbt opens the file.
"""

from __future__ import annotations

import csv
import decimal
import gzip
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.loyalty_model import Line, Sale

Row = Mapping[str, "str | None"]
Tables = Mapping[str, Sequence[Row]]
Clean = dict[str, Any]

STORES = "stores"
PRODUCTS = "products"
CUSTOMERS = "customer_details"
PROMOTIONS = "promotion_details"
LOYALTY_RULES = "loyalty_rules"
HEADERS = "store_sales_header"
LINES = "store_sales_line_items"
REDEMPTIONS = "loyalty_redemptions"
STOCK = "inventory_levels"

OPTIONAL = (REDEMPTIONS, STOCK)  # a retailer may have no such file

COLUMNS: dict[str, tuple[str, ...]] = {
    STORES: ("store_id", "store_name", "store_city", "store_region", "opening_date"),
    PRODUCTS: ("product_id", "product_name", "product_category", "unit_price", "current_stock_level"),
    CUSTOMERS: (
        "customer_id",
        "first_name",
        "email",
        "loyalty_status",
        "total_loyalty_points",
        "last_purchase_date",
        "segment_id",
    ),
    PROMOTIONS: (
        "promotion_id",
        "promotion_name",
        "start_date",
        "end_date",
        "discount_percentage",
        "applicable_category",
    ),
    LOYALTY_RULES: ("rule_id", "rule_name", "points_per_unit_spend", "min_spend_threshold", "bonus_points"),
    HEADERS: ("transaction_id", "customer_id", "store_id", "transaction_date", "total_amount"),
    LINES: ("line_item_id", "transaction_id", "product_id", "promotion_id", "quantity", "line_item_amount"),
    REDEMPTIONS: ("redemption_id", "customer_id", "redeemed_at", "points", "transaction_id"),
    STOCK: ("stock_date", "store_id", "product_id", "stock_level"),
}

KEYS: dict[str, tuple[str, ...]] = {
    STORES: ("store_id",),
    PRODUCTS: ("product_id",),
    CUSTOMERS: ("customer_id",),
    PROMOTIONS: ("promotion_id",),
    LOYALTY_RULES: ("rule_id",),
    HEADERS: ("transaction_id",),
    LINES: ("transaction_id", "line_item_id"),
    REDEMPTIONS: ("redemption_id",),
    STOCK: ("stock_date", "store_id", "product_id"),
}

# The rule book (design, section 6): the errors of each table, in its order.
RULES: dict[str, tuple[str, ...]] = {
    STORES: (
        "store_id_missing",
        "store_id_too_long",
        "store_id_duplicate",
        "store_id_conflict",
        "opening_date_invalid",
    ),
    PRODUCTS: (
        "product_id_missing",
        "product_id_too_long",
        "product_id_duplicate",
        "product_id_conflict",
        "unit_price_missing",
        "unit_price_invalid",
        "unit_price_negative",
        "current_stock_level_invalid",
        "current_stock_level_negative",
    ),
    CUSTOMERS: ("customer_id_missing", "customer_id_too_long", "customer_id_duplicate", "customer_id_conflict"),
    PROMOTIONS: (
        "promotion_id_missing",
        "promotion_id_too_long",
        "promotion_id_duplicate",
        "promotion_id_conflict",
        "start_date_missing",
        "start_date_invalid",
        "end_date_missing",
        "end_date_invalid",
        "end_date_before_start_date",
        "discount_percentage_missing",
        "discount_percentage_invalid",
        "discount_percentage_out_of_range",
    ),
    LOYALTY_RULES: (
        "rule_id_missing",
        "rule_id_too_long",
        "rule_id_duplicate",
        "rule_id_conflict",
        "points_per_unit_spend_missing",
        "points_per_unit_spend_invalid",
        "points_per_unit_spend_negative",
        "min_spend_threshold_missing",
        "min_spend_threshold_invalid",
        "min_spend_threshold_negative",
        "bonus_points_missing",
        "bonus_points_invalid",
        "bonus_points_negative",
    ),
    HEADERS: (
        "transaction_id_missing",
        "transaction_id_too_long",
        "transaction_id_duplicate",
        "transaction_id_conflict",
        "customer_id_missing",
        "customer_id_unknown",
        "customer_id_parent_rejected",
        "store_id_missing",
        "store_id_unknown",
        "store_id_parent_rejected",
        "transaction_date_missing",
        "transaction_date_invalid",
        "transaction_date_in_future",
        "total_amount_missing",
        "total_amount_invalid",
        "total_amount_not_positive",
        "total_amount_mismatch",
        "no_line_items",
        "line_item_rejected",
    ),
    LINES: (
        "line_item_id_missing",
        "line_item_id_too_long",
        "line_item_id_duplicate",
        "line_item_id_conflict",
        "transaction_id_missing",
        "product_id_missing",
        "product_id_unknown",
        "product_id_parent_rejected",
        "promotion_id_unknown",
        "promotion_id_parent_rejected",
        "quantity_missing",
        "quantity_invalid",
        "quantity_not_positive",
        "line_item_amount_missing",
        "line_item_amount_invalid",
        "line_item_amount_negative",
        "transaction_id_unknown",
        "transaction_rejected",
    ),
    REDEMPTIONS: (
        "redemption_id_missing",
        "redemption_id_too_long",
        "redemption_id_duplicate",
        "redemption_id_conflict",
        "customer_id_missing",
        "customer_id_unknown",
        "customer_id_parent_rejected",
        "redeemed_at_missing",
        "redeemed_at_invalid",
        "redeemed_at_in_future",
        "points_missing",
        "points_invalid",
        "points_not_positive",
        "transaction_id_unknown",
        "transaction_id_parent_rejected",
        "transaction_id_other_customer",
        "points_exceed_balance",
    ),
    STOCK: (
        "product_id_missing",
        "product_id_too_long",
        "product_id_duplicate",
        "product_id_conflict",
        "product_id_unknown",
        "product_id_parent_rejected",
        "store_id_missing",
        "store_id_unknown",
        "store_id_parent_rejected",
        "stock_date_missing",
        "stock_date_invalid",
        "stock_date_in_future",
        "stock_level_missing",
        "stock_level_invalid",
        "stock_level_negative",
    ),
}

# What several deliveries may bring and a single one can't.
RULES_OF_DELIVERIES = {LINES: "transaction_id_closed", CUSTOMERS: "total_loyalty_points_restated"}

# What no row can break: a line that does is none.
RULES_OF_FILES = (
    "line_too_few_fields",
    "line_too_many_fields",
    "line_quote_invalid",
    "line_encoding_invalid",
    "line_too_long",
)

WARNINGS: dict[str, tuple[str, ...]] = {
    STORES: ("store_name_missing", "store_name_too_long", "store_city_too_long", "store_region_too_long"),
    PRODUCTS: (
        "product_name_missing",
        "product_name_too_long",
        "product_category_missing",
        "product_category_too_long",
        "unit_price_rounded",
        "unit_price_zero",
    ),
    CUSTOMERS: (
        "first_name_missing",
        "first_name_too_long",
        "email_invalid",
        "email_too_long",
        "loyalty_status_too_long",
        "total_loyalty_points_missing",
        "total_loyalty_points_invalid",
        "total_loyalty_points_negative",
        "last_purchase_date_invalid",
        "last_purchase_date_in_future",
    ),
    PROMOTIONS: (
        "promotion_name_missing",
        "promotion_name_too_long",
        "discount_percentage_rounded",
        "applicable_category_missing",
        "applicable_category_too_long",
    ),
    LOYALTY_RULES: (
        "rule_name_missing",
        "rule_name_too_long",
        "rule_name_conditional",
        "min_spend_threshold_rounded",
    ),
    HEADERS: ("total_amount_rounded", "transaction_date_before_opening"),
    LINES: (
        "line_item_amount_rounded",
        "line_item_amount_zero",
        "promotion_id_outside_dates",
        "promotion_id_other_category",
    ),
    REDEMPTIONS: (),
    STOCK: (),
}

# What is judged besides where returns are accepted.
RULE_OF_RETURNS = (LINES, "line_item_amount_positive")

# The column whose money is accounted for.
MONEY: dict[str, str] = {HEADERS: "total_amount", LINES: "line_item_amount"}

SEGMENTS = ("AR", "HS", "RG", "PR")  # by priority
POLICIES = ("best", "highest_threshold", "stack")

ASCII_SPACE = " \t\n\r\f\v"
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?"
)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)
CONDITIONAL_NAME = re.compile(
    r"(?<![a-z0-9])(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekdays?|weekends?|spring|summer|autumn|fall|winter"
    r"|season|seasonal|holidays?|christmas|easter)(?![a-z0-9])",
    re.IGNORECASE | re.ASCII,
)

# Wide enough for every number that fits into memory: sums, products and comparisons are exact.
EXACT = decimal.Context(
    prec=decimal.MAX_PREC,
    Emax=decimal.MAX_EMAX,
    Emin=decimal.MIN_EMIN,
    rounding=ROUND_HALF_UP,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Inexact],
)
# The same for rounding, which may lose digits: that is its purpose.
ROUNDING = EXACT.copy()
ROUNDING.traps[decimal.Inexact] = False
ZERO = Decimal(0)


@dataclass(frozen=True)
class Settings:
    """The vars of the project that change results."""

    data_cutoff_date: date
    as_of_date: date | None = None
    total_tolerance: Decimal = Decimal("0.01")
    loyalty_rule_policy: str = "best"
    high_spender_share: Decimal = Decimal("0.10")
    at_risk_days: int = 60
    allow_guest_transactions: bool = False
    accept_returns: bool = False
    rule_severity: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.loyalty_rule_policy not in POLICIES:
            raise ValueError(f"loyalty_rule_policy must be one of {', '.join(POLICIES)}")

    def severities(self, table: str) -> dict[str, str]:
        """Return the rules of the table that do not have their usual severity."""
        wanted = {rule: severity for rule, severity in self.rule_severity.items() if "." not in rule}
        if table == HEADERS and self.allow_guest_transactions:
            wanted = {"customer_id_missing": "warn"} | wanted
        own = (rule.partition(".") for rule in self.rule_severity)
        return wanted | {
            rule: self.rule_severity[f"{owner}.{rule}"] for owner, dot, rule in own if dot and owner == table
        }


@dataclass
class Verdict:
    """What becomes of one input row."""

    row_number: int
    record_key: str | None
    failed_rules: list[str]
    warnings: list[str]
    caused_by: list[str]
    amount_at_stake: Decimal | None
    clean: Clean | None

    @property
    def rejected(self) -> bool:
        return bool(self.failed_rules)


@dataclass(frozen=True)
class LedgerEntry:
    """One movement of points; ``entry_number`` counts from 0 (the opening balance) within a customer."""

    customer_id: str
    entry_number: int
    entry_type: str
    transaction_id: str | None
    entry_at: datetime | None
    rule_ids: str | None
    points: int
    running_balance: int


@dataclass(frozen=True)
class Rfm:
    """A customer's figures and scores; all null without a clean transaction."""

    recency_days: int | None = None
    frequency: int | None = None
    monetary: Decimal | None = None
    r_score: int | None = None
    f_score: int | None = None
    m_score: int | None = None


@dataclass(frozen=True)
class ScoreBounds:
    """Who has a score: how many customers, from which value to which."""

    customers: int
    lowest: int | Decimal | None
    highest: int | Decimal | None


@dataclass(frozen=True)
class Flags:
    """A customer's segment, and the two flags behind it."""

    is_high_spender: bool
    is_at_risk: bool
    segment_id: str


@dataclass(frozen=True)
class Conservation:
    """Rows in = clean + rejected, and the same for the money as read (null in a table that has none)."""

    rows_in: int
    rows_clean: int
    rows_rejected: int
    money_in: Decimal | None = None
    money_clean: Decimal | None = None
    money_rejected: Decimal | None = None
    money_clean_rounded: Decimal | None = None
    rows_not_readable: int | None = None


@dataclass
class Result:
    """Everything that the design computes."""

    verdicts: dict[str, list[Verdict]]
    as_of_date: date
    ledger: list[LedgerEntry]
    balances: dict[str, int]
    rfm: dict[str, Rfm]
    score_bounds: dict[str, dict[int, ScoreBounds]]
    flags: dict[str, Flags]
    customer_details: list[Clean]
    conservation: dict[str, Conservation]
    settings: Settings

    def clean_rows(self, table: str) -> list[Clean]:
        return [verdict.clean for verdict in self.verdicts[table] if verdict.clean is not None]

    def rule_counts(self, table: str) -> dict[str, int]:
        """How many rows of the table fail each rule, zeros included; of a warning, how many clean rows carry it."""
        counts = dict.fromkeys((*RULES[table], *WARNINGS[table], *RULES_OF_FILES), 0)
        if table in RULES_OF_DELIVERIES:
            counts[RULES_OF_DELIVERIES[table]] = 0
        if self.settings.accept_returns and table == RULE_OF_RETURNS[0]:
            counts[RULE_OF_RETURNS[1]] = 0
        for verdict in self.verdicts[table]:
            for rule in verdict.failed_rules or verdict.warnings:
                counts[rule] += 1
        return counts


# Reading cells ------------------------------------------------------------------------------------------------------


def trimmed(cell: str | None) -> str | None:
    """Trim a cell; what is empty then is missing."""
    if cell is None:
        return None
    return cell.strip(ASCII_SPACE) or None


def rounded(value: Decimal, places: int) -> Decimal:
    """Round half away from zero; a minus zero becomes zero."""
    result = value.quantize(Decimal((0, (1,), -places)), context=ROUNDING)
    return result if result else result.copy_abs()


def read_number(text: str, precision: int, places: int) -> Decimal | None:
    """Return the number as it stands if numeric(precision, places) can hold it once rounded."""
    if not NUMBER.fullmatch(text):
        return None
    if len(text.partition(".")[2]) > 16_383:  # what the database's numbers hold
        return None
    value = Decimal(text)
    if value and value.adjusted() > precision:  # far too long: spare the arithmetic
        return None
    if rounded(value, places).copy_abs() >= 10 ** (precision - places):
        return None
    return value


def read_exactly(text: str, precision: int, places: int) -> Decimal | None:
    """Return the number as ``read_number`` does, unless rounding would change it."""
    value = read_number(text, precision, places)
    return value if value is not None and rounded(value, places) == value else None


def read_integer(text: str) -> int | None:
    """Return the integer if four bytes can hold it; a zero fraction is allowed."""
    if not WHOLE_NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if value and value.adjusted() > 10:
        return None
    number = int(value)
    return number if -(2**31) <= number < 2**31 else None


def read_date(text: str) -> date | None:
    """Return the date if it is written YYYY-MM-DD and exists."""
    match = DATE.fullmatch(text)
    if not match:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def read_timestamp(text: str) -> datetime | None:
    """Return the timestamp (or the midnight of a date alone) if it is well written and exists."""
    match = TIMESTAMP.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
        )
    except ValueError:
        return None


# Judging rows -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Draft:
    """A row while it is being judged: its trimmed cells, and what has been found so far."""

    row_number: int
    cells: dict[str, str | None]
    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    caused_by: list[str] = field(default_factory=list)
    clean: Clean = field(default_factory=dict)
    money: Decimal | None = None
    is_copy: bool = False
    severities: Mapping[str, str] = field(default_factory=dict)

    def say(self, rule: str, severity: str = "error") -> None:
        """Note that the row breaks a rule, as severely as the settings want it."""
        severity = self.severities.get(rule, severity)
        if severity != "off":
            (self.failed if severity == "error" else self.warned).append(rule)

    def key(self, table: str) -> str | None:
        parts = [self.cells[column] for column in KEYS[table]]
        return parts[0] if len(parts) == 1 else "|".join(part or "" for part in parts)

    def blame(self, table: str, key: str | None) -> None:
        cause = f"{table}:{key or ''}"
        if cause not in self.caused_by:
            self.caused_by.append(cause)

    def text(self, column: str, length: int, *, may_be_blank: bool = True) -> None:
        """A text that is no key: warn of its length, and of its absence where that is unusual."""
        value = self.clean[column] = self.cells[column]
        if value is None:
            if not may_be_blank:
                self.say(f"{column}_missing", "warn")
        elif len(value) > length:
            self.say(f"{column}_too_long", "warn")

    def number(self, column: str, precision: int, places: int, *, exact: bool = False) -> Decimal | None:
        """A decimal that must be there: return it as read, keep it rounded; an exact one is not rounded but refused."""
        self.clean[column] = None
        read = read_exactly if exact else read_number
        value = self._required(column, lambda text: read(text, precision, places))
        if value is not None:
            self.clean[column] = rounded(value, places)
            if self.clean[column] != value:
                self.say(f"{column}_rounded", "warn")
        return value

    def integer(self, column: str) -> int | None:
        value = self.clean[column] = self._required(column, read_integer)
        return value

    def day(self, column: str) -> date | None:
        value = self.clean[column] = self._required(column, read_date)
        return value

    def moment(self, column: str) -> datetime | None:
        value = self.clean[column] = self._required(column, read_timestamp)
        return value

    def _required(self, column: str, read: Callable[[str], Any]) -> Any:
        text = self.cells[column]
        if text is None:
            self.say(f"{column}_missing")
            return None
        value = read(text)
        if value is None:
            self.say(f"{column}_invalid")
        return value

    def parent(self, column: str, table: str, parents: Parents) -> Clean | None:
        """A foreign key: return the valid parent, or say why there is none."""
        key = self.clean[column] = self.cells[column]
        if key is None:
            return None
        if key in parents.clean:
            return parents.clean[key]
        self.say(f"{column}_parent_rejected" if key in parents.known else f"{column}_unknown")
        self.blame(table, key)
        return None


@dataclass
class Parents:
    """The keys of a judged table: all that occur, and the rows of the clean ones."""

    known: set[str]
    clean: dict[str, Clean]

    @classmethod
    def of(cls, table: str, drafts: Iterable[Draft]) -> Parents:
        known: set[str] = set()
        clean: dict[str, Clean] = {}
        for draft in drafts:
            key = draft.key(table)
            if key is not None:
                known.add(key)
                if not draft.failed:
                    clean[key] = draft.clean
        return cls(known, clean)


def drafts_of(table: str, rows: Sequence[Row], settings: Settings) -> list[Draft]:
    """Trim all cells and judge the key: present, not too long, neither copied nor contradicted."""
    drafts = []
    for position, row in enumerate(rows, start=1):
        number = int(row.get("row_number") or position)
        cells = {column: trimmed(row.get(column)) for column in COLUMNS[table]}
        drafts.append(Draft(number, cells, severities=settings.severities(table)))

    key_columns = KEYS[table]
    own_key = key_columns[-1]
    limits = {STORES: 10, PRODUCTS: 20, CUSTOMERS: 20, PROMOTIONS: 10, HEADERS: 30, REDEMPTIONS: 30, STOCK: 20}
    limit = limits.get(table, 100)
    groups: dict[tuple[str | None, ...], list[Draft]] = defaultdict(list)
    for draft in drafts:
        for column in key_columns:
            value = draft.clean[column] = draft.cells[column]
            if value is None:
                draft.say(f"{column}_missing")
            elif len(value) > limit and column == own_key:  # the other parts are judged where they are keys
                draft.say(f"{column}_too_long")
        key = tuple(draft.cells[column] for column in key_columns)
        if None not in key:
            groups[key].append(draft)

    content = [column for column in COLUMNS[table] if column != "segment_id"]
    for group in groups.values():
        if len(group) == 1:
            continue
        if len({tuple(draft.cells[column] for column in content) for draft in group}) > 1:
            for draft in group:
                draft.say(f"{own_key}_conflict")
        else:
            for draft in sorted(group, key=lambda draft: draft.row_number)[1:]:
                draft.say(f"{own_key}_duplicate")
                draft.is_copy = True
    return drafts


def judge_stores(rows: Sequence[Row], settings: Settings) -> list[Draft]:
    drafts = drafts_of(STORES, rows, settings)
    for draft in drafts:
        draft.text("store_name", 100, may_be_blank=False)
        draft.text("store_city", 50)
        draft.text("store_region", 50)
        draft.clean["opening_date"] = None
        if draft.cells["opening_date"] is not None:
            draft.day("opening_date")
    return drafts


def judge_products(rows: Sequence[Row], settings: Settings) -> list[Draft]:
    drafts = drafts_of(PRODUCTS, rows, settings)
    for draft in drafts:
        draft.text("product_name", 100, may_be_blank=False)
        draft.text("product_category", 50, may_be_blank=False)
        price = draft.number("unit_price", 10, 2)
        if price is not None and price < 0:
            draft.say("unit_price_negative")
        if price is not None and price == 0:
            draft.say("unit_price_zero", "warn")
        draft.clean["current_stock_level"] = None
        if draft.cells["current_stock_level"] is not None:
            stock = draft.integer("current_stock_level")
            if stock is not None and stock < 0:
                draft.say("current_stock_level_negative")
    return drafts


def judge_customers(rows: Sequence[Row], settings: Settings) -> list[Draft]:
    drafts = drafts_of(CUSTOMERS, rows, settings)
    for draft in drafts:
        draft.text("first_name", 50, may_be_blank=False)
        draft.text("email", 100)
        email = draft.cells["email"]
        if email is not None and not EMAIL.fullmatch(email):
            draft.say("email_invalid", "warn")
        draft.text("loyalty_status", 20)

        draft.clean["total_loyalty_points"] = 0
        points = draft.cells["total_loyalty_points"]
        balance = None if points is None else read_integer(points)
        if points is None:
            draft.say("total_loyalty_points_missing", "warn")
        elif balance is None:
            draft.say("total_loyalty_points_invalid", "warn")
        elif balance < 0:
            draft.say("total_loyalty_points_negative", "warn")
        else:
            draft.clean["total_loyalty_points"] = balance

        draft.clean["last_purchase_date"] = None
        purchase = draft.cells["last_purchase_date"]
        if purchase is not None:
            last = read_date(purchase)
            if last is None:
                draft.say("last_purchase_date_invalid", "warn")
            elif last > settings.data_cutoff_date:
                draft.say("last_purchase_date_in_future", "warn")
            else:
                draft.clean["last_purchase_date"] = last
    return drafts


def judge_promotions(rows: Sequence[Row], settings: Settings) -> list[Draft]:
    drafts = drafts_of(PROMOTIONS, rows, settings)
    for draft in drafts:
        draft.text("promotion_name", 100, may_be_blank=False)
        start = draft.day("start_date")
        end = draft.day("end_date")
        if start is not None and end is not None and end < start:
            draft.say("end_date_before_start_date")
        discount = draft.number("discount_percentage", 5, 2)
        if discount is not None and not 0 <= discount <= 1:
            draft.say("discount_percentage_out_of_range")
        draft.text("applicable_category", 50, may_be_blank=False)
    return drafts


def judge_loyalty_rules(rows: Sequence[Row], settings: Settings) -> list[Draft]:
    drafts = drafts_of(LOYALTY_RULES, rows, settings)
    for draft in drafts:
        draft.text("rule_name", 100, may_be_blank=False)
        name = draft.cells["rule_name"]
        if name is not None and CONDITIONAL_NAME.search(name):
            draft.say("rule_name_conditional", "warn")
        for column, value in (
            ("points_per_unit_spend", draft.number("points_per_unit_spend", 12, 6, exact=True)),
            ("min_spend_threshold", draft.number("min_spend_threshold", 10, 2)),
            ("bonus_points", draft.integer("bonus_points")),
        ):
            if value is not None and value < 0:
                draft.say(f"{column}_negative")
    return drafts


def judge_lines(
    rows: Sequence[Row], header_keys: set[str | None], products: Parents, promotions: Parents, settings: Settings
) -> list[Draft]:
    """Judge the lines by themselves: all but ``transaction_rejected`` and the warnings about promotions."""
    drafts = drafts_of(LINES, rows, settings)
    for draft in drafts:
        if draft.cells["product_id"] is None:
            draft.say("product_id_missing")
        draft.parent("product_id", PRODUCTS, products)
        draft.parent("promotion_id", PROMOTIONS, promotions)
        quantity = draft.integer("quantity")
        is_return = settings.accept_returns and quantity is not None and quantity < 0
        if quantity is not None and quantity <= 0 and not is_return:
            draft.say("quantity_not_positive")
        amount = draft.money = draft.number("line_item_amount", 10, 2)
        if amount is not None and amount < 0 and not (settings.accept_returns and (is_return or quantity is None)):
            draft.say("line_item_amount_negative")
        if amount is not None and amount > 0 and is_return:
            draft.say("line_item_amount_positive")
        if amount is not None and amount == 0:
            draft.say("line_item_amount_zero", "warn")
        transaction_id = draft.cells["transaction_id"]
        if transaction_id is not None and transaction_id not in header_keys:
            draft.say("transaction_id_unknown")
            draft.blame(HEADERS, transaction_id)
    return drafts


def judge_headers(
    drafts: list[Draft], lines: Iterable[Draft], customers: Parents, stores: Parents, settings: Settings
) -> None:
    """Judge the headers, which look at their lines (the exact copies among those aside)."""
    lines_of: dict[str, list[Draft]] = defaultdict(list)
    for line in lines:
        transaction_id = line.cells["transaction_id"]
        if transaction_id is not None and not line.is_copy:
            lines_of[transaction_id].append(line)

    for draft in drafts:
        for column, table, parents in (("customer_id", CUSTOMERS, customers), ("store_id", STORES, stores)):
            if draft.cells[column] is None:
                draft.say(f"{column}_missing")
            draft.parent(column, table, parents)

        moment = draft.moment("transaction_date")
        if moment is not None and moment.date() > settings.data_cutoff_date:
            draft.say("transaction_date_in_future")
        store = stores.clean.get(draft.cells["store_id"] or "")
        if moment is not None and store is not None:
            opening = store["opening_date"]
            if opening is not None and moment.date() < opening:
                draft.say("transaction_date_before_opening", "warn")

        total = draft.money = draft.number("total_amount", 10, 2)
        transaction_id = draft.cells["transaction_id"]
        own_lines = [] if transaction_id is None else lines_of.get(transaction_id, [])
        gives_back = settings.accept_returns and any((line.clean["quantity"] or 0) < 0 for line in own_lines)
        if total is not None and draft.clean["total_amount"] <= 0 and not gives_back:
            draft.say("total_amount_not_positive")

        if transaction_id is None:
            continue
        if not own_lines:
            draft.say("no_line_items")
            continue
        amounts = [line.money for line in own_lines if line.money is not None]
        if (
            total is not None
            and len(amounts) == len(own_lines)
            and abs(total - sum(amounts, ZERO)) > settings.total_tolerance
        ):
            draft.say("total_amount_mismatch")
        spoilers = [line for line in own_lines if line.failed]
        if spoilers:
            draft.say("line_item_rejected")
            for line in spoilers:
                draft.blame(LINES, line.key(LINES))


def follow_headers(lines: Iterable[Draft], headers: Parents, products: Parents, promotions: Parents) -> None:
    """Judge the lines again, only through their header's verdict."""
    for line in lines:
        transaction_id = line.cells["transaction_id"]
        if transaction_id is None or transaction_id not in headers.known:
            continue
        header = headers.clean.get(transaction_id)
        if header is None:
            line.say("transaction_rejected")
            line.blame(HEADERS, transaction_id)
            continue
        promotion = promotions.clean.get(line.cells["promotion_id"] or "")
        if promotion is None:
            continue
        day = header["transaction_date"].date()
        if not (promotion["start_date"] or day) <= day <= (promotion["end_date"] or day):
            line.say("promotion_id_outside_dates", "warn")
        category = promotion["applicable_category"]
        product = products.clean.get(line.cells["product_id"] or "", {})
        if category not in (None, "ALL") and category != product.get("product_category"):
            line.say("promotion_id_other_category", "warn")


def judge_redemptions(rows: Sequence[Row], customers: Parents, headers: Parents, settings: Settings) -> list[Draft]:
    """Judge the redemptions, which name a customer and perhaps one of that customer's transactions."""
    drafts = drafts_of(REDEMPTIONS, rows, settings)
    for draft in drafts:
        if draft.cells["customer_id"] is None:
            draft.say("customer_id_missing")
        draft.parent("customer_id", CUSTOMERS, customers)
        moment = draft.moment("redeemed_at")
        if moment is not None and moment.date() > settings.data_cutoff_date:
            draft.say("redeemed_at_in_future")
        points = draft.integer("points")
        if points is not None and points <= 0:
            draft.say("points_not_positive")
        paid = draft.parent("transaction_id", HEADERS, headers)
        customer_id = draft.cells["customer_id"]
        if paid is not None and customer_id is not None and paid["customer_id"] != customer_id:
            draft.say("transaction_id_other_customer")
    return drafts


def judge_stock(rows: Sequence[Row], products: Parents, stores: Parents, settings: Settings) -> list[Draft]:
    """Judge the stock counts, each of a product in a store on a day."""
    drafts = drafts_of(STOCK, rows, settings)
    for draft in drafts:
        draft.parent("product_id", PRODUCTS, products)
        draft.parent("store_id", STORES, stores)
        text = draft.cells["stock_date"]
        day = draft.clean["stock_date"] = read_date(text) if text else None
        if text and day is None:
            draft.say("stock_date_invalid")
        if day is not None and day > settings.data_cutoff_date:
            draft.say("stock_date_in_future")
        level = draft.integer("stock_level")
        if level is not None and level < 0:
            draft.say("stock_level_negative")
    return drafts


def verdicts_of(table: str, drafts: Iterable[Draft]) -> list[Verdict]:
    verdicts = []
    order = {rule: number for number, rule in enumerate((*RULES[table], RULE_OF_RETURNS[1], *WARNINGS[table]))}
    for draft in drafts:
        verdicts.append(
            Verdict(
                row_number=draft.row_number,
                record_key=draft.key(table),
                failed_rules=sorted(draft.failed, key=order.__getitem__),
                warnings=sorted(draft.warned, key=order.__getitem__),
                caused_by=draft.caused_by,
                amount_at_stake=draft.money,
                clean=None if draft.failed else draft.clean,
            )
        )
    return verdicts


# Points -------------------------------------------------------------------------------------------------------------


def ranked_rules(rules: Iterable[Clean]) -> list[Clean]:
    """Sort the rules by id: as numbers where all are integers, else as text."""
    rules = list(rules)
    if all(read_integer(rule["rule_id"]) is not None for rule in rules):
        return sorted(rules, key=lambda rule: (read_integer(rule["rule_id"]), rule["rule_id"]))
    return sorted(rules, key=lambda rule: rule["rule_id"])


def points_of(total_amount: Decimal, rules: Sequence[Clean], policy: str) -> tuple[int, str | None]:
    """Return what a transaction earns, and by which rule (``rules`` come from ``ranked_rules``)."""
    if not total_amount:
        return 0, None
    eligible = []
    for rank, rule in enumerate(rules):
        threshold = rule["min_spend_threshold"]
        if total_amount >= threshold:
            spend = (total_amount * rule["points_per_unit_spend"]).to_integral_value(ROUND_FLOOR)
            eligible.append((int(spend) + rule["bonus_points"], threshold, rank, rule["rule_id"]))
    if not eligible:
        return 0, None
    if policy == "stack":
        return sum(points for points, *_ in eligible), "+".join(rule_id for *_, rule_id in eligible)
    if policy == "highest_threshold":
        points, _, _, rule_id = min(eligible, key=lambda rule: (-rule[1], -rule[0], rule[2]))
    else:
        points, _, _, rule_id = min(eligible, key=lambda rule: (-rule[0], -rule[1], rule[2]))
    return points, rule_id


def account_sales(
    sales: Iterable[Clean], lines_of: Mapping[str, Sequence[Clean]], rules: Sequence[Clean], settings: Settings
) -> list[Sale]:
    """Return a customer's transactions as the model of an account reads them."""
    from support.loyalty_model import Sale  # the model prices by points_of

    return [
        Sale(
            sale["transaction_id"],
            sale["transaction_date"],
            sale["total_amount"],
            tuple(_moved_lines(lines_of[sale["transaction_id"]])) if settings.accept_returns else (),
            rules,
        )
        for sale in sales
    ]


def judge_balances(
    drafts: Iterable[Draft],
    customers: Mapping[str, Clean],
    sales_of: Mapping[str, Sequence[Clean]],
    lines_of: Mapping[str, Sequence[Clean]],
    rules: Sequence[Clean],
    settings: Settings,
) -> None:
    """Judge the redemptions that are valid by themselves: the balance at their moment has to cover them."""
    from support.loyalty_model import Redemption, Terms, accepted

    by_customer: dict[str, dict[str, Draft]] = defaultdict(dict)
    for draft in drafts:
        if not draft.failed:
            by_customer[draft.clean["customer_id"]][draft.clean["redemption_id"]] = draft
    for customer_id, found in by_customer.items():
        redemptions = [
            Redemption(redemption_id, draft.clean["redeemed_at"], draft.clean["points"])
            for redemption_id, draft in found.items()
        ]
        sales = account_sales(sales_of.get(customer_id, ()), lines_of, rules, settings)
        opening = customers[customer_id]["total_loyalty_points"]
        kept = accepted(opening, sales, redemptions, Terms(settings.loyalty_rule_policy))
        for redemption in redemptions:
            if redemption not in kept:
                found[redemption.redemption_id].say("points_exceed_balance")


def ledger_of(
    customers: Iterable[Clean],
    sales_of: Mapping[str, Sequence[Clean]],
    lines_of: Mapping[str, Sequence[Clean]],
    redemptions_of: Mapping[str, Sequence[Clean]],
    rules: Sequence[Clean],
    settings: Settings,
) -> Iterator[LedgerEntry]:
    """Yield each customer's entries in order, as the model of an account keeps them."""
    from support.loyalty_model import Account, Redemption, Terms

    for customer in customers:
        customer_id = customer["customer_id"]
        sales = account_sales(sales_of.get(customer_id, ()), lines_of, rules, settings)
        redemptions = [
            Redemption(row["redemption_id"], row["redeemed_at"], row["points"])
            for row in redemptions_of.get(customer_id, ())
        ]
        account = Account(customer["total_loyalty_points"], sales, redemptions, Terms(settings.loyalty_rule_policy))
        for number, entry in enumerate(account.entries):
            yield LedgerEntry(
                customer_id,
                number,
                entry.kind,
                entry.transaction_id,
                entry.at,
                entry.rule_ids,
                entry.points,
                entry.balance,
            )


def _moved_lines(lines: Iterable[Clean]) -> Iterator[Line]:
    """Yield the lines of a transaction as the model reads them; with rules off, some are neither sold nor returned."""
    from support.loyalty_model import Line

    for line in lines:
        quantity, amount = line["quantity"] or 0, line["line_item_amount"] or ZERO
        if (quantity < 0 and amount > 0) or (quantity > 0 and (amount < 0 or line["line_item_amount"] is None)):
            quantity = 0
        yield Line(line["line_item_id"], line["product_id"], quantity, amount)


# Scores and segments ------------------------------------------------------------------------------------------------


def scores(goodness: Mapping[str, Any]) -> dict[str, int]:
    """Score each customer 1 to 5 by mid-rank quintiles of a figure of which more is better."""
    count = len(goodness)
    holders: dict[Any, list[str]] = defaultdict(list)
    for customer_id, value in goodness.items():
        holders[value].append(customer_id)
    result: dict[str, int] = {}
    worse = 0  # rank() - 1: how many customers have a smaller value
    for value in sorted(holders):
        ties = len(holders[value])
        quintile = -(-5 * (2 * worse + ties) // (2 * count))  # the ceiling, in integers
        result.update(dict.fromkeys(holders[value], min(5, max(1, quintile))))
        worse += ties
    return result


def rfm_of(
    sales_of: Mapping[str, Sequence[Clean]], purchases_of: Mapping[str, Sequence[Clean]], as_of_date: date
) -> dict[str, Rfm]:
    """Return the figures and scores of the customers with a clean purchase; a return only lowers what they spent."""
    recency = {
        customer_id: (as_of_date - max(sale["transaction_date"] for sale in sales).date()).days
        for customer_id, sales in purchases_of.items()
    }
    frequency = {customer_id: len(sales) for customer_id, sales in purchases_of.items()}
    monetary = {
        customer_id: sum((sale["total_amount"] for sale in sales_of[customer_id]), ZERO) for customer_id in purchases_of
    }
    r_scores = scores({customer_id: -days for customer_id, days in recency.items()})
    f_scores = scores(frequency)
    m_scores = scores(monetary)
    return {
        customer_id: Rfm(
            recency[customer_id],
            frequency[customer_id],
            monetary[customer_id],
            r_scores[customer_id],
            f_scores[customer_id],
            m_scores[customer_id],
        )
        for customer_id in purchases_of
    }


def score_bounds_of(rfm: Iterable[Rfm]) -> dict[str, dict[int, ScoreBounds]]:
    """Return for each of R, F and M and each score the customers and the smallest and largest value."""
    rows = list(rfm)
    bounds: dict[str, dict[int, ScoreBounds]] = {}
    for letter, figure in (("R", "recency_days"), ("F", "frequency"), ("M", "monetary")):
        bounds[letter] = {}
        for score in range(1, 6):
            values = [getattr(row, figure) for row in rows if getattr(row, f"{letter.lower()}_score") == score]
            bounds[letter][score] = ScoreBounds(len(values), min(values, default=None), max(values, default=None))
    return bounds


def high_spenders(monetary: Mapping[str, Decimal], share: Decimal) -> set[str]:
    """Return the customers within the first ``share`` of the buyers by money, ties at the border in."""
    places = int((share * len(monetary)).to_integral_value(ROUND_CEILING))
    ordered = sorted(monetary.values(), reverse=True)
    rank = {value: len(ordered) - place for place, value in enumerate(reversed(ordered))}
    return {customer_id for customer_id, value in monetary.items() if value > 0 and rank[value] <= places}


def is_at_risk(last_purchase: date | None, balance: int, as_of_date: date, days: int) -> bool:
    return last_purchase is not None and (as_of_date - last_purchase).days >= days and balance > 0


def segment_of(*, at_risk: bool, high_spender: bool, has_purchase: bool) -> str:
    """Return the one label, by priority."""
    at_risk_label, high_spender_label, regular, prospect = SEGMENTS
    if at_risk:
        return at_risk_label
    if high_spender:
        return high_spender_label
    return regular if has_purchase else prospect


# All of it ----------------------------------------------------------------------------------------------------------


def conservation_of(table: str, verdicts: Iterable[Verdict]) -> Conservation:
    verdicts = list(verdicts)
    rejected = sum(verdict.rejected for verdict in verdicts)
    rows = (len(verdicts), len(verdicts) - rejected, rejected)
    column = MONEY.get(table)
    if column is None:
        return Conservation(*rows)
    readable = [verdict for verdict in verdicts if verdict.amount_at_stake is not None]
    return Conservation(
        *rows,
        money_in=sum((v.amount_at_stake for v in readable), ZERO),
        money_clean=sum((v.amount_at_stake for v in readable if not v.rejected), ZERO),
        money_rejected=sum((v.amount_at_stake for v in readable if v.rejected), ZERO),
        money_clean_rounded=sum((v.clean[column] or ZERO for v in verdicts if v.clean is not None), ZERO),
        rows_not_readable=len(verdicts) - len(readable),
    )


def compute(tables: Tables, settings: Settings) -> Result:
    """Compute everything from the raw cells. A table that is left out is empty."""
    with decimal.localcontext(EXACT):
        return _compute(tables, settings)


def _compute(tables: Tables, settings: Settings) -> Result:
    unknown = set(tables) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such table: {', '.join(sorted(unknown))}")
    raw = {table: tables.get(table, ()) for table in COLUMNS}

    drafts = {
        STORES: judge_stores(raw[STORES], settings),
        PRODUCTS: judge_products(raw[PRODUCTS], settings),
        CUSTOMERS: judge_customers(raw[CUSTOMERS], settings),
        PROMOTIONS: judge_promotions(raw[PROMOTIONS], settings),
        LOYALTY_RULES: judge_loyalty_rules(raw[LOYALTY_RULES], settings),
    }
    parents = {table: Parents.of(table, drafts[table]) for table in drafts}
    headers = drafts[HEADERS] = drafts_of(HEADERS, raw[HEADERS], settings)
    header_keys = {header.cells["transaction_id"] for header in headers}
    lines = drafts[LINES] = judge_lines(raw[LINES], header_keys, parents[PRODUCTS], parents[PROMOTIONS], settings)
    judge_headers(headers, lines, parents[CUSTOMERS], parents[STORES], settings)
    transactions = Parents.of(HEADERS, headers)
    follow_headers(lines, transactions, parents[PRODUCTS], parents[PROMOTIONS])
    drafts[REDEMPTIONS] = judge_redemptions(raw[REDEMPTIONS], parents[CUSTOMERS], transactions, settings)
    drafts[STOCK] = judge_stock(raw[STOCK], parents[PRODUCTS], parents[STORES], settings)

    verdicts = {table: verdicts_of(table, drafts[table]) for table in COLUMNS if table != REDEMPTIONS}
    customers = [verdict.clean for verdict in verdicts[CUSTOMERS] if verdict.clean is not None]
    rules = ranked_rules(verdict.clean for verdict in verdicts[LOYALTY_RULES] if verdict.clean is not None)
    sales = [verdict.clean for verdict in verdicts[HEADERS] if verdict.clean is not None]
    latest = max((sale["transaction_date"].date() for sale in sales), default=settings.data_cutoff_date)
    as_of_date = settings.as_of_date or latest
    bought_in = {
        verdict.clean["transaction_id"]
        for verdict in verdicts[LINES]
        if verdict.clean is not None and (verdict.clean["line_item_amount"] or ZERO) > 0
    }
    lines_of: dict[str, list[Clean]] = defaultdict(list)
    for verdict in verdicts[LINES]:
        if verdict.clean is not None:
            lines_of[verdict.clean["transaction_id"]].append(verdict.clean)
    delivered: dict[str, list[Clean]] = defaultdict(list)  # whatever the as-of date
    sales_of: dict[str, list[Clean]] = defaultdict(list)
    purchases_of: dict[str, list[Clean]] = defaultdict(list)
    for sale in sales:
        customer_id = sale["customer_id"]
        if customer_id is None:
            continue  # a guest
        delivered[customer_id].append(sale)
        if settings.as_of_date is not None and sale["transaction_date"].date() > settings.as_of_date:
            continue
        sales_of[customer_id].append(sale)
        if sale["total_amount"] > 0 or sale["transaction_id"] in bought_in:
            purchases_of[customer_id].append(sale)

    by_id = {customer["customer_id"]: customer for customer in customers}
    judge_balances(drafts[REDEMPTIONS], by_id, delivered, lines_of, rules, settings)
    verdicts[REDEMPTIONS] = verdicts_of(REDEMPTIONS, drafts[REDEMPTIONS])
    redemptions_of: dict[str, list[Clean]] = defaultdict(list)
    for verdict in verdicts[REDEMPTIONS]:
        row = verdict.clean
        if row and (settings.as_of_date is None or row["redeemed_at"].date() <= settings.as_of_date):
            redemptions_of[row["customer_id"]].append(row)
    ledger = list(ledger_of(customers, sales_of, lines_of, redemptions_of, rules, settings))
    balances: dict[str, int] = defaultdict(int)
    for entry in ledger:
        balances[entry.customer_id] += entry.points

    buyers = rfm_of(sales_of, purchases_of, as_of_date)
    spenders = high_spenders({customer: row.monetary for customer, row in buyers.items()}, settings.high_spender_share)
    flags: dict[str, Flags] = {}
    mart: list[Clean] = []
    for customer in customers:
        customer_id = customer["customer_id"]
        purchases = [sale["transaction_date"].date() for sale in purchases_of[customer_id]]
        known = customer["last_purchase_date"]
        if known is not None and (settings.as_of_date is None or known <= settings.as_of_date):
            purchases.append(known)
        last_purchase = max(purchases, default=None)
        at_risk = is_at_risk(last_purchase, balances[customer_id], as_of_date, settings.at_risk_days)
        spender = customer_id in spenders
        segment_id = segment_of(at_risk=at_risk, high_spender=spender, has_purchase=last_purchase is not None)
        flags[customer_id] = Flags(spender, at_risk, segment_id)
        mart.append(
            {
                **customer,
                "total_loyalty_points": balances[customer_id],
                "last_purchase_date": last_purchase,
                "segment_id": segment_id,
            }
        )

    return Result(
        verdicts=verdicts,
        as_of_date=as_of_date,
        ledger=ledger,
        balances=dict(balances),
        rfm={customer["customer_id"]: buyers.get(customer["customer_id"], Rfm()) for customer in customers},
        score_bounds=score_bounds_of(buyers.values()),
        flags=flags,
        customer_details=mart,
        conservation={table: conservation_of(table, verdicts[table]) for table in COLUMNS},
        settings=settings,
    )


# Reading files ------------------------------------------------------------------------------------------------------


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the CSV reader take cells of any length."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_file(path: Path, *, null_literal: str = "text", blank_lines: str = "skip") -> list[dict[str, str | None]]:
    """Read one CSV file; see ``read_directory``."""
    as_seed = null_literal == "null"
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    stream = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=None if as_seed else "")
    rows: list[dict[str, str | None]] = []
    with _long_fields():
        reader = csv.reader(stream)
        header = next(reader)
        for cells in reader:
            if not cells and blank_lines == "skip":
                continue
            if len(cells) > len(header):
                raise ValueError(f"{path.name}, line {reader.line_num}: more cells than the header has columns")
            row: dict[str, str | None] = dict.fromkeys(header)
            for column, cell in zip(header, cells, strict=False):
                row[column] = None if as_seed and cell.strip().lower() in ("", "null") else cell
            rows.append(row)
    return rows


def read_directory(
    path: Path | str, prefix: str = "", null_literal: str = "text", blank_lines: str = "skip"
) -> dict[str, list[dict[str, str | None]]]:
    """Read the files ``<prefix><table>.csv`` or ``.csv.gz`` of a folder; an optional one may be absent.

    Args:
        path: the folder.
        prefix: what stands before the table's name in the names of the files.
        null_literal: "text" keeps the word null (the landing path); "null" makes it, and every blank cell, a null
            (the seed path).
        blank_lines: "skip" (the landing path), or "row" for a row of nulls (the seed path).
    """
    if null_literal not in ("text", "null"):
        raise ValueError("null_literal must be text or null")
    if blank_lines not in ("skip", "row"):
        raise ValueError("blank_lines must be skip or row")
    tables = {}
    for table in COLUMNS:
        plain = Path(path) / f"{prefix}{table}.csv"
        file = plain if plain.exists() else plain.with_name(f"{plain.name}.gz")
        if table in OPTIONAL and not file.exists():
            tables[table] = []
            continue
        tables[table] = read_file(file, null_literal=null_literal, blank_lines=blank_lines)
    return tables
