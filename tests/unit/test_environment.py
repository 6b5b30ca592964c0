"""The environment variables that profiles.yml reads, and those that the tests try with wrong values."""

from __future__ import annotations

import re

from retail.contract import PROJECT_DIR

ANYTHING_GOES = {"PGPASSWORD", "SPARK_HOST", "SPARK_USER", "RETAIL_SPARK"}


def test_each_variable_of_the_profiles_is_tried_with_wrong_values():
    read = set(re.findall(r"env_var\('(\w+)'", (PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8")))
    tests = (PROJECT_DIR / "tests" / "pipeline" / "test_settings.py").read_text(encoding="utf-8")
    assert len(read) >= 10
    assert [name for name in read - ANYTHING_GOES if f'"{name}": ' not in tests] == []
