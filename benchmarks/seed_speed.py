"""Stock `dbt seed` against this project's, on the same file and server in one run: `python benchmarks/seed_speed.py`.

Prints the seconds of each side, their ratio, and what dbt needs to start (a seed of one row), which both include.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import click

from retail.contract import PROJECT_DIR
from retail.database import connection_parameters

COLUMNS = 6
PROJECT_FILE = f"""
name: seed_speed
version: 1.0.0
profile: retail
flags: {{send_anonymous_usage_stats: false}}
seeds:
  seed_speed:
    +column_types: {{{", ".join(f"column_{number}: text" for number in range(COLUMNS))}}}
"""


def make_project(folder: Path, rows: int, with_our_macros: bool) -> None:
    """Write a dbt project with one seed of text columns."""
    (folder / "seeds").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT_FILE, encoding="utf-8")
    shutil.copy(PROJECT_DIR / "profiles.yml", folder)
    if with_our_macros:
        (folder / "macros").mkdir()
        shutil.copy(PROJECT_DIR / "macros" / "adapters" / "seeds.sql", folder / "macros")
    with (folder / "seeds" / "speed.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(f"column_{number}" for number in range(COLUMNS)) + "\n")
        for row in range(rows):
            file.write(",".join(f"value {row} of {number}" for number in range(COLUMNS)) + "\n")


def seconds_to_seed(folder: Path) -> float:
    """Run `dbt seed` and return its wall-clock seconds."""
    environment = os.environ | connection_parameters().as_environment() | {"RETAIL_SCHEMA": "seed_speed"}
    started = perf_counter()
    subprocess.run(
        [Path(sys.executable).parent / "dbt", "-q", "seed", "--full-refresh"], cwd=folder, env=environment, check=True
    )
    return perf_counter() - started


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(1), help="Rows of the seed.")
def main(rows: int) -> None:
    """Measure both sides and print them."""
    with tempfile.TemporaryDirectory() as name:
        sides = {
            f"{label} {count:,}": (count, ours)
            for count in (1, rows)
            for label, ours in (("stock", False), ("ours", True))
        }
        seconds = {}
        for label, (count, ours) in sides.items():
            folder = Path(name) / label.replace(" ", "_").replace(",", "")
            make_project(folder, count, ours)
            seconds[label] = seconds_to_seed(folder)
            click.echo(f"{label:>16} rows  {seconds[label]:7.1f} s")
    click.echo(f"stock over ours: {seconds[f'stock {rows:,}'] / seconds[f'ours {rows:,}']:.1f}")


if __name__ == "__main__":
    main()
