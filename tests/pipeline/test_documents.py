"""What the documents show is what the project does."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from retail.contract import PROJECT_DIR, required_tables
from support.documents import as_psql_shows, shown_rows
from support.shop import read_export, write_export

pytestmark = pytest.mark.extended

SEEDS = PROJECT_DIR / "seeds" / "raw"
# what the fixture of the sample runs
MADE_THE_SAMPLE = ("dbt seed", "dbt build")
README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
GUIDE = (PROJECT_DIR / "docs" / "stewards_guide.md").read_text(encoding="utf-8")
MARKETERS_GUIDE = (PROJECT_DIR / "docs" / "marketers_guide.md").read_text(encoding="utf-8")
SETTINGS = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
PROMPTS = (PROJECT_DIR / "docs" / "data_generation_prompts.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def without_unit_tests(arguments: list[str]) -> list[str]:
    """They don't look at the data, and `dbt build` of the sample has run them."""
    return ["--exclude-resource-type", "unit_test"] if arguments[0] in ("build", "test") else []


@pytest.mark.parametrize("statement", blocks(README, "sql"))
def test_every_query_runs_and_finds_something(sample, query, statement):
    query(sample, f"alter database {sample['PGDATABASE']} set search_path = retail, public")
    assert query(sample, statement)


def test_the_stewards_guide_can_be_walked_through(fresh_database, run_program, query, tmp_path):
    """Each command and query in its order, on the sample as one's own files; what the guide shows is what came out."""
    query(fresh_database, f"alter database {fresh_database['PGDATABASE']} set search_path = retail, public")
    run_program(fresh_database, "dbt", "seed", "--vars", "raw_layer: landing")
    run_program(fresh_database, "retail", "load", str(SEEDS))
    run_program(fresh_database, "dbt", "run", "--vars", "raw_layer: landing")
    rejects = tmp_path / "to_repair"
    compared = 0
    printed: list[str] = []
    rows: list[tuple] | None = None
    for language, text in re.findall(r"```(sh|sql|text)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "sql":
            rows = query(fresh_database, text)
            assert rows, text
        elif language == "sh":
            rows = None
            if "--replace-rejected" in text:
                _repair(rejects, "store_sales_header", {"transaction_id": "T20250623-0000307"}, "total_amount", "29.99")
                line = {"transaction_id": "T20250626-0001447", "line_item_id": "1"}
                _repair(rejects, "store_sales_line_items", line, "product_id", "P00090")
            for command in text.splitlines():
                program, *arguments = shlex.split(command)
                arguments = [str(rejects) if argument == "to_repair" else argument for argument in arguments]
                arguments += without_unit_tests(arguments)
                result = run_program(fresh_database, program, *arguments, check="max_rejected_share" not in command)
                printed += [
                    line.strip().replace(str(rejects), "to_repair").replace(fresh_database["PGDATABASE"], "postgres")
                    for line in result.stdout.splitlines()
                ]
        elif rows is None:
            compared += 1
            assert [line for line in text.splitlines() if line not in printed] == []
        else:
            compared += 1
            assert shown_rows(text) == [[as_psql_shows(cell) for cell in row] for row in rows]
    assert compared == 8


def test_the_marketers_guide_can_be_walked_through(fresh_database, run_program, query, tmp_path):
    """Its campaigns go from their rows to the lists to the results, on the sample; the guide shows what came out."""
    query(fresh_database, f"alter database {fresh_database['PGDATABASE']} set search_path = retail, public")
    run_program(fresh_database, "dbt", "seed")
    run_program(fresh_database, "dbt", "run", "--vars", "as_of_date: 2025-06-24")
    compared = 0
    printed: list[str] = []
    rows: list[tuple] | None = None
    for language, text in re.findall(r"```(sh|sql|text|csv)\n(.*?)```", MARKETERS_GUIDE, re.DOTALL):
        if language == "csv":
            header, *campaigns = csv.reader(text.splitlines())
            places = ", ".join(["nullif(%s, '')"] * 5 + ["%s"] * 3)
            for campaign in campaigns:
                query(
                    fresh_database,
                    f"insert into retail_raw.campaigns ({', '.join(header)}) values ({places})",
                    campaign,
                )
        elif language == "sql":
            rows = query(fresh_database, text)
        elif language == "sh":
            rows = None
            for command in text.splitlines():
                program, *arguments = shlex.split(command)
                if "campaigns" in arguments:  # the seed has them already
                    continue
                arguments = [{"build": "run", "lists": str(tmp_path / "lists")}.get(word, word) for word in arguments]
                arguments[0] = "lists" if program == "retail" else arguments[0]
                said = run_program(fresh_database, program, *arguments).stdout
                printed += [line.replace(str(tmp_path / "lists"), "lists") for line in said.splitlines()]
        elif rows is None:
            compared += 1
            assert [line for line in text.splitlines() if line not in printed] == []
        else:
            compared += 1
            assert shown_rows(text) == [[as_psql_shows(cell) for cell in row] for row in rows]
    assert compared == 7


def _repair(folder: Path, table: str, row: dict[str, str], column: str, value: str) -> None:
    """Do what a steward does in a spreadsheet: put one cell right."""
    records = read_export(folder, table)
    (found,) = [record for record in records if row.items() <= record.items()]
    found[column] = value
    write_export(folder, table, records)


def test_every_make_target_exists():
    named = set(
        re.findall(r"(?:`|\n)make (\w+)", "".join((README, GUIDE, (PROJECT_DIR / "CONTRIBUTING.md").read_text())))
    )
    listed = subprocess.run(["make", "-s", "help"], cwd=PROJECT_DIR, capture_output=True, text=True).stdout
    assert named and named <= set(re.findall(r"^  make (\w+)", listed, re.MULTILINE))


def test_the_readmes_dbt_and_retail_commands_run(sample_copy, run_program, tmp_path):
    """All but one that starts a web server, and two that have made the sample; the folders are temporary ones."""
    commands = [
        command
        for line in "".join(blocks(README, "sh")).splitlines()
        for command in line.split(" && ")
        if command.startswith(("dbt ", "retail ")) and command != "dbt docs serve"
    ]
    assert len(commands) >= 9 and set(MADE_THE_SAMPLE) < set(commands)
    shutil.copytree(PROJECT_DIR / "seeds" / "raw", tmp_path / "folder")
    stand_ins = {
        "path/to/folder": str(tmp_path / "folder"),
        "to_repair": str(tmp_path / "to_repair"),
        "seeds/raw": str(tmp_path / "seeds"),
        "sample": str(tmp_path / "sample"),
        "100000": "1000",
        "planted": str(tmp_path / "planted"),
        "300000": "3000",
    }
    for command in dict.fromkeys(commands):
        if command in MADE_THE_SAMPLE:
            continue
        program, *arguments = shlex.split(command)
        arguments = [stand_ins.get(argument, argument) for argument in arguments]
        run_program(sample_copy, program, *arguments, *without_unit_tests(arguments))


def test_the_summary_in_the_readme_is_what_the_sample_gives(sample, run_program):
    printed = run_program(sample, "retail", "summary").stdout
    (shown,) = blocks(README, "text")
    for line in shown.splitlines():
        assert line in printed.splitlines()


def test_the_worked_reject_is_in_the_sample(sample, query):
    rows = re.findall(r"^\| `(store_sales_\w+)` \| (\d+) \| `(.*?)` \| `(.*?)` \|$", README, re.MULTILINE)
    assert len(rows) == 3
    for table, number, failed, caused in rows:
        found = query(
            sample,
            """
            select failed_rules, caused_by from retail_staging.rejected_records
            where source_table = %s and source_row_number = %s
            """,
            [table, number],
        )
        assert found == [(failed, caused.replace("\\|", "|"))]


def test_the_worked_points_are_in_the_sample(sample, query):
    (transaction,) = re.findall(r"Transaction `(\S+)` is worth 130.88", README)
    found = query(sample, f"select rule_ids, points from retail.loyalty_ledger where transaction_id = '{transaction}'")
    assert found == [("3", 180)]
    earned = re.findall(r"^\| (\d) \|.*\| \**(\d+)\** \|$", README, re.MULTILINE)
    rules = query(
        sample,
        """
        select rule_id, (floor(130.88 * points_per_unit_spend) + bonus_points)::text from retail.loyalty_rules
        where min_spend_threshold <= 130.88 order by rule_id
        """,
    )
    assert earned == rules


def test_the_settings_are_the_vars_of_the_project():
    defaults = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    shown = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", SETTINGS, re.MULTILINE))
    assert set(shown) == {name for name in defaults if ":" not in name}
    for name, value in defaults.items():
        if name in shown and value is not None:
            assert str(value) == str(yaml.safe_load(shown[name]))


def test_the_rule_book_is_that_of_the_build(sample, run_program):
    book = (PROJECT_DIR / "docs" / "rule_book.md").read_text(encoding="utf-8")
    printed = run_program(sample, "retail", "rules").stdout
    assert book[book.index("## ") :].rstrip() == printed.rstrip()


def test_links_lead_somewhere():
    for document in (*PROJECT_DIR.glob("*.md"), *(PROJECT_DIR / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            base = PROJECT_DIR if document.name == "overview.md" else document.parent
            assert (base / link).exists(), f"{document.name}: {link}"


def test_paths_that_documents_name_exist():
    """Also those of a table's own files, such as stg_<table>.yml."""
    rooms = {path.name for path in PROJECT_DIR.iterdir() if path.is_dir() and not path.name.startswith(".")}
    rooms -= {"target", "logs", "dbt_packages"}
    missing = []
    for document in (*PROJECT_DIR.glob("*.md"), *(PROJECT_DIR / "docs").glob("*.md")):
        for path in re.findall(r"`((?:\w+/)+[\w./<>*-]*)`", document.read_text(encoding="utf-8")):
            pattern = re.sub(r"<\w+>", "*", path).rstrip("/")
            if path.partition("/")[0] in rooms and not any(PROJECT_DIR.glob(pattern)):
                missing.append(f"{document.name}: {path}")
    assert missing == []


def test_the_prompts_state_the_input_contract():
    stated = re.findall(r"^- (\w+)\.csv: (\S+)$", PROMPTS, re.MULTILINE)
    assert stated == [(table.name, ",".join(table.columns)) for table in required_tables()]


def test_the_answer_beside_the_prompts_becomes_what_is_shown(fresh_database, run_program, tmp_path):
    files = re.findall(r"^`(\w+\.csv)`\n\n```csv\n(.*?)```", PROMPTS, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == [f"{table.name}.csv" for table in required_tables()]
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    commands = "".join(blocks(PROMPTS, "sh")).replace("path/to/folder", str(tmp_path)).splitlines()
    printed = []
    for command in commands:
        program, *arguments = shlex.split(command)
        printed.append(run_program(fresh_database, program, *arguments, *without_unit_tests(arguments)).stdout)
    (shown,) = blocks(PROMPTS, "text")
    for line in shown.splitlines():
        assert line in printed[-1].splitlines()
