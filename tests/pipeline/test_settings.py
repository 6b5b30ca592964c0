"""Every var and environment variable with values that it can't have: one line says which, and what is allowed."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest
import yaml

from retail.engines.environment import variable
from retail.errors import RetailError
from support.shop import clean_shop, write_shop

# of each kind, of wrong types, out of ranges, null, and SQL in a text
VALUES = [
    *(None, True, False, [], [1], "", " ", "null", "sixty", "10%", "60", "0.5", "true", "off"),
    *("60 or true", "60; drop table retail.stores", "x' or '1' = '1", "best\n", "1\nor true", "{{ 1 }}", "é"),
    *(-1, 0, 1, 2, 60, 36_500, 36_501, 10**9, 10**12, -0.1, 0.01, 0.5, 1.0, 1.5, 2.5, 1e300, math.inf, math.nan),
    *("landing", "LANDING", "seeds", "best", "stack", "worst"),
    *(
        "2025-01-03",
        "2025-02-29",
        "2024-02-29",
        "2025-13-01",
        "2025-1-3",
        "2025-01-03 10:00",
        "today",
        date(2025, 1, 3),
    ),
    *({}, {"default": 0.5}, {"default": 0.5, "stores": 0.2}, {"stores": 0.2}, {"default": 2}, {"default": True}),
    *(
        {"default": 0.5, "shops": 0.2},
        {"default": 0.5, "stores": "0.2"},
        {"default": None},
        {"default": 0.5, "stores": None},
    ),
    *({"2025-01-01": 0.95, "2026-01-01": 1}, {date(2025, 1, 3): 0.5}, {"2025-02-29": 0.5}, {"2025-01-01": "0.5"}),
    *({"2025-01-01": True}, {"2025-01-01": 0.5, "default": 0.5}, {"2025-01-01": 1.1}, {"2025-01-01": None}),
    *({"a": "warn", "b": "off", "c": False}, {"a": "loud"}, {"a": None}, {"a": True}, {"a": ["warn"]}, {1: 2}),
    *({"a": 0}, {"a": "off", "b": 0.0}, {"a": 1}),
]
DAYS = ["2025-01-03", "2024-02-29", date(2025, 1, 3)]
SHARES = [0, 1, 0.01, 0.5, 1.0, {"default": 0.5}, {"default": 0.5, "stores": 0.2}]
SHARES_BY_DAY = [None, 0, 1, 0.01, 0.5, 1.0, {"2025-01-01": 0.95, "2026-01-01": 1}, {date(2025, 1, 3): 0.5}]
SEVERITIES = [{}, {"a": "warn", "b": "off", "c": False}]


def is_one_of(value, allowed):
    return any(value == other and type(value) is type(other) for other in allowed)


ALLOWED = {
    "choice": lambda value, spec: is_one_of(value, spec["choices"]),
    "integer": lambda value, spec: (
        (value is None and "otherwise" in spec) or (type(value) is int and spec["low"] <= value <= spec["high"])
    ),
    "number": lambda value, spec: (
        (value is None and "otherwise" in spec)
        or (type(value) in (int, float) and spec["low"] <= value <= spec["high"])
    ),
    "boolean": lambda value, _: type(value) is bool,
    "day": lambda value, _: value is None or is_one_of(value, DAYS),
    "share": lambda value, _: is_one_of(value, SHARES),
    "share_by_day": lambda value, _: is_one_of(value, SHARES_BY_DAY),
    "severities": lambda value, _: is_one_of(value, SEVERITIES),
}
WRONG = {
    "PGHOST": [""],
    "PGPORT": ["", "0", "65536", "five", "5432; select 1", "-1", "54 32", "\u0665"],
    "PGUSER": [""],
    "PGDATABASE": [""],
    "RETAIL_SCHEMA": ["", "my-Schema", "s" * 56, "a\"b;c'd", "1st", "retail\n", "é", "pg_x", "information_schema"],
    "RETAIL_DUCKDB": ["", ":memory:", "/tmp/retail.duckdb", "Retail.db", "md:retail"],
    "SPARK_PORT": ["", "0", "thrift"],
    "SPARK_SHUFFLE_PARTITIONS": ["", "0", "many"],
}
RIGHT = {
    "PGPORT": ["5432", "1", "65535"],
    "RETAIL_SCHEMA": ["retail", "dev-x", "_a1", "s" * 55],
    "RETAIL_DUCKDB": ["/tmp/warehouse.duckdb", "retail_1.duckdb"],
    "SPARK_SHUFFLE_PARTITIONS": ["1", "200"],
}
VARS = {
    **{"at_risk_days": 60, "at_risk_day": 60, "rule_severty": {"a": "warn"}, "customer_id": "C1"},
    "retail": {"as_of_date": None, "as_of_day": None},
    **{"dbt_date:time_zone": "UTC", "dbt_utils": {"surrogate_key_treat_nulls_as_empty_strings": True}},
}
TRY = """
{%- set given -%}{%- raw -%}GIVEN{%- endraw -%}{%- endset -%}
{%- set given, errors, told = fromyaml(given), {}, {} -%}
{%- for name in settings() -%}
    {%- set found = [] -%}
    {%- for value in given['values'] -%}{%- do found.append(setting_error(name, value)) -%}{%- endfor -%}
    {%- do errors.update({name: found}) -%}
{%- endfor -%}
{%- for name, value in given.variables -%}
    {%- do told.update({name ~ '=' ~ value: environment_error(name, value)}) -%}
{%- endfor -%}
{{ tojson({'settings': settings(), 'errors': errors, 'told': told, 'unknown': unknown_vars(given.vars)}) }}
"""


@pytest.fixture(scope="module")
def tried(server, run_program):
    """What the macros of the project say of all these values, in one process."""
    variables = [[name, value] for cases in (WRONG, RIGHT) for name, values in cases.items() for value in values]
    given = yaml.safe_dump(
        {"values": VALUES, "variables": variables, "vars": VARS}, default_flow_style=True, allow_unicode=True
    )
    result = run_program(server, "dbt", "--quiet", "compile", "--inline", TRY.replace("GIVEN", given))
    return json.loads(result.stdout)


def test_every_var_says_what_is_wrong_with_a_value(tried):
    assert len(tried["errors"]) >= 14
    for name, errors in tried["errors"].items():
        spec = tried["settings"][name]
        for value, error in zip(VALUES, errors, strict=True):
            is_allowed = ALLOWED[spec["kind"]](value, spec)
            assert (error is None) == is_allowed, (name, value, error)
            if error:
                shown = "null" if value is None else " ".join(str(value).split())
                assert error.startswith(f"var {name} is '{shown[:90]}") and ": use " in error
                assert "\n" not in error


def test_a_var_that_nothing_reads_is_found(tried):
    assert sorted(tried["unknown"]) == ["as_of_day", "at_risk_day", "rule_severty"]


def test_dbt_and_retail_say_the_same_of_a_variable(tried, monkeypatch):
    for name, values in WRONG.items():
        for value in values:
            monkeypatch.setenv(name, value)
            with pytest.raises(RetailError) as error:
                variable(name, "")
            assert tried["told"][f"{name}={value}"] == error.value.message
            monkeypatch.delenv(name)
    for name, values in RIGHT.items():
        for value in values:
            monkeypatch.setenv(name, value)
            assert variable(name, "") == value
            assert tried["told"][f"{name}={value}"] is None
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"at_risk_days": "60; drop table retail.stores"},
            "var at_risk_days is '60; drop table retail.stores': use a whole number from 0 to 36500",
        ),
        *(
            pytest.param(*case, marks=pytest.mark.extended)
            for case in (
                ({"build_lock_timeout": None}, "var build_lock_timeout is 'null': use a whole number from 0 to 36000"),
                ({"at_risk_day": 60}, "there is no var at_risk_day: the vars are raw_layer, "),
            )
        ),
    ],
    ids=str,
)
def test_a_wrong_var_stops_a_build_before_anything_is_written(fresh_database, run_program, query, variables, words):
    result = run_program(fresh_database, "dbt", "build", "--vars", json.dumps(variables), check=False)
    assert result.returncode != 0
    assert any(words in line for line in result.stdout.splitlines()), result.stdout
    assert query(fresh_database, "select nspname from pg_namespace where nspname like 'retail%'") == []


@pytest.mark.extended
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"RETAIL_SCHEMA": "my-Schema"}, "RETAIL_SCHEMA is 'my-Schema': use at most 55 lower-case letters"),
        ({"PGPORT": "five"}, "PGPORT is 'five': use a port number from 1 to 65535"),
        ({"PGUSER": ""}, "PGUSER is '': use a name, or unset it"),
        (
            {"RETAIL_TARGET": "duckdb", "RETAIL_DUCKDB": "retail.duckdb"},
            "RETAIL_DUCKDB is 'retail.duckdb': use a file whose name",
        ),
        ({"RETAIL_TARGET": "mysql"}, "mysql"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_variable_stops_both_before_anything_is_written(
    fresh_database, run_program, query, tmp_path, variables, words
):
    for program in (["dbt", "build"], ["retail", "load", str(write_shop(clean_shop(), tmp_path))]):
        result = run_program(fresh_database | variables, *program, check=False)
        assert result.returncode != 0
        assert any(words in line for line in (result.stdout + result.stderr).splitlines()), result.stdout
    assert query(fresh_database, "select nspname from pg_namespace where nspname !~ '^(pg_|information|public)'") == []
