"""Habits of the SQL that a reader of one file can rely on, looked up in the files themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR

ENGINES = ("default", "postgres", "duckdb", "spark")
# what one engine says and another doesn't
DIALECT = {
    "distinct on": r"\bdistinct\s+on\s*\(",
    "lateral": r"\blateral\b",
    "cast by ::": r"::",
    "a JSON arrow": r"->>?",
    "infinity": r"'-?infinity'",
    "regclass": r"\bregclass\b",
    "an empty select list": r"\bselect\s+from\b",
    "unnest": r"\b(unnest|explode)\s*\(",
    "on conflict": r"\bon\s+conflict\b",
    "ilike": r"\bilike\b",
    "qualify": r"\bqualify\b",
    "hash functions": r"\b(hashtext\w*|xxhash64|md5)\s*\(",
    "JSON functions": r"\b(jsonb_\w+|to_json|from_json|get_json_object)\s*\(",
    "string_agg": r"\b(string_agg|listagg|group_concat)\s*\(",
    "regular expression functions": r"\b(regexp_\w+|rlike|similar\s+to)\b",
    "date functions": r"\b(date_diff|datediff|date_part|date_trunc|to_char)\s*\(",
    "safe casts": r"\b(try_cast|pg_input_is_valid)\s*\(",
    "at time zone": r"\bat\s+time\s+zone\b",
}


def _without_comments(sql: str) -> str:
    return re.sub(r"\{#.*?#\}|--[^\n]*", "", sql, flags=re.DOTALL)


def _is_an_engines_own(path: Path) -> bool:
    place = path.relative_to(PROJECT_DIR).as_posix()
    return place.startswith("macros/adapters/") or bool(re.match(r"macros/incremental/amended_table_\w+\.sql", place))


def _files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (PROJECT_DIR / folder).rglob("*.sql"))


def _dialect_in(sql: str) -> list[str]:
    code = _without_comments(sql)
    # Jinja joins texts by ~, which is another thing in SQL
    outside_jinja = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", code, flags=re.DOTALL)
    found = [name for name, pattern in DIALECT.items() if re.search(pattern, code, flags=re.IGNORECASE)]
    return found + ["a regular expression operator"] * bool(re.search(r"~", outside_jinja))


@pytest.mark.parametrize(
    "path",
    [path for path in _files("models", "macros", "tests/data", "analyses") if not _is_an_engines_own(path)],
    ids=lambda path: path.stem,
)
def test_dialect_stands_in_the_adapters(path):
    assert _dialect_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select distinct on (a) a from b", ["distinct on"]),
        ("select a::text from b -- c::d", ["cast by ::"]),
        ("select 1 -- a::text", []),
        ("select * from a left join lateral (select 1) as b on true", ["lateral"]),
        ("where exists (select from a)", ["an empty select list"]),
        ("{{ return(a ~ 'b') }}", []),
        ("where a ~ '^x'", ["a regular expression operator"]),
        ("select cells ->> 'a' from b", ["a JSON arrow"]),
    ],
)
def test_dialect_is_recognised(sql, found):
    assert _dialect_in(sql) == found


@pytest.mark.parametrize("path", _files("macros"), ids=lambda path: path.stem)
def test_each_macro_says_what_it_does(path):
    """A comment stands above each macro; what dispatch finds is described where it is called."""
    sql = path.read_text(encoding="utf-8")
    silent = [
        found[1]
        for found in re.finditer(r"\{%-? macro (\w+)\(", sql)
        if not found[1].startswith(tuple(f"{engine}__" for engine in ENGINES))
        and not sql[: found.start()].rstrip().endswith("#}")
    ]
    assert silent == []


@pytest.mark.parametrize("path", _files("macros"), ids=lambda path: path.stem)
def test_no_macro_is_looked_up_by_a_computed_name(path):
    """Neither grep nor dbt's state:modified can follow that."""
    assert "context[" not in _without_comments(path.read_text(encoding="utf-8"))
