"""Stock `dbt seed` against this project's, on the same file and server: `python -m benchmarks.seed_speed`.

A seed of one row measures dbt's own start-up, which both sides include.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.measure import measured
from benchmarks.sides import PROGRAMS, new_database
from retail.contract import PROJECT_DIR

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
    """Run `dbt seed` in a database of its own; return its wall-clock seconds."""
    with new_database(folder) as database:
        return measured([PROGRAMS / "dbt", "-q", "seed", "--full-refresh"], database.environment, folder).seconds


@dataclass(frozen=True)
class SeedSpeed:
    """Seconds of `dbt seed` per side: for all rows, and for one row (dbt's own start-up)."""

    rows: int
    stock: float
    ours: float
    stock_start_up: float
    ours_start_up: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is, dbt's start-up included."""
        return self.stock / self.ours

    @property
    def net_ratio(self) -> float:
        """The same without the start-up."""
        return (self.stock - self.stock_start_up) / (self.ours - self.ours_start_up)


def compare(rows: int, report: Callable[[str], None]) -> SeedSpeed:
    """Seed a file of many rows, and one of a single row, on both sides.

    Args:
        rows: Rows of the seed.
        report: Called with one line per finished seed.
    """
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        for count in (1, rows):
            for label, ours in (("stock", False), ("ours", True)):
                folder = Path(name) / f"{label}_{count}"
                make_project(folder, count, ours)
                seconds[label, count] = seconds_to_seed(folder)
                report(f"dbt seed, {label:>5}, {count:>9,} rows  {seconds[label, count]:7.1f} s")
    return SeedSpeed(
        rows=rows,
        stock=seconds["stock", rows],
        ours=seconds["ours", rows],
        stock_start_up=seconds["stock", 1],
        ours_start_up=seconds["ours", 1],
    )


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(2), help="Rows of the seed.")
def main(rows: int) -> None:
    """Measure both sides and print them."""
    speed = compare(rows, click.echo)
    click.echo(f"stock over ours: {speed.ratio:.1f}, without dbt's start-up {speed.net_ratio:.1f}")


if __name__ == "__main__":
    main()
