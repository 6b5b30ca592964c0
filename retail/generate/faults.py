"""Faults, each aimed at one rule, and dirt that no rule may reject, for transactions.

A fault changes the rows of one ``Sale`` and records the rule that they must now fail; ``Sale.settle`` adds the
consequences for the other rows of the transaction. Faults of master data are in ``masters.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from retail.generate import values
from retail.generate.core import COLUMN, Dice, Row
from retail.generate.sales import HEADER, LINE, TOLERANCE, Plan, Sale

Fault = Callable[[Sale], None]

DIRT_SHARE = 0.02  # of all transactions
SECOND_FAULT = 0.08  # of the faulty transactions
FIT = 0.65  # how often the total follows a changed line, so that the fault stays alone
FULL_SET = 10  # with so many transactions per kind of fault, each kind occurs


def make_plan(seed: int, transactions: int, anomaly_rate: float) -> Plan:
    """Choose which transactions get which fault or dirt; the last one stays clean.

    The last transaction dates the end of the data (``as_of_date``), so it must be clean.
    """
    free = transactions - 1
    count = min(free, round(anomaly_rate * transactions))
    if anomaly_rate and transactions >= FULL_SET * len(FAULTS):
        count = max(count, len(FAULTS))
    plan: dict[int, Fault] = {}
    _deal(Dice(seed, "dirt"), free, round(DIRT_SHARE * free), DIRT, plan)
    _deal(Dice(seed, "faults"), free, count, [_with_second(fault) for fault in FAULTS], plan)
    return plan


def _deal(dice: Dice, population: int, count: int, kinds: list[Fault], plan: dict[int, Fault]) -> None:
    """Give each kind to an equal share of ``count`` transactions."""
    hand = dice.shuffled([kinds[i % len(kinds)] for i in range(count)])
    plan.update(zip(dice.sample(population, count), hand, strict=True))


def _with_second(fault: Fault) -> Fault:
    def both(sale: Sale) -> None:
        fault(sale)
        if sale.dice.chance(SECOND_FAULT) and not sale.compound:
            sale.dice.pick(CELL_FAULTS)(sale)

    return both


# ---------------------------------------------------------------------------------------------------------------------
# Faults of one cell


def _victim(sale: Sale, table: str, column: str) -> Row | None:
    rows = [row for row in sale.rows() if row.table == table and column not in row.touched]
    return sale.dice.pick(rows) if rows else None


def _cell(table: str, column: str, what: str, bad: Callable[[Sale, str], str]) -> Fault:
    """Return a fault that replaces one cell with the result of ``bad``."""

    def fault(sale: Sale) -> None:
        row = _victim(sale, table, column)
        if row is None:
            return
        row.spoil(column, what, bad(sale, row.get(column).strip()))
        if column in ("total_amount", "line_item_amount"):
            row.amount = None

    return fault


def _one_of(bad: tuple[str, ...]) -> Callable[[Sale, str], str]:
    return lambda sale, _: sale.dice.pick(bad)


def _blank(sale: Sale, _: str) -> str:
    return sale.dice.pick(values.BLANKS)


def _unknown_key(sale: Sale, old: str) -> str:
    """Return a key that no file has: keys are case-sensitive, and a no-break space counts."""
    old = old or "PR001"
    return sale.dice.pick((old.lower(), old + "\u00a0", "X" + old[1:], "UNKNOWN", "0", old[0] + "-404", f"{old}/2"))


def _rejected_parent(table: str) -> Callable[[Sale, str], str]:
    return lambda sale, _: sale.dice.pick(sale.world.rejected[table])


CELL_FAULTS: list[Fault] = [
    _cell(HEADER, "customer_id", "missing", _blank),
    _cell(HEADER, "customer_id", "unknown", _unknown_key),
    _cell(HEADER, "customer_id", "parent_rejected", _rejected_parent("customer_details")),
    _cell(HEADER, "store_id", "missing", _blank),
    _cell(HEADER, "store_id", "unknown", _unknown_key),
    _cell(HEADER, "store_id", "parent_rejected", _rejected_parent("stores")),
    _cell(HEADER, "transaction_date", "missing", _blank),
    _cell(HEADER, "transaction_date", "invalid", _one_of(values.BAD_TIMESTAMPS)),
    _cell(HEADER, "transaction_date", "in_future", _one_of(values.FUTURE_TIMESTAMPS)),
    _cell(HEADER, "total_amount", "missing", _blank),
    _cell(HEADER, "total_amount", "invalid", _one_of(values.BAD_MONEY)),
    _cell(LINE, "line_item_id", "missing", _blank),
    _cell(LINE, "line_item_id", "too_long", lambda _, old: old.ljust(101, "0")),
    _cell(LINE, "product_id", "missing", _blank),
    _cell(LINE, "product_id", "unknown", _unknown_key),
    _cell(LINE, "product_id", "parent_rejected", _rejected_parent("products")),
    _cell(LINE, "promotion_id", "unknown", _unknown_key),
    _cell(LINE, "promotion_id", "parent_rejected", _rejected_parent("promotion_details")),
    _cell(LINE, "quantity", "missing", _blank),
    _cell(LINE, "quantity", "invalid", _one_of(values.BAD_INTEGERS)),
    _cell(LINE, "quantity", "not_positive", _one_of(values.NOT_POSITIVE_QUANTITIES)),
    _cell(LINE, "line_item_amount", "missing", _blank),
    _cell(LINE, "line_item_amount", "invalid", _one_of(values.BAD_MONEY)),
]


# ---------------------------------------------------------------------------------------------------------------------
# Faults of amounts


def _maybe_fit(sale: Sale) -> None:
    if sale.dice.chance(FIT):
        sale.fit_total()


def _negative_line(sale: Sale) -> None:
    line = sale.dice.pick(sale.lines)
    if sale.dice.chance(0.4):  # a return, as tills print them: both the quantity and the amount are negative
        line.spoil("quantity", "not_positive", f"-{line.get('quantity')}")
    value = sale.dice.pick((f"-{line.get('line_item_amount')}", sale.dice.pick(values.NEGATIVE_NUMBERS)))
    line.spoil("line_item_amount", "negative", value)
    line.amount = Decimal(value)
    _maybe_fit(sale)


def _total_not_positive(sale: Sale) -> None:
    total = sale.sum() or Decimal(1)
    kind = sale.dice.pick(("free", "negative", "zero", "tiny"))
    if kind in ("free", "tiny"):  # only free lines: the total is right, but not valid
        for line in sale.lines:
            line.put("line_item_amount", "0.00")
            line.amount = Decimal(0)
    value = {"free": "0.00", "tiny": "0.004", "negative": f"-{total}", "zero": "0"}[kind]
    sale.header.spoil("total_amount", "not_positive", value)
    sale.header.amount = Decimal(value)


def _total_mismatch(sale: Sale) -> None:
    total = sale.sum() or Decimal(0)
    deltas = [Decimal(delta) for delta in ("0.02", "0.011", "1.00", "100", "0.10")] + [total]
    if total > Decimal("1.00"):
        deltas += [Decimal(delta) for delta in ("-0.02", "-0.011", "-0.50")]
    delta = sale.dice.pick(deltas)
    sale.set_total(total + delta)
    sale.header.fail("total_amount_mismatch", f"total_amount is off by {delta}")
    sale.compound = True  # an unreadable line would hide the mismatch


# ---------------------------------------------------------------------------------------------------------------------
# Faults of keys


def _header_without_id(sale: Sale) -> None:
    sale.header.spoil("transaction_id", "missing", sale.dice.pick(values.BLANKS))
    sale.header.linked = False


def _long_transaction_id(sale: Sale) -> None:
    key = f"{sale.transaction_id}-COPY".ljust(sale.dice.pick((31, 31, 36, 60)), "-")
    sale.header.spoil("transaction_id", "too_long", key)
    for line in sale.lines:
        line.put("transaction_id", key)
    sale.transaction_id = key


def _header_copy(sale: Sale) -> None:
    copy = sale.header.copied()
    copy.is_copy = True
    copy.late = sale.dice.chance(0.5)
    if sale.dice.chance(0.3):
        copy.pad(sale.dice.pick(("transaction_id", "customer_id", "total_amount")), sale.dice)
    copy.fail("transaction_id_duplicate", f"exact copy of {sale.transaction_id}")
    sale.headers.append(copy)
    sale.compound = True


def _header_conflict(sale: Sale) -> None:
    other = sale.header.copied()
    column = sale.dice.pick(("store_id", "transaction_date", "total_amount"))
    if column == "store_id":
        other.put(column, next(store for store in sale.world.stores if store != other.get(column)))
    elif column == "transaction_date":
        other.put(column, f"{sale.day} 08:{sale.dice.below(60):02d}:00")  # before the shops open
    else:
        other.amount = Decimal(other.get(column)) + sale.dice.pick((1, 10, 99))
        other.put(column, str(other.amount))
    other.late = sale.dice.chance(0.5)
    sale.headers.append(other)
    if sale.dice.chance(0.25):  # exact copies are part of the conflict too
        sale.headers.append(other.copied())
    for header in sale.headers:
        header.fail("transaction_id_conflict", f"{sale.transaction_id} with different {column}")
    sale.compound = True


def _no_lines(sale: Sale) -> None:
    count = len(sale.lines)
    sale.lines.clear()
    sale.header.fail("no_line_items", f"its {count} lines were left out")


def _line_copy(sale: Sale) -> None:
    at = sale.dice.below(len(sale.lines))
    copy = sale.lines[at].copied()
    copy.is_copy = True
    copy.late = sale.dice.chance(0.4)
    if sale.dice.chance(0.3):
        copy.pad(sale.dice.pick(("line_item_id", "product_id", "quantity")), sale.dice)
    copy.fail("line_item_id_duplicate", f"exact copy of line {copy.get('line_item_id').strip()}")
    sale.lines.insert(sale.dice.between(at + 1, len(sale.lines)), copy)
    sale.compound = True


def _line_conflict(sale: Sale) -> None:
    line = sale.dice.pick(sale.lines)
    other = line.copied()
    amount = Decimal(line.get("line_item_amount"))
    if sale.dice.chance(0.5):
        other.put("quantity", str(int(line.get("quantity")) + 1))
    other.amount = amount + 1
    other.put("line_item_amount", str(other.amount))
    conflict = [line, other]
    if sale.dice.chance(0.2):
        # Whether an exact copy within a conflict counts in the sum makes no difference here: the total is wrong anyway.
        conflict.append(other.copied())
    sale.lines += conflict[1:]
    if len(conflict) == 2:
        _maybe_fit(sale)
    for row in conflict:
        row.fail("line_item_id_conflict", f"line {line.get('line_item_id')} with different contents")
    sale.compound = True


def _unlink(sale: Sale) -> Row:
    """Cut a line off its header, which keeps another one."""
    if len(sale.lines) < 2:
        sale.add_line(sale.dice.pick(sale.world.articles))
        sale.fit_total()
    line = sale.dice.pick(sale.lines)
    line.linked = False
    _maybe_fit(sale)
    return line


def _line_without_transaction(sale: Sale) -> None:
    _unlink(sale).spoil("transaction_id", "missing", sale.dice.pick(values.BLANKS))


def _line_of_unknown_transaction(sale: Sale) -> None:
    key = sale.transaction_id
    other = sale.dice.pick((key.lower(), key + "\u00a0", f"T19990101{key[9:]}", key.replace("-", "")))
    _unlink(sale).spoil("transaction_id", "unknown", other)


FAULTS: list[Fault] = [
    *CELL_FAULTS,
    _negative_line,
    _total_not_positive,
    _total_mismatch,
    _header_without_id,
    _long_transaction_id,
    _header_copy,
    _header_conflict,
    _no_lines,
    _line_copy,
    _line_conflict,
    _line_without_transaction,
    _line_of_unknown_transaction,
]


# ---------------------------------------------------------------------------------------------------------------------
# Dirt: looks odd, but is clean


def _space_around(sale: Sale) -> None:
    row = sale.dice.pick(list(sale.rows()))
    for column in sale.dice.pick((("transaction_id",), ("transaction_id", "store_id", "product_id"))):
        if column in COLUMN[row.table]:
            row.pad(column, sale.dice)


def _zero_fraction(sale: Sale) -> None:
    line = sale.dice.pick(sale.lines)
    line.put("quantity", sale.dice.pick(("{}.0", "{}.000", "+{}", "0{}")).format(line.get("quantity")))


def _free_item(sale: Sale) -> None:
    sale.add_line(sale.world.gift)


def _other_timestamp(sale: Sale) -> None:
    old = sale.header.get("transaction_date")
    micro = f"{sale.dice.below(1_000_000):06d}"
    forms = (old.replace(" ", "T"), old[:10], old[:16], old[:16].replace(" ", "T"), f"{old}.5", f"{old}.{micro}")
    sale.header.put("transaction_date", sale.dice.pick(forms))


def _short_amount(sale: Sale) -> None:
    line = sale.dice.pick(sale.lines)
    line.put("line_item_amount", line.get("line_item_amount").rstrip("0").rstrip("."))


def _cent_off(sale: Sale) -> None:
    sale.set_total((sale.sum() or Decimal(0)) + TOLERANCE)


def _third_decimal(sale: Sale) -> None:
    """Give one line too many decimals; the total fits before and after rounding."""
    line = sale.dice.pick(sale.lines)
    value = line.get("line_item_amount") + sale.dice.pick(("4", "5", "0", "49"))
    line.put("line_item_amount", value)
    line.amount = Decimal(value)


def _expired_promotion(sale: Sale) -> None:
    line = sale.dice.pick(sale.lines)
    expired = [p for p in sale.world.promotions if not p.start <= sale.day <= p.end]
    if expired:
        line.put("promotion_id", sale.dice.pick(expired).promotion_id)


def _longest_transaction_id(sale: Sale) -> None:
    key = f"{sale.transaction_id}-REPRINT".ljust(30, "0")
    for row in sale.rows():
        row.put("transaction_id", key)
    sale.transaction_id = key


DIRT: list[Fault] = [
    _space_around,
    _zero_fraction,
    _free_item,
    _other_timestamp,
    _short_amount,
    _cent_off,
    _third_decimal,
    _expired_promotion,
    _longest_transaction_id,
]
