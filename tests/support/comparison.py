"""What stands in a built database and what the oracle says must stand there, in the same shape, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from support.oracle import COLUMNS, EXACT, Result

Query = Callable[..., list[tuple]]
Facts = dict[str, list[tuple]]


def facts_of_database(query: Query, database: dict[str, str]) -> Facts:
    """Read everything that the design computes from the tables of a build."""

    def rows(statement: str) -> list[tuple]:
        return query(database, statement)

    facts: Facts = {}
    for table, columns in COLUMNS.items():
        facts[f"verdicts of {table}"] = rows(
            f"""
            select source_row_number, record_key, failed_rules, case when is_valid then warned_rules else '' end,
                caused_by, amount_at_stake
            from retail_staging.checked_{table}
            order by 1
            """
        )
        facts[f"rejects of {table}"] = rows(
            f"""
            select source_row_number, failed_rules, caused_by, amount_at_stake,
                array[{", ".join(f"raw_record ->> '{column}'" for column in columns)}]
            from retail_staging.rejected_records
            where source_table = '{table}'
            order by 1
            """
        )
        if table != "customer_details":  # the mart's is computed, and stands below
            facts[f"clean {table}"] = rows(f"select {', '.join(columns)} from retail.{table}")
    facts["customer_details"] = rows(f"select {', '.join(COLUMNS['customer_details'])} from retail.customer_details")
    facts["as_of"] = rows("select as_of_date from retail.as_of")
    facts["ledger"] = rows(
        """
        select
            customer_id, entry_number, entry_type, coalesce(transaction_id, redemption_id), entry_at, rule_ids, points,
            running_balance
        from retail.loyalty_ledger
        """
    )
    facts["scores"] = rows(
        "select customer_id, recency_days, frequency, monetary, r_score, f_score, m_score from retail.customer_segments"
    )
    facts["flags"] = rows("select customer_id, is_high_spender, is_at_risk, segment_id from retail.customer_segments")
    facts["score bounds"] = rows(
        "select dimension, score, customers, lowest_value, highest_value from retail.rfm_score_bounds"
    )
    facts["conservation"] = rows(
        """
        select source_table, rows_in, rows_clean, rows_rejected,
            amount_in, amount_clean, amount_rejected, amount_clean_rounded
        from retail_staging.dq_conservation
        """
    )
    facts["rule counts"] = rows("select source_table, rule_id, rows_failed from retail_staging.dq_summary")
    return _in_order(facts)


def facts_of_oracle(result: Result, raw: dict[str, list[dict[str, str | None]]]) -> Facts:
    """Bring a result of the oracle into the shape of ``facts_of_database``."""
    facts: Facts = {}
    for table, columns in COLUMNS.items():
        verdicts = result.verdicts[table]
        facts[f"verdicts of {table}"] = [
            (
                verdict.row_number,
                verdict.record_key or "",
                ";".join(verdict.failed_rules),
                "" if verdict.rejected else ";".join(verdict.warnings),  # counted on clean rows only
                ";".join(verdict.caused_by),
                verdict.amount_at_stake,
            )
            for verdict in verdicts
        ]
        facts[f"rejects of {table}"] = [
            (
                verdict.row_number,
                ";".join(verdict.failed_rules),
                ";".join(verdict.caused_by) or None,
                verdict.amount_at_stake,
                [raw[table][verdict.row_number - 1].get(column) or None for column in columns],
            )
            for verdict in verdicts
            if verdict.rejected
        ]
        if table != "customer_details":
            facts[f"clean {table}"] = [_values(row, columns) for row in result.clean_rows(table)]
    facts["customer_details"] = [_values(row, COLUMNS["customer_details"]) for row in result.customer_details]
    facts["as_of"] = [(result.as_of_date,)]
    facts["ledger"] = [tuple(vars(entry).values()) for entry in result.ledger]
    facts["scores"] = [(customer, *vars(rfm).values()) for customer, rfm in result.rfm.items()]
    facts["flags"] = [(customer, *vars(flags).values()) for customer, flags in result.flags.items()]
    facts["score bounds"] = [
        (dimension, score, *vars(bounds).values())
        for dimension, scores in result.score_bounds.items()
        for score, bounds in scores.items()
    ]
    facts["conservation"] = [
        (table, *list(vars(figures).values())[:-1]) for table, figures in result.conservation.items()
    ]
    facts["rule counts"] = [
        (table, rule, count) for table in COLUMNS for rule, count in result.rule_counts(table).items()
    ]
    return _in_order(facts)


def differences(found: Facts, expected: Facts, shown: int = 5) -> dict[str, Any]:
    """Return, for each fact that differs, the first rows that only one side has; empty where both agree."""
    result = {}
    for name in expected:
        ours, theirs = [repr(_plain(row)) for row in found[name]], [repr(_plain(row)) for row in expected[name]]
        if sorted(ours) != sorted(theirs):
            result[name] = {
                "only in the database": sorted(set(ours) - set(theirs))[:shown],
                "only in the oracle": sorted(set(theirs) - set(ours))[:shown],
                "rows": (len(ours), len(theirs)),
            }
    return result


# How a build went, not what it left: its plan, and the tables that hold what it has to judge.
ON_THE_WAY = ("build_", "affected_", "int_")


def what_is_left(query: Query, database: dict[str, str], *schemas: str) -> Facts:
    """The same as ``contents`` without what a build only needs on its way."""
    found = contents(query, database, *schemas)
    return {name: rows for name, rows in found.items() if not name.split(".")[1].startswith(ON_THE_WAY)}


def contents(query: Query, database: dict[str, str], *schemas: str) -> Facts:
    """Every table and view of the schemas with all its rows, as text and in an order of their own.

    Who builds is left out: it is of no table of the project.
    """
    relations = query(
        database,
        """
        select format('%%I.%%I', table_schema, table_name) from information_schema.tables
        where table_schema = any (%s) and table_name <> 'build_lock' order by 1
        """,
        [list(schemas)],
    )
    return {
        name: query(database, f'select found::text from {name} as found order by found::text collate "C"')
        for (name,) in relations
    }


def labels_in_order(facts: Facts) -> Facts:
    """Sort the labels of each row: a rule of another severity than usual stands in another list."""
    return {name: [tuple(map(_sorted_labels, row)) for row in found] for name, found in facts.items()}


def _in_order(facts: Facts) -> Facts:
    """The design leaves open in which order causes stand; nothing else holds both a colon and a semicolon."""
    return {
        name: sorted(
            (
                tuple(_sorted_labels(cell) if isinstance(cell, str) and ":" in cell else cell for cell in row)
                for row in found
            ),
            key=repr,
        )
        for name, found in facts.items()
    }


def _sorted_labels(cell: Any) -> Any:
    return ";".join(sorted(cell.split(";"))) if isinstance(cell, str) and ";" in cell else cell


def _values(row: dict[str, Any], columns: tuple[str, ...]) -> tuple:
    return tuple(row[column] for column in columns)


def _plain(row: tuple) -> tuple:
    """The row with its numbers by value: 10.0 is 10.00, and minus zero is zero; everything else as text."""
    return tuple(_number(value) if isinstance(value, Decimal) else _text(value) for value in row)


def _number(value: Decimal) -> str:
    return f"{EXACT.normalize(value):f}" if value else "0"


def _text(value: Any) -> Any:
    return value if isinstance(value, (str, list, bool)) or value is None else str(value)
