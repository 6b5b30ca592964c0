"""What a document shows of a query, beside what the query gives."""

from __future__ import annotations

import re


def shown_rows(text: str) -> list[list[str]]:
    """Return the cells below the headings of a table as psql prints it."""
    return [[cell.strip() for cell in re.split(r" \| | \|$", line)] for line in text.splitlines()[2:]]


def as_psql_shows(cell: object) -> str:
    if isinstance(cell, bool):
        return "t" if cell else "f"
    return "" if cell is None else str(cell)
