"""All measurements in one run, as a table, as JSON and as a picture: `make bench`.

It compares the full build with a hand-written script and with pandas, the same build on the other engines, one more day
with the full build, and `dbt seed` with stock dbt. It reports a ratio only if the sides agree on the results.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks import data, picture, seed_speed
from benchmarks.engines import DUCKDB, POSTGRES, SPARK, engine_database, engines_here
from benchmarks.measure import Cost
from benchmarks.sides import (
    FLOOR,
    HERE,
    LOAD_MORE,
    OURS,
    PANDAS,
    PANDAS_COPY,
    PROGRAMS,
    SIDES,
    Database,
    build,
    disagreements,
    facts,
    is_pandas_here,
    load,
    machine,
    new_database,
    parse,
    server_version,
    whole,
)
from retail.contract import PROJECT_DIR
from retail.errors import RetailError

PARTS = ("seed", "build", "engines", "days")
SEED_ROWS = 200_000
TARGET_LINES = 2_000_000  # where the full build is compared
GROWTH_FROM_LINES = 500_000
IDLE_BUILDS = 3
ENGINE_TARGETS = {(DUCKDB, 5_000_000): 3}
DAY_TARGETS = {100: 0.05, 300: 0.025}


@dataclass(frozen=True)
class Measurement:
    """Cost of one step of one side for a number of lines (of rows, for a seed)."""

    part: str
    side: str
    step: str
    lines: int
    cost: Cost
    days: int | None = None


@dataclass(frozen=True)
class Ratio:
    """A ratio of two costs. ``target`` is its limit, if there is one.

    ``at_least`` tells whether the target is a lower or an upper limit. Without a target, the ratio is only reported.
    """

    name: str
    value: float
    target: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass
class Results:
    """Results of one run; ``disagreements`` say why ratios are missing."""

    measurements: list[Measurement] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, measurement: Measurement) -> None:
        """Keep a measurement and report it."""
        self.measurements.append(measurement)
        _report(f"{measurement.part}, {_label(measurement)}: {measurement.cost.seconds:.1f} s")

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON types, with the machine and versions it was measured on."""
        return {
            "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": _versions(),
            "ratios": [asdict(ratio) | {"is_met": ratio.is_met} for ratio in self.ratios],
            "disagreements": self.disagreements,
            "measurements": [asdict(measurement) for measurement in self.measurements],
            "facts": self.facts,
        }


@click.command()
@click.option("--sizes", default="100000,500000,2000000,5000000", show_default=True, help="Sales lines of the builds.")
@click.option(
    "--engine-sizes", default="500000,2000000,5000000", show_default=True, help="Sales lines of each engine's builds."
)
@click.option("--duckdb-sizes", default="20000000", show_default=True, help="Sales lines of builds on DuckDB alone.")
@click.option("--days", default="30,100,300", show_default=True, help="Number of days before the measured day.")
@click.option(
    "--lines-a-day", default=20_000, show_default=True, type=click.IntRange(100), help="Sales lines of a day."
)
@click.option("--only", default=",".join(PARTS), show_default=True, help="The parts to measure.")
@click.option(
    "--out",
    default=HERE / "results",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results.json and picture.png.  [default: benchmarks/results]",
)
def main(sizes: str, engine_sizes: str, duckdb_sizes: str, days: str, lines_a_day: int, only: str, out: Path) -> None:
    """Compare the project with other ways to do its work, on this machine, in databases of its own."""
    parts = [part.strip() for part in only.split(",")]
    if unknown := [part for part in parts if part not in PARTS]:
        raise click.UsageError(f"--only knows {', '.join(PARTS)}, not {', '.join(unknown)}")
    given = {"--sizes": sizes, "--engine-sizes": engine_sizes, "--duckdb-sizes": duckdb_sizes, "--days": days}
    counts = {option: _numbers(option, text) for option, text in given.items()}
    if not is_pandas_here():
        raise RetailError("the benchmark's own packages are missing: run it by `make bench`, which installs them")
    results = Results()
    with tempfile.TemporaryDirectory(prefix="retail_bench_") as name:
        if "seed" in parts:
            measure_seed(results)
        if "build" in parts:
            measure_builds(results, Path(name), counts["--sizes"])
        if "engines" in parts:
            engines = {lines: [DUCKDB] for lines in counts["--duckdb-sizes"]}
            engines |= {lines: engines_here() for lines in counts["--engine-sizes"]}
            measure_engines(results, Path(name), engines)
        if "days" in parts:
            measure_days(results, Path(name), counts["--days"], lines_a_day)
    _write(results, out)
    if results.disagreements:
        raise RetailError(f"the sides disagree, so their ratios are not given: {'; '.join(results.disagreements)}")


def measure_seed(results: Results) -> None:
    """Compare `dbt seed` with stock dbt."""
    speed = seed_speed.compare(SEED_ROWS, _report)
    for side, step, rows, seconds in (
        ("stock", "dbt seed", speed.rows, speed.stock),
        (OURS, "dbt seed", speed.rows, speed.ours),
        ("stock", "dbt seed", 1, speed.stock_start_up),
        (OURS, "dbt seed", 1, speed.ours_start_up),
    ):
        results.measurements.append(Measurement("seed", side, step, rows, Cost(seconds, 0, None, 0, None, None)))
    name = f"dbt seed of {speed.rows:,} rows, stock over ours"
    results.ratios.append(Ratio(name, speed.ratio, target=20, at_least=True))
    results.ratios.append(Ratio(f"{name}, without dbt's start-up", speed.net_ratio))


def measure_builds(results: Results, scratch: Path, sizes: list[int]) -> None:
    """Run the same work on all sides at each size, in turns, and compare the sides that agree."""
    agreed: dict[int, dict[str, Cost]] = {}
    for turn, lines in enumerate(sizes):
        with _sample(scratch, lines) as folder:
            sides = list(SIDES)[turn % len(SIDES) :] + list(SIDES)[: turn % len(SIDES)]
            found, costs = {}, {}
            for side in sides:
                with _prepared_database(scratch, side) as database:
                    of_steps = SIDES[side](database, folder)
                    for step, cost in of_steps.items():
                        results.add(Measurement("build", side, step, lines, cost))
                    costs[side] = whole(side, of_steps)
                    found[side] = facts(database)
        results.facts[f"{lines} lines"] = found
        if differences := disagreements(found):
            results.disagreements += [f"at {lines:,} lines {difference}" for difference in differences]
        else:
            agreed[lines] = costs
    results.ratios += build_ratios(agreed)


def build_ratios(costs: dict[int, dict[str, Cost]]) -> list[Ratio]:
    """Return the ratios of the full builds.

    Args:
        costs: Cost of the whole work of each side, by number of lines.
    """
    ratios = []
    for lines, of_side in sorted(costs.items()):
        ours, floor, pandas, by_copy = (of_side[side] for side in (OURS, FLOOR, PANDAS, PANDAS_COPY))
        is_target = lines == TARGET_LINES
        at = f"at {lines:,} lines"
        ratios += [
            Ratio(f"full build over the floor {at}", ours.seconds / floor.seconds, 1.5 if is_target else None),
            Ratio(f"pandas over the full build {at}", pandas.seconds / ours.seconds, 3 if is_target else None, True),
            Ratio(f"pandas with COPY over the full build {at}", by_copy.seconds / ours.seconds),
            Ratio(
                f"Python-side memory over that of pandas {at}",
                ours.client_memory / pandas.client_memory,
                0.1 if is_target else None,
            ),
        ]
        if ours.server_cpu is not None:
            ratios.append(Ratio(f"processor time over that of the floor {at}", _cpu(ours) / _cpu(floor)))
    large = [lines for lines in sorted(costs) if lines >= GROWTH_FROM_LINES]
    if len(large) > 1:
        for side in SIDES:
            exponent = math.log(costs[large[-1]][side].seconds / costs[large[0]][side].seconds)
            exponent /= math.log(large[-1] / large[0])
            name = f"growth exponent of {side}, {large[0]:,} to {large[-1]:,} lines"
            ratios.append(Ratio(name, exponent, 1.05 if side == OURS else None))
    return ratios


def _cpu(cost: Cost) -> float:
    return cost.client_cpu + (cost.server_cpu or 0)


def measure_engines(results: Results, scratch: Path, engines: dict[int, list[str]]) -> None:
    """Load and build the same files on each engine, and compare with PostgreSQL the engines that agree.

    Args:
        results: Collects the measurements.
        scratch: Folder for the samples and the engines' files.
        engines: The engines to measure, by number of lines.
    """
    for lines, names in sorted(engines.items()):
        found, costs = {}, {}
        with _sample(scratch, lines) as folder:
            for engine in names:
                with engine_database(engine, scratch) as database:
                    parse(database)
                    steps = {"load": load(database, folder), "build": build(database)}
                    for step, cost in steps.items():
                        results.add(Measurement("engines", engine, step, lines, cost))
                    costs[engine] = steps["load"] + steps["build"]
                    found[engine] = facts(database)
        results.facts[f"engines, {lines} lines"] = found
        if differences := disagreements(found):
            results.disagreements += [f"at {lines:,} lines {difference}" for difference in differences]
            continue
        for engine in names:
            if engine != POSTGRES and POSTGRES in names:
                name = f"{POSTGRES} over {engine} at {lines:,} lines"
                ratio = costs[POSTGRES].seconds / costs[engine].seconds
                results.ratios.append(Ratio(name, ratio, ENGINE_TARGETS.get((engine, lines)), at_least=True))


def measure_days(results: Results, scratch: Path, days: list[int], lines_a_day: int) -> None:
    """Build one more day on top of many, rebuild all of them, and compare the two if they agree."""
    for count in days:
        with _deliveries(scratch, count + 1, lines_a_day) as folder:
            measure_day(results, scratch, folder, count, lines_a_day)


def measure_day(results: Results, scratch: Path, folder: Path, count: int, lines_a_day: int) -> None:
    """Measure one day on top of ``count`` days.

    Args:
        results: Collects the measurements.
        scratch: Folder for dbt's own files.
        folder: `all`, `before` and `last`: the deliveries of all days, of all but the last, and of the last.
        count: Days before the last one.
        lines_a_day: Sales lines of a day.
    """
    with _prepared_database(scratch, OURS) as database:
        steps = {"load before": load(database, folder / "before"), "build before": build(database)}
        idle = [build(database) for _ in range(IDLE_BUILDS)]
        steps["nothing to do"] = sorted(idle, key=lambda cost: cost.seconds)[IDLE_BUILDS // 2]
        (last,) = (folder / "last").iterdir()
        steps |= {"load a day": load(database, last, LOAD_MORE), "build a day": build(database)}
        found = {"by the day": facts(database)}
        steps |= {"load all": load(database, folder / "all"), "build all": build(database, "--full-refresh")}
        found["anew"] = facts(database)
    for step, cost in steps.items():
        results.add(Measurement("days", OURS, step, lines_a_day * (count + 1), cost, count))
    results.facts[f"{count} days and one"] = found
    if differences := disagreements(found):
        results.disagreements += [f"one day on {count} {difference}" for difference in differences]
        return
    idle_seconds = median(cost.seconds for cost in idle)
    one = steps["load a day"].seconds + steps["build a day"].seconds - idle_seconds
    full = steps["load all"].seconds + steps["build all"].seconds - idle_seconds
    name = f"one day on top of {count} over the full build, net of dbt's start-up"
    results.ratios.append(Ratio(name, one / full, DAY_TARGETS.get(count)))


@contextmanager
def _sample(scratch: Path, lines: int) -> Iterator[Path]:
    """A sample in a temporary folder: together the large ones would fill the disk."""
    _report(f"generating {lines:,} lines")
    with tempfile.TemporaryDirectory(dir=scratch, prefix="sample_") as name:
        data.generate(PROGRAMS / "retail", Path(name) / "sample", lines)
        yield Path(name) / "sample"


@contextmanager
def _deliveries(scratch: Path, days: int, lines_a_day: int) -> Iterator[Path]:
    """A folder with the deliveries of `all` days, of those `before` the last, and of the `last`."""
    _report(f"generating {days} days")
    with tempfile.TemporaryDirectory(dir=scratch, prefix="days_") as name:
        folder = Path(name)
        data.generate(PROGRAMS / "retail", folder / "sample", days * lines_a_day, days)
        command = [sys.executable, "-m", "benchmarks.data", folder / "sample", folder / "all", "--days", str(days)]
        subprocess.run(command, check=True, cwd=PROJECT_DIR)
        *before, last = sorted((folder / "all").iterdir())
        for part, of_part in (("before", before), ("last", [last])):
            (folder / part).mkdir()
            for day in of_part:
                (folder / part / day.name).symlink_to(day, target_is_directory=True)
        yield folder


@contextmanager
def _prepared_database(scratch: Path, side: str) -> Iterator[Database]:
    with new_database(scratch) as database:
        if side == OURS:
            parse(database)
        yield database


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise click.UsageError(f"{option} is {text!r}: write numbers above 0, separated by commas")
    return numbers


def _versions() -> dict[str, str]:
    packages = ("dbt-core", "dbt-postgres", "dbt-duckdb", "duckdb", "pandas", "sqlalchemy")
    packages += ("pyspark",) if SPARK in engines_here() else ()
    return {
        "python": sys.version.split()[0],
        "postgresql": server_version(),
        **{package: version(package) for package in packages},
    }


def _write(results: Results, out: Path) -> None:
    """Write the files and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")
    series = build_series(results.measurements)
    if any(series.values()):
        where = machine()
        title = f"Load, check, split and build: {where['processor']}, {where['cores']} cores"
        picture.draw(out / "picture.png", series, title)
    click.echo(table_of(results))
    _report(f"written to {out}")


def build_series(measurements: list[Measurement]) -> dict[str, dict[int, float]]:
    """Return the seconds of the whole work by side and number of lines."""
    steps: dict[str, dict[int, dict[str, Cost]]] = {side: {} for side in SIDES}
    for measurement in measurements:
        if measurement.part == "build":
            steps[measurement.side].setdefault(measurement.lines, {})[measurement.step] = measurement.cost
    return {
        side: {lines: whole(side, costs).seconds for lines, costs in of_side.items()} for side, of_side in steps.items()
    }


def table_of(results: Results) -> str:
    """Return the measurements, and the ratios with their targets, as a text table."""
    rows = [("what", "seconds", "CPU s", "Python MB", "server MB", "private MB")]
    for measurement in results.measurements:
        cost = measurement.cost
        rows.append(
            (
                f"{measurement.part}, {_label(measurement)}",
                f"{cost.seconds:.1f}",
                f"{_cpu(cost):.1f}" if cost.client_memory else "",
                f"{cost.client_memory:,.0f}" if cost.client_memory else "",
                f"{cost.server_memory:,.0f}" if cost.server_memory is not None else "",
                f"{cost.server_private:,.0f}" if cost.server_private is not None else "",
            )
        )
    width = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{width}}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows]
    width = max((len(ratio.name) for ratio in results.ratios), default=0)
    lines += [
        "",
        *(f"{ratio.name:<{width}}{ratio.value:>9.3f}  {_verdict(ratio)}".rstrip() for ratio in results.ratios),
    ]
    return "\n".join(lines)


def _label(measurement: Measurement) -> str:
    amount = f"{measurement.lines:,} {'rows' if measurement.part == 'seed' else 'lines'}"
    if measurement.days is not None:
        amount = f"{measurement.days} days and one"
    return f"{amount}, {measurement.side}, {measurement.step}"


def _verdict(ratio: Ratio) -> str:
    if ratio.target is None:
        return ""
    return f"{'at least' if ratio.at_least else 'at most'} {ratio.target:g}: {'met' if ratio.is_met else 'MISSED'}"


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
