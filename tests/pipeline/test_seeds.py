"""`dbt seed` through the bulk loader: every cell as it stands in the file, every row with its number."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR

STORES = "store_id,store_name,store_city,store_region,opening_date"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project's seeds, which a test may change, and of what they need."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("seeds", "macros", "models/docs", "docs", "dbt_packages"):
        shutil.copytree(PROJECT_DIR / name, folder / name)
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml"):
        shutil.copy(PROJECT_DIR / name, folder)
    return folder


@pytest.fixture
def seed_stores(project, fresh_database, run_program, query):
    """Replace the seed raw_stores, load it, and return dbt's result and what stands in the table."""

    def seed(text: str, *options: str):
        (project / "seeds" / "raw" / "raw_stores.csv").write_text(text, encoding="utf-8")
        result = run_program(
            fresh_database,
            "dbt",
            "seed",
            "-s",
            "raw_stores",
            *options,
            "--target-path",
            "target",
            check=False,
            cwd=project,
        )
        if result.returncode:
            return result, None
        statement = "select source_row_number, store_id, store_name, opening_date from retail_raw.raw_stores order by 1"
        return result, query(fresh_database, statement)

    return seed


def test_cells_stay_as_they_are(seed_stores):
    _, rows = seed_stores(
        f"{STORES}\n"
        '004,"1,234.50",x,y,2025-02-30\n'
        ' S2 ,"say ""hi""\nthere",x,y,NaN\n'
        "$5,Zürich 🛍,x,y,today\n"
        "1_000,'; drop table x; --,x,y,%s\n"
    )
    assert rows == [
        (1, "004", "1,234.50", "2025-02-30"),
        (2, " S2 ", 'say "hi"\nthere', "NaN"),
        (3, "$5", "Zürich 🛍", "today"),
        (4, "1_000", "'; drop table x; --", "%s"),
    ]


def test_an_empty_line_keeps_its_number(seed_stores):
    _, rows = seed_stores(f"{STORES}\nS1,a,b,c,\n\nS3,a,b,c,\n")
    assert rows == [(1, "S1", "a", None), (2, None, None, None), (3, "S3", "a", None)]


def test_columns_may_stand_in_another_order_and_beside_others(seed_stores):
    _, rows = seed_stores(
        "extra,opening_date,store_id,store_region,store_name,store_city\nx,2020-01-01,S1,South,Main,Graz\n"
    )
    assert rows == [(1, "S1", "Main", "2020-01-01")]


def test_row_numbers_go_on_over_the_batches(seed_stores):
    count = 50_001  # one more than a batch
    _, rows = seed_stores(STORES + "\n" + "".join(f"S{number},a,b,c,\n" for number in range(1, count + 1)))
    assert [(number, key) for number, key, *_ in rows] == [(number, f"S{number}") for number in range(1, count + 1)]


def test_control_characters_are_content(seed_stores):
    _, rows = seed_stores(f"{STORES}\nS\x1f1,a\x1eb,x,y,0\x1f0\nS2,-\x1e-,x,y,null\n,-\x1f\x1e-,x,y,\n")
    assert rows == [(1, "S\x1f1", "a\x1eb", "0\x1f0"), (2, "S2", "-\x1e-", None), (3, None, "-\x1f\x1e-", None)]


def test_what_is_blank_in_one_batch_only(seed_stores):
    count = 50_002  # two more than a batch
    cells = {1: ("", "None"), count: ("null", "  ")}
    text = "".join(",".join(("S", *cells.get(number, ("a", "b")))) + ",y,\n" for number in range(1, count + 1))
    _, rows = seed_stores("store_id,store_name,opening_date,store_city,store_region\n" + text)
    assert (rows[0], rows[1], rows[-1]) == (
        (1, "S", None, "None"),
        (2, "S", "a", "b"),
        (count, "S", None, None),
    )


def test_a_seed_of_any_types(project, fresh_database, run_program, query):
    (project / "seeds" / "reference" / "holidays.csv").write_text(
        'day,name,open,share,length,code\n2025-12-25,Christmas,false,0.5,2,007\n,"a,b",,,,\n2026-01-01,,true,1.25,1,8\n',
        encoding="utf-8",
    )
    (project / "seeds" / "reference" / "_holidays.yml").write_text(
        "seeds: [{name: holidays, config: {column_types: {code: varchar(3), length: bigint}}}]", encoding="utf-8"
    )
    run_program(fresh_database, "dbt", "seed", "-s", "holidays", "--target-path", "target", cwd=project)
    statement = "select day::text, name, open, share::numeric, length, code from retail_raw.holidays order by code"
    assert query(fresh_database, statement) == [
        ("2025-12-25", "Christmas", False, Decimal("0.5"), 2, "007"),
        ("2026-01-01", None, True, Decimal("1.25"), 1, "8"),
        (None, "a,b", None, None, None, None),
    ]


def test_a_header_alone_is_an_empty_table(seed_stores):
    _, rows = seed_stores(STORES + "\n")
    assert rows == []


def test_a_second_seed_replaces_the_first(seed_stores):
    seed_stores(f"{STORES}\nS1,a,b,c,\nS2,a,b,c,\n")
    _, rows = seed_stores(f"{STORES}\nS3,a,b,c,\n")
    assert rows == [(1, "S3", "a", None)]


@pytest.mark.parametrize("option", [[], ["--full-refresh"]])
def test_a_missing_column_is_named(seed_stores, option):
    seed_stores(f"{STORES}\nS1,a,b,c,\n")
    result, _ = seed_stores("store_id,store_name,store_region,opening_date\nS1,a,c,\n", *option)
    assert result.returncode != 0
    assert "raw_stores.csv, line 1: column store_city is missing" in result.stdout
