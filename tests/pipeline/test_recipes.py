"""The recipe of CONTRIBUTING.md for a new rule, followed on a copy of the project.

The copy's own tests find what the recipe leaves out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR

pytestmark = pytest.mark.extended

MADE_HERE = (".git", ".venv", ".postgres", ".spark", "target", "logs", "warehouse.duckdb", "*cache*", "*.egg-info")
RULE = "product_name_placeholder"
# where, in the order of the recipe: the file, a pattern that occurs in it once, and what is added after that
ADDITIONS = [
    (
        "macros/rule_books/products.sql",
        r"rule_zero\('unit_price', .*\),\n",
        f"""        rule(
            '{RULE}',
            ['product_name'],
            "coalesce(lower(product_name) not in ('tbd', 'test'), true)",
            'product_name is a placeholder'
        ),
""",
    ),
    (
        "models/staging/checked/checked_products.yml",
        r"- \{<<: \*good, source_row_number: 36, .*\n",
        """          - {<<: *good, source_row_number: 37, product_id: P37, product_name: " Tbd"}
          - {<<: *good, source_row_number: 38, product_id: P38, product_name: Tbd mug}
""",
    ),
    (
        "models/staging/checked/checked_products.yml",
        r"- \{<<: \*valid, source_row_number: 36, .*\n",
        f"""        - {{<<: *rejected, source_row_number: 37, failed_rules: {RULE}}}
        - {{<<: *valid, source_row_number: 38}}
""",
    ),
    ("tests/support/oracle.py", r'"current_stock_level_negative",\n(?=    \),)', f'        "{RULE}",\n'),
    (
        "tests/support/oracle.py",
        r'draft\.say\("current_stock_level_negative"\)\n',
        f"""        if (draft.cells["product_name"] or "").lower() in ("tbd", "test"):
            draft.say("{RULE}")
""",
    ),
    ("tests/support/worlds.py", r"^TEXTS = \(\n", '    "TBD",\n'),
    (
        "retail/generate/masters.py",
        r'cell_fault\("current_stock_level", "negative", .*\),\n',
        '        cell_fault("product_name", "placeholder", ("TBD", "test")),\n',
    ),
    (
        "benchmarks/floor.sql",
        r"\('products', 15, .*\n",
        f"    ('products', 16, '{RULE}', 'error', 'product_name is a placeholder'),\n",
    ),
    (
        "benchmarks/floor.sql",
        r"then 'current_stock_level_negative' end",
        f",\n        case when lower(product_name) in ('tbd', 'test') then '{RULE}' end",
    ),
    (
        "benchmarks/pandas_pipeline.py",
        r'table\.failed\["current_stock_level_negative"\] = .*\n',
        f'    table.failed["{RULE}"] = table.cells.product_name.str.lower().isin(["tbd", "test"])\n',
    ),
    ("CHANGELOG.md", r"^## Unreleased\n", f"\n- New rule `{RULE}`.\n"),
]
# what `make docs` runs for the rule books and the settings
MAKE_DOCS = (
    "sh -c 'mkdir -p target && dbt --quiet run-operation print_settings > target/settings.json'",
    "dbt --quiet compile -s dq_*",
    "python -m tools.docs write target",
)
TESTS = [
    "tests/unit/test_oracle.py",
    "tests/unit/test_generate.py",
    "tests/pipeline/test_sample.py::test_the_rejects_are_those_of_the_manifest",
    "tests/pipeline/test_sample.py::test_everything_is_as_the_oracle_computes_it",
    "tests/pipeline/test_sample.py::test_every_rule_has_a_row_that_breaks_it_in_a_unit_test",
    "tests/pipeline/test_benchmarks.py::test_the_floor_rejects_the_same_rows_for_the_same_reasons",
    "tests/pipeline/test_benchmarks.py::test_the_floor_counts_every_rule_alike",
    "tests/pipeline/test_benchmarks.py::test_pandas_agrees",
    "tests/pipeline/test_docs.py::test_the_rule_books_of_the_site_are_those_of_the_build",
    "tests/pipeline/test_documents.py::test_the_rule_book_is_that_of_the_build",
    "tests/pipeline/test_documents.py::test_the_summary_in_the_readme_is_what_the_sample_gives",
]


@pytest.fixture
def project():
    """A copy of the project with a server of its own, and a way to run commands in it."""
    with tempfile.TemporaryDirectory(prefix="retail") as folder:  # short: the socket's path has a limit
        copy = Path(folder) / "project"
        shutil.copytree(PROJECT_DIR, copy, ignore=shutil.ignore_patterns(*MADE_HERE))
        run = _runner(copy)
        run("retail", "up")
        yield copy, run
        run("retail", "down")


def _runner(copy: Path) -> Callable[..., str]:
    """Run commands in the copy; Python imports the packages from there."""
    programs = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "RETAIL_", "DBT_"))}
    environment |= {"PYTHONPATH": str(copy), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def run(*command: str) -> str:
        command = ("python", "-m", *command) if command[0] == "retail" else command
        result = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, f"{shlex.join(command)}\n{result.stdout}{result.stderr}"
        return result.stdout

    return run


def test_a_rule_is_added(project):
    pytest.importorskip("pygraphviz")  # `make docs` draws
    copy, run = project
    text = (PROJECT_DIR / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text.partition("## Add a rule\n")[2].partition("\n## ")[0].replace("<table>", "products")
    named = re.findall(r"`([\w/]+\.\w+)`", recipe)
    places = [named.index(path) for path, _, _ in ADDITIONS]
    assert places == sorted(places), "another order than the recipe's"

    for path, pattern, addition in ADDITIONS:
        _add(copy / path, pattern, addition)
    commands = "".join(re.findall(r"```sh\n(.*?)```", recipe, re.DOTALL)).split("\n")
    assert any("make docs" in command for command in commands)
    for command in commands:
        for each in MAKE_DOCS if command.strip() == "make docs" else [command]:
            if each.strip():
                run(*shlex.split(each))
    readme = copy / "README.md"
    products = re.compile(r"^(products +)(\d+)( +\d+ +)(\d+)$", re.MULTILINE)
    readme.write_text(
        products.sub(lambda row: f"{row[1]}{int(row[2]) + 1}{row[3]}{int(row[4]) + 1}", readme.read_text("utf-8")),
        encoding="utf-8",
    )

    assert RULE in (copy / "seeds" / "raw" / "manifest.json").read_text(encoding="utf-8")
    assert f"| `{RULE}` | error |" in (copy / "docs" / "rule_book.md").read_text(encoding="utf-8")
    assert " passed" in run("python", "-m", "pytest", "-p", "no:cacheprovider", "-v", *TESTS)


def _add(file: Path, pattern: str, addition: str) -> None:
    text = file.read_text(encoding="utf-8")
    (match,) = re.finditer(pattern, text, re.MULTILINE)
    file.write_text(text[: match.end()] + addition + text[match.end() :], encoding="utf-8")
