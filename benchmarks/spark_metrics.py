"""What each model costs on Spark, from an application's event log: python -m benchmarks.spark_metrics --help.

dbt writes the node's name into each statement, and Spark logs each task of a statement: bytes read, written and
shuffled, core-seconds, and the largest task's share of its stage, which more machines don't make smaller.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from retail.errors import RetailError

_NODE = re.compile(r'"node_id": "([^"]+)"')
_MEGABYTE = 1_000_000
# a stage that reads less is a sum of sums, and doesn't grow with the lines
_RECORDS_OF_A_STAGE = 5_000


@dataclass
class Stage:
    """One stage: the records that each of its tasks read, from files or from a shuffle."""

    records: list[int] = field(default_factory=list)

    @property
    def largest(self) -> int:
        """The records of its largest task."""
        return max(self.records, default=0)

    @property
    def share(self) -> float:
        """The largest task's share of the stage's records, 0 to 1."""
        return self.largest / total if (total := sum(self.records)) else 0.0


@dataclass
class Cost:
    """Cost of one node's statements: bytes and core-seconds; peak_bytes is the memory of one task."""

    node: str
    core_seconds: float = 0.0
    input_bytes: int = 0
    shuffle_bytes: int = 0
    output_bytes: int = 0
    spilled_bytes: int = 0
    peak_bytes: int = 0
    tasks: int = 0
    failed_tasks: int = 0
    stages: dict[tuple[int, int], Stage] = field(default_factory=lambda: defaultdict(Stage))

    @property
    def name(self) -> str:
        """The node's name without kind and project; a test's also without its hash."""
        return ".".join(self.node.split(".")[2:3]) or self.node

    def add(self, task: dict[str, Any]) -> None:
        """Count one task from its TaskEnd event."""
        self.tasks += 1
        metrics = task.get("Task Metrics")
        if task["Task End Reason"]["Reason"] != "Success" or not metrics:
            self.failed_tasks += 1
            return
        read, written = metrics["Shuffle Read Metrics"], metrics["Shuffle Write Metrics"]
        self.core_seconds += metrics["Executor CPU Time"] / 1e9
        self.input_bytes += metrics["Input Metrics"]["Bytes Read"]
        self.shuffle_bytes += written["Shuffle Bytes Written"]
        self.output_bytes += metrics["Output Metrics"]["Bytes Written"]
        self.spilled_bytes += metrics["Disk Bytes Spilled"]
        self.peak_bytes = max(self.peak_bytes, metrics["Peak Execution Memory"])
        stage = self.stages[task["Stage ID"], task["Stage Attempt ID"]]
        stage.records.append(metrics["Input Metrics"]["Records Read"] + read["Total Records Read"])

    @property
    def worst(self) -> Stage:
        """The stage whose largest task has the greatest share, among those that read more than a few records."""
        large = [stage for stage in self.stages.values() if sum(stage.records) >= _RECORDS_OF_A_STAGE]
        return max(large, key=lambda stage: stage.share, default=Stage())


def costs(events: Iterable[dict[str, Any]]) -> list[Cost]:
    """The cost of each dbt node, ordered by first statement; `other` has statements without a node."""
    found: dict[str, Cost] = {}
    node_of_stage: dict[int, str] = {}
    for event in events:
        if event["Event"] == "SparkListenerJobStart":
            said = _NODE.search(event.get("Properties", {}).get("spark.job.description", ""))
            for stage in event["Stage IDs"]:
                node_of_stage.setdefault(stage, said[1] if said else "other")
        elif event["Event"] == "SparkListenerTaskEnd":
            node = node_of_stage[event["Stage ID"]]
            found.setdefault(node, Cost(node)).add(event)
    return list(found.values())


def read_events(log: Path) -> Iterator[dict[str, Any]]:
    """The events of an application, in order, from its folder of files.

    Raises:
        RetailError: The folder has none.
    """
    files = sorted(log.glob("events_*"), key=lambda file: int(file.name.split("_")[1]))
    if not files:
        raise RetailError(f"{log} holds no event log: name the folder of one application")
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(('{"Event":"SparkListenerJobStart"', '{"Event":"SparkListenerTaskEnd"')):
                    yield json.loads(line)


def table(found: list[Cost], lines: int) -> list[str]:
    """One Markdown row per node, largest shuffle first; bytes per line, seconds per million lines."""
    rows = [
        "| node | tasks | core-seconds per million lines | read, MB | shuffled, MB | shuffled bytes per line "
        "| written, MB | spilled, MB | peak memory of a task, MB | largest task: records | its share of the stage |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for cost in sorted(found, key=lambda cost: -cost.shuffle_bytes):
        megabytes = [
            f"{size / _MEGABYTE:.1f}"
            for size in (
                cost.input_bytes,
                cost.shuffle_bytes,
                cost.output_bytes,
                cost.spilled_bytes,
                cost.peak_bytes,
            )
        ]
        worst = cost.worst
        cells = [
            cost.name,
            f"{cost.tasks}",
            f"{cost.core_seconds / lines * 1e6:.1f}",
            *megabytes[:2],
            f"{cost.shuffle_bytes / lines:.1f}",
            *megabytes[2:],
            f"{worst.largest:,}",
            f"{worst.share:.1%}" if worst.records else "",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


@click.command()
@click.argument("log", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lines", type=click.IntRange(min=1), required=True, help="Sales lines that were built.")
def main(log: Path, lines: int) -> None:
    """Print what each model cost in the application whose event log LOG is."""
    found = costs(read_events(log))
    click.echo("\n".join(table(found, lines)))
    total = sum(cost.core_seconds for cost in found)
    click.echo(
        f"\nall: {total / lines * 1e6:.1f} core-seconds per million lines, "
        f"{sum(cost.shuffle_bytes for cost in found) / lines:.0f} shuffled bytes per line, "
        f"{sum(cost.failed_tasks for cost in found)} failed tasks"
    )


if __name__ == "__main__":
    main()
