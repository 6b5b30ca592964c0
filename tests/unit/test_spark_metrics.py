"""What is read out of Spark's event log; that Spark writes it so is seen in test_cluster.py."""

from __future__ import annotations

import json

import pytest

from benchmarks.spark_metrics import Cost, costs, read_events, table
from retail.errors import RetailError


def job(stages: list[int], statement: str) -> dict:
    return {
        "Event": "SparkListenerJobStart",
        "Job ID": 0,
        "Stage IDs": stages,
        "Properties": {"spark.job.description": statement},
    }


def task(stage: int, *, read: int = 0, fetched: int = 0, shuffled: int = 0, reason: str = "Success") -> dict:
    return {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": stage,
        "Stage Attempt ID": 0,
        "Task End Reason": {"Reason": reason},
        "Task Metrics": {
            "Executor CPU Time": 2_000_000_000,
            "Disk Bytes Spilled": 0,
            "Peak Execution Memory": read * 1000,
            "Input Metrics": {"Bytes Read": read * 10, "Records Read": read},
            "Output Metrics": {"Bytes Written": 7, "Records Written": 1},
            "Shuffle Read Metrics": {"Total Records Read": fetched},
            "Shuffle Write Metrics": {"Shuffle Bytes Written": shuffled, "Shuffle Records Written": 1},
        },
    }


EVENTS = [
    job([0, 1], '/* {"app": "dbt", "node_id": "model.retail.stores"} */ create table stores as select 1'),
    task(0, read=6000, shuffled=100),
    task(0, read=2000, shuffled=50),
    task(1, fetched=40),  # a sum of sums: one task has all of it, and it is little
    task(0, read=9000, shuffled=70, reason="ExecutorLostFailure"),
    job([1, 2], "USE `default`"),  # a stage that a later job names again stays with the first
    task(2, read=1),
    task(1, fetched=60),
]


def test_what_a_model_costs():
    stores, other = costs(EVENTS)
    assert (stores.node, other.node) == ("model.retail.stores", "other")
    assert (stores.tasks, stores.failed_tasks, stores.core_seconds) == (5, 1, 8)
    assert (stores.input_bytes, stores.shuffle_bytes, stores.output_bytes) == (80_000, 150, 28)
    assert stores.peak_bytes == 6_000_000
    assert (stores.worst.largest, stores.worst.share) == (6000, 0.75)
    assert Cost("test.retail.unique_stores_store_id.0123456789").name == "unique_stores_store_id"
    assert (other.tasks, other.worst.records) == (1, [])


def test_the_table_has_a_row_a_model():
    lines = table(costs(EVENTS), lines=1000)
    assert lines[2] == "| stores | 5 | 8000.0 | 0.1 | 0.0 | 0.1 | 0.0 | 0.0 | 6.0 | 6,000 | 75.0% |"
    assert {line.count("|") for line in lines} == {12}


def test_files_are_read_in_their_order(tmp_path):
    for number, stage in ((10, 2), (2, 1)):
        text = json.dumps(task(stage), separators=(",", ":"))
        (tmp_path / f"events_{number}_app").write_text(f'{{"Event":"SparkListenerLogStart"}}\n{text}\n')
    assert [event["Stage ID"] for event in read_events(tmp_path)] == [1, 2]
    with pytest.raises(RetailError, match="no event log"):
        list(read_events(tmp_path / "events_2_app"))
